package hpa_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/hpa"
)

// on returns a spec with one external metric of the given target per pod and no behavior.
func on(target float64) *hpa.Spec {
	return &hpa.Spec{
		MinReplicas: 1, MaxReplicas: 100,
		Metrics: []hpa.MetricSpec{{Name: "rate", Target: hpa.AverageValue(target)}},
	}
}

// at returns inputs with so many replicas and the given readings.
func at(now time.Duration, replicas int32, values ...float64) hpa.Inputs {
	in := hpa.Inputs{Now: now, SpecReplicas: replicas, StatusReplicas: replicas}
	for _, v := range values {
		in.Readings = append(in.Readings, hpa.NewReading(v))
	}
	return in
}

func TestAverageValue(t *testing.T) {
	// Of the facts of Kubernetes 1.37: desired = ceil(sum/target) unless 0.9 <= sum/(target*replicas) <= 1.1.
	for _, test := range []struct {
		name      string
		replicas  int32
		value     float64
		want      int32
		tolerated bool
	}{
		{"one more of nine", 9, 10, 10, false},
		{"one more of ten is the end of the dead band", 10, 11, 10, true},
		{"beyond the dead band", 10, 11.001, 12, false},
		{"one less of ten", 10, 9, 10, true},
		{"beyond the dead band below", 10, 8.999, 9, false},
		{"up to 22 of 20", 20, 22, 20, true},
		{"23 of 20", 20, 23, 23, false},
		{"a fraction of a replica is one", 3, 3.31, 4, false},
		{"nothing", 4, 0, 0, false},
		{"as many as there are", 5, 5, 5, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), on(1), at(0, test.replicas, test.value), &st)
			assert.Equal(t, test.want, d.Proposed)
			assert.Equal(t, test.tolerated, d.Tolerated)
			assert.Equal(t, hpa.Condition{Status: hpa.True, Reason: hpa.ValidMetricFound}, d.Conditions.ScalingActive)
		})
	}
}

func TestExternalItems(t *testing.T) {
	for _, test := range []struct {
		name   string
		target hpa.Target
		items  []int64
		want   int32
	}{
		{"summed", hpa.AverageValue(1), []int64{4000, 5000, 1500}, 11},
		{"overflow per pod", hpa.AverageValue(1), []int64{math.MaxInt64, 1000}, math.MaxInt32},
		{"negative per pod is taken for an overflow", hpa.AverageValue(1), []int64{-1}, math.MaxInt32},
		{"negative on the way per pod", hpa.AverageValue(1), []int64{-1, 5000}, math.MaxInt32},
		{"overflow of the whole", hpa.Value(1), []int64{math.MaxInt64, 1000}, math.MaxInt32},
		{"negative of the whole", hpa.Value(1), []int64{-1, 5001}, 10}, // ratio 5, 2 pods
	} {
		t.Run(test.name, func(t *testing.T) {
			s := on(1)
			s.MaxReplicas = math.MaxInt32
			s.Metrics[0].Target = test.target
			in := at(0, 2)
			in.PodCount, in.ReadyPods = 2, 2
			in.Readings = []hpa.Reading{{Items: test.items}}
			var st hpa.State
			assert.Equal(t, test.want, hpa.Sync(hpa.DefaultConfig(), s, in, &st).Proposed)
		})
	}
	t.Run("none", func(t *testing.T) {
		in := at(0, 2)
		in.Readings = []hpa.Reading{{Items: []int64{}}}
		var st hpa.State
		d := hpa.Sync(hpa.DefaultConfig(), on(1), in, &st)
		assert.True(t, d.Blocked)
		assert.Equal(t, hpa.FailedGetExternalMetric, d.Conditions.ScalingActive.Reason)
	})
}

func TestValue(t *testing.T) {
	for _, test := range []struct {
		name            string
		kind            hpa.MetricType
		replicas        int32
		pods, ready     int32
		value, expected float64
		failure         hpa.Failure
	}{
		{"ready pods count", hpa.External, 6, 6, 4, 1500, 6, hpa.NoFailure}, // ceil(1.5 * 4)
		{"in the dead band", hpa.Object, 6, 6, 4, 1100, 6, hpa.NoFailure},
		{"no pod is ready", hpa.Object, 6, 6, 0, 9000, 0, hpa.NoFailure},
		{"no pods", hpa.External, 6, 0, 0, 9000, 0, hpa.NoPods},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := on(1)
			s.Metrics[0].Type, s.Metrics[0].Target = test.kind, hpa.Value(1000)
			in := at(0, test.replicas, test.value)
			in.PodCount, in.ReadyPods = test.pods, test.ready
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), s, in, &st)
			require.Equal(t, test.failure, d.Proposals[0].Failure)
			if test.failure == hpa.NoFailure {
				assert.Equal(t, int32(test.expected), d.Proposed)
			}
			// The same from a list of pods.
			in.PodCount, in.ReadyPods = 0, 0
			in.Pods = []hpa.Pod{}
			for i := range test.pods {
				p := hpa.Pod{Readiness: hpa.Unready}
				if i < test.ready {
					p.Readiness = hpa.Ready
				}
				in.Pods = append(in.Pods, p)
			}
			in.Pods = append(in.Pods, hpa.Pod{Phase: hpa.Pending, Readiness: hpa.Ready})[:len(in.Pods)]
			st.Reset()
			assert.Equal(t, d.Proposed, hpa.Sync(hpa.DefaultConfig(), s, in, &st).Proposed)
		})
	}
}

