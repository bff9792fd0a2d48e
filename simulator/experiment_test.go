package simulator

import (
	"context"
	"encoding/json"
	"math"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// rivals returns an experiment whose load steps up and down under two targets, with everything that draws random
// numbers.
func rivals(replications int) Experiment {
	c := web(pulse{base: 20, high: 55, at: time.Minute, length: 2 * time.Minute}, 5*time.Minute)
	c.Service.Mean = 80 * time.Millisecond
	c.Replicas.Initial = 4
	c.Client = Client{Timeout: time.Second, Retries: 2, Backoff: 50 * time.Millisecond, RetryBudget: 0.2}
	c.Startup = Startup{Phases: []Phase{{"load", Law{20 * time.Second, 0.2}}}, WarmUp: 10 * time.Second, Slowdown: 2}
	c.Failures = Failures{PodMTBF: 20 * time.Minute, SpotEvictionsPerHour: 1, SpotNotice: 5 * time.Second}
	c.Queue.MaxWait = Law{5 * time.Second, 1}
	c.ReplicaHourCost = 0.9
	return Experiment{
		Config: c, Seed: 7, Replications: replications,
		Policies: []replay.Policy{policy.Reactive{Target: 7.5}, policy.Reactive{Target: 10}, policy.Fixed{Replicas: 8}},
	}
}

func encode(t *testing.T, x any) string {
	t.Helper()
	text, err := json.Marshal(x)
	require.NoError(t, err)
	return string(text)
}

// TestSameSeedSameBytes runs an experiment on one core, on many, and in shards.
func TestSameSeedSameBytes(t *testing.T) {
	x := rivals(2)
	x.Workers = 1
	want, err := RunAll(t.Context(), x)
	require.NoError(t, err)
	require.Len(t, want, 6)

	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	x.Workers = 0
	got, err := RunAll(t.Context(), x)
	require.NoError(t, err)
	require.Equal(t, encode(t, want), encode(t, got))

	x.Shards = 2
	var parts []*Result
	for x.Shard = range x.Shards {
		part, err := RunAll(t.Context(), x)
		require.NoError(t, err)
		parts = append(parts, part...)
	}
	slices.SortFunc(parts, func(a, b *Result) int { return 10*(a.Replication-b.Replication) + a.Index - b.Index })
	require.Equal(t, encode(t, want), encode(t, parts))

	// And through JSON, as shards on several machines come together.
	var back []*Result
	require.NoError(t, json.Unmarshal([]byte(encode(t, parts)), &back))
	require.Equal(t, encode(t, want), encode(t, back))

	x.Shards, x.Seed = 0, 8
	other, err := RunAll(t.Context(), x)
	require.NoError(t, err)
	require.NotEqual(t, encode(t, want), encode(t, other))
}

// TestCommonRandomNumbers shows that policies meet the same requests, and what that is worth.
func TestCommonRandomNumbers(t *testing.T) {
	t.Parallel()
	x := rivals(4)
	x.Config.Failures = Failures{}
	results, err := RunAll(t.Context(), x)
	require.NoError(t, err)
	for k := range 4 {
		for _, r := range results[3*k : 3*k+3] {
			require.Equal(t, results[3*k].Requests, r.Requests)
			for i, m := range r.Timeline {
				require.Equal(t, results[3*k].Timeline[i].Requests, m.Requests)
			}
		}
	}
	s, err := Summarize(results, 0.95, 0)
	require.NoError(t, err)
	require.Len(t, s, 3)
	require.Nil(t, s[0].Against)
	require.Equal(t, Interval{}, Interval{s[1].Against[MeasureRequests].Mean, s[1].Against[MeasureRequests].Low, s[1].Against[MeasureRequests].High})
	// A higher target needs fewer replicas, beyond chance.
	require.Negative(t, s[1].Against[MeasureReplicaHours].High)
	require.InDelta(t, s[1].Intervals[MeasureReplicaHours].Mean-s[0].Intervals[MeasureReplicaHours].Mean, s[1].Against[MeasureReplicaHours].Mean, 1e-9)
	require.InDelta(t, 0.9*s[1].Intervals[MeasureReplicaHours].Mean, s[1].Intervals[MeasureCost].Mean, 1e-9)
	answered := uint64(0)
	for _, r := range s[2].Replications {
		answered += r.Answered
	}
	require.Equal(t, answered, s[2].Latency.Count)

	_, err = Summarize(append(results, results[0]), 0.95, 0)
	require.ErrorContains(t, err, "two results")
	_, err = Summarize(results, 1, 0)
	require.ErrorContains(t, err, "confidence is 1")
}

func TestInterval(t *testing.T) {
	// t(3, 0.975) = 3.182446 (Student's table); the standard error of 1, 2, 3, 4 is 0.645497.
	in := newInterval([]float64{1, 2, 3, 4}, 0.95)
	require.InDelta(t, 2.5, in.Mean, 1e-12)
	require.InDelta(t, 2.5-3.182446*0.645497, in.Low, 1e-5)
	require.InDelta(t, 2.5+3.182446*0.645497, in.High, 1e-5)
	require.True(t, math.IsNaN(newInterval([]float64{1}, 0.95).Low))
}

// TestCancel returns what is finished when the context ends.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	x := rivals(5)
	x.Workers = 1
	last := Progress{}
	x.Progress = func(p Progress) {
		require.GreaterOrEqual(t, p.Share, last.Share)
		last = p
		if p.Done == 4 {
			cancel()
		}
	}
	results, err := RunAll(ctx, x)
	require.ErrorIs(t, err, context.Canceled)
	require.GreaterOrEqual(t, len(results), 4)
	require.Less(t, len(results), 15)
	require.Equal(t, 15, last.Runs)
	require.Positive(t, last.Requests)
	_, err = Summarize(results, 0.95, 0)
	require.NoError(t, err)
}

