package hpa_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/hpa"
)

// old is a time at which a pod that started at 0 is past all initial periods.
const old = time.Hour

func ready() hpa.Pod   { return hpa.Pod{Readiness: hpa.Ready} }
func pending() hpa.Pod { return hpa.Pod{Phase: hpa.Pending} }
func dying() hpa.Pod   { return hpa.Pod{Readiness: hpa.Ready, Deleted: true} }

// using is the usage of a pod that requests 1000 thousandths.
func using(milli int64) hpa.Usage {
	return hpa.Usage{Value: milli, Request: 1000, At: old, Window: time.Minute}
}

func missing() hpa.Usage { return hpa.Usage{Missing: true, Request: 1000} }

// TestUtilization: targets in percent of 1000 thousandths, so that a usage of 10 is 1 percent.
func TestUtilization(t *testing.T) {
	type podWith struct {
		pod   hpa.Pod
		usage hpa.Usage
	}
	for _, test := range []struct {
		name     string
		target   int32
		replicas int32
		pods     []podWith
		want     int32
		failure  hpa.Failure
	}{
		{"up", 30, 3, []podWith{{ready(), using(300)}, {ready(), using(500)}, {ready(), using(700)}}, 5, 0}, // 50 % / 30 % * 3
		{"down", 50, 5, []podWith{
			{ready(), using(100)}, {ready(), using(300)}, {ready(), using(500)}, {ready(), using(250)}, {ready(), using(250)},
		}, 3, 0}, // 28 / 50 * 5 = 2.8
		{"in the dead band", 50, 2, []podWith{{ready(), using(540)}, {ready(), using(560)}}, 2, 0},
		{"whole percents: 55.9 counts as 55", 50, 2, []podWith{{ready(), using(559)}, {ready(), using(559)}}, 2, 0},
		{"up with an unready pod, which counts as idle", 30, 3, []podWith{
			{pending(), missing()}, {ready(), using(500)}, {ready(), using(700)},
		}, 4, 0}, // 1200/3000 = 40 % / 30 % * 3
		{"up turned into nothing by unready pods", 30, 3, []podWith{
			{pending(), missing()}, {pending(), missing()}, {ready(), using(900)},
		}, 3, 0}, // 30 % / 30 %
		{"up with a pod without usage, which counts as idle", 30, 3, []podWith{
			{ready(), missing()}, {ready(), using(500)}, {ready(), using(700)},
		}, 4, 0},
		{"down with a pod without usage, which counts as fully used", 50, 4, []podWith{
			{ready(), missing()}, {ready(), using(100)}, {ready(), using(100)}, {ready(), using(100)},
		}, 3, 0}, // 1300/4000 = 32 % / 50 % * 4 = 2.56
		{"down turned into nothing by pods without usage", 50, 4, []podWith{
			{ready(), missing()}, {ready(), missing()}, {ready(), using(100)}, {ready(), using(100)},
		}, 4, 0}, // 55 % / 50 % is above
		{"down with a pod without usage and a target above the request", 150, 4, []podWith{
			{ready(), missing()}, {ready(), using(750)}, {ready(), using(750)}, {ready(), using(750)},
		}, 3, 0}, // 3750/4000 = 93 % / 150 % * 4 = 2.48
		{"down does not count unready pods", 50, 4, []podWith{
			{pending(), missing()}, {ready(), using(200)}, {ready(), using(200)}, {ready(), using(200)},
		}, 2, 0}, // 20 / 50 * 3 = 1.2
		{"pods about to go do not count", 50, 3, []podWith{
			{dying(), using(900)}, {ready(), using(500)}, {ready(), using(500)}, {hpa.Pod{Phase: hpa.Failed}, using(0)},
		}, 3, 0},
		{"fewer pods than replicas never turn up into down", 50, 10, []podWith{
			{ready(), using(600)}, {ready(), missing()}, {ready(), using(900)}, {ready(), using(900)},
		}, 10, 0}, // 60 % / 50 % * 4 = 4.8 < 10
		{"fewer pods without doubt do", 50, 10, []podWith{{ready(), using(900)}, {ready(), using(900)}}, 4, 0}, // 1.8 * 2
		{"no pods", 50, 3, nil, 3, hpa.NoPods},
		{"none counts", 50, 2, []podWith{{pending(), missing()}, {ready(), missing()}}, 2, hpa.NoUsage},
		{"a pod without request, even about to go", 50, 2, []podWith{
			{ready(), using(500)}, {dying(), hpa.Usage{Request: -1}},
		}, 2, hpa.NoRequest},
		{"requests of zero", 50, 1, []podWith{{ready(), hpa.Usage{Value: 10, At: old}}}, 1, hpa.ZeroRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &hpa.Spec{MinReplicas: 1, MaxReplicas: 1000, Metrics: []hpa.MetricSpec{
				{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(test.target)},
			}}
			in := hpa.Inputs{Now: old, SpecReplicas: test.replicas, StatusReplicas: test.replicas, Readings: make([]hpa.Reading, 1)}
			for _, p := range test.pods {
				in.Pods = append(in.Pods, p.pod)
				in.Readings[0].Usage = append(in.Readings[0].Usage, p.usage)
			}
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), s, in, &st)
			assert.Equal(t, test.want, d.Proposed)
			assert.Equal(t, test.failure, d.Proposals[0].Failure)
			if test.failure != hpa.NoFailure {
				assert.Equal(t, hpa.FailedGetResourceMetric, d.Conditions.ScalingActive.Reason)
			}
		})
	}
}

