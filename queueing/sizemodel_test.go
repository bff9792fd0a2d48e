package queueing_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestReferenceSizingErlangB(t *testing.T) {
	service := queueing.Service{MeanTime: time.Second, MaxWaiting: queueing.NoQueue}
	for _, r := range referenceRows(t, "sizing_erlang_b.csv") {
		target := queueing.Target{MaxBlocking: r.float(t, "max_blocking")}
		s, err := queueing.Size(r.float(t, "offered_load"), service, target, 1_000_000)
		require.NoError(t, err)
		assert.Equal(t, r.int(t, "min_servers"), s.Replicas, "%v", r)
		assertClose(t, r.float(t, "blocking_at_min"), s.BlockingProbability, referenceTolerance, r)
	}
}

func TestReferenceSizingErlangA(t *testing.T) {
	for _, r := range referenceRows(t, "sizing_erlang_a.csv") {
		require.Equal(t, "1.0", r["mu"])
		service := queueing.Service{MeanTime: time.Second, Patience: time.Duration(math.Round(1e9 / r.float(t, "theta")))}
		var target queueing.Target
		switch r["slo_kind"] {
		case "prob_abandon":
			target.MaxAbandonment = r.float(t, "slo_value")
		case "prob_wait":
			target.MaxWaitProbability = r.float(t, "slo_value")
		case "mean_wait":
			target.MaxMeanWait = r.seconds(t, "slo_value")
		default:
			require.Fail(t, "unknown kind", r["slo_kind"])
		}
		s, err := queueing.Size(r.float(t, "lambda"), service, target, 1_000_000)
		require.NoError(t, err)
		assert.Equal(t, r.int(t, "min_servers"), s.Replicas, "%v", r)
	}
}

// drawModelService draws a service of each kind, with a target that suits it.
func drawModelService(t *rapid.T) (queueing.Service, queueing.Target) {
	s := queueing.Service{MeanTime: 100 * time.Millisecond, Concurrency: rapid.IntRange(0, 4).Draw(t, "concurrency")}
	target := queueing.Target{Response: queueing.Quantile{
		Percentile: rapid.SampledFrom([]float64{0.5, 0.9, 0.99}).Draw(t, "percentile"),
		Latency:    time.Duration(rapid.IntRange(900, 3000).Draw(t, "latency")) * time.Millisecond,
	}}
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		s.SCV = queueing.SCV(rapid.Float64Range(0, 2).Draw(t, "scv"))
	case 1:
		s.ArrivalSCV = queueing.SCV(rapid.Float64Range(0, 4).Draw(t, "arrival scv"))
	case 2:
		s.Patience = time.Duration(rapid.IntRange(10, 5000).Draw(t, "patience")) * time.Millisecond
		target = queueing.Target{MaxAbandonment: rapid.Float64Range(0.001, 0.3).Draw(t, "abandonment"), MaxUtilization: 0.9}
	case 3:
		s.MaxWaiting = rapid.IntRange(-1, 10).Draw(t, "room")
		if s.MaxWaiting != 0 {
			target = queueing.Target{MaxBlocking: rapid.Float64Range(1e-6, 0.3).Draw(t, "blocking")}
		}
	case 4:
		s.SCV = queueing.SCV(rapid.Float64Range(0, 4).Draw(t, "scv"))
		target = queueing.Target{MaxMeanWait: 50 * time.Millisecond, MaxUtilization: 0.8, MaxWaitProbability: 0.3}
	}
	return s, target
}

// TestSizingOfModelsInverts ties LeastReplicas, MaxArrivalRate and a linear scan over the models together.
func TestSizingOfModelsInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, target := drawModelService(t)
		rate := rapid.Float64Range(0.1, 300).Draw(t, "rate")
		const most = 80
		n, err := queueing.LeastReplicas(rate, service, target, most)
		if err != nil {
			require.ErrorIs(t, err, queueing.ErrMaxReplicas)
			return
		}
		kept := func(rate float64, n int) bool {
			s := service.At(rate, n)
			ok := !math.IsInf(s.MeanWaitSeconds(), 1)
			if target.MaxUtilization > 0 {
				ok = ok && s.Utilization() <= target.MaxUtilization*(1+1e-12)
			}
			if target.MaxMeanWait > 0 {
				ok = ok && s.MeanWaitSeconds() <= target.MaxMeanWait.Seconds()*(1+1e-9)
			}
			if target.MaxWaitProbability > 0 {
				ok = ok && s.WaitProbability() <= target.MaxWaitProbability*(1+1e-9)
			}
			if target.Response != (queueing.Quantile{}) {
				ok = ok && s.ResponseQuantileSeconds(target.Response.Percentile) <= target.Response.Latency.Seconds()*(1+1e-6)
			}
			if target.MaxAbandonment > 0 {
				ok = ok && s.(interface{ AbandonmentProbability() float64 }).AbandonmentProbability() <= target.MaxAbandonment*(1+1e-9)
			}
			if target.MaxBlocking > 0 {
				ok = ok && s.(interface{ BlockingProbability() float64 }).BlockingProbability() <= target.MaxBlocking*(1+1e-9)
			}
			return ok
		}
		assert.True(t, kept(rate, n), "enough")
		if n > 1 {
			assert.False(t, kept(rate*(1+1e-5), n-1), "one less is too few")
		}
		largest, err := queueing.MaxArrivalRate(n, service, target)
		require.NoError(t, err)
		assert.GreaterOrEqual(t, largest, rate*(1-1e-9))
		assert.True(t, kept(largest, n))
		assert.False(t, kept(largest*(1+1e-4), n))
		again, err := queueing.LeastReplicas(largest, service, target, most)
		require.NoError(t, err)
		assert.LessOrEqual(t, again, n)
	})
}