// TestNoAllocationPerRequest doubles the length of a run: what is allocated must not grow with the requests.
func TestNoAllocationPerRequest(t *testing.T) {
	for _, kind := range []Balancing{CentralQueue, PowerOfTwo} {
		allocations := func(d time.Duration) float64 {
			c := web(pulse{base: 220, high: 220}, d)
			c.Balancer.Kind = kind
			if kind == PowerOfTwo {
				c.Client = Client{Timeout: 150 * time.Millisecond, Retries: 1, Backoff: 50 * time.Millisecond, RetryBudget: 0.1}
			}
			return testing.AllocsPerRun(1, func() {
				_, err := Run(testContext, c, nil, 1)
				require.NoError(t, err)
			})
		}
		short, long := allocations(time.Minute), allocations(3*time.Minute)
		require.Less(t, (long-short)/(220*120), 1e-3, kind)
	}
}

// TestLaws holds every law to its mean, variance and, for the exponential, distribution.
func TestLaws(t *testing.T) {
	const n = 200_000
	for _, scv := range []float64{0, 0.2, 0.5, 0.8, 1, 3} {
		work := newWorkLaw(2, scv, newGenerator(1, serviceTimes))
		values := make([]float64, n)
		work.fill(values)
		in := newInterval(values, 0.9999)
		require.True(t, in.Low <= 2 && in.High >= 2, "scv %v: %v", scv, in)
		for i, x := range values {
			values[i] = (x - 2) * (x - 2) / 4
		}
		in = newInterval(values, 0.9999)
		require.True(t, in.Low <= scv && in.High >= scv, "scv %v: %v", scv, in)
		law, g, sum := Law{2 * time.Second, scv}, newGenerator(2, startups), 0.0
		for range n {
			sum += law.draw(g)
		}
		require.InDelta(t, 2, sum/n, 4*2*math.Sqrt(scv/n)+1e-9)
	}
	// Kolmogorov-Smirnov: √n sup|F_n - F| exceeds 1.95 with probability 0.001.
	g, values := newGenerator(3, serviceTimes), make([]float64, n)
	g.exponentials(values[:n/2], 1)
	for i := n / 2; i < n; i++ {
		values[i] = g.exponential()
	}
	slices.Sort(values)
	worst := 0.0
	for i, x := range values {
		f := distuv.Exponential{Rate: 1}.CDF(x)
		worst = max(worst, math.Abs(f-float64(i)/n), math.Abs(f-float64(i+1)/n))
	}
	require.Less(t, worst*math.Sqrt(n), 1.95)
	require.Greater(t, values[n-1], zigguratEdge) // the tail
}

func TestHistogram(t *testing.T) {
	g, r := newGenerator(1, serviceTimes), newRecorder()
	var h Histogram
	var values []float64
	for range 50_000 {
		x := math.Exp(34*g.unit() - 17)
		values = append(values, x)
		r.record(x)
		if len(values)%7000 == 0 {
			r.flush(&h)
		}
	}
	r.flush(&h)
	slices.Sort(values)
	for _, p := range []float64{0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.9999, 1} {
		want := values[max(int(math.Ceil(p*float64(len(values))))-1, 0)]
		require.InEpsilon(t, want, h.Quantile(p), 5e-4, "p %v", p)
	}
	require.Equal(t, values[len(values)-1], h.Max)
	require.True(t, math.IsNaN((&Histogram{}).Quantile(0.5)))
	require.True(t, math.IsNaN(h.Quantile(1.1)))
	// Durations beyond the range are kept at its ends.
	require.Zero(t, bucketOf(0))
	require.EqualValues(t, histogramBuckets-1, bucketOf(1e300))

	var sum Histogram
	sum.Add(&h)
	sum.Add(&h)
	require.Equal(t, h.Quantile(0.37), sum.Quantile(0.37))
	require.Equal(t, 2*h.Count, sum.Count)
}
