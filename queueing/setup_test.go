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

func TestReferenceSetup(t *testing.T) {
	const tolerance = 2e-10 // the file has 11 digits, one row 10
	for _, r := range referenceRows(t, "mmk_setup.csv") {
		q := queueing.MMcSetup{
			ArrivalRatePerSecond: r.float(t, "lambda"), ServiceRatePerSecond: r.float(t, "mu"),
			Servers: r.int(t, "servers"), MeanSetupSeconds: r.float(t, "mean_setup"),
		}
		assertClose(t, r.float(t, "mean_response"), q.MeanResponseSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_in_setup"), q.MeanInSetup(), tolerance, r)
		assertClose(t, r.float(t, "mean_busy"), q.OfferedLoad(), tolerance, r)
	}
}

// slowSetup solves the chain cut at most requests by sweeping the balance equations until nothing moves.
func slowSetup(lambda, setup float64, servers, most int) (inSystem, starting float64) {
	p := make([][]float64, most+1)
	for n := range p {
		p[n] = make([]float64, servers+1)
		for j := 0; j <= min(n, servers); j++ {
			p[n][j] = 1
		}
	}
	start := func(n, j int) float64 { return float64(min(n, servers)-j) / setup }
	for range 40000 {
		var change, sum float64
		for n := range p {
			for j := 0; j <= min(n, servers); j++ {
				var in float64
				if n > 0 && j <= n-1 {
					in += lambda * p[n-1][j]
				}
				if n < most {
					in += float64(j) * p[n+1][j]
					if j == n && j < servers {
						in += float64(j+1) * p[n+1][j+1]
					}
				}
				if j > 0 {
					in += start(n, j-1) * p[n][j-1]
				}
				out := float64(j) + start(n, j)
				if n < most {
					out += lambda
				}
				change = math.Max(change, math.Abs(in/out-p[n][j])/(in/out+1e-300))
				p[n][j] = in / out
				sum += p[n][j]
			}
		}
		for n := range p {
			for j := range p[n] {
				p[n][j] /= sum
			}
		}
		if change < 1e-14 {
			break
		}
	}
	for n := range p {
		for j := 0; j <= min(n, servers); j++ {
			inSystem += float64(n) * p[n][j]
			starting += float64(min(n, servers)-j) * p[n][j]
		}
	}
	return inSystem, starting
}

func TestSetupBySweeping(t *testing.T) {
	for _, c := range []struct {
		lambda, setup float64
		servers       int
	}{{0.5, 2, 2}, {1.2, 0.3, 3}, {1.5, 5, 4}} {
		q := queueing.MMcSetup{ArrivalRatePerSecond: c.lambda, ServiceRatePerSecond: 1, Servers: c.servers, MeanSetupSeconds: c.setup}
		inSystem, starting := slowSetup(c.lambda, c.setup, c.servers, 80)
		assertClose(t, inSystem, q.MeanInSystem(), 1e-9, c)
		assertClose(t, starting, q.MeanInSetup(), 1e-9, c)
	}
}

func TestSetupReductions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 40).Draw(t, "servers")
		rho := rapid.Float64Range(0.01, 0.99).Draw(t, "rho")
		mu := rapid.Float64Range(0.1, 10).Draw(t, "mu")
		setup := rapid.Float64Range(0.01, 1000).Draw(t, "setup")
		q := queueing.MMcSetup{ArrivalRatePerSecond: rho * mu * float64(c), ServiceRatePerSecond: mu, Servers: c, MeanSetupSeconds: setup}
		plain := queueing.MMc{ArrivalRatePerSecond: q.ArrivalRatePerSecond, ServiceRatePerSecond: mu, Servers: c}
		assert.Greater(t, q.MeanWaitSeconds(), plain.MeanWaitSeconds())
		assert.Greater(t, q.MeanWaitSeconds(), 0.0)
		more := q
		more.MeanSetupSeconds *= 1.01
		assert.Greater(t, more.MeanWaitSeconds(), q.MeanWaitSeconds())
		if c == 1 {
			assertClose(t, 1/(mu-q.ArrivalRatePerSecond)+setup, q.MeanResponseSeconds(), 1e-12)
		}
		more.MeanSetupSeconds = 1e-9 / mu
		assertClose(t, plain.MeanResponseSeconds(), more.MeanResponseSeconds(), 1e-7)
		more.MeanSetupSeconds = 0
		assert.Equal(t, plain.MeanResponseSeconds(), more.MeanResponseSeconds())
	})
}