func TestNeedTableOfModel(t *testing.T) {
	for _, service := range []queueing.Service{
		{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(4)},
		{MeanTime: 100 * time.Millisecond, Patience: 2 * time.Second},
		{MeanTime: 100 * time.Millisecond, MaxWaiting: 3},
	} {
		target := queueing.Target{Response: queueing.Quantile{Percentile: 0.95, Latency: 600 * time.Millisecond}, MaxUtilization: 0.95}
		table, err := queueing.NewNeedTable(20, service, target)
		require.NoError(t, err)
		for rate := 1.0; rate < 150; rate *= 1.3 {
			want, err := queueing.LeastReplicas(rate, service, target, 20)
			require.NoError(t, err)
			got, enough := table.LeastReplicas(rate)
			assert.True(t, enough)
			assert.Equal(t, want, got, "%v at %v", service, rate)
		}
	}
}

// TestSizingOfPlainModelFunc sizes M/M/c through the generic search and the fast path.
func TestSizingOfPlainModelFunc(t *testing.T) {
	service := queueing.Service{MeanTime: 100 * time.Millisecond, Concurrency: 2}
	model := queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState { return service.Model(rate, replicas) })
	for _, target := range []queueing.Target{
		{},
		{MaxUtilization: 0.8},
		{MaxMeanWait: time.Millisecond},
		{Response: queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}, MaxWaitProbability: 0.1},
	} {
		for _, rate := range []float64{0, 3, 50, 777} {
			want, err := queueing.Size(rate, service, target, 1000)
			require.NoError(t, err)
			got, err := queueing.SizeOf(rate, model, target, 1000)
			require.NoError(t, err)
			assert.Equal(t, want.Replicas, got.Replicas, "%v at %v", target, rate)
			assert.Equal(t, want.Binding, got.Binding, "%v at %v", target, rate)
			assertClose(t, want.MaxArrivalRatePerSecond, got.MaxArrivalRatePerSecond, 1e-9, target, rate)
			assertClose(t, want.ResponseQuantileSeconds, got.ResponseQuantileSeconds, 1e-12)
		}
	}
}

func TestVariability(t *testing.T) {
	assert.InDelta(t, 1, queueing.Variability{}.Value(), 0)
	assert.InDelta(t, 0, queueing.SCV(0).Value(), 0)
	assert.InDelta(t, 4, queueing.SCV(4).Value(), 0)
	assert.Equal(t, queueing.Variability{}, queueing.SCV(1))

	at := func(scv queueing.Variability) int {
		service := queueing.Service{MeanTime: 100 * time.Millisecond, SCV: scv}
		target := queueing.Target{Wait: queueing.Quantile{Percentile: 0.99, Latency: 50 * time.Millisecond}}
		n, err := queueing.LeastReplicas(500, service, target, 1000)
		require.NoError(t, err)
		return n
	}
	assert.Less(t, at(queueing.SCV(0)), at(queueing.SCV(1)))
	assert.Equal(t, at(queueing.Variability{}), at(queueing.SCV(1)))
	assert.Less(t, at(queueing.SCV(1)), at(queueing.SCV(4)))
}

