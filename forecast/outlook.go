package forecast

import (
	"math"
	"time"
)

const (
	levelCount  = 4
	dayCount    = 7 // past days looked at, at most
	weekCount   = 3
	profileRate = 8  // cycles over which a phase of day or week is averaged
	quickSpan   = 10 // steps of the quick and the slow mean of |changes|
	slowSpan    = 100
	volBins     = 48 // bins of the day for the usual size of a change
	longFactor  = 8  // the recent maximum looks back one window and this many windows
)

// levelRates are the smoothing parameters of the local level: the newest value, and means over about 3,
// 10 and 50 steps.
var levelRates = [levelCount]float64{1, 0.3, 0.1, 0.02}

// Regressors of a window's maximum. The first block are locations, forecasts of the maximum in its
// own unit; the second block widens them.
const (
	xLevel    = 0                    // four local levels
	xDaily    = xLevel + levelCount  // four levels of the deviation from the day's profile, plus the profile
	xWeekly   = xDaily + levelCount  // the same for the week
	xDayAgo   = xWeekly + levelCount // the same window a day ago,
	xWeekAgo  = xDayAgo + 1          // a week ago,
	xHighest  = xWeekAgo + 1         // and the largest of both and the newest value
	xRecent   = xHighest + 1         // maximum of as many steps past
	xLong     = xRecent + 1          // and of eight times as many
	xDayMean  = xLong + 1            // mean over past days of the window's maximum, a little early or late
	xWeekMean = xDayMean + 1         // the same over weeks
	locations = xWeekMean + 1        //
	xOne      = locations            // a constant
	xQuick    = xOne + 1             // quick and slow mean of |changes|
	xSlow     = xQuick + 1           //
	xPhase    = xSlow + 1            // usual size of a change at the phases of day of the window
	xRoot     = xPhase + 1           // root of the level times the mean: count noise, overdispersed or not
	xDayTop   = xRoot + 1            // excess of the largest and the second largest day over xDayMean
	xDayNext  = xDayTop + 1          //
	xWeekTop  = xDayNext + 1         // and of the largest week over xWeekMean
	xBurst    = xWeekTop + 1         // excess of xLong over the level
	xRise     = xBurst + 1           // excess of the newest value over it
	width     = xRise + 1            //
)

// profile is the mean deviation of a phase of a cycle from the slow level, with levels of what it
// leaves over. The zero period means none.
type profile struct {
	period int
	mean   []float64
	count  []float64
	level  [levelCount]float64
	weight [levelCount]float64
}

func newProfile(period int) profile {
	return profile{period: period, mean: make([]float64, period), count: make([]float64, period)}
}

func (p *profile) update(index int, y, base float64) {
	k := index % p.period
	e := y - p.mean[k]
	for i, rate := range levelRates {
		p.weight[i] += rate * (1 - p.weight[i])
		p.level[i] += rate / p.weight[i] * (e - p.level[i])
	}
	if p.period > 1 {
		p.count[k]++
		p.mean[k] += (e - base) / min(p.count[k], profileRate)
	}
}

// tracker follows a series at its own step for the regressors: local levels, profiles of the day and
// the week phase by phase, sizes of changes, and the values of past days and weeks. Every update takes
// the same small time.
type tracker struct {
	day, week int // steps, 0 if the history does not hold enough of them
	slack     int // steps by which a scheduled burst may come early or late
	past      []float64
	topped    []float64 // past, each value replaced by the largest within the slack
	n         int
	last      float64
	unit      float64    // mean over the history
	profiles  [3]profile // none, day, week

	base, baseSeen  float64 // level over about a day
	quick, slow     float64
	quickSeen, seen float64
	bins, binCount  []float64
	perBin          float64
}

// newTracker is for forecasts up to the horizon after a history of n values with the mean unit.
func newTracker(step time.Duration, n, horizon int, unit float64) *tracker {
	t := &tracker{last: math.NaN(), slack: 1, unit: unit}
	if step < 5*time.Minute {
		t.slack = int(min(2*time.Minute/step, 10))
	}
	t.profiles[0] = newProfile(1)
	room := longFactor*horizon + 1
	if d := stepsIn(day, step); d >= 4 && n >= 2*d && horizon < d {
		t.day = d
		t.profiles[1] = newProfile(d)
		room = max(room, min(dayCount*d, n)+horizon+2*t.slack+1)
		bins := min(volBins, d)
		t.bins, t.binCount = make([]float64, bins), make([]float64, bins)
		t.perBin = float64(d) / float64(bins)
	}
	if w := stepsIn(week, step); w >= 4 && 10*n >= 13*w && horizon < w {
		t.week = w
		if n >= 2*w {
			t.profiles[2] = newProfile(w)
		}
		room = max(room, min(weekCount*w, n)+horizon+2*t.slack+1)
	}
	t.past, t.topped = make([]float64, room), make([]float64, room)
	return t
}

