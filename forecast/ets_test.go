package forecast

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

func TestETSForms(t *testing.T) {
	tests := []struct {
		pattern                    string
		season, positive, trendToo bool
		want                       int
		first, last                string
	}{
		{"", true, true, false, 15, "ANN", "MAdM"},
		{"", true, false, false, 6, "ANN", "AAdA"},
		{"", false, true, false, 6, "ANN", "MAdN"},
		{"", false, true, true, 8, "ANN", "MMdN"},
		{"ZZA", true, true, false, 6, "ANA", "MAdA"},
		{"MAdM", true, true, false, 1, "MAdM", "MAdM"},
		{"AAM", true, true, false, 1, "AAM", "AAM"},
	}
	for _, tt := range tests {
		forms, err := etsForms(tt.pattern, tt.season, tt.positive, tt.trendToo)
		require.NoError(t, err)
		require.Len(t, forms, tt.want, tt.pattern)
		assert.Equal(t, tt.first, forms[0].String())
		assert.Equal(t, tt.last, forms[len(forms)-1].String())
	}
	for _, pattern := range []string{"A", "XAN", "AXN", "AAX", "ANdN", "AAdAA"} {
		_, err := etsForms(pattern, true, true, true)
		require.ErrorContains(t, err, pattern)
	}
	_, err := etsForms("ANA", false, true, false)
	require.ErrorContains(t, err, "needs a season")
	_, err = etsForms("MNM", true, false, false)
	require.ErrorContains(t, err, "values above zero")
}

func TestETSByHand(t *testing.T) {
	p := etsParameters{alpha: 0.5, beta: 0.2, gamma: 0.1, phi: 0.9}
	// From l = 10, b = 1, s = (2, -2) and y = 14.9: q = 10.9, ŷ = 12.9, r = 2.
	f := &etsState{etsForm: etsForm{additive, additive, additive, true}, etsParameters: p, level: 10, trend: 1, season: []float64{2, -2}}
	assert.InDelta(t, 12.9, f.advance(14.9), 1e-12)
	assert.InDelta(t, 11.9, f.level, 1e-12)
	assert.InDelta(t, 1.3, f.trend, 1e-12)
	assert.InDelta(t, 2.2, f.season[0], 1e-12)
	path := make([]float64, 2)
	f.path(path)
	assert.InDelta(t, 11.9+0.9*1.3-2, path[0], 1e-12)
	assert.InDelta(t, 11.9+(0.9+0.81)*1.3+2.2, path[1], 1e-12)

	// Multiplicative season: s = (2, 0.5), ŷ = 21.8, y = 23.8, r = 2, in units of the level 1.
	f = &etsState{etsForm: etsForm{multiplicative, additive, multiplicative, true}, etsParameters: p, level: 10, trend: 1, season: []float64{2, 0.5}, floor: 1e-6}
	assert.InDelta(t, 21.8, f.advance(23.8), 1e-12)
	assert.InDelta(t, 11.4, f.level, 1e-12)
	assert.InDelta(t, 1.1, f.trend, 1e-12)
	assert.InDelta(t, 2+0.1*2/10.9, f.season[0], 1e-12)

	// Multiplicative trend: q = 10·1.1 = 11, r = 1: l = 11.5, b = 1.1 + 0.2/10.
	f = &etsState{etsForm: etsForm{additive, multiplicative, absent, false}, etsParameters: etsParameters{alpha: 0.5, beta: 0.2, phi: 1}, level: 10, trend: 1.1, season: []float64{0}, floor: 1e-6}
	assert.InDelta(t, 11, f.advance(12), 1e-12)
	assert.InDelta(t, 11.5, f.level, 1e-12)
	assert.InDelta(t, 1.12, f.trend, 1e-12)

	f.advance(nan) // time passes
	assert.InDelta(t, 11.5*1.12, f.level, 1e-12)
}

func TestETSCriterionMatchesPath(t *testing.T) {
	values := daily(24*8, 24, 5, 3)
	values[50] = nan
	s := newETSSearch(values, 24)
	s.setLeads(12)
	forms, err := etsForms("", true, true, true)
	require.NoError(t, err)
	for _, form := range forms {
		x := make([]float64, form.dimensions())
		x[0] = -1
		if form.trend != absent {
			x[2] = -4 // a steadier trend keeps all means above zero
		}
		l, criterion := s.likelihood(form, x)
		f := &etsState{season: make([]float64, 24)}
		s.reset(f, form, x)
		path := make([]float64, 12)
		squares, logs, ahead, n, aheads := 0.0, 0.0, 0.0, 0.0, 0.0
		for i, y := range values {
			mean := f.advance(y)
			if y != y {
				continue
			}
			n++
			size := func(mean float64) float64 {
				if form.err == multiplicative {
					return mean
				}
				return 1
			}
			squares += math.Pow((y-mean)/size(mean), 2)
			logs += 2 * math.Log(size(mean))
			if i%leadStride != 0 {
				continue
			}
			f.path(path)
			for _, h := range s.leads {
				if i+h < len(values) && values[i+h] == values[i+h] {
					ahead += math.Pow((values[i+h]-path[h-1])/size(path[h-1]), 2)
					aheads++
				}
			}
		}
		assert.InEpsilon(t, n*math.Log(squares)+logs, l, 1e-9, form)
		k := float64(len(s.leads))
		assert.InEpsilon(t, n*math.Log((squares/n+k*ahead/aheads)/(k+1)*n)+logs, criterion, 1e-9, form)
	}
}

