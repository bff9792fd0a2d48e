package queueing

import (
	"math"
	"math/cmplx"
)

// batchWalk is what the number X waiting at the end of a batch does above b: a random walk with steps
// S = Poisson(λτ(b)) - b. Its strictly descending ladder heights have a law d on 1..b with
//
//	1 - Σ d_h w^h = Π_k (1 - z_k w),
//
// z_k the b roots of z^b = e^(λτ(b)(z-1)) in the closed unit disc, so that by Newton's identities, with the power sums
// q_m = Σ_k z_k^m, the renewal sequence u⁻ of the ladder points and d are
//
//	h u_h = Σ_{m=1..h} q_m u_{h-m},  h d_h = q_h - Σ_{m=1..h-1} q_m d_{h-m}.
//
// The weakly ascending ladder heights have the defective law a_h = Σ_j P(S = h+j) u⁻_j, whose defect is
// 1 - Σ a = -E[S]/Σ h d_h by the factorization of Wiener and Hopf.
type batchWalk struct {
	ladder  []float64 // d_h, h = 0..b
	descent []float64 // u⁻
	rise    []float64 // a_h
	visits  float64   // 1/(1-Σa), the mean number of ladder points of a climb
}

func newBatchWalk(b int, mean, spare float64) batchWalk {
	span := poissonSpan(mean) // arrivals above this are negligible
	reach := max(span-b, 1)   // positions b+1..b+reach can be entered from below

	sums := rootPowerSums(b, mean/float64(b))
	w := batchWalk{ladder: make([]float64, b+1), descent: make([]float64, reach)}
	var down float64
	for h := 1; h <= b; h++ {
		v := sums[h]
		for m := 1; m < h; m++ {
			v -= sums[m] * w.ladder[h-m]
		}
		w.ladder[h] = math.Max(v/float64(h), 0)
		down += float64(h) * w.ladder[h]
	}
	w.descent[0] = 1
	for n := 1; n < reach; n++ {
		for h := 1; h <= min(n, b); h++ {
			w.descent[n] += w.ladder[h] * w.descent[n-h]
		}
	}
	pmf := make([]float64, span+1)
	poissonPMF(pmf, mean)
	if b < len(pmf) {
		w.rise = ladderPoints(pmf[b:], w.descent)
	}
	w.visits = down / spare
	return w
}

// ladderPoints returns V_z = Σ_{i>=z} ν_i u_{i-z}, the mean number of visits of the descending ladder process to
// height z if it starts at i with probability ν_i, which falls with i.
func ladderPoints(start, renewal []float64) []float64 {
	last := min(len(start), len(renewal))
	for last > 0 && start[last-1] <= 0x1p-60*start[0] { // start falls
		last--
	}
	v := make([]float64, last)
	for z := range v {
		var sum float64
		for i, p := range start[z:last] {
			sum += p * renewal[i]
		}
		v[z] = sum
	}
	return v
}

// climb extends the renewal sequence u⁺ of the weakly ascending ladder points, so that Σ_{z<=i} V_z u⁺_{i-z} is the mean
// number of visits to i, by one term.
func (w batchWalk) climb(renewal []float64) []float64 {
	i, stay := len(renewal), 1.0
	if len(w.rise) > 0 {
		stay -= w.rise[0]
	}
	var u float64
	if i == 0 {
		u = 1
	}
	for h := 1; h < min(len(w.rise), i+1); h++ {
		u += w.rise[h] * renewal[i-h]
	}
	return append(renewal, u/stay)
}

// fall adds to row, indexed by X = 0..b, where the walk first comes to b or below from ladder points V_z at b+1+z.
func (w batchWalk) fall(row, entered []float64) {
	b := len(row) - 1
	for z, v := range entered[:min(len(entered), b)] {
		landing := row[z+1:] // at b-j by the height z+1+j
		for j, d := range w.ladder[z+1:] {
			landing[len(landing)-1-j] += v * d
		}
	}
}

// above returns the mean number of visits above b, and the sum of X-b over them, from ladder points V_z at b+1+z.
func (w batchWalk) above(entered []float64) (visits, excess float64) {
	var points, height, rise float64
	for z, v := range entered {
		points += v
		height += float64(z+1) * v
	}
	for h, a := range w.rise {
		rise += float64(h) * a
	}
	return points * w.visits, (height + points*rise*w.visits) * w.visits
}

// law returns the visits to b+1, b+2, ... until they are negligible, or nil if that takes more than most states.
func (w batchWalk) law(entered []float64, most int) []float64 {
	law, renewal := []float64{}, []float64{}
	for i := 0; i < most; i++ {
		renewal = w.climb(renewal)
		var p float64
		for z := 0; z < min(len(entered), i+1); z++ {
			p += entered[z] * renewal[i-z]
		}
		law = append(law, p)
		// Above all entries the law falls at least geometrically; its slope is that of the last two terms.
		if i >= len(entered) && i > 0 {
			ratio := p / law[i-1]
			if p == 0 || ratio < 1 && p/(1-ratio) < 1e-16 {
				return law
			}
			if i%4096 == 4095 && math.Log(p/1e-16)+math.Log(ratio)*float64(most-i) > math.Log1p(-ratio) { // too far to go
				return nil
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
