// Package queueing holds the formulas of queueing theory that a capacity planner needs, and their inverses.
//
// [MMc] is a queue with known rates and servers, and answers with waits and response times. Others widen it: [MMcK] has
// a limited queue, [ErlangA] impatient clients, [MDc], [MPHc] and [MGc] other service times, [GIGc] other arrivals,
// [MG1] and [MMInf] one server or any number. [Size] and [LeastReplicas] go the other way, from a [Target] to the least
// number of replicas that keeps it, and [MaxArrivalRate] and [NewNeedTable] give the largest arrival rate that replicas
// can carry; [SizeOf] and its like do so for any [Model]. [BlockingProbability] and [WaitProbability] are the Erlang
// formulas underneath.
//
// All results are steady-state values of a queue with identical servers and no retries, one central
// first-come-first-served queue, and, where the model does not say otherwise, Poisson arrivals, exponential service
// times and patient customers. A replica with concurrency k is k such servers and n replicas are one queue of n·k
// servers; a load balancer that cannot see free servers does worse.
//
// Rates are per second and the models answer in seconds as float64, since a [time.Duration] would round to
// nanoseconds; targets, which people write, are durations. Pure functions return special values as package math does
// (NaN for invalid arguments, +Inf where the queue is not stable); functions that size return errors.
package queueing

import "math"

// MMc is an M/M/c queue: Poisson arrivals, c servers with exponential service times, one queue in order of arrival.
// With one server it is the M/M/1 queue and all results take their closed forms: C = ρ, and the response time is
// exponential with rate μ - λ.
//
// The zero value is invalid. Common to all methods: NaN if ArrivalRatePerSecond is negative or NaN,
// ServiceRatePerSecond is not positive and finite, or Servers is outside 1..[MaxServers]. The queue is stable if
// λ < cμ; the methods say what they return otherwise. Methods that need Erlang C take O(√c) time (see
// [BlockingProbability]).
//
// Source: D. Gross, J. F. Shortle, J. M. Thompson, C. M. Harris, Fundamentals of Queueing Theory (4th edition, 2008),
// section 2.3.
type MMc struct {
	ArrivalRatePerSecond float64 // λ, requests per second
	ServiceRatePerSecond float64 // μ, requests per second that one busy server completes: 1 / mean service time
	Servers              int     // c
}

// OfferedLoad returns a = λ/μ in erlangs, the mean number of busy servers if none ever lacked.
func (q MMc) OfferedLoad() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.ArrivalRatePerSecond / q.ServiceRatePerSecond
}

// Utilization returns ρ = λ/(cμ), which exceeds 1 for an overloaded queue.
func (q MMc) Utilization() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.ArrivalRatePerSecond / (float64(q.Servers) * q.ServiceRatePerSecond)
}

// Stable reports whether the queue has a steady state: λ < cμ. It is false for invalid parameters.
func (q MMc) Stable() bool {
	return q.valid() && q.spareRate() > 0
}

// WaitProbability returns P(W > 0), Erlang C; 1 if the queue is not stable.
func (q MMc) WaitProbability() float64 { return q.WaitTail(0) }

// MeanWaitSeconds returns the mean time in queue, E[W] = C/(cμ - λ); +Inf if the queue is not stable.
func (q MMc) MeanWaitSeconds() float64 {
	d, unstable := q.system(math.Inf(1))
	if unstable != 0 {
		return unstable
	}
	return d.waitProbability / q.spareRate()
}

// MeanResponseSeconds returns the mean time from arrival to completion, E[T] = E[W] + 1/μ; +Inf if the queue is not
// stable.
func (q MMc) MeanResponseSeconds() float64 { return q.MeanWaitSeconds() + 1/q.ServiceRatePerSecond }

// MeanQueueLength returns the mean number waiting, L_q = λE[W] (Little's law); +Inf if the queue is not stable.
func (q MMc) MeanQueueLength() float64 {
	if q.ArrivalRatePerSecond == 0 && q.valid() {
		return 0
	}
	return q.ArrivalRatePerSecond * q.MeanWaitSeconds()
}

