package queueing

import "math"

// MaxResponseWaiting is the largest room for waiting requests, Capacity less the number of completion rates, for which
// [StateDependent] response times are solved: one tail takes time in the square of it, 1 ms at a room of 100, 30 ms at the
// bound.
const MaxResponseWaiting = 500

// MaxResponseCapacity is the largest Capacity for which they are solved: one tail takes 20 ms at the bound.
const MaxResponseCapacity = 10_000

// ResponseTail returns P(T > t) of accepted requests, first come first served. The service is shared equally: of b in
// service each completes at the rate μ(b)/b. A request follows a Markov chain: first the number j of completions that it
// waits for and the number n present, with those behind it; then n alone. Its transform solves, with a = λ below n = K and 0 there,
//
//	in service: (s + a + μ(b)) φ_n = a φ_{n+1} + μ(b)/b + μ(b)(b-1)/b φ_{n-1},  b = min(n, B)
//	waiting:    (s + a + μ(B)) φ_{j,n} = a φ_{j,n+1} + μ(B) φ_{j-1,n-1},  φ_{0,n} = φ_n,
//
// a tridiagonal system and a recursion. It is inverted numerically, to an absolute error of 1e-9; numbers present that all
// together have a probability below 1e-13 are left out.
//
// Special cases: 1 if t <= 0; NaN if t is NaN, the room for waiting is above [MaxResponseWaiting], or the Capacity above
// [MaxResponseCapacity].
func (q StateDependent) ResponseTail(seconds float64) float64 {
	if !q.responseSolvable() {
		return math.NaN()
	}
	return q.responseTail(q.law(), seconds)
}

func (q StateDependent) responseSolvable() bool {
	return q.valid() && q.Capacity-len(q.CompletionRatesPerSecond) <= MaxResponseWaiting && q.Capacity <= MaxResponseCapacity
}

func (q StateDependent) responseTail(law []float64, seconds float64) float64 {
	switch {
	case math.IsNaN(seconds):
		return math.NaN()
	case seconds <= 0:
		return 1
	case math.IsInf(seconds, 1):
		return 0
	}
	return tailOfTransform(func(s complex128) complex128 { return q.responseTransform(law, s) }, seconds)
}

// ResponseQuantileSeconds returns the p-quantile of the response time of accepted requests; +Inf if p = 1, NaN if p is
// outside [0, 1], where 1-p < 1e-7, which the inversion does not resolve, or as [StateDependent.ResponseTail].
func (q StateDependent) ResponseQuantileSeconds(p float64) float64 {
	if !q.responseSolvable() || !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	law := q.law()
	return quantileByInversion(func(t float64) float64 { return q.responseTail(law, t) }, p, q.MeanResponseSeconds())
}

// responseTransform is E[e^-sT] of accepted requests.
func (q StateDependent) responseTransform(law []float64, s complex128) complex128 {
	k, most := q.Capacity, len(q.CompletionRatesPerSecond)
	lambda := func(n int) complex128 {
		if n == k {
			return 0
		}
		return complex(q.ArrivalRatePerSecond, 0)
	}
	// φ_n = offset_n + slope_n φ_{n+1}, n = 1..K, upwards; then back.
	phi, slope := make([]complex128, k+2), make([]complex128, k+2)
	for n := 1; n <= k; n++ {
		b := min(n, most)
		mu := q.CompletionRatesPerSecond[b-1]
		others := complex(mu*float64(b-1)/float64(b), 0)
		pivot := s + lambda(n) + complex(mu, 0) - others*slope[n-1]
		slope[n] = lambda(n) / pivot
		phi[n] = (complex(mu/float64(b), 0) + others*phi[n-1]) / pivot
	}
	for n := k - 1; n >= 1; n-- {
		phi[n] += slope[n] * phi[n+1]
	}
	// An arrival that finds n is the request number n+1.
	var sum complex128
	var accepted float64
	for n := 0; n < min(most, k); n++ {
		accepted += law[n]
		sum += complex(law[n], 0) * phi[n+1]
	}
	// In place, from φ_{j-1,·} to φ_{j,·}, for as many j as are ever found. The same two factors all along, but for n = K,
	// save divisions, which would be most of the work.
	mu := q.CompletionRatesPerSecond[most-1]
	inner, edge := 1/(s+complex(q.ArrivalRatePerSecond+mu, 0)), complex(mu, 0)/(s+complex(mu, 0))
	up, down := complex(q.ArrivalRatePerSecond, 0)*inner, complex(mu, 0)*inner
	longest, left := k-most, 0.0
	for longest > 0 && left+law[most+longest-1] < negligibleFound {
		left += law[most+longest-1]
		longest--
	}
	for j := 1; j <= longest; j++ {
		next := edge * phi[k-1]
		phi[k] = next
		for n := k - 1; n >= most+j; n-- {
			next = up*next + down*phi[n-1]
			phi[n] = next
		}
		accepted += law[most+j-1]
		sum += complex(law[most+j-1], 0) * phi[most+j]
	}
	return sum / complex(accepted, 0)
}

// negligibleFound is the probability of the longest queues together that response times leave out.
const negligibleFound = 1e-13
