package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func isTooShort(err error) bool { return errors.Is(err, ErrTooShort) }

func names(models []Named) []string {
	var out []string
	for _, m := range models {
		out = append(out, m.Name)
	}
	return out
}

func TestCandidates(t *testing.T) {
	base := []string{"naive", "holt"}
	withDay := append(slices.Clone(base), "seasonal-naive-1d", "envelope-1d", "holt-winters-1d")
	withWeek := append(slices.Clone(withDay), "seasonal-naive-1w", "envelope-1w", "holt-winters-1w")
	tests := []struct {
		step time.Duration
		n    int
		want []string
	}{
		{time.Minute, 2*1440 - 1, base},
		{time.Minute, 2 * 1440, withDay},
		{time.Minute, 2 * 10080, withWeek},
		{time.Hour, 400, withWeek},
		{7 * time.Minute, 100000, append(slices.Clone(base), "seasonal-naive-1w", "envelope-1w", "holt-winters-1w")}, // 1440 minutes are no multiple of 7
		{24 * time.Hour, 100, append(slices.Clone(base), "seasonal-naive-1w", "envelope-1w", "holt-winters-1w")},
		{time.Duration(0), 100, base},
	}
	for _, tt := range tests {
		want := append(slices.Clone(tt.want), "blend")
		assert.Equal(t, want, names(Candidates(tt.step, tt.n, 5)), "step %v, n %d", tt.step, tt.n)
	}
}

func TestAutoPrefersSeasonWhereThereIsOne(t *testing.T) {
	s := series(30*time.Minute, daily(48*20, 48, 3, 1)...)
	sel, err := Auto{Horizon: 6, Window: 3, Candidates: single(s, 6, 3)}.Select(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "holt-winters-1d", sel.Selected)
	assert.Contains(t, sel.Why, "below naive")
	assert.Greater(t, sel.Skill, 0.2)
	assert.InDelta(t, 0.95, sel.Score.WindowMax[0].Coverage, 0.05)
	assert.Equal(t, sel.Selected, sel.Score.Name)
}

func TestAutoPrefersNaiveOnRandomWalk(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	values := make([]float64, 2000)
	values[0] = 1000
	for i := 1; i < len(values); i++ {
		values[i] = max(0, values[i-1]+rng.NormFloat64())
	}
	s := series(30*time.Minute, values...)
	sel, err := Auto{Horizon: 6, Window: 3, Candidates: single(s, 6, 3)}.Select(t.Context(), s)
	require.NoError(t, err)
	assert.Equal(t, "naive", sel.Selected)
	assert.Zero(t, sel.Skill)
	assert.Contains(t, sel.Why, "no other candidate beats")
}

// single returns the candidates that are one model each.
func single(s Series, horizon, window int) []Named {
	models := candidates(s.Step, len(s.Values), horizon, window)
	return models[:len(models)-1]
}

func TestAutoBlends(t *testing.T) {
	values := daily(48*20, 48, 3, 1)
	for _, tt := range []struct {
		n              int
		selected, text string
	}{
		{48 * 20, "blend", "% below naive; one-sided coverage 0.9"},
		{48 * 2, "blend", "below naive"},
		{30, "naive", "naive: 30 values are too few"},
	} {
		sel, err := Auto{Horizon: 6, Window: 3}.Select(t.Context(), series(30*time.Minute, values[:tt.n]...))
		require.NoError(t, err)
		assert.Equal(t, tt.selected, sel.Selected)
		assert.Contains(t, sel.Why, tt.text)
		checkDistribution(t, sel.Forecast(6), 6)
	}
}

func TestAutoFallsBackAsHistoryShrinks(t *testing.T) {
	values := daily(24*60, 24, 3, 1)
	tests := []struct {
		n            int
		why          string
		skippedWeeks bool
	}{
		{24 * 15, "history too short for holt-winters-1w", true},
		{24 * 4, "", false},
		{17, "naive: 17 values are too few to compare candidates", false},
	}
	for _, tt := range tests {
		s := series(time.Hour, values[:tt.n]...)
		sel, err := Auto{Horizon: 6, Candidates: single(s, 6, 0)}.Select(t.Context(), s)
		require.NoError(t, err, "n = %d", tt.n)
		assert.Contains(t, sel.Why, tt.why, "n = %d", tt.n)
		checkDistribution(t, sel.Forecast(6), 6)
	}
	_, err := Auto{Horizon: 6}.Fit(t.Context(), series(time.Hour, values[:10]...))
	require.ErrorIs(t, err, ErrTooShort)
}

func TestAutoErrors(t *testing.T) {
	s := series(time.Hour, daily(400, 24, 1, 1)...)
	_, err := Auto{Quantile: 95}.Fit(t.Context(), s)
	require.ErrorContains(t, err, "quantile level must lie between 0 and 1, got 95")
	_, err = Auto{Budget: -1}.Fit(t.Context(), s)
	require.ErrorContains(t, err, "budget must not be negative")
	_, err = Auto{Candidates: []Named{}}.Fit(t.Context(), s)
	require.ErrorContains(t, err, "candidates is empty")
	_, err = Auto{Candidates: []Named{{"broken", SeasonalNaive{}}}}.Fit(t.Context(), s)
	require.ErrorContains(t, err, "candidate broken: forecast: seasons is empty")
	_, err = Auto{}.Fit(t.Context(), Series{})
	require.ErrorContains(t, err, "step must be positive")
}

