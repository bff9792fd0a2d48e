package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestCoverageOfWindowMaximum(t *testing.T) {
	// 50 days of half-hours, the last 20 judged. The tolerance is four standard errors of
	// 960/3 independent trials.
	const season, window = 48, 3
	values := daily(50*season, season, 10, 11)
	for _, m := range []Named{
		{"seasonal-naive", SeasonalNaive{Seasons: []int{season}, Horizon: 6, Window: window}},
		{"envelope", Envelope{Seasons: []int{season}, Horizon: 6, Window: window}},
		{"holt-winters", HoltWinters{Season: season, Horizon: 6, Window: window}},
	} {
		for _, p := range []float64{0.9, 0.95, 0.99} {
			f := mustFit(t, m, series(30*time.Minute, values[:30*season]...))
			got := coverage(f, values[30*season:], window, p, 0)
			tolerance := 4 * math.Sqrt(p*(1-p)/(20*season/window))
			assert.Greater(t, got, p-tolerance, "%s at %v", m.Name, p)
			if m.Name == "holt-winters" { // the others are conservative: their paths repeat old noise
				assert.Less(t, got, p+tolerance, "%s at %v", m.Name, p)
			}
		}
	}
}

func TestCoverageUnderChangingVolatility(t *testing.T) {
	// Noise is ten times as large in one half of the day; coverage must hold in each half, which
	// pooled errors of one size cannot give (they would cover about 0.9 and 1).
	const season, window = 48, 2
	rng := rand.New(rand.NewPCG(5, 5))
	values := make([]float64, 60*season)
	for i := range values {
		sigma := 2.0
		if i%season >= season/2 {
			sigma = 20
		}
		values[i] = max(0, 200+sigma*rng.NormFloat64())
	}
	f := mustFit(t, HoltWinters{Season: season, Horizon: 4, Window: window}, series(30*time.Minute, values[:30*season]...))
	covered, n := [2]float64{}, [2]float64{}
	for i := 30 * season; i+window <= len(values); i++ {
		if half := i % season / (season / 2); (i+window-1)%season/(season/2) == half {
			n[half]++
			if windowMax(values[i:i+window]) <= f.Forecast(window).MaxQuantile(1, window, 0.95) {
				covered[half]++
			}
		}
		f.Update(values[i], nil)
	}
	assert.InDelta(t, 0.95, covered[0]/n[0], 0.04, "quiet half")
	assert.InDelta(t, 0.95, covered[1]/n[1], 0.04, "noisy half")
}

func TestCoverageRecoversAfterLevelShift(t *testing.T) {
	const season, window = 48, 3
	values := daily(50*season, season, 8, 9)
	for i := 32 * season; i < len(values); i++ {
		values[i] += 150
	}
	for _, m := range []Named{
		{"naive", Naive{Horizon: 6, Window: window}},
		{"seasonal-naive", SeasonalNaive{Seasons: []int{season}, Horizon: 6, Window: window}},
		{"holt-winters", HoltWinters{Season: season, Horizon: 6, Window: window}},
	} {
		f := mustFit(t, m, series(30*time.Minute, values[:30*season]...))
		// From one and a half days after the shift on.
		got := coverage(f, values[30*season:], window, 0.95, 2*season+3*season/2)
		assert.Greater(t, got, 0.92, m.Name)
	}
}

func TestOutlierIsForgotten(t *testing.T) {
	const season = 24
	values := daily(60*season, season, 2, 4)
	clean := slices.Clone(values)
	values[58*season+5] = 5000
	m := HoltWinters{Season: season, Horizon: 6}
	with := mustFit(t, m, series(time.Hour, values[:59*season]...)).Forecast(6)
	without := mustFit(t, m, series(time.Hour, clean[:59*season]...)).Forecast(6)
	for h := 1; h <= 6; h++ {
		assert.InDelta(t, without.Mean(h), with.Mean(h), 10, "step %d", h)
	}
}

func TestHolesAreBridged(t *testing.T) {
	const season = 48
	values := daily(30*season, season, 6, 8)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range values {
		if i%season >= season-2 || rng.Float64() < 0.1 {
			values[i] = nan
		}
	}
	for _, m := range allModels(season, 6) {
		f := mustFit(t, m, series(30*time.Minute, values[:20*season]...))
		got := coverage(f, values[20*season:], 2, 0.9, 0)
		assert.InDelta(t, 0.9, got, 0.06, m.Name)
	}
}

func TestDistributionIsNotChangedByUpdates(t *testing.T) {
	values := daily(3000, 24, 10, 6)
	for _, n := range []int{400, 2500} { // pool filling and pool full
		f := mustFit(t, Naive{Horizon: 4}, series(time.Hour, values[:n]...))
		d := f.Forecast(6)
		before := []float64{d.Mean(1), d.Quantile(6, 0.99), d.MaxQuantile(1, 3, 0.95)}
		for _, y := range values[n:] {
			f.Update(10*y, nil)
		}
		assert.Equal(t, before, []float64{d.Mean(1), d.Quantile(6, 0.99), d.MaxQuantile(1, 3, 0.95)})
		assert.NotEqual(t, before[2], f.Forecast(6).MaxQuantile(1, 3, 0.95))
	}
}

