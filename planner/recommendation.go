package planner

import (
	"encoding/json"
	"math"
	"time"
)

// Source says what kind of knowledge a recommendation rests on. The order is that of falling trust;
// none of them leads to zero replicas.
type Source string

// The sources.
const (
	// SourceForecast: the data are fresh and predictable.
	SourceForecast Source = "Forecast"
	// SourceReactive: the data are fresh but not predictable; the envelope and the current rate decide.
	SourceReactive Source = "Reactive"
	// SourceLastForecast: the data are stale; the forecast made from them goes on, never below what runs.
	SourceLastForecast Source = "LastForecast"
	// SourceHold: nothing trustworthy is known. Nothing is recommended: the metric API answers 503, so
	// that the HPA keeps what runs.
	SourceHold Source = "Hold"
)

// Term names a part of the law that can be binding.
type Term string

// The terms.
const (
	TermForecast    Term = "forecast"
	TermEnvelope    Term = "envelope"
	TermReactive    Term = "reactive"
	TermCalendar    Term = "calendar"
	TermRunning     Term = "running"     // what runs is kept while the data are stale or the first forecast is being made
	TermScaleDown   Term = "scaleDown"   // the coming horizon needs the replicas that would be given back
	TermHysteresis  Term = "hysteresis"  // the margin after a scale-down would be too thin
	TermDownstream  Term = "downstream"  // more replicas would bring no more throughput
	TermMinReplicas Term = "minReplicas" // the lower limit
	TermMaxReplicas Term = "maxReplicas" // the upper limit
	TermNone        Term = "none"        // nothing is recommended
)

// Demand is what one term asks for.
type Demand struct {
	Term Term
	// Rate is the rate behind it in requests/s; NaN where the term is not a rate.
	Rate float64
	// Replicas is need(Rate), or the floor itself.
	Replicas int32
}

// Recommendation is the outcome of one decision with everything that led to it.
type Recommendation struct {
	// At is the instant of the decision, DataTime that of the newest data behind it (the zero time:
	// none).
	At, DataTime time.Time
	// Replicas is the number recommended; 0 exactly when Source is Hold.
	Replicas int32
	Source   Source
	// Binding is the term that decided.
	Binding Term
	// Reason says all of it in a sentence or two; see Explain.
	Reason string
	// LeadTime is the time from a decision to ready replicas; WindowFrom and WindowTo bound the
	// lead window.
	LeadTime             time.Duration
	WindowFrom, WindowTo time.Time
	// Demands are what the terms asked for, in the order of the law.
	Demands []Demand
	// Unlimited is the number before a downstream limit, minReplicas and maxReplicas.
	Unlimited int32
	// Quantile is the level planned for, ForecastRate the forecast's quantile of the highest rate in
	// the lead window, ExpectedRate its mean at the window's end, CurrentRate the newest observed
	// rate; requests/s, NaN if unknown.
	Quantile                                float64
	ForecastRate, ExpectedRate, CurrentRate float64
	// Utilization and ResponseQuantile are what the queueing model expects of Replicas at the
	// planned rate (NaN and 0 if unknown); Percentile is the level of the latter.
	PlannedRate      float64
	Utilization      float64
	ResponseQuantile time.Duration
	Percentile       float64
	// Model is the forecast model, Predictable whether it was relied upon, and Why why.
	Model       string
	Predictable bool
	Why         string
	// CurrentReplicas is what ran; negative if unknown. Before is what a lower number would be a
	// scale-down from: the last recommendation or, after a fresh start, what ran; 0 if unknown.
	CurrentReplicas int32
	Before          int32
	// Capacity is what was learned of the workload's capacity; nil if nobody has looked.
	Capacity *Capacity
}

// CapacityModelValid says whether the queueing model holds for the workload, and whether that is known.
func (r Recommendation) CapacityModelValid() (valid, known bool) {
	if r.Capacity == nil {
		return false, false
	}
	return r.Capacity.ModelValid()
}

