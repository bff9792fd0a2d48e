package simulator

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// nonstationary returns Poisson arrivals on a schedule.
func nonstationary(s arrivals.Schedule, duration time.Duration) Arrivals {
	return Arrivals{Schedule: s, NewStream: func(rng *rand.Rand) (Stream, error) {
		return arrivals.NewStream(s, arrivals.Poisson, duration, rng), nil
	}}
}

// stepUp is a rate of low that becomes high at an instant.
type stepUp struct {
	low, high float64
	at        time.Duration
}

func (s stepUp) Rate(t time.Duration) float64 {
	if t < s.at {
		return s.low
	}
	return s.high
}

func (s stepUp) Cumulative(t time.Duration) float64 {
	return s.low*min(max(t, 0), s.at).Seconds() + s.high*max(t-s.at, 0).Seconds()
}

// times are the arrival and the end of a request.
type times struct{ arrival, finish float64 }

// follow runs one replication and returns the result and the times of all requests that were answered.
func follow(t require.TestingT, c *Config, p replay.Policy, seed uint64) (*Result, []times) {
	require.NoError(t, c.check())
	e, err := newEngine(testContext, c, p, seed)
	require.NoError(t, err)
	var all []times
	e.observe = func(arrival, finish float64) { all = append(all, times{arrival, finish}) }
	loop := e.run
	if e.fast != nil {
		loop = e.runRecursion
	}
	require.NoError(t, loop(testContext))
	slices.SortFunc(all, func(a, b times) int {
		if a.arrival < b.arrival {
			return -1
		}
		return 1
	})
	return e.result(c, seed), all
}

// TestRecursionEqualsEvents holds the fast path to the events engine, request by request and to the last bit, while
// replicas start, fail, are evicted and scaled down with too little grace.
func TestRecursionEqualsEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		duration := time.Duration(rapid.IntRange(1, 8).Draw(t, "minutes")) * time.Minute
		c := Config{
			Duration: duration,
			Arrivals: nonstationary(stepUp{
				low:  rapid.Float64Range(0, 5).Draw(t, "low"),
				high: rapid.Float64Range(0, 20).Draw(t, "high"),
				at:   time.Duration(rapid.IntRange(0, 240).Draw(t, "at")) * time.Second,
			}, duration),
			Service: Service{
				Mean: time.Second, SCV: rapid.SampledFrom([]float64{0.25, 1, 4}).Draw(t, "scv"),
				Concurrency: rapid.IntRange(1, 3).Draw(t, "concurrency"),
			},
			Startup:     Startup{Phases: []Phase{{"load", Law{time.Duration(rapid.IntRange(0, 90).Draw(t, "start")) * time.Second, 0.1}}}},
			Failures:    Failures{SpotNotice: 2 * time.Second},
			Termination: Termination{Grace: time.Duration(rapid.IntRange(0, 3).Draw(t, "grace")) * time.Second},
			Replicas:    Replicas{Initial: int32(rapid.IntRange(0, 8).Draw(t, "initial")), Min: 1, Max: 20},
			Objective:   Objective{Percentile: 0.95, Latency: 3 * time.Second},
		}
		if rapid.Bool().Draw(t, "failures") {
			c.Failures.PodMTBF = 10 * time.Minute
			c.Failures.SpotEvictionsPerHour = 3
		}
		if rapid.Bool().Draw(t, "nodes") {
			c.Startup.Node = &NodeSupply{FreeProbability: 0.5, Provision: Law{20 * time.Second, 0.5}, Quota: rapid.IntRange(0, 10).Draw(t, "quota")}
		}
		zero := time.Duration(0)
		p := policy.Reactive{Target: rapid.Float64Range(0.5, 2).Draw(t, "target"), Behavior: rapid.SampledFrom([]*hpaBehavior{
			nil, {ScaleDown: &hpaRules{StabilizationWindow: &zero}},
		}).Draw(t, "behavior")}
		seed := rapid.Uint64().Draw(t, "seed")

		fast, fastTimes := follow(t, &c, p, seed)
		require.True(t, fast.Recursion)
		c.events = true
		slow, slowTimes := follow(t, &c, p, seed)
		require.False(t, slow.Recursion)

		require.Equal(t, slowTimes, fastTimes)
		require.Equal(t, slow.Latency.Counts, fast.Latency.Counts)
		require.Equal(t, slow.Lost, fast.Lost)
		require.Equal(t, slow.Failed, fast.Failed)
		require.InDelta(t, slow.ReplicaHours, fast.ReplicaHours, 1e-9)
		require.Equal(t, slow.Waited, fast.Waited)
		require.Equal(t, slow.ScaleUps, fast.ScaleUps)
		require.Equal(t, len(slow.Timeline), len(fast.Timeline))
		for i := range slow.Timeline {
			require.Equal(t, withoutNaN(slow.Timeline[i]), withoutNaN(fast.Timeline[i]))
		}
	})
}

// withoutNaN makes minutes without answers comparable.
func withoutNaN(m Minute) Minute {
	for _, q := range []*float64{&m.P50, &m.P95, &m.P99} {
		if *q != *q {
			*q = -1
		}
	}
	return m
}
