package queueing_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// TestStateDependentIsMMc gives each of c requests its own rate and so much room that nothing is lost.
func TestStateDependentIsMMc(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 30).Draw(t, "servers")
		rho := rapid.Float64Range(0.01, 0.9).Draw(t, "rho")
		x := rapid.Float64Range(0, 3).Draw(t, "t")
		plain := queueing.MMc{ArrivalRatePerSecond: rho * float64(c), ServiceRatePerSecond: 1, Servers: c}
		q := queueing.StateDependent{ArrivalRatePerSecond: plain.ArrivalRatePerSecond, Capacity: c + 600}
		for n := 1; n <= c; n++ {
			q.CompletionRatesPerSecond = append(q.CompletionRatesPerSecond, float64(n))
		}
		assertClose(t, plain.MeanWaitSeconds(), q.MeanWaitSeconds(), 1e-11)
		assertClose(t, plain.MeanResponseSeconds(), q.MeanResponseSeconds(), 1e-11)
		assertClose(t, plain.WaitTail(x), q.WaitTail(x), 1e-10)
		assertClose(t, plain.WaitQuantileSeconds(0.99), q.WaitQuantileSeconds(0.99), 1e-9)
		assertClose(t, plain.OfferedLoad(), q.MeanInService(), 1e-11)
	})
}

func TestStateDependentIsMM1K(t *testing.T) {
	for _, rho := range []float64{0.3, 0.999, 2, 1e5} {
		for _, k := range []int{1, 5, 300} {
			q := queueing.StateDependent{ArrivalRatePerSecond: 3 * rho, CompletionRatesPerSecond: []float64{3}, Capacity: k}
			var want float64 // 1/P(N=K) = Σ ρ^-j
			for j := range k + 1 {
				want += math.Pow(rho, -float64(j))
			}
			assertClose(t, 1/want, q.BlockingProbability(), 1e-11, rho, k)
			assertClose(t, 3*rho*(1-1/want), q.ThroughputPerSecond(), 1e-9, rho, k)
		}
	}
	// Nobody waits where there is no room, and that is Erlang B.
	q := queueing.StateDependent{ArrivalRatePerSecond: 4, CompletionRatesPerSecond: []float64{1, 2, 3, 4, 5}, Capacity: 5}
	assertClose(t, queueing.BlockingProbability(4, 5), q.BlockingProbability(), 1e-13)
	assert.Zero(t, q.MeanWaitSeconds())
}

func TestStateDependentSpecialValues(t *testing.T) {
	for _, q := range []queueing.StateDependent{
		{},
		{ArrivalRatePerSecond: 1, CompletionRatesPerSecond: []float64{1, 2}, Capacity: 1},
		{ArrivalRatePerSecond: 1, CompletionRatesPerSecond: []float64{0}, Capacity: 1},
		{ArrivalRatePerSecond: math.Inf(1), CompletionRatesPerSecond: []float64{1}, Capacity: 1},
	} {
		for _, v := range []float64{q.MeanWaitSeconds(), q.MeanResponseSeconds(), q.WaitTail(0), q.WaitQuantileSeconds(0.5), q.Utilization()} {
			assert.True(t, math.IsNaN(v), "%+v: %v", q, v)
		}
	}
	q := queueing.StateDependent{CompletionRatesPerSecond: []float64{2}, Capacity: 3}
	assert.Equal(t, 0.5, q.MeanResponseSeconds())
	assert.Zero(t, q.MeanWaitSeconds())
}

func FuzzStateDependent(f *testing.F) {
	f.Add(1.0, 2.0, 3.0, 10, 0.9)
	f.Add(1e300, 1e-300, 1e300, 1000, 0.5)
	f.Add(2.9, 2.0, 3.0, 502, 0.99)
	f.Add(3.1, 2.0, 3.0, 503, 0.99)
	f.Fuzz(func(t *testing.T, lambda, first, second float64, k int, p float64) {
		q := queueing.StateDependent{ArrivalRatePerSecond: lambda, CompletionRatesPerSecond: []float64{first, second}, Capacity: k % 2000}
		assert.False(t, q.MeanWaitSeconds() < 0)
		assert.False(t, q.WaitQuantileSeconds(p) < 0)
		b := q.BlockingProbability()
		assert.False(t, b < 0 || b > 1)
		if q.Capacity < 60 || q.Capacity > 500 {
			tail := q.ResponseTail(p)
			assert.False(t, tail < 0 || tail > 1)
			assert.False(t, q.ResponseQuantileSeconds(p) < 0)
		}
	})
}

