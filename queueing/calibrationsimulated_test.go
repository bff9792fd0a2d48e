package queueing_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

// simulatedService is a queue in order of arrival, request by request, that shares nothing with the code under test.
type simulatedService struct {
	random      *rand.Rand
	replicas    int
	concurrency int
	mean        float64 // seconds, exponential
	rate        float64 // of first attempts
	bursts      bool    // arrivals come at four times the rate a quarter of the time, in turns of two seconds
	downstream  float64 // requests per second that a dependency serves; 0 for no limit
	timeout     float64 // after which clients try again, once; 0 for never
	slowdown    float64 // factor on service times, of throttled replicas
}

// observe runs half a minute from an empty queue and exposes what a service would.
func (s simulatedService) observe() queueing.Observation {
	const seconds = 30
	servers := make([]float64, s.replicas*s.concurrency) // when each is free
	var dependency, busy, latencies float64
	perSecond := make([]float64, seconds)
	bounds := []float64{0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 1.6, 2.4, 5}
	counts := make([]float64, len(bounds)+1)
	completed, attempts, retries := 0.0, 0.0, 0.0
	var again []float64 // times of retries, in order
	next := 0.0
	arrive := func() float64 {
		for {
			next += s.random.ExpFloat64() / (4 * s.rate)
			share := 0.25
			if s.bursts {
				share = 0
				if int(next/2)%4 == 0 {
					share = 1
				}
			}
			if s.random.Float64() < share {
				return next
			}
		}
	}
	for first := arrive(); first < seconds || len(again) > 0 && again[0] < seconds; {
		at, retried := first, false
		if len(again) > 0 && again[0] < first {
			at, retried, again = again[0], true, again[1:]
			retries++
		} else {
			first = arrive()
		}
		if at >= seconds {
			break
		}
		attempts++
		perSecond[int(at)]++
		least := 0
		for i, free := range servers {
			if free < servers[least] {
				least = i
			}
		}
		service := s.random.ExpFloat64() * s.mean * math.Max(s.slowdown, 1)
		start := math.Max(at, servers[least])
		end := start + service
		if s.downstream > 0 { // called first, in order of the starts
			dependency = math.Max(dependency, start) + 1/s.downstream
			end = dependency + service
		}
		servers[least] = end
		busy += math.Max(math.Min(end, seconds)-math.Min(start, seconds), 0)
		if s.timeout > 0 && end-at > s.timeout && !retried {
			again = append(again, at+s.timeout)
		}
		if end < seconds {
			completed++
			latencies += end - at
			bucket := 0
			for bucket < len(bounds) && end-at > bounds[bucket] {
				bucket++
			}
			counts[bucket]++
		}
	}
	var variance float64
	for _, n := range perSecond {
		variance += (n - attempts/seconds) * (n - attempts/seconds) / (seconds - 1)
	}
	return queueing.Observation{
		Version: "a", RatePerSecond: completed / seconds, Replicas: s.replicas, MeanLatencySeconds: latencies / completed,
		Latency:     queueing.LatencyHistogram{UpperBoundsSeconds: bounds, Counts: counts},
		Utilization: busy / seconds / float64(len(servers)),
		RetryShare:  retries / attempts, Throttled: 0, Dispersion: variance / (attempts / seconds),
	}
}

// simulateObservations runs half minutes of three to six replicas at 30 to 85 % of their capacity.
func simulateObservations(minutes int, change func(i int, s *simulatedService)) []queueing.Observation {
	random := rand.New(rand.NewPCG(9, 4))
	observations := make([]queueing.Observation, minutes)
	for i := range observations {
		s := simulatedService{random: random, replicas: 3 + i%4, concurrency: 4, mean: 0.1}
		s.rate = (0.3 + 0.55*random.Float64()) * float64(s.replicas*s.concurrency) / s.mean
		throttled := 0.0
		if change != nil {
			change(i, &s)
			if s.slowdown > 1 {
				throttled = 0.4
			}
		}
		observations[i] = s.observe()
		observations[i].Throttled = throttled
		observations[i].At = calibrationStart.Add(time.Duration(i) * time.Minute)
	}
	return observations
}

// TestCalibrationVerdictsOfSimulations wants each ailment to be named, from what a simulated service exposes.
func TestCalibrationVerdictsOfSimulations(t *testing.T) {
	const minutes = 48
	healthy := queueing.Calibrate(simulateObservations(minutes, nil))
	require.Equal(t, queueing.VerdictFits, healthy.Verdict, healthy.Explanation)
	assert.True(t, healthy.Fits())
	assert.InEpsilon(t, 0.1, healthy.MeanService.Value, 0.03)
	assert.InDelta(t, 4, healthy.Concurrency.Value, 1)
	assert.True(t, math.IsNaN(healthy.DownstreamLimit.Value))
	service := healthy.Service()
	need, err := queueing.LeastReplicas(300, service, queueing.Target{Response: queueing.Quantile{Percentile: 0.95, Latency: 500 * time.Millisecond}}, 100)
	require.NoError(t, err)
	assert.InDelta(t, 9, need, 1)

	for want, change := range map[queueing.Verdict]func(i int, s *simulatedService){
		queueing.VerdictThrottled: func(i int, s *simulatedService) {
			if i >= minutes-10 {
				s.slowdown = 1.8
				s.rate = 0.5 * float64(s.replicas*s.concurrency) / s.mean
			}
		},
		queueing.VerdictRetries: func(i int, s *simulatedService) {
			if i >= minutes-10 {
				s.rate = 0.98 * float64(s.replicas*s.concurrency) / s.mean
				s.timeout = 0.25
			}
		},
		queueing.VerdictDownstream: func(i int, s *simulatedService) {
			if i >= minutes/2 {
				s.downstream = 90
				s.rate = 0.9 * float64(s.replicas*s.concurrency) / s.mean
			}
		},
		queueing.VerdictCorrelated: func(i int, s *simulatedService) {
			s.bursts = i >= minutes-10
		},
	} {
		c := queueing.Calibrate(simulateObservations(minutes, change))
		assert.Equal(t, want, c.Verdict, c.Explanation)
		assert.False(t, c.Fits())
		assert.NotContains(t, c.Explanation, "name no reason")
		if want == queueing.VerdictDownstream {
			assert.InEpsilon(t, 90, c.DownstreamLimit.Value, 0.1)
			assert.LessOrEqual(t, c.DownstreamLimit.Low, c.DownstreamLimit.Value)
		}
	}
}

