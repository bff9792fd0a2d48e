package queueing_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// TestReferenceSizing wants the least number of servers in every row.
func TestReferenceSizing(t *testing.T) {
	for _, r := range referenceRows(t, "sizing_mmc.csv") {
		var target queueing.Target
		switch quantile := func() queueing.Quantile {
			return queueing.Quantile{Percentile: r.float(t, "quantile"), Latency: r.seconds(t, "slo_value")}
		}; r["slo_kind"] {
		case "prob_wait":
			target.MaxWaitProbability = r.float(t, "slo_value")
		case "mean_wait":
			target.MaxMeanWait = r.seconds(t, "slo_value")
		case "wait_quantile":
			target.Wait = quantile()
		case "response_quantile":
			target.Response = quantile()
		case "utilization":
			target.MaxUtilization = r.float(t, "slo_value")
		default:
			require.Fail(t, "unknown kind", r["slo_kind"])
		}
		require.Equal(t, "1.0", r["mu"])
		s, err := queueing.Size(r.float(t, "lambda"), queueing.Service{MeanTime: time.Second}, target, 1_000_000)
		require.NoError(t, err, "%v", r)
		assert.Equal(t, r.int(t, "min_servers"), s.Replicas, "%v", r)
		if s.Replicas == r.int(t, "min_servers") {
			assertClose(t, r.float(t, "prob_wait_at_min"), s.WaitProbability, referenceTolerance, r)
			assertClose(t, r.float(t, "mean_wait_at_min"), s.MeanWaitSeconds, referenceTolerance, r)
		}
	}
}

// The largest loads in erlangs within one bound, mean service time 1 s, computed for this project with 50 decimal
// digits by bisection over the plain recurrence; servers: P(wait) <= 0.2, mean wait <= 0.1, p95 wait <= 0.5,
// p99 response <= 5.
var maxLoadTable = []struct {
	servers                              int
	waitProbability, meanWait, p95, resp float64
}{
	{1, 0.2, 0.090909090909090909, 0.079234038549228679, 0.078965962802381904},
	{2, 0.74031242374328487, 0.60302268915552725, 0.51405180546100869, 0.70678827832365294},
	{7, 4.4064303595339173, 4.6113956431735594, 4.3428148232725603, 5.2286449681932008},
	{64, 55.700247730208914, 59.445702072497385, 59.543355608839129, 61.601313931267678},
	{1000, 966.61557209820814, 992.61489085710355, 994.4584891392369, 997.15648462368483},
}

func TestMaxArrivalRateTable(t *testing.T) {
	second := queueing.Service{MeanTime: time.Second}
	for _, c := range maxLoadTable {
		for _, v := range []struct {
			target queueing.Target
			want   float64
		}{
			{queueing.Target{MaxWaitProbability: 0.2}, c.waitProbability},
			{queueing.Target{MaxMeanWait: 100 * time.Millisecond}, c.meanWait},
			{queueing.Target{MaxMeanResponse: 1100 * time.Millisecond}, c.meanWait},
			{queueing.Target{Wait: queueing.Quantile{Percentile: 0.95, Latency: time.Second / 2}}, c.p95},
			{queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 5 * time.Second}}, c.resp},
			{queueing.Target{MaxUtilization: 0.8}, 0.8 * float64(c.servers)},
			{queueing.Target{}, float64(c.servers)},
		} {
			got, err := queueing.MaxArrivalRate(c.servers, second, v.target)
			require.NoError(t, err)
			assertClose(t, v.want, got, 1e-13, c.servers, v.target)

			least, err := queueing.LeastReplicas(got, second, v.target, 2*c.servers)
			require.NoError(t, err)
			assert.Equal(t, c.servers, least)
		}
	}
}

// TestTextbookCase: 10 requests/s per server and 50 requests/s offered.
func TestTextbookCase(t *testing.T) {
	service := queueing.Service{MeanTime: 100 * time.Millisecond}
	s, err := queueing.Size(50, service, queueing.Target{}, 100)
	require.NoError(t, err)
	assert.Equal(t, 6, s.Replicas, "stable only above 5")
	assert.Equal(t, queueing.ConstraintStability, s.Binding)
	s, err = queueing.Size(50, service, queueing.Target{MaxUtilization: 0.8}, 100)
	require.NoError(t, err)
	assert.Equal(t, 7, s.Replicas)
	assert.Equal(t, queueing.ConstraintUtilization, s.Binding)
	assert.InDelta(t, 5, s.OfferedLoad, 0)
	assert.InEpsilon(t, 56, s.MaxArrivalRatePerSecond, 1e-12)
}

