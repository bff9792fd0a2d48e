package queueing_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// exactPHMc solves a queue with arrivals of two phases and exponential servers of rate 1, truncated where the tail is
// negligible, level by level from the top with 2x2 blocks, and returns the mean wait.
func exactPHMc(arrivals queueing.PhaseType, servers int) float64 {
	rho := 1 / arrivals.Moments().Mean / float64(servers)
	decay := 1 - (1-rho)*2/(1+arrivals.Moments().SCV())*0.8 // roughly, on the safe side
	top := servers + int(38/-math.Log(decay)) + 20
	s := arrivals
	end := [2]float64{s.Rate1 * (1 - s.Onward), s.Rate2}
	start := [2]float64{s.Start, 1 - s.Start}
	up := [2][2]float64{{end[0] * start[0], end[0] * start[1]}, {end[1] * start[0], end[1] * start[1]}}
	rates := make([][2][2]float64, top+1)
	for n := top; n > 0; n-- {
		depart := math.Min(float64(n), float64(servers))
		m := [2][2]float64{{s.Rate1 + depart, -s.Rate1 * s.Onward}, {0, s.Rate2 + depart}}
		if n == top { // arrivals are lost there
			for i := range 2 {
				for j := range 2 {
					m[i][j] -= up[i][j]
				}
			}
		} else {
			departAbove := math.Min(float64(n+1), float64(servers))
			for i := range 2 {
				for j := range 2 {
					m[i][j] -= rates[n][i][j] * departAbove
				}
			}
		}
		det := m[0][0]*m[1][1] - m[0][1]*m[1][0]
		inverse := [2][2]float64{{m[1][1] / det, -m[0][1] / det}, {-m[1][0] / det, m[0][0] / det}}
		for i := range 2 {
			for j := range 2 {
				rates[n-1][i][j] = up[i][0]*inverse[0][j] + up[i][1]*inverse[1][j]
			}
		}
	}
	// Level 0: π0 (D0 + R0·1) = 0 up to scale; D0 + R0 B has rows that add up to zero.
	a := -s.Rate1 + rates[0][0][0]
	b := rates[0][1][0]
	level := [2]float64{b, -a} // π0 (a, b)^T = 0
	if b == 0 {
		level = [2]float64{0, 1}
	}
	total, queue := level[0]+level[1], 0.0
	for n := range top {
		next := [2]float64{
			level[0]*rates[n][0][0] + level[1]*rates[n][1][0], level[0]*rates[n][0][1] + level[1]*rates[n][1][1],
		}
		level = next
		total += level[0] + level[1]
		queue += math.Max(0, float64(n+1-servers)) * (level[0] + level[1])
	}
	return queue / total * arrivals.Moments().Mean
}

func TestGIGcOfExponentialServiceIsExact(t *testing.T) {
	for _, u := range []float64{0.5, 0.7, 1.5, 2, 4} {
		for _, servers := range []int{1, 2, 5, 10, 20, 50} {
			for _, rho := range []float64{0.5, 0.7, 0.9, 0.98} {
				rate := rho * float64(servers)
				want := exactPHMc(queueing.PhaseTypeOf(1/rate, u), servers)
				q := queueing.GIGc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: servers, ArrivalSCV: u, ServiceSCV: 1}
				assertClose(t, want, q.MeanWaitSeconds(), 1e-8, q)
			}
		}
	}
}