func TestSetupSpecialValues(t *testing.T) {
	for _, q := range []queueing.MMcSetup{
		{},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 2, Servers: 1, MeanSetupSeconds: -1},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 2, Servers: 1, MeanSetupSeconds: math.Inf(1)},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 2, Servers: queueing.MaxSetupServers + 1, MeanSetupSeconds: 1},
	} {
		for _, v := range []float64{q.MeanWaitSeconds(), q.MeanResponseSeconds(), q.MeanInSetup(), q.Utilization(), q.WaitProbability()} {
			assert.True(t, math.IsNaN(v), "%+v: %v", q, v)
		}
	}
	q := queueing.MMcSetup{ArrivalRatePerSecond: 3, ServiceRatePerSecond: 1, Servers: 3, MeanSetupSeconds: 1}
	assert.False(t, q.Stable())
	assert.Equal(t, math.Inf(1), q.MeanWaitSeconds())
	q.ArrivalRatePerSecond = 0
	assert.Equal(t, 2.0, q.MeanResponseSeconds())
	assert.Zero(t, q.MeanInSystem())
	// The far ends of the range stay finite.
	q = queueing.MMcSetup{ArrivalRatePerSecond: 390, ServiceRatePerSecond: 1, Servers: 400, MeanSetupSeconds: 100}
	assert.Less(t, q.MeanWaitSeconds(), 100.0)
	assert.Greater(t, q.MeanWaitSeconds(), 0.05)
}

func FuzzMMcSetup(f *testing.F) {
	f.Add(0.9, 1.0, 1, 1.0)
	f.Add(1e-310, 1e-300, 40, 1e300)
	f.Add(29.9999999, 1.0, 30, 1e-12)
	f.Add(50.0, 10.0, 5, 30.0)
	f.Add(49.999, 10.0, 5, 3e5)
	f.Fuzz(func(t *testing.T, lambda, mu float64, servers int, setup float64) {
		q := queueing.MMcSetup{ArrivalRatePerSecond: lambda, ServiceRatePerSecond: mu, Servers: servers % 100, MeanSetupSeconds: setup}
		assert.False(t, q.MeanWaitSeconds() < 0)
		assert.False(t, q.MeanInSetup() < 0)
		q.Servers %= 6
		tail := q.WaitTail(setup)
		assert.False(t, tail < 0 || tail > 1)
		assert.False(t, q.ResponseQuantileSeconds(0.9) < 0)
	})
}

func BenchmarkMMcSetup(b *testing.B) {
	for _, servers := range []int{10, 50, 1000} {
		q := queueing.MMcSetup{ArrivalRatePerSecond: 0.9 * float64(servers), ServiceRatePerSecond: 1, Servers: servers, MeanSetupSeconds: 10}
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			for b.Loop() {
				q.MeanWaitSeconds()
			}
		})
	}
	for _, servers := range []int{7, 20, queueing.MaxSetupQuantileServers} {
		s := queueing.MMcSetup{ArrivalRatePerSecond: 0.7 * float64(servers), ServiceRatePerSecond: 1, Servers: servers, MeanSetupSeconds: 300}.Solve()
		b.Run(fmt.Sprintf("tail/servers=%d", servers), func(b *testing.B) {
			for b.Loop() {
				s.ResponseTail(100)
			}
		})
	}
}

// TestSetupQuantilesOfOneServer knows the closed form: the queue length is that of M/M/1 plus what arrives during an
// exponential setup, so that by the distributional law of Little the response time is the sum of two exponential times.
func TestSetupQuantilesOfOneServer(t *testing.T) {
	q := queueing.MMcSetup{ArrivalRatePerSecond: 0.6, ServiceRatePerSecond: 1, Servers: 1, MeanSetupSeconds: 5}
	a, b := 1-0.6, 1.0/5
	want := func(x float64) float64 { return (a*math.Exp(-b*x) - b*math.Exp(-a*x)) / (a - b) }
	for _, x := range []float64{0.01, 1, 5, 20, 60} {
		assert.InDelta(t, want(x), q.ResponseTail(x), 1e-9)
		assert.GreaterOrEqual(t, q.ResponseTail(x), q.WaitTail(x))
	}
	assert.InDelta(t, 0.01, want(q.ResponseQuantileSeconds(0.99)), 1e-9)
	assert.Equal(t, math.Inf(1), q.WaitQuantileSeconds(1))
	assert.True(t, math.IsNaN(q.WaitQuantileSeconds(1-1e-9)), "not resolved")
	assert.Zero(t, q.WaitQuantileSeconds(0))
	assert.True(t, math.IsNaN(q.ResponseTail(math.NaN())))
	q.ArrivalRatePerSecond = 0
	assert.InDelta(t, 5*math.Ln2, q.WaitQuantileSeconds(0.5), 1e-7)
}

