package queueing

import "math"

// MaxSetupQuantileServers is the largest number of servers for which [MMcSetup] quantiles are solved: one tail takes
// O(c⁴) time however long the setups and the queue are, 2 ms at 20 servers and 50 ms at the bound.
const MaxSetupQuantileServers = 50

// WaitTail returns P(W > t), first come first served. A request waits until a server that is on ends a service or one that is
// off starts up, either of which takes the head of the queue; those behind drive setups too. Let n be the servers on and the
// requests ahead in the queue together, j the servers on and k the requests behind. As j rises only and n falls only, the
// transform of the wait is a recursion,
//
//	(s + λ + jμ + u) φ(j, n, k) = λ φ(j, n, k+1) + jμ φ(j, n-1, k) + u φ(j+1, n, k),  u = min(n-j+1+k, c-j)/E[setup],
//
// with φ(j, j-1, k) = 1, and k at most c-1-j, since more make no difference. An arrival finds (j, n) with the probability
// π(n, j), which above c is the power of a triangular matrix R, while u no longer depends on n there. So the sums
// Z_i(j, k) = Σ_{n>=c} π(n, i) φ(j, n, k) need no end to the queue: they solve
//
//	(s + λ + jμ(1-R_ii) + u) Z_i(j, k) = λ Z_i(j, k+1) + u Z_i(j+1, k) + jμ (π(c, i) φ(j, c-1, k) + Σ_{l<i} R_li Z_l(j, k)).
//
// E[e^-sW] = Σ_{n<c} π(n, j) φ(j, n, 0) + Σ_j Z_j(j, 0) is inverted numerically, to an absolute error of 1e-9.
//
// Special cases: 1 if t < 0 or λ >= cμ; NaN if t is NaN, or there are more than [MaxSetupQuantileServers] servers with
// setups.
func (q MMcSetup) WaitTail(seconds float64) float64 { return q.Solve().WaitTail(seconds) }

// ResponseTail returns P(T > t), the wait and an independent service; special cases as for [MMcSetup.WaitTail].
func (q MMcSetup) ResponseTail(seconds float64) float64 { return q.Solve().ResponseTail(seconds) }

// WaitQuantileSeconds returns the p-quantile of the wait; +Inf if p = 1 or λ >= cμ, NaN if p is outside [0, 1], where
// 1-p < 1e-7, which the inversion does not resolve, or as [MMcSetup.WaitTail].
func (q MMcSetup) WaitQuantileSeconds(p float64) float64 { return q.Solve().WaitQuantileSeconds(p) }

// ResponseQuantileSeconds returns the p-quantile of the response time; special cases as for
// [MMcSetup.WaitQuantileSeconds].
func (q MMcSetup) ResponseQuantileSeconds(p float64) float64 {
	return q.Solve().ResponseQuantileSeconds(p)
}

// WaitTail returns P(W > t).
func (s *SolvedMMcSetup) WaitTail(seconds float64) float64 {
	return s.tail(seconds, s.queue.queue().WaitTail, s.waitTransform)
}

// ResponseTail returns P(T > t).
func (s *SolvedMMcSetup) ResponseTail(seconds float64) float64 {
	return s.tail(seconds, s.queue.queue().ResponseTail, s.responseTransform)
}

// WaitQuantileSeconds returns the p-quantile of the wait.
func (s *SolvedMMcSetup) WaitQuantileSeconds(p float64) float64 {
	return s.quantile(p, s.queue.queue().WaitQuantileSeconds, s.MeanWaitSeconds(), s.WaitTail)
}

// ResponseQuantileSeconds returns the p-quantile of the response time.
func (s *SolvedMMcSetup) ResponseQuantileSeconds(p float64) float64 {
	return s.quantile(p, s.queue.queue().ResponseQuantileSeconds, s.MeanResponseSeconds(), s.ResponseTail)
}

func (s *SolvedMMcSetup) tail(seconds float64, without func(float64) float64, transform func(complex128) complex128) float64 {
	q := s.queue
	switch {
	case !q.valid() || math.IsNaN(seconds):
		return math.NaN()
	case q.MeanSetupSeconds == 0:
		return without(seconds)
	case seconds <= 0 || !q.Stable():
		return 1
	case q.Servers > MaxSetupQuantileServers:
		return math.NaN()
	case math.IsInf(seconds, 1):
		return 0
	}
	return tailOfTransform(transform, seconds)
}

