package hpa

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scan is what history is to be: upstream's scan over all recommendations.
func scan(all []Recommendation, s spans, now time.Duration, proposed int32) (lowest, highest int32, _ []Recommendation) {
	lowest, highest = proposed, proposed
	reuse := -1
	for i, r := range all {
		if r.At >= now-s.up {
			lowest = min(lowest, r.Replicas)
		}
		if r.At >= now-s.down {
			highest = max(highest, r.Replicas)
		}
		if r.At < now-s.keep {
			reuse = i
		}
	}
	r := Recommendation{At: now, Replicas: proposed}
	if reuse < 0 {
		return lowest, highest, append(all, r)
	}
	all[reuse] = r
	return lowest, highest, all
}

// TestHistoryAgainstScan compares the quick history with the naive one, place by place, also when windows change.
func TestHistoryAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h history
		var quick, naive []Recommendation
		now := time.Duration(0)
		span := rapid.Custom(func(t *rapid.T) spans {
			up := rapid.SampledFrom([]time.Duration{0, 15, 30, 100}).Draw(t, "up")
			down := rapid.SampledFrom([]time.Duration{0, 1, 30, 60, 300}).Draw(t, "down")
			return spans{up: up - 1, down: down - 1, keep: max(up, down)}
		})
		s := span.Draw(t, "spans")
		for range rapid.IntRange(1, 200).Draw(t, "syncs") {
			now += rapid.SampledFrom([]time.Duration{15, 15, 15, 15, 0, 7, 90, 400}).Draw(t, "step")
			if rapid.IntRange(0, 19).Draw(t, "change") == 0 {
				s = span.Draw(t, "spans")
			}
			proposed := rapid.Int32Range(0, 9).Draw(t, "proposed")
			lowest, highest := h.observe(&quick, s, now, proposed)
			wantLowest, wantHighest, all := scan(naive, s, now, proposed)
			naive = all
			require.Equal(t, wantLowest, lowest)
			require.Equal(t, wantHighest, highest)
			require.Equal(t, naive, quick)
		}
	})
}

func TestStabilizationWithoutBehavior(t *testing.T) {
	c := Config{DownscaleStabilization: time.Minute}
	var st State
	for i, test := range []struct{ at, proposed, want int32 }{
		{0, 10, 10},
		{15, 4, 10},
		{30, 5, 10},
		{60, 3, 10}, // exactly as old as the window still counts
		{61, 3, 5},
		{75, 3, 5},
		{91, 2, 3},
		{92, 8, 8}, // up at once
	} {
		got := st.stabilize(&c, time.Duration(test.at)*time.Second, test.proposed)
		assert.Equal(t, test.want, got, "%d", i)
	}
	assert.Len(t, st.Recommendations, 5, "three old ones were overwritten")
}

func TestStabilizationBothWays(t *testing.T) {
	const up, down = 30 * time.Second, time.Minute
	for _, test := range []struct {
		name              string
		recent            []Recommendation
		current, proposed int32
		want              int32
	}{
		{"nothing before", nil, 5, 9, 9},
		{"the lowest of the last up", []Recommendation{{at(10), 7}, {at(20), 8}}, 5, 9, 7},
		{"older than up does not count", []Recommendation{{at(30), 6}, {at(20), 8}}, 5, 9, 8},
		{"not below current while going up", []Recommendation{{at(10), 3}}, 5, 9, 5},
		{"the highest of the last down", []Recommendation{{at(50), 4}, {at(20), 3}}, 5, 2, 4},
		{"exactly as old as down does not count", []Recommendation{{at(60), 4}, {at(20), 3}}, 5, 2, 3},
		{"not above current while going down", []Recommendation{{at(20), 9}}, 5, 2, 5},
		{"down and up within the windows", []Recommendation{{at(10), 2}, {at(5), 9}}, 5, 5, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := State{Recommendations: test.recent}
			assert.Equal(t, test.want, st.stabilizeBothWays(now, up, down, test.current, test.proposed))
		})
	}
}

// now is late enough for any window, and at returns the time so many seconds before it.
const now = 2 * time.Hour

func at(seconds int) time.Duration { return now - time.Duration(seconds)*time.Second }

// TestRestart proves that after a restart of the controller nothing is scaled down for the length of the window: the
// history is seeded with the replicas there are.
func TestRestart(t *testing.T) {
	s := Spec{MinReplicas: 1, MaxReplicas: 100, Metrics: []MetricSpec{{Name: "rate", Target: AverageValue(1)}}}
	for _, behavior := range []*Behavior{nil, {}} {
		s.Behavior = behavior
		c := DefaultConfig()
		st := State{Recommendations: []Recommendation{{0, 3}}}
		st.RestartController()
		const start = time.Hour
		in := Inputs{SpecReplicas: 20, StatusReplicas: 20, Readings: []Reading{NewReading(5)}}
		downAt := time.Duration(0)
		for in.Now = start; downAt == 0; in.Now += c.SyncPeriod {
			if d := Sync(c, &s, in, &st); d.Rescale {
				assert.Equal(t, int32(5), d.Desired)
				downAt = in.Now - start
			} else {
				assert.Equal(t, BoundByStabilization, d.Bound())
				assert.Equal(t, ScaleDownStabilized, d.Conditions.AbleToScale.Reason)
			}
		}
		want := 5*time.Minute + c.SyncPeriod // without a Behavior the end of the window counts
		if behavior != nil {
			want = 5 * time.Minute
		}
		assert.Equal(t, want, downAt)
	}
}
