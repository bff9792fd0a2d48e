package forecast

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Calendar is a list of known events. Where two of them overlap, the one listed first holds, so that
// the first hour of a sale can be an event of its own before the rest of the day.
type Calendar []Event

// Event is something that changes the load at known times: a sale, a holiday, a campaign. It is a
// regressor here; the same event may instead be a floor of replicas for the planner, never both, or it
// would be counted twice.
type Event struct {
	Name string
	// Occurrences are past and future ones, in any order.
	Occurrences []Occurrence
	// Multiplier is the expected ratio of the load during the event to that without it, positive, or 0
	// for an event that is known only by its past occurrences.
	Multiplier float64
}

// Occurrence is one time an event takes place: from From up to, not including, To.
type Occurrence struct{ From, To time.Time }

const (
	// leastMultiplier and mostMultiplier bound what an event may do.
	leastMultiplier, mostMultiplier = 1e-3, 1e3
	// mostOccurrences bounds the work of a calendar; it is twenty years of ten events a day.
	mostOccurrences = 73_000
)

// validate reports every problem of a calendar together.
func (c Calendar) validate() error {
	var errs []error
	total := 0
	for i, e := range c {
		if e.Multiplier != 0 && !(e.Multiplier >= leastMultiplier && e.Multiplier <= mostMultiplier) {
			errs = append(errs, fmt.Errorf("forecast: event %d (%s) has the multiplier %v, want %g to %g, or 0 to learn it", i, e.Name, e.Multiplier, leastMultiplier, mostMultiplier))
		}
		for j, o := range e.Occurrences {
			if !o.To.After(o.From) {
				errs = append(errs, fmt.Errorf("forecast: occurrence %d of event %d (%s) ends at %v, want a time after its start at %v", j, i, e.Name, o.To.UTC(), o.From.UTC()))
				break // one of each event is enough
			}
		}
		total += len(e.Occurrences)
	}
	if total > mostOccurrences {
		errs = append(errs, fmt.Errorf("forecast: the calendar has %d occurrences, want at most %d", total, mostOccurrences))
	}
	return errors.Join(errs...)
}

// stretch is an occurrence in steps of a series: from..to-1.
type stretch struct{ from, to int }

// schedule is a calendar in steps of a series.
type schedule [][]stretch // per event, in order and apart

// farStep bounds step indices, so that sums of them do not overflow.
const farStep = math.MaxInt32

// newSchedule resolves a calendar. A step belongs to an occurrence if any part of it does.
func newSchedule(c Calendar, start time.Time, step time.Duration) schedule {
	s := make(schedule, len(c))
	for i, e := range c {
		var list []stretch
		for _, o := range e.Occurrences {
			if o := (stretch{stepOf(o.From, start, step), stepOf(o.To.Add(-1), start, step) + 1}); o.to > o.from {
				list = append(list, o)
			}
		}
		slices.SortFunc(list, func(a, b stretch) int { return a.from - b.from })
		apart := list[:0]
		for _, o := range list {
			if n := len(apart); n > 0 && o.from <= apart[n-1].to {
				apart[n-1].to = max(apart[n-1].to, o.to)
				continue
			}
			apart = append(apart, o)
		}
		s[i] = apart
	}
	return s
}

// stepOf returns the index of the step that holds an instant.
func stepOf(t, start time.Time, step time.Duration) int {
	return int(min(max(floorDiv(int64(t.Sub(start)), int64(step)), -farStep), farStep))
}

// none is the index of no event.
const none = -1

// at returns the event that holds at a step, none if there is none, and its occurrence. It takes
// O(E log k) time for E events of k occurrences each.
func (s schedule) at(step int) (event int, o stretch) {
	for e, list := range s {
		i, _ := slices.BinarySearchFunc(list, step, func(o stretch, step int) int {
			if o.to <= step {
				return -1
			}
			if o.from > step {
				return 1
			}
			return 0
		})
		if i < len(list) && list[i].from <= step {
			return e, list[i]
		}
	}
	return none, stretch{}
}