func (s *SolvedMMcSetup) quantile(p float64, without func(float64) float64, scale float64, tail func(float64) float64) float64 {
	q := s.queue
	switch {
	case !q.valid() || !(p >= 0 && p <= 1):
		return math.NaN()
	case q.MeanSetupSeconds == 0:
		return without(p)
	case !q.Stable():
		return math.Inf(1)
	case q.Servers > MaxSetupQuantileServers:
		return math.NaN()
	}
	return quantileByInversion(tail, p, scale)
}

// responseTransform is E[e^-sT].
func (s *SolvedMMcSetup) responseTransform(x complex128) complex128 {
	mu := complex(s.queue.ServiceRatePerSecond, 0)
	return s.waitTransform(x) * mu / (x + mu)
}

// waitTransform is E[e^-sW].
func (s *SolvedMMcSetup) waitTransform(x complex128) complex128 {
	q := s.queue
	if !s.chain { // one request, alone
		return 1 / (1 + x*complex(q.MeanSetupSeconds, 0))
	}
	c, law := q.Servers, s.state.law
	lambda, setupRate := q.ArrivalRatePerSecond, 1/q.MeanSetupSeconds
	most := func(j int) int { return max(c-1-j, 0) } // k

	// φ(j, n, k) by j and k, for one n < c after the other. Each j sees few rates, which are inverted once.
	phi, inverse := make([]complex128, (c+1)*c), make([]complex128, c*(c+1)) // by j and setups; 0 for the last k
	for i := range phi {
		phi[i] = 1
	}
	for j := range c {
		busy := float64(j) * q.ServiceRatePerSecond
		inverse[j*(c+1)] = 1 / (x + complex(busy+float64(c-j)*setupRate, 0))
		for u := 1; u <= c-j; u++ {
			inverse[j*(c+1)+u] = 1 / (x + complex(lambda+busy+float64(u)*setupRate, 0))
		}
	}
	var sum complex128
	for n := range c {
		for j := n; j >= 0; j-- {
			busy := float64(j) * q.ServiceRatePerSecond
			for k := most(j); k >= 0; k-- {
				u := min(n-j+1+k, c-j)
				value := scale(busy, phi[j*c+k]) + scale(float64(u)*setupRate, phi[(j+1)*c+min(k, most(j+1))])
				if k < most(j) {
					value += scale(lambda, phi[j*c+k+1])
				} else {
					u = 0
				}
				phi[j*c+k] = value * inverse[j*(c+1)+u]
			}
			sum += scale(law[j][n-j], phi[j*c])
		}
	}

	// Z_i(j, k) by k and i, i <= j, for one j after the other.
	width := c + 1
	z, above := make([]complex128, c*width), make([]complex128, c*width)
	last, other := make([]complex128, width), make([]complex128, width) // inverse rates by i, of the last k and those before
	for j := c; j >= 0; j-- {
		busy, setups := float64(j)*q.ServiceRatePerSecond, float64(c-j)*setupRate
		for i := range j + 1 {
			rate := busy*s.state.rates.complement[i] + setups
			last[i], other[i] = 1/(x+complex(rate, 0)), 1/(x+complex(rate+lambda, 0))
		}
		for k := most(j); k >= 0; k-- {
			row, next := z[k*width:(k+1)*width], above[min(k, most(j+1))*width:]
			for i := range j + 1 {
				var re, im float64 // Σ R_li Z_l
				column := s.state.columns[i]
				for l, v := range row[:len(column)] {
					re += column[l] * real(v)
					im += column[l] * imag(v)
				}
				value := scale(busy, scale(law[i][c-i], phi[j*c+k])+complex(re, im))
				if j < c {
					value += scale(setups, next[i])
				}
				if k < most(j) {
					row[i] = (value + scale(lambda, z[(k+1)*width+i])) * other[i]
				} else {
					row[i] = value * last[i]
				}
			}
		}
		sum += z[j]
		z, above = above, z
	}
	return sum / complex(s.state.total, 0)
}

func scale(factor float64, z complex128) complex128 { return complex(factor*real(z), factor*imag(z)) }
