package forecast

import "math"

const (
	// logRange is the largest ratio of the mean to the smallest value for which logarithms are
	// taken: beyond it the smallest values would rule the fit (chosen by us).
	logRange = 50.0
	// maxExponent keeps exp finite; meanPath clamps far below it.
	maxExponent = 600.0
)

// transform maps values to the scale that a model is linear on: logarithms where every value of the
// history is positive and none is tiny beside the mean, else the values themselves. A later value
// below half of the smallest one counts as that half, so that a zero is low and not minus infinity.
type transform struct {
	log   bool
	floor float64
}

// newTransform chooses by the values present.
func newTransform(values []float64) transform {
	smallest, mean, n := math.Inf(1), 0.0, 0.0
	for _, v := range values {
		if v == v {
			smallest = min(smallest, v)
			n++
			mean += (v - mean) / n
		}
	}
	if n == 0 || smallest <= 0 || mean > logRange*smallest {
		return transform{}
	}
	return transform{log: true, floor: smallest / 2}
}

// forward keeps NaN.
func (t transform) forward(y float64) float64 {
	if !t.log {
		return y
	}
	return math.Log(max(y, t.floor)) // the built-in keeps NaN
}

func (t transform) inverse(z float64) float64 {
	if !t.log {
		return z
	}
	return math.Exp(min(z, maxExponent))
}

// apply returns the values transformed.
func (t transform) apply(values []float64) []float64 {
	z := make([]float64, len(values))
	for i, y := range values {
		z[i] = t.forward(y)
	}
	return z
}
