package queueing_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

var calibrationStart = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// observe makes observations of an M/M/c service at rates between 30 and 92 % of its capacity, with a noise of 3 %.
func observe(service queueing.Service, waitFactor float64, count int, utilization bool) []queueing.Observation {
	random := rand.New(rand.NewPCG(3, 5))
	observations := make([]queueing.Observation, count)
	for i := range observations {
		replicas := 3 + i%4
		capacity := float64(replicas*service.Concurrency) / service.MeanTime.Seconds()
		rate := capacity * (0.3 + 0.62*random.Float64())
		q := service.Model(rate, replicas)
		o := queueing.Observation{
			At: calibrationStart.Add(time.Duration(i) * time.Minute), Version: "a", RatePerSecond: rate, Replicas: replicas,
			MeanLatencySeconds: (service.MeanTime.Seconds() + waitFactor*q.MeanWaitSeconds()) * math.Exp(0.03*random.NormFloat64()),
			Utilization:        math.NaN(), RetryShare: math.NaN(), Throttled: math.NaN(), Dispersion: math.NaN(),
		}
		if utilization {
			o.Utilization = q.Utilization()
		}
		for p := 0.02; p < 1; p += 0.02 { // a histogram with 49 buckets of equal counts
			o.Latency.UpperBoundsSeconds = append(o.Latency.UpperBoundsSeconds, q.ResponseQuantileSeconds(p))
			o.Latency.Counts = append(o.Latency.Counts, 20)
		}
		o.Latency.Counts = append(o.Latency.Counts, 20)
		observations[i] = o
	}
	return observations
}

func TestCalibrateRecovers(t *testing.T) {
	for _, concurrency := range []int{1, 4, 20} {
		for _, waitFactor := range []float64{0.5, 1, 2.5} {
			for _, utilization := range []bool{true, false} {
				count := 100
				if !utilization {
					if waitFactor != 1 || concurrency == 20 || underRace && concurrency == 4 {
						continue // then the data do not tell a larger wait factor from less concurrency
					}
					count = 60 // costs a search for the service time at each concurrency
				}
				service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: concurrency}
				c := queueing.Calibrate(observe(service, waitFactor, count, utilization))
				name := fmt.Sprintf("k=%d factor=%v utilization=%v: %+v", concurrency, waitFactor, utilization, c)
				require.Equal(t, queueing.VerdictFits, c.Verdict, name)
				assert.InEpsilon(t, 0.08, c.MeanService.Value, 0.05, name)
				assert.InDelta(t, 1, c.LatencyRatio, 0.06, name)
				assert.LessOrEqual(t, c.Concurrency.Low, c.Concurrency.Value)
				if utilization {
					assert.InDelta(t, concurrency, c.Concurrency.Value, 0.1*float64(concurrency), name)
				}
				if waitFactor == 1 {
					assert.InDelta(t, 1, c.TailRatio, 0.2, name)
				}
			}
		}
	}
}

func TestCalibrationVerdicts(t *testing.T) {
	service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 4}
	spoil := func(change func(i int, o *queueing.Observation)) queueing.Verdict {
		observations := observe(service, 1, 100, true)
		for i := range observations {
			change(i, &observations[i])
		}
		return queueing.Calibrate(observations).Verdict
	}
	slow := func(i int, o *queueing.Observation) {
		if i >= 95 {
			o.MeanLatencySeconds *= 2
		}
	}
	for want, change := range map[queueing.Verdict]func(int, *queueing.Observation){
		queueing.VerdictFits:       func(int, *queueing.Observation) {},
		queueing.VerdictMismatch:   slow,
		queueing.VerdictThrottled:  func(i int, o *queueing.Observation) { slow(i, o); o.Throttled = 0.2 },
		queueing.VerdictRetries:    func(i int, o *queueing.Observation) { slow(i, o); o.RetryShare = 0.3 },
		queueing.VerdictCorrelated: func(i int, o *queueing.Observation) { slow(i, o); o.Dispersion = 5 },
		queueing.VerdictDownstream: func(i int, o *queueing.Observation) {
			if i >= 60 { // whatever the replicas, 130 per second come through
				o.RatePerSecond, o.MeanLatencySeconds = 130+float64(i%3), 1.5
				o.Utilization = 0.5
			}
		},
		queueing.VerdictInsufficient: func(i int, o *queueing.Observation) {
			if i >= 10 {
				o.MeanLatencySeconds = math.NaN()
			}
		},
	} {
		assert.Equal(t, want, spoil(change))
	}
	c := queueing.Calibrate(nil)
	assert.Equal(t, queueing.VerdictInsufficient, c.Verdict)
	assert.Contains(t, c.Explanation, "0 usable")
}

// A minute of overload has no steady state, so that it says nothing about the model; several on different numbers of
// replicas show whether throughput follows those.
func TestCalibrateThroughOverload(t *testing.T) {
	service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 4}
	overloaded := func(count int, throughput func(replicas int) float64) []queueing.Observation {
		observations := observe(service, 1, 100, true)
		for i := range count {
			o := &observations[20+i]
			o.Utilization, o.MeanLatencySeconds, o.RatePerSecond = 1, 2, throughput(o.Replicas)
			require.True(t, o.Saturated())
		}
		return observations
	}
	follows := func(replicas int) float64 { return 50 * float64(replicas) }
	for count := range 9 {
		c := queueing.Calibrate(overloaded(count, follows))
		assert.Equal(t, queueing.VerdictFits, c.Verdict, "%d minutes: %s", count, c.Explanation)
		assert.InEpsilon(t, 0.08, c.MeanService.Value, 0.05)
	}
	c := queueing.Calibrate(overloaded(8, func(int) float64 { return 150 }))
	assert.Equal(t, queueing.VerdictDownstream, c.Verdict, c.Explanation)
}