func TestModelSizingErrors(t *testing.T) {
	second := queueing.Service{MeanTime: time.Second}
	with := func(change func(*queueing.Service)) queueing.Service {
		s := second
		change(&s)
		return s
	}
	for _, c := range []struct {
		service queueing.Service
		target  queueing.Target
		text    string
	}{
		{with(func(s *queueing.Service) { s.SCV = queueing.SCV(-1) }), queueing.Target{}, "Service.SCV is -1"},
		{with(func(s *queueing.Service) { s.SCV = queueing.SCV(math.NaN()) }), queueing.Target{}, "Service.SCV is NaN"},
		{with(func(s *queueing.Service) { s.ArrivalSCV = queueing.SCV(math.Inf(1)) }), queueing.Target{}, "Service.ArrivalSCV is +Inf"},
		{with(func(s *queueing.Service) { s.Patience = -1 }), queueing.Target{}, "Service.Patience is -1ns"},
		{with(func(s *queueing.Service) { s.MaxWaiting = -2 }), queueing.Target{}, "Service.MaxWaiting is -2"},
		{with(func(s *queueing.Service) { s.Patience, s.SCV = time.Second, queueing.SCV(2) }), queueing.Target{}, "no model covers"},
		{second, queueing.Target{MaxBlocking: 0.1}, "needs a limited queue"},
		{second, queueing.Target{MaxAbandonment: 0.1}, "needs a patience"},
		{with(func(s *queueing.Service) { s.SCV = queueing.SCV(4) }), queueing.Target{MaxAbandonment: 0.1}, "needs a patience"},
		{second, queueing.Target{MaxBlocking: 1}, "Target.MaxBlocking is 1"},
		{
			with(func(s *queueing.Service) { s.SCV = queueing.SCV(0) }),
			queueing.Target{Response: queueing.Quantile{Percentile: 0.5, Latency: 999 * time.Millisecond}},
			"no number of replicas",
		},
	} {
		_, err := queueing.Size(1, c.service, c.target, 100)
		require.ErrorContains(t, err, c.text)
		_, err = queueing.LeastReplicas(1, c.service, c.target, 100)
		require.ErrorContains(t, err, c.text)
		_, err = queueing.MaxArrivalRate(1, c.service, c.target)
		require.ErrorContains(t, err, c.text)
		_, err = queueing.NewNeedTable(2, c.service, c.target)
		require.ErrorContains(t, err, c.text)
	}
	fixed := with(func(s *queueing.Service) { s.SCV = queueing.SCV(0) })
	_, err := queueing.Size(50, fixed, queueing.Target{}, 10)
	require.ErrorIs(t, err, queueing.ErrMaxReplicas)
	_, err = queueing.Size(math.NaN(), fixed, queueing.Target{}, 10)
	require.ErrorContains(t, err, "arrival rate is NaN")
	_, err = queueing.MaxArrivalRate(1_000_000, fixed, queueing.Target{})
	require.ErrorContains(t, err, "replicas is 1000000")
	n, err := queueing.LeastReplicas(0.5, fixed, queueing.Target{Response: queueing.Quantile{Percentile: 0.5, Latency: 1100 * time.Millisecond}}, 1_000_000)
	require.NoError(t, err)
	assert.LessOrEqual(t, n, 2)
}

// allModels are the steady-state models with four numbers put wherever they fit.
func allModels(rate, mu float64, servers int, extra float64) map[string]queueing.SteadyState {
	room := 0
	if extra > 0 && extra < 1e6 {
		room = int(extra)
	}
	return map[string]queueing.SteadyState{
		"M/M/c":   queueing.MMc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers},
		"M/M/c/K": queueing.MMcK{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers, Capacity: servers + room},
		"M/D/c":   queueing.MDc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers},
		"M/PH/c":  queueing.MPHc{ArrivalRatePerSecond: rate, Service: queueing.PhaseTypeOf(1/mu, extra), Servers: servers},
		"M/G/c":   queueing.MGc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers, SCV: extra},
		"GI/G/c":  queueing.GIGc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers, ArrivalSCV: extra, ServiceSCV: 2},
		"M/M/c+M": queueing.ErlangA{ArrivalRatePerSecond: rate, ServiceRatePerSecond: mu, Servers: servers, AbandonmentRatePerSecond: extra},
	}
}

