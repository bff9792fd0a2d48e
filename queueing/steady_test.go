package queueing_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestReferenceContinuousBlocking(t *testing.T) {
	for _, r := range referenceRows(t, "erlang_b_continuous.csv") {
		assertClose(t, r.float(t, "blocking"),
			queueing.ContinuousBlockingProbability(r.float(t, "offered_load"), r.float(t, "servers")), referenceTolerance, r)
	}
}

// TestContinuousBlockingIsItsIntegral compares with 1/B = ∫ e^-u (1+u/a)^x du by Simpson's rule.
func TestContinuousBlockingIsItsIntegral(t *testing.T) {
	for _, a := range []float64{0.3, 0.99, 1, 1.01, 4, 30} {
		for _, x := range []float64{0.01, 0.5, 0.99, 1.5, 2.25, 7.7, 30.1} {
			const end, steps = 120, 20_000
			h := end / float64(steps)
			sum := 0.0
			for i := 0; i <= steps; i++ {
				weight := 2 + 2*float64(i%2)
				if i == 0 || i == steps {
					weight = 1
				}
				u := float64(i) * h
				sum += weight * math.Exp(-u+x*math.Log1p(u/a))
			}
			assertClose(t, 3/(h*sum), queueing.ContinuousBlockingProbability(a, x), 1e-6, a, x)
		}
	}
}

func TestContinuousBlockingProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64Range(1e-3, 3000).Draw(t, "load")
		x := rapid.Float64Range(0, 3000).Draw(t, "servers")
		b := queueing.ContinuousBlockingProbability(a, x)
		n := int(x)
		assert.LessOrEqual(t, b, queueing.BlockingProbability(a, n)*(1+1e-12))
		assert.GreaterOrEqual(t, b*(1+1e-12), queueing.BlockingProbability(a, n+1))
		next := queueing.ContinuousBlockingProbability(a, x+1)
		if next > 1e-290 {
			assertClose(t, 1+(x+1)/a/b, 1/next, 1e-12, "recurrence")
		}
	})
}

func TestReferenceMMcK(t *testing.T) {
	for _, r := range referenceRows(t, "mmck.csv") {
		q := queueing.MMcK{
			ArrivalRatePerSecond: r.float(t, "lambda"), ServiceRatePerSecond: r.float(t, "mu"),
			Servers: r.int(t, "servers"), Capacity: r.int(t, "capacity"),
		}
		for column, got := range map[string]float64{
			"prob_block": q.BlockingProbability(), "lambda_accepted": q.AcceptedRatePerSecond(),
			"mean_queue": q.MeanQueueLength(), "mean_in_system": q.MeanInSystem(),
			"mean_wait_accepted": q.MeanWaitSeconds(), "prob_wait_accepted": q.WaitProbability(),
			"wait_p95_accepted": q.WaitQuantileSeconds(0.95), "wait_p99_accepted": q.WaitQuantileSeconds(0.99),
		} {
			assertClose(t, r.float(t, column), got, referenceTolerance, column, r)
		}
	}
}

// bruteMMcK sums the birth-death weights one by one and the waits as Erlang tails term by term.
func bruteMMcK(q queueing.MMcK, t float64) (blocking, queue, waitTail, responseTail float64) {
	c, a := float64(q.Servers), q.ArrivalRatePerSecond/q.ServiceRatePerSecond
	weights := []float64{1}
	total := 1.0
	for n := 1; n <= q.Capacity; n++ {
		weights = append(weights, weights[n-1]*a/math.Min(float64(n), c))
		total += weights[n]
	}
	mu := q.ServiceRatePerSecond
	for n, w := range weights {
		p := w / total
		switch {
		case n == q.Capacity:
			blocking = p
			queue += p * float64(n-q.Servers)
		case n < q.Servers:
			responseTail += p * math.Exp(-mu*t)
		default:
			queue += p * float64(n-q.Servers)
			stages := n - q.Servers + 1
			erlang := func(u float64) float64 {
				x, term, sum := c*mu*u, math.Exp(-c*mu*u), 0.0
				for i := range stages {
					sum += term
					term *= x / float64(i+1)
				}
				return sum
			}
			waitTail += p * erlang(t)
			const steps = 400 // P(T>t) = e^-μt + μ∫ e^-μ(t-u) P(W>u) du by Simpson's rule
			h := t / steps
			sum := 0.0
			for i := 0; i <= steps; i++ {
				weight := 2 + 2*float64(i%2)
				if i == 0 || i == steps {
					weight = 1
				}
				u := float64(i) * h
				sum += weight * math.Exp(-mu*(t-u)) * erlang(u)
			}
			responseTail += p * (math.Exp(-mu*t) + mu*sum*h/3)
		}
	}
	return blocking, queue, waitTail / (1 - blocking), responseTail / (1 - blocking)
}

