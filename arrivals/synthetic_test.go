package arrivals

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSyntheticShape(t *testing.T) {
	o := SyntheticOptions{Start: epoch, Days: 7, WeekendFactor: 0.2}
	tr, err := Synthetic(o)
	require.NoError(t, err)
	require.NoError(t, tr.Validate())
	assert.Equal(t, 7*24*60, tr.Len())
	at := func(day int, clock time.Duration) float64 {
		i, ok := tr.Index(epoch.AddDate(0, 0, day).Add(clock))
		require.True(t, ok)
		return tr.Rate[i]
	}
	const tol = 0.5 // requests/s of 100; the logistic tails of rise and fall reach into each other a little
	assert.InDelta(t, 20, at(0, 3*time.Hour), tol, "night is the base")
	assert.InDelta(t, 70, at(0, 8*time.Hour), 1.9, "half way up at opening; half a minute is worth 1.83 there")
	assert.InDelta(t, 30, at(0, 8*time.Hour-15*time.Minute), 1.5, "10 %% of the rise, half a rise time before")
	assert.InDelta(t, 110, at(0, 8*time.Hour+15*time.Minute), 1.5, "90 %% of the rise, half a rise time after")
	assert.InDelta(t, 120, at(0, 13*time.Hour), tol, "noon is base and amplitude")
	assert.InDelta(t, 70, at(0, 18*time.Hour), 1, "half way down at closing")
	assert.InDelta(t, 40, at(5, 13*time.Hour), tol, "a Saturday has a fifth of the amplitude")
	for i := 1; i < tr.Len(); i++ {
		assert.LessOrEqual(t, math.Abs(tr.Rate[i]-tr.Rate[i-1]), 8.0, "no jumps, at midnight neither (%s)", tr.Time(i))
	}
}

func TestSyntheticNoise(t *testing.T) {
	// A flat hour of the night repeated: the counts of 2000 buckets estimate mean and variance. The standard error
	// of a variance ratio over n samples is about ratio*sqrt(2/n), 3 % here, so 15 % is five of them; a little more
	// for the heavier tail at 5.
	for _, noise := range []float64{1, 5} {
		o := SyntheticOptions{Start: epoch, Days: 20, Step: 6 * time.Minute, Base: 1, Noise: noise, Seed: 7}
		clean := o
		clean.Noise = 0
		noisy, err := Synthetic(o)
		require.NoError(t, err)
		expected, err := Synthetic(clean)
		require.NoError(t, err)
		var n, sum, squares float64
		for i, r := range noisy.Rate {
			mean := expected.Rate[i] * 360
			count := r * 360
			require.InDelta(t, math.Round(count), count, 1e-6, "counts are whole")
			n++
			sum += (count - mean) / math.Sqrt(mean)
			squares += (count - mean) * (count - mean) / mean
		}
		assert.InDelta(t, 0, sum/n, 5*math.Sqrt(noise/n))
		assert.InEpsilon(t, noise, squares/n, 0.2)
	}
}

func TestSyntheticIsDeterministic(t *testing.T) {
	o := SyntheticOptions{Start: epoch, Days: 2, Noise: 2, Seed: 1}
	a, err := Synthetic(o)
	require.NoError(t, err)
	b, err := Synthetic(o)
	require.NoError(t, err)
	requireEqual(t, a, b)
	o.Seed = 2
	c, err := Synthetic(o)
	require.NoError(t, err)
	assert.False(t, a.Equal(c))
}

func TestSyntheticReportsEveryBadOption(t *testing.T) {
	_, err := Synthetic(SyntheticOptions{
		Step: 2 * time.Hour, Days: -1, Base: -1, DailyAmplitude: nan, WeekendFactor: 2,
		OpenAt: 20 * time.Hour, RiseTime: -1, Noise: 0.5,
	})
	require.Error(t, err)
	for _, want := range []string{
		"start: must be given", "step 2h0m0s", "-1 days", "base -1", "daily amplitude NaN", "weekend factor 2",
		"open at 20h0m0s, close at 18h0m0s", "rise time -1ns", "noise 0.5: must be 0, or in [1, 1e6]",
	} {
		assert.ErrorContains(t, err, want)
	}
	_, err = Synthetic(SyntheticOptions{Start: epoch, Step: time.Second, Days: 1000})
	require.ErrorContains(t, err, "1000 days: must be 1 to 36500 and make at most 16777216 buckets")
}

// TestSyntheticAtCoarseSteps guards against a bound that overflowed for steps of minutes and more.
func TestSyntheticAtCoarseSteps(t *testing.T) {
	for _, step := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour} {
		trace, err := Synthetic(SyntheticOptions{Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Step: step, Days: 8})
		require.NoError(t, err, "step %s", step)
		require.Equal(t, 8*24*time.Hour, time.Duration(trace.Len())*step)
	}
}