func TestSizingJSON(t *testing.T) {
	s, err := queueing.Size(50, queueing.Service{MeanTime: 100 * time.Millisecond}, queueing.Target{MaxUtilization: 0.8}, 100)
	require.NoError(t, err)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	for _, name := range []string{
		"replicas", "offered_load", "utilization", "wait_probability", "mean_wait_seconds", "mean_response_seconds",
		"response_quantile_seconds",
	} {
		assert.Contains(t, fields, name)
	}
}

// TestUtilizationOfDecimals: loads that are typed as exactly 80 % must not cost a replica through rounding.
func TestUtilizationOfDecimals(t *testing.T) {
	for n := 1; n <= 500; n++ {
		for _, mean := range []time.Duration{time.Millisecond, 3 * time.Millisecond, 70 * time.Millisecond, 100 * time.Millisecond} {
			rate := 0.8 * float64(n) / mean.Seconds()
			least, err := queueing.LeastReplicas(rate, queueing.Service{MeanTime: mean}, queueing.Target{MaxUtilization: 0.8}, 1000)
			require.NoError(t, err)
			require.Equal(t, n, least, "rate %v, mean %v", rate, mean)
		}
	}
}

func TestSizeReports(t *testing.T) {
	service := queueing.Service{MeanTime: 20 * time.Millisecond, Concurrency: 4}
	target := queueing.Target{
		MaxUtilization: 0.8,
		Response:       queueing.Quantile{Percentile: 0.999, Latency: 150 * time.Millisecond},
	}
	s, err := queueing.Size(1000, service, target, 50)
	require.NoError(t, err)
	q := service.Model(1000, s.Replicas)
	assert.Equal(t, s.Replicas*4, s.Servers)
	assert.Equal(t, s.Servers, q.Servers)
	for _, v := range []struct{ want, got float64 }{
		{q.OfferedLoad(), s.OfferedLoad},
		{q.Utilization(), s.Utilization},
		{q.WaitProbability(), s.WaitProbability},
		{q.MeanWaitSeconds(), s.MeanWaitSeconds},
		{q.MeanResponseSeconds(), s.MeanResponseSeconds},
		{q.WaitQuantileSeconds(0.999), s.WaitQuantileSeconds},
		{q.ResponseQuantileSeconds(0.999), s.ResponseQuantileSeconds},
		{0.999, s.Percentile},
	} {
		assertClose(t, v.want, v.got, 1e-12)
	}
	assert.LessOrEqual(t, s.ResponseQuantileSeconds, 0.15)
	assert.GreaterOrEqual(t, s.MaxArrivalRatePerSecond, 1000.0)

	for _, c := range []struct {
		target queueing.Target
		rate   float64
		want   queueing.Constraint
	}{
		{queueing.Target{}, 0, queueing.ConstraintMinimum},
		{queueing.Target{MaxUtilization: 0.8}, 10, queueing.ConstraintMinimum},
		{queueing.Target{MaxUtilization: 0.1, MaxMeanWait: time.Second}, 1000, queueing.ConstraintUtilization},
		{queueing.Target{MaxMeanWait: time.Microsecond}, 1000, queueing.ConstraintMeanWait},
		{queueing.Target{MaxMeanResponse: 20100 * time.Microsecond}, 1000, queueing.ConstraintMeanResponse},
		{queueing.Target{MaxWaitProbability: 1e-6}, 1000, queueing.ConstraintWaitProbability},
		{queueing.Target{Wait: queueing.Quantile{Percentile: 0.999, Latency: time.Millisecond}}, 1000, queueing.ConstraintWaitQuantile},
		{queueing.Target{MaxUtilization: 1, Response: queueing.Quantile{Percentile: 0.99, Latency: 93 * time.Millisecond}}, 1000, queueing.ConstraintResponseQuantile},
	} {
		s, err := queueing.Size(c.rate, service, c.target, 1000)
		require.NoError(t, err)
		assert.Equal(t, c.want, s.Binding, "%+v", c.target)
	}
}

