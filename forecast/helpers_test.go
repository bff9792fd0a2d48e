package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var nan = math.NaN()

// series wraps values at a step, starting at a fixed midnight.
func series(step time.Duration, values ...float64) Series {
	return Series{Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: step, Values: values}
}

// daily returns n values with a daily sine of amplitude 40 around 100 and normal noise.
func daily(n, season int, noise float64, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n)
	for i := range values {
		v := 100 + 40*math.Sin(2*math.Pi*float64(i)/float64(season)) + noise*rng.NormFloat64()
		values[i] = max(v, 0)
	}
	return values
}

// allModels are the models with a season of m steps.
func allModels(m, horizon int) []Named {
	return []Named{
		{"naive", Naive{Horizon: horizon}},
		{"holt", HoltWinters{Horizon: horizon}},
		{"seasonal-naive", SeasonalNaive{Seasons: []int{m, 2 * m}, Horizon: horizon}},
		{"envelope", Envelope{Seasons: []int{m}, Slack: 1, Horizon: horizon}},
		{"holt-winters", HoltWinters{Season: m, Horizon: horizon}},
		{"blend", Blend{Horizon: horizon}},
	}
}

func mustFit(t testing.TB, m Model, s Series) Fitted {
	t.Helper()
	f, err := m.Fit(t.Context(), s)
	require.NoError(t, err)
	return f
}

// coverage updates f through the values and returns the share of window maxima at or below the
// quantile, over windows that do not overlap and begin at index from or later.
func coverage(f Fitted, values []float64, window int, p float64, from int) float64 {
	covered, n := 0.0, 0.0
	for i := 0; i+window <= len(values); i++ {
		if y := windowMax(values[i : i+window]); i >= from && i%window == 0 && y == y {
			n++
			if y <= f.Forecast(window).MaxQuantile(1, window, p) {
				covered++
			}
		}
		f.Update(values[i], nil)
	}
	return covered / n
}