// TestMeasuredCapacityOfSimulation measures a service to which bursts come, and asks the model and the simulation of the
// service whether that is about right.
func TestMeasuredCapacityOfSimulation(t *testing.T) {
	target := queueing.Target{Response: queueing.Quantile{Percentile: 0.95, Latency: 600 * time.Millisecond}}
	bursts := func(_ int, s *simulatedService) { s.bursts = true; s.rate *= 0.5 }
	observations := simulateObservations(120, bursts)
	capacity, err := queueing.MeasureCapacity(observations, target)
	require.NoError(t, err)
	assert.True(t, capacity.Reached)
	assert.GreaterOrEqual(t, capacity.Observations, 5)
	kept := func(rate float64) float64 {
		share := 0.0
		for i := range 20 {
			s := simulatedService{random: rand.New(rand.NewPCG(uint64(i), 1)), replicas: 5, concurrency: 4, mean: 0.1, rate: rate * 5, bursts: true}
			if s.observe().Latency.Quantile(0.95) <= 0.6 {
				share += 1.0 / 20
			}
		}
		return share
	}
	assert.Greater(t, kept(0.8*capacity.RatePerReplica), 0.9)
	assert.Less(t, kept(1.4*capacity.RatePerReplica), 0.1)
	model, err := queueing.MaxArrivalRate(5, queueing.Service{MeanTime: 100 * time.Millisecond, Concurrency: 4}, target)
	require.NoError(t, err)
	assert.Less(t, capacity.RatePerReplica, 0.7*model/5, "bursts cost capacity that the model would promise")

	assert.Equal(t, 10, capacity.LeastReplicas(10*capacity.RatePerReplica))
	assert.Equal(t, 11, capacity.LeastReplicas(10.001*capacity.RatePerReplica))
	assert.Equal(t, 1, capacity.LeastReplicas(0))
	for _, rate := range []float64{math.NaN(), -1, math.Inf(1), 1e300} {
		assert.Zero(t, capacity.LeastReplicas(rate))
	}
	assert.Zero(t, queueing.MeasuredCapacity{}.LeastReplicas(1))

	easy, err := queueing.MeasureCapacity(observations, queueing.Target{MaxMeanResponse: time.Hour})
	require.NoError(t, err)
	assert.False(t, easy.Reached)
	_, err = queueing.MeasureCapacity(observations, queueing.Target{MaxMeanResponse: time.Millisecond})
	require.ErrorContains(t, err, "no rate at which")
	_, err = queueing.MeasureCapacity(observations[:3], target)
	require.ErrorContains(t, err, "3 observations")
	_, err = queueing.MeasureCapacity(observations, queueing.Target{MaxWaitProbability: 0.1})
	require.ErrorContains(t, err, "measured against")
}

// TestCalibratorMeasuresThroughVersions keeps the smaller capacity of two versions until the new one is known.
func TestCalibratorMeasuresThroughVersions(t *testing.T) {
	target := queueing.Target{MaxMeanResponse: 200 * time.Millisecond}
	var c queueing.Calibrator
	now := calibrationStart
	feed := func(version string, count int, slowdown float64) {
		for _, o := range simulateObservations(count, func(_ int, s *simulatedService) { s.mean, s.rate = s.mean*slowdown, s.rate/slowdown }) {
			now = now.Add(time.Minute)
			o.At, o.Version = now, version
			require.NoError(t, c.Observe(o))
		}
	}
	_, err := c.MeasuredCapacity(now, target)
	require.Error(t, err)
	feed("a", 40, 1)
	old, err := c.MeasuredCapacity(now, target)
	require.NoError(t, err)
	assert.InDelta(t, 32, old.RatePerReplica, 5)

	feed("b", 8, 0.5) // twice as fast, but hardly known
	kept, err := c.MeasuredCapacity(now, target)
	require.NoError(t, err)
	assert.Equal(t, old, kept)
	feed("b", 32, 0.5)
	faster, err := c.MeasuredCapacity(now, target)
	require.NoError(t, err)
	assert.Greater(t, faster.RatePerReplica, 1.5*old.RatePerReplica)

	feed("c", 8, 2)
	slower, err := c.MeasuredCapacity(now, target)
	require.NoError(t, err)
	assert.Less(t, slower.RatePerReplica, 0.5*faster.RatePerReplica, "a slower version counts at once")
}