// TestSetupQuantilesBySimulation follows servers, setups and the queue event by event.
func TestSetupQuantilesBySimulation(t *testing.T) {
	for _, q := range []queueing.MMcSetup{
		{ArrivalRatePerSecond: 1.8, ServiceRatePerSecond: 1, Servers: 3, MeanSetupSeconds: 2},
		{ArrivalRatePerSecond: 2.5, ServiceRatePerSecond: 1, Servers: 5, MeanSetupSeconds: 10},
	} {
		const requests = 50_000
		random := rand.New(rand.NewPCG(5, 8))
		var waits, queue []float64 // the queue by arrival
		now, on := 0.0, 0
		for len(waits) < requests {
			setups := min(len(queue), q.Servers-on)
			up, done := float64(setups)/q.MeanSetupSeconds, float64(on)*q.ServiceRatePerSecond
			total := q.ArrivalRatePerSecond + up + done
			now += random.ExpFloat64() / total
			switch x := random.Float64() * total; {
			case x < q.ArrivalRatePerSecond:
				queue = append(queue, now)
				continue
			case x < q.ArrivalRatePerSecond+up:
				on++
			case len(queue) == 0:
				on--
				continue
			}
			waits = append(waits, now-queue[0])
			queue = queue[1:]
		}
		slices.Sort(waits)
		for _, p := range []float64{0.1, 0.5, 0.9, 0.99} {
			// Eight standard errors of independent waits, for waits that are not.
			assert.InDelta(t, 1-p, q.WaitTail(waits[int(p*requests)]), 8*math.Sqrt(p*(1-p)/requests)*2, "%+v %v", q, p)
		}
		if q.Servers > 3 {
			continue
		}
		const steps = 60
		var mean float64
		width := q.WaitQuantileSeconds(1-1e-6) / steps
		for i := range steps {
			mean += width * q.WaitTail((float64(i)+0.5)*width)
		}
		assert.InEpsilon(t, q.MeanWaitSeconds(), mean, 1e-2, "%+v", q)
	}
}

// TestSetupQuantilesOfLongQueues takes setups of hundreds of service times, behind which thousands wait, and the bound.
func TestSetupQuantilesOfLongQueues(t *testing.T) {
	q := queueing.MMcSetup{ArrivalRatePerSecond: 50, ServiceRatePerSecond: 10, Servers: 7, MeanSetupSeconds: 30}
	s := q.Solve()
	assert.Equal(t, q.WaitTail(9), s.WaitTail(9))
	const steps = 50
	var mean float64
	width := s.WaitQuantileSeconds(1-1e-6) / steps
	for i := range steps {
		mean += width * s.WaitTail((float64(i)+0.5)*width)
	}
	assert.InEpsilon(t, s.MeanWaitSeconds(), mean, 1e-2)
	p99 := s.ResponseQuantileSeconds(0.99)
	assert.InDelta(t, 0.01, s.ResponseTail(p99), 2e-9)

	// Hardly any load of any size and setup: one request, that starts one server.
	q = queueing.MMcSetup{ArrivalRatePerSecond: 1e-9, ServiceRatePerSecond: 1, Servers: 12, MeanSetupSeconds: 30}
	assert.InEpsilon(t, -30*math.Log(0.01), q.WaitQuantileSeconds(0.99), 1e-6)
	q.Servers = queueing.MaxSetupQuantileServers
	assert.InDelta(t, math.Exp(-1), q.WaitTail(30), 1e-7)
	q.Servers++
	assert.True(t, math.IsNaN(q.WaitQuantileSeconds(0.99)), "more servers than are solved for")
	assert.True(t, math.IsNaN(q.ResponseTail(1)))
	assert.Positive(t, q.MeanWaitSeconds())
}