// update takes the next value, NaN if missing.
func (t *tracker) update(y float64) {
	at := t.n % len(t.past)
	t.past[at], t.topped[at] = y, y
	for j := 1; j <= min(t.slack, t.n); j++ {
		i := (t.n - j) % len(t.past)
		if v := t.past[i]; v > t.topped[at] || t.topped[at] != t.topped[at] {
			t.topped[at] = v
		}
		if y > t.topped[i] || t.topped[i] != t.topped[i] {
			t.topped[i] = y
		}
	}
	if y == y {
		t.learn(y)
	}
	t.n++
}

func (t *tracker) learn(y float64) {
	if t.last == t.last {
		change := math.Abs(y - t.last)
		t.quickSeen += (1 - t.quickSeen) / quickSpan
		t.quick += (change - t.quick) / (quickSpan * t.quickSeen)
		t.seen += (1 - t.seen) / slowSpan
		t.slow += (change - t.slow) / (slowSpan * t.seen)
		if t.day > 0 {
			b := t.bin(t.n)
			t.binCount[b]++
			t.bins[b] += (change - t.bins[b]) / min(t.binCount[b], max(phaseSpan, phaseDays*t.perBin))
		}
	}
	span := 200.0
	if t.day > 0 {
		span = float64(t.day)
	}
	t.baseSeen += (1 - t.baseSeen) / span
	t.base += (y - t.base) / (span * t.baseSeen)
	for i := range t.profiles {
		if t.profiles[i].period > 0 {
			t.profiles[i].update(t.n, y, t.base)
		}
	}
	t.last = y
}

func (t *tracker) bin(index int) int { return int(float64(index%t.day) / t.perBin) }

// ago returns the value of the ring k steps before the newest, NaN if it is not held.
func (t *tracker) ago(ring []float64, k int) float64 {
	if k < 0 || k >= t.n || k >= len(ring) {
		return math.NaN()
	}
	return ring[(t.n-1-k)%len(ring)]
}

// outlook is what a tracker knows about the coming steps, from which the regressors of any window of
// them follow. It shares nothing with the tracker.
type outlook struct {
	last         float64
	unit         float64
	levels       [3][levelCount]float64
	has          [3]bool
	quick, slow  float64
	days, weeks  int
	steps        []ahead
	recent, long []float64 // maximum of the newest k and longFactor·k values
}

// ahead is one coming step.
type ahead struct {
	daily, weekly, dayAgo, weekAgo, size float64
	days                                 [dayCount]float64
	weeks                                [weekCount]float64
}

// look fills the outlook of the coming steps.
func (t *tracker) look(o *outlook, steps int) {
	o.last, o.unit, o.quick, o.slow = t.last, t.unit, t.quick, t.slow
	o.days, o.weeks = 0, 0
	if t.day > 0 {
		o.days = min(dayCount, t.n/t.day)
	}
	if t.week > 0 {
		o.weeks = min(weekCount, t.n/t.week, len(t.past)/t.week)
	}
	for i := range t.profiles {
		o.has[i] = t.profiles[i].period > 0
		o.levels[i] = t.profiles[i].level
	}
	if cap(o.steps) < steps {
		o.steps = make([]ahead, steps)
		o.recent, o.long = make([]float64, steps), make([]float64, steps)
	}
	o.steps, o.recent, o.long = o.steps[:steps], o.recent[:steps], o.long[:steps]
	recent, long := math.NaN(), math.NaN()
	longAt := 0
	for i := range steps {
		k := i + 1
		a := &o.steps[i]
		a.dayAgo, a.weekAgo = math.NaN(), math.NaN()
		if t.day > 0 {
			a.daily = t.profiles[1].mean[(t.n+i)%t.day]
			a.size = t.bins[t.bin(t.n+i)]
			a.dayAgo = t.ago(t.past, t.day-k)
			for d := range o.days {
				a.days[d] = t.ago(t.topped, (d+1)*t.day-k)
			}
		}
		if t.week > 0 {
			if o.has[2] {
				a.weekly = t.profiles[2].mean[(t.n+i)%t.week]
			}
			a.weekAgo = t.ago(t.past, t.week-k)
			for d := range o.weeks {
				a.weeks[d] = t.ago(t.topped, (d+1)*t.week-k)
			}
		}
		recent = larger(recent, t.ago(t.past, k-1))
		for ; longAt < longFactor*k; longAt++ {
			long = larger(long, t.ago(t.past, longAt))
		}
		o.recent[i], o.long[i] = recent, long
	}
}

