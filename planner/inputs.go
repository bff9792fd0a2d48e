package planner

import (
	"math"
	"sort"
	"time"

	"github.com/prescale/prescale/arrivals"
)

// Inputs is what is known at one instant. A replay computes them once per step of a trace and
// shares them between all settings that it tries; that is why the forecast is a row of quantiles
// and the envelope a row of windows.
type Inputs struct {
	// Now is the instant of the decision.
	Now time.Time
	// Step is the resolution of the data.
	Step time.Duration
	// DataTime is the end of the newest bucket with data; the zero time means no data at all.
	DataTime time.Time
	// CurrentRate is the offered rate in that bucket, in requests/s; NaN if unknown.
	CurrentRate float64
	// Backlog is the number of requests that wait; 0 if none or unknown.
	Backlog float64
	// WindowFrom and WindowTo bound the lead window: replicas asked for now serve from WindowFrom,
	// those asked for at the next decision from WindowTo.
	WindowFrom, WindowTo time.Time
	// LeadMax holds quantiles of the highest rate within the lead window, HoldMax those of the
	// highest rate from now to its end: what was given back now would not be there again before.
	LeadMax, HoldMax Quantiles
	// Mean is the expected rate, the forecast's mean, at the end of the lead window; NaN if unknown.
	Mean float64
	// Forecast says which model made the quantiles and whether it may be relied upon.
	Forecast ForecastInfo
	// Envelope holds the highest observed rates of the recent past.
	Envelope Maxima
	// CurrentReplicas is what runs (the scale's spec.replicas); negative if unknown.
	CurrentReplicas int32
}

// ForecastInfo describes the forecast behind an Inputs.
type ForecastInfo struct {
	// Model is the name of the model, "" if there is no forecast.
	Model string
	// Predictable says whether the quantiles were calibrated out of sample; Why is a sentence on
	// that and on the choice of the model.
	Predictable bool
	Why         string
	// Pending says that the first forecast is still being made, after a start or a restart: until it is
	// there, nothing is given back.
	Pending bool
}

// Quantiles is a row of quantiles: Values[i] at level Levels[i], levels rising.
type Quantiles struct {
	Levels, Values []float64
}

// At returns the quantile at level p, interpolated linearly between the two neighboring levels and
// the outermost value beyond them.
//
// Special case: NaN if the row is empty.
func (q Quantiles) At(p float64) float64 {
	n := len(q.Levels)
	if n == 0 {
		return math.NaN()
	}
	i := sort.SearchFloat64s(q.Levels, p)
	switch {
	case i < n && q.Levels[i] == p, i == 0:
		return q.Values[i]
	case i == n:
		return q.Values[n-1]
	}
	w := (p - q.Levels[i-1]) / (q.Levels[i] - q.Levels[i-1])
	return q.Values[i-1] + w*(q.Values[i]-q.Values[i-1])
}

// Maxima is a row of highest observed rates: Values[i] over the last Windows[i], windows rising.
type Maxima struct {
	Windows []time.Duration
	Values  []float64
}

// Over returns the highest rate over the shortest window in the row that is at least h long, or
// over the longest if none is.
//
// Special cases: NaN if the row is empty or h <= 0.
func (m Maxima) Over(h time.Duration) float64 {
	if len(m.Windows) == 0 || h <= 0 {
		return math.NaN()
	}
	i := sort.Search(len(m.Windows), func(i int) bool { return m.Windows[i] >= h })
	return m.Values[min(i, len(m.Values)-1)]
}

// Observation is the raw material of an Inputs.
type Observation struct {
	Now time.Time
	// Recent are the observed rates; at least the envelope's window should be there.
	Recent arrivals.Trace
	// Forecast was made from the data up to the end of Recent or earlier; nil if there is none. Then
	// NoForecast says why, and Pending whether there will be one in a moment.
	Forecast   *Forecast
	NoForecast string
	Pending    bool
	Backlog    float64
	// CurrentReplicas is what runs; negative if unknown.
	CurrentReplicas int32
}

// Row says for which settings one Inputs is to hold: the quantile levels and the windows of the envelope that they may
// have, both rising.
type Row struct {
	Levels  []float64
	Windows []time.Duration
}

// Observe gathers the inputs of one decision under the given settings.
func Observe(s Settings, o Observation) Inputs {
	row := Row{Levels: []float64{s.Quantile}}
	if s.EnvelopeWindow > 0 {
		row.Windows = []time.Duration{s.EnvelopeWindow}
	}
	return ObserveRow(s, row, o)
}

// ObserveRow gathers the inputs of one decision for all settings in a row, which must agree in what is
// known of the workload: need, lead time, interval and ages.
func ObserveRow(s Settings, row Row, o Observation) Inputs {
	lead := s.Lead.Total()
	in := Inputs{
		Now:             o.Now,
		Step:            o.Recent.Step,
		CurrentRate:     math.NaN(),
		Mean:            math.NaN(),
		Backlog:         o.Backlog,
		WindowFrom:      o.Now.Add(lead),
		WindowTo:        o.Now.Add(lead + s.Interval),
		Forecast:        ForecastInfo{Why: o.NoForecast, Pending: o.Pending && o.Forecast == nil},
		CurrentReplicas: o.CurrentReplicas,
	}
	if end, rate, ok := o.Recent.LastObserved(); ok {
		in.DataTime, in.CurrentRate = end, rate
	}
	if len(row.Windows) > 0 {
		in.Envelope = Maxima{Windows: row.Windows, Values: make([]float64, len(row.Windows))}
		for i, h := range row.Windows {
			in.Envelope.Values[i] = o.Recent.Max(o.Now.Add(-h), o.Now)
		}
	}
	if _, hold := s.Ages(o.Recent.Step); o.Forecast != nil && !o.Now.After(o.Forecast.End().Add(hold)) {
		o.Forecast.fill(&in, row.Levels)
	}
	return in
}

// Recommend observes, decides and explains.
func Recommend(s Settings, o Observation, st State) (Recommendation, State) {
	in := Observe(s, o)
	r, next := Decide(s, in, st)
	r.ResponseQuantile, _ = s.Need.ResponseQuantile(r.PlannedRate, r.Replicas, r.Percentile)
	r.Reason = Explain(s, in, r)
	return r, next
}