func TestFitIsDeterministic(t *testing.T) {
	s := series(time.Hour, daily(24*40, 24, 9, 7)...)
	a, b := mustFit(t, Auto{Horizon: 6}, s), mustFit(t, Auto{Horizon: 6}, s)
	assert.Equal(t, a.(*Selection).Why, b.(*Selection).Why)
	assert.Equal(t, a.Forecast(6).MaxQuantile(1, 6, 0.99), b.Forecast(6).MaxQuantile(1, 6, 0.99))
}

func TestPathsKeepDependence(t *testing.T) {
	// Error paths (0, 0) and (8, 8) in equal number around a mean of 10: a maximum over both steps
	// is as likely high as one step. Independent steps would give 3/4.
	d := &pathDistribution{mean: []float64{10, 10}, horizon: 2, spread: 1, upper: 1000, adapt: (&adaptive{}).ratios()}
	for i := range 100 {
		e := float64(i % 2 * 8)
		d.rows = append(d.rows, []float64{e, e, 10, 10})
	}
	assert.Equal(t, 10.0, d.MaxQuantile(1, 2, 0.49))
	assert.Equal(t, 18.0, d.MaxQuantile(1, 2, 0.51))
}

func TestQuantileRanks(t *testing.T) {
	// Split conformal: rank ceil((n+1)p), so with n = 9 the 0.9 quantile is the largest value.
	x := []float64{9, 1, 8, 2, 7, 3, 6, 4, 5}
	for _, tt := range []struct{ p, want float64 }{{0.05, 1}, {0.1, 1}, {0.5, 5}, {0.55, 6}, {0.8, 8}, {0.9, 9}} {
		q, extrapolated := quantile(slices.Clone(x), 1-tt.p)
		assert.Equal(t, tt.want, q, "p = %v", tt.p)
		assert.False(t, extrapolated)
	}
	// Beyond the sample an exponential tail: over 0..99 the 0.9 quantile is rank ceil(90.9) = 91,
	// value 90; mean excess of 90..99 is 4.5; at tail 0.001: 99 + 4.5 ln((1/101)/0.001).
	long := make([]float64, 100)
	for i := range long {
		long[i] = float64(i)
	}
	q, extrapolated := quantile(long, 0.001)
	assert.True(t, extrapolated)
	assert.InDelta(t, 99+4.5*math.Log(1/0.101), q, 1e-12)
}

func TestSelectRankAgainstSort(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-5, 5), rapid.Map(rapid.IntRange(0, 3), func(i int) float64 { return float64(i) })), 1, 60).Draw(rt, "x")
		k := rapid.IntRange(0, len(x)-1).Draw(rt, "k")
		sorted := slices.Clone(x)
		sort.Float64s(sorted)
		got := selectRank(x, k)
		if got != sorted[k] {
			rt.Fatalf("got %v, want %v", got, sorted[k])
		}
		for i := k; i < len(x); i++ {
			if x[i] < got {
				rt.Fatalf("element %d is %v, less than %v at rank %d", i, x[i], got, k)
			}
		}
	})
}

func TestAdaptiveReachesNominalTail(t *testing.T) {
	// Errors twice as large as the kept ones: the working tail must shrink until breaches are rare.
	rng := rand.New(rand.NewPCG(3, 3))
	a := newAdaptive()
	for range 2000 {
		a.observe(rng.NormFloat64(), true)
	}
	m := a.ratios()
	before := m.tail(0.95)
	for range 400 {
		a.observe(1.5*rng.NormFloat64(), false)
	}
	m = a.ratios()
	assert.Less(t, m.tail(0.95), 0.5*before)
	previous := 1.0
	for p := 0.01; p < 0.9999; p += 0.0007 {
		tail := m.tail(p)
		require.LessOrEqual(t, tail, previous, "level %v", p)
		previous = tail
	}
}

func TestAdaptiveMemoryIsBounded(t *testing.T) {
	a := newAdaptive()
	for i := range 3 * poolSize {
		a.observe(float64(i%7), true)
	}
	assert.Len(t, a.ring, poolSize)
	assert.Len(t, a.sorted, poolSize)
	assert.True(t, slices.IsSorted(a.sorted))
	want := slices.Clone(a.ring)
	slices.Sort(want)
	assert.Equal(t, want, a.sorted)
}

func TestBridge(t *testing.T) {
	x := []float64{nan, 2, nan, nan, 8, nan}
	bridge(x)
	assert.Equal(t, []float64{2, 2, 4, 6, 8, 8}, x)
}

func TestForecastPanicsOnWrongSteps(t *testing.T) {
	f := mustFit(t, Naive{Horizon: 4}, series(time.Hour, daily(100, 24, 1, 1)...))
	assert.Panics(t, func() { f.Forecast(0) })
	d := f.Forecast(3)
	assert.Panics(t, func() { d.Mean(0) })
	assert.Panics(t, func() { d.Quantile(4, 0.5) })
	assert.Panics(t, func() { d.Quantile(1, 1) })
	assert.Panics(t, func() { d.MaxQuantile(2, 1, 0.5) })
	assert.Panics(t, func() { d.Quantile(1, nan) })
}
