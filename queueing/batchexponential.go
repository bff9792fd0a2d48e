package queueing

import "math"

// MMBatch is a server that takes up to b waiting requests at once and serves them together in an exponential time that
// does not depend on how many they are: M/M^[1,b]/1. It starts as soon as it is free and something waits; nobody joins
// a running batch. With b = 1 it is M/M/1.
//
// The number waiting while the server is busy is geometric, with ratio r the root in (0, 1) of
//
//	μ (r + r² + ... + r^b) = λ
//
// or λ/(λ+μ) without limit on b, so that everything has a closed form. A request that finds the server busy waits for an
// exponential time of rate μ(1-r^b).
//
// The zero value is invalid. Common to all methods: NaN if ArrivalRatePerSecond is negative or NaN,
// BatchRatePerSecond is not positive and finite, or MaxBatch is negative. Where λ >= bμ means and quantiles are +Inf and
// probabilities 1.
//
// Source: N. T. J. Bailey, Journal of the Royal Statistical Society B 16 (1954), for bulk service; the form here is
// derived in docs/models/batching.md.
type MMBatch struct {
	ArrivalRatePerSecond float64 // λ
	BatchRatePerSecond   float64 // μ, batches per second of a busy server
	MaxBatch             int     // b; 0 means no limit
}

// Stable reports whether λ < bμ. It is false for invalid parameters.
func (q MMBatch) Stable() bool {
	return q.valid() && (q.MaxBatch == 0 && !math.IsInf(q.ArrivalRatePerSecond, 1) ||
		q.ArrivalRatePerSecond < float64(q.MaxBatch)*q.BatchRatePerSecond)
}

// Utilization returns the share of time in which the server is busy, 1 if the queue is not stable.
func (q MMBatch) Utilization() float64 { return q.WaitTail(0) }

// WaitProbability returns P(W > 0), the probability to find the server busy: the [MMBatch.Utilization].
func (q MMBatch) WaitProbability() float64 { return q.WaitTail(0) }

// MeanBatchSize returns the mean number of requests in a batch, λ/(μ·utilization); 1 without arrivals.
func (q MMBatch) MeanBatchSize() float64 {
	switch {
	case !q.valid():
		return math.NaN()
	case !q.Stable():
		return float64(q.MaxBatch)
	}
	// Batches start at the rate μ·utilization. With busy = λ/(λ + μ(1-r)) this is ρ + 1 - r.
	return q.ArrivalRatePerSecond/q.BatchRatePerSecond + q.solve().spare
}

// MeanWaitSeconds returns the mean time from arrival to the start of the batch.
func (q MMBatch) MeanWaitSeconds() float64 {
	switch {
	case !q.valid():
		return math.NaN()
	case !q.Stable():
		return math.Inf(1)
	}
	s := q.solve()
	return s.busy / (q.BatchRatePerSecond * s.release)
}

// MeanResponseSeconds returns the mean time from arrival to the end of the batch.
func (q MMBatch) MeanResponseSeconds() float64 { return q.MeanWaitSeconds() + 1/q.BatchRatePerSecond }

// MeanQueueLength returns the mean number waiting, λE[W].
func (q MMBatch) MeanQueueLength() float64 {
	if q.valid() && q.ArrivalRatePerSecond == 0 {
		return 0
	}
	return q.ArrivalRatePerSecond * q.MeanWaitSeconds()
}

// WaitTail returns P(W > t) = busy·e^(-μ(1-r^b)t); 1 if t < 0, NaN if t is NaN.
func (q MMBatch) WaitTail(seconds float64) float64 {
	switch {
	case !q.valid() || math.IsNaN(seconds):
		return math.NaN()
	case seconds < 0 || !q.Stable():
		return 1
	}
	s := q.solve()
	return s.busy * math.Exp(-q.BatchRatePerSecond*s.release*seconds)
}

// ResponseTail returns P(T > t): the batch time alone for those who find the server idle, else the wait and the batch
// time; 1 if t <= 0, NaN if t is NaN.
func (q MMBatch) ResponseTail(seconds float64) float64 {
	switch {
	case !q.valid() || math.IsNaN(seconds):
		return math.NaN()
	case seconds <= 0 || !q.Stable():
		return 1
	}
	s := q.solve()
	x := q.BatchRatePerSecond * seconds
	if s.full == 0 { // both exponential times have the rate μ
		return math.Exp(-x) * (1 + s.busy*x)
	}
	// Exp(μ(1-f)) + Exp(μ) exceeds t with probability e^-x + 1/f·(e^(-(1-f)x) - e^-x), f = r^b.
	return math.Exp(-x) - s.busy/s.full*math.Exp(-s.release*x)*math.Expm1(-s.full*x)
}

// WaitQuantileSeconds returns the p-quantile of the wait; NaN if p is outside [0, 1].
func (q MMBatch) WaitQuantileSeconds(p float64) float64 {
	return q.quantile(p, q.WaitTail)
}

// ResponseQuantileSeconds returns the p-quantile of the response time; NaN if p is outside [0, 1].
func (q MMBatch) ResponseQuantileSeconds(p float64) float64 {
	return q.quantile(p, q.ResponseTail)
}

func (q MMBatch) quantile(p float64, tail func(float64) float64) float64 {
	switch {
	case !q.valid() || !(p >= 0 && p <= 1):
		return math.NaN()
	case !q.Stable():
		return math.Inf(1)
	}
	return quantileOfTail(tail, p, 1/(q.BatchRatePerSecond*q.solve().release))
}

func (q MMBatch) valid() bool {
	return q.ArrivalRatePerSecond >= 0 && q.BatchRatePerSecond > 0 && !math.IsInf(q.BatchRatePerSecond, 1) && q.MaxBatch >= 0
}

type exponentialBatches struct {
	spare   float64 // 1-r
	full    float64 // r^b
	release float64 // 1-r^b
	busy    float64 // share of time
}

func (q MMBatch) solve() exponentialBatches {
	lambda := q.ArrivalRatePerSecond / q.BatchRatePerSecond
	b := float64(q.MaxBatch)
	y := 1 / (1 + lambda) // 1-r without limit, and too large with one
	if q.MaxBatch == 0 {
		return exponentialBatches{spare: y, release: 1, busy: lambda / (lambda + y)}
	}
	// r(1-r^b)/(1-r) = λ as a function of y = 1-r falls from b at 0, which keeps digits as λ -> b.
	excess := func(y float64) float64 { return lambda*y + (1-y)*math.Expm1(b*math.Log1p(-y)) }
	if q.MaxBatch == 1 {
		y = 1 - lambda
	} else if lambda > 0 {
		// The function is below zero for y under the root, and at the bound above it is positive.
		low := math.Min(y, 2*(b-lambda)/(b*(b+1))*0.5)
		for range 2000 {
			if excess(low) <= 0 {
				break
			}
			low /= 2
		}
		y = narrow(excess, point{low, excess(low)}, point{y, math.Max(excess(y), math.SmallestNonzeroFloat64)})
	}
	release := -math.Expm1(b * math.Log1p(-y))
	return exponentialBatches{spare: y, full: 1 - release, release: release, busy: lambda / (lambda + y)}
}