func TestSizingErrors(t *testing.T) {
	good := queueing.Service{MeanTime: 100 * time.Millisecond}
	for _, c := range []struct {
		name    string
		rate    float64
		service queueing.Service
		target  queueing.Target
		limit   int
		want    []string
		is      error
	}{
		{"rate NaN", math.NaN(), good, queueing.Target{}, 10, []string{"queueing: arrival rate is NaN per second, must be finite and not negative"}, nil},
		{"rate negative", -1, good, queueing.Target{}, 10, []string{"arrival rate is -1"}, nil},
		{"rate infinite", math.Inf(1), good, queueing.Target{}, 10, []string{"arrival rate is +Inf"}, nil},
		{"limit", 1, good, queueing.Target{}, 0, []string{"queueing: maxReplicas is 0, must be in 1..1000000000"}, nil},
		{"several", 1, queueing.Service{Concurrency: -2}, queueing.Target{MaxUtilization: 1.2, MaxMeanWait: -1, MaxMeanResponse: -1, MaxWaitProbability: math.NaN()}, 10, []string{
			"queueing: Service.MeanTime is 0s, must be above 0",
			"queueing: Service.Concurrency is -2, must be in 0..",
			"queueing: Target.MaxUtilization is 1.2, must be in (0, 1], or 0 for none",
			"queueing: Target.MaxMeanWait is -1ns, must be above 0",
			"queueing: Target.MaxMeanResponse is -1ns, must be above 0",
			"queueing: Target.MaxWaitProbability is NaN, must be in (0, 1)",
		}, nil},
		{"quantiles", 1, good, queueing.Target{Wait: queueing.Quantile{Percentile: 0.9}, Response: queueing.Quantile{Latency: time.Second}}, 10, []string{
			"queueing: Target.Wait.Latency is 0s, must be above 0",
			"queueing: Target.Response.Percentile is 0, must be in (0, 1)",
		}, nil},
		{"percentile 1", 1, good, queueing.Target{Response: queueing.Quantile{Percentile: 1, Latency: time.Second}}, 10, []string{"Response.Percentile is 1"}, nil},
		{"latency below service", 1, good, queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 400 * time.Millisecond}}, 10, []string{
			"queueing: Target.Response.Latency is 400ms, must exceed 460.517018ms, the 0.99-quantile of an exponential service time of mean 100ms",
		}, queueing.ErrImpossibleTarget},
		{"mean below service", 1, good, queueing.Target{MaxMeanResponse: 100 * time.Millisecond}, 10, []string{
			"queueing: Target.MaxMeanResponse is 100ms, must exceed the mean service time 100ms",
		}, queueing.ErrImpossibleTarget},
		{"too few by load", 1000, good, queueing.Target{MaxUtilization: 0.8}, 124, []string{"maxReplicas is 124"}, queueing.ErrMaxReplicas},
		{"too few by latency", 1000, good, queueing.Target{Wait: queueing.Quantile{Percentile: 0.99, Latency: 1}}, 101, []string{"maxReplicas is 101"}, queueing.ErrMaxReplicas},
		{"far too few", math.MaxFloat64, good, queueing.Target{}, 10, nil, queueing.ErrMaxReplicas},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := queueing.Size(c.rate, c.service, c.target, c.limit)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
		})
	}
	_, err := queueing.MaxArrivalRate(0, good, queueing.Target{})
	require.ErrorContains(t, err, "queueing: replicas is 0, must be in 1..")
	_, err = queueing.NewNeedTable(5, queueing.Service{}, queueing.Target{})
	require.ErrorContains(t, err, "Service.MeanTime")
	_, err = queueing.RateTable(math.MaxInt, good, queueing.Target{})
	require.ErrorContains(t, err, "maxReplicas")
}

// drawTarget draws a service and a possible target of one or several parts.
func drawTarget(t *rapid.T) (queueing.Service, queueing.Target) {
	mean := time.Duration(rapid.Int64Range(1000, 1e10).Draw(t, "mean service"))
	service := queueing.Service{MeanTime: mean, Concurrency: rapid.IntRange(0, 20).Draw(t, "concurrency")}
	times := func(factor float64) time.Duration { return time.Duration(factor * float64(mean)) }
	percentile := rapid.Float64Range(0.5, 0.9999)
	var target queueing.Target
	parts := rapid.IntRange(0, 63).Draw(t, "parts")
	if parts&1 != 0 {
		target.MaxUtilization = rapid.Float64Range(0.01, 1).Draw(t, "utilization")
	}
	if parts&2 != 0 {
		target.MaxWaitProbability = rapid.Float64Range(1e-6, 0.999).Draw(t, "wait probability")
	}
	if parts&4 != 0 {
		target.MaxMeanWait = times(rapid.Float64Range(0.002, 50).Draw(t, "mean wait"))
	}
	if parts&8 != 0 {
		target.MaxMeanResponse = times(1 + rapid.Float64Range(0.002, 50).Draw(t, "mean response"))
	}
	if parts&16 != 0 {
		target.Wait = queueing.Quantile{Percentile: percentile.Draw(t, "p"), Latency: times(rapid.Float64Range(0.002, 50).Draw(t, "wait"))}
	}
	if parts&32 != 0 {
		p := percentile.Draw(t, "p")
		target.Response = queueing.Quantile{Percentile: p, Latency: times(-math.Log1p(-p) * (1 + rapid.Float64Range(0.002, 50).Draw(t, "response")))}
	}
	return service, target
}

func TestSizingInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, target := drawTarget(t)
		replicas := rapid.IntRange(1, 300).Draw(t, "replicas")
		rate, err := queueing.MaxArrivalRate(replicas, service, target)
		require.NoError(t, err)
		require.Positive(t, rate)

		least, err := queueing.LeastReplicas(rate, service, target, 10*replicas)
		require.NoError(t, err)
		require.Equal(t, replicas, least, "at the largest rate")
		least, err = queueing.LeastReplicas(rate*(1+1e-9), service, target, 10*replicas+10)
		require.NoError(t, err)
		require.Equal(t, replicas+1, least, "just above it")
	})
}

// TestLeastReplicasMatchesScan compares the search with trying 1, 2, 3, ... by the model's own quantiles.
func TestLeastReplicasMatchesScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, target := drawTarget(t)
		load := rapid.Float64Range(0, 60).Draw(t, "load")
		rate := load / service.MeanTime.Seconds()
		got, err := queueing.LeastReplicas(rate, service, target, 100_000)
		require.NoError(t, err)
		const slack = 1 + 1e-9 // a draw on the very boundary may fall to either side
		keeps := func(n int) bool {
			q := service.Model(rate, n)
			return q.Stable() &&
				(target.MaxUtilization == 0 || q.Utilization() <= target.MaxUtilization*slack) &&
				(target.MaxWaitProbability == 0 || q.WaitProbability() <= target.MaxWaitProbability*slack) &&
				(target.MaxMeanWait == 0 || q.MeanWaitSeconds() <= target.MaxMeanWait.Seconds()*slack) &&
				(target.MaxMeanResponse == 0 || q.MeanResponseSeconds() <= target.MaxMeanResponse.Seconds()*slack) &&
				(target.Wait.Percentile == 0 || q.WaitQuantileSeconds(target.Wait.Percentile) <= target.Wait.Latency.Seconds()*slack) &&
				(target.Response.Percentile == 0 || q.ResponseQuantileSeconds(target.Response.Percentile) <= target.Response.Latency.Seconds()*slack)
		}
		require.True(t, keeps(got), "%d replicas do not keep %+v", got, target)
		if got > 1 && got < 400 { // few utilizations of 1 % need thousands: too long to scan
			for n := 1; n < got; n++ {
				if keeps(n) {
					rate, err := queueing.MaxArrivalRate(n, service, target)
					require.NoError(t, err)
					require.InEpsilon(t, load/service.MeanTime.Seconds(), rate, 1e-8, "%d replicas are enough, got %d", n, got)
				}
			}
		}
	})
}

func TestNeedTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		service, target := drawTarget(t)
		const most = 60
		table, err := queueing.NewNeedTable(most, service, target)
		require.NoError(t, err)
		rates, err := queueing.RateTable(most, service, target)
		require.NoError(t, err)
		require.Len(t, rates, most+1)
		require.Equal(t, most, table.MaxReplicas())
		require.IsNonDecreasing(t, rates)
		for _, n := range []int{1, 2, 7, most} {
			alone, err := queueing.MaxArrivalRate(n, service, target)
			require.NoError(t, err)
			assertClose(t, alone, rates[n], 1e-11, n)
			require.InDelta(t, rates[n], table.MaxArrivalRate(n), 0)

			least, err := queueing.LeastReplicas(rates[n], service, target, most)
			require.NoError(t, err)
			require.Equal(t, n, least)
			least, enough := table.LeastReplicas(rates[n])
			require.True(t, enough)
			require.Equal(t, n, least)
			least, enough = table.LeastReplicas(rates[n] * (1 + 1e-9))
			require.Equal(t, min(n+1, most), least)
			require.Equal(t, n < most, enough)
		}
		for _, rate := range []float64{math.NaN(), -1, math.Inf(1)} {
			least, enough := table.LeastReplicas(rate)
			require.False(t, enough)
			require.Equal(t, most, least, "a rate of %v must not shrink anything", rate)
		}
		least, enough := table.LeastReplicas(0)
		require.True(t, enough)
		require.Equal(t, 1, least)
		require.Zero(t, table.MaxArrivalRate(-1))
		require.InDelta(t, rates[most], table.MaxArrivalRate(most+1), 0)
	})
}

