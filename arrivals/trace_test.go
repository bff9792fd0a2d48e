package arrivals

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	nan   = math.NaN()
	epoch = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC) // a Monday
)

func minutes(rate ...float64) Trace { return Trace{Start: epoch, Step: time.Minute, Rate: rate} }

func minute(m float64) time.Time { return epoch.Add(time.Duration(m * float64(time.Minute))) }

// requireEqual compares with missing equal to missing, and shows both traces when they differ.
func requireEqual(t require.TestingT, want, got Trace) {
	require.True(t, want.Equal(got), "want %v\ngot  %v", want, got)
}

func TestTraceTimesAndIndexes(t *testing.T) {
	tr := minutes(1, 2, 3)
	assert.Equal(t, 3, tr.Len())
	assert.Equal(t, minute(3), tr.End())
	assert.Equal(t, minute(-1), tr.Time(-1))
	for _, c := range []struct {
		at float64
		i  int
		ok bool
	}{
		{at: 0, i: 0, ok: true},
		{at: 0.99, i: 0, ok: true},
		{at: 1, i: 1, ok: true},
		{at: 2.5, i: 2, ok: true},
		{at: 3},
		{at: -0.01},
		{at: -1},
	} {
		i, ok := tr.Index(minute(c.at))
		assert.Equal(t, c.ok, ok, "minute %v", c.at)
		assert.Equal(t, c.i, i, "minute %v", c.at)
	}
	_, ok := Trace{}.Index(epoch)
	assert.False(t, ok)
	assert.Equal(t, epoch, minutes().End())
}

func TestSliceKeepsWholeBuckets(t *testing.T) {
	tr := minutes(0, 1, 2, 3, 4)
	for _, c := range []struct {
		from, to float64
		want     []float64
	}{
		{0, 5, []float64{0, 1, 2, 3, 4}},
		{-9, 99, []float64{0, 1, 2, 3, 4}},
		{1, 3, []float64{1, 2}},
		{0.5, 3.5, []float64{1, 2}},
		{1.2, 1.8, nil},
		{3, 1, nil},
		{7, 9, nil},
		{-3, -1, nil},
	} {
		got := tr.Slice(minute(c.from), minute(c.to))
		assert.Equal(t, len(c.want), got.Len(), "[%v, %v]", c.from, c.to)
		for i, r := range c.want {
			assert.Equal(t, r, got.Rate[i], "[%v, %v]", c.from, c.to)
			assert.Equal(t, minute(r), got.Time(i), "rates are numbered by their minute")
		}
	}
	// Times beyond the range of a Duration saturate instead of wrapping around.
	requireEqual(t, tr, tr.Slice(time.Time{}, epoch.AddDate(5000, 0, 0)))
}

func TestSliceCannotOverwriteItsSource(t *testing.T) {
	tr := minutes(1, 2, 3)
	part := tr.Slice(minute(0), minute(1))
	part.Rate = append(part.Rate, 99)
	assert.Equal(t, []float64{1, 2, 3}, tr.Rate)
	assert.Equal(t, []float64{1, 99}, part.Rate)
}

func TestMissingIsNeverZero(t *testing.T) {
	tr := minutes(nan, 4, nan, 2, nan)
	end, rate, ok := tr.LastObserved()
	require.True(t, ok)
	assert.Equal(t, minute(4), end)
	assert.Equal(t, 2.0, rate)
	assert.Equal(t, 2, tr.Observed())
	assert.Equal(t, 4.0, tr.Max(epoch, tr.End()))
	assert.Equal(t, 2.0, tr.Max(minute(2), tr.End()))
	assert.True(t, math.IsNaN(tr.Max(minute(2), minute(3))))
	assert.True(t, math.IsNaN(tr.Max(minute(9), minute(10))))
	requireEqual(t, Trace{Start: minute(1), Step: time.Minute, Rate: []float64{4, nan, 2}}, tr.TrimMissing())
	requireEqual(t, minutes(nan, 8, nan, 4, nan), tr.Scale(2))
	assert.Equal(t, 4.0, tr.Rate[1], "Scale copies")

	_, _, ok = minutes(nan, nan).LastObserved()
	assert.False(t, ok)
	assert.Zero(t, minutes(nan, nan).TrimMissing().Len())
	assert.True(t, math.IsNaN(minutes().Max(epoch, minute(1))))
}

