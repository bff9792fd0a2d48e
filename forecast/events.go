package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// WithEvents is a model that knows a calendar: load = ordinary load times the multiplier of the event
// that holds, if any,
//
//	y(t) = b(t) M(t)
//
// b is forecast by another model from a history without the events, M comes from past occurrences and
// what the caller expects (type effect). So a sale is ahead of its first minute, however far above
// everything seen: the product is exempt from the bound that models put on their forecasts.
//
// Fit finds what each past occurrence did: the sum of its values over the sum of the ordinary load,
// which is the median of the same phase in the weeks (else days) near by, times the level just before
// and after. It divides the values by that and fits the model to the result. During an occurrence
// Update lets the model see missing values, so that it is as it was before when the event is over, and
// follows the multiplier by a Kalman filter of its logarithm, a random walk around which steps vary: an
// event stronger than expected is followed within a few steps. When the occurrence is over it counts
// for the next one. An event of which nothing is known changes nothing before its first value.
//
// Quantiles join the spread of both as if b and M were independent and log-normal; with q the quantile
// and m the median of b (or of its maximum over the occurrence), z the normal quantile (widened for
// few occurrences) and σ the standard deviation of log M,
//
//	log Q(p) = log m + E[log M] ± sqrt( log²(q/m) + z²σ² ),   + for p >= 1/2, - below
//
// The maximum over a window is that of its parts inside and outside of occurrences, which is exact
// where one part is the higher for sure, else somewhat low; it is at least the least multiplier times
// the quantile of the maximum of b.
//
// Update takes the model's time, that of a look into the calendar, O(E log k) for E events of k
// occurrences, and during an event that of a Forecast of one step.
type WithEvents struct {
	Model    Model
	Calendar Calendar
}

// Fit implements Model. It needs Series.Start if the calendar is not empty. An occurrence that has begun
// in the newer half of the history and goes on is left to Update.
func (m WithEvents) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := errors.Join(s.validate(), m.Calendar.validate())
	if m.Model == nil {
		err = errors.Join(err, errors.New("forecast: the model under the events is nil"))
	}
	if len(m.Calendar) > 0 && s.Start.IsZero() {
		err = errors.Join(err, errors.New("forecast: a calendar needs the start of the series, got the zero time"))
	}
	if err != nil {
		return nil, err
	}
	f := &eventful{calendar: newSchedule(m.Calendar, s.Start, s.Step), current: none}
	for _, e := range m.Calendar {
		f.effects = append(f.effects, effect{expected: e.Multiplier})
	}
	n := len(s.Values)
	cut := n
	if e, o := f.calendar.at(n - 1); e != none && o.to > n && o.from >= n/2 {
		cut = o.from
	}
	inner := s
	inner.Values = f.withoutEvents(s, cut)
	if f.inner, err = m.Model.Fit(ctx, inner); err != nil {
		return nil, fmt.Errorf("forecast: the model under the events: %w", err)
	}
	f.n = cut
	for i := cut; i < n; i++ {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var x []float64
		if len(s.Regressors) > 0 {
			x = s.Regressors[i]
		}
		f.Update(s.Values[i], x)
	}
	return f, nil
}

// weakEffect is the multiplier below which dividing by it would blow up noise.
const weakEffect = 0.1

// withoutEvents returns the first n values divided by what the events did, and learns from it.
func (f *eventful) withoutEvents(s Series, n int) []float64 {
	values := slices.Clone(s.Values[:n])
	load := ordinaryLoad{values: s.Values[:n], ordinary: make([]bool, n), day: stepsIn(day, s.Step), week: stepsIn(week, s.Step)}
	events, occurrences := make([]int, n), make([]stretch, n)
	for t, y := range values {
		events[t], occurrences[t] = f.calendar.at(t)
		load.ordinary[t] = events[t] == none && y == y
	}
	base := make([]float64, n)
	for from := 0; from < n; {
		to := from + 1
		for to < n && events[to] == events[from] && occurrences[to] == occurrences[from] {
			to++
		}
		if e := events[from]; e != none {
			load.fill(base[from:to], from, to)
			f.effects[e].remove(values[from:to], base[from:to])
		}
		from = to
	}
	return values
}

// remove divides the values of one occurrence by its multiplier and learns it.
func (e *effect) remove(values, base []float64) {
	actual, expected, present := 0.0, 0.0, 0
	for k, y := range values {
		if b := base[k]; y == y && b == b {
			actual += y
			expected += b
			present++
		}
	}
	if 2*present < len(values) || expected <= 0 {
		for k := range values {
			values[k] = math.NaN()
		}
		return
	}
	multiplier := boundLog(math.Log(actual / expected))
	squares, n := 0.0, 0.0
	for k, y := range values {
		if b := base[k]; y == y && b > 0 {
			d := min(max(math.Log(y/b)-multiplier, -mostWithin), mostWithin)
			n++
			squares += (d*d - squares) / n
		}
		values[k] = usable(y / math.Exp(multiplier))
		if multiplier < math.Log(weakEffect) {
			values[k] = math.NaN()
		}
	}
	e.add(multiplier, squares)
}

// eventful is the Fitted of WithEvents.
type eventful struct {
	inner    Fitted
	calendar schedule
	effects  []effect
	n        int // index of the coming step

	current  int // event under way, or none
	stretch  stretch
	mean     float64 // log multiplier of the occurrence under way,
	variance float64 // and its variance
	sure     bool    // something is known of it

	actual, expected, squares, present float64
}

