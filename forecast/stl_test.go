package forecast

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoessKeepsALine(t *testing.T) {
	y := make([]float64, 50)
	for i := range y {
		y[i] = 3 + 2*float64(i)
	}
	got := make([]float64, 50)
	for _, step := range []int{1, 7} {
		loess(got, y, nil, 15, step)
		assert.InDeltaSlice(t, y, got, 1e-9)
	}
	assert.InDelta(t, 3+2*50, loessAt(y, nil, 15, 1, 50), 1e-9, "one beyond the end")
	assert.InDelta(t, 1.0, loessAt([]float64{1}, nil, 11, 0, -1), 0, "a single value")
}

func TestSTLSeparatesSeasonAndTrend(t *testing.T) {
	const n, m = 480, 24
	y := make([]float64, n)
	season := func(i int) float64 { return 10 * math.Sin(2*math.Pi*float64(i)/m) }
	for i := range y {
		y[i] = 50 + 0.05*float64(i) + season(i)
	}
	y[100] += 500 // without robustness the season there is off by 50
	y[200], y[201] = nan, nan
	s := newSTL(n, m, 11, 1)
	s.run(y)
	for i := range y {
		assert.InDelta(t, season(i), s.season[i], 1, "season at %d", i)
		assert.InDelta(t, 50+0.05*float64(i), s.trend[i], 1, "trend at %d", i)
	}
}

func TestMSTLSeparatesSeasons(t *testing.T) {
	values := twoSeasons(6*168, 24, 0, 1)
	for i, v := range values {
		values[i] = math.Log(v)
	}
	c, err := mstl(t.Context(), values, []int{24, 168})
	require.NoError(t, err)
	mean := presentMean(values)
	worst := 0.0
	for i := 168; i < len(values)-168; i++ {
		worst = max(worst, math.Abs(values[i]-mean-c[0][i]-c[1][i]))
	}
	assert.Less(t, worst, 0.1, "of a range of 1.6")
}

func TestKPSSAndSeasonalStrength(t *testing.T) {
	noise := daily(500, 24, 5, 1)
	assert.Greater(t, seasonalStrength(noise, 24), 0.9)
	assert.Less(t, seasonalStrength(noise, 17), 0.3)
	assert.False(t, needsDifference(difference(noise, 24), 24))
	walk := make([]float64, 500)
	for i := 1; i < len(walk); i++ {
		walk[i] = walk[i-1] + noise[i] - 100
	}
	assert.True(t, needsDifference(walk, 1))
}

func TestARMAFindsParameters(t *testing.T) {
	// w(t) = 0.7 w(t-1) + e(t) + 0.4 e(t-1) with a mean of 5; three standard errors of 2000 values are 0.08.
	rng := rand.New(rand.NewPCG(4, 4))
	w := make([]float64, 2000)
	counted := make([]bool, len(w))
	x, e := 0.0, 0.0
	for i := range w {
		next := rng.NormFloat64()
		x = 0.7*x + next + 0.4*e
		e = next
		w[i], counted[i] = x+5, true
	}
	f := newArmaFitter(w, counted, 10)
	a, err := searchOrders(t.Context(), f, [factors]int{1}, true, DefaultARIMAEvaluations)
	require.NoError(t, err)
	exact := (&arma{seasons: [factors]int{1}}).resized(armaOrder{ar: [factors]int{1}, mean: true})
	f.fit(exact, 3)
	exact = exact.resized(armaOrder{ar: [factors]int{1}, ma: [factors]int{1}, mean: true})
	sum := f.fit(exact, 30)
	assert.InDelta(t, 0.7, exact.phi(0)[0], 0.08)
	assert.InDelta(t, 0.4, exact.theta(0)[0], 0.08)
	assert.InDelta(t, 5, exact.mu(), 0.4)
	assert.LessOrEqual(t, f.aicc(a, f.residuals(a, 0)), f.aicc(exact, sum)+0.1, "the search must not end with a worse model")
}

func TestARIMAFilterMatchesTheFitter(t *testing.T) {
	values := twoSeasons(700, 24, 0.05, 3)
	a := &arma{
		armaOrder: armaOrder{ar: [factors]int{2, 2, 1}, ma: [factors]int{2, 0, 1}}, seasons: [factors]int{1, 24, 168},
		par: []float64{1.455, -.667, -.305, -.283, .098, -.441, .264, 0.2},
	}
	w := difference(values, 24)
	counted := make([]bool, len(w))
	fitter := newArmaFitter(w, counted, 0)
	fitter.residuals(a, 0)
	f := &arimaFilter{}
	f.set(a, 0, 0, 1)
	for i, y := range values {
		mean := 0.0
		if f.seen >= f.past.n {
			mean = f.mean(f.past.values(), f.errors.values(), nil, 0)
		}
		f.update(y)
		if i > 690 { // what the filter did not know at its start has faded
			assert.InDelta(t, fitter.e[0][i-24], y-mean, 1, "at %d", i)
		}
	}
}
