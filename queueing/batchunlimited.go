package queueing

import "math"

// unlimitedMeans solves the server without limit on b, where each request of a batch has Poisson(λ·perItem)
// successors and each batch Poisson(λ·fixed) more: a branching process with immigration, whose generating function
// P(z) = e^(-λf(1-z)) [P(φ) - p0 (1-φ)], φ = e^(-λa(1-z)), gives p0 = P(X = 0) by iteration from z = 0. The moments are
// closed expressions in p0.
func (q MDBatch) unlimitedMeans() batchMeans {
	lambda, a, f := q.ArrivalRatePerSecond, q.PerItemSeconds, q.FixedSeconds
	la, lf := lambda*a, lambda*f
	empty := unlimitedEmpty(la, lf)
	x := (lf + la*empty) / (1 - la) // E[X]
	n := x + empty                  // n = max(X, 1)
	// E[X²] = E[m + m²], m = λτ(n), and E[n²] = E[X²] + p0.
	square := (lf + la*n + lf*lf + 2*lf*la*n + la*la*empty) / (1 - la*la)
	nn := square + empty
	return q.meansFrom(empty, n, f+a*n, f*n+a*nn, f*f+2*a*f*n+a*a*nn, 0)
}

// unlimitedEmpty iterates ε = 1-z from 1 by ε' = 1 - e^(-λaε).
func unlimitedEmpty(la, lf float64) float64 {
	const maxIterations = 1_000_000 // reached for 1-λa < 1e-5, where p0 hardly matters any more
	distance, exponent, sum := 1.0, 0.0, 0.0
	for range maxIterations {
		exponent -= lf * distance
		next := -math.Expm1(-la * distance)
		weight := math.Exp(exponent)
		sum += weight * next
		if weight == 0 || next*(lf+1)/(1-la) < 0x1p-60 {
			break
		}
		distance = next
	}
	return math.Exp(exponent) / (1 + sum)
}

// unlimitedTransform returns P(e^iθ) = Π_j A(z_j) - p0 Σ_i (1-φ(z_i)) Π_{j<=i} A(z_j), A = e^(-λf(1-z)).
func unlimitedTransform(theta, la, lf, empty float64) complex128 {
	const near = 1e-10 // from where 1-φ = λa(1-z) to within rounding
	sine := math.Sin(theta / 2)
	distance := complex(2*sine*sine, -math.Sin(theta)) // 1-z
	var exponent, sum complex128
	for range 1_000_000 {
		exponent -= complex(lf, 0) * distance
		power := complexExp(exponent)
		next := 1 - complexExp(complex(-la, 0)*distance)
		sum += power * next
		distance = next
		if size := math.Hypot(real(distance), imag(distance)); size < near*(1-la) || real(exponent) < -50 {
			exponent -= distance * complex(lf/(1-la), 0)
			sum += power * distance * complex(la/(1-la), 0)
			break
		}
	}
	return complexExp(exponent) - complex(empty, 0)*sum
}

func complexExp(z complex128) complex128 {
	sin, cos := math.Sincos(imag(z))
	e := math.Exp(real(z))
	return complex(e*cos, e*sin)
}
