package hpa

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestLimitWithoutBehavior(t *testing.T) {
	for _, test := range []struct {
		current, desired, lowest, highest, want int32
		reason                                  Reason
	}{
		{1, 9, 1, 10, 4, ScaleUpLimit}, // at least 4
		{3, 9, 1, 10, 6, ScaleUpLimit}, // twice
		{5, 12, 1, 10, 10, TooManyReplicas},
		{20, 1000, 1, 10, 10, TooManyReplicas},
		{5, 0, 1, 10, 1, TooFewReplicas},
		{5, 0, 0, 10, 0, DesiredWithinRange},
		{5, 2, 1, 10, 2, DesiredWithinRange}, // down as far as wanted
		{5, 10, 1, 10, 10, DesiredWithinRange},
		{0, 9, 0, 10, 4, ScaleUpLimit},
	} {
		got, reason := limit(&Spec{MinReplicas: test.lowest, MaxReplicas: test.highest}, test.current, test.desired)
		assert.Equal(t, test.want, got, "%+v", test)
		assert.Equal(t, test.reason, reason, "%+v", test)
	}
}

// rulesOf returns rules of a pods and a percent policy, each left out if its value is 0.
func rulesOf(pods, podsPeriod, percent, percentPeriod int32) *ScalingRules {
	r := &ScalingRules{}
	if pods != 0 {
		r.Policies = append(r.Policies, Policy{Type: PodsPolicy, Value: pods, Period: time.Duration(podsPeriod) * time.Second})
	}
	if percent != 0 {
		r.Policies = append(r.Policies, Policy{Type: PercentPolicy, Value: percent, Period: time.Duration(percentPeriod) * time.Second})
	}
	return r
}

// changed returns events of the given changes, spread evenly over the seconds before now.
func changed(seconds int, changes ...int32) []ScaleEvent {
	var events []ScaleEvent
	for i, change := range changes {
		interval := seconds * (i + 1) / (len(changes) + 1)
		events = append(events, ScaleEvent{At: at(interval), Change: change})
	}
	return events
}

// TestPolicies restates cases of upstream's TestScalingWithRules (horizontal_test.go, v1.37.2).
func TestPolicies(t *testing.T) {
	with := func(r *ScalingRules, s SelectPolicy) *ScalingRules { r.Select = s; return r }
	ups := changed(120, 1, 5, 9)
	for _, test := range []struct {
		name             string
		up, down         *ScalingRules
		ups, downs       []ScaleEvent
		lowest, highest  int32
		current, desired int32
		want             int32
		reason           Reason
	}{
		{name: "default", current: 10, desired: 50, want: 20, reason: ScaleUpLimit},
		{name: "default from 1: 5, not 4", current: 1, desired: 50, want: 5, reason: ScaleUpLimit},
		{name: "more pods than percent", up: rulesOf(100, 60, 100, 60), current: 10, desired: 500, want: 110, reason: ScaleUpLimit},
		{name: "more percent than pods", up: rulesOf(2, 60, 100, 60), current: 10, desired: 500, want: 20, reason: ScaleUpLimit},
		{name: "the smaller of both", up: with(rulesOf(2, 60, 100, 60), MinChange), current: 10, desired: 500, want: 12, reason: ScaleUpLimit},
		{name: "disabled", up: with(rulesOf(2, 60, 100, 60), Disabled), current: 10, desired: 500, want: 10, reason: ScaleUpLimit},
		{name: "pods", up: rulesOf(30, 60, 0, 0), current: 10, desired: 50, want: 40, reason: ScaleUpLimit},
		{name: "percent", up: rulesOf(0, 0, 200, 60), current: 10, desired: 50, want: 30, reason: ScaleUpLimit},
		{name: "one percent of 3 is rounded up", up: rulesOf(0, 0, 1, 60), current: 3, desired: 1000, highest: 2000, want: 4, reason: ScaleUpLimit},
		{name: "within", up: rulesOf(100, 60, 0, 0), current: 10, desired: 50, want: 50, reason: DesiredWithinRange},
		{name: "maximum", up: rulesOf(300, 60, 0, 0), ups: ups, highest: 200, current: 100, desired: 500, want: 200, reason: TooManyReplicas},
		{name: "more was added than is allowed now", up: rulesOf(5, 120, 0, 0), ups: ups, current: 100, desired: 500, want: 100, reason: ScaleUpLimit},
		{name: "pods after events", up: rulesOf(150, 120, 0, 0), ups: ups, current: 100, desired: 500, want: 235, reason: ScaleUpLimit},    // 100 - 15 + 150
		{name: "percent after events", up: rulesOf(0, 0, 200, 120), ups: ups, current: 100, desired: 500, want: 255, reason: ScaleUpLimit}, // (100-15) * 3
		{
			name: "percent after events both ways", up: rulesOf(0, 0, 300, 300), ups: changed(120, 4), downs: changed(120, 2),
			current: 6, desired: 24, want: 16, reason: ScaleUpLimit, // (6 - 4 + 2) * 4
		},
		{name: "down: percent of many", down: rulesOf(20, 60, 1, 60), current: 100, desired: 2, want: 80, reason: ScaleDownLimit},
		{name: "down: pods of many", down: rulesOf(2, 60, 1, 60), current: 100, desired: 2, want: 98, reason: ScaleDownLimit},
		{name: "down: the smaller of both", down: with(rulesOf(20, 60, 1, 60), MinChange), current: 100, desired: 2, want: 99, reason: ScaleDownLimit},
		{name: "down: disabled", down: with(rulesOf(20, 60, 1, 60), Disabled), current: 100, desired: 2, want: 100, reason: ScaleDownLimit},
		{name: "down: minimum", down: rulesOf(100, 60, 0, 0), current: 10, desired: 0, want: 1, reason: TooFewReplicas},
		{name: "down: minimum of 5", down: rulesOf(0, 0, 100, 60), lowest: 5, current: 10, desired: 2, want: 5, reason: TooFewReplicas},
		{name: "down: pods", down: rulesOf(5, 60, 0, 0), current: 10, desired: 2, want: 5, reason: ScaleDownLimit},
		{name: "down: percent", down: rulesOf(0, 0, 50, 60), current: 10, desired: 5, want: 5, reason: DesiredWithinRange},
		{name: "down: default", downs: ups, current: 10, desired: 5, want: 5, reason: DesiredWithinRange},
		{name: "down: more was removed than is allowed now", down: rulesOf(5, 120, 0, 0), downs: ups, current: 100, desired: 2, want: 100, reason: ScaleDownLimit},
		{name: "down: pods after events", down: rulesOf(25, 120, 0, 0), downs: ups, current: 100, desired: 2, want: 90, reason: ScaleDownLimit},    // 100 + 15 - 25
		{name: "down: percent after events", down: rulesOf(0, 0, 50, 120), downs: ups, current: 100, desired: 2, want: 57, reason: ScaleDownLimit}, // 57.5 down
		{name: "neither", up: with(&ScalingRules{}, Disabled), down: with(&ScalingRules{}, Disabled), current: 7, desired: 7, want: 7, reason: DesiredWithinRange},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Spec{MinReplicas: max(1, test.lowest), MaxReplicas: 1000, Behavior: &Behavior{ScaleUp: test.up, ScaleDown: test.down}}
			if test.highest > 0 {
				s.MaxReplicas = test.highest
			}
			st := State{ScaleUps: test.ups, ScaleDowns: test.downs}
			got, reason := st.limitRate(now, &s, test.current, test.desired)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.reason, reason)
		})
	}
}