// Demand returns what a term asked for; false if it took no part.
func (r Recommendation) Demand(t Term) (Demand, bool) {
	for _, d := range r.Demands {
		if d.Term == t {
			return d, true
		}
	}
	return Demand{}, false
}

// DataAge returns the age of the newest data at the decision, 0 if there are none.
func (r Recommendation) DataAge() time.Duration {
	if r.DataTime.IsZero() {
		return 0
	}
	return r.At.Sub(r.DataTime)
}

// MarshalJSON writes the recommendation in the JSON contract of the commands: snake_case,
// durations in seconds, unknown numbers null.
func (r Recommendation) MarshalJSON() ([]byte, error) {
	type window struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	}
	type demand struct {
		Term     Term     `json:"term"`
		Rate     *float64 `json:"rate"`
		Replicas int32    `json:"replicas"`
	}
	demands := make([]demand, len(r.Demands))
	for i, d := range r.Demands {
		demands[i] = demand{d.Term, known(d.Rate), d.Replicas}
	}
	out := struct {
		At                      time.Time  `json:"at"`
		Replicas                int32      `json:"replicas"`
		Source                  Source     `json:"source"`
		Binding                 Term       `json:"binding"`
		Reason                  string     `json:"reason"`
		DataTime                *time.Time `json:"data_time"`
		DataAgeSeconds          *float64   `json:"data_age_seconds"`
		LeadTimeSeconds         float64    `json:"lead_time_seconds"`
		LeadWindow              window     `json:"lead_window"`
		Quantile                float64    `json:"quantile"`
		ForecastRate            *float64   `json:"forecast_rate"`
		ExpectedRate            *float64   `json:"expected_rate"`
		CurrentRate             *float64   `json:"current_rate"`
		Demands                 []demand   `json:"demands"`
		UnlimitedReplicas       int32      `json:"unlimited_replicas"`
		CurrentReplicas         *int32     `json:"current_replicas"`
		PlannedRate             *float64   `json:"planned_rate"`
		Utilization             *float64   `json:"utilization"`
		ResponseQuantileSeconds *float64   `json:"response_quantile_seconds"`
		Percentile              float64    `json:"percentile"`
		Model                   string     `json:"model"`
		Predictable             bool       `json:"predictable"`
		Why                     string     `json:"why"`
		CapacityModelValid      *bool      `json:"capacity_model_valid"`
		Capacity                *Capacity  `json:"capacity,omitempty"`
	}{
		At: r.At.UTC(), Replicas: r.Replicas, Source: r.Source, Binding: r.Binding, Reason: r.Reason,
		LeadTimeSeconds: r.LeadTime.Seconds(), LeadWindow: window{r.WindowFrom.UTC(), r.WindowTo.UTC()},
		Quantile: r.Quantile, ForecastRate: known(r.ForecastRate), ExpectedRate: known(r.ExpectedRate),
		CurrentRate: known(r.CurrentRate), Demands: demands, UnlimitedReplicas: r.Unlimited,
		PlannedRate: known(r.PlannedRate), Utilization: known(r.Utilization), Percentile: r.Percentile,
		Model: r.Model, Predictable: r.Predictable, Why: r.Why, Capacity: r.Capacity,
	}
	if valid, known := r.CapacityModelValid(); known {
		out.CapacityModelValid = &valid
	}
	if !r.DataTime.IsZero() {
		t, age := r.DataTime.UTC(), r.DataAge().Seconds()
		out.DataTime, out.DataAgeSeconds = &t, &age
	}
	if r.CurrentReplicas >= 0 {
		out.CurrentReplicas = &r.CurrentReplicas
	}
	if r.ResponseQuantile > 0 {
		seconds := r.ResponseQuantile.Seconds()
		out.ResponseQuantileSeconds = &seconds
	}
	return json.Marshal(out)
}

// known returns nil for a number that is not known, which JSON writes as null.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}