func TestMMcKMatchesSums(t *testing.T) {
	for _, q := range []queueing.MMcK{
		{ArrivalRatePerSecond: 0.8, ServiceRatePerSecond: 1, Servers: 1, Capacity: 1},
		{ArrivalRatePerSecond: 1.7, ServiceRatePerSecond: 1, Servers: 1, Capacity: 6},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 1, Servers: 1, Capacity: 30},
		{ArrivalRatePerSecond: 2, ServiceRatePerSecond: 1, Servers: 3, Capacity: 12}, // a = c-1
		{ArrivalRatePerSecond: 3, ServiceRatePerSecond: 1, Servers: 3, Capacity: 12}, // ρ = 1
		{ArrivalRatePerSecond: 2.5, ServiceRatePerSecond: 0.5, Servers: 4, Capacity: 9},
		{ArrivalRatePerSecond: 90, ServiceRatePerSecond: 10, Servers: 10, Capacity: 40},
	} {
		for _, services := range []float64{0.05, 0.5, 2} {
			at := services / q.ServiceRatePerSecond
			blocking, queue, wait, response := bruteMMcK(q, at)
			assertClose(t, blocking, q.BlockingProbability(), 1e-13, q)
			assertClose(t, queue, q.MeanQueueLength(), 1e-12, q)
			assertClose(t, wait, q.WaitTail(at), 1e-11, "wait", q, at)
			assertClose(t, response, q.ResponseTail(at), 1e-8, "response", q, at)
		}
	}
}

func TestMMcKLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 50).Draw(t, "servers")
		rho := rapid.Float64Range(0.1, 0.9).Draw(t, "utilization")
		open := queueing.MMc{ArrivalRatePerSecond: rho * float64(servers), ServiceRatePerSecond: 1, Servers: servers}
		q := queueing.MMcK{ArrivalRatePerSecond: open.ArrivalRatePerSecond, ServiceRatePerSecond: 1, Servers: servers}
		q.Capacity = servers + 2000
		p := rapid.Float64Range(0.5, 0.999).Draw(t, "p")
		assertClose(t, open.MeanWaitSeconds(), q.MeanWaitSeconds(), 1e-10, "mean")
		assertClose(t, open.WaitProbability(), q.WaitProbability(), 1e-11, "wait probability")
		assert.InDelta(t, open.WaitQuantileSeconds(p), q.WaitQuantileSeconds(p), 1e-9, "wait")
		assert.InDelta(t, open.ResponseQuantileSeconds(p), q.ResponseQuantileSeconds(p), 1e-9, "response")

		q.Capacity = servers // the loss system
		assertClose(t, queueing.BlockingProbability(open.OfferedLoad(), servers), q.BlockingProbability(), 1e-13)
		assert.Zero(t, q.WaitProbability())
		assert.InDelta(t, -math.Log1p(-p), q.ResponseQuantileSeconds(p), 1e-12)

		q.Capacity = servers + rapid.IntRange(0, 100).Draw(t, "room")
		q.ArrivalRatePerSecond *= rapid.Float64Range(0.1, 20).Draw(t, "surge")
		assertClose(t, q.AcceptedRatePerSecond()*q.MeanWaitSeconds(), q.MeanQueueLength(), 1e-12, "Lq = λW")
		more := q
		more.Capacity++
		assert.LessOrEqual(t, more.BlockingProbability(), q.BlockingProbability()*(1+1e-12), "falls with room")
		assert.GreaterOrEqual(t, more.MeanWaitSeconds()*(1+1e-12), q.MeanWaitSeconds(), "rises with room")
		assert.LessOrEqual(t, q.Utilization(), 1+1e-12)
	})
}

