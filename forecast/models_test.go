package forecast

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPersistencePath(t *testing.T) {
	f := &persistence{}
	got := make([]float64, 2)
	for _, y := range []float64{3, 7, nan} {
		f.update(y)
	}
	f.path(got)
	assert.Equal(t, []float64{7, 7}, got)
}

func TestRepetitionPath(t *testing.T) {
	// Season 3: phases hold 4, 2, 6 after the gap at index 4 keeps the 2. Season 2: 6, 4 (index 6, 3).
	f := newRepetition([]int{3})
	for _, y := range []float64{1, 2, 3, 4, nan, 6} {
		f.update(y)
	}
	got := make([]float64, 4)
	f.path(got)
	assert.Equal(t, []float64{4, 2, 6, 4}, got)

	two := newRepetition([]int{2, 3})
	for _, y := range []float64{1, 2, 3, 4, 5, 6} {
		two.update(y)
	}
	two.path(got)
	assert.Equal(t, []float64{(5 + 4) / 2.0, (6 + 5) / 2.0, (5 + 6) / 2.0, (6 + 4) / 2.0}, got)
}

func TestRepetitionFillsUnseenPhaseWithNewestValue(t *testing.T) {
	f := newRepetition([]int{3})
	for _, y := range []float64{1, nan, 5} {
		f.update(y)
	}
	got := make([]float64, 3)
	f.path(got)
	assert.Equal(t, []float64{1, 5, 5}, got)
}

func TestEnvelopePath(t *testing.T) {
	// One season of 5 with a burst at phase 2; with a slack of 1 it is expected at phases 1 to 3.
	f := &envelope{repetition: newRepetition([]int{5}), slack: 1}
	for _, y := range []float64{1, 1, 9, 1, 2} {
		f.update(y)
	}
	got := make([]float64, 5)
	f.path(got)
	assert.Equal(t, []float64{2, 9, 9, 9, 2}, got)
}

func TestSeasonalSmoothingByHand(t *testing.T) {
	// One update from l = 10, b = 1, s = (2, -2), r = 0 with α = 0.5, β = 0.2, γ = 0.1 (which stands
	// above (1-α)/(k+1) in cycle 9), φ = 0.9, ρ = 0.5 and y = 14.9:
	// u = 14.9 - (10 + 0.9 + 2) = 2; l = 10.9 + 1 = 11.9; b = 0.9 + 0.4 = 1.3; s0 = 2.2;
	// r = 14.9 - 11.9 - 2.2 = 0.8.
	f := &seasonalSmoothing{
		smoothing: smoothing{alpha: 0.5, beta: 0.2, gamma: 0.1, phi: 0.9, rho: 0.5},
		level:     10, trend: 1, size: 100, spread: 100, season: []float64{2, -2}, cycle: 9,
	}
	f.update(14.9)
	const tol = 1e-12
	assert.InDelta(t, 11.9, f.level, tol)
	assert.InDelta(t, 1.3, f.trend, tol)
	assert.InDelta(t, 2.2, f.season[0], tol)
	assert.InDelta(t, 0.8, f.rest, tol)
	got := make([]float64, 2)
	f.path(got)
	assert.InDelta(t, 11.9+0.9*1.3-2+0.5*0.8, got[0], tol)
	assert.InDelta(t, 11.9+(0.9+0.81)*1.3+2.2+0.25*0.8, got[1], tol)

	f.update(nan) // time passes: l = 11.9 + 1.17, b = 1.17, r = 0.4
	assert.InDelta(t, 13.07, f.level, tol)
	assert.InDelta(t, 1.17, f.trend, tol)
	assert.InDelta(t, 0.4, f.rest, tol)
}

func TestSearchLossMatchesPath(t *testing.T) {
	// The closed form of the loss must agree with the recursion of path.
	values := daily(200, 24, 5, 3)
	leads := []int{1, 4, 9}
	s, err := newSmoothingSearch(values, 24, leads)
	require.NoError(t, err)
	p := coordinates{-2, -1, -1, 0, 1}.smoothing()
	f := s.filter(p)
	path := make([]float64, 9)
	sum, n := 0.0, 0.0
	for i, y := range values {
		f.update(y)
		if i < 24 {
			continue
		}
		f.path(path)
		for k, h := range leads {
			if i+h < len(values) {
				e := math.Abs(values[i+h]-path[h-1]) / s.delta[k]
				sum += min(e*e/2, huberBend*(e-huberBend/2)+1e9*max(0, huberBend-e))
				n++
			}
		}
	}
	assert.InEpsilon(t, sum/n, s.loss(p), 1e-9)
}

