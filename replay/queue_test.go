package replay

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// slot is a service of 40 ms with an objective of 500 ms for 99 % of the requests.
var (
	slot      = queueing.Service{MeanTime: 40 * time.Millisecond}
	objective = queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}
)

func tailsOf(t testing.TB, s queueing.Service, q queueing.Quantile, most int32) *Tails {
	t.Helper()
	tails, err := NewTails(s, q, most)
	require.NoError(t, err)
	return tails
}

func unlimited(t *Tails) queue { return queue{tails: t, room: math.Inf(1), patience: math.Inf(1)} }

// TestTailsInterpolate: between the utilizations at which they are computed, the tails are those of package queueing.
func TestTailsInterpolate(t *testing.T) {
	for _, c := range []struct {
		name    string
		service queueing.Service
		within  float64 // relative
	}{
		{"M/M/c", slot, 2e-3},
		{"M/M/c of 4 slots", queueing.Service{MeanTime: 40 * time.Millisecond, Concurrency: 4}, 0.01},
		{"M/H2/c", queueing.Service{MeanTime: 40 * time.Millisecond, SCV: queueing.SCV(4)}, 0.03},
	} {
		t.Run(c.name, func(t *testing.T) {
			tails := tailsOf(t, c.service, objective, 30)
			slots := max(c.service.Concurrency, 1)
			for _, n := range []int{1, 5, 30} {
				for _, rho := range []float64{0, 0.1, 0.47, 0.731, 0.9, 0.97, 0.99} {
					servers := float64(n * slots)
					exact := c.service.At(rho*servers*25, n)
					want := exact.(tailed).ResponseTail(0.5)
					assert.InEpsilon(t, want, tails.slower(n, rho, 0), c.within, "P(T > 0.5 s) of %d at %v", n, rho)
					if rho > 0 {
						// Little: L = λ E[T].
						assert.InEpsilon(t, rho*servers*25*exact.MeanResponseSeconds(), tails.inSystem(n, servers, rho), c.within, "L of %d at %v", n, rho)
					}
					// A squared probability lies between "the wait alone is too long" and "late".
					sure := tails.sure(n, rho)
					assert.LessOrEqual(t, sure, tails.slower(n, rho, 0)*(1+1e-9), "E f² of %d at %v", n, rho)
					assert.GreaterOrEqual(t, sure, exact.(tailed).WaitTail(0.5)*(1-c.within)-1e-12, "E f² of %d at %v", n, rho)
					half := exact.(tailed).ResponseTail(0.25)
					assert.InEpsilon(t, half, tails.slower(n, rho, 0.25), c.within, "P(T > 0.25 s) of %d at %v", n, rho)
				}
			}
		})
	}
}

func TestTailsBehindABacklog(t *testing.T) {
	tails := tailsOf(t, slot, objective, 10)
	assert.Equal(t, 1.0, tails.slower(10, 0.5, 0.5))
	assert.Equal(t, 1.0, tails.slower(10, 0.5, 3))
	last := 0.0
	for wait := 0.0; wait < 0.5; wait += 0.01 {
		slow := tails.slower(10, 0.5, wait)
		assert.GreaterOrEqual(t, slow, last)
		last = slow
	}
}

func TestTailsRefuse(t *testing.T) {
	_, err := NewTails(queueing.Service{}, queueing.Quantile{}, 0)
	assert.ErrorContains(t, err, "tails of 0 replicas: must be 1 to")
	assert.ErrorContains(t, err, "objective of 0s at percentile 0")
	assert.ErrorContains(t, err, "mean time must be above 0s")
	_, err = NewTails(queueing.Service{MeanTime: time.Second, ArrivalSCV: queueing.SCV(2)}, objective, 5)
	_ = err // GI/G/c has tails or not; it must not panic
}

