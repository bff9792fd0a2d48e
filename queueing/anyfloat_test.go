package queueing_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/prescale/prescale/queueing"
)

// FuzzSizing wants an answer or an error, and no hang, from the searches built on the models for any numbers.
func FuzzSizing(f *testing.F) {
	f.Add(50.0, 0.1, 2.0, 0.5, 0.99, 4, 0)
	f.Add(1e300, 1e-300, 0.0, 1e300, 0.5, 1, 1)
	f.Add(-1.0, math.NaN(), math.Inf(1), -5.0, 2.0, -3, 2)
	f.Add(1e-300, 1e9, 1e-12, 1e-9, 1e-12, 20, 3)
	f.Add(7.0, 0.2, 0.0, 3.0, 0.9, 3, 4)
	f.Add(0.0, 0.0, 0.0, 0.0, 0.0, 0, 5)
	f.Fuzz(func(t *testing.T, rate, mean, scv, latency, p float64, k, kind int) {
		const most = 12
		duration := func(seconds float64) time.Duration { // what a caller's conversion may make of it
			return time.Duration(math.Max(math.Min(seconds*1e9, math.MaxInt64/2), -1e18))
		}
		service := queueing.Service{MeanTime: duration(mean), Concurrency: k % 4}
		quantile := queueing.Quantile{Percentile: p, Latency: duration(latency)}
		target := queueing.Target{Response: quantile}
		switch kind % 4 {
		case 1:
			service.SCV = queueing.SCV(scv)
		case 2:
			service.Patience = duration(scv)
			target = queueing.Target{MaxAbandonment: p}
		case 3:
			service.MaxWaiting = k % 50
			target = queueing.Target{MaxBlocking: p, MaxUtilization: latency}
		}
		within := func(n int, err error) { assert.True(t, err != nil || n >= 1 && n <= most, "%d, %v", n, err) }
		within(queueing.LeastReplicas(rate, service, target, most))
		within(queueing.LeastReplicasForDistribution(queueing.RateDistribution{MeanPerSecond: rate, StandardDeviation: rate / 4}, service, target, most))
		if table, err := queueing.NewNeedTable(most, service, target); err == nil {
			n, _ := table.LeastReplicas(rate)
			assert.True(t, n >= 1 && n <= most)
			assert.False(t, table.MaxArrivalRate(n) < 0)
		}
		server := queueing.MDBatch{PerItemSeconds: mean, FixedSeconds: scv, MaxBatch: k % 6, MaxDelaySeconds: latency / 3}
		if k%6 != 0 { // without limit each tail takes a Fourier transform of the queue
			within(queueing.LeastBatchReplicas(rate, server, quantile, most))
		}
		capacity, err := queueing.MeasureCapacity([]queueing.Observation{{RatePerSecond: rate, Replicas: k, MeanLatencySeconds: latency}}, target)
		assert.True(t, err != nil || capacity.RatePerReplica > 0)
		assert.GreaterOrEqual(t, queueing.MeasuredCapacity{RatePerReplica: mean}.LeastReplicas(rate), 0)
		if loads, err := queueing.OfferedLoads([]float64{rate, mean}, latency, queueing.ServiceLaw{MeanSeconds: mean, SCV: scv}); err == nil {
			assert.Len(t, loads, 2)
		}
	})
}
