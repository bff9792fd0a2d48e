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

// smoothingModels are the models with a season of m steps that are not in allModels.
func smoothingModels(m, horizon int) []Named {
	return []Named{
		{"naive2", Naive2{Season: m, Horizon: horizon}},
		{"theta", Theta{Season: m, Horizon: horizon}},
		{"optimized-theta", OptimizedTheta{Season: m, Horizon: horizon}},
		{"dynamic-theta", OptimizedTheta{Season: m, Dynamic: true, Horizon: horizon}},
		{"ets", ETS{Season: m, Horizon: horizon, Evaluations: 120}},
		{"ets-trend", ETS{Form: "ZZN", MultiplicativeTrend: true, Horizon: horizon, Evaluations: 80}},
		{"combination-of-all", Combination{Members: append(pointModels(m, horizon), Named{"ets", ETS{Season: m, Horizon: horizon, Evaluations: 60}}), Horizon: horizon}},
	}
}

// pointModels are those of allModels that can be combined.
func pointModels(m, horizon int) []Named {
	return slices.DeleteFunc(allModels(m, horizon), func(n Named) bool { return n.Name == blendName })
}

func TestCombinationPrefersTheBetterMember(t *testing.T) {
	values := daily(24*30, 24, 2, 1)
	members := []Named{
		{"naive", Naive{Horizon: 24}},
		{"seasonal-naive", SeasonalNaive{Seasons: []int{24}, Horizon: 24}},
	}
	f := mustFit(t, Combination{Members: members, Horizon: 24}, series(time.Hour, values...))
	mix := f.(*calibrated).filter.(*mixture)
	last := mix.weights[len(mix.weights)-1]
	assert.Greater(t, last[1], 0.99, "at long leads only the season counts")
	assert.Greater(t, mix.weights[0][0], last[0], "persistence is better at short leads than at long ones")
	for _, w := range mix.weights {
		assert.InDelta(t, 1, w[0]+w[1], 1e-12)
	}
}

func TestCombinationOfOneIsThatOne(t *testing.T) {
	values := daily(24*20, 24, 5, 1)
	values[200] = nan
	s := series(time.Hour, values...)
	for _, m := range smoothingModels(24, 12)[:4] {
		alone := mustFit(t, m, s).Forecast(12)
		combined := mustFit(t, Combination{Members: []Named{m}, Horizon: 12}, s).Forecast(12)
		for h := 1; h <= 12; h++ {
			assert.Equal(t, alone.Mean(h), combined.Mean(h), m.Name)
			assert.Equal(t, alone.Quantile(h, 0.95), combined.Quantile(h, 0.95), m.Name)
		}
	}
}

func TestCombinationFollowsAChangeOfRegime(t *testing.T) {
	// Season first, then a constant level: seasonal naive was right and persistence is.
	values := slices.Concat(daily(24*20, 24, 1, 1), slices.Repeat([]float64{80}, 24*30))
	members := []Named{
		{"naive", Naive{Horizon: 12}},
		{"profile", HoltWinters{Season: 24, Horizon: 12}},
	}
	f := mustFit(t, Combination{Members: members, Horizon: 12}, series(time.Hour, values[:24*21]...))
	for _, y := range values[24*21:] {
		f.Update(y, nil)
	}
	assert.InDelta(t, 80, f.Forecast(12).Mean(12), 3)
}

func TestCombinationErrors(t *testing.T) {
	good := series(time.Hour, daily(300, 24, 1, 1)...)
	for _, tt := range []struct {
		m    Combination
		want string
	}{
		{Combination{Steepness: -1}, "steepness must be positive, got -1"},
		{Combination{Members: []Named{}}, "members is empty"},
		{Combination{Horizon: -1}, "horizon must be at least 1"},
		{Combination{Members: []Named{{"long", SeasonalNaive{Seasons: []int{400}}}}}, "member long: forecast: need at least one season of 400"},
		{Combination{Members: []Named{{"auto", Auto{Horizon: 6}}}, Horizon: 6}, "cannot be combined"},
		{Combination{Members: []Named{{"bad", ETS{Form: "XYZ"}}}}, "form \"XYZ\""},
	} {
		_, err := tt.m.Fit(t.Context(), good)
		require.ErrorContains(t, err, tt.want)
	}
	_, err := Combination{Horizon: 30}.Fit(t.Context(), series(time.Hour, 1, 2, 3, 4, 5))
	require.ErrorIs(t, err, ErrTooShort)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, m := range append(smoothingModels(24, 6), Named{"combination", Combination{Horizon: 6}}) {
		f, err := m.Fit(ctx, good)
		require.ErrorIs(t, err, context.Canceled, m.Name)
		assert.Nil(t, f, m.Name)
	}
}