// oracle forecasts fixed values with certainty.
type oracle struct{ value float64 }

func (o oracle) Fit(context.Context, Series) (Fitted, error) { return o, nil }
func (o oracle) Update(float64, []float64)                   {}
func (o oracle) Forecast(int) Distribution                   { return o }
func (o oracle) Mean(int) float64                            { return o.value }
func (o oracle) Quantile(int, float64) float64               { return o.value }
func (o oracle) MaxQuantile(int, int, float64) float64       { return o.value }

func TestBacktestByHand(t *testing.T) {
	// Fit on 1 2 4 7, test on 5 3 NaN 8 6 with horizon 2, stride 1: origins at 5, 3, NaN, 8, pairs
	// (5 3) (3 NaN) (NaN 8) (8 6). Forecast 5 always: |errors| 0 2 2 3 3 1, sum 11, Σy 33.
	s := series(time.Hour, 1, 2, 4, 7, 5, 3, nan, 8, 6)
	o := BacktestOptions{Horizon: 2, Window: 2, TestFraction: 5.0/9 + 1e-9, Quantiles: []float64{0.9}, Stride: 1}
	got, err := Backtest(t.Context(), s, Named{"five", oracle{5}}, o)
	require.NoError(t, err)
	const tol = 1e-12
	assert.Equal(t, "five", got.Name)
	assert.Equal(t, 4, got.Origins)
	assert.InDelta(t, 11.0/33, got.WAPE, tol)
	assert.InDelta(t, 11.0/6/2, got.MASE, tol) // mean |change| of 1 2 4 7 is 2
	assert.InDelta(t, 33.0/6, got.MeanActual, tol)
	// Above 5: 8 and 8 (0.9·3 each) and 6 (0.9); below: 3 and 3 (0.1·2 each); 5 costs nothing.
	assert.InDelta(t, (5.4+0.9+0.4)/6, got.Levels[0].Pinball, tol)
	assert.InDelta(t, 3.0/6, got.Levels[0].Coverage, tol)
	// Complete windows: (5 3) with maximum 5 and (8 6) with 8.
	assert.InDelta(t, 2.7/2, got.WindowMax[0].Pinball, tol)
	assert.InDelta(t, 0.5, got.WindowMax[0].Coverage, tol)
}

func TestBacktestErrors(t *testing.T) {
	s := series(time.Hour, daily(100, 24, 1, 1)...)
	for want, o := range map[string]BacktestOptions{
		"test fraction must lie between 0 and 1, got 1.5": {TestFraction: 1.5},
		"horizon must be at least 1 step, got -2":         {Horizon: -2},
		"window must be 1 to 4 steps":                     {Horizon: 4, Window: 9},
		"quantile level must lie between 0 and 1, got 1":  {Quantiles: []float64{1}},
		"stride and season must not be negative":          {Stride: -1},
		"the last 30 of 100 values hold no forecast":      {Horizon: 31},
	} {
		_, err := Backtest(t.Context(), s, Naive{Horizon: 2}, o)
		assert.ErrorContains(t, err, want)
	}
}

func TestBacktestDoesNotLookAhead(t *testing.T) {
	// What follows the first judged window must not matter to a backtest that judges only that one.
	values := daily(400, 24, 5, 1)
	changed := slices.Clone(values)
	for i := 290; i < len(changed); i++ {
		changed[i] = 1e6
	}
	o := BacktestOptions{Horizon: 4, Window: 4, Stride: 1000}
	a, err := Backtest(t.Context(), series(time.Hour, values...), HoltWinters{Season: 24, Horizon: 4}, o)
	require.NoError(t, err)
	b, err := Backtest(t.Context(), series(time.Hour, changed...), HoltWinters{Season: 24, Horizon: 4}, o)
	require.NoError(t, err)
	assert.Equal(t, a, b)
	assert.Equal(t, 1, a.Origins)
}

func TestPinball(t *testing.T) {
	for _, tt := range []struct{ y, q, p, want float64 }{{10, 8, 0.9, 1.8}, {8, 10, 0.9, 0.2}, {5, 5, 0.9, 0}} {
		assert.InDelta(t, tt.want, pinball(tt.y, tt.q, tt.p), 1e-12)
	}
}

func ExampleAuto() {
	// Ten days of hourly rates with a daily rhythm.
	values := make([]float64, 240)
	for i := range values {
		values[i] = 100 + 50*math.Sin(2*math.Pi*float64(i)/24) + float64(i*7%5)
	}
	history := Series{Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: time.Hour, Values: values}

	selection, err := Auto{Horizon: 6, Window: 2}.Select(context.Background(), history)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := selection.Forecast(6)
	fmt.Println(selection.Selected)
	fmt.Printf("next hour: mean %.0f, 0.95 quantile %.0f\n", d.Mean(1), d.Quantile(1, 0.95))
	fmt.Printf("maximum of the next six hours, 0.95 quantile: %.0f\n", d.MaxQuantile(1, 6, 0.95))

	selection.Update(104, nil) // an hour later
	// Output:
	// blend
	// next hour: mean 104, 0.95 quantile 106
	// maximum of the next six hours, 0.95 quantile: 154
}
