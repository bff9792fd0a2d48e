package simulator

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/replay/policy"
)

func TestValidateReportsAll(t *testing.T) {
	c := Config{
		Service:   Service{SCV: -1, Concurrency: -2},
		Balancer:  Balancer{Kind: "best", Staleness: time.Nanosecond},
		Queue:     Queue{MaxPerReplica: -5, MaxWait: Law{-time.Second, math.NaN()}},
		Client:    Client{Timeout: -1, Retries: 1000, RetryBudget: math.Inf(1)},
		Startup:   Startup{Slowdown: 0.5, Node: &NodeSupply{FreeProbability: 2}},
		Failures:  Failures{PodMTBF: time.Nanosecond},
		Replicas:  Replicas{Min: 5, Max: 2},
		Objective: Objective{Percentile: 99},
	}
	err := c.Validate()
	for _, want := range []string{
		"Duration is 0s, must be above 0s", "Arrivals.Schedule is missing", "Arrivals.NewStream is missing",
		"Service.Mean is 0s", "Service.SCV is -1, must be in 0..1000", "Service.Concurrency is -2",
		`Balancer.Kind is "best", must be random, roundRobin, powerOfTwo, leastRequest or centralQueue`, "Balancer.Staleness is 1ns",
		"Queue.MaxPerReplica is -5", "Queue.MaxWait.Mean is -1s", "Queue.MaxWait.SCV is NaN",
		"Client.Timeout is -1ns", "Client.Retries is 1000, must be in 0..100", "Client.RetryBudget is +Inf",
		"Startup.Slowdown is 0.5", "Startup.Node.FreeProbability is 2, must be in 0..1", "Failures.PodMTBF is 1ns",
		"Replicas.Max is 2", "Objective.Percentile is 99, must lie between 0 and 1", "Objective.Latency is 0s",
	} {
		require.ErrorContains(t, err, want)
	}
	require.Len(t, strings.Split(err.Error(), "\n"), 20)
}

func TestLimits(t *testing.T) {
	c := web(pulse{base: 1e6, high: 1e6}, 24*time.Hour)
	_, err := Run(t.Context(), c, nil, 1)
	require.ErrorContains(t, err, "8.64e+10 requests are expected in 24h0m0s, must be at most 2e+09")

	// An unstable queue is legal, but not without a bound on its memory.
	c = web(pulse{base: 5000, high: 5000}, time.Hour)
	require.InEpsilon(t, 3600*(5000-1250)*callBytes, c.Estimate().Bytes, 0.01)
	c.Limits.MaxBytes = 1e8
	_, err = Run(t.Context(), c, nil, 1)
	require.ErrorContains(t, err, "is expected to need 864 MB, must be at most 100")
	c.Queue.MaxPerReplica = 100
	c.Duration = time.Minute
	r, err := Run(t.Context(), c, nil, 1)
	require.NoError(t, err)
	require.Greater(t, r.ViolationRatio, 0.9)

	// What the estimate does not foresee, because ten replicas are fewer than the most, is caught on the way.
	for _, kind := range []Balancing{CentralQueue, Random} {
		c = web(pulse{base: 1200, high: 1200}, 10*time.Minute)
		c.Balancer.Kind = kind
		c.Limits.MaxBytes = 1e6
		_, err = Run(t.Context(), c, nil, 1)
		require.ErrorIs(t, err, errMemory)
	}
}

