package queueing

import "math"

// GIGc is a GI/G/c queue known by two moments of each side: independent interarrival times with SCV u, service times
// with SCV v, c servers, one queue in order of arrival. It is exact where arrivals are Poisson and the service is
// exponential or constant, and, given the interarrival law named below, for exponential service; between these edges
// it adds the two effects:
//
//	R(u, v) = R(GI/M/c) + R(M/G/c) - R(M/M/c),  at least 0,
//
// for the mean wait and each quantile R, which has the right limit (u+v)/2 times M/M/c as ρ -> 1; for P(W > 0) the
// effects multiply. Interarrival times are constant at u = 0, gamma below 0.5, and [PhaseTypeOf] from there on; M/G/c is
// [MGc], with its errors.
//
// Relative error of the mean wait against exact values of PH/PH/1 queues with u and v from {0.5, 2, 4}, ρ in 0.7..0.9:
// 1.2 % on average, at most 4 %; with exponential service none but rounding. No error is known for quantiles between the
// edges, nor for several servers there.
//
// Common to all methods: as for [MGc]; NaN also if ArrivalSCV is negative, NaN or infinite.
//
// Source: GI/M/c: L. Takács, Introduction to the Theory of Queues (1962), chapter 2, as in D. Gross et al.,
// Fundamentals of Queueing Theory (4th edition, 2008), section 5.3.
type GIGc struct {
	ArrivalRatePerSecond float64 // λ
	ServiceRatePerSecond float64 // μ = 1/E[S]
	Servers              int     // c
	ArrivalSCV           float64 // u >= 0: 1 for Poisson arrivals
	ServiceSCV           float64 // v >= 0
}

// OfferedLoad returns a = λ/μ in erlangs.
func (q GIGc) OfferedLoad() float64 { return q.poisson().OfferedLoad() }

// Utilization returns ρ = λ/(cμ).
func (q GIGc) Utilization() float64 { return q.poisson().Utilization() }

// Stable reports whether λ < cμ.
func (q GIGc) Stable() bool { return q.poisson().Stable() }

// WaitProbability returns P(W > 0); 1 if the queue is not stable.
func (q GIGc) WaitProbability() float64 { return q.Solve().WaitProbability() }

// MeanWaitSeconds returns E[W]; +Inf if the queue is not stable.
func (q GIGc) MeanWaitSeconds() float64 { return q.Solve().MeanWaitSeconds() }

// MeanResponseSeconds returns E[W] + 1/μ; +Inf if the queue is not stable.
func (q GIGc) MeanResponseSeconds() float64 { return q.Solve().MeanResponseSeconds() }

// MeanQueueLength returns λE[W]; +Inf if the queue is not stable.
func (q GIGc) MeanQueueLength() float64 {
	if q.ArrivalRatePerSecond == 0 && q.poisson().markov().valid() {
		return 0
	}
	return q.ArrivalRatePerSecond * q.MeanWaitSeconds()
}

// MeanInSystem returns λE[W] + a; +Inf if the queue is not stable.
func (q GIGc) MeanInSystem() float64 { return q.MeanQueueLength() + q.OfferedLoad() }

// WaitQuantileSeconds returns the p-quantile of the wait of all arrivals; special cases as for [MMc].
func (q GIGc) WaitQuantileSeconds(p float64) float64 { return q.Solve().WaitQuantileSeconds(p) }

// ResponseQuantileSeconds returns the p-quantile of the response time; special cases as for [MMc].
func (q GIGc) ResponseQuantileSeconds(p float64) float64 { return q.Solve().ResponseQuantileSeconds(p) }

// poisson is the queue with Poisson arrivals, invalid if this one is.
func (q GIGc) poisson() MGc {
	if !(q.ArrivalSCV >= 0) || math.IsInf(q.ArrivalSCV, 1) {
		return MGc{}
	}
	return MGc{q.ArrivalRatePerSecond, q.ServiceRatePerSecond, q.Servers, q.ServiceSCV}
}

// SolvedGIGc is the steady state of a [GIGc], from [GIGc.Solve]. It is not safe for concurrent use, as [SolvedMGc].
type SolvedGIGc struct {
	poisson   *SolvedMGc
	irregular *exponentialWait // GI/M/c; nil if arrivals are Poisson or there is no steady state
}

// Solve computes the steady state once for several questions.
func (q GIGc) Solve() *SolvedGIGc {
	p := q.poisson()
	s := &SolvedGIGc{poisson: p.Solve()}
	if p.Stable() && q.ArrivalRatePerSecond > 0 && q.ArrivalSCV != 1 {
		s.irregular = newExponentialWait(p.markov(), q.ArrivalSCV)
	}
	return s
}

// Utilization returns ρ.
func (s *SolvedGIGc) Utilization() float64 { return s.poisson.Utilization() }

// WaitProbability returns P(W > 0).
func (s *SolvedGIGc) WaitProbability() float64 {
	p := s.poisson.WaitProbability()
	if s.irregular == nil {
		return p
	}
	if c := s.poisson.markov.WaitProbability(); c > 0 {
		p /= c
	}
	return math.Min(1, p*s.irregular.probability)
}

