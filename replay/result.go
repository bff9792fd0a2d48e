package replay

import (
	"math"
	"time"
)

// Result is what a run came to. Time in which the load is unknown counts nowhere.
type Result struct {
	// Policy and Settings are those of the policy.
	Policy   string
	Settings []Setting
	// Observed is the time judged.
	Observed time.Duration
	// Requests arrived; Violating of them failed or took longer than the objective, among them the Lost, which were
	// refused or gave up. They are expectations, hence no whole numbers.
	Requests, Violating, Lost float64
	// Minutes had load; BadMinutes of them are expected to have kept the objective for less than its percentile.
	Minutes, BadMinutes float64
	// ReplicaHours counts replicas from creation until they are gone: starting, ready and draining.
	ReplicaHours float64
	// MeanResponseSeconds is the mean time in the system, by Little's law over the whole run.
	MeanResponseSeconds float64
	// ScaleUps and ScaleDowns count the changes of what was asked for, PeakReplicas is the most asked for.
	ScaleUps, ScaleDowns int
	PeakReplicas         int32
	// Timeline holds a sample per step if it was asked for.
	Timeline []Sample
}

// Sample is one step of a timeline.
type Sample struct {
	// At is the beginning of the step since the run began.
	At time.Duration
	// Rate is the offered rate, NaN where it is unknown; Seen what the lens showed of it.
	Rate, Seen float64
	// Desired is what the HPA asked for, Starting and Ready are the replicas there were.
	Desired, Starting, Ready int32
	// Slow is the share of the step's requests that violate, Backlog and InSystem the requests at its end.
	Slow, Backlog, InSystem float64
	// Metrics are the values that the policy published; NaN if none.
	Metric float64
	// Why explains them, if reasons were asked for.
	Why string
}

// Attainment returns the share of requests that do not violate the objective; NaN without requests.
func (r *Result) Attainment() float64 { return 1 - r.Violating/r.Requests }

// ViolationRatio returns the share of minutes with load that are bad; NaN without any.
func (r *Result) ViolationRatio() float64 { return r.BadMinutes / r.Minutes }

// Overshoot returns ViolationRatio over the ratio that is allowed, above 0.
func (r *Result) Overshoot(budget float64) float64 { return r.ViolationRatio() / budget }

// MeanReplicas returns the replicas there were on average.
func (r *Result) MeanReplicas() float64 { return r.ReplicaHours / r.Observed.Hours() }

// Objective returns the priced objective in replica-hours,
//
//	J(w) = replica-hours + w × violating requests / requestsPerReplicaHour,
//
// where the divisor is what one replica serves in an hour at the utilization cap: see Environment.RequestsPerReplicaHour.
func (r *Result) Objective(price, requestsPerReplicaHour float64) float64 {
	return r.ReplicaHours + price*r.Violating/requestsPerReplicaHour
}

// badMinute returns the probability that a minute with the given expected numbers of requests and of violating ones
// keeps the objective for less than the share p of requests. The violating are taken as Poisson, as if they were
// independent: the minute is bad from floor((1-p) requests) + 1 of them on. Above 16 it is the normal law with its
// first correction for skewness (Wilson and Hilferty, 1931, for the gamma law that is the other side of the Poisson sum).
func badMinute(requests, violating, p float64) float64 {
	// The tolerance keeps 0.01 × 100 from falling below 1 by rounding.
	allowed := math.Floor((1-p)*requests*(1+1e-12) + 1e-9)
	switch {
	case violating <= 0:
		return 0
	case violating >= requests*(1-1e-12):
		return 1
	case allowed <= 16:
		term, sum := math.Exp(-violating), 0.0
		for k := 0.0; k <= allowed; k++ {
			sum += term
			term *= violating / (k + 1)
		}
		return max(0, 1-sum)
	case violating < allowed/4:
		return 0
	case violating > 2*allowed:
		return 1
	}
	// P(Poisson(m) > a) = P(Gamma(a+1) < m).
	shape := allowed + 1
	z := (math.Cbrt(violating/shape) - 1 + 1/(9*shape)) * 3 * math.Sqrt(shape)
	return 0.5 * math.Erfc(-z/math.Sqrt2)
}
