package simulator

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/replay/policy"
)

// pulse is a rate that is high for a while.
type pulse struct {
	base, high float64
	at, length time.Duration
}

func (p pulse) Rate(t time.Duration) float64 {
	if t >= p.at && t < p.at+p.length {
		return p.high
	}
	return p.base
}

func (p pulse) Cumulative(t time.Duration) float64 {
	t = max(t, 0)
	return p.base*t.Seconds() + (p.high-p.base)*min(max(t-p.at, 0), p.length).Seconds()
}

// web returns ten replicas of 25 requests/s behind a balancer that takes the less loaded of two.
func web(s schedule, duration time.Duration) *Config {
	return &Config{
		Duration: duration, Arrivals: nonstationary(s, duration),
		Service:   Service{Mean: 40 * time.Millisecond, SCV: 1},
		Balancer:  Balancer{Kind: PowerOfTwo},
		Replicas:  Replicas{Initial: 10, Min: 1, Max: 50},
		Objective: Objective{Percentile: 0.99, Latency: 500 * time.Millisecond},
	}
}

type schedule interface {
	Rate(time.Duration) float64
	Cumulative(time.Duration) float64
}

// TestMetastableCollapse shows hysteresis: under the same load of 60 % the system works, or, after a minute of
// overload, goes on failing for good, because retries of requests that timed out keep it busy with abandoned work. A
// budget of retries lets it recover.
func TestMetastableCollapse(t *testing.T) {
	t.Parallel()
	const duration = 30 * time.Minute
	client := Client{Timeout: time.Second, Retries: 3, Backoff: 50 * time.Millisecond}
	lastMinutes := func(c *Config) (attainment float64) {
		r, err := Run(t.Context(), c, nil, 1)
		require.NoError(t, err)
		var requests, violations uint32
		for _, m := range r.Timeline[len(r.Timeline)-5:] {
			requests, violations = requests+m.Requests, violations+m.Violations
		}
		return 1 - float64(violations)/float64(requests)
	}
	calm, struck := web(pulse{base: 30, high: 30}, duration), web(pulse{base: 30, high: 100, at: 5 * time.Minute, length: time.Minute}, duration)
	calm.Replicas.Initial, struck.Replicas.Initial = 2, 2
	calm.Client, struck.Client = client, client
	require.Greater(t, lastMinutes(calm), 0.98)
	require.Less(t, lastMinutes(struck), 0.1)

	struck.Client.RetryBudget = 0.1
	require.Greater(t, lastMinutes(struck), 0.98)
}

func TestWarmingFinish(t *testing.T) {
	for _, x := range []struct{ now, work, until, slowdown, want float64 }{
		{0, 1, 10, 2, 2},    // all of it slow
		{9, 1, 10, 2, 10.5}, // half a second of work before the end, half after
		{9, 0.5, 10, 2, 10}, // done as it ends
		{5, 2, 6, 4, 7.75},
	} {
		require.InDelta(t, x.want, warmingFinish(x.now, x.work, x.until, x.slowdown), 1e-12, "%+v", x)
	}
}