func TestReferenceMG1(t *testing.T) {
	for _, r := range referenceRows(t, "mg1_pk.csv") {
		q := queueing.MG1{ArrivalRatePerSecond: r.float(t, "lambda"), Service: queueing.ServiceMoments{
			Mean: r.float(t, "mean_service"), Second: r.float(t, "service_m2"), Third: r.float(t, "service_m3"),
		}}
		sharing := queueing.MG1PS{ArrivalRatePerSecond: q.ArrivalRatePerSecond, ServiceRatePerSecond: 1 / q.Service.Mean}
		for column, got := range map[string]float64{
			"mean_wait": q.MeanWaitSeconds(), "mean_response_fcfs": q.MeanResponseSeconds(), "var_wait": q.WaitVariance(),
			"mean_queue": q.MeanQueueLength(), "mean_response_ps": sharing.MeanResponseSeconds(),
		} {
			assertClose(t, r.float(t, column), got, referenceTolerance, column, r)
		}
	}
}

// TestMG1OfExponentialIsMM1 also types the two laws whose moments have helpers.
func TestMG1OfExponentialIsMM1(t *testing.T) {
	q := queueing.MG1{ArrivalRatePerSecond: 6, Service: queueing.ExponentialMoments(0.125)}
	m := queueing.MMc{ArrivalRatePerSecond: 6, ServiceRatePerSecond: 8, Servers: 1}
	assertClose(t, m.MeanWaitSeconds(), q.MeanWaitSeconds(), 1e-15)
	assertClose(t, m.MeanInSystem(), q.MeanInSystem(), 1e-15)
	// W is 0 with probability 1-ρ and else exponential with rate μ-λ = 2: E[W²] = ρ·2/4.
	assertClose(t, 0.75*2/4, q.WaitSecondMoment(), 1e-15)
	d := queueing.MG1{ArrivalRatePerSecond: 6, Service: queueing.DeterministicMoments(0.125)}
	assertClose(t, m.MeanWaitSeconds()/2, d.MeanWaitSeconds(), 1e-15)
	assert.InDelta(t, 0, d.Service.SCV(), 1e-15)
	ps := queueing.MG1PS{ArrivalRatePerSecond: 6, ServiceRatePerSecond: 8}
	assertClose(t, 0.5, ps.MeanResponseSeconds(), 1e-15)
	assertClose(t, 4, ps.MeanResponseOfSizeSeconds(1), 1e-15)
	assertClose(t, 0.75*0.75, ps.InSystemTail(1), 1e-15)
}

func TestMMInf(t *testing.T) {
	q := queueing.MMInf{ArrivalRatePerSecond: 50, ServiceRatePerSecond: 10}
	term, cdf := math.Exp(-5), 0.0
	for n := range 30 {
		cdf += term
		term *= 5 / float64(n+1)
		assert.InDelta(t, 1-cdf, q.InSystemTail(n), 1e-14)
		assert.InDelta(t, float64(n), q.InSystemQuantile(cdf-1e-12*(1-cdf)), 1)
	}
	assert.InDelta(t, 9, q.InSystemQuantile(0.95), 0)
	assertClose(t, 0.1, q.MeanResponseSeconds(), 0)
	assertClose(t, math.Log(100)/10, q.ResponseQuantileSeconds(0.99), 1e-14)
	assert.True(t, math.IsNaN(queueing.MMInf{}.MeanInSystem()))
	big := queueing.MMInf{ArrivalRatePerSecond: 1e6, ServiceRatePerSecond: 1}
	huge := queueing.MMInf{ArrivalRatePerSecond: 1e9, ServiceRatePerSecond: 1}
	assert.InDelta(t, 1e9+3.09*31623, huge.InSystemQuantile(0.999), 30)
	assert.InDelta(t, 1e9-1.2816*31623, huge.InSystemQuantile(0.1), 30)
	assert.InDelta(t, 1e6+2326.3, big.InSystemQuantile(0.99), 3)
}