func TestSizingAllocations(t *testing.T) {
	service := queueing.Service{MeanTime: 100 * time.Millisecond}
	target := queueing.Target{MaxUtilization: 0.9, Response: queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}}
	table, err := queueing.NewNeedTable(100, service, target)
	require.NoError(t, err)
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = queueing.LeastReplicas(5000, service, target, 1000) }))
	assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = queueing.MaxArrivalRate(500, service, target) }))
	assert.Zero(t, testing.AllocsPerRun(10, func() { table.LeastReplicas(500) }))
}

// FuzzSize feeds arbitrary numbers: an answer or an error, never a hang, a panic or a value that JSON cannot hold.
func FuzzSize(f *testing.F) {
	f.Add(50.0, int64(1e8), 1, 0.8, 0.0, int64(0), int64(0), 0.99, int64(5e8), 100)
	f.Add(1e9, int64(1), 1<<20, 1.0, 1e-300, int64(1), int64(2), 0.5, int64(3), 1<<30)
	f.Add(1e300, int64(math.MaxInt64), 3, 1e-300, 0.5, int64(-1), int64(7), 1e-300, int64(1), 7)
	f.Add(5e-324, int64(1), 1, 5e-324, 5e-324, int64(1), int64(math.MaxInt64), 0.9999999999999999, int64(math.MaxInt64), 1000)
	f.Fuzz(func(t *testing.T, rate float64, mean int64, concurrency int, utilization, wait float64, meanWait, meanResponse int64, p float64, latency int64, limit int) {
		service := queueing.Service{MeanTime: time.Duration(mean), Concurrency: concurrency}
		target := queueing.Target{
			MaxUtilization: utilization, MaxWaitProbability: wait,
			MaxMeanWait: time.Duration(meanWait), MaxMeanResponse: time.Duration(meanResponse),
			Response: queueing.Quantile{Percentile: p, Latency: time.Duration(latency)},
		}
		s, err := queueing.Size(rate, service, target, limit)
		if err != nil {
			return
		}
		require.Positive(t, s.Replicas)
		require.LessOrEqual(t, s.Replicas, limit)
		_, err = json.Marshal(s)
		require.NoError(t, err)
	})
}

func ExampleSize() {
	service := queueing.Service{MeanTime: 100 * time.Millisecond} // 10 requests/s per busy replica
	target := queueing.Target{
		MaxUtilization: 0.8,
		Response:       queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond},
	}
	s, err := queueing.Size(50, service, target, 100)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d replicas, utilization %.2f, p99 %.0f ms, up to %.1f requests/s; one less breaks %s\n",
		s.Replicas, s.Utilization, 1000*s.ResponseQuantileSeconds, s.MaxArrivalRatePerSecond, s.Binding)
	// Output: 7 replicas, utilization 0.71, p99 488 ms, up to 52.3 requests/s; one less breaks response_quantile
}

func ExampleNeedTable() {
	service := queueing.Service{MeanTime: 100 * time.Millisecond}
	table, err := queueing.NewNeedTable(20, service, queueing.Target{MaxUtilization: 0.8})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(table.LeastReplicas(50))
	fmt.Println(table.LeastReplicas(1000))
	// Output:
	// 7 true
	// 20 false
}

func BenchmarkLeastReplicas(b *testing.B) {
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 5 * time.Second}}
	for _, load := range []float64{10, 1000, 20_000, 100_000} {
		b.Run(fmt.Sprintf("load=%g", load), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := queueing.LeastReplicas(load, queueing.Service{MeanTime: time.Second}, target, 200_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRateTable(b *testing.B) {
	target := queueing.Target{MaxUtilization: 0.95, Response: queueing.Quantile{Percentile: 0.99, Latency: 5 * time.Second}}
	for _, concurrency := range []int{1, 16} {
		b.Run(fmt.Sprintf("replicas=1000/concurrency=%d", concurrency), func(b *testing.B) {
			for b.Loop() {
				if _, err := queueing.RateTable(1000, queueing.Service{MeanTime: time.Second, Concurrency: concurrency}, target); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNeedTableLookup(b *testing.B) {
	table, err := queueing.NewNeedTable(1000, queueing.Service{MeanTime: time.Second}, queueing.Target{MaxUtilization: 0.8})
	require.NoError(b, err)
	for b.Loop() {
		table.LeastReplicas(512.3)
	}
}