// TestStartup lets a reactive HPA grow through a start-up of several phases and checks when capacity arrives.
func TestStartup(t *testing.T) {
	t.Parallel()
	c := web(stepUp{low: 25, high: 100, at: 5 * time.Minute}, 20*time.Minute)
	c.Service.Mean = 160 * time.Millisecond
	c.Replicas.Initial = 5
	c.Startup = Startup{
		Phases: []Phase{{"schedule", Law{2 * time.Second, 0}}, {"pull", Law{8 * time.Second, 0}}, {"load", Law{50 * time.Second, 0}}},
		Node:   &NodeSupply{FreeProbability: 0, Provision: Law{time.Minute, 0}},
		WarmUp: 30 * time.Second, Slowdown: 2,
	}
	p := policy.Reactive{Target: 5}
	ready := func() int {
		r, err := Run(t.Context(), c, p, 1)
		require.NoError(t, err)
		require.InDelta(t, 20, r.Timeline[19].Ready, 3)
		for i, m := range r.Timeline {
			if m.Ready > 10 {
				return i
			}
		}
		return -1
	}
	// The rate passes 10 replicas' worth soon after the step, and a start takes two minutes.
	withNode := ready()
	require.InDelta(t, 7, withNode, 1)
	c.Startup.Node.FreeProbability = 1
	require.Equal(t, withNode-1, ready())

	c.Startup.Node.Quota = 12
	r, err := Run(t.Context(), c, p, 1)
	require.NoError(t, err)
	for _, m := range r.Timeline {
		require.LessOrEqual(t, m.Ready, int32(12))
	}
	require.Greater(t, r.Timeline[19].Running, int32(12)) // the rest is pending
}

// TestUtilization lets the HPA read the usage of pods.
func TestUtilization(t *testing.T) {
	t.Parallel()
	c := web(stepUp{low: 25, high: 75, at: 10 * time.Minute}, 30*time.Minute)
	c.Service.Mean = 160 * time.Millisecond
	c.Startup = Startup{Phases: []Phase{{"load", Law{30 * time.Second, 0.1}}}}
	r, err := Run(t.Context(), c, policy.Reactive{Metric: policy.MetricUtilization, Target: 0.6}, 1)
	require.NoError(t, err)
	// 100 and 300 requests/s of 40 ms are 4 and 12 erlangs.
	require.InDelta(t, 4/0.6, r.Timeline[9].Ready, 2.5)
	require.InDelta(t, 12/0.6, r.Timeline[29].Ready, 4)
}

// TestDraining tells pods to leave while they work.
func TestDraining(t *testing.T) {
	t.Parallel()
	c := web(stepUp{low: 240, high: 20, at: 2 * time.Minute}, 10*time.Minute)
	c.Service.Mean = 2 * time.Second // each of the ten holds about 20 calls at first
	c.Service.Concurrency = 50
	c.Objective.Latency = time.Minute
	zero := time.Duration(0)
	p := policy.Reactive{Target: 24, Behavior: &hpaBehavior{ScaleDown: &hpaRules{StabilizationWindow: &zero}}}

	lost := func() uint64 {
		r, err := Run(t.Context(), c, p, 1)
		require.NoError(t, err)
		require.Positive(t, r.ScaleDowns)
		require.Equal(t, r.Lost, r.Failed)
		return r.Lost
	}
	none := lost()
	require.Positive(t, none)
	c.Termination.Grace = time.Second
	some := lost()
	require.Positive(t, some)
	require.Less(t, some, none)
	c.Termination.Grace = time.Minute
	require.Zero(t, lost())
	// Balancers that go on sending to pods that leave find them at work within the grace.
	c.Termination.EndpointLag = 5 * time.Second
	require.Zero(t, lost())
}

// TestFailures takes pods away at random: the expected number of times, and they are replaced.
func TestFailures(t *testing.T) {
	t.Parallel()
	c := web(pulse{base: 5, high: 5}, 100*time.Minute)
	c.Failures = Failures{PodMTBF: 50 * time.Minute, SpotEvictionsPerHour: 1.2, SpotNotice: 10 * time.Second}
	c.Startup = Startup{Phases: []Phase{{"load", Law{30 * time.Second, 1}}}}
	c.Client.Retries = 2
	failed, evicted := 0, 0
	for seed := range uint64(8) {
		r, err := Run(t.Context(), c, nil, seed)
		require.NoError(t, err)
		failed, evicted = failed+r.PodsFailed, evicted+r.PodsEvicted
		require.EqualValues(t, 10, r.Timeline[99].Running)
		require.Less(t, r.Failed, uint64(10))
		require.InDelta(t, 10*100.0/60, r.ReplicaHours, 0.2)
	}
	// Ten pods for 100 minutes at one failure per 50 minutes of being ready, and one eviction per 50 minutes: 20 each.
	require.InDelta(t, 8*20, failed, 4*math.Sqrt(160))
	require.InDelta(t, 8*20, evicted, 4*math.Sqrt(160))
}

