package queueing_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

// The tests of this file print the tables of docs/results/queueing.md in a verbose run, and hold what it claims of them.

// TestMeasuredStaffing follows the queue through a period under each method: how far the wait probability lies above and
// below the target.
func TestMeasuredStaffing(t *testing.T) {
	above := map[queueing.StaffingMethod]float64{}
	for i, c := range sinusoids {
		if underRace && i > 0 {
			break
		}
		rate := sinusoid(c.mean, c.amplitude, c.period)
		step := time.Duration(c.period / sinusoidIntervals * 1e9)
		for _, method := range []queueing.StaffingMethod{
			queueing.StaffModifiedOfferedLoad, queueing.StaffNearestOfferedLoad, queueing.StaffLaggedSIPP, queueing.StaffPointwise,
		} {
			servers, err := queueing.Staffing(method, rate, sinusoidIntervals, step, queueing.Service{MeanTime: time.Second},
				queueing.Target{MaxWaitProbability: sinusoidTarget}, 1000)
			require.NoError(t, err)
			var over, under, mean, hours float64
			for i, s := range followStaffing(t, rate, c.mean, c.period, servers) {
				over, under = math.Max(over, s.WaitProbability-sinusoidTarget), math.Max(under, sinusoidTarget-s.WaitProbability)
				mean += s.WaitProbability / sinusoidIntervals
				hours += float64(servers[i]) / sinusoidIntervals
			}
			above[method] = math.Max(above[method], over)
			t.Logf("| %.0f, %.1f, %.1f | %s | %.3f | %.3f | %.3f | %.1f |", c.mean, c.amplitude, c.period, method, over, under, mean, hours)
		}
	}
	assert.LessOrEqual(t, above[queueing.StaffModifiedOfferedLoad], 0.03)
	assert.Greater(t, above[queueing.StaffPointwise], 0.1, "the baseline is what the others better")
}

// TestMeasuredDistribution sizes for rates of growing uncertainty, by their mean and by their distribution, and tells what
// share of the requests is late either way, by drawing rates rather than by the code's midpoints.
func TestMeasuredDistribution(t *testing.T) {
	service := queueing.Service{MeanTime: 100 * time.Millisecond}
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: time.Second}}
	random := rand.New(rand.NewPCG(7, 9))
	for _, deviation := range []float64{0, 25, 50, 100} {
		const mean = 500
		byMean, err := queueing.LeastReplicas(mean, service, target, 10_000)
		require.NoError(t, err)
		n, err := queueing.LeastReplicasForDistribution(queueing.RateDistribution{MeanPerSecond: mean, StandardDeviation: deviation}, service, target, 10_000)
		require.NoError(t, err)
		var late, lateByMean float64
		const draws = 20_000
		for range draws {
			rate := math.Max(0, mean+deviation*random.NormFloat64())
			late += service.At(rate, n).(queueing.MMc).ResponseTail(1) / draws
			lateByMean += service.At(rate, byMean).(queueing.MMc).ResponseTail(1) / draws
		}
		t.Logf("| %.0f | %d | %.2f %% | %d | %.2f %% |", deviation, byMean, 100*lateByMean, n, 100*late)
		assert.LessOrEqual(t, late, 0.0115, "1 %% and the error of the draws")
	}
}

