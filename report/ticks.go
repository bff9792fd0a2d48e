package report

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tick is one labeled position on an axis. Note is a second line, such as the date below the first time of a day.
type tick struct {
	at    float64
	label string
	note  string
}

// span is a closed range of values.
type span struct{ from, to float64 }

func (s span) width() float64 { return s.to - s.from }

func (s *span) include(v float64) {
	if finite(v) {
		s.from, s.to = math.Min(s.from, v), math.Max(s.to, v)
	}
}

var emptySpan = span{math.Inf(1), math.Inf(-1)}

func (s span) empty() bool { return s.from > s.to }

// open returns the range, or room of the given size on both sides of one too narrow for ticks: a single value, or
// values that differ in their last digits only.
func (s span) open(room float64) span {
	const digits = 1e-9
	least := digits * math.Max(math.Abs(s.from), math.Abs(s.to))
	if s.width() > least {
		return s
	}
	middle := s.from + s.width()/2
	room = math.Max(room, least)
	return span{middle - room, middle + room}
}

// niceStep returns the least of 1, 2 and 5 times a power of ten that is not below the given step.
func niceStep(least float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(least)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= least*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// numberTicks returns ticks at multiples of a nice step, at most most + 1 of them, inside the range.
func numberTicks(r span, most int) []tick {
	step := niceStep(r.width() / float64(max(most, 1)))
	first, last := math.Ceil(r.from/step-1e-9), math.Floor(r.to/step+1e-9)
	var ticks []tick
	for i := range int(last-first) + 1 {
		at := (first + float64(i)) * step
		ticks = append(ticks, tick{at: at, label: formatNumber(at, step)})
	}
	return ticks
}

// widen rounds a range outwards to the nice step of its ticks.
func widen(r span, most int) span {
	step := niceStep(r.width() / float64(max(most, 1)))
	return span{math.Floor(r.from/step+1e-9) * step, math.Ceil(r.to/step-1e-9) * step}
}

// formatNumber writes a multiple of step with the decimals the step needs, thousands and millions as k and M.
func formatNumber(v, step float64) string {
	size := math.Max(math.Abs(v), step)
	suffix := ""
	switch {
	case v == 0:
		return "0"
	case size >= 1e12 || step < 1e-6:
		return strings.Replace(strconv.FormatFloat(v, 'g', 4, 64), "e+", "e", 1)
	case size >= 1e9:
		v, step, suffix = v/1e9, step/1e9, "G"
	case size >= 1e6:
		v, step, suffix = v/1e6, step/1e6, "M"
	case size >= 1e4:
		v, step, suffix = v/1e3, step/1e3, "k"
	}
	decimals := 0
	for s := step; decimals < 9 && math.Abs(s-math.Round(s)) > 1e-6*s; decimals++ {
		s *= 10
	}
	return strconv.FormatFloat(v, 'f', decimals, 64) + suffix
}

// timeStep is a step of a time axis: a part of a day, or days, months or years.
type timeStep struct {
	seconds, days, months int
}

var timeSteps = slices.Concat(
	multiples(timeStep{seconds: 1}, 1, 2, 5, 10, 15, 30),
	multiples(timeStep{seconds: 60}, 1, 2, 5, 10, 15, 30),
	multiples(timeStep{seconds: 3600}, 1, 2, 3, 6, 12),
	multiples(timeStep{days: 1}, 1, 2, 7, 14),
	multiples(timeStep{months: 1}, 1, 3, 6),
	multiples(timeStep{months: 12}, 1, 2, 5, 10, 20, 50, 100),
)

func multiples(of timeStep, counts ...int) []timeStep {
	steps := make([]timeStep, len(counts))
	for i, n := range counts {
		steps[i] = timeStep{seconds: n * of.seconds, days: n * of.days, months: n * of.months}
	}
	return steps
}

func (s timeStep) approximateSeconds() float64 {
	const day, month = 86400.0, 30.44 * 86400
	return float64(s.seconds) + float64(s.days)*day + float64(s.months)*month
}

func (s timeStep) format() string {
	switch {
	case s.months >= 12:
		return "2006"
	case s.months > 0:
		return "Jan 2006"
	case s.days > 0:
		return "Jan 2"
	case s.seconds < 60:
		return "15:04:05"
	}
	return "15:04"
}

// next returns the first tick after t: parts of a day counted from local midnight, so that a change of the clock
// shifts no later tick; days, months and years by the calendar.
func (s timeStep) next(t time.Time) time.Time {
	y, m, d := t.Date()
	switch {
	case s.months > 0:
		index := (y*12 + int(m) - 1) / s.months * s.months
		return time.Date(0, time.Month(index+s.months+1), 1, 0, 0, 0, 0, t.Location())
	case s.days == 7 || s.days == 14: // Mondays
		back := (int(t.Weekday()) + 6) % 7
		return time.Date(y, m, d-back+s.days, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		return time.Date(y, m, d+s.days, 0, 0, 0, 0, t.Location())
	}
	ofDay := t.Hour()*3600 + t.Minute()*60 + t.Second()
	next := time.Date(y, m, d, 0, 0, ofDay/s.seconds*s.seconds+s.seconds, 0, t.Location())
	if !next.After(t) { // the hour that the clock repeats
		next = t.Add(time.Duration(s.seconds) * time.Second)
	}
	return next
}

// timeTicks returns ticks at round times inside the range, at most as many as given, with the date noted below the
// first time of each day. Ranges too short or too long for a calendar fall back to plain numbers.
func timeTicks(r span, most int, location *time.Location) []tick {
	most = max(most, 1)
	const farthest = 250e9 // seconds; beyond some 8000 years calendars are no help
	if r.width() < 2 || math.Abs(r.from) > farthest || math.Abs(r.to) > farthest {
		return numberTicks(r, most)
	}
	fits := func(s timeStep) bool { return r.width()/s.approximateSeconds() <= float64(most) }
	chosen := slices.IndexFunc(timeSteps, fits)
	if chosen < 0 {
		return numberTicks(r, most)
	}
	step := timeSteps[chosen]
	at := time.Unix(int64(math.Ceil(r.from))-1, 0).In(location)
	var ticks []tick
	day := ""
	for {
		at = step.next(at)
		if Seconds(at) > r.to {
			return ticks
		}
		if Seconds(at) < r.from {
			continue
		}
		t := tick{at: Seconds(at), label: at.Format(step.format())}
		switch date := at.Format("Jan 2"); {
		case step.seconds > 0 && date != day:
			t.note, day = date, date
		case step.days > 0 && at.Format("2006") != day:
			t.note, day = at.Format("2006"), at.Format("2006")
		}
		ticks = append(ticks, t)
	}
}