// TestBalancersSeeLess orders balancers by what they know.
func TestBalancersSeeLess(t *testing.T) {
	t.Parallel()
	mean := func(b Balancer) float64 {
		c := web(pulse{base: 225, high: 225}, 3*time.Minute)
		c.Balancer = b
		r, err := Run(t.Context(), c, nil, 1)
		require.NoError(t, err)
		return r.Latency.Mean()
	}
	central, least := mean(Balancer{Kind: CentralQueue}), mean(Balancer{Kind: LeastRequest})
	proxies, random := mean(Balancer{Kind: LeastRequest, Clients: 50}), mean(Balancer{Kind: Random})
	stale, herd := mean(Balancer{Kind: LeastRequest, Staleness: 20 * time.Millisecond}), mean(Balancer{Kind: LeastRequest, Staleness: 10 * time.Second})
	require.Less(t, central, least)
	require.Less(t, least, stale)
	require.Less(t, stale, random)
	require.Less(t, least, proxies)
	require.Less(t, proxies, random)
	// Old counts are worse than none: all go where it was empty.
	require.Greater(t, herd, random)
	roundRobin := mean(Balancer{Kind: RoundRobin})
	require.Less(t, roundRobin, random)
	require.Less(t, roundRobin, mean(Balancer{Kind: RoundRobin, Clients: 50}))
}

// TestBatchDelay holds requests back for company.
func TestBatchDelay(t *testing.T) {
	t.Parallel()
	for _, kind := range []Balancing{CentralQueue, RoundRobin} {
		c := web(pulse{base: 1, high: 1}, 10*time.Minute)
		c.Balancer.Kind = kind
		c.Replicas.Initial = 1
		c.Service = Service{Batching: &Batching{MaxBatch: 8, MaxDelay: 20 * time.Millisecond, Fixed: 10 * time.Millisecond}}
		r, err := Run(t.Context(), c, nil, 1)
		require.NoError(t, err)
		// A lone request waits the whole delay.
		require.InEpsilon(t, 0.03, r.Latency.Quantile(0.5), 1e-3)
		c.Arrivals = nonstationary(pulse{base: 4000, high: 4000}, c.Duration)
		c.Duration = 10 * time.Second
		r, err = Run(t.Context(), c, nil, 1)
		require.NoError(t, err)
		// At 4000 requests/s eight come within 2 ms, but the server takes 10 ms for them: it never catches up.
		require.Greater(t, r.Latency.Max, 20.0)
		require.InEpsilon(t, 800, float64(r.Answered)/(10+r.Latency.Max), 0.05)
	}
}

// TestRefusals bounds queues and retries.
func TestRefusals(t *testing.T) {
	t.Parallel()
	c := web(pulse{base: 1000, high: 1000}, time.Minute) // four times what it can do
	c.Queue.MaxPerReplica = 5
	c.Client = Client{Retries: 5, Backoff: time.Millisecond, RetryBudget: 0.5}
	r, err := Run(t.Context(), c, nil, 1)
	require.NoError(t, err)
	require.InEpsilon(t, 0.5, float64(r.Retries)/float64(r.Requests), 0.01)
	require.Equal(t, r.Refused, r.Failed+r.Retries)
	require.Less(t, r.Latency.Max, 3.0)

	c.Replicas.Initial = 0
	r, err = Run(t.Context(), c, nil, 1)
	require.NoError(t, err)
	require.Equal(t, r.Requests, r.Failed)
	require.Zero(t, r.ReplicaHours)
	require.True(t, math.IsNaN(r.Timeline[0].P50))
}
