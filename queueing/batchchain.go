package queueing

import (
	"math"
	"math/cmplx"
)

// batchChain is the law of X, the number waiting at the end of a batch, for X < b, with what is needed to continue it.
type batchChain struct {
	law     []float64 // P(X = x), x < b
	entries []float64 // V_z: mean ladder points of the walk at b+z, per batch
	renewal []float64 // u⁻
	steps   []float64 // P(S = s), s >= 0, S = Poisson(λτ(b)) - b
}

// belowLimit solves the chain watched only while X < b. From X >= b it does a random walk with steps
// S = Poisson(λτ(b)) - b until it is below b again. Its strictly descending ladder heights have a law d on 1..b with
//
//	1 - Σ d_h w^h = Π_k (1 - z_k w),
//
// z_k the b roots of z^b = e^(λτ(b)(z-1)) in the closed unit disc, so that by Newton's identities, with the power sums
// q_m = Σ_k z_k^m, the renewal sequence u⁻ of the ladder points and d are
//
//	h u_h = Σ_{m=1..h} q_m u_{h-m},  h d_h = q_h - Σ_{m=1..h-1} q_m d_{h-m}.
func (q MDBatch) belowLimit() batchChain {
	b := q.MaxBatch
	lambda := q.ArrivalRatePerSecond
	mean := lambda * q.time(float64(b))
	span := poissonSpan(mean) // arrivals above this are negligible
	reach := max(span-b+1, 1) // positions b..b+reach-1 can be entered from below

	sums := rootPowerSums(b, mean/float64(b))
	ladder := make([]float64, b+1)
	for h := 1; h <= b; h++ {
		v := sums[h]
		for m := 1; m < h; m++ {
			v -= sums[m] * ladder[h-m]
		}
		ladder[h] = math.Max(v/float64(h), 0)
	}
	renewal := make([]float64, reach)
	renewal[0] = 1
	for n := 1; n < reach; n++ {
		for h := 1; h <= min(n, b); h++ {
			renewal[n] += ladder[h] * renewal[n-h]
		}
	}

	c := batchChain{renewal: renewal}
	pmf := make([]float64, span+1)
	rows := make([]float64, b*b)
	entered := make([][]float64, b)
	for x := range b {
		poissonPMF(pmf, lambda*q.time(math.Max(float64(x), 1)))
		row := rows[x*b : (x+1)*b]
		copy(row, pmf)
		entered[x] = ladderPoints(pmf[min(b, len(pmf)):], renewal)
		for z, v := range entered[x] {
			for j := range b - z {
				row[b-1-j] += v * ladder[z+1+j]
			}
		}
	}
	c.law = stationary(rows, b)
	full := q.fullShare(c.law)
	total := full
	for _, p := range c.law {
		total += p
	}
	c.entries = make([]float64, reach)
	for x := range c.law {
		c.law[x] /= total
		for z, v := range entered[x] {
			c.entries[z] += c.law[x] * v
		}
	}
	poissonPMF(pmf, mean)
	if b < len(pmf) {
		c.steps = pmf[b:]
	}
	return c
}

// ladderPoints returns V_z = Σ_{i>=z} ν_i u_{i-z}, the mean number of visits of the descending ladder process to b+z
// if it starts at b+i with probability ν_i.
func ladderPoints(start, renewal []float64) []float64 {
	last := len(start)
	for last > 0 && start[last-1] == 0 {
		last--
	}
	v := make([]float64, last)
	for z := range v {
		for i := z; i < last; i++ {
			v[z] += start[i] * renewal[i-z]
		}
	}
	return v
}