// MeanWaitSeconds returns E[W].
func (s *SolvedGIGc) MeanWaitSeconds() float64 {
	mean := s.poisson.MeanWaitSeconds()
	if s.irregular == nil {
		return mean
	}
	return math.Max(0, mean-s.poisson.markov.MeanWaitSeconds()+s.irregular.probability/s.irregular.rate)
}

// MeanResponseSeconds returns E[W] + 1/μ.
func (s *SolvedGIGc) MeanResponseSeconds() float64 {
	return s.MeanWaitSeconds() + 1/s.poisson.markov.ServiceRatePerSecond
}

// WaitQuantileSeconds returns the p-quantile of the wait of all arrivals.
func (s *SolvedGIGc) WaitQuantileSeconds(p float64) float64 {
	wait := s.poisson.WaitQuantileSeconds(p)
	if s.irregular == nil || !(p < 1) {
		return wait
	}
	return math.Max(0, wait-s.poisson.markov.WaitQuantileSeconds(p)+tailQuantile(s.irregular.waitTail, p, wait))
}

// ResponseQuantileSeconds returns the p-quantile of the response time.
func (s *SolvedGIGc) ResponseQuantileSeconds(p float64) float64 {
	response := s.poisson.ResponseQuantileSeconds(p)
	if s.irregular == nil || !(p > 0 && p < 1) {
		return response
	}
	irregular := tailQuantile(s.irregular.responseTail, p, response)
	return math.Max(0, response-s.poisson.markov.ResponseQuantileSeconds(p)+irregular)
}

// exponentialWait is the wait in a GI/M/c queue: zero or, with a probability, exponential.
type exponentialWait struct {
	probability float64
	rate        float64 // per second
	service     float64 // μ
}

func (w *exponentialWait) waitTail(seconds float64) float64 {
	return w.probability * math.Exp(-w.rate*seconds)
}

func (w *exponentialWait) responseTail(seconds float64) float64 {
	return math.Exp(-w.service*seconds) + w.probability*w.service*exponentials(seconds, w.service, w.rate)
}

// newExponentialWait solves GI/M/c. With φ the Laplace transform of the interarrival time, σ the root in (0, 1) of
// σ = φ(cμ(1-σ)), φ_j = φ(jμ) and C_j = Π_{i<=j} φ_i/(1-φ_i), an arrival waits with probability
//
//	A/(1-σ),  1/A = 1/(1-σ) + Σ_{j=1..c} (c over j)/(C_j (1-φ_j)) · (c(1-φ_j) - j)/(c(1-σ) - j),
//
// and then for an exponential time of rate cμ(1-σ). Both factors of the last quotient change sign at the same j, so
// that all terms are positive.
func newExponentialWait(m MMc, scv float64) *exponentialWait {
	c := float64(m.Servers)
	arrivals := interarrival{ratio: m.ServiceRatePerSecond / m.ArrivalRatePerSecond, scv: scv}
	if scv >= 0.5 {
		arrivals.phases = PhaseTypeOf(arrivals.ratio, scv)
	}
	// 1 - (1-φ(cδ))/δ rises through zero at δ = 1-σ.
	excess := func(delta float64) float64 { return 1 - arrivals.complement(c*delta)/delta }
	low, high := point{1, excess(1)}, point{1, excess(1)}
	for low.y > 0 {
		high = low
		low.x /= 2
		low.y = excess(low.x)
	}
	delta := narrow(excess, low, high)
	product, sum := 1.0, 1/delta
	for j := 1.0; j <= c; j++ {
		complement := arrivals.complement(j)
		product *= (c - j + 1) / j * complement / (1 - complement)
		var quotient float64
		if below := c*delta - j; math.Abs(below) > 1e-9*c {
			quotient = (c*complement - j) / below
		} else { // the common zero: its limit, by a difference quotient
			const step = 1e-4
			quotient = 1 - c*(arrivals.complement(j+step)-arrivals.complement(j-step))/(2*step)
		}
		sum += product / complement * quotient
		if math.IsInf(sum, 1) {
			break
		}
	}
	return &exponentialWait{
		probability: math.Min(1, 1/(delta*sum)), rate: c * m.ServiceRatePerSecond * delta, service: m.ServiceRatePerSecond,
	}
}

// interarrival is the law of the interarrival time in units of the service time.
type interarrival struct {
	ratio  float64 // its mean
	scv    float64
	phases PhaseType // for scv >= 0.5
}

// complement is 1 - φ(s) without cancellation.
func (a interarrival) complement(s float64) float64 {
	switch {
	case a.scv < 1e-12:
		return -math.Expm1(-s * a.ratio)
	case a.scv < 0.5:
		return -math.Expm1(-math.Log1p(s*a.ratio*a.scv) / a.scv)
	}
	p := a.phases
	return s * (p.Start*(1+p.Onward*p.Rate1/(p.Rate2+s))/(p.Rate1+s) + (1-p.Start)/(p.Rate2+s))
}
