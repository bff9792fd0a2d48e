package queueing

import (
	"math"
	"math/cmplx"

	"gonum.org/v1/gonum/dsp/fourier"
)

// poissonWalk is the random walk of the queue length with steps Poisson(a) - c, on the circle |z| = 1/ρ where
// |z^-c e^(a(z-1))| is least on the real axis.
type poissonWalk struct {
	servers  int
	load     float64
	rho      float64
	spare    float64 // 1 - ρ, with one rounding
	exponent float64 // c (ρ - 1 - ln ρ): the function is e^-exponent at its largest on the circle
	beyond   float64 // τ - 1 for the real root τ > 1 of z^c = e^(a(z-1))
	points   int
}

func newPoissonWalk(q MDc) poissonWalk {
	c := float64(q.Servers)
	w := poissonWalk{
		servers: q.Servers,
		load:    q.ArrivalRatePerSecond / q.ServiceRatePerSecond,
		spare:   q.markov().spareRate() / (c * q.ServiceRatePerSecond),
	}
	w.rho = w.load / c
	w.exponent = -c * logPlus(-w.spare)
	if w.rho < 0.5 {
		w.exponent = c * (w.rho - 1 - math.Log(w.rho))
	}
	w.beyond = outerRoot(w.rho, w.spare)
	// The next roots are complex. On the circle, after the real roots are gone, coefficients fall as the ratio of
	// their moduli to the radius.
	radius := -math.Log(w.rho)
	inner := radius - math.Log(cmplx.Abs(complexRoot(w.rho, 2*math.Pi/c, false)))
	outer := math.Log(cmplx.Abs(complexRoot(w.rho, 2*math.Pi/c, true))) - radius
	if q.Servers == 1 {
		inner = outer
	}
	fall := math.Min(inner, outer)
	if w.exponent > separateBelow { // coefficients are also wanted with the real roots in
		fall = math.Min(fall, math.Min(radius, math.Log1p(w.beyond)-radius))
	}
	w.points = minPoints
	width := 16 * math.Sqrt(c) // in light traffic the coefficients are nearly a Poisson law of mean c on this circle
	for (float64(w.points)*fall < coefficientDecay || float64(w.points) < width) && w.points < maxPoints {
		w.points *= 2
	}
	return w
}

// logPlus is ln(1+x) - x, without cancellation for small x.
func logPlus(x float64) float64 {
	if math.Abs(x) > 0.1 {
		return math.Log1p(x) - x
	}
	sum, term := 0.0, -x
	for n := 2.0; ; n++ {
		term *= -x
		next := sum - term/n
		if next == sum {
			return sum
		}
		sum = next
	}
}

// outerRoot returns v = τ - 1 > 0 with ln(1+v) = ρv, that is (v - ln(1+v))/v = 1-ρ, by Newton's method. The left side
// is concave and increasing in v.
func outerRoot(rho, spare float64) float64 {
	v := 2 * spare
	if rho < 0.5 { // by iteration, which contracts by 1/(ρτ) < 0.6
		v = math.Log(1/rho) / rho
		for range 100 {
			v = math.Log1p(v) / rho
		}
		return v
	}
	for range 100 {
		gap := -logPlus(v)/v - spare
		slope := (v/(1+v) + logPlus(v)/v) / v // of the left side
		next := v - gap/slope
		if !(next > 0) {
			next = v / 2
		}
		if math.Abs(next-v) <= 0x1p-52*v {
			return next
		}
		v = next
	}
	return v
}

// complexRoot returns the root z of ln z = ρ(z-1) + iθ that is inside or outside the unit circle, θ in (0, 2π], by
// Newton's method from the two solutions of the quadratic z - 1 = u: (1-ρ)u - u²/2 = iθ.
func complexRoot(rho, theta float64, outside bool) complex128 {
	target := complex(0, theta)
	root := cmplx.Sqrt(complex((1-rho)*(1-rho), 0) - 2*target)
	u := complex(1-rho, 0) - root
	if outside {
		u = complex(1-rho, 0) + root
		if real(u) < 0.5/rho { // far out, ln z is small against ρz
			u += complex(math.Log(1/rho)/rho, 0)
		}
	}
	z := 1 + u
	if !outside && cmplx.Abs(z) >= 1 {
		z = cmplx.Exp(target) * complex(0.9, 0)
	}
	for range 200 {
		var next complex128
		if outside {
			next = 1 + (cmplx.Log(z)-target)/complex(rho, 0)
		} else {
			next = cmplx.Exp(complex(rho, 0)*(z-1) + target)
		}
		if cmplx.Abs(next-z) <= 1e-9*cmplx.Abs(z) {
			return next
		}
		z = next
	}
	return z
}