func TestTolerancePerDirection(t *testing.T) {
	s := on(1)
	s.Behavior = &hpa.Behavior{
		ScaleUp:   &hpa.ScalingRules{Tolerance: new(0.0)},
		ScaleDown: &hpa.ScalingRules{Tolerance: new(0.2)},
	}
	for _, test := range []struct{ value, want float64 }{{21, 21}, {20, 20}, {16, 20}, {15.9, 16}} {
		var st hpa.State
		d := hpa.Sync(hpa.DefaultConfig(), s, at(0, 20, test.value), &st)
		assert.Equal(t, int32(test.want), d.Proposed, "%v", test.value)
	}
}

func TestSeveralMetrics(t *testing.T) {
	missing := math.NaN()
	for _, test := range []struct {
		name    string
		values  []float64
		want    int32
		metric  int
		blocked bool
	}{
		{"the highest", []float64{12, 15, 3}, 15, 1, false},
		{"the first of equals", []float64{12, 12}, 12, 0, false},
		{"up although one is missing", []float64{missing, 14}, 14, 1, false},
		{"held at the same although one is missing", []float64{10, missing}, 10, 0, false},
		{"not down while one is missing", []float64{5, missing}, 10, -1, true},
		{"all missing", []float64{missing, missing}, 10, -1, true},
		{"down with all", []float64{5, 6}, 6, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := on(1)
			s.Metrics = nil
			for range test.values {
				s.Metrics = append(s.Metrics, on(1).Metrics...)
			}
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), s, at(0, 10, test.values...), &st)
			assert.Equal(t, test.want, d.Proposed)
			assert.Equal(t, test.metric, d.Metric)
			assert.Equal(t, test.blocked, d.Blocked)
			want := hpa.Condition{Status: hpa.True, Reason: hpa.ValidMetricFound}
			if test.blocked {
				want = hpa.Condition{Status: hpa.False, Reason: hpa.FailedGetExternalMetric}
				assert.Equal(t, hpa.BoundByMissingMetrics, d.Bound())
				assert.False(t, d.Rescale)
			}
			assert.Equal(t, want, d.Conditions.ScalingActive)
		})
	}
	t.Run("the first failure names the reason", func(t *testing.T) {
		s := on(1)
		s.Metrics = append(s.Metrics, hpa.MetricSpec{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(50)}, s.Metrics[0])
		s.Metrics[0], s.Metrics[1] = s.Metrics[1], s.Metrics[0]
		var st hpa.State
		d := hpa.Sync(hpa.DefaultConfig(), s, at(0, 10, 0, missing, 5), &st)
		assert.Equal(t, 2, d.Failed)
		assert.Equal(t, hpa.FailedGetResourceMetric, d.Conditions.ScalingActive.Reason)
		assert.Equal(t, hpa.NoPods, d.Proposals[0].Failure)
		assert.Equal(t, hpa.Unavailable, d.Proposals[1].Failure)
	})
}

func TestOutsideMinAndMax(t *testing.T) {
	s := on(1)
	s.MinReplicas, s.MaxReplicas = 3, 20
	for _, test := range []struct {
		replicas, want int32
		cause          hpa.Cause
		bound          hpa.Bound
	}{
		{50, 20, hpa.AboveMax, hpa.BoundByMax},
		{2, 3, hpa.BelowMin, hpa.BoundByMin},
	} {
		var st hpa.State
		// Whatever the metrics say, even nothing; and at once, whatever the policies say.
		s.Behavior = &hpa.Behavior{ScaleUp: &hpa.ScalingRules{Select: hpa.Disabled}, ScaleDown: &hpa.ScalingRules{Select: hpa.Disabled}}
		d := hpa.Sync(hpa.DefaultConfig(), s, at(0, test.replicas, math.NaN()), &st)
		assert.True(t, d.Rescale)
		assert.Equal(t, test.want, d.Desired)
		assert.Equal(t, test.cause, d.Cause)
		assert.Equal(t, test.bound, d.Bound())
		assert.Empty(t, d.Proposals)
		assert.Equal(t, hpa.Condition{}, d.Conditions.ScalingActive, "no metric was read")
		assert.Equal(t, hpa.Condition{Status: hpa.True, Reason: hpa.SucceededRescale}, d.Conditions.AbleToScale)
	}
}

