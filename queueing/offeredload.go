package queueing

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mathext"
)

// ServiceLaw is a distribution of service times by its first two moments: constant for SCV 0, a gamma distribution below
// 1, exponential at 1, and above 1 two exponentials with balanced means, the usual choices where no more is known.
type ServiceLaw struct {
	MeanSeconds float64 // > 0
	SCV         float64 // squared coefficient of variation, >= 0
}

// Tail returns P(S > t); 1 if t < 0, NaN for an invalid law.
func (s ServiceLaw) Tail(seconds float64) float64 {
	x := seconds / s.MeanSeconds
	switch {
	case !s.valid() || math.IsNaN(seconds):
		return math.NaN()
	case x < 0:
		return 1
	case s.SCV == 0:
		if x < 1 {
			return 1
		}
		return 0
	case s.SCV < 1:
		return mathext.GammaIncRegComp(1/s.SCV, x/s.SCV)
	case s.SCV == 1:
		return math.Exp(-x)
	}
	p := (1 + math.Sqrt((s.SCV-1)/(s.SCV+1))) / 2
	return p*math.Exp(-2*p*x) + (1-p)*math.Exp(-2*(1-p)*x)
}

func (s ServiceLaw) valid() bool {
	return s.MeanSeconds > 0 && s.SCV >= 0 && s.SCV <= 1e6 && !math.IsInf(s.MeanSeconds, 1)
}

// reach returns a time beyond which ∫ P(S > u) du is below 1e-16 of the mean.
func (s ServiceLaw) reach() float64 {
	switch {
	case s.SCV == 0:
		return s.MeanSeconds
	case s.SCV <= 1:
		return 42 * s.MeanSeconds
	}
	p := (1 + math.Sqrt((s.SCV-1)/(s.SCV+1))) / 2
	return 42 * s.MeanSeconds / (2 * (1 - p))
}

// OfferedLoadAt returns the offered load at a time of a service whose arrival rate varies, the mean number of busy
// servers of M_t/G/∞:
//
//	m(t) = ∫_0^∞ λ(t-u) P(S > u) du = E[λ(t - S_e)] E[S],
//
// S_e the stationary excess of S. It follows the rate with a lag of about E[S_e] = E[S](1+SCV)/2 and damped, and is what
// servers have to be sized for, rather than λ(t)E[S]. λ is a function of seconds and must be defined for times before
// t as well. The integral is a Gauss-Legendre rule on pieces that are halved until it moves by less than 1e-14
// relative, at most 4096 pieces.
//
// Special cases: NaN for an invalid law, or where the rate is NaN.
//
// Source: S. G. Eick, W. A. Massey, W. Whitt, The physics of the M_t/G/∞ queue, Operations Research 41 (1993), theorem 1.
func OfferedLoadAt(rate func(seconds float64) float64, service ServiceLaw, seconds float64) float64 {
	if !service.valid() {
		return math.NaN()
	}
	return integrate(func(u float64) float64 { return rate(seconds-u) * service.Tail(u) }, service.reach())
}

// integrate returns the integral of f over [0, to], with pieces that are finer near 0.
func integrate(f func(float64) float64, to float64) float64 {
	const nodes = 16
	var x, w [nodes]float64
	quad.Legendre{}.FixedLocations(x[:], w[:], 0, 1)
	last := math.NaN()
	for pieces := 16; ; pieces *= 2 {
		width := to / float64(pieces)
		var sum float64
		for i := range pieces {
			var piece float64
			for j := range nodes {
				piece += w[j] * f((float64(i)+x[j])*width)
			}
			sum += piece * width
		}
		if math.Abs(sum-last) <= 1e-14*math.Abs(sum) || pieces >= 4096 || math.IsNaN(sum) {
			return sum
		}
		last = sum
	}
}

// OfferedLoads returns m(t) at the ends of consecutive intervals of equal length, in which the arrival rate is
// constant: rates[i] per second in interval i. Before the first interval the rate is taken to have been rates[0]
// forever. It takes O(n·k) time, k the number of intervals in which a service may still last. A missing rate (NaN)
// makes the loads missing that depend on it.
//
// Errors: an invalid law, an interval that is not positive, a negative or infinite rate.
func OfferedLoads(rates []float64, stepSeconds float64, service ServiceLaw) ([]float64, error) {
	if !service.valid() {
		return nil, fmt.Errorf("queueing: ServiceLaw is mean %v s and SCV %v, must be above 0 and in [0, 1e6]", service.MeanSeconds, service.SCV)
	}
	if !(stepSeconds > 0) || math.IsInf(stepSeconds, 1) {
		return nil, fmt.Errorf("queueing: step is %v s, must be above 0 and finite", stepSeconds)
	}
	for i, r := range rates {
		if r < 0 || math.IsInf(r, 1) {
			return nil, fmt.Errorf("queueing: rate %d is %v per second, must be finite and not negative, or NaN for missing", i, r)
		}
	}
	// weights[j] is ∫ P(S > u) du over the interval j before the present end.
	var weights []float64
	left := service.MeanSeconds
	for j := 0; j < len(rates); j++ {
		from := float64(j) * stepSeconds
		if from >= service.reach() {
			break
		}
		length := math.Min(stepSeconds, service.reach()-from)
		w := integrate(func(u float64) float64 { return service.Tail(from + u) }, length)
		if service.SCV == 1 {
			w = service.Tail(from) * -math.Expm1(-length/service.MeanSeconds) * service.MeanSeconds
		}
		weights = append(weights, w)
		left -= w
	}
	loads := make([]float64, len(rates))
	for i := range loads {
		reach := min(len(weights), i+1)
		before := math.Max(left, 0)
		for _, w := range weights[reach:] {
			before += w
		}
		if before > 0x1p-45*service.MeanSeconds { // else an old gap would count for nothing
			loads[i] = before * rates[0]
		}
		for j, w := range weights[:reach] {
			loads[i] += w * rates[i-j]
		}
	}
	return loads, nil
}
