package forecast

import (
	"errors"
	"fmt"
	"time"
)

// DayType says what kind of day a date is: one of the weekdays, or a holiday of its own kind.
type DayType int

// The types of day. A weekday w is DayType(w).
const (
	SundayType   = DayType(time.Sunday)
	SaturdayType = DayType(time.Saturday)
	// HolidayType is that of days which are like no weekday, such as Christmas. Before one has been seen
	// it counts as a Sunday.
	HolidayType = DayType(7)
)

const dayTypes = 8

// Holidays gives dates of the local calendar another type than their weekday's.
type Holidays map[Date]DayType

func (h Holidays) validate() error {
	for d, t := range h {
		// One message, whichever bad date comes first in the map, must be the same each time.
		if !d.valid() || t < 0 || t >= dayTypes {
			return h.firstProblem()
		}
	}
	return nil
}

// firstProblem returns the problem of the earliest bad date.
func (h Holidays) firstProblem() error {
	var first Date
	var err error
	for d, t := range h {
		var problem error
		switch {
		case !d.valid():
			problem = fmt.Errorf("forecast: holiday %v does not exist", d)
		case t < 0 || t >= dayTypes:
			problem = fmt.Errorf("forecast: holiday %v has the type %d, want 0 (Sunday) to 7 (HolidayType)", d, int(t))
		default:
			continue
		}
		if err == nil || d.before(first) {
			first, err = d, problem
		}
	}
	return err
}

func (d Date) before(other Date) bool {
	if d.Year != other.Year {
		return d.Year < other.Year
	}
	if d.Month != other.Month {
		return d.Month < other.Month
	}
	return d.Day < other.Day
}

// localDays maps steps of a series to the type of their local day and the phase in it.
type localDays struct {
	start    time.Time
	step     time.Duration
	zone     Zone
	holidays map[int64]DayType // by day number
	length   int               // steps in a day
}

func newLocalDays(s Series, z Zone, h Holidays) (*localDays, error) {
	err := errors.Join(z.validate(), h.validate())
	length := stepsIn(day, s.Step)
	if s.Step > 0 && length < 2 {
		err = errors.Join(err, fmt.Errorf("forecast: a day is no whole number of steps of %v, at least 2", s.Step))
	}
	if s.Start.IsZero() && (len(z) > 0 || len(h) > 0) {
		err = errors.Join(err, errors.New("forecast: a zone and holidays need the start of the series, got the zero time"))
	}
	if err != nil {
		return nil, err
	}
	l := &localDays{start: s.Start, step: s.Step, zone: z, holidays: make(map[int64]DayType, len(h)), length: length}
	for d, t := range h {
		l.holidays[d.number()] = t
	}
	return l, nil
}

// at returns the type of the local day that holds the start of a step, and the phase in that day.
func (l *localDays) at(step int) (kind DayType, phase int) {
	t := l.start.Add(time.Duration(step) * l.step)
	seconds := t.Unix()
	if len(l.zone) > 0 {
		seconds += int64(l.zone.Offset(t) / time.Second)
	}
	number := floorDiv(seconds, secondsPerDay)
	inDay := time.Duration(seconds-number*secondsPerDay)*time.Second + time.Duration(t.Nanosecond())
	phase = int(inDay / l.step)
	if len(l.holidays) > 0 {
		if kind, ok := l.holidays[number]; ok {
			return kind, phase
		}
	}
	return DayType(weekdayOf(number)), phase
}

// grouping puts types of day that behave alike into one group.
type grouping [dayTypes]int

// groupings are those tried, simplest first. Holidays of their own kind are always a group apart, except
// where all days are alike.
var groupings = []grouping{
	{},                       // all days alike
	{1, 0, 0, 0, 0, 0, 1, 2}, // Monday to Friday, weekend
	{0, 0, 0, 0, 0, 1, 1, 2}, // the same where the weekend is Friday and Saturday
	{1, 0, 0, 0, 0, 0, 2, 3}, // Saturday and Sunday differ
	{0, 1, 2, 3, 4, 5, 6, 7}, // all differ
}

func (g grouping) count() int {
	most := 0
	for _, k := range g {
		most = max(most, k)
	}
	return most + 1
}
