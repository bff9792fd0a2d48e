package forecast

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// berlin is local time in Berlin in 2026: the last Sundays of March and October, at 01:00 UTC.
var berlin = Zone{
	{At: time.Date(2025, 10, 26, 1, 0, 0, 0, time.UTC), Offset: time.Hour},
	{At: time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), Offset: 2 * time.Hour},
	{At: time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), Offset: time.Hour},
}

func utc(year int, month time.Month, day, hour, minute int) time.Time {
	return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
}

func TestZoneOffset(t *testing.T) {
	for _, tt := range []struct {
		at   time.Time
		want time.Duration
	}{
		{utc(2020, 7, 1, 0, 0), time.Hour}, // before the first change
		{utc(2026, 3, 29, 0, 59), time.Hour},
		{utc(2026, 3, 29, 1, 0), 2 * time.Hour},
		{utc(2026, 10, 25, 0, 59), 2 * time.Hour},
		{utc(2030, 7, 1, 0, 0), time.Hour},
	} {
		assert.Equal(t, tt.want, berlin.Offset(tt.at), tt.at)
	}
	assert.Zero(t, Zone(nil).Offset(utc(2026, 1, 1, 0, 0)))
}

func TestZoneInstant(t *testing.T) {
	for _, tt := range []struct {
		date Date
		at   time.Duration
		want time.Time
	}{
		{Date{2026, 3, 28}, 2 * time.Hour, utc(2026, 3, 28, 1, 0)},
		{Date{2026, 3, 30}, 2 * time.Hour, utc(2026, 3, 30, 0, 0)},
		{Date{2026, 3, 29}, 150 * time.Minute, utc(2026, 3, 29, 1, 30)},   // skipped: clocks show 03:30
		{Date{2026, 10, 25}, 150 * time.Minute, utc(2026, 10, 25, 0, 30)}, // shown twice: the first
		{Date{2026, 10, 25}, 4 * time.Hour, utc(2026, 10, 25, 3, 0)},
		{Date{2026, 1, 1}, 0, utc(2025, 12, 31, 23, 0)},
	} {
		assert.Equal(t, tt.want, berlin.Instant(tt.date, tt.at), "%v %v", tt.date, tt.at)
	}
}

func TestZoneInstantAgreesWithOffset(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		at := utc(2026, 1, 1, 0, 0).Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(rt, "minute")) * time.Minute)
		local := at.Add(berlin.Offset(at))
		midnight := local.Truncate(24 * time.Hour)
		got := berlin.Instant(Date{local.Year(), local.Month(), local.Day()}, local.Sub(midnight))
		if back := at.Add(-time.Hour); berlin.Offset(back) != berlin.Offset(at) && got.Equal(back) {
			return // the second of an hour shown twice
		}
		if !got.Equal(at) {
			rt.Fatalf("local %v is %v, want %v", local, got, at)
		}
	})
}

func ExampleRecurrence() {
	thanksgiving := Recurrence{
		Months: []time.Month{time.November}, Weekdays: []time.Weekday{time.Thursday}, Nth: []int{4},
		Length: 24 * time.Hour,
	}
	newYork := Zone{{Offset: -5 * time.Hour}}
	days, err := thanksgiving.Occurrences(utc(2024, 1, 1, 0, 0), utc(2027, 1, 1, 0, 0), newYork)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, d := range days {
		fmt.Println(d.From.Format(time.RFC3339))
	}
	// Output:
	// 2024-11-28T05:00:00Z
	// 2025-11-27T05:00:00Z
	// 2026-11-26T05:00:00Z
}

