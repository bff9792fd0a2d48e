package queueing

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// MGc is an M/G/c queue of which only the mean and the SCV of the service time are known: Poisson arrivals, c servers,
// one queue in order of arrival. It is exact for SCV 0, the [MDc] queue, and 1, the [MMc] queue, and for the mean of one
// server; otherwise an approximation built from those two. Let v be the SCV, R_M and R_D results of M/M/c and M/D/c.
//
//   - Mean wait, v < 1: v W_M + (1-v) W_D (Cosmetatos). v > 1: (1+v)/(2v/W_M + (1-v)/W_D) (Kimura).
//   - P(W > 0): C (P_D/C)^((1-v)/(1+v)), an interpolation of ours.
//   - Wait law, v < 1: each quantile is v times that of M/M/c plus 1-v times that of M/D/c (Tijms). v > 1: two
//     exponentials with the two slowest rates of the hyperexponential M/PH/c queue and the above P(W > 0) and mean.
//   - Response: the wait plus an independent service time of the law [PhaseTypeOf] for v >= 0.5, gamma below.
//
// Relative errors against exact values of [MPHc] with Erlang-2 and balanced hyperexponential service, c = 1..50,
// ρ >= 0.7 (mean of all cells, largest in brackets; quantiles p95 and p99, of the wait where it exceeds 5 % of a service time):
//
//	                   v = 0.5        v = 2          v = 4          v = 10
//	mean wait          0.3 % (1.0)    0.6 % (2.3)    0.9 % (3.0)    9 % (23)
//	P(W > 0)           0.2 % (0.4)    0.1 % (0.2)    0.3 % (0.8)    0.9 % (2.2)
//	wait quantiles     0.2 % (1.8)    0.5 % (10)     2.5 % (19)     9 % (45)
//	response quantiles 0.1 % (0.2)    0.1 % (0.3)    0.5 % (3.6)    4 % (28)
//
// Where the law of the service time is known, and differs from these, quantiles differ by more: they depend on the
// third moment. Where c <= [MaxPhaseServers] and the law has two phases, [MPHc] is exact.
//
// Common to all methods: NaN if ArrivalRatePerSecond is negative or NaN, ServiceRatePerSecond is not positive and
// finite, SCV is negative, NaN or infinite, or Servers is outside 1..[MaxDeterministicServers].
//
// Source: G. P. Cosmetatos, Some approximate equilibrium results for the multi-server queue (M/G/r), Operational
// Research Quarterly 27 (1976), 615-620; T. Kimura, A two-moment approximation for the mean waiting time in the GI/G/s
// queue, Management Science 32 (1986), 751-763; H. C. Tijms, A First Course in Stochastic Models (2003), section 9.6.
type MGc struct {
	ArrivalRatePerSecond float64 // λ
	ServiceRatePerSecond float64 // μ = 1/E[S]
	Servers              int     // c
	SCV                  float64 // v = Var[S]/E[S]², >= 0
}

// OfferedLoad returns a = λ/μ in erlangs.
func (q MGc) OfferedLoad() float64 { return q.markov().OfferedLoad() }

// Utilization returns ρ = λ/(cμ).
func (q MGc) Utilization() float64 { return q.markov().Utilization() }

// Stable reports whether λ < cμ.
func (q MGc) Stable() bool { return q.markov().Stable() }

// WaitProbability returns P(W > 0); 1 if the queue is not stable.
func (q MGc) WaitProbability() float64 { return q.Solve().WaitProbability() }

// MeanWaitSeconds returns E[W]; +Inf if the queue is not stable.
func (q MGc) MeanWaitSeconds() float64 { return q.Solve().MeanWaitSeconds() }

// MeanResponseSeconds returns E[W] + 1/μ; +Inf if the queue is not stable.
func (q MGc) MeanResponseSeconds() float64 { return q.Solve().MeanResponseSeconds() }

// MeanQueueLength returns λE[W]; +Inf if the queue is not stable.
func (q MGc) MeanQueueLength() float64 {
	if q.ArrivalRatePerSecond == 0 && q.markov().valid() {
		return 0
	}
	return q.ArrivalRatePerSecond * q.MeanWaitSeconds()
}

// MeanInSystem returns λE[W] + a; +Inf if the queue is not stable.
func (q MGc) MeanInSystem() float64 { return q.MeanQueueLength() + q.OfferedLoad() }

// WaitTail returns P(W > t), t in seconds; 1 if t < 0 or the queue is not stable, NaN if t is NaN.
func (q MGc) WaitTail(seconds float64) float64 { return q.Solve().WaitTail(seconds) }

// ResponseTail returns P(T > t), t in seconds; 1 if t <= 0 or the queue is not stable, NaN if t is NaN.
func (q MGc) ResponseTail(seconds float64) float64 { return q.Solve().ResponseTail(seconds) }

// WaitQuantileSeconds returns the p-quantile of the wait of all arrivals; special cases as for [MMc].
func (q MGc) WaitQuantileSeconds(p float64) float64 { return q.Solve().WaitQuantileSeconds(p) }