func TestPodAverage(t *testing.T) {
	for _, test := range []struct {
		name     string
		replicas int32
		pods     []hpa.Pod
		usage    []hpa.Usage
		want     int32
	}{
		{"up", 3, []hpa.Pod{ready(), ready(), ready()}, []hpa.Usage{using(20000), using(10000), using(30000)}, 4},
		{"readiness does not matter", 3, []hpa.Pod{{}, {}, {}}, []hpa.Usage{using(20000), using(10000), using(30000)}, 4},
		{"pending pods count as idle on the way up", 3, []hpa.Pod{ready(), ready(), pending()}, []hpa.Usage{using(50000), using(10000), using(30000)}, 4},
		{"missing pods count as on target on the way down", 4, []hpa.Pod{ready(), ready(), ready(), ready()}, []hpa.Usage{using(3000), using(3000), using(3000)}, 2},
		{"a pod that is gone counts still", 2, []hpa.Pod{ready(), ready()}, []hpa.Usage{using(15000), using(15000), using(60000)}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &hpa.Spec{MinReplicas: 1, MaxReplicas: 1000, Metrics: []hpa.MetricSpec{
				{Name: "requests", Type: hpa.Pods, Target: hpa.AverageValue(15)},
			}}
			in := hpa.Inputs{
				Now: old, SpecReplicas: test.replicas, StatusReplicas: test.replicas,
				Pods: test.pods, Readings: []hpa.Reading{{Usage: test.usage}},
			}
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), s, in, &st)
			assert.Equal(t, test.want, d.Proposed)
		})
	}
}

