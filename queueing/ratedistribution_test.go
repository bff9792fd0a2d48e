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

func TestDistributionIsForMMcOnly(t *testing.T) {
	rate := queueing.RateDistribution{MeanPerSecond: 50, StandardDeviation: 5}
	_, err := queueing.LeastReplicasForDistribution(rate, queueing.Service{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(4)}, queueing.Target{MaxWaitProbability: 0.2}, 100)
	require.ErrorContains(t, err, "only M/M/c can be sized")
}
