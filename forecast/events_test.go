package forecast

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// sales returns n hours of a daily pattern with noise, times the multiplier on each of the days, and a
// calendar of these days.
func sales(n int, noise float64, seed uint64, multiplier map[int]float64, days ...int) ([]float64, []Occurrence) {
	values := daily(n, 24, noise, seed)
	start := series(time.Hour).Start
	var list []Occurrence
	for _, d := range days {
		from := start.Add(time.Duration(d) * 24 * time.Hour)
		list = append(list, Occurrence{from, from.Add(24 * time.Hour)})
		for h := d * 24; h < min((d+1)*24, n); h++ {
			values[h] *= multiplier[d]
		}
	}
	return values, list
}

func TestEventIsAheadOfItsFirstMinute(t *testing.T) {
	const before = 35 * 24
	for _, tt := range []struct {
		name     string
		expected float64
		past     []int
		low      float64 // the mean over its truth must lie within low and 1/low
	}{
		{"seen once", 0, []int{20}, 0.8},
		{"seen twice", 0, []int{10, 20}, 0.85},
		{"expected only", 12, nil, 0.85},
		{"seen once, expected", 10, []int{20}, 0.8},
	} {
		for _, inner := range []Named{
			{"seasonal-naive", SeasonalNaive{Seasons: []int{24}, Horizon: 6}},
			{"holt-winters", HoltWinters{Season: 24, Horizon: 6}},
			{"blend", Blend{Horizon: 6}},
		} {
			if inner.Name == "blend" && tt.name != "seen twice" {
				continue // slow to fit
			}
			t.Run(tt.name+"/"+inner.Name, func(t *testing.T) {
				values, days := sales(before, 5, 1, map[int]float64{10: 12, 20: 12, 35: 12}, append(tt.past, 35)...)
				m := WithEvents{Model: inner.Model, Calendar: Calendar{{Name: "double 11", Occurrences: days, Multiplier: tt.expected}}}
				d := mustFit(t, m, series(time.Hour, values[:before]...)).Forecast(6)
				for h := 1; h <= 6; h++ {
					truth := 12 * (100 + 40*math.Sin(2*math.Pi*float64(h-1)/24))
					assert.Greater(t, d.Mean(h), tt.low*truth, h)
					assert.Less(t, d.Mean(h), truth/tt.low, h)
					assert.Greater(t, d.Quantile(h, 0.95), truth, h)
					assert.Less(t, d.Quantile(h, 0.95), 3*truth, h)
				}
				assert.Greater(t, d.MaxQuantile(1, 6, 0.95), 1.1*d.Mean(6))
			})
		}
	}
}

func TestOrdinaryDaysAreUnaffected(t *testing.T) {
	const n = 60 * 24
	plain := daily(n, 24, 5, 1)
	values, days := sales(n, 5, 1, map[int]float64{20: 12, 40: 9}, 20, 40)
	inner := HoltWinters{Season: 24, Horizon: 6}
	m := WithEvents{Model: inner, Calendar: Calendar{{Name: "sale", Occurrences: days}}}
	without := mustFit(t, inner, series(time.Hour, plain...)).Forecast(6)
	with := mustFit(t, m, series(time.Hour, values...)).Forecast(6)
	for h := 1; h <= 6; h++ {
		assert.InEpsilon(t, without.Mean(h), with.Mean(h), 0.01, h)
		assert.InEpsilon(t, without.Quantile(h, 0.95), with.Quantile(h, 0.95), 0.05, h)
	}
	// A calendar without an event near changes nothing at all.
	d := mustFit(t, WithEvents{Model: inner}, series(time.Hour, plain...)).Forecast(6)
	assert.Equal(t, without.MaxQuantile(2, 5, 0.9), d.MaxQuantile(2, 5, 0.9))
}