func TestModelsOfInvalidParametersAreNaN(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		rate, mu float64
		servers  int
		extra    float64
	}{{-1, 1, 2, 1}, {nan, 1, 2, 1}, {1, 0, 2, 1}, {1, -1, 2, 1}, {1, nan, 2, 1}, {1, inf, 2, 1}, {1, 1, 0, 1}, {1, 1, -3, 1}} {
		for name, s := range allModels(c.rate, c.mu, c.servers, c.extra) {
			for i, v := range []float64{
				s.Utilization(), s.WaitProbability(), s.MeanWaitSeconds(), s.MeanResponseSeconds(),
				s.WaitQuantileSeconds(0.9), s.ResponseQuantileSeconds(0.9),
			} {
				assert.True(t, math.IsNaN(v), "%s of %v: result %d is %v", name, c, i, v)
			}
		}
	}
	for name, s := range allModels(3, 1, 2, 2) { // overloaded
		if name == "M/M/c/K" || name == "M/M/c+M" {
			assert.Less(t, s.MeanWaitSeconds(), 10.0, name)
			continue
		}
		assert.InDelta(t, 1, s.WaitProbability(), 0, name)
		assert.True(t, math.IsInf(s.MeanWaitSeconds(), 1), name)
		assert.True(t, math.IsInf(s.WaitQuantileSeconds(0.5), 1), name)
		assert.True(t, math.IsInf(s.ResponseQuantileSeconds(0.5), 1), name)
		assert.True(t, math.IsNaN(s.WaitQuantileSeconds(1.5)), name)
	}
	for name, s := range allModels(0, 2, 3, 1.5) { // idle
		assert.Zero(t, s.WaitProbability(), name)
		assert.Zero(t, s.MeanWaitSeconds(), name)
		assert.InDelta(t, 0.5, s.MeanResponseSeconds(), 1e-15, name)
		assert.Zero(t, s.WaitQuantileSeconds(0.999), name)
		assert.Zero(t, s.ResponseQuantileSeconds(0), name)
		assert.True(t, s.ResponseQuantileSeconds(0.5) > 0.2 && s.ResponseQuantileSeconds(0.5) <= 0.5, name)
	}
}

// FuzzModels wants an answer, and a possible one, from every model for any numbers.
func FuzzModels(f *testing.F) {
	f.Add(8.0, 1.0, 10, 2.0, 0.99)
	f.Add(0.999999, 1.0, 1, 0.0, 0.5)
	f.Add(1e-300, 1.0, 3, 1e-12, 1.0)
	f.Add(1e9, 1e-9, 1, 1e9, 0.999)
	f.Add(99_999.0, 1.0, 100_000, 0.3, 0.9)
	f.Add(49.0, 1.0, 50, 1e-9, 0.999999)
	f.Add(1e-5, 1e300, 2, 0.7, 0.1)
	f.Add(1e300, 1e300, 2, 3.0, 0.1)
	f.Fuzz(func(t *testing.T, rate, mu float64, servers int, extra, p float64) {
		if servers > 5000 {
			servers %= 5000 // keeps one case under a second, large ones are in the seeds' siblings
		}
		for name, s := range allModels(rate, mu, servers, extra) {
			if name == "M/PH/c" && servers > 40 {
				continue
			}
			for i, v := range []float64{
				s.WaitProbability(), s.MeanWaitSeconds(), s.WaitQuantileSeconds(p), s.ResponseQuantileSeconds(p),
			} {
				if v < 0 || i == 0 && v > 1 {
					t.Errorf("%s: rate %v, service rate %v, servers %d, extra %v, p %v: result %d is %v", name, rate, mu, servers, extra, p, i, v)
				}
			}
		}
	})
}

func ExampleSize_variability() {
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 800 * time.Millisecond}}
	for _, scv := range []float64{0, 1, 2} {
		service := queueing.Service{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(scv)}
		s, err := queueing.Size(100, service, target, 100)
		fmt.Printf("SCV %v: %d replicas, p99 %.0f ms, %v\n", scv, s.Replicas, 1000*s.ResponseQuantileSeconds, err)
	}
	// Output:
	// SCV 0: 11 replicas, p99 308 ms, <nil>
	// SCV 1: 11 replicas, p99 627 ms, <nil>
	// SCV 2: 12 replicas, p99 766 ms, <nil>
}

func ExampleLeastReplicasOf() {
	// A model of one's own: single-server replicas behind a random balancer, each an M/M/1 queue.
	random := queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
		return queueing.MMc{ArrivalRatePerSecond: rate / float64(replicas), ServiceRatePerSecond: 10, Servers: 1}
	})
	target := queueing.Target{MaxMeanResponse: 200 * time.Millisecond}
	split, _ := queueing.LeastReplicasOf(100, random, target, 100)
	shared, _ := queueing.LeastReplicas(100, queueing.Service{MeanTime: 100 * time.Millisecond}, target, 100)
	fmt.Println(split, "replicas of their own queues, or", shared, "that share one")
	// Output: 20 replicas of their own queues, or 11 that share one
}

func BenchmarkSizeOfModels(b *testing.B) {
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 1500 * time.Millisecond}}
	for _, c := range []struct {
		name    string
		service queueing.Service
	}{
		{"scv=0", queueing.Service{SCV: queueing.SCV(0)}},
		{"scv=0.3", queueing.Service{SCV: queueing.SCV(0.3)}},
		{"scv=4", queueing.Service{SCV: queueing.SCV(4)}},
		{"patience", queueing.Service{Patience: time.Second}},
		{"queue=5", queueing.Service{MaxWaiting: 5}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.service.MeanTime = 100 * time.Millisecond
			for b.Loop() {
				if _, err := queueing.LeastReplicas(1000, c.service, target, 10_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
