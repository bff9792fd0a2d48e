package forecast

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// localSeries returns hours of a load that depends on local time: rate(date's day number, hour), with
// five percent of noise.
func localSeries(start time.Time, n int, step time.Duration, z Zone, rate func(number int64, at time.Duration) float64) Series {
	rng := rand.New(rand.NewPCG(11, 11))
	s := Series{Start: start, Step: step, Values: make([]float64, n)}
	for i := range s.Values {
		t := start.Add(time.Duration(i) * step)
		local := t.Add(z.Offset(t))
		number := floorDiv(local.Unix(), secondsPerDay)
		s.Values[i] = rate(number, local.Sub(local.Truncate(24*time.Hour))) * math.Exp(0.05*rng.NormFloat64())
	}
	return s
}

func TestNightlyBatchStaysAtItsLocalTime(t *testing.T) {
	// A batch of ten minutes at 02:00 in Berlin, tenfold. Clocks changed on March 29, 01:00 UTC.
	const step = 5 * time.Minute
	batch := func(_ int64, at time.Duration) float64 {
		if at >= 2*time.Hour && at < 2*time.Hour+10*time.Minute {
			return 1000
		}
		return 100
	}
	start := utc(2026, 3, 8, 0, 0)
	s := localSeries(start, 25*288, step, berlin, batch)
	at := func(z Zone, now time.Time, local time.Time) Distribution {
		n := int(now.Sub(start) / step)
		f := mustFit(t, LocalProfile{Zone: z, Horizon: 12}, s.head(20*288)) // fitted on March 28, before the change
		for _, y := range s.Values[20*288 : n] {
			f.Update(y, nil)
		}
		require.Equal(t, local, now.Add(berlin.Offset(now)))
		return f.Forecast(12)
	}
	// 01:30 local on the day after the change is 23:30 UTC; steps 7 and 8 are 02:00 and 02:05.
	now, local := utc(2026, 3, 29, 23, 30), utc(2026, 3, 30, 1, 30)
	d := at(berlin, now, local)
	assert.InEpsilon(t, 1000, d.Mean(7), 0.1)
	assert.InEpsilon(t, 1000, d.Mean(8), 0.1)
	for _, h := range []int{1, 6, 9, 12} {
		assert.InEpsilon(t, 100, d.Mean(h), 0.1, h)
	}
	assert.Greater(t, d.MaxQuantile(1, 12, 0.95), 900.0)
	// Without the zone the batch is expected an hour late.
	assert.InEpsilon(t, 100, at(nil, now, local).Mean(7), 0.1)
	// The day of the change has no 02:00: clocks go from 02:00 to 03:00.
	d = at(berlin, utc(2026, 3, 29, 0, 30), utc(2026, 3, 29, 1, 30))
	for h := 1; h <= 12; h++ {
		assert.InEpsilon(t, 100, d.Mean(h), 0.1, h)
	}
}

func TestHolidayBehavesAsHandedIn(t *testing.T) {
	// Mondays to Fridays have 300, weekends 100, the holidays May 1 (a Friday) as Sundays and the own kind 30.
	own := map[int64]bool{Date{2026, 4, 6}.number(): true, Date{2026, 5, 14}.number(): true}
	rate := func(number int64, at time.Duration) float64 {
		wave := 1 + 0.5*math.Sin(2*math.Pi*at.Hours()/24)
		switch w := weekdayOf(number); {
		case own[number]:
			return 30 * wave
		case w == time.Saturday || w == time.Sunday || number == (Date{2026, 5, 1}).number():
			return 100 * wave
		}
		return 300 * wave
	}
	start := utc(2026, 3, 16, 0, 0) // a Monday
	s := localSeries(start, 70*24, time.Hour, nil, rate)
	m := LocalProfile{
		Holidays: Holidays{{2026, 4, 6}: HolidayType, {2026, 5, 14}: HolidayType, {2026, 5, 1}: SundayType},
		Horizon:  48,
	}
	meanOf := func(d Date) float64 {
		n := int(d.midnight().Sub(start) / time.Hour)
		f := mustFit(t, m, s.head(n-12))
		sum := 0.0
		for h := 13; h <= 36; h++ {
			sum += f.Forecast(48).Mean(h) / 24
		}
		return sum
	}
	assert.InEpsilon(t, 300, meanOf(Date{2026, 4, 30}), 0.15, "a Thursday")
	assert.InEpsilon(t, 100, meanOf(Date{2026, 5, 1}), 0.15, "as a Sunday")
	assert.InEpsilon(t, 100, meanOf(Date{2026, 5, 2}), 0.15, "a Saturday")
	assert.InEpsilon(t, 30, meanOf(Date{2026, 5, 14}), 0.25, "seen once before")
}