func TestScaleToZeroAndBack(t *testing.T) {
	s := on(10)
	s.MinReplicas = 0
	c := hpa.DefaultConfig()
	c.DownscaleStabilization = 0
	var st hpa.State

	d := hpa.Sync(c, s, at(-time.Second, 2, 20), &st)
	assert.False(t, d.Rescale)
	d = hpa.Sync(c, s, at(0, 2, 0), &st)
	assert.True(t, d.Rescale)
	assert.Equal(t, int32(0), d.Desired)
	assert.Equal(t, hpa.Condition{Status: hpa.True, Reason: hpa.ScaledToZero}, d.Conditions.ScaledToZero)

	d = hpa.Sync(c, s, at(15*time.Second, 0, 0), &st)
	assert.False(t, d.Rescale, "still no load")

	restarted := st.Clone()
	restarted.RestartController() // the condition is in the object, so it survives
	d = hpa.Sync(c, s, at(30*time.Second, 0, 95), restarted)
	assert.True(t, d.Rescale)
	assert.Equal(t, int32(4), d.Desired, "10 wanted, at most 4 at once from 0")
	assert.Equal(t, hpa.Condition{Status: hpa.False, Reason: hpa.NotScaledToZero}, d.Conditions.ScaledToZero)

	t.Run("a raised minimum holds at zero too", func(t *testing.T) {
		raised := *s
		raised.MinReplicas = 3
		// Without a Behavior the general minimum does it, and upstream's event states no reason.
		for cause, behavior := range map[hpa.Cause]*hpa.Behavior{hpa.NoCause: nil, hpa.BelowMin: {}} {
			raised.Behavior = behavior
			d := hpa.Sync(c, &raised, at(30*time.Second, 0, 0), st.Clone())
			assert.True(t, d.Rescale)
			assert.Equal(t, int32(3), d.Desired)
			assert.Equal(t, cause, d.Cause)
			assert.Equal(t, hpa.BoundByMin, d.Bound())
		}
	})
	t.Run("its metric and its minimum replaced meanwhile", func(t *testing.T) {
		cpu := *s
		cpu.Metrics = []hpa.MetricSpec{{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(50)}}
		for minimum, reason := range map[int32]hpa.Reason{0: hpa.ScalingDisabled, 1: hpa.FailedGetResourceMetric} {
			cpu.MinReplicas = minimum
			d := hpa.Sync(c, &cpu, at(30*time.Second, 0, 0), st.Clone())
			assert.False(t, d.Rescale, "without pods there is no CPU usage")
			assert.Equal(t, reason, d.Conditions.ScalingActive.Reason)
		}
	})
	t.Run("by hand it is switched off", func(t *testing.T) {
		var st hpa.State
		d := hpa.Sync(c, s, at(0, 0, 95), &st)
		assert.False(t, d.Rescale)
		assert.Equal(t, hpa.Condition{Status: hpa.False, Reason: hpa.ScalingDisabled}, d.Conditions.ScalingActive)
		assert.Equal(t, hpa.BoundByZero, d.Bound())
		assert.Empty(t, st.ScaleUps)
	})
	t.Run("per pod without pods", func(t *testing.T) {
		in := at(45*time.Second, 0, 25)
		d := hpa.Sync(c, s, in, st.Clone())
		assert.Equal(t, int32(3), d.Desired)
		assert.True(t, math.IsInf(d.Proposals[0].Ratio, 1))
	})
	t.Run("by value without pods", func(t *testing.T) {
		byValue := *s
		byValue.Metrics = []hpa.MetricSpec{{Name: "queue", Target: hpa.Value(10)}}
		d := hpa.Sync(c, &byValue, at(45*time.Second, 0, 25), st.Clone())
		assert.Equal(t, int32(3), d.Desired, "ceil(25/10), whatever the tolerance")
	})
}

