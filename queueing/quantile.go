package queueing

import "math"

// tailQuantile returns the least x >= 0 with tail(x) <= 1-p, to within a few units in the last place of ln tail, for a
// tail that falls to zero from at most 1. The scale is a guess of the order of x.
//
// Special cases: NaN if p is outside [0, 1] or NaN, or the tail is NaN; 0 if tail(0) <= 1-p, which includes p = 0;
// +Inf if p = 1 otherwise, or no x within float64 will do.
func tailQuantile(tail func(float64) float64, p, scale float64) float64 {
	if !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	return tailInverse(tail, 1-p, math.Log1p(-p), scale)
}

// tailInverse is tailQuantile with 1-p given as miss, and its logarithm, which may be below the spacing of p near 1.
func tailInverse(tail func(float64) float64, miss, logMiss, scale float64) float64 {
	atZero := tail(0)
	switch {
	case math.IsNaN(atZero):
		return atZero
	case atZero <= miss:
		return 0
	case miss == 0:
		return math.Inf(1)
	}
	if !(scale > 0) || math.IsInf(scale, 1) {
		scale = 1
	}
	excess := func(x float64) float64 { return logMiss - math.Log(tail(x)) }
	low := point{0, logMiss - math.Log(atZero)}
	high := point{scale, excess(scale)}
	for high.y <= 0 {
		low = high
		high.x *= 2
		if math.IsInf(high.x, 1) {
			return high.x
		}
		high.y = excess(high.x)
	}
	if math.IsNaN(high.y) {
		return high.y
	}
	for low.x == 0 { // narrow works to a relative tolerance: leave zero first
		middle := point{high.x / 2, 0}
		if middle.x == 0 {
			return 0
		}
		middle.y = excess(middle.x)
		if middle.y <= 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return narrow(excess, low, high)
}
