package queueing

import "math"

// largestKept returns the largest x in (0, limit) with f(x) <= 0, to within a few units in the last place, for a
// rising f that is positive at limit; f(x) <= 0 was seen at the x returned. It returns 0 if f is positive all the way
// down. The search steps away from start until it has a bracket and then narrows that.
func largestKept(f func(float64) float64, start, step, limit float64) float64 {
	low, high := 0.0, limit
	fLow, fHigh := math.Inf(-1), math.Inf(1)
	for x := start; ; step *= 4 {
		y := f(x)
		if y <= 0 {
			low, fLow = x, y
			if !math.IsInf(fHigh, 1) {
				break
			}
			x = math.Min(x+step, low+(high-low)/2) // halves the way to the limit at worst
		} else {
			high, fHigh = x, y
			if !math.IsInf(fLow, -1) {
				break
			}
			x = math.Max(x-step, high/2)
		}
		if x <= low || x >= high { // nothing representable is left in between
			return low
		}
	}
	return narrow(f, point{low, fLow}, point{high, fHigh})
}

// point is an argument and its value.
type point struct{ x, y float64 }

// narrow closes a bracket with low.y <= 0 < high.y by Chandrupatla's method, inverse quadratic interpolation where
// it is safe and bisection elsewhere, and returns the last argument seen at or below zero.
//
// Source: T. R. Chandrupatla, A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear function
// without using derivatives, Advances in Engineering Software 28 (1997), 145-149.
func narrow(f func(float64) float64, low, high point) float64 {
	return narrowTo(f, low, high, 0x1p-52)
}

// narrowTo is narrow to a relative width of the bracket.
func narrowTo(f func(float64) float64, low, high point, width float64) float64 {
	const maxIterations = 200 // bisection needs about 64 at worst in a bracket within a factor of two
	newest, opposite := high, low
	fraction := 0.5
	for range maxIterations {
		x := newest.x + fraction*(opposite.x-newest.x)
		if x <= low.x || x >= high.x {
			x = low.x + (high.x-low.x)/2
			if x <= low.x || x >= high.x {
				break
			}
		}
		probe := point{x, f(x)}
		previous := newest // becomes the third point of the interpolation
		if (probe.y <= 0) == (newest.y <= 0) {
			newest = probe
		} else {
			previous, opposite, newest = opposite, newest, probe
		}
		if probe.y <= 0 {
			low = probe
		} else {
			high = probe
		}
		left := high.x - low.x
		tolerance := width * high.x
		if left <= tolerance || low.y == 0 {
			break
		}
		fraction = interpolate(newest, opposite, previous)
		least := math.Min(0.5, tolerance/left)
		fraction = math.Min(math.Max(fraction, least), 1-least)
	}
	return low.x
}

// interpolate returns the fraction of the way from a to b at which inverse quadratic interpolation through a, b and c
// puts the root, or one half where Chandrupatla's criterion distrusts it.
func interpolate(a, b, c point) float64 {
	xi := (a.x - b.x) / (c.x - b.x)
	phi := (a.y - b.y) / (c.y - b.y)
	if !(phi*phi < xi && (1-phi)*(1-phi) < 1-xi) {
		return 0.5
	}
	t := a.y/(b.y-a.y)*(c.y/(b.y-c.y)) + (c.x-a.x)/(b.x-a.x)*(a.y/(c.y-a.y))*(b.y/(c.y-b.y))
	if math.IsNaN(t) {
		return 0.5
	}
	return t
}