func TestFaults(t *testing.T) {
	for _, test := range []struct {
		fault         hpa.Fault
		able, active  hpa.Reason
		recorded, ask bool
	}{
		{hpa.NoFault, hpa.SucceededRescale, hpa.ValidMetricFound, true, true},
		{hpa.ScaleUnreadable, hpa.FailedGetScale, hpa.NoReason, false, false},
		{hpa.ScaleUnwritable, hpa.FailedUpdateScale, hpa.ValidMetricFound, true, false},
		{hpa.SelectorInvalid, hpa.SucceededGetScale, hpa.InvalidSelector, true, false},
		{hpa.SelectorAmbiguous, hpa.SucceededGetScale, hpa.AmbiguousSelector, true, false},
	} {
		s := on(1)
		s.Behavior = &hpa.Behavior{}
		in := at(0, 5, 8)
		in.Fault = test.fault
		var st hpa.State
		d := hpa.Sync(hpa.DefaultConfig(), s, in, &st)
		assert.Equal(t, test.able, d.Conditions.AbleToScale.Reason)
		assert.Equal(t, test.active, d.Conditions.ScalingActive.Reason)
		assert.Equal(t, test.ask, d.Rescale)
		assert.Equal(t, test.recorded, len(st.Recommendations) > 0)
		assert.Equal(t, test.ask, len(st.ScaleUps) > 0)
		if test.fault != hpa.NoFault {
			assert.Equal(t, int32(5), d.Desired)
			assert.Equal(t, hpa.BoundByFault, d.Bound())
		}
	}
}

// TestStateAsJSON proves that a state that was written and read goes on as the state itself would.
func TestStateAsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := on(1)
		if rapid.Bool().Draw(t, "behavior") {
			s.Behavior = &hpa.Behavior{}
		}
		c := hpa.DefaultConfig()
		var st, read hpa.State
		replicas := int32(5)
		for i, v := range rapid.SliceOfN(rapid.Float64Range(0, 50), 5, 60).Draw(t, "values") {
			data, err := json.Marshal(&read)
			require.NoError(t, err)
			read = hpa.State{}
			require.NoError(t, json.Unmarshal(data, &read))
			in := at(time.Duration(i)*c.SyncPeriod, replicas, v)
			d := hpa.Sync(c, s, in, &st)
			other := hpa.Sync(c, s, in, &read)
			require.Equal(t, d, other)
			replicas = d.Desired
		}
	})
}

// TestProperties checks what must hold of any autoscaler on one metric.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := on(1)
		s.MinReplicas = rapid.Int32Range(1, 5).Draw(t, "min")
		s.MaxReplicas = s.MinReplicas + rapid.Int32Range(0, 40).Draw(t, "max")
		if rapid.Bool().Draw(t, "behavior") {
			s.Behavior = &hpa.Behavior{}
		}
		require.NoError(t, s.Validate())
		c := hpa.DefaultConfig()
		replicas := rapid.Int32Range(1, 60).Draw(t, "replicas")
		value := rapid.Float64Range(0, 80)
		var st hpa.State
		for i, v := range rapid.SliceOfN(value, 1, 40).Draw(t, "values") {
			in := at(time.Duration(i)*c.SyncPeriod, replicas, v)

			more := hpa.Sync(c, s, at(in.Now, replicas, v+value.Draw(t, "more")), st.Clone())
			d := hpa.Sync(c, s, in, &st)
			if d.Desired < s.MinReplicas || d.Desired > s.MaxReplicas {
				t.Fatalf("%d is not in [%d, %d]", d.Desired, s.MinReplicas, s.MaxReplicas)
			}
			if more.Desired < d.Desired {
				t.Fatalf("more load, fewer replicas: %d, %d", more.Desired, d.Desired)
			}
			if d.Rescale != (d.Desired != d.From) || d.From != replicas {
				t.Fatalf("inconsistent: %+v", d)
			}
			if limit := max(2*replicas, replicas+4); d.Desired > limit && replicas >= s.MinReplicas {
				t.Fatalf("%d -> %d is too fast", replicas, d.Desired)
			}
			if d.Tolerated && d.Proposed != replicas {
				t.Fatalf("tolerated but %d != %d", d.Proposed, replicas)
			}
			replicas = d.Desired
		}
	})
}

func TestNoAllocations(t *testing.T) {
	s := on(1)
	s.Behavior = &hpa.Behavior{}
	c := hpa.DefaultConfig()
	var st hpa.State
	in := at(0, 10, 0)
	step := func() {
		in.Now += c.SyncPeriod
		in.Readings[0].Value = 1000 * (10 + int64(in.Now/c.SyncPeriod)%7*3)
		d := hpa.Sync(c, s, in, &st)
		in.SpecReplicas, in.StatusReplicas = d.Desired, d.Desired
	}
	for range 500 {
		step()
	}
	assert.Zero(t, testing.AllocsPerRun(1000, step))
}
