package queueing

import (
	"math"
	"math/cmplx"
)

// inversionError bounds what [invertLaplace] is off for the tails of this package, a little above the discretization
// error e^-22: tails are exact to it, absolute, and quantiles are not given where 1-p is not far above it.
const inversionError = 1e-9

// invertLaplace returns f(t), t > 0, from the Laplace transform F of a smooth bounded function, by the Fourier series
//
//	f(t) ≈ e^(A/2)/(2t) Re F(A/(2t)) + e^(A/2)/t Σ_{k>=1} (-1)^k Re F((A + 2kπi)/(2t))
//
// with A = 22 and Euler's binomial average of the partial sums 40 to 54. It evaluates F 55 times.
//
// Source: J. Abate, W. Whitt, Numerical inversion of Laplace transforms of probability distributions, ORSA Journal on
// Computing 7 (1995), 36-43, algorithm EULER.
func invertLaplace(transform func(s complex128) complex128, t float64) float64 {
	const damping, terms, averaged = 22.0, 40, 14
	sum := real(transform(complex(damping/(2*t), 0))) / 2
	weight, average := math.Exp2(-averaged), 0.0 // binomial
	sign := 1.0
	for k := 1; k <= terms+averaged; k++ {
		sign = -sign
		sum += sign * real(transform(complex(damping/(2*t), float64(k)*math.Pi/t)))
		if j := k - terms; j >= 0 {
			average += weight * sum
			weight *= float64(averaged-j) / float64(j+1)
		}
	}
	return math.Exp(damping/2) / t * average
}

// tailOfTransform returns P(X > t) of a positive random variable without atoms but at 0, from E[e^-sX].
func tailOfTransform(transform func(s complex128) complex128, t float64) float64 {
	tail := invertLaplace(func(s complex128) complex128 {
		v := transform(s)
		if cmplx.IsNaN(v) {
			return v
		}
		return (1 - v) / s
	}, t)
	if math.IsNaN(tail) {
		return tail
	}
	return math.Min(math.Max(tail, 0), 1)
}

// quantileByInversion returns the p-quantile of such a tail, to a relative width below what the error of the tail is worth;
// NaN where 1-p is above 0 but not far above inversionError.
func quantileByInversion(tail func(seconds float64) float64, p, scale float64) float64 {
	if 1-p < 100*inversionError && p < 1 {
		return math.NaN()
	}
	return quantileOfTailTo(tail, p, scale, 1e-10)
}