// MeanInSystem returns the mean number waiting or in service, L = L_q + a; +Inf if the queue is not stable.
func (q MMc) MeanInSystem() float64 { return q.MeanQueueLength() + q.OfferedLoad() }

// WaitTail returns P(W > t) = C e^(-(cμ-λ)t), t in seconds.
//
// Special cases: 1 if t < 0 or the queue is not stable; NaN if t is NaN.
func (q MMc) WaitTail(seconds float64) float64 {
	d, unstable := q.system(1)
	switch {
	case math.IsNaN(seconds):
		return seconds
	case unstable != 0:
		return unstable
	case seconds < 0:
		return 1
	}
	return d.waitProbability * math.Exp(-q.spareRate()*seconds)
}

// ResponseTail returns P(T > t), t in seconds, for the response time T:
//
//	P(T > t) = e^(-μt) [1 + C (1 - e^(-μt(c-1-a)))/(c-1-a)],  and  e^(-μt)(1 + Cμt)  at a = c-1.
//
// Special cases: 1 if t <= 0 or the queue is not stable; NaN if t is NaN.
func (q MMc) ResponseTail(seconds float64) float64 {
	d, unstable := q.system(1)
	switch {
	case math.IsNaN(seconds):
		return seconds
	case unstable != 0:
		return unstable
	case seconds <= 0:
		return 1
	}
	return d.responseTail(seconds * q.ServiceRatePerSecond)
}

// WaitQuantileSeconds returns the p-quantile of the wait of all arrivals, those served at once included:
//
//	max(0, ln(C/(1-p)) / (cμ-λ)).
//
// Special cases: +Inf if the queue is not stable, or p = 1 and λ > 0; NaN if p is outside [0, 1] or NaN.
func (q MMc) WaitQuantileSeconds(p float64) float64 {
	d, unstable := q.system(math.Inf(1))
	switch {
	case !(p >= 0 && p <= 1):
		return math.NaN()
	case unstable != 0:
		return unstable
	case d.waitProbability <= 1-p:
		return 0
	}
	return math.Log(d.waitProbability/(1-p)) / q.spareRate()
}

// ResponseQuantileSeconds returns the p-quantile of the response time, the root of ResponseTail(t) = 1-p, found to
// within a few units in the last place of ln(1-p).
//
// Special cases: 0 if p = 0; +Inf if p = 1 or the queue is not stable; NaN if p is outside [0, 1] or NaN.
func (q MMc) ResponseQuantileSeconds(p float64) float64 {
	d, unstable := q.system(math.Inf(1))
	switch {
	case !(p >= 0 && p <= 1):
		return math.NaN()
	case unstable != 0:
		return unstable
	case p == 0 || p == 1:
		return p / (1 - p)
	case q.Servers == 1:
		return -math.Log1p(-p) / q.spareRate()
	}
	return d.responseQuantile(p) / q.ServiceRatePerSecond
}

func (q MMc) valid() bool {
	return q.ArrivalRatePerSecond >= 0 && q.ServiceRatePerSecond > 0 && !math.IsInf(q.ServiceRatePerSecond, 1) &&
		q.Servers >= 1 && q.Servers <= MaxServers
}

// spareRate is cμ - λ with a single rounding, which matters as ρ -> 1.
func (q MMc) spareRate() float64 {
	return math.FMA(float64(q.Servers), q.ServiceRatePerSecond, -q.ArrivalRatePerSecond)
}

// system returns the queue in units of its service time. Where there is no steady state the second result is not zero
// and is what the caller should return: NaN for invalid parameters, otherwise the value given.
func (q MMc) system(ifUnstable float64) (delaySystem, float64) {
	if !q.valid() {
		return delaySystem{}, math.NaN()
	}
	if !q.Stable() {
		return delaySystem{}, ifUnstable
	}
	load, gap := q.ArrivalRatePerSecond/q.ServiceRatePerSecond, q.spareRate()/q.ServiceRatePerSecond
	s := newInverseBlocking(load, q.Servers)
	s.advance(q.Servers)
	return delaySystem{servers: q.Servers, gap: gap, waitProbability: s.waitProbability(gap)}, 0
}
