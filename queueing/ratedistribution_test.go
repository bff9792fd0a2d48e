package queueing_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestLeastReplicasForDistribution(t *testing.T) {
	service := queueing.Service{MeanTime: 100 * time.Millisecond, Concurrency: 2}
	rapid.Check(t, func(t *rapid.T) {
		mean := rapid.Float64Range(1, 1000).Draw(t, "mean")
		target := rapid.SampledFrom([]queueing.Target{
			{MaxWaitProbability: 0.2},
			{Wait: queueing.Quantile{Percentile: 0.95, Latency: 50 * time.Millisecond}},
			{Response: queueing.Quantile{Percentile: 0.99, Latency: time.Second}},
		}).Draw(t, "target")
		want, err := queueing.LeastReplicas(mean, service, target, 10_000)
		require.NoError(t, err)
		known, err := queueing.LeastReplicasForDistribution(queueing.RateDistribution{MeanPerSecond: mean}, service, target, 10_000)
		require.NoError(t, err)
		assert.InDelta(t, want, known, 1) // the sum of 400 shares may round across a step
		last := known
		for _, share := range []float64{0.05, 0.2, 0.5} {
			n, err := queueing.LeastReplicasForDistribution(
				queueing.RateDistribution{MeanPerSecond: mean, StandardDeviation: share * mean}, service, target, 10_000)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, n, last)
			last = n
		}
	})

	// Two rates: with the higher one in a tenth of cases, a p99 needs nearly what it needs alone.
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: time.Second}}
	two := queueing.RateDistribution{Quantiles: []queueing.RateQuantile{{0.9, 100}, {0.901, 400}}}
	n, err := queueing.LeastReplicasForDistribution(two, service, target, 1000)
	require.NoError(t, err)
	high, err := queueing.LeastReplicas(400, service, target, 1000)
	require.NoError(t, err)
	low, err := queueing.LeastReplicas(100, service, target, 1000)
	require.NoError(t, err)
	assert.LessOrEqual(t, n, high)
	assert.Greater(t, n, 2*low)
}

func TestLeastReplicasForDistributionErrors(t *testing.T) {
	service := queueing.Service{MeanTime: time.Second}
	target := queueing.Target{MaxWaitProbability: 0.2}
	for _, d := range []queueing.RateDistribution{
		{MeanPerSecond: math.NaN()},
		{MeanPerSecond: 1, StandardDeviation: -1},
		{Quantiles: []queueing.RateQuantile{{0.5, 2}, {0.9, 1}}},
		{Quantiles: []queueing.RateQuantile{{1, 2}}},
	} {
		_, err := queueing.LeastReplicasForDistribution(d, service, target, 10)
		require.ErrorContains(t, err, "RateDistribution")
	}
	_, err := queueing.LeastReplicasForDistribution(queueing.RateDistribution{MeanPerSecond: 50}, service, target, 10)
	require.ErrorIs(t, err, queueing.ErrMaxReplicas)
	_, err = queueing.LeastReplicasForDistribution(queueing.RateDistribution{MeanPerSecond: 5}, service, queueing.Target{MaxMeanWait: time.Second}, 10)
	require.ErrorContains(t, err, "mean")
}

// TestDistributionOfModels compares with plain sums over the same 400 rates, at the answer and one replica below.
func TestDistributionOfModels(t *testing.T) {
	rate := queueing.RateDistribution{MeanPerSecond: 50, StandardDeviation: 10}
	response := queueing.Target{Response: queueing.Quantile{Percentile: 0.95, Latency: time.Second}}
	responseTail := func(s queueing.SteadyState) float64 {
		return s.(interface{ ResponseTail(seconds float64) float64 }).ResponseTail(1)
	}
	for name, c := range map[string]struct {
		service queueing.Service
		target  queueing.Target
		allowed float64
		risk    func(queueing.SteadyState) float64
	}{
		"variable": {queueing.Service{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(4)}, response, 0.05, responseTail},
		"constant": {queueing.Service{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(0)}, response, 0.05, responseTail},
		"impatient": {queueing.Service{MeanTime: 100 * time.Millisecond, Patience: time.Second}, queueing.Target{MaxAbandonment: 0.02}, 0.02, func(s queueing.SteadyState) float64 {
			return s.(interface{ AbandonmentProbability() float64 }).AbandonmentProbability()
		}},
		"limited": {queueing.Service{MeanTime: 100 * time.Millisecond, MaxWaiting: 2}, queueing.Target{MaxBlocking: 0.01}, 0.01, func(s queueing.SteadyState) float64 {
			return s.(interface{ BlockingProbability() float64 }).BlockingProbability()
		}},
		"irregular": {queueing.Service{MeanTime: 100 * time.Millisecond, ArrivalSCV: queueing.SCV(3)}, queueing.Target{MaxWaitProbability: 0.2}, 0.2, queueing.SteadyState.WaitProbability},
	} {
		n, err := queueing.LeastReplicasForDistribution(rate, c.service, c.target, 100)
		require.NoError(t, err, name)
		average := func(n int) float64 {
			var sum float64
			for i := range 400 {
				lambda := math.Max(0, 50+10*math.Sqrt2*math.Erfinv(2*(float64(i)+0.5)/400-1))
				s := c.service.At(lambda, n)
				if math.IsInf(s.MeanWaitSeconds(), 1) {
					sum++
				} else {
					sum += c.risk(s)
				}
			}
			return sum / 400
		}
		assert.LessOrEqual(t, average(n), c.allowed, name)
		assert.Greater(t, average(n-1), c.allowed, name)
	}

	// Through quantiles only, as models of one's own have them: near what M/M/c needs with tails.
	plain := queueing.Service{MeanTime: 100 * time.Millisecond}
	want, err := queueing.LeastReplicasForDistribution(rate, plain, response, 100)
	require.NoError(t, err)
	type quantilesOnly struct{ queueing.SteadyState }
	got, err := queueing.LeastReplicasForDistributionOf(rate, queueing.ModelFunc(func(rate float64, n int) queueing.SteadyState {
		return quantilesOnly{plain.At(rate, n)}
	}), response, 100)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	_, err = queueing.LeastReplicasForDistributionOf(queueing.RateDistribution{MeanPerSecond: -1}, plain, response, 100)
	require.ErrorContains(t, err, "RateDistribution")
}