func TestCalibratorKeepsOldNeedUntilRelearned(t *testing.T) {
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 2 * time.Second}}
	old := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 4}
	fast := queueing.Service{MeanTime: 40 * time.Millisecond, Concurrency: 4}
	var c queueing.Calibrator
	feed := func(service queueing.Service, version string, from, count int) time.Time {
		var now time.Time
		for i, o := range observe(service, 1, count, true) {
			now = calibrationStart.Add(time.Duration(from+i) * time.Minute)
			o.At, o.Version = now, version
			require.NoError(t, c.Observe(o))
		}
		return now
	}
	_, err := c.LeastReplicas(calibrationStart, 500, target, 100)
	require.ErrorIs(t, err, queueing.ErrNotCalibrated)

	now := feed(old, "a", 0, 60)
	learned, err := c.LeastReplicas(now, 500, target, 100)
	require.NoError(t, err)

	now = feed(fast, "b", 60, 3)
	_, known := c.Previous()
	assert.True(t, known)
	kept, err := c.LeastReplicas(now, 500, target, 100)
	require.NoError(t, err)
	assert.Equal(t, learned, kept, "a faster version must not shrink before it is known")

	now = feed(fast, "b", 63, 60)
	fewer, err := c.LeastReplicas(now, 500, target, 100)
	require.NoError(t, err)
	assert.Less(t, fewer, learned)

	slower := queueing.Service{MeanTime: 160 * time.Millisecond, Concurrency: 4}
	now = feed(slower, "c", 123, 3)
	more, err := c.LeastReplicas(now, 500, target, 100)
	require.NoError(t, err)
	assert.Greater(t, more, fewer, "a slower version grows at once")

	assert.Equal(t, queueing.VerdictInsufficient, c.Calibration(now.Add(30*24*time.Hour)).Verdict, "too old")
	require.ErrorContains(t, c.Observe(queueing.Observation{At: now}), "must be after")
}

func TestFitBatchCost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var observations []queueing.BatchObservation
	for i := range 50 {
		n := 1 + float64(i%16)
		observations = append(observations, queueing.BatchObservation{
			MeanSize: n, MeanSeconds: (0.02 + 0.005*n) * math.Exp(0.02*random.NormFloat64()), Batches: 100,
		})
	}
	cost, err := queueing.FitBatchCost(observations)
	require.NoError(t, err)
	assert.InDelta(t, 0.005, cost.PerItemSeconds.Value, 2e-4)
	assert.InDelta(t, 0.02, cost.FixedSeconds.Value, 2e-3)
	assert.Less(t, cost.PerItemSeconds.Low, 0.005)
	assert.Greater(t, cost.PerItemSeconds.High, 0.005)
	assert.Less(t, cost.ResidualSeconds, 0.003)

	flat, err := queueing.FitBatchCost([]queueing.BatchObservation{{1, 0.3, 1}, {2, 0.2, 1}, {3, 0.1, 1}})
	require.NoError(t, err)
	assert.Zero(t, flat.PerItemSeconds.Value)
	proportional, err := queueing.FitBatchCost([]queueing.BatchObservation{{1, 0.1, 1}, {2, 0.3, 1}, {3, 0.5, 1}})
	require.NoError(t, err)
	assert.Zero(t, proportional.FixedSeconds.Value)
	_, err = queueing.FitBatchCost(observations[:1])
	require.ErrorContains(t, err, "need 3")
	_, err = queueing.FitBatchCost([]queueing.BatchObservation{{0, 1, 1}})
	require.ErrorContains(t, err, "size 0")
}

func TestLatencyHistogramQuantile(t *testing.T) {
	h := queueing.LatencyHistogram{UpperBoundsSeconds: []float64{0.1, 0.2}, Counts: []float64{50, 40, 10}}
	assertClose(t, 0.1, h.Quantile(0.5), 1e-12)
	assertClose(t, 0.15, h.Quantile(0.7), 1e-12)
	assert.Equal(t, 0.2, h.Quantile(0.99))
	assert.True(t, math.IsNaN(h.Quantile(2)))
	assert.True(t, math.IsNaN(queueing.LatencyHistogram{}.Quantile(0.5)))
}

func FuzzCalibrate(f *testing.F) {
	f.Add(10.0, 0.1, 0.5, 3)
	f.Add(1e300, 1e-300, -1.0, 1<<40)
	f.Fuzz(func(t *testing.T, rate, latency, utilization float64, replicas int) {
		var observations []queueing.Observation
		for i := range 16 {
			observations = append(observations, queueing.Observation{
				RatePerSecond: rate * (1 + float64(i)/16), MeanLatencySeconds: latency, Utilization: utilization, Replicas: replicas,
			})
		}
		c := queueing.Calibrate(observations)
		assert.NotEmpty(t, c.Verdict)
		if c.Verdict == queueing.VerdictFits {
			assert.Positive(t, c.MeanService.Value)
			assert.GreaterOrEqual(t, c.Concurrency.Value, 1.0)
		}
	})
}

func BenchmarkCalibrate(b *testing.B) {
	service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 4}
	for _, utilization := range []bool{true, false} {
		observations := observe(service, 1, 1000, utilization)
		b.Run(fmt.Sprintf("utilization=%v", utilization), func(b *testing.B) {
			for b.Loop() {
				queueing.Calibrate(observations)
			}
		})
	}
}