func TestAdmissibleMatchesEigenvalues(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := rapid.IntRange(3, 12).Draw(rt, "m")
		p := etsParameters{
			alpha: rapid.Float64Range(0.01, 0.99).Draw(rt, "alpha"),
			beta:  rapid.Float64Range(0.01, 0.9).Draw(rt, "beta"),
			gamma: rapid.Float64Range(0.01, 1.5).Draw(rt, "gamma"),
			phi:   rapid.Float64Range(0.8, 0.98).Draw(rt, "phi"),
		}
		// The companion matrix of the polynomial, highest power last.
		ab := p.alpha + p.beta
		c := make([]float64, m+1)
		c[0] = p.phi * (1 - p.alpha - p.gamma)
		for k := 1; k < m; k++ {
			c[k] = ab - p.alpha*p.phi
		}
		c[1] += p.gamma - 1
		c[m] = ab - p.phi
		companion := mat.NewDense(m+1, m+1, nil)
		for i := range c {
			companion.Set(i, m, -c[i])
			if i > 0 {
				companion.Set(i, i-1, 1)
			}
		}
		var eigen mat.Eigen
		if !eigen.Factorize(companion, mat.EigenNone) {
			rt.Fatal("no eigenvalues")
		}
		largest := 0.0
		for _, v := range eigen.Values(nil) {
			largest = max(largest, cmplx.Abs(v))
		}
		if math.Abs(largest-1) < 1e-4 {
			return
		}
		if got := p.admissible(m); got != (largest < 1) {
			rt.Fatalf("%+v, m = %d: admissible %v, largest eigenvalue %v", p, m, got, largest)
		}
	})
}

func TestETSChoosesTheFormOfTheData(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	grow := func(n int, f func(i int, e float64) float64) []float64 {
		values := make([]float64, n)
		for i := range values {
			values[i] = max(f(i, rng.NormFloat64()), 1)
		}
		return values
	}
	season := func(i int) float64 { return math.Sin(2 * math.Pi * float64(i) / 12) }
	level := 500.0
	for _, tt := range []struct {
		name   string
		want   func(f etsForm) bool
		values []float64
	}{
		{"random walk", func(f etsForm) bool { return f.season == absent }, grow(240, func(_ int, e float64) float64 {
			level += 5 * e
			return level
		})},
		{"line", func(f etsForm) bool { return f.trend != absent && f.season == absent }, grow(240, func(i int, e float64) float64 {
			return 100 + 5*float64(i) + 3*e
		})},
		{"season", func(f etsForm) bool { return f.season == additive }, grow(240, func(i int, e float64) float64 {
			return 100 + 40*season(i) + 3*e
		})},
		{"factors on growth", func(f etsForm) bool { return f.season == multiplicative && f.trend != absent }, grow(240, func(i int, e float64) float64 {
			return (100 + 5*float64(i)) * (1 + 0.5*season(i)) * (1 + 0.02*e)
		})},
	} {
		f, err := ETS{Season: 12, Horizon: 12}.choose(t.Context(), tt.values)
		require.NoError(t, err)
		assert.True(t, tt.want(f.etsForm), "%s: %v", tt.name, f.etsForm)
	}
}

func TestETSLongSeasons(t *testing.T) {
	for _, m := range []int{24, 96, 144, 288, 1440, 10080} {
		// AICc counts every term of a season, and a fine grid is locally a line: with few cycles only
		// asking for the season brings it.
		n, form := 2*m, "AZA"
		if m < 1440 {
			n, form = 8*m, ""
		}
		values := daily(n, m, 2, 1)
		f, err := ETS{Season: m, Form: form, Horizon: m / 2, Evaluations: 40}.choose(t.Context(), values)
		require.NoError(t, err)
		for _, y := range values {
			f.advance(y)
		}
		path := make([]float64, m)
		f.path(path)
		worst := 0.0
		for k, v := range path {
			worst = max(worst, math.Abs(v-100-40*math.Sin(2*math.Pi*float64(k)/float64(m))))
		}
		assert.Less(t, worst, 12.0, "season %d, form %v", m, f.etsForm)
	}
}

func TestUpdateOfNewModelsDoesNotAllocate(t *testing.T) {
	s := series(time.Hour, daily(24*16, 24, 5, 1)...)
	for _, m := range append(smoothingModels(24, 12), Named{"combination", Combination{Horizon: 12}}) {
		f := mustFit(t, m, s)
		for range 100 { // the storage of rows grows in blocks until the pool is full
			f.Update(100, nil)
		}
		i := 0
		allocs := testing.AllocsPerRun(50, func() {
			f.Update(100+float64(i%24), nil)
			i++
		})
		assert.LessOrEqual(t, allocs, 1.0, m.Name)
	}
}

func BenchmarkETSFit(b *testing.B) {
	for _, m := range []int{24, 1440} {
		values := daily(14*m, m, 5, 1)
		b.Run(fmt.Sprintf("season=%d/n=%d", m, len(values)), func(b *testing.B) {
			for b.Loop() {
				mustFit(b, ETS{Season: m}, series(time.Minute, values...))
			}
		})
	}
}