// ResponseQuantileSeconds returns the p-quantile of the response time; special cases as for [MMc].
func (q MGc) ResponseQuantileSeconds(p float64) float64 { return q.Solve().ResponseQuantileSeconds(p) }

// markov is the M/M/c queue of the same rates, invalid if this one is.
func (q MGc) markov() MMc {
	if !(q.SCV >= 0) || math.IsInf(q.SCV, 1) || q.Servers > MaxDeterministicServers {
		return MMc{}
	}
	return MMc{ArrivalRatePerSecond: q.ArrivalRatePerSecond, ServiceRatePerSecond: q.ServiceRatePerSecond, Servers: q.Servers}
}

// SolvedMGc is the steady state of an [MGc], from [MGc.Solve], with its methods and their special cases. It is not safe
// for concurrent use, since it works out the law of the wait when first asked for a response time.
type SolvedMGc struct {
	markov  MMc
	scv     float64
	fixed   *SolvedMDc // nil if v = 1 or there is no steady state
	wait    float64    // P(W > 0)
	mean    float64
	weights [2]float64 // v > 1: P(W > t) = Σ weights e^(-rates t)
	rates   [2]float64
	points  []weightedWait // the law of W given W > 0, for convolution
}

type weightedWait struct{ probability, seconds float64 }

// Solve computes the steady state once for several questions.
func (q MGc) Solve() *SolvedMGc {
	m, v := q.markov(), q.SCV
	if v < constantBelow {
		v = 0
	}
	s := &SolvedMGc{markov: m, scv: v, wait: m.WaitProbability(), mean: m.MeanWaitSeconds()}
	if !m.Stable() || v == 1 {
		return s
	}
	if v > 1 {
		s.fixed = MDc(m).solveMean()
	} else {
		s.fixed = MDc(m).Solve()
	}
	if m.ArrivalRatePerSecond == 0 {
		return s
	}
	ratio := 1.0 // W_D/W_M, where both have not left float64
	if s.mean > 0 && s.fixed.MeanWaitSeconds() > 0 {
		ratio = s.fixed.MeanWaitSeconds() / s.mean
		s.wait *= math.Pow(s.fixed.WaitProbability()/s.wait, (1-v)/(1+v))
	}
	if v < 1 {
		s.mean *= v + (1-v)*ratio
		return s
	}
	s.mean *= (1 + v) / (2*v + (1-v)/ratio)
	s.fitTwoRates()
	return s
}

// constantBelow is the SCV below which a gamma law cannot be told from a constant.
const constantBelow = 1e-8

// fitTwoRates makes two exponentials of P(W > 0), the mean and the two slowest rates of M/H2/c; where they would not make
// a tail, one with the mean.
func (s *SolvedMGc) fitTwoRates() {
	mean := 1 / s.markov.ServiceRatePerSecond
	queue := newPhaseQueue(MPHc{s.markov.ArrivalRatePerSecond, Hyperexponential(mean, s.scv), s.markov.Servers})
	slow := queue.rate(queue.root(queue.servers)) / mean
	fast := queue.rate(queue.root(queue.servers-1)) / mean
	weight := (s.mean - s.wait/fast) / (1/slow - 1/fast)
	if !(weight >= 0 && weight*slow+(s.wait-weight)*fast >= 0) { // also NaN
		weight, slow, fast = s.wait, s.wait/s.mean, 1
	}
	s.weights, s.rates = [2]float64{weight, s.wait - weight}, [2]float64{slow, fast}
}

// Utilization returns ρ.
func (s *SolvedMGc) Utilization() float64 { return s.markov.Utilization() }

// WaitProbability returns P(W > 0).
func (s *SolvedMGc) WaitProbability() float64 { return s.wait }

// MeanWaitSeconds returns E[W].
func (s *SolvedMGc) MeanWaitSeconds() float64 { return s.mean }

// MeanResponseSeconds returns E[W] + 1/μ.
func (s *SolvedMGc) MeanResponseSeconds() float64 { return s.mean + 1/s.markov.ServiceRatePerSecond }

// WaitTail returns P(W > t), t in seconds.
func (s *SolvedMGc) WaitTail(seconds float64) float64 {
	switch {
	case s.fixed == nil || math.IsNaN(seconds) || seconds < 0:
		return s.markov.WaitTail(seconds)
	case seconds == 0 || s.wait == 0:
		return s.wait
	case s.scv > 1:
		tail := s.weights[0]*math.Exp(-s.rates[0]*seconds) + s.weights[1]*math.Exp(-s.rates[1]*seconds)
		return math.Min(math.Max(tail, 0), 1)
	case s.scv == 0:
		return s.fixed.WaitTail(seconds)
	}
	// The quantile of M/D/c at which the mixed quantile is t.
	tail := func(fixed float64) float64 {
		p := s.fixed.WaitTail(fixed)
		return (1-s.scv)*fixed + s.scv*s.markov.waitAtTail(p)
	}
	high := seconds / (1 - s.scv)
	at := narrow(func(x float64) float64 { return tail(x) - seconds }, point{0, tail(0) - seconds}, point{high, tail(high) - seconds})
	if tail(0) >= seconds { // M/M/c alone waits that long with this probability
		return math.Min(s.wait, s.markov.WaitTail(seconds/s.scv))
	}
	return math.Min(s.wait, s.fixed.WaitTail(at))
}

