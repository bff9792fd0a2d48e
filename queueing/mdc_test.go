package queueing_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestReferenceMDc(t *testing.T) {
	for _, r := range referenceRows(t, "mdc.csv") {
		q := queueing.MDc{
			ArrivalRatePerSecond: r.float(t, "lambda"), ServiceRatePerSecond: 1 / r.float(t, "mean_service"),
			Servers: r.int(t, "servers"),
		}
		s := q.Solve()
		assertClose(t, r.float(t, "mean_wait"), s.MeanWaitSeconds(), referenceTolerance, "mean_wait", r)
		assertClose(t, r.float(t, "mean_queue"), s.MeanQueueLength(), referenceTolerance, "mean_queue", r)
		if r["prob_wait"] != "" {
			// Class B: the file's small values carry an absolute error near 1e-14.
			assert.InDelta(t, r.float(t, "prob_wait"), s.WaitProbability(), 1e-13+1e-9*r.float(t, "prob_wait"), r)
		}
		for suffix, p := range map[string]float64{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999} {
			if r["wait_"+suffix] != "" {
				assertClose(t, r.float(t, "wait_"+suffix), s.WaitQuantileSeconds(p), 1e-7, "wait_"+suffix, r)
			}
		}
	}
}

// bruteMDc iterates the number in system from one service time to the next until it no longer changes, and returns
// P(W > 0), the mean wait and the law of the number in system. Only for moderate utilization: it truncates at 130.
func bruteMDc(load float64, servers int) (wait, mean float64, law []float64) {
	const size = 130
	arrivals := make([]float64, size)
	arrivals[0] = math.Exp(-load)
	for k := 1; k < size; k++ {
		arrivals[k] = arrivals[k-1] * load / float64(k)
	}
	law = make([]float64, size)
	law[0] = 1
	for range 250 {
		next := make([]float64, size)
		for n, p := range law {
			left := max(n-servers, 0)
			for k := 0; left+k < size; k++ {
				next[left+k] += p * arrivals[k]
			}
		}
		law = next
	}
	for n, p := range law {
		if n >= servers {
			wait += p
			mean += p * float64(n-servers)
		}
	}
	return wait, mean / load, law
}

func TestMDcMatchesIteration(t *testing.T) {
	for _, c := range []struct {
		load    float64
		servers int
	}{{0.5, 1}, {0.2, 2}, {1.4, 2}, {2.1, 3}, {6, 8}, {3, 8}, {16, 20}} {
		wait, mean, law := bruteMDc(c.load, c.servers)
		s := queueing.MDc{ArrivalRatePerSecond: c.load, ServiceRatePerSecond: 1, Servers: c.servers}.Solve()
		assertClose(t, wait, s.WaitProbability(), 1e-11, c)
		assertClose(t, mean, s.MeanWaitSeconds(), 1e-10, c)
		// At whole service times the wait is known without Franx: W <= k-1 means fewer than kc in system on arrival.
		for k := 1; k <= 4; k++ {
			atMost := 0.0
			for n := range k * c.servers {
				atMost += law[n]
			}
			assert.InDelta(t, 1-atMost, s.WaitTail(float64(k-1)*(1+1e-15)), 1e-11, "%v at %d", c, k-1)
		}
	}
}

// TestMDcTailIntegratesToMean ties Franx's law between the whole service times to the mean.
func TestMDcTailIntegratesToMean(t *testing.T) {
	for _, c := range []struct {
		rho     float64
		servers int
	}{{0.6, 1}, {0.8, 3}, {0.9, 10}, {0.95, 200}} {
		s := queueing.MDc{ArrivalRatePerSecond: c.rho * float64(c.servers), ServiceRatePerSecond: 1, Servers: c.servers}.Solve()
		const perService = 400
		sum := 0.0
		for k := 0; s.WaitTail(float64(k)) > 1e-13; k++ {
			for i := 0; i <= perService; i++ {
				weight := 2 + 2*float64(i%2)
				if i == 0 || i == perService {
					weight = 1
				}
				// Just inside the ends, as the derivative jumps there.
				at := float64(k) + math.Min(math.Max(float64(i)/perService, 1e-12), 1-1e-12)
				sum += weight * s.WaitTail(at)
			}
		}
		assertClose(t, s.MeanWaitSeconds(), sum/(3*perService), 1e-5, c)
	}
}

func TestMDcProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 300).Draw(t, "servers")
		rho := rapid.Float64Range(0.01, 0.999).Draw(t, "utilization")
		if rapid.Bool().Draw(t, "heavy") {
			rho = 1 - rapid.Float64Range(1e-7, 1e-2).Draw(t, "spare")
		}
		mu := rapid.Float64Range(0.01, 100).Draw(t, "service rate")
		q := queueing.MDc{ArrivalRatePerSecond: rho * float64(servers) * mu, ServiceRatePerSecond: mu, Servers: servers}
		m := queueing.MMc(q)
		s := q.Solve()
		if s.MeanWaitSeconds() > 1e-290 { // not subnormal
			assert.LessOrEqual(t, s.MeanWaitSeconds(), m.MeanWaitSeconds(), "never above M/M/c")
			assert.GreaterOrEqual(t, s.MeanWaitSeconds(), m.MeanWaitSeconds()/2*(1-1e-9), "never below half of it")
			assertClose(t, q.ArrivalRatePerSecond*s.MeanWaitSeconds(), q.MeanQueueLength(), 1e-12)
		}
		p := rapid.Float64Range(0.1, 0.9999).Draw(t, "p")
		wait := s.WaitQuantileSeconds(p)
		if wait > 0 {
			assertClose(t, 1-p, s.WaitTail(wait), 1e-8)
			assert.LessOrEqual(t, s.WaitTail(wait*1.5), s.WaitTail(wait))
		}
		assertClose(t, wait+1/mu, s.ResponseQuantileSeconds(p), 1e-14)
		if servers == 1 {
			g := queueing.MG1{ArrivalRatePerSecond: q.ArrivalRatePerSecond, Service: queueing.DeterministicMoments(1 / mu)}
			assertClose(t, g.MeanWaitSeconds(), s.MeanWaitSeconds(), 1e-8, "Pollaczek-Khinchine")
		}
	})
}

func ExampleMDc() {
	q := queueing.MDc{ArrivalRatePerSecond: 90, ServiceRatePerSecond: 10, Servers: 10}.Solve()
	fmt.Printf("p99 wait %.1f ms, response %.1f ms\n", 1000*q.WaitQuantileSeconds(0.99), 1000*q.ResponseQuantileSeconds(0.99))
	// Output: p99 wait 207.0 ms, response 307.0 ms
}

func BenchmarkMDc(b *testing.B) {
	for _, servers := range []int{1, 10, 200, 10_000} {
		for _, rho := range []float64{0.7, 0.95, 0.999} {
			b.Run(fmt.Sprintf("servers=%d/rho=%v", servers, rho), func(b *testing.B) {
				q := queueing.MDc{ArrivalRatePerSecond: rho * float64(servers), ServiceRatePerSecond: 1, Servers: servers}
				for b.Loop() {
					q.WaitQuantileSeconds(0.99)
				}
			})
		}
	}
}
