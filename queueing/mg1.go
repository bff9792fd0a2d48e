package queueing

import "math"

// ServiceMoments are the first three raw moments of a service time: E[S] in seconds, E[S²] in seconds squared, E[S³].
// The first gives utilization, the second the mean wait of a single server, the third its variance.
type ServiceMoments struct {
	Mean, Second, Third float64
}

// SCV returns the squared coefficient of variation, E[S²]/E[S]² - 1: 0 for a constant, 1 for an exponential law.
func (m ServiceMoments) SCV() float64 { return m.Second/(m.Mean*m.Mean) - 1 }

func (m ServiceMoments) valid() bool {
	return m.Mean > 0 && !math.IsInf(m.Mean, 1) && m.Second >= m.Mean*m.Mean*(1-0x1p-50)
}

// DeterministicMoments returns the moments of a constant service time.
func DeterministicMoments(seconds float64) ServiceMoments {
	return ServiceMoments{seconds, seconds * seconds, seconds * seconds * seconds}
}

// ExponentialMoments returns the moments of an exponential service time with a mean.
func ExponentialMoments(meanSeconds float64) ServiceMoments {
	return ServiceMoments{meanSeconds, 2 * meanSeconds * meanSeconds, 6 * meanSeconds * meanSeconds * meanSeconds}
}

// MG1 is an M/G/1 queue served in order of arrival: Poisson arrivals, one server, any service time of known moments.
// Quantiles depend on the whole law, not on moments; see [MDc], [MPHc] and [MMc] with one server.
//
// Common to all methods: NaN if ArrivalRatePerSecond is negative or NaN, the mean service time is not positive and
// finite, or the second moment is below the square of the first. The queue is stable if ρ = λE[S] < 1.
//
// Source: L. Kleinrock, Queueing Systems, volume 1 (1975), section 5.6 (Pollaczek-Khinchine); L. Takács, A
// Single-Server Queue with Poisson Input, Operations Research 10 (1962), 388-394, for the higher moments.
type MG1 struct {
	ArrivalRatePerSecond float64 // λ
	Service              ServiceMoments
}

// OfferedLoad returns a = λE[S], here equal to the utilization.
func (q MG1) OfferedLoad() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.ArrivalRatePerSecond * q.Service.Mean
}

// Utilization returns ρ = λE[S], which exceeds 1 for an overloaded queue.
func (q MG1) Utilization() float64 { return q.OfferedLoad() }

// Stable reports whether ρ < 1.
func (q MG1) Stable() bool { return q.valid() && q.spare() > 0 }

// WaitProbability returns ρ, at most 1: arrivals see the server busy as often as it is.
func (q MG1) WaitProbability() float64 { return math.Min(q.OfferedLoad(), 1) }

// MeanWaitSeconds returns E[W] = λE[S²]/(2(1-ρ)); +Inf if the queue is not stable.
func (q MG1) MeanWaitSeconds() float64 {
	return q.ifStable(q.ArrivalRatePerSecond * q.Service.Second / (2 * q.spare()))
}

// WaitSecondMoment returns E[W²] = 2E[W]² + λE[S³]/(3(1-ρ)) in seconds squared; +Inf if the queue is not stable.
func (q MG1) WaitSecondMoment() float64 {
	mean := q.MeanWaitSeconds()
	return mean*mean + q.WaitVariance()
}

// WaitVariance returns E[W²] - E[W]² = λE[S³]/(3(1-ρ)) + (λE[S²])²/(4(1-ρ)²) in seconds squared; +Inf if the queue is
// not stable.
func (q MG1) WaitVariance() float64 {
	half := q.ArrivalRatePerSecond * q.Service.Second / (2 * q.spare())
	return q.ifStable(q.ArrivalRatePerSecond*q.Service.Third/(3*q.spare()) + half*half)
}

// MeanResponseSeconds returns E[W] + E[S].
func (q MG1) MeanResponseSeconds() float64 { return q.MeanWaitSeconds() + q.Service.Mean }

// MeanQueueLength returns λE[W].
func (q MG1) MeanQueueLength() float64 {
	if q.ArrivalRatePerSecond == 0 && q.valid() {
		return 0
	}
	return q.ArrivalRatePerSecond * q.MeanWaitSeconds()
}

// MeanInSystem returns λE[W] + ρ.
func (q MG1) MeanInSystem() float64 { return q.MeanQueueLength() + q.OfferedLoad() }

func (q MG1) valid() bool { return q.ArrivalRatePerSecond >= 0 && q.Service.valid() }

// spare is 1 - ρ with one rounding.
func (q MG1) spare() float64 { return math.FMA(-q.ArrivalRatePerSecond, q.Service.Mean, 1) }

func (q MG1) ifStable(value float64) float64 {
	switch {
	case !q.valid():
		return math.NaN()
	case !q.Stable():
		return math.Inf(1)
	}
	return value
}

// MG1PS is an M/G/1 queue under processor sharing: all customers present share one server equally, as requests share
// a replica that works on all of them at once and whose work is CPU time. The number in system and the mean response
// depend on the service law only through its mean.
//
// Special cases as for [MG1].
//
// Source: L. Kleinrock, Queueing Systems, volume 2 (1976), section 4.4.
type MG1PS struct {
	ArrivalRatePerSecond float64 // λ
	ServiceRatePerSecond float64 // μ: 1 / mean service time of a customer alone
}

// Utilization returns ρ = λ/μ.
func (q MG1PS) Utilization() float64 { return q.single().Utilization() }

// Stable reports whether ρ < 1.
func (q MG1PS) Stable() bool { return q.single().Stable() }

// MeanResponseSeconds returns E[T] = 1/(μ-λ); +Inf if the queue is not stable.
func (q MG1PS) MeanResponseSeconds() float64 { return q.single().MeanResponseSeconds() }

// MeanResponseOfSizeSeconds returns the mean response of a customer that needs the given service time x ≥ 0,
// x/(1-ρ): each is slowed by the same factor. +Inf if the queue is not stable.
func (q MG1PS) MeanResponseOfSizeSeconds(serviceSeconds float64) float64 {
	s := q.single()
	switch {
	case !s.valid() || !(serviceSeconds >= 0):
		return math.NaN()
	case !s.Stable():
		return math.Inf(1)
	}
	return serviceSeconds * q.ServiceRatePerSecond / s.spareRate()
}

// MeanInSystem returns ρ/(1-ρ); +Inf if the queue is not stable.
func (q MG1PS) MeanInSystem() float64 { return q.single().MeanInSystem() }

// InSystemTail returns P(N > n) = ρ^(n+1); 1 if n < 0 or the queue is not stable.
func (q MG1PS) InSystemTail(n int) float64 {
	s := q.single()
	switch {
	case !s.valid():
		return math.NaN()
	case n < 0 || !s.Stable():
		return 1
	}
	return math.Pow(s.Utilization(), float64(n)+1)
}

// single is the M/M/1 queue with the same mean number in system.
func (q MG1PS) single() MMc {
	return MMc{ArrivalRatePerSecond: q.ArrivalRatePerSecond, ServiceRatePerSecond: q.ServiceRatePerSecond, Servers: 1}
}