// larger returns the larger of two values of which NaN is none.
func larger(a, b float64) float64 {
	if b > a || a != a {
		return b
	}
	return a
}

// known returns v, or the substitute where it is NaN.
func known(v, substitute float64) float64 {
	if v != v {
		return substitute
	}
	return v
}

// row fills x with the regressors of the maximum over the steps from..to, counted from 1.
func (o *outlook) row(x []float64, from, to int) {
	w := noWindow()
	for i := from - 1; i < to; i++ {
		w.include(&o.steps[i], o.days, o.weeks)
	}
	o.fill(x, &w, to-from+1)
}

// windowAhead is the step-wise maximum of coming steps.
type windowAhead ahead

func noWindow() windowAhead {
	nan := math.NaN()
	w := windowAhead{daily: math.Inf(-1), weekly: math.Inf(-1), dayAgo: nan, weekAgo: nan}
	for i := range w.days {
		w.days[i] = nan
	}
	for i := range w.weeks {
		w.weeks[i] = nan
	}
	return w
}

func (w *windowAhead) include(a *ahead, days, weeks int) {
	w.daily, w.weekly, w.size = max(w.daily, a.daily), max(w.weekly, a.weekly), max(w.size, a.size)
	w.dayAgo, w.weekAgo = larger(w.dayAgo, a.dayAgo), larger(w.weekAgo, a.weekAgo)
	for d := range days {
		w.days[d] = larger(w.days[d], a.days[d])
	}
	for d := range weeks {
		w.weeks[d] = larger(w.weeks[d], a.weeks[d])
	}
}

// fill computes the regressors. Where a cycle is not known, shorter memory stands in for it.
func (o *outlook) fill(x []float64, w *windowAhead, length int) {
	add := [3]float64{0, w.daily, w.weekly}
	for i := range 3 {
		for j := range levelCount {
			if o.has[i] {
				x[i*levelCount+j] = max(0, o.levels[i][j]+add[i])
			} else {
				x[i*levelCount+j] = max(0, o.levels[0][j])
			}
		}
	}
	slowLevel := x[xLevel+2]
	x[xDayAgo] = known(w.dayAgo, o.last)
	x[xWeekAgo] = known(w.weekAgo, x[xDayAgo])
	x[xHighest] = max(x[xDayAgo], x[xWeekAgo], o.last)
	x[xRecent] = known(o.recent[length-1], o.last)
	x[xLong] = known(o.long[length-1], o.last)
	mean, first, second := top(w.days[:o.days], o.last)
	x[xDayMean], x[xDayTop], x[xDayNext] = mean, first-mean, max(0, second-mean)
	mean, first, _ = top(w.weeks[:o.weeks], mean)
	x[xWeekMean], x[xWeekTop] = mean, first-mean
	x[xOne], x[xQuick], x[xSlow], x[xPhase] = 1, o.quick, o.slow, w.size
	x[xRoot] = math.Sqrt(slowLevel) * math.Sqrt(o.unit)
	x[xBurst] = max(0, x[xLong]-slowLevel)
	x[xRise] = max(0, o.last-slowLevel)
}

// top returns the mean, the largest and the second largest of the values present; the substitute if
// there are none.
func top(v []float64, substitute float64) (mean, first, second float64) {
	n := 0.0
	first, second = math.Inf(-1), math.Inf(-1)
	for _, z := range v {
		if z != z {
			continue
		}
		n++
		mean += (z - mean) / n
		if z > first {
			first, second = z, first
		} else if z > second {
			second = z
		}
	}
	switch n {
	case 0:
		return substitute, substitute, substitute
	case 1:
		return mean, first, first
	}
	return mean, first, second
}