func TestEventUnderWayIsFollowed(t *testing.T) {
	// Expected at 3, the event turns out at 12; after it the load is ordinary again.
	const begins = 50 * 24
	values, days := sales(60*24, 5, 2, map[int]float64{50: 12}, 50)
	m := WithEvents{
		Model:    SeasonalNaive{Seasons: []int{24}, Horizon: 6},
		Calendar: Calendar{{Name: "sale", Occurrences: days, Multiplier: 3}},
	}
	f := mustFit(t, m, series(time.Hour, values[:begins]...))
	truth := func(i int) float64 { return 100 + 40*math.Sin(2*math.Pi*float64(i)/24) }
	for i := begins; i < begins+24; i++ {
		if i == begins+6 {
			assert.InEpsilon(t, 12*truth(i), f.Forecast(1).Mean(1), 0.25)
			refit := mustFit(t, m, series(time.Hour, values[:i]...))
			assert.InDelta(t, f.Forecast(1).Mean(1), refit.Forecast(1).Mean(1), 1e-9*truth(i), "Fit replays what is under way")
		}
		f.Update(values[i], nil)
	}
	assert.InEpsilon(t, truth(begins+24), f.Forecast(1).Mean(1), 0.25)
	f.Update(values[begins+24], nil) // the occurrence counts from now on
	mean, _ := f.(*eventful).effects[0].predict()
	assert.InEpsilon(t, 12, math.Exp(mean), 0.5, "and the next one is known better")
}

func TestUnknownEventChangesNothing(t *testing.T) {
	values, days := sales(30*24, 5, 2, nil)
	days = append(days, Occurrence{series(time.Hour).Start.Add(30 * 24 * time.Hour), series(time.Hour).Start.Add(31 * 24 * time.Hour)})
	inner := SeasonalNaive{Seasons: []int{24}, Horizon: 6}
	a := mustFit(t, inner, series(time.Hour, values...)).Forecast(6)
	b := mustFit(t, WithEvents{inner, Calendar{{Name: "new", Occurrences: days}}}, series(time.Hour, values...)).Forecast(6)
	assert.Equal(t, a.MaxQuantile(1, 6, 0.95), b.MaxQuantile(1, 6, 0.95))
	assert.Equal(t, a.Mean(3), b.Mean(3))
}

func TestEventQuantilesCover(t *testing.T) {
	// Log-normal multipliers of median 6 and spread 0.2, each event forecast from the four before it.
	covered := map[float64]float64{0.5: 0, 0.9: 0, 0.99: 0}
	events := 0.0
	for seed := range uint64(40) {
		multipliers, days := map[int]float64{}, []int{8, 15, 22, 29, 36}
		rng := daily(8, 1000, 1, 100+seed) // 100 plus a unit normal, almost
		for i, d := range days {
			multipliers[d] = 6 * math.Exp(0.2*(rng[i]-100-40*math.Sin(2*math.Pi*float64(i)/1000)))
		}
		values, list := sales(37*24, 5, seed, multipliers, days...)
		m := WithEvents{SeasonalNaive{Seasons: []int{24}, Horizon: 6}, Calendar{{Name: "weekly", Occurrences: list}}}
		d := mustFit(t, m, series(time.Hour, values[:36*24]...)).Forecast(6)
		events++
		for p := range covered {
			if windowMax(values[36*24:36*24+6]) <= d.MaxQuantile(1, 6, p) {
				covered[p]++
			}
		}
	}
	// Of 40 events the standard deviation of the share at 0.9 is 0.05.
	assert.InDelta(t, 0.5, covered[0.5]/events, 0.2)
	assert.Greater(t, covered[0.9]/events, 0.8)
	assert.Greater(t, covered[0.99]/events, 0.95)
}

func TestEffectByHand(t *testing.T) {
	// No past: the expectation and both spreads. θ = log 5, s² = 0.04, τ² = 0.0625.
	e := effect{expected: 5}
	mean, variance := e.predict()
	assert.InDelta(t, math.Log(5), mean, 1e-12)
	assert.InDelta(t, 0.1025, variance, 1e-12)
	// One past of 8: s² = 3·0.04/3, s²/τ² = 0.64, w = 1/1.64.
	e.add(math.Log(8), 0)
	mean, variance = e.predict()
	assert.InDelta(t, math.Log(8)/1.64+math.Log(5)*0.64/1.64, mean, 1e-12)
	assert.InDelta(t, 0.04+0.04/1.64, variance, 1e-12)
	// An outlier among many hardly counts.
	e = effect{}
	for range 5 {
		e.add(math.Log(8), 0)
	}
	e.add(math.Log(800), 0)
	mean, _ = e.predict()
	assert.InDelta(t, math.Log(8)+0.1, mean, 0.02) // clipped at 3·0.2 above: a sixth of it
}

