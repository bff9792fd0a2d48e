package forecast

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Recurrence is a rule for the local dates on which an event takes place, in the manner of an iCalendar
// RRULE or a cron line. A date must satisfy every field that is not empty; the zero rule is every day.
//
//	Double 11                 {Months: {November}, Days: {11}, Length: 24h}
//	Thanksgiving              {Months: {November}, Weekdays: {Thursday}, Nth: {4}, Length: 24h}
//	payday                    {Days: {-1}, Length: 24h}
//	workdays 09:00 to 10:00   {Weekdays: {Monday ... Friday}, At: 9h, Length: 1h}
//	every other Tuesday       {First: a Tuesday, EveryDays: 14, Length: 24h}
//
// Source of the terms: RFC 5545, section 3.3.10 (BYMONTH, BYMONTHDAY, BYDAY with an ordinal, INTERVAL).
type Recurrence struct {
	// Months are months of the year.
	Months []time.Month
	// Days are days of the month, 1 to 31, or -1 to -31 counted from its end.
	Days []int
	// Weekdays are days of the week.
	Weekdays []time.Weekday
	// Nth, with Weekdays, picks the first (1) to fifth (5) or last (-1) to fifth last (-5) such weekday
	// of the month.
	Nth []int
	// EveryDays, with First, picks every so many days from there.
	EveryDays int
	// First is the first date that counts; the zero value means any. Its month and day must exist.
	First Date
	// At is the local time of day at which an occurrence starts.
	At time.Duration
	// Length is the length of an occurrence, positive.
	Length time.Duration
}

// mostDates bounds the dates that Occurrences looks at, a hundred years.
const mostDates = 36_525

// Occurrences returns the occurrences of the rule that overlap from..to, oldest first. Dates and times
// of day are those of the zone, so that 02:00 stays 02:00 when clocks change (see Zone.Instant). It
// takes O(1) time per day between from and to.
func (r Recurrence) Occurrences(from, to time.Time, z Zone) ([]Occurrence, error) {
	if err := errors.Join(r.validate(), z.validate()); err != nil {
		return nil, err
	}
	// An occurrence may begin days before from; offsets and At shift dates by at most two days more.
	first := floorDiv(from.Add(-r.Length).Unix(), secondsPerDay) - 2
	last := floorDiv(to.Unix(), secondsPerDay) + 2
	if last-first > mostDates {
		return nil, fmt.Errorf("forecast: a recurrence is asked for %d days, want at most %d", last-first, mostDates)
	}
	var list []Occurrence
	for n := first; n <= last; n++ {
		d := dateOf(n)
		if !r.on(d, n) {
			continue
		}
		start := z.Instant(d, r.At)
		if o := (Occurrence{From: start, To: start.Add(r.Length)}); o.To.After(from) && o.From.Before(to) {
			list = append(list, o)
		}
	}
	return list, nil
}

func (r Recurrence) on(d Date, number int64) bool {
	if len(r.Months) > 0 && !slices.Contains(r.Months, d.Month) {
		return false
	}
	inMonth := Date{Year: d.Year, Month: d.Month + 1, Day: 0}.midnight().Day()
	if len(r.Days) > 0 && !slices.Contains(r.Days, d.Day) && !slices.Contains(r.Days, d.Day-inMonth-1) {
		return false
	}
	if len(r.Weekdays) > 0 && !slices.Contains(r.Weekdays, weekdayOf(number)) {
		return false
	}
	if len(r.Nth) > 0 && !slices.Contains(r.Nth, (d.Day-1)/7+1) && !slices.Contains(r.Nth, -((inMonth-d.Day)/7+1)) {
		return false
	}
	if r.First == (Date{}) {
		return true
	}
	since := number - r.First.number()
	return since >= 0 && (r.EveryDays == 0 || since%int64(r.EveryDays) == 0)
}

func (r Recurrence) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("forecast: recurrence: "+format, args...))
	}
	for _, m := range r.Months {
		if m < time.January || m > time.December {
			bad("month %d, want 1 to 12", int(m))
		}
	}
	for _, n := range r.Days {
		if n == 0 || n < -31 || n > 31 {
			bad("day %d of the month, want 1 to 31 or -31 to -1", n)
		}
	}
	for _, w := range r.Weekdays {
		if w < time.Sunday || w > time.Saturday {
			bad("weekday %d, want 0 (Sunday) to 6 (Saturday)", int(w))
		}
	}
	for _, n := range r.Nth {
		if n == 0 || n < -5 || n > 5 {
			bad("the %d. weekday of the month, want 1 to 5 or -5 to -1", n)
		}
	}
	if len(r.Nth) > 0 && len(r.Weekdays) == 0 {
		bad("nth needs weekdays, got none")
	}
	if r.EveryDays < 0 || r.EveryDays > 0 && r.First == (Date{}) {
		bad("every %d days, want 1 or more with a first date, or 0", r.EveryDays)
	}
	if r.First != (Date{}) && !r.First.valid() {
		bad("first date %v does not exist", r.First)
	}
	if r.At < 0 || r.At >= day {
		bad("time of day %v, want 0 to less than %v", r.At, day)
	}
	if r.Length <= 0 || r.Length > 366*day {
		bad("length %v, want more than 0 and at most 366 days", r.Length)
	}
	return errors.Join(errs...)
}

// dateOf returns the date of a day number.
func dateOf(number int64) Date {
	y, m, d := time.Unix(number*secondsPerDay, 0).UTC().Date()
	return Date{Year: y, Month: m, Day: d}
}
