package replay

import (
	"math"
	"time"

	"gonum.org/v1/gonum/mathext"
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

// clusterDispersion returns the variance over the mean of the number of requests, in a long time, that wait for longer
// than some time. They come in clusters: once a request finds all servers busy and too much work in front of it, so do
// those behind it until the work has fallen below that level again, which takes a busy period of a single server with the
// same utilization ρ. Clusters come as Poisson, and the number B served in a busy period of M/G/1 has the mean 1/(1-ρ) and
// the variance (ρ(1-ρ) + ρ²(1+v))/(1-ρ)³, v being the squared coefficient of variation of the service time, so that it is
//
//	D = E[B²]/E[B] = 1/(1-ρ) + (ρ(1-ρ) + ρ²(1+v))/(1-ρ)².
//
// For M/M/c the time above a level is exactly such a busy period; for other service times it is taken as one. Where a
// request that waits for w is late with probability f(w) only, the variance of the late ones over their mean is about
//
//	1 + 2 (D-1) Var f(W) / E f(W).
//
// The factor is ours: of simulated queues with utilizations from 0.6 to 0.95 and v from 0.5 to 4, it meets the variance of
// the number a minute within a fifth, where 1 is half of it.
//
// Source: L. Kleinrock, Queueing Systems, volume I (1975), section 5.9, for B.
func clusterDispersion(utilization, scv float64) float64 {
	spare := 1 - utilization
	return 1/spare + (utilization*spare+utilization*utilization*(1+scv))/(spare*spare)
}

// clusterWeight is the factor 2 of it.
const clusterWeight = 2

// badMinute returns the probability that a minute with the given expected numbers of requests and of violating ones
// keeps the objective for less than the share p of requests: that floor((1-p) requests) + 1 or more violate. Their number
// is taken as negative binomial with the dispersion, variance over mean, given, which is Poisson for 1.
func badMinute(requests, violating, dispersion, p float64) float64 {
	// The tolerance keeps 0.01 × 100 from falling below 1 by rounding.
	allowed := math.Floor((1-p)*requests*(1+1e-12) + 1e-9)
	switch {
	case violating <= 1e-7*(allowed+1): // Markov's inequality
		return max(violating, 0) / (allowed + 1)
	case violating >= requests*(1-1e-12), violating >= 0.5*requests && requests > 50:
		return 1
	case dispersion > 1.001:
		return 1 - mathext.RegIncBeta(violating/(dispersion-1), allowed+1, 1/dispersion)
	}
	return poissonAbove(allowed, violating)
}

// poissonAbove returns P(Poisson(mean) > k). Above 16 it is the law of Wilson and Hilferty (1931) for the gamma law that
// is the other side of the sum, right to 1e-3.
func poissonAbove(k, mean float64) float64 {
	switch {
	case k <= 16:
		term, sum := math.Exp(-mean), 0.0
		for j := 0.0; j <= k; j++ {
			sum += term
			term *= mean / (j + 1)
		}
		return max(0, 1-sum)
	case mean < k/4:
		return 0
	case mean > 2*k:
		return 1
	}
	// P(Poisson(m) > k) = P(Gamma(k+1) < m).
	shape := k + 1
	z := (math.Cbrt(mean/shape) - 1 + 1/(9*shape)) * 3 * math.Sqrt(shape)
	return 0.5 * math.Erfc(-z/math.Sqrt2)
}
