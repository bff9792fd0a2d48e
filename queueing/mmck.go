package queueing

import "math"

// MaxCapacity bounds the capacity of [MMcK], whose waits take O(√K) terms.
const MaxCapacity = 10_000_000

// MMcK is an M/M/c/K queue: as [MMc], but at most K customers are in the system, waiting or in service, and an arrival
// that finds K is lost. It has a steady state at any load, overload included, since losses shed what the servers
// cannot do. K = c is the Erlang loss system.
//
// Waits and responses are those of the customers accepted. An accepted arrival that finds c+j customers waits for j+1
// departures, so waits are a mixture of Erlang laws; all sums have positive terms only.
//
// Common to all methods: NaN if ArrivalRatePerSecond is negative, NaN or infinite, ServiceRatePerSecond is not positive
// and finite, Servers is below 1, Capacity is below Servers, or Capacity is above [MaxCapacity].
//
// Source: D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, Fundamentals of Queueing Theory (4th edition, 2008),
// section 2.4.
type MMcK struct {
	ArrivalRatePerSecond float64 // λ, offered requests per second, lost ones included
	ServiceRatePerSecond float64 // μ, requests per second that one busy server completes
	Servers              int     // c
	Capacity             int     // K >= c, the most in the system
}

// OfferedLoad returns a = λ/μ in erlangs.
func (q MMcK) OfferedLoad() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.ArrivalRatePerSecond / q.ServiceRatePerSecond
}

// Utilization returns the mean share of busy servers, λ(1-P(K))/(cμ), which is below 1 at any load.
func (q MMcK) Utilization() float64 {
	return q.OfferedLoad() * q.solve().accepted / float64(q.Servers)
}

// Stable reports whether the queue has a steady state, which is so for all valid parameters.
func (q MMcK) Stable() bool { return q.valid() }

// BlockingProbability returns P(K), the probability that an arrival is lost.
func (q MMcK) BlockingProbability() float64 { return q.solve().blocking }

// AcceptedRatePerSecond returns λ(1-P(K)), the throughput.
func (q MMcK) AcceptedRatePerSecond() float64 { return q.ArrivalRatePerSecond * q.solve().accepted }

// WaitProbability returns the probability that an accepted arrival waits.
func (q MMcK) WaitProbability() float64 { return q.WaitTail(0) }

// MeanWaitSeconds returns the mean time in queue of accepted arrivals.
func (q MMcK) MeanWaitSeconds() float64 {
	s := q.solve()
	if q.ArrivalRatePerSecond == 0 {
		return 0 * s.queue // keeps NaN
	}
	return s.queue / (q.ArrivalRatePerSecond * s.accepted)
}

// MeanResponseSeconds returns the mean time from arrival to completion of accepted arrivals.
func (q MMcK) MeanResponseSeconds() float64 { return q.MeanWaitSeconds() + 1/q.ServiceRatePerSecond }

// MeanQueueLength returns the mean number waiting.
func (q MMcK) MeanQueueLength() float64 { return q.solve().queue }

// MeanInSystem returns the mean number waiting or in service.
func (q MMcK) MeanInSystem() float64 {
	s := q.solve()
	return s.queue + q.OfferedLoad()*s.accepted
}

// WaitTail returns P(W > t) of accepted arrivals, t in seconds:
//
//	P(W > t) = Σ_{j<K-c} P(c+j)/(1-P(K)) · Q(j+1, cμt),
//
// where Q(j+1, x) = Σ_{i<=j} e^-x x^i/i! is the Erlang tail. The sums are exchanged, so that it takes O(√(cμt)) terms.
//
// Special cases: 1 if t < 0; NaN if t is NaN.
func (q MMcK) WaitTail(seconds float64) float64 { return q.solve().waitTail(seconds) }

// ResponseTail returns P(T > t) of accepted arrivals, t in seconds, in the manner of WaitTail.
//
// Special cases: 1 if t <= 0; NaN if t is NaN.
func (q MMcK) ResponseTail(seconds float64) float64 { return q.solve().responseTail(seconds) }

