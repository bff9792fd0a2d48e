package arrivals

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestConstant(t *testing.T) {
	c := Constant{ArrivalRatePerSecond: 2.5}
	assert.Equal(t, 2.5, c.Rate(0))
	assert.Equal(t, 2.5, c.Rate(time.Hour))
	assert.Equal(t, 150.0, c.Cumulative(time.Minute))
	assert.Zero(t, c.Rate(-1))
	assert.Zero(t, c.Cumulative(-time.Minute))
}

func TestReplayFillsMissingBuckets(t *testing.T) {
	r, err := Replay(minutes(nan, 1, nan, nan, 4, nan))
	require.NoError(t, err)
	// Ends repeat their neighbor; the gap of two lies on the line from 1 to 4.
	for i, want := range []float64{1, 1, 2, 3, 4, 4} {
		at := time.Duration(i)*time.Minute + 30*time.Second
		assert.InDelta(t, want, r.Rate(at), 1e-12)
		assert.Equal(t, i == 1 || i == 4, r.Observed(at), "bucket %d", i)
	}
	assert.Equal(t, 6*time.Minute, r.Duration())
	assert.InDelta(t, 60.0*15, r.Cumulative(time.Hour), 1e-9)
	assert.InDelta(t, 60.0*(1+1+1), r.Cumulative(150*time.Second), 1e-9)
	assert.Zero(t, r.Rate(-1))
	assert.Zero(t, r.Rate(6*time.Minute))
	assert.Zero(t, r.Cumulative(0))
	assert.False(t, r.Observed(time.Hour))
}

func TestReplayRefuses(t *testing.T) {
	_, err := Replay(minutes(nan, nan))
	require.EqualError(t, err, "arrivals: replay a trace without a single observed bucket: need at least 1")
	_, err = Replay(minutes())
	require.Error(t, err)
	_, err = Replay(minutes(1, -2))
	require.ErrorContains(t, err, "bucket 1 (2026-03-02T00:01:00Z): rate -2")
	assert.Zero(t, Replayed{}.Rate(0))
	assert.Zero(t, Replayed{}.Cumulative(time.Hour))
}

// TestCumulativeIsTheIntegralOfRate compares with a naive sum over the buckets, and checks that Cumulative never
// decreases.
func TestCumulativeIsTheIntegralOfRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTrace(t)
		if tr.Observed() == 0 {
			tr.Rate[0] = 1
		}
		r, err := Replay(tr)
		require.NoError(t, err)
		at := time.Duration(rapid.Int64Range(0, int64(r.Duration())+int64(time.Hour)).Draw(t, "at"))
		var want float64
		for i := range tr.Rate {
			lo := time.Duration(i) * tr.Step
			if part := min(at, lo+tr.Step) - lo; part > 0 {
				want += r.Rate(lo) * part.Seconds()
			}
		}
		require.InDelta(t, want, r.Cumulative(at), 1e-9*(1+want))
		later := at + time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "later"))
		require.GreaterOrEqual(t, r.Cumulative(later), r.Cumulative(at))
	})
}

func TestCumulativeKeepsSmallArrivalsOfLongTraces(t *testing.T) {
	tr := Trace{Start: epoch, Step: time.Second, Rate: make([]float64, 1<<20)}
	for i := range tr.Rate {
		tr.Rate[i] = 0.1
	}
	tr.Rate[0] = 1e12
	r, err := Replay(tr)
	require.NoError(t, err)
	want := 1e12 + 0.1*(1<<20-1)
	assert.InDelta(t, want, r.Cumulative(r.Duration()), math.Nextafter(want, 2*want)-want)
}

func BenchmarkReplayedCumulative(b *testing.B) {
	tr, err := Synthetic(SyntheticOptions{Start: epoch, Days: 28})
	require.NoError(b, err)
	r, err := Replay(tr)
	require.NoError(b, err)
	b.Run("buckets=40320", func(b *testing.B) {
		var at time.Duration
		for b.Loop() {
			r.Cumulative(at)
			at = (at + 7919*time.Second) % r.Duration()
		}
	})
}
