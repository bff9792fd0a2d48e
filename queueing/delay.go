package queueing

import "math"

// delaySystem is a stable M/M/c queue whose unit of time is one mean service time. Everything the package says about
// waiting follows from three numbers: the servers c, the gap c - a between servers and offered load, and Erlang C.
type delaySystem struct {
	servers         int
	gap             float64 // c - a, in erlangs, > 0
	waitProbability float64 // C
}

// meanWait is E[W] = C/(c-a).
func (d delaySystem) meanWait() float64 { return d.waitProbability / d.gap }

// waitTail is P(W > x) = C e^(-(c-a)x), for x >= 0.
func (d delaySystem) waitTail(x float64) float64 {
	return d.waitProbability * math.Exp(-d.gap*x)
}

// waitQuantile is the least x >= 0 with P(W > x) <= 1-p, for 0 <= p < 1: zero while 1-C >= p.
func (d delaySystem) waitQuantile(p float64) float64 {
	if d.waitProbability <= 1-p {
		return 0
	}
	return math.Log(d.waitProbability/(1-p)) / d.gap
}

// responseTail is P(T > x) for the response time T = W + S, x >= 0. With δ = c-1-a,
//
//	P(T > x) = e^-x [1 + C (1 - e^-δx)/δ],  and  e^-x (1 + Cx)  at δ = 0.
//
// expm1 keeps all digits near δ = 0. For δ < 0 the bracket would overflow at large x while e^-x underflows, so the
// product is taken term by term.
func (d delaySystem) responseTail(x float64) float64 {
	if math.IsInf(x, 1) {
		return 0
	}
	delta := d.gap - 1
	switch {
	case d.servers == 1:
		return math.Exp(-d.gap * x)
	case delta > 0:
		return math.Exp(-x) * (1 - d.waitProbability*math.Expm1(-delta*x)/delta)
	case delta < 0:
		return math.Exp(-x) + d.waitProbability/delta*math.Exp(-d.gap*x)*math.Expm1(delta*x)
	}
	return math.Exp(-x) * (1 + d.waitProbability*x)
}

// responseQuantile is the x with P(T > x) = 1-p, for 0 < p < 1, by a Newton iteration on -ln P(T > x), which is
// nearly linear in x, kept inside a bracket. Its derivative is the hazard rate
//
//	-d/dx ln P(T > x) = 1 - C e^(-(c-a)x) / P(T > x).
//
// The service alone exceeds the bound below: P(T > x) >= e^-x.
func (d delaySystem) responseQuantile(p float64) float64 {
	const maxIterations = 200 // a bisection alone would end by then
	target := -math.Log1p(-p)
	if d.servers == 1 {
		return target / d.gap
	}
	low, high, x := target, math.Inf(1), target
	for range maxIterations {
		tail := d.responseTail(x)
		excess := -math.Log(tail) - target
		switch {
		case excess == 0:
			return x
		case excess < 0:
			low = x
		default:
			high = x
		}
		hazard := 1 - d.waitTail(x)/tail
		next := x - excess/hazard
		if !(next >= low && next <= high) { // also catches NaN
			next = 2 * low
			if !math.IsInf(high, 1) {
				next = low + (high-low)/2
			}
		}
		if math.Abs(next-x) <= 0x1p-53*x {
			return next
		}
		x = next
	}
	return x
}
