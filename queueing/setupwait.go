package queueing

import "math"

// MaxSetupStates bounds the states of a waiting request up to which [MMcSetup] quantiles are solved: the square of the
// servers times the longest queue, which grows with λ times the mean setup. At ρ = 0.7 it allows 10 servers with setups of 10
// service times, and 20 with setups of one.
const MaxSetupStates = 100_000

// WaitTail returns P(W > t), first come first served. A request with m ahead of it in the queue, k behind, and j servers
// on waits until a server that is on ends a service or one that is off starts up, either of which takes the head of the
// queue; those behind drive setups too, min(m+1+k, c-j) in all. As j rises only and m falls only, the transform of its wait
// is a recursion,
//
//	(s + λ + jμ + u) φ(j, m, k) = λ φ(j, m, k+1) + jμ φ(j, m-1, k) + u φ(j+1, m-1, k),  u = min(m+1+k, c-j)/E[setup],
//
// with φ(j, -1, k) = 1, k at most c-1 (more make no difference), and φ(c, m) = (cμ/(s+cμ))^(m+1). It is averaged over the
// stationary law that arrivals find and inverted numerically, to an absolute error of 1e-9. One tail takes up to
// 0.1 s at the bound.
//
// Special cases: 1 if t < 0 or λ >= cμ; NaN if t is NaN, or the states exceed [MaxSetupStates].
func (q MMcSetup) WaitTail(seconds float64) float64 {
	if tail, known := q.knownTail(seconds, q.queue().WaitTail); known {
		return tail
	}
	if seconds == 0 {
		return 1
	}
	found := q.foundWaiting()
	if found == nil {
		return math.NaN()
	}
	return tailOfTransform(func(s complex128) complex128 { return q.waitTransform(found, s) }, seconds)
}

// ResponseTail returns P(T > t), the wait and an independent service; special cases as for [MMcSetup.WaitTail].
func (q MMcSetup) ResponseTail(seconds float64) float64 {
	if tail, known := q.knownTail(seconds, q.queue().ResponseTail); known {
		return tail
	}
	if seconds == 0 {
		return 1
	}
	found := q.foundWaiting()
	if found == nil {
		return math.NaN()
	}
	return q.responseTail(found, seconds)
}

func (q MMcSetup) responseTail(found [][]float64, seconds float64) float64 {
	mu := complex(q.ServiceRatePerSecond, 0)
	return tailOfTransform(func(s complex128) complex128 { return q.waitTransform(found, s) * mu / (s + mu) }, seconds)
}

// WaitQuantileSeconds returns the p-quantile of the wait; +Inf if p = 1 or λ >= cμ, NaN if p is outside [0, 1], where
// 1-p < 1e-7, which the inversion does not resolve, or as [MMcSetup.WaitTail].
func (q MMcSetup) WaitQuantileSeconds(p float64) float64 {
	return q.quantile(p, q.queue().WaitQuantileSeconds, q.MeanWaitSeconds, func(found [][]float64, t float64) float64 {
		return tailOfTransform(func(s complex128) complex128 { return q.waitTransform(found, s) }, t)
	})
}

// ResponseQuantileSeconds returns the p-quantile of the response time; special cases as for
// [MMcSetup.WaitQuantileSeconds].
func (q MMcSetup) ResponseQuantileSeconds(p float64) float64 {
	return q.quantile(p, q.queue().ResponseQuantileSeconds, q.MeanResponseSeconds, q.responseTail)
}

func (q MMcSetup) quantile(p float64, without func(float64) float64, mean func() float64,
	tail func(found [][]float64, seconds float64) float64,
) float64 {
	switch {
	case !q.valid() || !(p >= 0 && p <= 1):
		return math.NaN()
	case q.MeanSetupSeconds == 0:
		return without(p)
	case !q.Stable():
		return math.Inf(1)
	}
	found := q.foundWaiting()
	if found == nil {
		return math.NaN()
	}
	return quantileByInversion(func(t float64) float64 {
		if t <= 0 {
			return 1
		}
		return tail(found, t)
	}, p, mean())
}

// knownTail returns what needs no solution.
func (q MMcSetup) knownTail(seconds float64, without func(float64) float64) (tail float64, known bool) {
	switch {
	case !q.valid() || math.IsNaN(seconds):
		return math.NaN(), true
	case q.MeanSetupSeconds == 0:
		return without(seconds), true
	case seconds < 0 || !q.Stable():
		return 1, true
	case math.IsInf(seconds, 1):
		return 0, true
	}
	return 0, false
}

// foundWaiting returns the law of what an arrival finds, by servers on and requests waiting, until the rest is
// negligible, or nil if that is too long.
func (q MMcSetup) foundWaiting() [][]float64 {
	const negligible = 1e-12
	c := q.Servers
	if q.OfferedLoad() == 0 {
		return [][]float64{{1}}
	}
	state := q.solve(true)
	level, next := make([]float64, c+1), make([]float64, c+1) // π(n, ·), n >= c
	sum := 0.0
	found := state.law
	for j := range found {
		level[j] = found[j][c-j]
		for m := range found[j] {
			found[j][m] /= state.total
			sum += found[j][m]
		}
	}
	most := MaxSetupStates / (c * c)
	for n := c + 1; 1-sum > negligible; n++ {
		if n > most {
			return nil
		}
		mass := 0.0
		for j := range next {
			next[j] = 0
			for i := 0; i <= j; i++ {
				next[j] += level[i] * state.rates.matrix[i][j]
			}
			found[j] = append(found[j], next[j]/state.total)
			mass += next[j] / state.total
		}
		level, next = next, level
		sum += mass
		if mass < negligible*1e-3 { // rounding keeps the sum from 1
			break
		}
	}
	return found
}

// waitTransform is E[e^-sW].
func (q MMcSetup) waitTransform(found [][]float64, s complex128) complex128 {
	c := q.Servers
	lambda := complex(q.ArrivalRatePerSecond, 0)
	longest := 0
	for _, row := range found {
		longest = max(longest, len(row))
	}
	// φ(j, m, k) by j and k, for one m after the other.
	phi, before := make([]complex128, (c+1)*c), make([]complex128, (c+1)*c)
	for i := range before {
		before[i] = 1
	}
	full := complex(float64(c)*q.ServiceRatePerSecond, 0)
	full /= s + full
	var sum complex128
	for m := range longest {
		for k := range c {
			phi[c*c+k] = full * before[c*c+k]
		}
		for j := c - 1; j >= 0; j-- {
			busy := complex(float64(j)*q.ServiceRatePerSecond, 0)
			for k := c - 1; k >= 0; k-- {
				setups := complex(float64(min(m+1+k, c-j))/q.MeanSetupSeconds, 0)
				value := busy*before[j*c+k] + setups*before[(j+1)*c+k]
				rate := s + busy + setups
				if k < c-1 {
					value += lambda * phi[j*c+k+1]
					rate += lambda
				}
				phi[j*c+k] = value / rate
			}
		}
		for j := range found {
			if m < len(found[j]) {
				sum += complex(found[j][m], 0) * phi[j*c]
			}
		}
		phi, before = before, phi
	}
	return sum
}