func TestMembers(t *testing.T) {
	assert.Equal(t, []string{"naive", "holt", "ets", "dynamic-theta"}, names(Members(7*time.Minute, 500, 5, 2)))
	assert.Equal(t, []string{"naive", "seasonal-naive-1d", "holt-winters-1d", "card-1d"}, names(Members(time.Hour, 200, 5, 2)))
	assert.Equal(t, []string{
		"naive", "seasonal-naive-1d", "holt-winters-1d", "card-1d", "seasonal-naive-1w", "ets-1w", "double-seasonal", "card", "mstl",
	}, names(Members(time.Hour, 400, 5, 2)))
}

func TestNewModelsOnConstantsAndShortHistories(t *testing.T) {
	for _, m := range smoothingModels(24, 12) {
		d := mustFit(t, m, series(time.Hour, slices.Repeat([]float64{42.5}, 200)...)).Forecast(20)
		for _, p := range []float64{0.001, 0.5, 0.99, 0.9999} {
			assert.InDelta(t, 42.5, d.Quantile(3, p), 1e-6, m.Name)
			assert.InDelta(t, 42.5, d.MaxQuantile(1, 20, p), 1e-6, m.Name)
		}
		zero := mustFit(t, m, series(time.Hour, make([]float64, 200)...)).Forecast(20)
		assert.Zero(t, zero.MaxQuantile(1, 20, 0.999), m.Name)
		_, err := m.Fit(t.Context(), series(time.Hour, 1, 2, 3))
		require.ErrorIs(t, err, ErrTooShort, m.Name)
	}
}

func TestAnyInputOfNewModels(t *testing.T) {
	models := append(smoothingModels(8, 5), Named{"combination", Combination{Horizon: 5}})
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(
			rapid.Just(0.0), rapid.Just(nan), rapid.Just(1e100), rapid.Just(5e-324),
			rapid.Float64Range(0, 1e4), rapid.Float64Range(99, 101),
		)
		values := rapid.SliceOfN(value, 12, 120).Draw(rt, "values")
		m := rapid.SampledFrom(models).Draw(rt, "model")
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

func FuzzCombination(f *testing.F) {
	f.Add([]byte{}, uint8(0))
	f.Add(make([]byte, 60), uint8(4))
	f.Add([]byte("a scheduled burst every now and then \xff\xfe and gaps and once more \xff a burst"), uint8(6))
	models := append(smoothingModels(8, 4), Named{"combination", Combination{Horizon: 4}})
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
		fitted, err := models[int(which)%len(models)].Fit(t.Context(), series(3*time.Hour, values...))
		if err != nil {
			return
		}
		checkDistribution(t, fitted.Forecast(6), 6)
	})
}

func TestWidening(t *testing.T) {
	// Quantiles of Student's distribution with 10 and 30 degrees of freedom over the normal one, from
	// the usual tables: t(0.975) 2.228 and 2.042, z 1.960; t(0.99) 2.764, z 2.326.
	assert.InDelta(t, 2.228/1.960, widening(0.025, 10), 0.002)
	assert.InDelta(t, 2.042/1.960, widening(0.025, 30), 0.001)
	assert.InDelta(t, 2.764/2.326, widening(0.01, 10), 0.005)
	assert.Equal(t, widening(0.01, 3), widening(0.01, 0.5), "at least three errors")
	assert.InDelta(t, widening(0.05, 8), widening(0.95, 8), 1e-9, "both sides alike")
}

func BenchmarkCombination(b *testing.B) {
	s := series(time.Hour, daily(800, 24, 5, 1)...)
	b.Run("fit/n=800", func(b *testing.B) {
		for b.Loop() {
			mustFit(b, Combination{Horizon: 48}, s)
		}
	})
	b.Run("update+path/horizon=60", func(b *testing.B) {
		f := mustFit(b, Combination{Horizon: 60}, s)
		b.ReportAllocs()
		for b.Loop() {
			f.Update(100, nil)
		}
	})
}