// walkShare is the share of a step's variance by which the variance of the multiplier under way grows
// each step; a steady gain of about 1/6 follows (chosen by us).
const walkShare = 1.0 / 30

// Update implements Fitted.
func (f *eventful) Update(y float64, x []float64) {
	e, o := f.calendar.at(f.n)
	if e != f.current || o != f.stretch {
		f.close()
		f.begin(e, o)
	}
	f.n++
	if e == none {
		f.inner.Update(y, x)
		return
	}
	base := f.inner.Forecast(1).Mean(1)
	f.inner.Update(math.NaN(), x)
	step := f.effects[e].stepVariance()
	if y = usable(y); y == y && base > 0 {
		f.actual += y
		f.expected += base
		f.present++
		d := boundLog(math.Log(y/base)) - f.mean
		gain := f.variance / (f.variance + step)
		if f.sure {
			c := min(max(d, -mostWithin), mostWithin)
			f.squares += c * c
		}
		f.mean = boundLog(f.mean + gain*d)
		f.variance *= 1 - gain
		f.sure = true
	}
	f.variance = min(f.variance+walkShare*step, unknownSpread*unknownSpread)
}

func (f *eventful) begin(event int, o stretch) {
	f.current, f.stretch = event, o
	f.actual, f.expected, f.squares, f.present = 0, 0, 0, 0
	if event == none {
		return
	}
	f.sure = f.effects[event].known()
	f.mean, f.variance = f.effects[event].predict()
}

// close learns from the occurrence under way, if at least half of it was seen.
func (f *eventful) close() {
	if f.current == none || 2*int(f.present) < f.stretch.to-f.stretch.from || f.expected <= 0 {
		return
	}
	f.effects[f.current].add(math.Log(f.actual/f.expected), f.squares/f.present)
}

// Forecast implements Fitted.
func (f *eventful) Forecast(steps int) Distribution {
	d := &eventDistribution{inner: f.inner.Forecast(steps), steps: make([]multiplier, steps)}
	for k := range d.steps {
		e, o := f.calendar.at(f.n + k)
		if e == none {
			continue
		}
		m := multiplier{event: true, stretch: o}
		switch effect := &f.effects[e]; {
		case e == f.current && o == f.stretch && f.sure:
			m.log, m.freedom = f.mean, effect.freedom()
			m.spread = math.Sqrt(f.variance + effect.stepVariance())
		case effect.known():
			var variance float64
			m.log, variance = effect.predict()
			m.freedom = effect.freedom()
			m.spread = math.Sqrt(variance + effect.stepVariance())
		default:
			m = multiplier{}
		}
		d.steps[k] = m
	}
	return d
}

// multiplier is what an event does to a step; the zero value is an ordinary step.
type multiplier struct {
	event       bool
	stretch     stretch
	log, spread float64
	freedom     float64
}

// mostSpread bounds the size of the logarithm of what the spread adds.
const mostSpread = 5.0

// quantile returns the quantile of the product, given the one of the base at level p and its median.
func (m *multiplier) quantile(q, median, p float64) float64 {
	if q <= 0 || median <= 0 {
		return m.of(q)
	}
	z := math.Sqrt2 * math.Erfinv(2*p-1)
	spread := z * m.spread * widening(1-p, m.freedom)
	spread = min(max(spread, -mostSpread), mostSpread)
	d := math.Hypot(math.Log(q)-math.Log(median), spread) // the quotient of extremes overflows
	if p < 0.5 {
		d = -d
	}
	return math.Exp(min(m.log+math.Log(median)+d, mostLog))
}

// mostLog is the logarithm of the largest value there is.
var mostLog = math.Log(MaxValue)

// of returns the product of the base with the multiplier, MaxValue at most.
func (m *multiplier) of(base float64) float64 {
	if base <= 0 || !m.event {
		return base
	}
	return math.Exp(min(m.log+math.Log(base), mostLog))
}

// eventDistribution is that of the product.
type eventDistribution struct {
	inner Distribution
	steps []multiplier
}

// Mean implements Distribution.
func (d *eventDistribution) Mean(step int) float64 {
	return d.steps[step-1].of(d.inner.Mean(step))
}

// Quantile implements Distribution.
func (d *eventDistribution) Quantile(step int, p float64) float64 {
	q := d.inner.Quantile(step, p)
	if m := &d.steps[step-1]; m.event {
		return m.quantile(q, d.inner.Quantile(step, 0.5), p)
	}
	return q
}

// MaxQuantile implements Distribution.
func (d *eventDistribution) MaxQuantile(from, to int, p float64) float64 {
	q := d.inner.MaxQuantile(from, to, p)
	steps := d.steps[from-1 : to]
	if !slices.ContainsFunc(steps, func(m multiplier) bool { return m.event }) {
		return q
	}
	least := math.Inf(1)
	for _, m := range steps {
		least = min(least, m.log)
	}
	if least < 0 {
		q *= math.Exp(least)
	} else if q > 0 {
		q = math.Exp(min(math.Log(q)+least, mostLog))
	}
	for a := from; a <= to; {
		b := a
		for b < to && d.steps[b] == d.steps[a-1] {
			b++
		}
		part := d.inner.MaxQuantile(a, b, p)
		if m := &d.steps[a-1]; m.event {
			part = m.quantile(part, d.inner.MaxQuantile(a, b, 0.5), p)
			for k := a; k <= b; k++ { // rounding
				part = max(part, d.Quantile(k, p))
			}
		}
		q = max(q, part)
		a = b + 1
	}
	return q
}