// exactPHPH1 returns the mean wait of a single-server queue with two phases on either side, by fixed-point iteration of
// R = A0 (-(A1 + R A2))^-1 over the four joint phases.
func exactPHPH1(arrivals, service queueing.PhaseType) float64 {
	rates := func(s queueing.PhaseType) (inside [2][2]float64, end, start [2]float64) {
		inside = [2][2]float64{{-s.Rate1, s.Rate1 * s.Onward}, {0, -s.Rate2}}
		return inside, [2]float64{s.Rate1 * (1 - s.Onward), s.Rate2}, [2]float64{s.Start, 1 - s.Start}
	}
	in, inEnd, inStart := rates(arrivals)
	out, outEnd, outStart := rates(service)
	zero := func() [][]float64 {
		return [][]float64{make([]float64, 4), make([]float64, 4), make([]float64, 4), make([]float64, 4)}
	}
	a0, a1, a2 := zero(), zero(), zero()
	for i := range 2 {
		for j := range 2 {
			for k := range 2 {
				a0[2*i+k][2*j+k] += inEnd[i] * inStart[j]
				a1[2*i+k][2*j+k] += in[i][j]
				a1[2*k+i][2*k+j] += out[i][j]
				a2[2*k+i][2*k+j] += outEnd[i] * outStart[j]
			}
		}
	}
	product := func(x, y [][]float64) [][]float64 {
		z := zero()
		for i := range x {
			for k, v := range x[i] {
				for j, w := range y[k] {
					z[i][j] += v * w
				}
			}
		}
		return z
	}
	r := zero()
	for range 1200 {
		m := product(r, a2)
		for i := range m {
			for j := range m[i] {
				m[i][j] = -m[i][j] - a1[i][j]
			}
		}
		r = product(a0, invert(m))
	}
	// Level 0 has the arrival phase alone: with one job present, π1 = π0 U0 (-(A1 + R A2))^-1.
	m := product(r, a2)
	for i := range m {
		for j := range m[i] {
			m[i][j] = -m[i][j] - a1[i][j]
		}
	}
	inverse := invert(m)
	first := [2][4]float64{} // π1 for each phase of π0
	for i := range 2 {
		for j := range 2 {
			for k := range 2 {
				for to := range 4 {
					first[i][to] += inEnd[i] * inStart[j] * outStart[k] * inverse[2*j+k][to]
				}
			}
		}
	}
	// Censored on level 0: generator in + first·(departures), whose left null vector is π0.
	censored := in
	for i := range 2 {
		for j := range 2 {
			for k := range 2 {
				censored[i][j] += first[i][2*j+k] * outEnd[k]
			}
		}
	}
	empty := [2]float64{-censored[1][0], censored[0][0]}
	if empty[0] == 0 && empty[1] == 0 {
		empty = [2]float64{-censored[1][1], censored[0][1]}
	}
	level := make([]float64, 4)
	for i := range 2 {
		for j := range 4 {
			level[j] += empty[i] * first[i][j]
		}
	}
	total, queue := empty[0]+empty[1], 0.0
	for n := 0; n < 2500; n++ {
		next := make([]float64, 4)
		for i, p := range level {
			total += p
			queue += p * float64(n)
			for j := range next {
				next[j] += p * r[i][j]
			}
		}
		level = next
	}
	return queue / total * arrivals.Moments().Mean
}

// TestGIGcErrors measures the error that the documentation of GIGc states. Run with -v to print it.
func TestGIGcErrors(t *testing.T) {
	g := queueing.MG1{ArrivalRatePerSecond: 0.8, Service: queueing.Erlang2(1).Moments()}
	assertClose(t, g.MeanWaitSeconds(), exactPHPH1(queueing.PhaseTypeOf(1/0.8, 1), queueing.Erlang2(1)), 1e-9, "the check itself")
	var all errorStats
	for _, u := range []float64{0.5, 2, 4} {
		for _, v := range []float64{0.5, 2, 4} {
			for _, rho := range []float64{0.7, 0.8, 0.9} {
				want := exactPHPH1(queueing.PhaseTypeOf(1/rho, u), queueing.PhaseTypeOf(1, v))
				q := queueing.GIGc{ArrivalRatePerSecond: rho, ServiceRatePerSecond: 1, Servers: 1, ArrivalSCV: u, ServiceSCV: v}
				all.add(q.MeanWaitSeconds(), want)
				t.Logf("u %v v %v rho %v: %.1f %%", u, v, rho, 100*(q.MeanWaitSeconds()/want-1))
			}
		}
	}
	t.Logf("GI/G/1 mean wait %v", &all)
	assert.LessOrEqual(t, all.sum/float64(all.count), 0.013)
	assert.LessOrEqual(t, all.max, 0.04)
}

func TestGIGcReductions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 15).Draw(t, "servers")
		rho := rapid.Float64Range(0.05, 0.9999).Draw(t, "rho")
		scv := rapid.Float64Range(0, 10).Draw(t, "scv")
		p := rapid.Float64Range(0.5, 0.999).Draw(t, "p")
		q := queueing.GIGc{rho * float64(servers), 1, servers, 1, scv}
		m := queueing.MGc{q.ArrivalRatePerSecond, 1, servers, scv}
		assertClose(t, m.MeanWaitSeconds(), q.MeanWaitSeconds(), 0)
		assertClose(t, m.ResponseQuantileSeconds(p), q.ResponseQuantileSeconds(p), 0)
		q.ArrivalSCV = rapid.Float64Range(0, 10).Draw(t, "arrival scv")
		s := q.Solve()
		for _, v := range []float64{s.WaitProbability(), s.MeanWaitSeconds(), s.WaitQuantileSeconds(p), s.ResponseQuantileSeconds(p)} {
			assert.True(t, v >= 0 && !math.IsInf(v, 1), "%v: %v", q, v)
		}
		assert.LessOrEqual(t, s.WaitProbability(), 1.0)
	})
	// D/M/1: σ = e^(-(1-σ)/ρ), W = σ/(μ(1-σ)).
	sigma := 0.5
	for range 500 {
		sigma = math.Exp(-(1 - sigma) / 0.8)
	}
	q := queueing.GIGc{ArrivalRatePerSecond: 0.8, ServiceRatePerSecond: 1, Servers: 1, ServiceSCV: 1}
	assertClose(t, sigma/(1-sigma), q.MeanWaitSeconds(), 1e-12, "D/M/1")
	assertClose(t, sigma, q.WaitProbability(), 1e-12, "D/M/1")
}
