package hpa_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/hpa"
)

func TestValidate(t *testing.T) {
	require.NoError(t, on(1).Validate())
	for _, test := range []struct {
		name   string
		change func(*hpa.Spec)
		want   []string
	}{
		{"bounds", func(s *hpa.Spec) { s.MinReplicas, s.MaxReplicas = -1, 0 }, []string{
			"hpa: MinReplicas is -1, must be at least 0", "hpa: MaxReplicas is 0, must be at least 1 and MinReplicas",
		}},
		{"no metric", func(s *hpa.Spec) { s.Metrics = nil }, []string{"hpa: need at least one metric"}},
		{"to zero without a metric for it", func(s *hpa.Spec) {
			s.MinReplicas = 0
			s.Metrics = []hpa.MetricSpec{{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(50)}}
		}, []string{"hpa: MinReplicas 0 needs a metric of type External or Object"}},
		{"metric", func(s *hpa.Spec) { s.Metrics[0] = hpa.MetricSpec{Type: hpa.Pods, Target: hpa.Value(0)} }, []string{
			`hpa: Metrics[0].Name is "", must be the metric's or resource's name`,
			"hpa: Metrics[0].Target.Type is Value, must be AverageValue",
			"hpa: Metrics[0].Target.Milli is 0, must be positive",
		}},
		{"utilization", func(s *hpa.Spec) { s.Metrics[0].Target = hpa.Utilization(0) }, []string{
			"hpa: Metrics[0].Target.Type is Utilization, must be AverageValue or Value",
			"hpa: Metrics[0].Target.Percent is 0, must be at least 1",
		}},
		{"types", func(s *hpa.Spec) {
			s.Metrics = append(s.Metrics, hpa.MetricSpec{Name: "x", Type: 9}, hpa.MetricSpec{Name: "y", Target: hpa.Target{Type: 9}})
		}, []string{
			"hpa: Metrics[1].Type is 9, must be External, Object, Pods, Resource or ContainerResource",
			"hpa: Metrics[2].Target.Type is 9, must be AverageValue or Value",
		}},
		{"rules", func(s *hpa.Spec) {
			s.Behavior = &hpa.Behavior{
				ScaleUp: &hpa.ScalingRules{StabilizationWindow: new(2 * time.Hour), Tolerance: new(math.NaN()), Policies: []hpa.Policy{}},
				ScaleDown: &hpa.ScalingRules{Select: 9, Policies: []hpa.Policy{
					{Type: 9, Value: 0, Period: time.Hour}, {Value: 1, Period: 1500 * time.Millisecond},
				}},
			}
		}, []string{
			"hpa: Behavior.ScaleUp.StabilizationWindow is 2h0m0s, must be whole seconds from 0 to 1h",
			"hpa: Behavior.ScaleUp.Policies is empty, must be nil for the defaults or at least one policy",
			"hpa: Behavior.ScaleUp.Tolerance is NaN, must be at least 0 and finite",
			"hpa: Behavior.ScaleDown.Select is 9, must be Max, Min or Disabled",
			"hpa: Behavior.ScaleDown.Policies[0].Type is 9, must be Pods or Percent",
			"hpa: Behavior.ScaleDown.Policies[0].Value is 0, must be at least 1",
			"hpa: Behavior.ScaleDown.Policies[0].Period is 1h0m0s, must be whole seconds from 1s to 30m",
			"hpa: Behavior.ScaleDown.Policies[1].Period is 1.5s, must be whole seconds from 1s to 30m",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := on(1)
			test.change(s)
			err := s.Validate()
			require.Error(t, err)
			var lines []string
			for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
				lines = append(lines, e.Error())
			}
			assert.Equal(t, test.want, lines)
		})
	}
}

func TestMilli(t *testing.T) {
	assert.Equal(t, int64(1235), hpa.Milli(1.2345))
	assert.Equal(t, int64(0), hpa.Milli(0.0004))
	assert.Equal(t, int64(-1500), hpa.Milli(-1.5))
	assert.Equal(t, int64(math.MaxInt64), hpa.Milli(1e30))
	assert.Equal(t, int64(math.MinInt64), hpa.Milli(-1e30))
	assert.Panics(t, func() { hpa.Milli(math.NaN()) })
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		assert.ErrorIs(t, hpa.NewReading(v).Err, hpa.ErrNoMetrics, "missing, not zero")
	}
}

// TestNames proves that every value of an enumeration has a name, which conditions have in common with the API.
func TestNames(t *testing.T) {
	for r := hpa.FailedGetScale; r <= hpa.NotScaledToZero; r++ {
		assert.NotEmpty(t, r.String())
		assert.NotEqual(t, "invalid", r.String())
	}
	for b := hpa.BoundByFault; b <= hpa.BoundByMax; b++ {
		assert.NotEmpty(t, b.String())
	}
	for f := hpa.Unavailable; f <= hpa.WrongTarget; f++ {
		assert.NotEmpty(t, f.String())
	}
	assert.Equal(t, "invalid", hpa.Reason(200).String())
}