func TestRecurrence(t *testing.T) {
	const d = 24 * time.Hour
	for _, tt := range []struct {
		name     string
		rule     Recurrence
		from, to time.Time
		want     []time.Time
	}{
		{
			"last day of the month",
			Recurrence{Days: []int{-1}, Length: d},
			utc(2028, 1, 1, 12, 0), utc(2028, 4, 1, 0, 0),
			[]time.Time{utc(2028, 1, 31, 0, 0), utc(2028, 2, 29, 0, 0), utc(2028, 3, 31, 0, 0)},
		},
		{
			"last Friday",
			Recurrence{Weekdays: []time.Weekday{time.Friday}, Nth: []int{-1}, Length: d},
			utc(2026, 1, 1, 0, 0), utc(2026, 3, 1, 0, 0),
			[]time.Time{utc(2026, 1, 30, 0, 0), utc(2026, 2, 27, 0, 0)},
		},
		{
			"every other week",
			Recurrence{First: Date{2026, 3, 3}, EveryDays: 14, At: 9 * time.Hour, Length: time.Hour},
			utc(2026, 2, 1, 0, 0), utc(2026, 4, 1, 0, 0),
			[]time.Time{utc(2026, 3, 3, 9, 0), utc(2026, 3, 17, 9, 0), utc(2026, 3, 31, 9, 0)},
		},
		{
			"under way counts",
			Recurrence{Months: []time.Month{time.November}, Days: []int{11}, Length: 3 * d},
			utc(2026, 11, 13, 0, 0), utc(2026, 12, 1, 0, 0),
			[]time.Time{utc(2026, 11, 11, 0, 0)},
		},
		{"ended does not", Recurrence{Months: []time.Month{time.November}, Days: []int{11}, Length: 2 * d}, utc(2026, 11, 13, 0, 0), utc(2026, 12, 1, 0, 0), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			list, err := tt.rule.Occurrences(tt.from, tt.to, nil)
			require.NoError(t, err)
			var got []time.Time
			for _, o := range list {
				assert.Equal(t, tt.rule.Length, o.To.Sub(o.From))
				got = append(got, o.From)
			}
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestRecurrenceFollowsLocalTime(t *testing.T) {
	list, err := Recurrence{At: 2 * time.Hour, Length: time.Hour}.Occurrences(utc(2026, 3, 27, 0, 0), utc(2026, 3, 31, 12, 0), berlin)
	require.NoError(t, err)
	var got []string
	for _, o := range list {
		got = append(got, o.From.Format("02 15:04"))
	}
	assert.Equal(t, []string{"27 01:00", "28 01:00", "29 01:00", "30 00:00", "31 00:00"}, got)
}

func TestRecurrenceErrors(t *testing.T) {
	good := Recurrence{Length: time.Hour}
	for want, change := range map[string]func(*Recurrence){
		"month 13":            func(r *Recurrence) { r.Months = []time.Month{13} },
		"day 0 of the month":  func(r *Recurrence) { r.Days = []int{0} },
		"weekday 7":           func(r *Recurrence) { r.Weekdays = []time.Weekday{7} },
		"nth needs weekdays":  func(r *Recurrence) { r.Nth = []int{1} },
		"every 2 days":        func(r *Recurrence) { r.EveryDays = 2 },
		"2026-02-30 does not": func(r *Recurrence) { r.First = Date{2026, 2, 30} },
		"time of day 24h0m0s": func(r *Recurrence) { r.At = 24 * time.Hour },
		"length 0s":           func(r *Recurrence) { r.Length = 0 },
	} {
		r := good
		change(&r)
		_, err := r.Occurrences(utc(2026, 1, 1, 0, 0), utc(2026, 2, 1, 0, 0), nil)
		assert.ErrorContains(t, err, want)
	}
	_, err := good.Occurrences(utc(1800, 1, 1, 0, 0), utc(2026, 2, 1, 0, 0), nil)
	require.ErrorContains(t, err, "want at most 36525")
	_, err = good.Occurrences(utc(2026, 1, 1, 0, 0), utc(2026, 2, 1, 0, 0), Zone{berlin[1], berlin[0]})
	require.ErrorContains(t, err, "is not after the one before")
}

func TestSchedule(t *testing.T) {
	start := utc(2026, 3, 2, 0, 0)
	at := func(from, to int) Occurrence {
		return Occurrence{start.Add(time.Duration(from) * time.Minute), start.Add(time.Duration(to) * time.Minute)}
	}
	s := newSchedule(Calendar{
		{Name: "first hour", Occurrences: []Occurrence{at(60, 120)}},
		{Name: "day", Occurrences: []Occurrence{at(300, 310), at(50, 200), at(190, 230)}},
		{Name: "past", Occurrences: []Occurrence{at(-100, 1), {time.Time{}, time.Time{}.Add(1)}}},
	}, start, 10*time.Minute)
	for step, want := range map[int]int{-1: 2, 0: 2, 1: none, 5: 1, 6: 0, 11: 0, 12: 1, 22: 1, 23: none, 29: none, 30: 1, 31: none} {
		got, _ := s.at(step)
		assert.Equal(t, want, got, "step %d", step)
	}
}