// TestMeasurable walks through the life of a pod: when does its CPU usage count? The other pod is at the target, so the
// proposal shows it: 200 percent of the first counts as (200+100)/200 of two pods, and without it nothing changes.
func TestMeasurable(t *testing.T) {
	minute := func(m float64) time.Duration { return time.Duration(m * float64(time.Minute)) }
	for _, test := range []struct {
		name    string
		now     time.Duration
		pod     hpa.Pod
		at      time.Duration // of the sample, with a window of a minute
		counted bool
	}{
		{"young and unready", minute(4), hpa.Pod{Readiness: hpa.Unready}, minute(4), false},
		{"young, ready for the whole window", minute(4), hpa.Pod{Readiness: hpa.Ready, ReadySince: minute(3)}, minute(4), true},
		{"young, ready for less than the window", minute(4), hpa.Pod{Readiness: hpa.Ready, ReadySince: minute(3.01)}, minute(4), false},
		{"no longer young, ready since a moment ago", minute(5), hpa.Pod{Readiness: hpa.Ready, ReadySince: minute(5)}, minute(5), true},
		{"unready, and was never ready", minute(9), hpa.Pod{Readiness: hpa.Unready, ReadySince: minute(0.49)}, minute(9), false},
		{"unready again", minute(9), hpa.Pod{Readiness: hpa.Unready, ReadySince: minute(0.5)}, minute(9), true},
		{"readiness unknown", minute(9), hpa.Pod{Readiness: hpa.ReadinessUnknown}, minute(9), true},
		{"no condition", minute(9), hpa.Pod{}, minute(9), false},
		{"not started", minute(9), hpa.Pod{Readiness: hpa.Ready, NotStarted: true}, minute(9), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &hpa.Spec{MinReplicas: 1, MaxReplicas: 1000, Metrics: []hpa.MetricSpec{
				{Name: "cpu", Type: hpa.ContainerResource, Target: hpa.Utilization(100)},
			}}
			in := hpa.Inputs{
				Now: test.now, SpecReplicas: 2, StatusReplicas: 2,
				Pods: []hpa.Pod{test.pod, {Readiness: hpa.Ready, Start: -old, ReadySince: -old}},
				Readings: []hpa.Reading{{Usage: []hpa.Usage{
					{Value: 2000, Request: 1000, At: test.at, Window: time.Minute}, using(1000),
				}}},
			}
			var st hpa.State
			d := hpa.Sync(hpa.DefaultConfig(), s, in, &st)
			want := int32(2)
			if test.counted {
				want = 3
			}
			assert.Equal(t, want, d.Proposed)

			// To memory readiness does not matter.
			s.Metrics[0].Name = "memory"
			assert.Equal(t, int32(3), hpa.Sync(hpa.DefaultConfig(), s, in, &hpa.State{}).Proposed)
		})
	}
}

// TestCount proves that pods given as a group are the same as those pods one by one.
func TestCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		target := hpa.Utilization(50)
		if rapid.Bool().Draw(t, "average") {
			target = hpa.AverageValue(0.5)
		}
		s := &hpa.Spec{MinReplicas: 1, MaxReplicas: 1000, Metrics: []hpa.MetricSpec{{Name: "cpu", Type: hpa.Resource, Target: target}}}
		groups := hpa.Inputs{Now: old, Readings: make([]hpa.Reading, 1)}
		single := hpa.Inputs{Now: old, Readings: make([]hpa.Reading, 1)}
		for range rapid.IntRange(1, 4).Draw(t, "groups") {
			p := hpa.Pod{
				Phase:     rapid.SampledFrom([]hpa.Phase{hpa.Running, hpa.Running, hpa.Pending, hpa.Failed}).Draw(t, "phase"),
				Readiness: rapid.SampledFrom([]hpa.Readiness{hpa.Ready, hpa.Unready}).Draw(t, "readiness"),
			}
			u := using(rapid.Int64Range(0, 1500).Draw(t, "usage"))
			u.Missing = rapid.IntRange(0, 4).Draw(t, "missing") == 0
			count := rapid.Int32Range(1, 5).Draw(t, "count")
			for range count {
				single.Pods = append(single.Pods, p)
				single.Readings[0].Usage = append(single.Readings[0].Usage, u)
			}
			p.Count = count
			groups.Pods = append(groups.Pods, p)
			groups.Readings[0].Usage = append(groups.Readings[0].Usage, u)
		}
		for _, in := range []*hpa.Inputs{&groups, &single} {
			in.SpecReplicas, in.StatusReplicas = int32(len(single.Pods)), int32(len(single.Pods))
		}
		want := hpa.Sync(hpa.DefaultConfig(), s, single, &hpa.State{})
		require.Equal(t, want, hpa.Sync(hpa.DefaultConfig(), s, groups, &hpa.State{}))
	})
}
