package queueing

import "math"

// MMInf is an M/G/∞ system: Poisson arrivals and a server for each. Nobody waits. The number in system is Poisson
// with mean a = λ/μ whatever the law of the service time; [MMInf.ResponseTail] and the response quantile alone assume
// that it is exponential.
//
// It is the offered load that staffing starts from: with c servers of which few are all busy, the number of busy ones
// has nearly this law.
//
// Common to all methods: NaN if ArrivalRatePerSecond is negative, NaN or infinite, or ServiceRatePerSecond is not
// positive and finite.
//
// Source: D. Gross et al., Fundamentals of Queueing Theory (4th edition, 2008), section 2.6.
type MMInf struct {
	ArrivalRatePerSecond float64 // λ
	ServiceRatePerSecond float64 // μ
}

// OfferedLoad returns a = λ/μ in erlangs.
func (q MMInf) OfferedLoad() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.ArrivalRatePerSecond / q.ServiceRatePerSecond
}

// MeanInSystem returns a = λ/μ, the mean number of busy servers.
func (q MMInf) MeanInSystem() float64 { return q.OfferedLoad() }

// MeanResponseSeconds returns 1/μ.
func (q MMInf) MeanResponseSeconds() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return 1 / q.ServiceRatePerSecond
}

// InSystemTail returns P(N > n) for the number in system, 1 if n < 0.
func (q MMInf) InSystemTail(n int) float64 {
	load := q.OfferedLoad()
	switch {
	case math.IsNaN(load):
		return load
	case n < 0:
		return 1
	case load == 0:
		return 0
	case float64(n) < load:
		return 1 - poissonSum(load, n, n, func(int) float64 { return 1 })
	}
	p := poissonProbability(n, load)
	sum := 0.0
	for k := float64(n) + 1; ; k++ {
		p *= load / k
		sum += p
		if p <= sum*negligible {
			return sum
		}
	}
}

// InSystemQuantile returns the least n with P(N <= n) >= p: with that many servers, a share p of the time all of the
// load is carried at once. It takes O(√a log a) time.
//
// Special cases: +Inf if p = 1 and λ > 0; NaN if p is outside [0, 1] or NaN, or a > [MaxServers].
func (q MMInf) InSystemQuantile(p float64) float64 {
	load := q.OfferedLoad()
	switch {
	case !(p >= 0 && p <= 1) || !(load <= MaxServers):
		return math.NaN()
	case load == 0 || p == 0:
		return 0
	case p == 1:
		return math.Inf(1)
	}
	kept := func(n int) bool { return q.InSystemTail(n) <= 1-p }
	low, high, step := int(load)-1, int(load), 1+int(math.Sqrt(load)) // low is too few once it fails
	for low >= 0 && kept(low) {
		low, high = max(low-step, -1), low
		step *= 2
	}
	for !kept(high) {
		low, high = high, high+step
		step *= 2
	}
	for high-low > 1 {
		if middle := low + (high-low)/2; kept(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return float64(high)
}

// ResponseTail returns P(T > t) = e^-μt, 1 if t <= 0, NaN if t is NaN.
func (q MMInf) ResponseTail(seconds float64) float64 {
	if !q.valid() {
		return math.NaN()
	}
	return math.Min(1, math.Exp(-q.ServiceRatePerSecond*seconds))
}

// ResponseQuantileSeconds returns -ln(1-p)/μ; NaN if p is outside [0, 1] or NaN.
func (q MMInf) ResponseQuantileSeconds(p float64) float64 {
	if !q.valid() || !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	return -math.Log1p(-p) / q.ServiceRatePerSecond
}

func (q MMInf) valid() bool {
	return q.ArrivalRatePerSecond >= 0 && !math.IsInf(q.ArrivalRatePerSecond, 1) &&
		q.ServiceRatePerSecond > 0 && !math.IsInf(q.ServiceRatePerSecond, 1)
}
