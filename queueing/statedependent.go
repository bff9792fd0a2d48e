package queueing

import "math"

// MaxStateDependentCapacity is the largest Capacity of [StateDependent].
const MaxStateDependentCapacity = 1_000_000

// StateDependent is an M/M(n)/1/K queue: a server that works on up to B requests at once and completes them at a total
// rate μ(n) that depends on their number n, with room for K requests in all. It describes continuous batching, as
// servers of language models do it, where requests join and leave a running batch: μ(n) = n/τ(n) with τ(n) the time of
// one request among n.
//
// EXPERIMENTAL: exponential service ignores that long outputs stay for long, and the memory that bounds n in reality
// is not a number of requests. Compare it with measured latencies before sizing by it.
//
// The zero value is invalid. Common to all methods: NaN if ArrivalRatePerSecond is negative, infinite or NaN, there are
// no completion rates or one is not positive and finite, or Capacity is below their number or above
// [MaxStateDependentCapacity]. The queue is always stable, since arrivals at n = K are lost. Methods take O(K) time.
//
// Source: the birth and death equations; L. Kleinrock, Queueing Systems I (1975), chapter 3.
type StateDependent struct {
	ArrivalRatePerSecond float64 // λ
	// CompletionRatesPerSecond[n-1] is μ(n), the total rate with n in service; the length is B.
	CompletionRatesPerSecond []float64
	Capacity                 int // K >= B, waiting included
}

// BlockingProbability returns the share of arrivals that are lost, P(N = K).
func (q StateDependent) BlockingProbability() float64 {
	law := q.law()
	if law == nil {
		return math.NaN()
	}
	return law[q.Capacity]
}

// ThroughputPerSecond returns λ(1 - P(N = K)).
func (q StateDependent) ThroughputPerSecond() float64 {
	law := q.law()
	if law == nil {
		return math.NaN()
	}
	return q.throughput(law)
}

// Utilization returns P(N > 0), the share of time in which the server works at all.
func (q StateDependent) Utilization() float64 {
	return q.sum(func(n int) float64 { return math.Min(float64(n), 1) })
}

// MeanInSystem returns the mean number waiting or in service.
func (q StateDependent) MeanInSystem() float64 {
	return q.sum(func(n int) float64 { return float64(n) })
}

// MeanInService returns the mean number in service, the mean batch over time.
func (q StateDependent) MeanInService() float64 {
	return q.sum(func(n int) float64 { return float64(min(n, len(q.CompletionRatesPerSecond))) })
}

// MeanQueueLength returns the mean number waiting.
func (q StateDependent) MeanQueueLength() float64 {
	return q.sum(func(n int) float64 { return float64(max(n-len(q.CompletionRatesPerSecond), 0)) })
}

// WaitProbability returns the probability that an accepted request waits.
func (q StateDependent) WaitProbability() float64 { return q.WaitTail(0) }

// MeanWaitSeconds returns the mean time in queue of accepted requests, by Little's law.
func (q StateDependent) MeanWaitSeconds() float64 { return q.perRequest(q.MeanQueueLength(), 0) }

// MeanResponseSeconds returns the mean time from arrival to completion of accepted requests, by Little's law.
func (q StateDependent) MeanResponseSeconds() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.perRequest(q.MeanInSystem(), 1/q.CompletionRatesPerSecond[0])
}

// WaitTail returns P(W > t) of accepted requests, first come first served. One that finds n >= B waits for n-B+1
// completions, which come at the constant rate μ(B):
//
//	P(W > t) = Σ_{n=B..K-1} P(N = n)/(1-P(N = K)) · P(Poisson(μ(B)t) <= n-B).
//
// The response time has no such form, since later arrivals slow a request down; see [StateDependent.ResponseTail].
//
// Special cases: 1 if t < 0; NaN if t is NaN.
func (q StateDependent) WaitTail(seconds float64) float64 {
	law := q.law()
	switch {
	case law == nil || math.IsNaN(seconds):
		return math.NaN()
	case seconds < 0:
		return 1
	}
	b := len(q.CompletionRatesPerSecond)
	completions := seconds * q.CompletionRatesPerSecond[b-1]
	few := make([]float64, q.Capacity-b) // P(Poisson = k), then summed
	if len(few) == 0 || math.IsInf(completions, 1) {
		return 0
	}
	poissonPMF(few, completions)
	var accepted, tail, atMost float64
	for n, p := range law[:q.Capacity] {
		accepted += p
		if n >= b {
			atMost += few[n-b]
			tail += p * math.Min(atMost, 1)
		}
	}
	return math.Min(tail/accepted, 1)
}

// WaitQuantileSeconds returns the p-quantile of the wait of accepted requests; NaN if p is outside [0, 1].
func (q StateDependent) WaitQuantileSeconds(p float64) float64 {
	if !q.valid() {
		return math.NaN()
	}
	return quantileOfTail(q.WaitTail, p, 1/q.CompletionRatesPerSecond[len(q.CompletionRatesPerSecond)-1])
}

func (q StateDependent) valid() bool {
	b := len(q.CompletionRatesPerSecond)
	if !(q.ArrivalRatePerSecond >= 0) || math.IsInf(q.ArrivalRatePerSecond, 1) || b == 0 || q.Capacity < b ||
		q.Capacity > MaxStateDependentCapacity {
		return false
	}
	for _, mu := range q.CompletionRatesPerSecond {
		if !(mu > 0) || math.IsInf(mu, 1) {
			return false
		}
	}
	return true
}

// law returns P(N = n), n = 0..K, or nil for invalid parameters. Ratios are multiplied outwards from the likeliest
// state, so that nothing overflows.
func (q StateDependent) law() []float64 {
	if !q.valid() {
		return nil
	}
	ratio := func(n int) float64 { // P(N = n)/P(N = n-1)
		return q.ArrivalRatePerSecond / q.CompletionRatesPerSecond[min(n, len(q.CompletionRatesPerSecond))-1]
	}
	mode, height, highest := 0, 0.0, 0.0
	for n := 1; n <= q.Capacity && q.ArrivalRatePerSecond > 0; n++ {
		height += math.Log(q.ArrivalRatePerSecond) - math.Log(q.CompletionRatesPerSecond[min(n, len(q.CompletionRatesPerSecond))-1])
		if height > highest {
			mode, highest = n, height
		}
	}
	law := make([]float64, q.Capacity+1)
	law[mode] = 1
	total := 1.0
	for n := mode + 1; n <= q.Capacity; n++ {
		law[n] = law[n-1] * ratio(n)
		total += law[n]
	}
	for n := mode - 1; n >= 0; n-- {
		law[n] = law[n+1] / ratio(n+1)
		total += law[n]
	}
	for n := range law {
		law[n] /= total
	}
	return law
}

func (q StateDependent) sum(value func(n int) float64) float64 {
	law := q.law()
	if law == nil {
		return math.NaN()
	}
	var sum float64
	for n, p := range law {
		sum += p * value(n)
	}
	return sum
}

// throughput is the mean completion rate, which keeps its digits where nearly all arrivals are lost.
func (q StateDependent) throughput(law []float64) float64 {
	var rate float64
	for n, p := range law {
		if n > 0 {
			rate += p * q.CompletionRatesPerSecond[min(n, len(q.CompletionRatesPerSecond))-1]
		}
	}
	return rate
}

func (q StateDependent) perRequest(number, without float64) float64 {
	throughput := q.ThroughputPerSecond()
	if throughput == 0 {
		return without
	}
	return number / throughput
}
