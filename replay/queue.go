package replay

import "math"

// queue is the state of the requests in the system, which follows two flows. The fluid x(t) is what there were without
// any randomness (Newell; for many servers Mandelbaum, Massey and Reiman, Queueing Systems 30 (1998)):
//
//	dx/dt = λ - μ min(x, c),    backlog B = max(0, x - c).
//
// The mean L(t) includes what randomness adds, by the pointwise stationary fluid flow approximation (W.-P. Wang,
// D. Tipper, S. Banerjee, A simple approximation for modeling nonstationary queues, INFOCOM 1996):
//
//	dL/dt = λ - cμ ρ(L),
//
// where ρ(L) is the utilization at which the steady state of package queueing holds L. A request finds the backlog B in
// front of it, and around it a queue distributed as in the steady state that holds L - B: it is too slow with
// probability P(T > latency - B/(cμ)) of that one.
type queue struct {
	tails *Tails
	// room is how many requests may wait per replica, patience the seconds that any waits; infinite without a limit.
	room, patience float64

	fluid, mean float64 // x and L
	utilization float64 // ρ(L - B)

	// What went on in the last step, if nothing but more of the same can follow.
	steady   bool
	lambda   float64
	capacity capacity
	flow     flow
}

// capacity is what serves during a step.
type capacity struct {
	replicas int     // ready ones
	servers  float64 // c, in servers at full speed
}

// flow is what happened in a while.
type flow struct {
	// slow is the share of the arrivals admitted that were too slow, lost the number of requests that were refused or
	// gave up.
	slow, lost float64
	// clustered is the variance of the probability to be late that a request finds, as the queue varies.
	clustered float64
	// backlog and inSystem are those at the end, busy the mean number of busy servers.
	backlog, inSystem, busy float64
}

// seldom is a share of late requests that makes no minute bad.
const seldom = 1e-6

// reset empties the queue, as after a time of which nothing is known.
func (q *queue) reset() { q.fluid, q.mean, q.utilization, q.steady = 0, 0, 0, false }

// goOn is a step like the last one, which left a steady state; false if it is not.
func (q *queue) goOn(lambda float64, c capacity) (flow, bool) {
	return q.flow, q.steady && lambda == q.lambda && c == q.capacity
}

// advance lets arrivals at rate lambda flow for the given seconds; decay is e^(-μ seconds).
func (q *queue) advance(lambda float64, c capacity, seconds, decay float64) flow {
	rate := q.tails.rate
	q.steady = false
	if !(c.servers > 0) {
		q.fluid += lambda * seconds
		q.mean += lambda * seconds
		lost := q.overflow(c, 0)
		return flow{slow: 1, lost: lost, backlog: q.fluid, inSystem: q.mean}
	}
	before := max(0, q.fluid-c.servers)
	inBefore := q.mean
	q.flowFluid(lambda, c.servers, seconds, decay)
	q.flowMean(lambda, c, seconds)
	served := inBefore + lambda*seconds - q.mean
	lost := 0.0
	if q.room < math.Inf(1) || q.patience < math.Inf(1) {
		lost = q.overflow(c, c.servers*rate)
		q.mean = max(min(q.mean, c.servers+q.limit(c, c.servers*rate)), 0)
	}
	backlog := max(0, q.fluid-c.servers)
	if backlog > 0 {
		q.utilization, _ = q.solve(q.mean-backlog, c, 0)
	}
	wait := 0.0
	if before > 0 || backlog > 0 {
		wait = (before + backlog) / 2 / (c.servers * rate)
	}
	slow, clustered := q.tails.slower(c.replicas, q.utilization, wait), 0.0
	if wait == 0 && slow > seldom {
		clustered = max(q.tails.sure(c.replicas, q.utilization)-slow*slow, 0)
	}
	q.lambda, q.capacity = lambda, c
	q.flow = flow{
		slow: slow, clustered: clustered, lost: lost,
		backlog: backlog, inSystem: q.mean, busy: min(max(served/(rate*seconds), 0), c.servers),
	}
	return q.flow
}

// limit is how many requests may wait.
func (q *queue) limit(c capacity, capacityRate float64) float64 {
	return min(q.room*float64(c.replicas), q.patience*capacityRate)
}

// overflow removes what may not wait from the fluid and returns how much that was.
func (q *queue) overflow(c capacity, capacityRate float64) float64 {
	if math.IsInf(q.room, 1) && math.IsInf(q.patience, 1) {
		return 0
	}
	limit := q.limit(c, capacityRate)
	if math.IsNaN(limit) { // no replica, no limit of its own
		limit = 0
	}
	over := q.fluid - c.servers - limit
	if !(over > 0) {
		return 0
	}
	q.fluid -= over
	return over
}

// flowFluid solves the equation of x exactly: exponential below c, linear above.
func (q *queue) flowFluid(lambda, c, seconds, decay float64) {
	rate := q.tails.rate
	load, net := lambda/rate, lambda-c*rate
	switch x := q.fluid; {
	case x <= c && load <= c:
		q.fluid = load + (x-load)*decay
	case x >= c && net >= 0:
		q.fluid = x + net*seconds
	case x > c: // drains, and falls below c perhaps
		if until := (c - x) / net; until < seconds {
			q.fluid = load + (c-load)*math.Exp(-rate*(seconds-until))
		} else {
			q.fluid = x + net*seconds
		}
	default: // fills, and rises above c perhaps
		if until := math.Log((load-x)/(load-c)) / rate; until < seconds {
			q.fluid = c + net*(seconds-until)
		} else {
			q.fluid = load + (x-load)*decay
		}
	}
}

// settled is the relative error in ρ below which the mean counts as settled in its steady state.
const settled = 1e-3

// flowMean takes one implicit step of the equation of L, which is stable however long the step is:
//
//	L' + cμ ρ(L') seconds = L + λ seconds.
func (q *queue) flowMean(lambda float64, c capacity, seconds float64) {
	flow := c.servers * q.tails.rate
	if rho := lambda / flow; rho < q.tails.maxUtilization() {
		mean := q.tails.inSystem(c.replicas, c.servers, rho)
		if math.Abs(q.mean-mean) < settled*flow*seconds*(1-rho) {
			q.mean, q.utilization = mean, rho
			// The fluid may still be on its way to a lower level.
			q.steady = math.Abs(q.fluid-lambda/q.tails.rate) <= 1e-9*c.servers
			return
		}
	}
	right := q.mean + lambda*seconds
	rho, left := q.solve(right, c, flow*seconds)
	q.utilization = rho
	q.mean = max(left, right-flow*seconds*rho)
}

// solve returns the utilization ρ at which L(ρ) + slope ρ = right, and L(ρ); at most that of the last cell, beyond which
// the queue holds any number.
func (q *queue) solve(right float64, c capacity, slope float64) (rho, mean float64) {
	t := q.tails
	value := func(cell int) float64 {
		u := t.utilization(cell)
		return t.inSystem(c.replicas, c.servers, u) + slope*u
	}
	low, high := 0, t.cells-1
	if right <= 0 {
		return 0, 0
	}
	if top := value(high); right >= top {
		u := t.utilization(high)
		return u, top - slope*u
	}
	for high-low > 1 {
		middle := (low + high) / 2
		if value(middle) <= right {
			low = middle
		} else {
			high = middle
		}
	}
	a, b := value(low), value(high)
	u := lerp(t.utilization(low), t.utilization(high), (right-a)/(b-a))
	return u, right - slope*u
}
