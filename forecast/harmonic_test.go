package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHarmonicContinuesTwoSeasonsAndATrend(t *testing.T) {
	// log y = 4 + 0.5 t/n + day (two waves) + week (one wave) + AR(1) noise of scale 0.05.
	const m, n, horizon = 24, 6 * 7 * 24, 48
	rng := rand.New(rand.NewPCG(1, 1))
	values, truth := make([]float64, n+horizon), make([]float64, n+horizon)
	u := 0.0
	for i := range values {
		w := 2 * math.Pi * float64(i) / m
		truth[i] = math.Exp(4 + 0.5*float64(i)/n + 0.4*math.Sin(w) + 0.2*math.Cos(2*w) + 0.3*math.Sin(w/7))
		u = 0.7*u + 0.05*rng.NormFloat64()
		values[i] = truth[i] * math.Exp(u)
	}
	f := mustFit(t, Harmonic{Seasons: []int{m, 7 * m}, Horizon: horizon}, series(time.Hour, values[:n]...))
	d := f.Forecast(horizon)
	for h := 12; h <= horizon; h++ {
		assert.InEpsilon(t, truth[n+h-1], d.Mean(h), 0.06, h)
	}
	filter := f.(*calibrated).filter.(*harmonicFilter)
	assert.InDelta(t, 0.7, filter.rho, 0.1)
	assert.True(t, filter.design.slope)
	for i, want := range []int{2, 1} { // AICc keeps a pair too many at times
		assert.GreaterOrEqual(t, filter.design.waves[i].count, want)
		assert.LessOrEqual(t, filter.design.waves[i].count, want+3)
	}
}

func TestHarmonicReadsRegressors(t *testing.T) {
	// A promotion multiplies the load by 5 on one day of each of three weeks, and tomorrow.
	const m, n = 24, 28 * 24
	values := daily(n+m, m, 4, 3)
	rows := make([][]float64, n+m)
	for i := range rows {
		rows[i] = []float64{0}
		if day := i / m; day == 4 || day == 12 || day == 21 || day == 28 {
			rows[i][0] = 1
			values[i] *= 5
		}
	}
	s := series(time.Hour, values[:n]...)
	s.Regressors = rows
	f := mustFit(t, Harmonic{Seasons: []int{m}, Horizon: 12}, s)
	d := f.Forecast(12)
	for h := 1; h <= 12; h++ {
		assert.InEpsilon(t, values[n+h-1], d.Mean(h), 0.25, h)
	}
	// A row given to Update replaces the known one, one of another width does not.
	f.Update(values[n], []float64{1})
	f.Update(values[n+1], []float64{1, 2})
	f.Update(values[n+2], nil)
	assert.InEpsilon(t, values[n+3], f.Forecast(1).Mean(1), 0.2)
	// The series is neither kept nor changed.
	for _, row := range rows[n:] {
		row[0] = -99
	}
	assert.InEpsilon(t, values[n+3], f.Forecast(1).Mean(1), 0.2)
}

func TestHarmonicLearnsANewRegressor(t *testing.T) {
	// A column of zeros in the history is learned when it is first at work.
	const m, n = 24, 20 * 24
	values := daily(n+4*m, m, 2, 4)
	rows := make([][]float64, len(values))
	for i := range rows {
		rows[i] = []float64{0}
		if i >= n && i/m%2 == 0 {
			rows[i][0] = 1
			values[i] *= 3
		}
	}
	s := series(time.Hour, values[:n]...)
	s.Regressors = rows
	f := mustFit(t, Harmonic{Seasons: []int{m}, Horizon: 6}, s)
	for i := n; i < n+2*m; i++ {
		f.Update(values[i], rows[i])
	}
	assert.InEpsilon(t, values[n+2*m], f.Forecast(1).Mean(1), 0.35)
}

func TestRecursiveEqualsLeastSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	rows := make([][]float64, 300)
	y := make([]float64, len(rows))
	for i := range rows {
		rows[i] = []float64{1, rng.NormFloat64(), 3 * rng.NormFloat64(), rng.Float64()}
		y[i] = 2 - rows[i][1] + 0.5*rows[i][2] + rng.NormFloat64()
	}
	whole, part := newLeastSquares(4), newLeastSquares(4)
	for i, x := range rows {
		whole.add(x, y[i], 1)
		if i < 100 {
			part.add(x, y[i], 1)
		}
	}
	r := newRecursive(part, 0, math.Inf(1)) // no walk
	for i, x := range rows[100:] {
		r.update(x, y[100+i]-dot(r.beta, x), math.Inf(1))
	}
	want, _ := whole.solve(0)
	assert.InDeltaSlice(t, want, r.beta, 1e-9)
}

func TestRecursiveForgets(t *testing.T) {
	// After a change of coefficients, three memories are enough to follow; one that rests stays bounded.
	rng := rand.New(rand.NewPCG(6, 6))
	l := newLeastSquares(2)
	for i := range 400 {
		l.add([]float64{1, float64(i % 2)}, 5+0.1*rng.NormFloat64(), 1)
	}
	r := newRecursive(l, 1e-6, 400)
	for range 1200 {
		x := []float64{1, 0}
		r.update(x, 9+0.1*rng.NormFloat64()-dot(r.beta, x), math.Inf(1))
	}
	assert.InDelta(t, 9, r.beta[0], 0.4)
	assert.LessOrEqual(t, r.p[3], r.ceiling[1]+r.walk[1])
	for range 100_000 {
		r.update([]float64{1, 0}, 0, 1)
	}
	assert.Less(t, r.p[3], 1.0)
}

func TestDeviationByHand(t *testing.T) {
	v := deviation{alpha: 0.5, rho: 0.8, value: 10}
	v.update(4) // 8 + 0.5 (4 - 8)
	assert.InDelta(t, 6, v.value, 1e-12)
	v.update(nan)
	assert.InDelta(t, 4.8, v.value, 1e-12)
}

func TestFitDeviation(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	d := make([]float64, 4000)
	u := 0.0
	for i := range d {
		u = 0.95*u + rng.NormFloat64()
		d[i] = u
	}
	v := fitDeviation(d, []int{1, 10})
	assert.InDelta(t, 0.95, v.rho, 0.03)
	assert.Greater(t, v.alpha, 0.6)
	for i := range d {
		d[i] = rng.NormFloat64()
	}
	v = fitDeviation(d, []int{1, 10})
	assert.Less(t, v.alpha*v.rho, 0.1, "white noise is not continued")
}

func TestHarmonicErrors(t *testing.T) {
	good := twoSeasons(200, 8, 0.1, 1)
	wide := series(time.Hour, good...)
	wide.Regressors = slices.Repeat([][]float64{make([]float64, mostColumns)}, 200)
	for _, tt := range []struct {
		model Harmonic
		s     Series
		want  string
		short bool
	}{
		{Harmonic{Seasons: []int{1}}, series(time.Hour, good...), "want at least 2", false},
		{Harmonic{Harmonics: -1}, series(time.Hour, good...), "must not be negative, got 0 and -1", false},
		{Harmonic{Seasons: []int{160}}, series(time.Hour, good...), "need at least", true},
		{Harmonic{Horizon: 3}, wide, "want at most 400", false},
		{Harmonic{Horizon: 3}, series(time.Hour, append(slices.Repeat([]float64{nan}, 40), good[:30]...)...), "need", true},
	} {
		_, err := tt.model.Fit(t.Context(), tt.s)
		require.ErrorContains(t, err, tt.want)
		assert.Equal(t, tt.short, isTooShort(err), tt.want)
	}
}

func BenchmarkHarmonic(b *testing.B) {
	const m = 1440
	s := series(time.Minute, twoSeasons(14*m, m, 0.1, 1)...)
	model := Harmonic{Seasons: []int{m, 7 * m}, Horizon: 60}
	b.Run("fit", func(b *testing.B) {
		for b.Loop() {
			mustFit(b, model, s)
		}
	})
	b.Run("update", func(b *testing.B) {
		f := mustFit(b, model, s)
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			f.Update(s.Values[i%len(s.Values)], nil)
			i++
		}
	})
}