// waitAtTail is the t with P(W > t) = tail, 0 if there is none.
func (q MMc) waitAtTail(tail float64) float64 {
	return math.Max(0, math.Log(q.WaitProbability()/tail)/q.spareRate())
}

// WaitQuantileSeconds returns the p-quantile of the wait of all arrivals.
func (s *SolvedMGc) WaitQuantileSeconds(p float64) float64 {
	switch {
	case s.fixed == nil || !(p >= 0 && p <= 1):
		return s.markov.WaitQuantileSeconds(p)
	case s.scv > 1:
		return tailQuantile(s.WaitTail, p, s.mean)
	case s.wait <= 1-p:
		return 0
	case p == 1:
		return math.Inf(1)
	}
	return s.scv*s.markov.WaitQuantileSeconds(p) + (1-s.scv)*s.fixed.WaitQuantileSeconds(p)
}

// ResponseTail returns P(T > t), t in seconds.
func (s *SolvedMGc) ResponseTail(seconds float64) float64 {
	switch {
	case s.fixed == nil || math.IsNaN(seconds) || seconds <= 0:
		return s.markov.ResponseTail(seconds)
	case s.scv == 0:
		return s.fixed.ResponseTail(seconds)
	case s.scv > 1:
		service := PhaseTypeOf(1/s.markov.ServiceRatePerSecond, s.scv)
		tail := service.Tail(seconds) + s.weights[0]*service.tailPlus(seconds, s.rates[0]) +
			s.weights[1]*service.tailPlus(seconds, s.rates[1])
		return math.Min(math.Max(tail, 0), 1)
	}
	tail := (1 - s.wait) * s.serviceTail(seconds)
	for _, w := range s.waitPoints() {
		tail += w.probability * s.serviceTail(seconds-w.seconds)
	}
	return math.Min(math.Max(tail, s.WaitTail(seconds)), 1)
}

// ResponseQuantileSeconds returns the p-quantile of the response time.
func (s *SolvedMGc) ResponseQuantileSeconds(p float64) float64 {
	switch {
	case s.fixed == nil || !(p > 0 && p <= 1):
		return s.markov.ResponseQuantileSeconds(p)
	case s.scv == 0:
		return s.fixed.ResponseQuantileSeconds(p)
	}
	return tailQuantile(s.ResponseTail, p, s.MeanResponseSeconds())
}

// serviceTail is P(S > t) for v < 1.
func (s *SolvedMGc) serviceTail(seconds float64) float64 {
	return serviceTail(1/s.markov.ServiceRatePerSecond, s.scv, seconds)
}

// serviceTail is P(S > t) of the law that goes with a mean and an SCV: constant at 0, gamma below 0.5, [PhaseTypeOf]
// from there on.
func serviceTail(mean, scv, seconds float64) float64 {
	switch {
	case seconds <= 0 || scv < constantBelow && seconds < mean:
		return 1
	case scv < constantBelow || math.IsInf(seconds, 1):
		return 0
	case scv >= 0.5:
		return PhaseTypeOf(mean, scv).Tail(seconds)
	}
	return mathext.GammaIncRegComp(1/scv, seconds/(scv*mean))
}

// waitPoints replaces the law of W given W > 0 by points. It takes quantiles at waits of M/D/c in equal steps, between which
// they are nearly linear in ln P(W > t), and divides each step further.
func (s *SolvedMGc) waitPoints() []weightedWait {
	const steps, parts, last = 120, 6, 24 // down to about e^-24 of P(W > 0)
	if s.points != nil || s.wait < 1e-250 {
		return s.points
	}
	s.points = make([]weightedWait, 0, (steps+1)*parts+1)
	from, miss := 0.0, s.wait
	width := last / (steps * s.markov.ArrivalRatePerSecond * math.Expm1(s.fixed.outer)) // P(W > t) ~ e^(-λ(τ-1)t)
	for i := range steps + 1 {
		fixed := float64(i) * width
		next := math.Min(miss, s.fixed.WaitTail(fixed))
		if next == 0 || next < s.wait*1e-16 {
			break
		}
		to := math.Max(from, s.scv*s.markov.waitAtTail(next)+(1-s.scv)*fixed)
		ratio, above := math.Pow(next/miss, 1.0/parts), miss
		for k := range parts {
			below := above * ratio
			s.points = append(s.points, weightedWait{above - below, from + (to-from)*(float64(k)+0.5)/parts})
			above = below
		}
		from, miss = to, above
	}
	s.points = append(s.points, weightedWait{miss, from})
	return s.points
}