// TestQueueAgainstTheForwardEquations follows a rush and what it leaves, and compares the mean number in the system with
// the numerical solution of the M_t/M/c queue.
func TestQueueAgainstTheForwardEquations(t *testing.T) {
	for _, c := range []struct {
		name    string
		service time.Duration
		servers int
		rates   []float64 // of 15 s each
		within  float64   // of the peak
	}{
		{"short service", 400 * time.Millisecond, 10, []float64{15, 20, 27, 29, 24, 20, 15, 15}, 0.15},
		{"near saturation", 400 * time.Millisecond, 10, []float64{15, 24, 24.5, 24.8, 24.5, 24, 20, 15}, 0.15},
		{"long service", 5 * time.Second, 20, []float64{2, 3, 3.8, 4.4, 4.2, 3, 2, 2}, 0.1},
	} {
		t.Run(c.name, func(t *testing.T) {
			rate := func(seconds float64) float64 { return c.rates[min(int(seconds/15), len(c.rates)-1)] }
			exact := queueing.Transient{
				Rate: rate, ServiceRatePerSecond: 1 / c.service.Seconds(), Servers: []queueing.ServerChange{{Servers: c.servers}},
			}
			var times []float64
			for i := range c.rates {
				times = append(times, float64(i+1)*15)
			}
			states, err := exact.At(times...)
			require.NoError(t, err)
			peak := 0.0
			for _, s := range states {
				peak = max(peak, s.MeanInSystem)
			}
			tails := tailsOf(t, queueing.Service{MeanTime: c.service}, queueing.Quantile{Percentile: 0.99, Latency: 20 * c.service}, int32(c.servers))
			q := unlimited(tails)
			for i, lambda := range c.rates {
				for range subSteps {
					q.advance(lambda, capacity{c.servers, float64(c.servers)}, 3, math.Exp(-3/c.service.Seconds()))
				}
				assert.InDelta(t, states[i].MeanInSystem, q.mean, c.within*peak, "after %d s at %g/s", 15*(i+1), lambda)
			}
		})
	}
}

// TestQueueConservesRequests: what arrived and is not there was served or lost, and no more than could be.
func TestQueueConservesRequests(t *testing.T) {
	tails := tailsOf(t, slot, objective, 20)
	rapid.Check(t, func(t *rapid.T) {
		q := unlimited(tails)
		limited := rapid.Bool().Draw(t, "limited")
		if limited {
			q.room = float64(rapid.IntRange(1, 50).Draw(t, "room"))
			q.patience = rapid.Float64Range(0.1, 10).Draw(t, "patience")
		}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			n := rapid.IntRange(0, 20).Draw(t, "replicas")
			lambda := rapid.Float64Range(0, 700).Draw(t, "rate")
			before := q.fluid
			step := q.advance(lambda, capacity{n, float64(n)}, 3, math.Exp(-25*3))
			served := before + lambda*3 - q.fluid - step.lost
			require.GreaterOrEqual(t, served, -1e-6)
			require.LessOrEqual(t, served, float64(n)*25*3+max(before, 20)+1e-6)
			require.GreaterOrEqual(t, q.fluid, -1e-9)
			require.GreaterOrEqual(t, q.mean, -1e-9)
			require.True(t, step.slow >= 0 && step.slow <= 1, "slow %v", step.slow)
			require.GreaterOrEqual(t, step.lost, 0.0)
			require.True(t, limited || step.lost == 0)
			require.LessOrEqual(t, step.busy, float64(n)+1e-9)
		}
	})
}

func TestQueueDrainsAtSpareCapacity(t *testing.T) {
	q := unlimited(tailsOf(t, slot, objective, 10))
	c := capacity{10, 10}
	q.advance(350, c, 15, 0) // 100/s more than 10 servers complete
	assert.InDelta(t, 1500, q.fluid-10, 6, "less what fills the servers")
	q.advance(200, c, 15, 0) // 50/s to spare
	assert.InDelta(t, 750, q.fluid-10, 6)
	step := q.advance(200, c, 15, 0)
	assert.InDelta(t, 0, step.backlog, 1)
	assert.InDelta(t, 8, q.fluid, 2.1)
}

func TestQueueLimits(t *testing.T) {
	q := unlimited(tailsOf(t, slot, objective, 10))
	q.room = 5
	c := capacity{10, 10}
	step := q.advance(350, c, 15, 0)
	assert.InDelta(t, 1450, step.lost, 6, "all but the 50 that may wait")
	q = unlimited(tailsOf(t, slot, objective, 10))
	q.patience = 2 // seconds: 500 requests at 250/s
	step = q.advance(350, c, 15, 0)
	assert.InDelta(t, 1000, step.lost, 6)
}