func TestShiftAndTrimBefore(t *testing.T) {
	tr := minutes(1, 2, 3)
	assert.Equal(t, minute(10), tr.Shift(10*time.Minute).Start)
	assert.Equal(t, []float64{2, 3}, tr.TrimBefore(minute(0.5)).Rate)
	assert.Equal(t, minute(1), tr.TrimBefore(minute(1)).Start)
	assert.Zero(t, tr.TrimBefore(minute(9)).Len())
	requireEqual(t, tr, tr.TrimBefore(minute(-9)))
}

func TestMerge(t *testing.T) {
	at := func(m float64, rate ...float64) Trace {
		return Trace{Start: minute(m), Step: time.Minute, Rate: rate}
	}
	for name, c := range map[string]struct{ old, newer, want Trace }{
		"newer wins":              {at(0, 1, 2, 3), at(1, 20, 30, 40), at(0, 1, 20, 30, 40)},
		"missing does not win":    {at(0, 1, 2, 3), at(1, nan, 30), at(0, 1, 2, 30)},
		"gap becomes missing":     {at(0, 1), at(3, 4), at(0, 1, nan, nan, 4)},
		"newer reaches back":      {at(2, 3), at(0, 1, nan, nan), at(0, 1, nan, 3)},
		"newer lies before":       {at(3, 4), at(0, 1), at(0, 1, nan, nan, 4)},
		"newer inside":            {at(0, 1, 2, 3), at(1, 9), at(0, 1, 9, 3)},
		"old empty":               {Trace{}, at(1, 5), at(1, 5)},
		"newer empty":             {at(1, 5), Trace{}, at(1, 5)},
		"adjacent and both short": {at(0, 1), at(1, 2), at(0, 1, 2)},
	} {
		got, err := c.old.Merge(c.newer)
		require.NoError(t, err, name)
		requireEqual(t, c.want, got)
	}
	old := at(0, 1, 2)
	got, err := old.Merge(at(1, 9))
	require.NoError(t, err)
	got.Rate[0] = 77
	assert.Equal(t, []float64{1, 2}, old.Rate, "Merge copies")
}

func TestMergeRefuses(t *testing.T) {
	_, err := minutes(1).Merge(Trace{Start: epoch, Step: time.Hour, Rate: []float64{1}})
	require.EqualError(t, err, "arrivals: merge a trace of step 1m0s with one of step 1h0m0s: must be equal and positive")
	_, err = minutes(1).Merge(Trace{Start: minute(0.5), Step: time.Minute, Rate: []float64{1}})
	require.ErrorContains(t, err, "must differ by a whole number of steps of 1m0s")
	_, err = minutes(1).Merge(minutes(1).Shift(100 * 365 * 24 * time.Hour))
	require.ErrorContains(t, err, "must be at most 16777216")
}

func TestMergeOfPagesIsTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := drawTrace(t)
		cut := rapid.IntRange(0, whole.Len()).Draw(t, "cut")
		overlap := rapid.IntRange(0, cut).Draw(t, "overlap")
		a, b := whole.cut(0, cut), whole.cut(cut-overlap, whole.Len())
		for _, pair := range [][2]Trace{{a, b}, {b, a}} {
			got, err := pair[0].Merge(pair[1])
			require.NoError(t, err)
			requireEqual(t, whole, got)
		}
	})
}

func drawTrace(t *rapid.T) Trace {
	value := rapid.OneOf(rapid.Just(nan), rapid.Float64Range(0, 1e6))
	return Trace{
		Start: epoch.Add(time.Duration(rapid.IntRange(-1e6, 1e6).Draw(t, "start")) * time.Second),
		Step:  time.Duration(rapid.IntRange(1, 4000).Draw(t, "step")) * time.Second,
		Rate:  rapid.SliceOfN(value, 2, 60).Draw(t, "rate"),
	}
}

func TestValidateNamesTheBucket(t *testing.T) {
	require.NoError(t, minutes(0, nan, 1).Validate())
	require.EqualError(t, minutes(0, -1).Validate(),
		"arrivals: bucket 1 (2026-03-02T00:01:00Z): rate -1: must be in [0, 1e+18] or missing (NaN)")
	require.ErrorContains(t, minutes(math.Inf(1)).Validate(), "rate +Inf")
	require.EqualError(t, Trace{}.Validate(), "arrivals: step 0s: must be positive")
}