// laurent returns the coefficients of (z/r)^j, r = 1/ρ, of -ln(1 - z^-c e^(a(z-1))), index j or j + points for j < 0;
// with separate, of -ln of that divided by (1 - 1/z)(1 - z/τ).
func (w poissonWalk) laurent(separate bool) []complex128 {
	n := w.points
	samples := make([]complex128, n)
	c := float64(w.servers)
	tau := 1 + w.beyond
	inner := w.rho              // 1/r
	outer := 1 / (w.rho * tau)  // r/τ
	outerGap := w.outerGap(tau) // 1 - r/τ
	for m := range n / 2 {
		phi := math.Pi * (2*float64(m) + 1) / float64(n)
		sin, half := math.Sin(phi), math.Sin(phi/2)
		versine := 2 * half * half // 1 - cos φ
		// ln of z^-c e^(a(z-1)) on the circle: -exponent + c (e^iφ - 1 - iφ), its imaginary part modulo 2π exactly.
		turn := math.Pi * float64((w.servers*(2*m+1))%(2*n)) / float64(n)
		x, y := -w.exponent-c*versine, c*sin-turn
		var sample complex128
		if separate {
			sample = cmplx.Log(complex(w.spare+inner*versine, inner*sin)) +
				cmplx.Log(complex(outerGap+outer*versine, -outer*sin)) - cmplx.Log(-expm1(x, y))
		} else {
			sample = -logOnePlus(-cmplx.Exp(complex(x, y)))
		}
		samples[m], samples[n-1-m] = sample, cmplx.Conj(sample)
	}
	coefficients := fourier.NewCmplxFFT(n).Coefficients(nil, samples)
	for j := range coefficients {
		k := j
		if j > n/2 {
			k -= n
		}
		sin, cos := math.Sincos(math.Pi * float64(k) / float64(n))
		coefficients[j] *= complex(cos/float64(n), -sin/float64(n))
	}
	return coefficients
}

// outerGap is 1 - r/τ = (ρτ - 1)/(ρτ). As ρτ - 1 = ρ(τ-1) - (1-ρ), no digits are lost.
func (w poissonWalk) outerGap(tau float64) float64 {
	return (w.rho*w.beyond - w.spare) / (w.rho * tau)
}

// expm1 is e^(x+iy) - 1.
func expm1(x, y float64) complex128 {
	sin, cos := math.Sincos(y)
	half := math.Sin(y / 2)
	return complex(math.Expm1(x)*cos-2*half*half, math.Exp(x)*sin)
}

// logOnePlus is ln(1+z), accurate for small z.
func logOnePlus(z complex128) complex128 {
	x, y := real(z), imag(z)
	return complex(0.5*math.Log1p(2*x+x*x+y*y), math.Atan2(y, 1+x))
}

// waitAndMean returns P(W > 0) and the mean number waiting.
func (w poissonWalk) waitAndMean(coefficients []complex128, separate bool) (wait, mean float64) {
	total, scale := real(coefficients[0]), 1.0
	for j := 1; j < w.points/2; j++ {
		scale *= w.rho
		h := real(coefficients[j]) * scale
		total += h
		mean += float64(j) * h
	}
	if separate {
		total -= math.Log(w.beyond / (1 + w.beyond))
		mean += 1 / w.beyond
	}
	return -math.Expm1(-total), mean
}

// queueTail returns P(more than i wait) up to where it is geometric with ratio 1/τ, from coefficients with the real
// roots out. The generating function is that of a geometric law of ratio 1/τ times R(z) = exp Σ h_j (z^j - 1).
func (w poissonWalk) queueTail(coefficients []complex128) []float64 {
	n := w.points
	// R on the circle |z| = r, and back. At the unit circle the exponent must vanish.
	atOne, scale := 0.0, 1.0
	half := make([]complex128, n)
	for j := 1; j < n/2; j++ {
		scale *= w.rho
		h := real(coefficients[j])
		atOne += h * scale
		half[j] = complex(h, 0)
	}
	transform := fourier.NewCmplxFFT(n)
	values := transform.Sequence(nil, half)
	for i := range values {
		values[i] = cmplx.Exp(values[i] - complex(atOne, 0))
	}
	values = transform.Coefficients(values, values)
	tail := make([]float64, 0, n/2)
	ratio := 1 / (1 + w.beyond)
	geometric, remaining := 0.0, 1.0 // Σ_{j<=i} r_j τ^-(i+1-j) and Σ_{j>i} r_j
	scale = 1.0
	for i := range n / 2 {
		r := real(values[i]) / float64(n) * scale
		scale *= w.rho
		geometric = (geometric + r) * ratio
		remaining -= r
		tail = append(tail, math.Max(geometric+remaining, 0))
	}
	return tail
}
