package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestScheduledSpikeIsAheadOfItsMinute(t *testing.T) {
	// Three weeks of one-minute rates around 100 with a spike of twenty times that at 02:00, five minutes
	// long and up to a minute early or late; then a week in which the window's quantile is asked for three
	// minutes before every spike.
	const window, week, spike = 5, 7 * 1440, 20
	up, asked, height, quiet, calm := 0, 0, 0.0, 0.0, 0.0
	rng := rand.New(rand.NewPCG(4, 9))
	values := make([]float64, 4*week)
	ahead := map[int]bool{} // index of the first value after the origin
	for i := range values {
		values[i] = max(0, 100+10*rng.NormFloat64())
	}
	for day := range 28 {
		start := day*1440 + 120 + rng.IntN(3) - 1
		ahead[start-2] = true
		for k := range 5 {
			values[start+k] *= spike
		}
	}
	f := mustFit(t, Auto{Horizon: window, Window: window}, series(time.Minute, values[:3*week]...))
	for i := 3 * week; i < 4*week; i++ {
		switch {
		case ahead[i]:
			q := f.Forecast(window).MaxQuantile(1, window, 0.95)
			asked++
			height += q / (100 * spike)
			if q >= 0.9*100*spike {
				up++
			}
		case i%1440 >= 720 && i%60 == 0:
			quiet += f.Forecast(window).MaxQuantile(1, window, 0.95) / 100
			calm++
		}
		f.Update(values[i], nil)
	}
	assert.Equal(t, 7, asked)
	assert.Equal(t, asked, up)
	assert.Less(t, height/float64(asked), 1.5, "overshoot")
	assert.Less(t, quiet/calm, 2.0, "quantile at quiet times")
}

func TestBlendIsNoWorseThanPersistence(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	walk := make([]float64, 2000)
	walk[0] = 1000
	for i := 1; i < len(walk); i++ {
		walk[i] = max(0, walk[i-1]+rng.NormFloat64())
	}
	for name, s := range map[string]Series{
		"random walk": series(30*time.Minute, walk...),
		"daily":       series(30*time.Minute, daily(2000, 48, 5, 3)...),
	} {
		scores, err := CapacityBacktest(t.Context(), s, Blend{Horizon: 4, Window: 2}, CapacityOptions{Windows: []int{2, 4}})
		require.NoError(t, err)
		for _, score := range scores {
			assert.Greater(t, score.Skill(), -0.08, "%s window %d level %v", name, score.Window, score.Quantile)
		}
	}
}

func TestBlendCoversWindowsBetweenAnchors(t *testing.T) {
	values := daily(36*48, 48, 10, 6)
	f := mustFit(t, Blend{Horizon: 12, Window: 4}, series(30*time.Minute, values[:24*48]...))
	windows := [][2]int{{1, 1}, {3, 3}, {1, 7}, {3, 4}, {5, 12}}
	covered := make([]float64, len(windows))
	n := 0.0
	for i := 24 * 48; i+12 <= len(values); i++ {
		d := f.Forecast(12)
		for k, w := range windows {
			if windowMax(values[i+w[0]-1:i+w[1]]) <= d.MaxQuantile(w[0], w[1], 0.9) {
				covered[k]++
			}
		}
		n++
		f.Update(values[i], nil)
	}
	for k, w := range windows {
		assert.InDelta(t, 0.9, covered[k]/n, 0.06, "window %v", w)
	}
}

func TestBlendUpdateDoesNotAllocate(t *testing.T) {
	values := daily(20*48, 48, 5, 1)
	f := mustFit(t, Blend{Horizon: 8}, series(30*time.Minute, values...))
	i := 0
	assert.Zero(t, testing.AllocsPerRun(300, func() {
		f.Update(values[i%len(values)], nil)
		i++
	}))
}

func TestBlendSurvivesExtremes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(rapid.Just(0.0), rapid.Just(nan), rapid.Just(MaxValue), rapid.Just(5e-324), rapid.Float64Range(0, 1e4))
		values := rapid.SliceOfN(value, 30, 70).Draw(rt, "values")
		f, err := Auto{Horizon: 5, Window: 3}.Fit(t.Context(), series(3*time.Hour, values...))
		if err != nil {
			return
		}
		for _, y := range rapid.SliceOfN(value, 0, 30).Draw(rt, "updates") {
			f.Update(y, nil)
		}
		checkDistribution(rt, f.Forecast(8), 8)
	})
}