func TestEventsAtTheEdgeOfThePeriod(t *testing.T) {
	events := []ScaleEvent{{At: at(60), Change: 7}, {At: at(59), Change: 2}}
	assert.Equal(t, int32(2), changes(events, at(60)), "exactly as old as the period does not count")
}

func TestRecordReusesPlaces(t *testing.T) {
	policies := []Policy{{Period: 15 * time.Second}, {Period: time.Minute}}
	events := []ScaleEvent{{At: at(90)}, {At: at(60)}, {At: at(61)}, {At: at(10)}}
	events = record(events, policies, ScaleEvent{At: now, Change: 1})
	assert.Equal(t, []ScaleEvent{
		{At: at(90), Outdated: true}, {At: at(60)}, {At: now, Change: 1}, {At: at(10)},
	}, events, "the last of those older than the longest period")
	// Once outdated it stays so, even under a longer period.
	events = record(events, []Policy{{Period: time.Hour}}, ScaleEvent{At: now, Change: 2})
	assert.Equal(t, ScaleEvent{At: now, Change: 2}, events[0])
	assert.Len(t, record(events, policies, ScaleEvent{At: now}), 5)
}

// TestRampUnderDefaults: 5 to 40 replicas take three syncs under the default policies, as in autoscalers before 1.18.
func TestRampUnderDefaults(t *testing.T) {
	for _, behavior := range []*Behavior{nil, {}} {
		s := Spec{MinReplicas: 1, MaxReplicas: 100, Metrics: []MetricSpec{{Name: "rate", Target: AverageValue(1)}}, Behavior: behavior}
		c := DefaultConfig()
		var st State
		in := Inputs{SpecReplicas: 5, Readings: []Reading{NewReading(40)}}
		var ramp []int32
		for range 4 {
			in.StatusReplicas = in.SpecReplicas
			in.SpecReplicas = Sync(c, &s, in, &st).Desired
			in.Now += c.SyncPeriod
			ramp = append(ramp, in.SpecReplicas)
		}
		assert.Equal(t, []int32{10, 20, 40, 40}, ramp)
	}
}
