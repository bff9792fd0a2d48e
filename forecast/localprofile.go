package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// LocalProfile expects of each step what the same local time of day held on past days of its type:
//
//	y(t) = L(t) c(g(t), p(t)) + v(t)
//
// p is the phase in the local day at the series' own step, and g the group of the local date's type: its
// weekday, or what Holidays say. So a batch at 02:00 stays at 02:00 when clocks change, and a holiday looks like
// the Sunday it behaves as. c is the median of the newest seven values of that phase and group, each
// divided by the level at its time, so that one odd day leaves no trace; L is the ratio of the load of about
// the last day to c over the same steps, as far as the group has seen them; v is a deviation that fades (type deviation), of which a spike is cut off.
//
// Which weekdays are alike is learned: all of them; workdays and weekend (Saturday and Sunday, or Friday and
// Saturday); Saturday and Sunday apart; or all different. The simplest wins whose profile has an out-of-sample mean
// absolute error within two percent of a richer one's.
//
// Where a group has not yet seen a phase, a holiday counts as a Sunday, then any day serves, then the newest
// value. Missing values are left out. The step must divide the day. Fit needs two days, the horizon and
// some values more, else ErrTooShort, and takes O(n) time; Update takes O(1) beside the calibration's O(horizon). State is seven
// values per phase and group.
type LocalProfile struct {
	// Zone is local time; empty means UTC.
	Zone Zone
	// Holidays are dates that are not like their weekday.
	Holidays Holidays
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

const (
	profilePast = 7    // values per phase and group
	groupCost   = 0.02 // share of the error that a richer grouping must save
	levelBound  = 1e3  // L stays within this factor of 1,
	levelStep   = 3    // and a step tells no more than this factor against it, so that an outage is soon made up for
)

// Fit implements Model.
func (m LocalProfile) Fit(ctx context.Context, s Series) (Fitted, error) {
	days, err := newLocalDays(s, m.Zone, m.Holidays)
	if err = errors.Join(s.validate(), err); err != nil {
		return nil, err
	}
	f, err := fitPoint(ctx, s, m, m.Horizon, m.Window, 2*days.length)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// point implements pointModel.
func (m LocalProfile) point(ctx context.Context, s Series) (filter, error) {
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	days, err := newLocalDays(s, m.Zone, m.Holidays)
	if err != nil {
		return nil, err
	}
	if have, need := len(s.Values), 2*days.length; have < need {
		return nil, fmt.Errorf("forecast: need at least two days of %d steps, got %d: %w", days.length, have, ErrTooShort)
	}
	var best *localProfile
	least := math.Inf(1)
	deviations, chosen := make([]float64, len(s.Values)), make([]float64, len(s.Values))
	for _, g := range groupings {
		f := newLocalProfile(days, g)
		for t, y := range s.Values {
			if t%cancelEvery == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			deviations[t] = y - f.pattern(0)
			f.update(y)
		}
		// The first day has nothing to be judged by.
		if loss := meanSize(deviations[days.length:]); best == nil || loss < (1-groupCost)*least {
			best, least = f, loss
			deviations, chosen = chosen, deviations
		}
	}
	best.size = least
	best.rest = fitDeviation(cutSpikes(chosen[days.length:], limitFactor*least), leadsUpTo(c.horizon))
	return best, nil
}

// meanSize returns the mean absolute value, NaN left out.
func meanSize(d []float64) float64 {
	sizes := make([]float64, len(d))
	for t, v := range d {
		sizes[t] = math.Abs(v)
	}
	return presentMean(sizes)
}

// cutSpikes limits the values to ±limit.
func cutSpikes(d []float64, limit float64) []float64 {
	c := make([]float64, len(d))
	for t, v := range d {
		c[t] = min(max(v, -limit), limit)
	}
	return c
}

// phaseMemory holds the newest values of a phase in a group.
type phaseMemory struct {
	past   [profilePast]float64
	n      int
	median float64
}

func (p *phaseMemory) add(v float64) {
	p.past[p.n%profilePast] = v
	p.n++
	if p.n >= 2*profilePast { // keeps n small
		p.n -= profilePast
	}
	sorted := p.past
	p.median = medianOf(sorted[:min(p.n, profilePast)])
}

// localProfile is the filter of LocalProfile.
type localProfile struct {
	days   *localDays
	groups grouping
	phases [][]phaseMemory // per group
	all    []phaseMemory   // of any day
	n      int             // index of the coming step

	level            float64 // L
	actual, expected float64 // fading sums behind it
	last             float64
	size             float64 // mean absolute deviation
	rest             deviation
}

func newLocalProfile(days *localDays, g grouping) *localProfile {
	f := &localProfile{days: days, groups: g, level: 1, all: make([]phaseMemory, days.length)}
	for range g.count() {
		f.phases = append(f.phases, make([]phaseMemory, days.length))
	}
	return f
}

// phase returns c of a step, and whether there is one.
func (f *localProfile) phase(step int) (c float64, ok bool) {
	kind, p := f.days.at(step)
	if m := &f.phases[f.groups[kind]][p]; m.n > 0 {
		return m.median, true
	}
	if kind == HolidayType {
		if m := &f.phases[f.groups[SundayType]][p]; m.n > 0 {
			return m.median, true
		}
	}
	return f.all[p].median, f.all[p].n > 0
}

// pattern returns L c of a step ahead, the newest value where there is no c.
func (f *localProfile) pattern(ahead int) float64 {
	c, ok := f.phase(f.n + ahead)
	if !ok {
		return f.last
	}
	return f.level * c
}

func (f *localProfile) update(y float64) {
	if y != y {
		f.rest.update(y)
		f.n++
		return
	}
	d := y - f.pattern(0)
	if limit := limitFactor * f.size; limit > 0 {
		d = min(max(d, -limit), limit)
	}
	f.rest.update(d)
	f.size += sizeGain * (math.Abs(d) - f.size)
	kind, p := f.days.at(f.n)
	fade := 1 - 1/float64(f.days.length)
	base, like := y/f.level, y // a type of day first seen is its own pattern and tells nothing of the level
	if m := &f.phases[f.groups[kind]][p]; m.n > 0 {
		c := m.median
		base, like = c, min(max(y, f.level*c/levelStep), f.level*c*levelStep)
	}
	f.actual, f.expected = fade*f.actual+like, fade*f.expected+base
	v := y / f.level
	f.phases[f.groups[kind]][p].add(v)
	f.all[p].add(v)
	if f.expected > 0 {
		f.level = min(max(f.actual/f.expected, 1/levelBound), levelBound)
	}
	f.last = y
	f.n++
}

func (f *localProfile) path(dst []float64) {
	v := f.rest.value
	for k := range dst {
		v *= f.rest.rho
		dst[k] = f.pattern(k) + v
	}
}
