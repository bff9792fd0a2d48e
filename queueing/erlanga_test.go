package queueing_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestReferenceErlangA(t *testing.T) {
	for _, r := range referenceRows(t, "erlang_a.csv") {
		s := queueing.ErlangA{
			ArrivalRatePerSecond: r.float(t, "lambda"), ServiceRatePerSecond: r.float(t, "mu"),
			Servers: r.int(t, "servers"), AbandonmentRatePerSecond: r.float(t, "theta"),
		}.Solve()
		for column, got := range map[string]float64{
			"prob_wait": s.WaitProbability(), "prob_abandon": s.AbandonmentProbability(), "mean_queue": s.MeanQueueLength(),
			"mean_wait_all": s.MeanWaitSeconds(), "utilization": s.Utilization(),
			"offered_wait_tail_0.1": s.OfferedWaitTail(0.1), "offered_wait_tail_0.5": s.OfferedWaitTail(0.5),
			"offered_wait_tail_1": s.OfferedWaitTail(1), "prob_abandon_given_wait": s.AbandonmentProbability() / s.WaitProbability(),
		} {
			assertClose(t, r.float(t, column), got, referenceTolerance, column, r)
		}
	}
}

// bruteErlangA sums the birth-death weights of some 150 states one by one. For an arrival that finds c+j it integrates the
// linear equations of the pure death process cμ+jθ, ..., cμ by small Runge-Kutta steps, which gives P(V > t).
func bruteErlangA(q queueing.ErlangA, at float64) (wait, queue, offered float64) {
	const states = 150
	c, theta, mu := float64(q.Servers), q.AbandonmentRatePerSecond, q.ServiceRatePerSecond
	weight, total := 1.0, 1.0
	ahead := make([]float64, states) // P(j+1 departures still ahead)
	for n := 1; n < q.Servers+states; n++ {
		rate := math.Min(float64(n), c)*mu + math.Max(0, float64(n)-c)*theta
		weight *= q.ArrivalRatePerSecond / rate
		total += weight
		if n >= q.Servers {
			ahead[n-q.Servers] = weight
			queue += weight * float64(n-q.Servers)
			wait += weight
		}
	}
	const steps = 1500
	h := at / steps
	slope := func(p []float64) []float64 {
		d := make([]float64, states)
		for j := range d {
			d[j] = -p[j] * (c*mu + float64(j)*theta)
			if j+1 < states {
				d[j] += p[j+1] * (c*mu + float64(j+1)*theta)
			}
		}
		return d
	}
	moved := func(p, d []float64, by float64) []float64 {
		next := make([]float64, states)
		for j := range next {
			next[j] = p[j] + by*d[j]
		}
		return next
	}
	for range steps {
		k1 := slope(ahead)
		k2 := slope(moved(ahead, k1, h/2))
		k3 := slope(moved(ahead, k2, h/2))
		k4 := slope(moved(ahead, k3, h))
		for j := range ahead {
			ahead[j] += h / 6 * (k1[j] + 2*k2[j] + 2*k3[j] + k4[j])
		}
	}
	for _, p := range ahead {
		offered += p
	}
	return wait / total, queue / total, offered / total
}

func TestErlangAMatchesSums(t *testing.T) {
	for _, q := range []queueing.ErlangA{
		{ArrivalRatePerSecond: 0.8, ServiceRatePerSecond: 1, Servers: 1, AbandonmentRatePerSecond: 0.5},
		{ArrivalRatePerSecond: 12, ServiceRatePerSecond: 2, Servers: 5, AbandonmentRatePerSecond: 0.25},
		{ArrivalRatePerSecond: 20, ServiceRatePerSecond: 1, Servers: 10, AbandonmentRatePerSecond: 3},
	} {
		for _, at := range []float64{0.1, 0.7} {
			wait, queue, offered := bruteErlangA(q, at)
			assertClose(t, wait, q.WaitProbability(), 1e-12, q)
			assertClose(t, queue, q.MeanQueueLength(), 1e-12, q)
			assertClose(t, offered, q.OfferedWaitTail(at), 1e-9, q, at)
		}
	}
}

func TestErlangAProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 60).Draw(t, "servers")
		rho := rapid.Float64Range(0.2, 3).Draw(t, "offered utilization")
		mu := rapid.Float64Range(0.01, 100).Draw(t, "mu")
		theta := mu * math.Pow(10, rapid.Float64Range(-3, 2).Draw(t, "log theta"))
		q := queueing.ErlangA{rho * float64(servers) * mu, mu, servers, theta}
		s := q.Solve()
		assertClose(t, s.AbandonmentProbability(), s.MeanWaitSeconds()*theta, 1e-12, "P(abandon) = θW")
		assertClose(t, q.ArrivalRatePerSecond*s.MeanWaitSeconds(), s.MeanQueueLength(), 1e-12, "Lq = λW")
		assert.InDelta(t, 1, s.AbandonmentProbability()+s.Utilization()*float64(servers)/q.OfferedLoad(), 1e-10, "all are served or leave")
		assert.LessOrEqual(t, s.Utilization(), 1+1e-12)
		p := rapid.Float64Range(0.3, 0.999).Draw(t, "p")
		if wait := s.WaitQuantileSeconds(p); wait > 0 {
			assertClose(t, 1-p, s.WaitTail(wait), 1e-9)
			assert.GreaterOrEqual(t, s.OfferedWaitQuantileSeconds(p), wait*(1-1e-9))
		}
		response := s.ResponseQuantileSeconds(p)
		assertClose(t, 1-p, s.ResponseTail(response), 1e-9)
		assert.GreaterOrEqual(t, response*mu*(1+1e-7), -math.Log1p(-p))
		more := q
		more.Servers++
		assert.LessOrEqual(t, more.AbandonmentProbability(), s.AbandonmentProbability()*(1+1e-11), "falls with servers")
		if rho < 0.95 {
			q.AbandonmentRatePerSecond = mu * 1e-11
			m := queueing.MMc{q.ArrivalRatePerSecond, mu, servers}
			assertClose(t, m.WaitProbability(), q.WaitProbability(), 1e-6, "endless patience")
			assertClose(t, m.MeanWaitSeconds(), q.MeanWaitSeconds(), 1e-6, "endless patience")
			assertClose(t, m.ResponseTail(2/mu), q.ResponseTail(2/mu), 1e-6, "endless patience")
		}
	})
}

// TestErlangAResponseIntegrates compares the mean of the response tail with the mean from the states, which uses neither
// the beta mixture nor the quadrature.
func TestErlangAResponseIntegrates(t *testing.T) {
	for _, q := range []queueing.ErlangA{
		{3, 1, 2, 0.5}, {9, 1, 10, 2}, {150, 1, 100, 1}, {60, 1, 50, 0.02}, {400, 1, 200, 10},
	} {
		s := q.Solve()
		const steps, end = 250, 25
		for _, c := range []struct {
			tail func(float64) float64
			want float64
		}{{s.ServedWaitTail, s.MeanServedWaitSeconds()}, {s.ResponseTail, s.MeanResponseSeconds()}} {
			sum, h := c.tail(0)/2, end/float64(steps)
			for i := 1; i <= steps && (i < 10 || sum > 0); i++ {
				tail := c.tail(float64(i) * h)
				sum += tail
				if tail < 1e-14 {
					break
				}
			}
			assert.InDelta(t, c.want, sum*h, 1e-2, "%v", q) // the trapezoid rule's own error
		}
	}
}

// TestErlangAFarBeyondSaturation has millions of waiting customers: nearly all who are served wait ln(ρ)/θ.
func TestErlangAFarBeyondSaturation(t *testing.T) {
	s := queueing.ErlangA{ArrivalRatePerSecond: 2000, ServiceRatePerSecond: 1, Servers: 1000, AbandonmentRatePerSecond: 1e-4}.Solve()
	assert.InDelta(t, 0.5, s.AbandonmentProbability(), 1e-9)
	assert.InEpsilon(t, 1e7, s.MeanQueueLength(), 1e-9)
	assert.InEpsilon(t, math.Ln2*1e4, s.MeanServedWaitSeconds(), 1e-3)
	assert.InEpsilon(t, math.Ln2*1e4, s.OfferedWaitQuantileSeconds(0.5), 1e-3)
	assert.InDelta(t, 1, s.Utilization(), 1e-12)
}

func ExampleErlangA() {
	q := queueing.ErlangA{ArrivalRatePerSecond: 120, ServiceRatePerSecond: 10, Servers: 10, AbandonmentRatePerSecond: 2}.Solve()
	fmt.Printf("20 %% overload: %.1f %% give up, mean wait %.0f ms, p99 response of the served %.0f ms\n",
		100*q.AbandonmentProbability(), 1000*q.MeanWaitSeconds(), 1000*q.ResponseQuantileSeconds(0.99))
	// Output: 20 % overload: 17.7 % give up, mean wait 89 ms, p99 response of the served 576 ms
}

func BenchmarkErlangA(b *testing.B) {
	for _, servers := range []int{10, 1000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			q := queueing.ErlangA{1.05 * float64(servers), 1, servers, 0.5}
			for b.Loop() {
				q.WaitQuantileSeconds(0.99)
			}
		})
	}
}
