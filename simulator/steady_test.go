package simulator

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

// steady returns what a run shows of its steady state: the run, less the same run ended after its first part. Both meet
// the same requests, so that what is left are the requests after that part.
func steady(t testing.TB, c Config, discard time.Duration, seed uint64) *Result {
	t.Helper()
	whole, err := Run(t.Context(), &c, nil, seed)
	require.NoError(t, err)
	c.Duration = discard
	first, err := Run(t.Context(), &c, nil, seed)
	require.NoError(t, err)
	waits := whole.MeanWait*float64(whole.Served) - first.MeanWait*float64(first.Served)
	r := *whole
	r.Requests -= first.Requests
	r.Failed -= first.Failed
	r.Refused -= first.Refused
	r.Expired -= first.Expired
	r.Served -= first.Served
	r.Waited -= first.Waited
	r.MeanWait = waits / float64(r.Served)
	r.Latency.Count -= first.Latency.Count
	r.Latency.Sum -= first.Latency.Sum
	for i, n := range first.Latency.Counts {
		r.Latency.Counts[first.Latency.Low+i-r.Latency.Low] -= n
	}
	return &r
}

// expectation is a number that theory gives and what a run shows of it.
type expectation struct {
	name string
	want float64
	got  func(*Result) float64
}

func meanWait(r *Result) float64        { return r.MeanWait }
func meanLatency(r *Result) float64     { return r.Latency.Mean() }
func waitProbability(r *Result) float64 { return float64(r.Waited) / float64(r.Served) }
func latencyP99(r *Result) float64      { return r.Latency.Quantile(0.99) }

// meets holds independent replications to theory: the exact value must lie in the 99.9 % confidence interval, whose
// half-width must be at most a share of it.
func meets(t *testing.T, c *Config, replications int, halfWidth float64, expectations ...expectation) {
	t.Helper()
	values := make([][]float64, len(expectations))
	for k := range replications {
		r := steady(t, *c, c.Duration/10, ReplicationSeed(1, k))
		for i, x := range expectations {
			values[i] = append(values[i], x.got(r))
		}
	}
	for i, x := range expectations {
		in := newInterval(values[i], 0.999)
		t.Logf("%s: %.6g, want %.6g, within %.2g %%", x.name, in.Mean, x.want, 100*(in.High-in.Mean)/x.want)
		require.LessOrEqual(t, in.Low, x.want, "%s: %v", x.name, in)
		require.GreaterOrEqual(t, in.High, x.want, "%s: %v", x.name, in)
		require.LessOrEqual(t, in.High-in.Mean, halfWidth*math.Abs(x.want), "%s: %v", x.name, in)
	}
}

// servers returns one replica of c servers with a mean service time of 1 s and Poisson arrivals at a rate.
func servers(c int, rate, scv float64, requests float64) *Config {
	duration := time.Duration(requests / rate * float64(time.Second))
	return &Config{
		Duration:  duration,
		Arrivals:  poisson(rate, duration),
		Service:   Service{Mean: time.Second, SCV: scv, Concurrency: c},
		Replicas:  Replicas{Initial: 1, Min: 1, Max: 1},
		Objective: Objective{Percentile: 0.99, Latency: 5 * time.Second},
	}
}

