package queueing

import "math"

// quantileOfTail returns the least t >= 0 with tail(t) <= 1-p for a falling tail P(T > t), to within a few units in the
// last place of t, by doubling from the scale given and [narrow] on the logarithm of the tail. It returns +Inf where
// the tail stays above 1-p beyond 2^1000 scales, NaN if the tail is NaN.
//
// Special cases: NaN if p is outside [0, 1] or NaN; 0 if tail(0) <= 1-p; +Inf if p = 1 and tail(0) > 0.
func quantileOfTail(tail func(float64) float64, p, scale float64) float64 {
	return quantileOfTailTo(tail, p, scale, 0x1p-52)
}

// quantileOfTailTo is quantileOfTail to a relative width.
func quantileOfTailTo(tail func(float64) float64, p, scale, width float64) float64 {
	atZero := tail(0)
	switch {
	case !(p >= 0 && p <= 1) || math.IsNaN(atZero) || !(scale > 0):
		return math.NaN()
	case atZero <= 1-p:
		return 0
	case p == 1 || math.IsInf(scale, 1):
		return math.Inf(1)
	}
	target := math.Log1p(-p)
	short := func(t float64) float64 { return target - math.Log(tail(t)) } // > 0 once t is large enough
	low, high := point{0, target - math.Log(atZero)}, scale
	for range 1000 {
		y := short(high)
		if math.IsNaN(y) {
			return y
		}
		if y >= 0 {
			if y == 0 {
				return high
			}
			return narrowTo(short, low, point{high, math.Min(y, math.MaxFloat64)}, width)
		}
		low, high = point{high, y}, 2*high
	}
	return math.Inf(1)
}