func TestQuantileRegressionFindsNonNegativeWeights(t *testing.T) {
	// y = 3 + 2 x + noise that is uniform on (0, 1) times x: the p-quantile is 3 + (2+p) x. The third
	// regressor is noise, the fourth would need a negative weight.
	rng := rand.New(rand.NewPCG(1, 7))
	var rows []*regressionRow
	for range 4000 {
		x := 1 + 9*rng.Float64()
		rows = append(rows, &regressionRow{x: []float64{1, x, rng.Float64(), 10 - x}, y: 3 + 2*x + x*rng.Float64(), weight: 1})
	}
	for _, p := range []float64{0.5, 0.9} {
		beta := newQuantileRegression(rows).fit(p, 4, nil)
		for _, x := range []float64{2, 5, 9} {
			assert.InEpsilon(t, 3+(2+p)*x, dot(beta, []float64{1, x, 0.5, 10 - x}), 0.03, "level %v at %v", p, x)
		}
		for _, b := range beta {
			assert.GreaterOrEqual(t, b, 0.0)
		}
	}
}

func TestAggregationFollowsTheBestExpert(t *testing.T) {
	// Standard normal values; the second expert is right, the others are too low and far too high.
	rng := rand.New(rand.NewPCG(8, 8))
	a := newAggregation(0.9, 1, 3)
	q := []float64{0, 1.2816, 6}
	covered := 0.0
	for i := range 6000 {
		y := rng.NormFloat64()
		if i >= 1000 && y <= a.combine(q) {
			covered++
		}
		a.observe(q, y, 1, 1, 1)
	}
	assert.InDelta(t, 1.2816, a.combine(q), 0.25)
	assert.InDelta(t, 0.9, covered/5000, 0.01)
}

func TestAnchors(t *testing.T) {
	assert.Equal(t, []int{1, 3, 5, 10}, anchorsFor(10, 5))
	assert.Equal(t, []int{1}, anchorsFor(1, 1))
	assert.Equal(t, []int{1, 2}, anchorsFor(2, 2))
	assert.Equal(t, []int{1, 3, 5, 16, 39, 60}, anchorsFor(60, 5))
}

func TestYardsticksByHand(t *testing.T) {
	// Steps of six hours: a day is 4 steps, a week 28. Values count up, so persistence errs by the window.
	y := newYardsticks(6*time.Hour, []int{2})
	for i := range 60 {
		y.update(float64(i))
	}
	assert.Equal(t, [len4]float64{59, 57, 33, 59}, y.points(2))
	assert.Equal(t, 61.0, y.quantile(0, 0, 0.9))
	assert.Equal(t, 61.0, y.quantile(0, 1, 0.9))
	assert.Equal(t, 61.0, y.quantile(0, 2, 0.9))
}

func TestBlockBootstrap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	hits := make([]bool, 4000)
	for i := range hits {
		hits[i] = rng.Float64() < 0.95
	}
	share, low, high := blockBootstrap(hits, 1, 1000)
	standardError := math.Sqrt(0.95 * 0.05 / 4000)
	assert.InDelta(t, share-1.96*standardError, low, 0.4*standardError*2)
	assert.InDelta(t, share+1.96*standardError, high, 0.4*standardError*2)
	// Exact binomial bounds where nothing was missed: 0.025^(1/20) with 20 blocks of 20.
	_, low, high = blockBootstrap(slices.Repeat([]bool{true}, 400), 1, 1000)
	assert.InDelta(t, math.Pow(0.025, 1.0/20), low, 1e-9)
	assert.Equal(t, 1.0, high)
}

func TestCapacityBacktestErrors(t *testing.T) {
	s := series(time.Hour, daily(100, 24, 1, 1)...)
	for want, o := range map[string]CapacityOptions{
		"window must be at least 1 step, got 0":           {Windows: []int{0}},
		"windows is empty":                                {Windows: []int{}},
		"quantile level must lie between 0 and 1, got 2":  {Quantiles: []float64{2}},
		"test fraction must lie between 0 and 1, got 1":   {TestFraction: 1},
		"resamples must not be negative, got -1":          {Resamples: -1},
		"the last 30 of 100 values hold no window of 31 ": {Windows: []int{31}},
	} {
		_, err := CapacityBacktest(t.Context(), s, Naive{Horizon: 2}, o)
		assert.ErrorContains(t, err, want)
	}
}
