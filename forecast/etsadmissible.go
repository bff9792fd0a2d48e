package forecast

import (
	"math"
	"math/cmplx"
)

// restrain reduces γ of a form with additive season until the parameters are admissible.
func (f *etsState) restrain() {
	if f.etsForm.season != additive {
		return
	}
	for range 20 {
		if f.admissible(len(f.season)) {
			return
		}
		f.gamma /= 2
	}
}

// admissible reports whether the discount matrix of an additive form with a season of m steps has
// no eigenvalue outside the unit circle, that is, whether the polynomial
//
//	z^(m+1) + (α+β-φ) z^m + (α+β-αφ) (z^(m-1) + ... + z²) + (α+β-αφ+γ-1) z + φ (1-α-γ)
//
// has all its m+1 zeros in it. They are counted by the argument principle on a circle just outside,
// with the step halved wherever the argument turns fast; each point takes O(log m) time.
//
// Source: as for ETS, R. J. Hyndman, M. Akram, B. C. Archibald (2008), theorem on ETS(A,Ad,A).
func (p etsParameters) admissible(m int) bool {
	const outside = 1e-6
	ab := p.alpha + p.beta
	middle := ab - p.alpha*p.phi
	at := func(angle float64) complex128 {
		z := cmplx.Rect(1+outside, angle)
		zm := cmplx.Rect(math.Pow(1+outside, float64(m)), angle*float64(m))
		sum := complex(float64(m-2), 0) // z² + ... + z^(m-1) = (z^m - z²) / (z - 1)
		if d := z - 1; cmplx.Abs(d) > 1e-5/float64(m) {
			sum = (zm - z*z) / d
		}
		return zm*z + complex(ab-p.phi, 0)*zm + complex(middle, 0)*sum +
			complex(middle+p.gamma-1, 0)*z + complex(p.phi*(1-p.alpha-p.gamma), 0)
	}
	points := 8 * (m + 1)
	turned := 0.0
	a, va := 0.0, at(0)
	for i := 1; i <= points; i++ {
		b := 2 * math.Pi * float64(i) / float64(points)
		vb := at(b)
		turned += turn(at, a, va, b, vb, 24)
		a, va = b, vb
	}
	return math.Abs(turned/(2*math.Pi)-float64(m+1)) < 0.5
}

// turn returns the change of the argument of f between the angles a and b.
func turn(f func(float64) complex128, a float64, va complex128, b float64, vb complex128, depth int) float64 {
	d := cmplx.Phase(vb * cmplx.Conj(va))
	if math.Abs(d) < 1 || depth == 0 {
		return d
	}
	c := (a + b) / 2
	vc := f(c)
	return turn(f, a, va, c, vc, depth-1) + turn(f, c, vc, b, vb, depth-1)
}