func TestEventErrors(t *testing.T) {
	good := daily(200, 24, 1, 1)
	now := series(time.Hour).Start
	fit := func(s Series, m WithEvents) error {
		_, err := m.Fit(t.Context(), s)
		return err
	}
	s := series(time.Hour, good...)
	occurrence := []Occurrence{{now, now.Add(time.Hour)}}
	require.ErrorContains(t, fit(s, WithEvents{}), "model under the events is nil")
	require.ErrorContains(t, fit(s, WithEvents{Naive{}, Calendar{{Name: "x", Occurrences: []Occurrence{{now, now}}}}}), "event 0 (x) ends at")
	require.ErrorContains(t, fit(s, WithEvents{Naive{}, Calendar{{Name: "x", Multiplier: -2}}}), "multiplier -2")
	require.ErrorContains(t, fit(s, WithEvents{Naive{}, Calendar{{Name: "x", Occurrences: make([]Occurrence, mostOccurrences+1)}}}), "want at most 73000")
	err := fit(s.head(20), WithEvents{Naive{}, Calendar{{Name: "x", Occurrences: occurrence}}})
	require.ErrorIs(t, err, ErrTooShort)
	s.Start = time.Time{}
	require.ErrorContains(t, fit(s, WithEvents{Naive{}, Calendar{{Name: "x", Occurrences: occurrence}}}), "needs the start of the series")
}

func TestEventsOnAnyInput(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.OneOf(
			rapid.Just(0.0), rapid.Just(nan), rapid.Just(1e100), rapid.Just(5e-324),
			rapid.Float64Range(0, 1e4), rapid.Float64Range(99, 101),
		)
		values := rapid.SliceOfN(value, 24, 120).Draw(rt, "values")
		start := series(3 * time.Hour).Start
		var c Calendar
		for range rapid.IntRange(0, 3).Draw(rt, "events") {
			e := Event{Name: "e", Multiplier: rapid.SampledFrom([]float64{0, 1e-3, 1e3, 2}).Draw(rt, "multiplier")}
			for range rapid.IntRange(0, 6).Draw(rt, "occurrences") {
				from := start.Add(time.Duration(rapid.IntRange(-50, 150*180).Draw(rt, "from")) * time.Minute)
				e.Occurrences = append(e.Occurrences, Occurrence{from, from.Add(time.Duration(rapid.IntRange(1, 3000).Draw(rt, "length")) * time.Minute)})
			}
			c = append(c, e)
		}
		m := rapid.SampledFrom(allModels(8, 5)).Draw(rt, "model")
		f, err := WithEvents{m.Model, c}.Fit(t.Context(), series(3*time.Hour, values...))
		if err != nil {
			return
		}
		checkDistribution(rt, f.Forecast(8), 8)
		for _, y := range rapid.SliceOfN(rapid.OneOf(value, rapid.Just(math.Inf(1)), rapid.Just(-1.0)), 0, 30).Draw(rt, "updates") {
			f.Update(y, nil)
		}
		checkDistribution(rt, f.Forecast(8), 8)
	})
}

// dailyEvent puts an event of three hours on every other day of a month around a model.
func dailyEvent(m Model) WithEvents {
	start := series(time.Hour).Start
	e := Event{Name: "batch"}
	for d := range 15 {
		from := start.Add(time.Duration(48*d+6) * time.Hour)
		e.Occurrences = append(e.Occurrences, Occurrence{from, from.Add(3 * time.Hour)})
	}
	return WithEvents{m, Calendar{e}}
}

func ExampleWithEvents() {
	// Eighteen days at 100 requests/s but for a sale on the second Saturday, and another one tomorrow.
	values := slices.Repeat([]float64{100}, 18*24)
	for h := 12 * 24; h < 13*24; h++ {
		values[h] = 1500
	}
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	sale := Recurrence{First: Date{2026, 3, 14}, EveryDays: 7, Length: 24 * time.Hour}
	days, err := sale.Occurrences(start, start.Add(30*24*time.Hour), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	m := WithEvents{Model: SeasonalNaive{Seasons: []int{24}, Horizon: 12}, Calendar: Calendar{{Name: "sale", Occurrences: days}}}
	f, err := m.Fit(context.Background(), Series{Start: start, Step: time.Hour, Values: values})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 18 {
		f.Update(100, nil)
	}
	d := f.Forecast(12)
	fmt.Printf("18:00 %.0f, 23:00 %.0f, midnight %.0f\n", d.Mean(1), d.Mean(6), d.Mean(7))
	// Output: 18:00 100, 23:00 100, midnight 1431
}