// WaitQuantileSeconds returns the p-quantile of the wait of accepted arrivals, the root of WaitTail(t) = 1-p.
//
// Special cases: 0 if P(W > 0) <= 1-p; +Inf if p = 1 otherwise; NaN if p is outside [0, 1] or NaN.
func (q MMcK) WaitQuantileSeconds(p float64) float64 {
	s := q.solve()
	return tailQuantile(s.waitTail, p, q.MeanWaitSeconds())
}

// ResponseQuantileSeconds returns the p-quantile of the response time of accepted arrivals.
//
// Special cases: 0 if p = 0; +Inf if p = 1; NaN if p is outside [0, 1] or NaN.
func (q MMcK) ResponseQuantileSeconds(p float64) float64 {
	s := q.solve()
	return tailQuantile(s.responseTail, p, q.MeanResponseSeconds())
}

func (q MMcK) valid() bool {
	return q.ArrivalRatePerSecond >= 0 && !math.IsInf(q.ArrivalRatePerSecond, 1) &&
		q.ServiceRatePerSecond > 0 && !math.IsInf(q.ServiceRatePerSecond, 1) &&
		q.Servers >= 1 && q.Capacity >= q.Servers && q.Capacity <= MaxCapacity
}

// finiteQueue is the stationary law of an M/M/c/K queue in units of the service time. From c customers on it is
// geometric with ratio ρ, and is anchored at its largest state, c if ρ <= 1 and K otherwise, so that nothing overflows.
type finiteQueue struct {
	serviceRate float64 // μ, to turn seconds into units
	servers     int
	room        int     // m = K - c
	logRatio    float64 // ln ρ, accurate near ρ = 1
	logFull     float64 // ln P(c)
	anchor      float64 // P(c) if ρ <= 1, else P(K)
	blocking    float64 // P(K)
	below       float64 // P(fewer than c)
	accepted    float64 // 1 - P(K)
	queue       float64 // mean number waiting
}

func (q MMcK) solve() finiteQueue {
	if !q.valid() {
		nan := math.NaN()
		return finiteQueue{blocking: nan, below: nan, accepted: nan, queue: nan, anchor: nan, serviceRate: nan}
	}
	load, c := q.ArrivalRatePerSecond/q.ServiceRatePerSecond, float64(q.Servers)
	spare := math.FMA(c, q.ServiceRatePerSecond, -q.ArrivalRatePerSecond)
	s := finiteQueue{
		serviceRate: q.ServiceRatePerSecond, servers: q.Servers, room: q.Capacity - q.Servers,
		logRatio: math.Log1p(-spare / (c * q.ServiceRatePerSecond)),
	}
	full := BlockingProbability(load, q.Servers)
	notFull := c / (c + load*BlockingProbability(load, q.Servers-1)) // 1 - B without cancellation
	shrink := -math.Abs(s.logRatio)
	if s.logRatio <= 0 {
		total := notFull + full*geometricSum(shrink, s.room+1)
		s.anchor = full / total
		s.blocking = s.anchor * power(shrink, s.room)
		s.below = notFull / total
		s.queue = s.anchor * weightedGeometricSum(shrink, s.room+1)
		s.logFull = math.Log(s.anchor)
	} else {
		atFull := power(shrink, s.room)
		s.anchor = 1 / (geometricSum(shrink, s.room+1) + atFull*notFull/full)
		s.blocking = s.anchor
		s.below = s.anchor * atFull * notFull / full
		s.queue = s.anchor * (float64(s.room)*geometricSum(shrink, s.room+1) - weightedGeometricSum(shrink, s.room+1))
		s.logFull = math.Log(s.anchor) + float64(s.room)*shrink
	}
	s.accepted = s.below + s.waiting(0)
	return s
}

