package queueing

import "math"

// PhaseType is a service time of two exponential phases: it starts in phase 1 with probability Start and otherwise in
// phase 2; from phase 1 it goes on to phase 2 with probability Onward and otherwise ends; phase 2 ends it. Its squared
// coefficient of variation is 0.5 or more.
type PhaseType struct {
	Start  float64 // probability of starting in phase 1
	Onward float64 // probability of going from phase 1 to phase 2
	Rate1  float64 // of phase 1, per second
	Rate2  float64 // of phase 2, per second
}

// Erlang2 returns the sum of two exponential phases with a mean of the whole; its SCV is 0.5.
func Erlang2(meanSeconds float64) PhaseType {
	return PhaseType{Start: 1, Onward: 1, Rate1: 2 / meanSeconds, Rate2: 2 / meanSeconds}
}

// Hyperexponential returns the mixture of two exponential laws with balanced means, p/μ₁ = (1-p)/μ₂, that has a mean
// and SCV v >= 1:
//
//	p = (1 + √((v-1)/(v+1)))/2,  μ₁ = 2p/mean,  μ₂ = 2(1-p)/mean.
//
// Parameters out of range give NaN.
//
// Source: H. C. Tijms, A First Course in Stochastic Models (2003), appendix B.
func Hyperexponential(meanSeconds, scv float64) PhaseType {
	if !(scv >= 1) {
		return PhaseType{Rate1: math.NaN()}
	}
	p := (1 + math.Sqrt((scv-1)/(scv+1))) / 2
	q := 1 / ((scv + 1) * 2 * p) // (1-p) = (1-(2p-1)²)/(4p), without cancellation for large v
	return PhaseType{Start: p, Rate1: 2 * p / meanSeconds, Rate2: 2 * q / meanSeconds}
}

// PhaseTypeOf returns a service time with a mean and an SCV v >= 0.5: [Hyperexponential] for v >= 1, and below that
// the Coxian law with μ₁ = 2/mean, μ₂ = 1/(v mean) and Onward = 1/(2v), which is [Erlang2] at 0.5. Parameters out of
// range give NaN.
//
// Source: R. A. Marie (1980), as given in H. C. Tijms, A First Course in Stochastic Models (2003), appendix B.
func PhaseTypeOf(meanSeconds, scv float64) PhaseType {
	if scv >= 0.5 && scv < 1 {
		return PhaseType{Start: 1, Onward: 1 / (2 * scv), Rate1: 2 / meanSeconds, Rate2: 1 / (scv * meanSeconds)}
	}
	return Hyperexponential(meanSeconds, scv)
}

// Moments returns the first three moments.
func (s PhaseType) Moments() ServiceMoments {
	if !s.valid() {
		return ServiceMoments{math.NaN(), math.NaN(), math.NaN()}
	}
	x, y, p, b := 1/s.Rate1, 1/s.Rate2, s.Start, s.Onward
	return ServiceMoments{
		Mean:   p*(x+b*y) + (1-p)*y,
		Second: 2 * (p*(x*x+b*(x*y+y*y)) + (1-p)*y*y),
		Third:  6 * (p*(x*x*x+b*(x*x*y+x*y*y+y*y*y)) + (1-p)*y*y*y),
	}
}

// Tail returns P(S > t), t in seconds; 1 if t <= 0.
func (s PhaseType) Tail(seconds float64) float64 {
	switch {
	case math.IsNaN(seconds) || !s.valid():
		return math.NaN()
	case seconds <= 0:
		return 1
	case math.IsInf(seconds, 1):
		return 0
	}
	return s.Start*(math.Exp(-s.Rate1*seconds)+s.Onward*s.Rate1*exponentials(seconds, s.Rate1, s.Rate2)) +
		(1-s.Start)*math.Exp(-s.Rate2*seconds)
}

// tailPlus returns ∫_0^t f(s) e^(-r(t-s)) ds for the density f: the chance that the service ends within t and an
// independent exponential time of rate r after it has not.
func (s PhaseType) tailPlus(seconds, rate float64) float64 {
	return s.Start*s.Rate1*(1-s.Onward)*exponentials(seconds, s.Rate1, rate) +
		(1-s.Start)*s.Rate2*exponentials(seconds, s.Rate2, rate) +
		s.Start*s.Onward*s.Rate1*s.Rate2*threeExponentials(seconds, s.Rate1, s.Rate2, rate)
}

func (s PhaseType) valid() bool {
	return s.Start >= 0 && s.Start <= 1 && s.Onward >= 0 && s.Onward <= 1 &&
		s.Rate1 > 0 && !math.IsInf(s.Rate1, 1) && s.Rate2 > 0 && !math.IsInf(s.Rate2, 1)
}

// exponentials is the convolution ∫_0^t e^(-as) e^(-b(t-s)) ds = (e^-at - e^-bt)/(b-a), te^-at at a = b.
func exponentials(t, a, b float64) float64 {
	if a > b {
		a, b = b, a
	}
	if b == a {
		return t * math.Exp(-a*t)
	}
	return -math.Exp(-a*t) * math.Expm1(-(b-a)*t) / (b - a)
}

// threeExponentials is the convolution of e^-at, e^-bt and e^-ct: the second divided difference of e^-xt in x. Where
// the rates are close it is summed as a Taylor series about the least of them.
func threeExponentials(t, a, b, c float64) float64 {
	if a > b {
		a, b = b, a
	}
	if b > c {
		b, c = c, b
	}
	if a > b {
		a, b = b, a
	}
	y, z := (b-a)*t, (c-a)*t
	if z > 1 {
		return (exponentials(t, a, b) - exponentials(t, b, c)) / (c - a)
	}
	// Σ_n (-1)^n h_n(y, z)/(n+2)!, h_n the complete homogeneous polynomial Σ y^i z^(n-i).
	sum, sign, factor, h, zn := 0.0, 1.0, 0.5, 1.0, 1.0
	for n := 0; n < 25; n++ {
		sum += sign * factor * h
		sign, factor = -sign, factor/float64(n+3)
		zn *= z
		h = y*h + zn
	}
	return t * t * math.Exp(-a*t) * sum
}