// TestMeasuredGate tells how often, of 8 services with their own noise, the gate says what of distorted observations. The
// newest 30 of 100 are distorted.
func TestMeasuredGate(t *testing.T) {
	const services = 8
	service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 4}
	slower := func(factor float64) func(*queueing.Observation, *rand.Rand) {
		return func(o *queueing.Observation, _ *rand.Rand) { o.MeanLatencySeconds *= factor }
	}
	undistorted := observe(service, 1, 100, true)
	for _, c := range []struct {
		name    string
		distort func(o *queueing.Observation, random *rand.Rand)
		want    queueing.Verdict
		least   int // services that must have the verdict
	}{
		{"nothing", slower(1), queueing.VerdictFits, 8},
		{"noise of 10 %", func(o *queueing.Observation, random *rand.Rand) {
			o.MeanLatencySeconds *= math.Exp(0.1 * random.NormFloat64())
		}, queueing.VerdictFits, 7},
		{"latency 10 % longer", slower(1.1), queueing.VerdictFits, 7},
		{"latency 25 % longer", slower(1.25), "", 0},
		{"latency 50 % longer", slower(1.5), queueing.VerdictMismatch, 7},
		{"latency 30 % shorter", slower(0.7), queueing.VerdictMismatch, 7},
		{"throttled a fifth of the time, latency doubled", func(o *queueing.Observation, _ *rand.Rand) {
			o.MeanLatencySeconds, o.Throttled = 2*o.MeanLatencySeconds, 0.2
		}, queueing.VerdictThrottled, 8},
		{"30 % retries, latency doubled", func(o *queueing.Observation, _ *rand.Rand) {
			o.MeanLatencySeconds, o.RetryShare = 2*o.MeanLatencySeconds, 0.3
		}, queueing.VerdictRetries, 8},
		{"arrivals of dispersion 5, waits tenfold", func(o *queueing.Observation, _ *rand.Rand) {
			o.MeanLatencySeconds += 9 * service.Model(o.RatePerSecond, o.Replicas).MeanWaitSeconds()
			o.Dispersion = 5
		}, queueing.VerdictCorrelated, 7},
		{"120/s behind the replicas", func(o *queueing.Observation, random *rand.Rand) {
			o.RatePerSecond, o.MeanLatencySeconds, o.Utilization = 120*math.Exp(0.02*random.NormFloat64()), 0.8, 1
		}, queueing.VerdictDownstream, 8},
	} {
		verdicts := map[queueing.Verdict]int{}
		for i := range services {
			random := rand.New(rand.NewPCG(uint64(i), 11))
			observations := slices.Clone(undistorted)
			for j := range observations {
				o := &observations[j]
				o.MeanLatencySeconds *= math.Exp(0.03 * random.NormFloat64())
				if j >= 70 {
					c.distort(o, random)
				}
			}
			verdicts[queueing.Calibrate(observations).Verdict]++
		}
		var said []string
		for verdict, count := range verdicts {
			said = append(said, fmt.Sprintf("%s %d", verdict, count))
		}
		slices.Sort(said)
		t.Logf("| %s | %s |", c.name, strings.Join(said, ", "))
		assert.GreaterOrEqual(t, verdicts[c.want], c.least, c.name)
	}
}

// TestCalibratedServiceIsExponentialWithoutUtilization, since an SCV can then pass for less concurrency.
func TestCalibratedServiceIsExponentialWithoutUtilization(t *testing.T) {
	service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: 1}
	c := queueing.Calibrate(observe(service, 2.5, 25, false))
	require.Positive(t, c.MeanService.Value)
	assert.Equal(t, queueing.Variability{}, c.Service().SCV)
}

// TestMeasuredCalibration tells how well the parts of a service are recovered.
func TestMeasuredCalibration(t *testing.T) {
	for _, concurrency := range []int{1, 4, 20} {
		for _, scv := range []float64{0, 1, 4} {
			service := queueing.Service{MeanTime: 80 * time.Millisecond, Concurrency: concurrency}
			c := queueing.Calibrate(observe(service, (1+scv)/2, 100, true))
			t.Logf("| %d | %g | %.1f ms (%.1f to %.1f) | %.0f (%.0f to %.0f) | %.1f (%.1f to %.1f) | %.2f |", concurrency, scv,
				1000*c.MeanService.Value, 1000*c.MeanService.Low, 1000*c.MeanService.High,
				c.Concurrency.Value, c.Concurrency.Low, c.Concurrency.High, c.SCV.Value, c.SCV.Low, c.SCV.High, c.LatencyRatio)
			assert.InEpsilon(t, 0.08, c.MeanService.Value, 0.05)
			// 20 at once hardly ever wait, and tell nothing of the law.
			if kept := c.Service().SCV; scv == 1 || concurrency == 20 {
				assert.Equal(t, queueing.Variability{}, kept, "exponential, or not known")
			} else {
				assert.InDelta(t, scv, kept.Value(), 0.15)
			}
		}
	}
}
