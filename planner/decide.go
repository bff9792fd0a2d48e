package planner

import (
	"math"
	"time"
)

// State is what a decision remembers of the one before. It is plain data, so that another process
// can go on where this one stopped; the zero value is a fresh start.
type State struct {
	// Replicas is the number last recommended, 0 if none was.
	Replicas int32 `json:"replicas"`
	// Source is the source of the last decision, also if it was Hold.
	Source Source `json:"source,omitempty"`
	// At is the instant of the last decision.
	At time.Time `json:"at,omitzero"`
}

// Decide returns the recommendation for the given inputs, and the state to be handed to the next
// decision. It is a pure function. It leaves the Reason and the ResponseQuantile to Recommend, since a
// replay of weeks decides millions of times and reads none of them.
func Decide(s Settings, in Inputs, st State) (Recommendation, State) {
	r := Recommendation{Demands: make([]Demand, 0, 5)}
	next := DecideInto(&r, &s, &in, st)
	return r, next
}

// DecideInto is Decide for a replay: it overwrites a recommendation, whose Demands it uses again, and
// does not allocate once they have grown.
func DecideInto(r *Recommendation, s *Settings, in *Inputs, st State) State {
	*r = Recommendation{
		At: in.Now, DataTime: in.DataTime, Binding: TermNone, Demands: r.Demands[:0],
		LeadTime: s.Lead.Total(), WindowFrom: in.WindowFrom, WindowTo: in.WindowTo,
		Quantile: s.Quantile, ForecastRate: in.LeadMax.At(s.Quantile), ExpectedRate: in.Mean, CurrentRate: in.CurrentRate,
		PlannedRate: math.NaN(), Utilization: math.NaN(), Percentile: s.Need.percentile(),
		Model: in.Forecast.Model, Predictable: in.Forecast.Predictable, Why: in.Forecast.Why,
		CurrentReplicas: in.CurrentReplicas, Before: before(in, st),
	}
	next := State{Replicas: st.Replicas, At: in.Now}
	r.Source, _ = source(s, in)
	next.Source = r.Source
	if r.Source == SourceHold {
		return next
	}

	s.demand(r, in, st)
	n := binding(r)
	n = s.keep(r, in, n)
	r.Unlimited = n
	r.Replicas = s.clamp(r, n)
	r.Utilization = s.Need.Utilization(r.PlannedRate, r.Replicas)
	next.Replicas = r.Replicas
	return next
}

// trouble is why nothing can be recommended.
type trouble int

const (
	troubleNone trouble = iota
	troubleNoData
	troubleSkew
	troubleUnpredictable
	troubleStale
)

// source classifies the data by age and the forecast by its calibration, and names what is wrong.
func source(s *Settings, in *Inputs) (Source, trouble) {
	if in.DataTime.IsZero() {
		return SourceHold, troubleNoData
	}
	stale, hold := s.Ages(in.Step)
	age := in.Now.Sub(in.DataTime)
	forecast := in.Forecast.Predictable && len(in.LeadMax.Levels) > 0 && !math.IsNaN(in.LeadMax.At(s.Quantile))
	switch {
	case age < -SkewTolerance:
		return SourceHold, troubleSkew
	case age <= stale && forecast:
		return SourceForecast, troubleNone
	case age <= stale:
		return SourceReactive, troubleNone
	case age <= hold && forecast:
		return SourceLastForecast, troubleNone
	case age <= hold:
		return SourceHold, troubleUnpredictable
	default:
		return SourceHold, troubleStale
	}
}

// demand lists what each term of the law asks for, in its order.
func (s *Settings) demand(r *Recommendation, in *Inputs, st State) {
	if r.Source != SourceReactive {
		s.demandFor(r, TermForecast, r.ForecastRate)
	}
	if r.Source != SourceLastForecast {
		s.demandFor(r, TermEnvelope, s.EnvelopeFactor*in.Envelope.Over(s.EnvelopeWindow))
		s.demandFor(r, TermReactive, reactiveRate(s, in))
	}
	if n, _ := s.calendarAt(in.WindowFrom); n > 0 {
		r.Demands = append(r.Demands, Demand{TermCalendar, math.NaN(), n})
	}
	if r.Source == SourceLastForecast || in.Forecast.Pending {
		if n := max(in.CurrentReplicas, st.Replicas); n > 0 {
			r.Demands = append(r.Demands, Demand{TermRunning, math.NaN(), n})
		}
	}
}

// demandFor adds what a rate needs. Unknown is not zero: then the term takes no part.
func (s *Settings) demandFor(r *Recommendation, t Term, rate float64) {
	if math.IsNaN(rate) {
		return
	}
	n, _ := s.Need.Replicas(rate)
	r.Demands = append(r.Demands, Demand{t, rate, n})
}

// reactiveRate is the rate that has to be served now: what arrives, and the backlog within the
// drain time.
func reactiveRate(s *Settings, in *Inputs) float64 {
	if in.Backlog > 0 && s.Drain > 0 {
		return in.CurrentRate + in.Backlog/s.Drain.Seconds()
	}
	return in.CurrentRate
}

// binding returns the largest demand; of equal ones the first in the law's order binds.
func binding(r *Recommendation) int32 {
	var n int32
	for i := range r.Demands {
		d := &r.Demands[i]
		if d.Replicas > n {
			n, r.Binding = d.Replicas, d.Term
		}
		if !math.IsNaN(d.Rate) && !(d.Rate <= r.PlannedRate) {
			r.PlannedRate = d.Rate
		}
	}
	return n
}

// before returns the number that a lower one would be a scale-down from: what was recommended last
// or, after a fresh start, what runs. 0 means unknown.
func before(in *Inputs, st State) int32 {
	if st.Replicas > 0 {
		return st.Replicas
	}
	return max(in.CurrentReplicas, 0)
}

// keep raises n where giving replicas back would be rash: the margin left would be thinner than the
// hysteresis, or the horizon up to the end of the lead window needs them.
func (s *Settings) keep(r *Recommendation, in *Inputs, n int32) int32 {
	if n >= r.Before {
		return n
	}
	planned := r.PlannedRate
	raise := func(t Term, rate float64) {
		if math.IsNaN(rate) {
			return
		}
		need, _ := s.Need.Replicas(rate)
		if kept := min(need, r.Before); kept > n {
			n, r.Binding = kept, t
		}
	}
	raise(TermHysteresis, planned*(1+s.Hysteresis))
	if r.Source == SourceForecast {
		raise(TermScaleDown, in.HoldMax.At(s.Quantile))
	}
	if r.Binding == TermScaleDown {
		r.PlannedRate = math.Max(planned, in.HoldMax.At(s.Quantile))
	}
	return n
}

// clamp applies the limits.
func (s *Settings) clamp(r *Recommendation, n int32) int32 {
	switch {
	case n < s.MinReplicas:
		r.Binding = TermMinReplicas
		return s.MinReplicas
	case n > s.MaxReplicas:
		r.Binding = TermMaxReplicas
		return s.MaxReplicas
	}
	return n
}