// waiting is the probability of c+i..K-1 customers: an arrival then is accepted and waits for more than i departures.
func (s finiteQueue) waiting(i int) float64 {
	if i >= s.room {
		return 0
	}
	if s.logRatio <= 0 {
		return s.anchor * power(s.logRatio, i) * geometricSum(s.logRatio, s.room-i)
	}
	return s.anchor * math.Exp(-s.logRatio) * geometricSum(-s.logRatio, s.room-i)
}

// serving is the probability that an accepted arrival had to wait, began service within i departures, and that none of
// the departures since was its own. With q = 1 - 1/c it is Σ_{j<n} P(c+j) q^(i-1-j), n = min(i, m).
func (s finiteQueue) serving(i int) float64 {
	n := min(i, s.room)
	if n == 0 {
		return 0
	}
	if s.servers == 1 { // the next departure is its own
		if i > s.room {
			return 0
		}
		return math.Exp(s.logFull + logPower(s.logRatio, i-1))
	}
	logStay := math.Log1p(-1 / float64(s.servers))
	larger, apart := math.Max(logStay, s.logRatio), -math.Abs(logStay-s.logRatio)
	return math.Exp(s.logFull+logPower(larger, n-1)+logPower(logStay, i-n)) * geometricSum(apart, n)
}

func (s finiteQueue) waitTail(seconds float64) float64 {
	switch {
	case math.IsNaN(seconds) || math.IsNaN(s.accepted):
		return math.NaN()
	case seconds < 0:
		return 1
	case math.IsInf(seconds, 1) || s.room == 0:
		return 0
	}
	x := seconds * s.serviceRate * float64(s.servers)
	return math.Min(1, poissonSum(x, s.start(x), s.room-1, s.waiting)/s.accepted)
}

func (s finiteQueue) responseTail(seconds float64) float64 {
	switch {
	case math.IsNaN(seconds) || math.IsNaN(s.accepted):
		return math.NaN()
	case seconds <= 0:
		return 1
	case math.IsInf(seconds, 1):
		return 0
	}
	served := s.below * math.Exp(-seconds*s.serviceRate)
	if s.room > 0 {
		x := seconds * s.serviceRate * float64(s.servers)
		served += poissonSum(x, s.start(x), math.MaxInt, func(i int) float64 { return s.waiting(i) + s.serving(i) })
	}
	return math.Min(1, served/s.accepted)
}

// start is near the peak of the terms: a Poisson law of mean x tilted by the ratio of the weights.
func (s finiteQueue) start(x float64) int {
	ratio := math.Exp(math.Min(s.logRatio, 0))
	if s.servers > 1 {
		ratio = math.Max(ratio, 1-1/float64(s.servers))
	}
	return int(math.Min(x*ratio, float64(s.room)))
}

// logPower is n·ln r, and zero at n = 0 even if r = 0.
func logPower(logRatio float64, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(n) * logRatio
}

func power(logRatio float64, n int) float64 { return math.Exp(logPower(logRatio, n)) }

// geometricSum is Σ_{j<n} r^j for ln r <= 0.
func geometricSum(logRatio float64, n int) float64 {
	switch {
	case logRatio == 0:
		return float64(n)
	case n == 0:
		return 0
	}
	return math.Expm1(logPower(logRatio, n)) / math.Expm1(logRatio)
}

// weightedGeometricSum is Σ_{j<n} j r^j for ln r <= 0, by doubling: the upper half of 2n terms is r^n times the lower
// half with n added to each weight. All terms are positive, so no digits are lost as r -> 1.
func weightedGeometricSum(logRatio float64, n int) float64 {
	if n <= 1 {
		return 0
	}
	half := n / 2
	sum := weightedGeometricSum(logRatio, half)
	shift := power(logRatio, half)
	sum += shift * (sum + float64(half)*geometricSum(logRatio, half))
	if n%2 == 1 {
		sum += float64(n-1) * power(logRatio, n-1)
	}
	return sum
}