func TestSteadyState(t *testing.T) {
	t.Parallel()
	const rate = 1.6 // two servers at 80 %
	t.Run("M/M/c", func(t *testing.T) {
		q := queueing.MMc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: 2}
		c := servers(2, rate, 1, 1e4)
		for _, events := range []bool{false, true} {
			c.events = events
			meets(t, c, 10, 0.5,
				expectation{"wait", q.MeanWaitSeconds(), meanWait},
				expectation{"P(wait)", q.WaitProbability(), waitProbability},
				expectation{"p99", q.ResponseQuantileSeconds(0.99), latencyP99})
		}
	})
	t.Run("M/D/c", func(t *testing.T) {
		q := queueing.MDc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: 2}
		meets(t, servers(2, rate, 0, 1e4), 10, 0.5,
			expectation{"wait", q.MeanWaitSeconds(), meanWait},
			expectation{"P(wait)", q.WaitProbability(), waitProbability},
			expectation{"p99", q.ResponseQuantileSeconds(0.99), latencyP99})
	})
	for _, scv := range []float64{0.5, 0.7, 4} {
		t.Run(fmt.Sprintf("M/PH/c scv %v", scv), func(t *testing.T) {
			q := queueing.MPHc{ArrivalRatePerSecond: rate, Service: queueing.PhaseTypeOf(1, scv), Servers: 2}
			meets(t, servers(2, rate, scv, 1e4), 10, 0.8,
				expectation{"wait", q.MeanWaitSeconds(), meanWait},
				expectation{"P(wait)", q.WaitProbability(), waitProbability})
		})
	}
	t.Run("Erlang A", func(t *testing.T) {
		q := queueing.ErlangA{ArrivalRatePerSecond: 2.2, ServiceRatePerSecond: 1, Servers: 2, AbandonmentRatePerSecond: 0.5}
		c := servers(2, 2.2, 1, 6e3)
		c.Queue.MaxWait = Law{Mean: 2 * time.Second, SCV: 1}
		meets(t, c, 10, 0.5,
			expectation{"P(abandon)", q.AbandonmentProbability(), func(r *Result) float64 { return float64(r.Expired) / float64(r.Requests) }},
			expectation{"P(wait)", q.WaitProbability(), func(r *Result) float64 { return float64(r.Waited+r.Expired) / float64(r.Requests) }})
	})
	t.Run("M/M/c/K", func(t *testing.T) {
		q := queueing.MMcK{ArrivalRatePerSecond: 2.4, ServiceRatePerSecond: 1, Servers: 2, Capacity: 5}
		c := servers(2, 2.4, 1, 6e3)
		for _, kind := range []Balancing{CentralQueue, Random} {
			c.Balancer.Kind = kind
			c.Queue.MaxPerReplica = 3
			meets(t, c, 10, 0.5,
				expectation{"P(block)", q.BlockingProbability(), func(r *Result) float64 { return float64(r.Refused) / float64(r.Requests) }},
				expectation{"wait", q.MeanWaitSeconds(), meanWait})
		}
	})
	t.Run("batches of constant time", func(t *testing.T) {
		q := queueing.MDBatch{ArrivalRatePerSecond: 4, PerItemSeconds: 0.1, FixedSeconds: 0.6, MaxBatch: 6}
		for _, kind := range []Balancing{CentralQueue, RoundRobin} {
			c := servers(1, 4, 0, 6e3)
			c.Balancer.Kind = kind
			c.Service.Batching = &Batching{MaxBatch: 6, Fixed: 600 * time.Millisecond, PerItem: 100 * time.Millisecond}
			meets(t, c, 10, 0.5,
				expectation{"wait", q.MeanWaitSeconds(), meanWait},
				expectation{"latency", q.MeanResponseSeconds(), meanLatency},
				expectation{"p99", q.ResponseQuantileSeconds(0.99), latencyP99})
		}
	})
	t.Run("batches of exponential time", func(t *testing.T) {
		q := queueing.MMBatch{ArrivalRatePerSecond: 2, BatchRatePerSecond: 1, MaxBatch: 4}
		c := servers(1, 2, 1, 6e3)
		c.Service.Batching = &Batching{MaxBatch: 4, Fixed: time.Second}
		meets(t, c, 10, 0.5,
			expectation{"wait", q.MeanWaitSeconds(), meanWait},
			expectation{"p99", q.ResponseQuantileSeconds(0.99), latencyP99})
	})
	for kind, policy := range map[Balancing]queueing.Balancing{
		Random: queueing.BalanceRandom, RoundRobin: queueing.BalanceRoundRobin, LeastRequest: queueing.BalanceShortestQueue,
		PowerOfTwo: queueing.BalanceShortestQueue, // the same for two replicas
	} {
		t.Run(string(kind), func(t *testing.T) {
			q := queueing.Balanced{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: 2, Policy: policy}
			c := servers(1, rate, 1, 1e4)
			c.Replicas = Replicas{Initial: 2, Min: 2, Max: 2}
			c.Balancer.Kind = kind
			meets(t, c, 10, 0.5, expectation{"latency", q.MeanResponseSeconds(), meanLatency})
		})
	}
	t.Run("power of two of many", func(t *testing.T) {
		q := queueing.Balanced{ArrivalRatePerSecond: 140, ServiceRatePerSecond: 1, Servers: 200, Policy: queueing.BalancePowerOfD}
		c := servers(1, 140, 1, 3e4)
		c.Replicas = Replicas{Initial: 200, Min: 200, Max: 200}
		c.Balancer.Kind = PowerOfTwo
		meets(t, c, 10, 0.2, expectation{"latency", q.MeanResponseSeconds(), meanLatency})
	})
}