// TestAnyConfig runs configurations of every kind; the engine checks Little's law and its counts itself.
func TestAnyConfig(t *testing.T) {
	seconds := func(t *rapid.T, name string, most float64) time.Duration {
		if rapid.Bool().Draw(t, name+"?") {
			return 0
		}
		return time.Duration(rapid.Float64Range(0.001, most).Draw(t, name) * float64(time.Second))
	}
	law := func(t *rapid.T, name string, most float64) Law {
		return Law{seconds(t, name, most), rapid.SampledFrom([]float64{0, 0.3, 1, 2}).Draw(t, name+" scv")}
	}
	rapid.Check(t, func(t *rapid.T) {
		duration := time.Duration(rapid.IntRange(1, 400).Draw(t, "duration")) * time.Second
		s := stepUp{rapid.Float64Range(0, 20).Draw(t, "low"), rapid.Float64Range(0, 40).Draw(t, "high"), duration / 3}
		c := Config{
			Duration: duration, Arrivals: nonstationary(s, duration),
			Service: Service{
				Mean: time.Duration(rapid.IntRange(1, 2000).Draw(t, "mean")) * time.Millisecond,
				SCV:  rapid.SampledFrom([]float64{0, 0.3, 0.7, 1, 4}).Draw(t, "scv"), Concurrency: rapid.IntRange(0, 3).Draw(t, "concurrency"),
			},
			Balancer: Balancer{
				Kind:      rapid.SampledFrom([]Balancing{"", Random, RoundRobin, PowerOfTwo, LeastRequest}).Draw(t, "kind"),
				Staleness: seconds(t, "staleness", 10),
			},
			Queue: Queue{MaxPerReplica: rapid.IntRange(NoQueue, 5).Draw(t, "queue"), MaxWait: law(t, "max wait", 5)},
			Client: Client{
				Timeout: seconds(t, "timeout", 5), Retries: rapid.IntRange(0, 3).Draw(t, "retries"), Backoff: seconds(t, "backoff", 3),
				RetryBudget: rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "budget"), CancelOnTimeout: rapid.Bool().Draw(t, "cancel"),
			},
			Startup:     Startup{Phases: []Phase{{"a", law(t, "a", 60)}, {"b", law(t, "b", 20)}}, WarmUp: seconds(t, "warm-up", 60), Slowdown: 3},
			Failures:    Failures{PodMTBF: 10 * seconds(t, "mtbf", 60), SpotEvictionsPerHour: rapid.SampledFrom([]float64{0, 20}).Draw(t, "spot"), SpotNotice: seconds(t, "notice", 10)},
			Termination: Termination{Grace: seconds(t, "grace", 10), EndpointLag: seconds(t, "lag", 10)},
			Replicas:    Replicas{Initial: int32(rapid.IntRange(0, 8).Draw(t, "initial")), Min: int32(rapid.IntRange(0, 2).Draw(t, "min")), Max: 12},
			Objective:   Objective{Percentile: 0.9, Latency: time.Second},
		}
		if c.Failures.PodMTBF > 0 {
			c.Failures.PodMTBF += time.Second
		}
		if c.Balancer.Kind != "" {
			c.Balancer.Clients = rapid.IntRange(0, 3).Draw(t, "clients")
		}
		if rapid.Bool().Draw(t, "batching") {
			c.Service.Batching = &Batching{
				MaxBatch: rapid.IntRange(1, 6).Draw(t, "batch"), MaxDelay: seconds(t, "delay", 0.5),
				Fixed: 100 * time.Millisecond, PerItem: 30 * time.Millisecond,
			}
		}
		if rapid.Bool().Draw(t, "nodes") {
			c.Startup.Node = &NodeSupply{FreeProbability: 0.5, Provision: law(t, "node", 60), Quota: rapid.IntRange(0, 6).Draw(t, "quota")}
		}
		p := policy.Reactive{Target: rapid.Float64Range(0.2, 10).Draw(t, "target")}
		r, err := Run(testContext, &c, p, rapid.Uint64().Draw(t, "seed"))
		require.NoError(t, err)
		require.Len(t, r.Timeline, int((duration+time.Minute-1)/time.Minute))
		if c.Client == (Client{}) && c.Queue == (Queue{}) && c.Failures == (Failures{}) && c.Termination.Grace > 0 && r.Lost == 0 && r.Refused == 0 {
			require.True(t, r.Failed == 0 || c.Replicas.Initial == 0, "%d failed", r.Failed)
		}
		if c.Queue.MaxWait == (Law{}) {
			require.Zero(t, r.Expired)
		}
	})
}
