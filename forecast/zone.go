package forecast

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Shift is an instant from which local time has another offset from UTC (east positive).
type Shift struct {
	At     time.Time
	Offset time.Duration
}

// Zone is local time as data, since this package holds no time zone database: the changes of the
// offset that matter to a history and its forecasts, oldest first. Before the first change the first
// offset holds. An empty zone is UTC.
type Zone []Shift

// mostOffset is the largest distance of local time from UTC that is accepted; real ones stay within 14 hours.
const mostOffset = 18 * time.Hour

// Offset returns the offset at an instant in O(log n) time.
func (z Zone) Offset(t time.Time) time.Duration {
	if len(z) == 0 {
		return 0
	}
	i, found := slices.BinarySearchFunc(z, t, func(s Shift, t time.Time) int { return s.At.Compare(t) })
	if !found {
		i--
	}
	return z[max(i, 0)].Offset
}

// Instant returns the instant at which clocks show the local date and the time since its midnight. An
// hour that clocks skip counts as the same time after midnight without the change, thus later on the
// clock; of an hour shown twice the first is returned.
func (z Zone) Instant(d Date, sinceMidnight time.Duration) time.Time {
	wall := d.midnight().Add(sinceMidnight)
	// The offset well before the local time is that before any change near it: changes lie months apart.
	before, after := z.Offset(wall.Add(-mostOffset-day)), z.Offset(wall.Add(mostOffset+day))
	if t := wall.Add(-before); z.Offset(t) == before {
		return t
	}
	if t := wall.Add(-after); z.Offset(t) == after {
		return t
	}
	return wall.Add(-before)
}

func (z Zone) validate() error {
	var errs []error
	for i, s := range z {
		if s.Offset > mostOffset || s.Offset < -mostOffset || s.Offset%time.Second != 0 {
			errs = append(errs, fmt.Errorf("forecast: offset %d of the zone is %v, want whole seconds within ±%v", i, s.Offset, mostOffset))
		}
		if i > 0 && !s.At.After(z[i-1].At) {
			errs = append(errs, fmt.Errorf("forecast: change %d of the zone at %v is not after the one before at %v", i, s.At.UTC(), z[i-1].At.UTC()))
		}
	}
	return errors.Join(errs...)
}

// Date is a day of the local calendar.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// midnight is the start of the date on clocks that show UTC.
func (d Date) midnight() time.Time { return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC) }

// number counts days from 1970-01-01, a Thursday.
func (d Date) number() int64 { return floorDiv(d.midnight().Unix(), secondsPerDay) }

// valid reports whether the calendar has the date.
func (d Date) valid() bool {
	y, m, n := d.midnight().Date()
	return y == d.Year && m == d.Month && n == d.Day
}

// String returns the date as 2026-11-11.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

const secondsPerDay = int64(day / time.Second)

// weekdayOf returns the weekday of a day number.
func weekdayOf(number int64) time.Weekday {
	n := (number + int64(time.Thursday)) % 7
	if n < 0 {
		n += 7
	}
	return time.Weekday(n)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