// wholeLaw returns the law of X from 0 until it is negligible, or nil if that takes more than most states. Above b,
//
//	P(X = b+i) = Σ_{z<=i} V_z u⁺_{i-z},
//
// u⁺ the renewal sequence of the weakly ascending ladder heights, whose law is Σ_j P(S = h+j) u⁻_j.
func (c batchChain) wholeLaw(most int) []float64 {
	law := append([]float64(nil), c.law...)
	ascending := ladderPoints(c.steps, c.renewal)
	stay := 1.0
	if len(ascending) > 0 {
		stay -= ascending[0]
	}
	renewal := []float64{}
	var tail float64
	for i := 0; i < most; i++ {
		var u float64
		if i == 0 {
			u = 1
		}
		for h := 1; h < min(len(ascending), i+1); h++ {
			u += ascending[h] * renewal[i-h]
		}
		renewal = append(renewal, u/stay)
		var p float64
		for z := 0; z < min(len(c.entries), i+1); z++ {
			p += c.entries[z] * renewal[i-z]
		}
		law = append(law, p)
		tail += p
		// Above all entries the law falls at least geometrically; its slope is that of the last two terms.
		if i >= len(c.entries) {
			ratio := p / law[len(law)-2]
			if p == 0 || ratio < 1 && p/(1-ratio) < 1e-16 {
				return law
			}
		}
	}
	return nil
}

// rootPowerSums returns q_m = Σ_k z_k^m, m = 0..b, of the b roots of z^b = e^(ρb(z-1)) in the closed unit disc, ρ < 1.
// One is 1; the others are fixed points of z = e^(2πik/b) e^(ρ(z-1)), in conjugate pairs.
func rootPowerSums(b int, rho float64) []float64 {
	sums := make([]float64, b+1)
	for m := range sums {
		sums[m] = 1
	}
	for k := 1; 2*k <= b; k++ {
		turn := cmplx.Rect(1, 2*math.Pi*float64(k)/float64(b))
		z := complex(0, 0)
		for range 10 {
			z = turn * cmplx.Exp(complex(rho, 0)*(z-1))
		}
		for range 30 { // Newton
			image := turn * cmplx.Exp(complex(rho, 0)*(z-1))
			step := (z - image) / (1 - complex(rho, 0)*image)
			z -= step
			if cmplx.Abs(step) < 0x1p-52 {
				break
			}
		}
		weight := 2.0
		if 2*k == b {
			weight = 1
		}
		power := complex(1, 0)
		for m := range sums {
			sums[m] += weight * real(power)
			power *= z
		}
	}
	return sums
}

// stationary returns the stationary law of an n-state transition matrix by the elimination of Grassmann, Taksar and
// Heyman (Operations Research 33, 1985), which subtracts nothing. Rows need not be normalized.
func stationary(rows []float64, n int) []float64 {
	for k := n - 1; k > 0; k-- {
		pivot := rows[k*n : k*n+k]
		var out float64
		for _, v := range pivot {
			out += v
		}
		for i := range k {
			row := rows[i*n : i*n+n]
			row[k] /= out
			if f := row[k]; f > 0 {
				for j, v := range pivot {
					row[j] += f * v
				}
			}
		}
	}
	law := make([]float64, n)
	law[0] = 1
	for k := 1; k < n; k++ {
		for i := range k {
			law[k] += law[i] * rows[i*n+k]
		}
	}
	return law
}

// poissonSpan returns a number that a Poisson variable exceeds with a probability below 1e-18.
func poissonSpan(mean float64) int { return int(mean+9.5*math.Sqrt(mean)) + 25 }

// poissonPMF fills dst with P(N = 0), P(N = 1), ... of a Poisson variable, outwards from its mode so that nothing that
// matters underflows.
func poissonPMF(dst []float64, mean float64) {
	clear(dst)
	if len(dst) == 0 {
		return
	}
	if mean == 0 {
		dst[0] = 1
		return
	}
	mode := min(int(mean), len(dst)-1)
	lgamma, _ := math.Lgamma(float64(mode) + 1)
	dst[mode] = math.Exp(float64(mode)*math.Log(mean) - mean - lgamma)
	for j := mode - 1; j >= 0; j-- {
		dst[j] = dst[j+1] * float64(j+1) / mean
	}
	for j := mode + 1; j < len(dst); j++ {
		dst[j] = dst[j-1] * mean / float64(j)
	}
}