// TestStateDependentResponseOfServers compares with M/M/c/K, where a request in service does not feel the others.
func TestStateDependentResponseOfServers(t *testing.T) {
	q := queueing.StateDependent{ArrivalRatePerSecond: 2.4, CompletionRatesPerSecond: []float64{1, 2, 3}, Capacity: 40}
	m := queueing.MMcK{ArrivalRatePerSecond: 2.4, ServiceRatePerSecond: 1, Servers: 3, Capacity: 40}
	for _, x := range []float64{0.01, 1, 5, 20} {
		assert.InDelta(t, m.ResponseTail(x), q.ResponseTail(x), 1e-9)
	}
	assert.InEpsilon(t, m.ResponseQuantileSeconds(0.99), q.ResponseQuantileSeconds(0.99), 1e-7)
	assert.Equal(t, 1.0, q.ResponseTail(0))
	assert.True(t, math.IsNaN(q.ResponseTail(math.NaN())))
	assert.True(t, math.IsNaN(q.ResponseQuantileSeconds(2)))
	q.Capacity = 4 + queueing.MaxResponseWaiting
	assert.True(t, math.IsNaN(q.ResponseTail(1)))
	assert.True(t, math.IsNaN(q.ResponseQuantileSeconds(0.99)))
	long := queueing.StateDependent{ArrivalRatePerSecond: 2.4, Capacity: queueing.MaxResponseCapacity + 1}
	for range long.Capacity {
		long.CompletionRatesPerSecond = append(long.CompletionRatesPerSecond, 3)
	}
	assert.True(t, math.IsNaN(long.ResponseTail(1)))
	assert.Positive(t, long.MeanResponseSeconds())
	var state queueing.SteadyState = q // so that it can be sized
	assert.Positive(t, state.MeanResponseSeconds())
}

// TestStateDependentResponseBySimulation follows each request of a batch that slows down as it grows, and integrates the
// tail to the mean, which Little's law gives.
func TestStateDependentResponseBySimulation(t *testing.T) {
	q := queueing.StateDependent{ArrivalRatePerSecond: 2.6, Capacity: 12}
	for n := 1.0; n <= 6; n++ {
		q.CompletionRatesPerSecond = append(q.CompletionRatesPerSecond, n/(0.6+0.25*n))
	}
	const requests, most = 150_000, 6
	random := rand.New(rand.NewPCG(2, 3))
	var present, responses []float64 // arrival times: in service up to most, then waiting
	now := 0.0
	for len(responses) < requests {
		b := min(len(present), most)
		done := 0.0
		if b > 0 {
			done = q.CompletionRatesPerSecond[b-1]
		}
		now += random.ExpFloat64() / (q.ArrivalRatePerSecond + done)
		if random.Float64()*(q.ArrivalRatePerSecond+done) < q.ArrivalRatePerSecond {
			if len(present) < q.Capacity {
				present = append(present, now)
			}
			continue
		}
		i := random.IntN(b)
		responses = append(responses, now-present[i])
		present = slices.Delete(present, i, i+1) // the first that waits moves up
	}
	slices.Sort(responses)
	for _, p := range []float64{0.1, 0.5, 0.9, 0.99} {
		assert.InDelta(t, 1-p, q.ResponseTail(responses[int(p*requests)]), 8*math.Sqrt(p*(1-p)/requests)*2, "%v", p)
	}
	const steps = 400
	var mean float64
	width := q.ResponseQuantileSeconds(1-1e-6) / steps
	for i := range steps {
		mean += width * q.ResponseTail((float64(i)+0.5)*width)
	}
	assert.InEpsilon(t, q.MeanResponseSeconds(), mean, 1e-4)
}

func BenchmarkStateDependentResponse(b *testing.B) {
	for _, room := range []int{100, queueing.MaxResponseWaiting} {
		for _, load := range []float64{0.7, 1.1} {
			const most = 64
			q := queueing.StateDependent{Capacity: most + room}
			for n := 1.0; n <= most; n++ {
				q.CompletionRatesPerSecond = append(q.CompletionRatesPerSecond, n/(0.02+0.001*n))
			}
			q.ArrivalRatePerSecond = load * q.CompletionRatesPerSecond[most-1]
			b.Run(fmt.Sprintf("room=%d/load=%v", room, load), func(b *testing.B) {
				for b.Loop() {
					q.ResponseTail(0.2)
				}
			})
		}
	}
}