func TestWeekdayGroupsAreLearned(t *testing.T) {
	start := utc(2026, 3, 2, 0, 0)
	factors := map[string][7]float64{ // Sunday first
		"alike":      {1, 1, 1, 1, 1, 1, 1},
		"workdays":   {0.4, 1, 1, 1, 1, 1, 0.4},
		"friday":     {1, 1, 1, 1, 1, 0.4, 0.4},
		"three":      {0.2, 1, 1, 1, 1, 1, 0.6},
		"all differ": {0.3, 1, 1.4, 0.8, 2, 1.2, 0.6},
	}
	for name, want := range map[string]int{"alike": 0, "workdays": 1, "friday": 2, "three": 3, "all differ": 4} {
		s := localSeries(start, 35*24, time.Hour, nil, func(number int64, at time.Duration) float64 {
			return 100 * factors[name][weekdayOf(number)] * (1 + 0.5*math.Sin(2*math.Pi*at.Hours()/24))
		})
		f := mustFit(t, LocalProfile{Horizon: 6}, s)
		assert.Equal(t, groupings[want], f.(*calibrated).filter.(*localProfile).groups, name)
	}
}

func TestOneOddDayLeavesNoTrace(t *testing.T) {
	flat := func(int64, time.Duration) float64 { return 100 }
	s := localSeries(utc(2026, 3, 2, 0, 0), 21*24, time.Hour, nil, flat)
	for h := 18 * 24; h < 18*24+6; h++ {
		s.Values[h] = 0 // an outage
		s.Values[h+30] = 2000
	}
	d := mustFit(t, LocalProfile{Horizon: 24}, s).Forecast(24)
	for h := 1; h <= 24; h++ {
		assert.InEpsilon(t, 100, d.Mean(h), 0.2, h)
	}
}

func TestLocalProfileErrors(t *testing.T) {
	s := series(time.Hour, daily(200, 24, 1, 1)...)
	fit := func(s Series, m LocalProfile) error {
		_, err := m.Fit(t.Context(), s)
		return err
	}
	odd := s
	odd.Step = 7 * time.Minute
	require.ErrorContains(t, fit(odd, LocalProfile{}), "a day is no whole number of steps of 7m0s")
	require.ErrorContains(t, fit(s, LocalProfile{Zone: Zone{{Offset: 20 * time.Hour}}}), "offset 0 of the zone is 20h0m0s")
	bad := Holidays{{2026, 2, 30}: SundayType, {2026, 1, 1}: 9, {2026, 3, 1}: -1}
	for range 20 { // whatever the order of the map
		require.EqualError(t, fit(s, LocalProfile{Holidays: bad}), "forecast: holiday 2026-01-01 has the type 9, want 0 (Sunday) to 7 (HolidayType)")
	}
	require.ErrorIs(t, fit(s.head(60), LocalProfile{}), ErrTooShort)
	s.Start = time.Time{}
	require.ErrorContains(t, fit(s, LocalProfile{Zone: berlin}), "need the start of the series")
	require.NoError(t, fit(s, LocalProfile{}), "without them the zero time will do")
}

func BenchmarkLocalProfile(b *testing.B) {
	const m = 1440
	s := series(time.Minute, twoSeasons(14*m, m, 0.1, 1)...)
	model := LocalProfile{Zone: berlin, Horizon: 60}
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