func TestConstantForecastsItself(t *testing.T) {
	values := slices.Repeat([]float64{42.5}, 200)
	for _, m := range allModels(24, 12) {
		d := mustFit(t, m, series(time.Hour, values...)).Forecast(20)
		tolerance := 0.0
		if m.Name == "blend" { // regressions by iteration
			tolerance = 1e-2
		}
		for _, p := range []float64{0.001, 0.5, 0.99, 0.9999} {
			assert.InDelta(t, 42.5, d.Quantile(3, p), tolerance, m.Name)
			assert.InDelta(t, 42.5, d.MaxQuantile(1, 20, p), tolerance, m.Name)
		}
		assert.InDelta(t, 42.5, d.Mean(12), tolerance+1e-9, m.Name)
	}
}

func TestUpdateEqualsRefit(t *testing.T) {
	// The state of models without fitted parameters does not depend on where Fit ended.
	values := daily(600, 48, 5, 1)
	values[300], values[555] = nan, nan
	for _, m := range []Named{
		{"naive", Naive{Horizon: 10}},
		{"seasonal-naive", SeasonalNaive{Seasons: []int{48, 96}, Horizon: 10}},
	} {
		whole := mustFit(t, m, series(30*time.Minute, values...)).Forecast(10)
		f := mustFit(t, m, series(30*time.Minute, values[:500]...))
		for _, y := range values[500:] {
			f.Update(y, nil)
		}
		updated := f.Forecast(10)
		for h := 1; h <= 10; h++ {
			assert.Equal(t, whole.Mean(h), updated.Mean(h), m.Name)
		}
	}
}

func TestScaleEquivariance(t *testing.T) {
	// Four times the values, a power of two, gives exactly four times the forecast.
	values := daily(400, 24, 8, 2)
	scaled := slices.Clone(values)
	for i := range scaled {
		scaled[i] *= 4
	}
	for _, m := range allModels(24, 6) {
		a := mustFit(t, m, series(time.Hour, values...)).Forecast(6)
		b := mustFit(t, m, series(time.Hour, scaled...)).Forecast(6)
		assert.Equal(t, 4*a.Mean(3), b.Mean(3), m.Name)
		assert.Equal(t, 4*a.MaxQuantile(1, 4, 0.95), b.MaxQuantile(1, 4, 0.95), m.Name)
	}
}

func TestShiftEquivariance(t *testing.T) {
	values := daily(400, 24, 8, 2)
	shifted := slices.Clone(values)
	for i := range shifted {
		shifted[i] += 64
	}
	for _, m := range allModels(24, 6) {
		a := mustFit(t, m, series(time.Hour, values...)).Forecast(6)
		b := mustFit(t, m, series(time.Hour, shifted...)).Forecast(6)
		// The mean of the envelope goes through the error scale, which knows the level, and Blend weighs levels.
		if m.Name != "envelope" && m.Name != "blend" {
			assert.InDelta(t, a.Mean(3)+64, b.Mean(3), 1e-6, m.Name)
		}
	}
}

func TestHoltWintersBeatsSeasonalNaiveOnNoise(t *testing.T) {
	s := series(time.Hour, daily(40*24, 24, 10, 5)...)
	o := BacktestOptions{Horizon: 6, Window: 2}
	hw, err := Backtest(t.Context(), s, HoltWinters{Season: 24, Horizon: 6, Window: 2}, o)
	require.NoError(t, err)
	sn, err := Backtest(t.Context(), s, SeasonalNaive{Seasons: []int{24}, Horizon: 6, Window: 2}, o)
	require.NoError(t, err)
	// Seasonal naive has twice the noise variance: sqrt(2) of the error of the true profile. The
	// smoothed profile keeps some noise of its own.
	assert.Less(t, hw.WAPE, 0.88*sn.WAPE)
	assert.Less(t, hw.WindowMax[1].Pinball, 0.92*sn.WindowMax[1].Pinball)
}

func TestFitErrors(t *testing.T) {
	good := daily(200, 24, 1, 1)
	withInf := slices.Clone(good)
	withInf[7] = math.Inf(1)
	negative := slices.Clone(good)
	negative[3], negative[4] = -1, -2
	gaps := slices.Repeat([]float64{nan}, 100)
	tests := []struct {
		name  string
		model Model
		s     Series
		want  string
		short bool
	}{
		{"empty", Naive{}, series(time.Minute), "series is empty", true},
		{"all missing", Naive{}, series(time.Minute, gaps...), "all 100 values are missing", true},
		{"infinite", Naive{}, series(time.Minute, withInf...), "value 7 is +Inf", false},
		{"negative", Naive{}, series(time.Minute, negative...), "value 3 is -1", false},
		{"huge", Naive{}, series(time.Minute, 1, 1e300), "value 1 is 1e+300", false},
		{"step", Naive{}, series(-time.Minute, good...), "step must be positive, got -1m0s", false},
		{"short", Naive{}, series(time.Minute, good[:30]...), "need at least 41 values for a horizon of 30 steps, got 30", true},
		{"horizon", Naive{Horizon: -1}, series(time.Minute, good...), "horizon must be at least 1", false},
		{"window", Naive{Horizon: 3, Window: 4}, series(time.Minute, good...), "window must be 1 to 3", false},
		{"no season", SeasonalNaive{}, series(time.Minute, good...), "seasons is empty", false},
		{"season of one", SeasonalNaive{Seasons: []int{1}}, series(time.Minute, good...), "want at least 2", false},
		{"season twice", SeasonalNaive{Seasons: []int{24, 24}}, series(time.Minute, good...), "given twice", false},
		{"slack", Envelope{Seasons: []int{24}, Slack: 12}, series(time.Minute, good...), "slack must be", false},
		{"season too long", SeasonalNaive{Seasons: []int{190}}, series(time.Minute, good...), "need at least 230", true},
		{"two seasons", HoltWinters{Season: 140}, series(time.Minute, good...), "need at least 2 seasons of 140 steps and 40 values more, got 1.4 seasons", true},
		{"evaluations", HoltWinters{Season: 24, Evaluations: -1}, series(time.Minute, good...), "evaluations must not be negative", false},
		{"regressors", Naive{}, Series{Step: time.Minute, Values: good, Regressors: [][]float64{{1}}}, "1 regressor rows for 200 values", false},
		{"gap at the end", Naive{Horizon: 5}, series(time.Minute, slices.Concat(good[:5], gaps)...), "free of long gaps", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.model.Fit(t.Context(), tt.s)
			require.ErrorContains(t, err, tt.want)
			assert.Equal(t, tt.short, isTooShort(err))
		})
	}
}

func TestCanceledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := series(time.Hour, daily(24*30, 24, 5, 1)...)
	for _, m := range append(allModels(24, 6), Named{"auto", Auto{Horizon: 6}}) {
		f, err := m.Fit(ctx, s)
		require.ErrorIs(t, err, context.Canceled, m.Name)
		assert.Nil(t, f, m.Name)
		_, err = Backtest(ctx, s, m, BacktestOptions{})
		require.ErrorIs(t, err, context.Canceled, m.Name)
	}
}

func TestAnyInputGivesFiniteOrderedForecastsOrAnError(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(
			rapid.Just(0.0), rapid.Just(nan), rapid.Just(1e100), rapid.Just(5e-324),
			rapid.Float64Range(0, 1e4), rapid.Float64Range(99, 101),
		)
		values := rapid.SliceOfN(value, 12, 120).Draw(rt, "values")
		m := rapid.SampledFrom(allModels(8, 5)).Draw(rt, "model")
		f, err := m.Fit(t.Context(), series(3*time.Hour, values...))
		if err != nil {
			return
		}
		for _, y := range rapid.SliceOfN(rapid.OneOf(value, rapid.Just(math.Inf(1)), rapid.Just(-1.0)), 0, 30).Draw(rt, "updates") {
			f.Update(y, nil)
		}
		checkDistribution(rt, f.Forecast(8), 8)
	})
}

// failer is what checkDistribution needs of a test.
type failer interface {
	Fatalf(format string, args ...any)
}

// checkDistribution fails unless results are finite, non-negative and monotone as documented.
func checkDistribution(t failer, d Distribution, steps int) {
	levels := []float64{0.01, 0.3, 0.5, 0.500001, 0.8, 0.9, 0.95, 0.99, 0.999, 0.99999}
	valid := func(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }
	for h := 1; h <= steps; h++ {
		if !valid(d.Mean(h)) {
			t.Fatalf("mean of step %d is %v", h, d.Mean(h))
		}
		lower, lowerMax := 0.0, 0.0
		for _, p := range levels {
			q, w := d.Quantile(h, p), d.MaxQuantile(1, h, p)
			if !valid(q) || !valid(w) {
				t.Fatalf("step %d level %v: quantile %v, of the maximum %v", h, p, q, w)
			}
			if q < lower || w < lowerMax {
				t.Fatalf("step %d level %v: quantiles cross: %v < %v or %v < %v", h, p, q, lower, w, lowerMax)
			}
			lower, lowerMax = q, w
			for k := 1; k <= h; k++ {
				if s := d.Quantile(k, p); w < s {
					t.Fatalf("level %v: maximum over 1..%d has %v, step %d has %v", p, h, w, k, s)
				}
			}
		}
	}
}

func FuzzForecast(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint8(1))
	for which := range uint8(24) {
		f.Add([]byte("a scheduled burst every now and then \xff\xfe and gaps and once more \xff a burst"), which)
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		values := make([]float64, min(len(data), 400))
		for i := range values {
			switch b := data[i]; b {
			case 255:
				values[i] = nan
			case 254:
				values[i] = 1e90
			default:
				values[i] = float64(b)
			}
		}
		models := slices.Concat(allModels(8, 4), regressionModels(8, 4), []Named{
			{"auto", Auto{Horizon: 4}}, {"events", dailyEvent(Naive{Horizon: 4})}, {"combination", Combination{Horizon: 4}},
		})
		m := models[int(which)%len(models)]
		fitted, err := m.Fit(t.Context(), series(3*time.Hour, values...))
		if err != nil {
			return
		}
		checkDistribution(t, fitted.Forecast(6), 6)
	})
}
