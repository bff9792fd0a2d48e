package forecast

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
)

const (
	// blendRows is about the number of windows that Blend learns from: enough for 30 regressors of
	// which few are used, and few enough for a fit in a fraction of a second (chosen by us).
	blendRows = 2000
	// tailLevel marks the highest windows, which are sampled tailDensity times as densely at less
	// weight, so that short bursts are seen at all.
	tailLevel   = 0.97
	tailDensity = 8
	// settling is the share of the history, at its start, that only fills profiles: with one day seen,
	// errors are larger than they will be.
	settling = 0.3
	// anchorRatio is about the distance between the windows that are learned by themselves.
	anchorRatio = 2.5
	// singleThinning is the distance of the rows from which single steps are regressed: they serve charts
	// and interpolation.
	singleThinning = 4
	// foldCount is the number of blocks of the cross-fit.
	foldCount = 2
	// mostMissing is the share of a window's values that may be missing for its maximum to count.
	mostMissing = 0.2
)

// Blend forecasts quantiles of the maximum over a window directly, as a convex combination of
// experts that learns online. For a window of coming steps it has about 30 regressors x: the newest
// value and local levels; the same less the day's and the week's profile, phase by phase at the
// series' own step, plus the profile's maximum over the window; the maximum of the same window on past
// days and weeks, a little early or late; recent maxima; and sizes of changes, recent ones and those
// usual at the phase of day. The experts at level p are
//
//	persistence and the like  x_i + x_j z_p           z_p: quantile of past (y - x_i)/x_j
//	location and scale        m + s z_p               m = β'x, s = γ'x - m, z_p as above
//	direct                    δ_p'x
//
// with β, γ, δ_p >= 0 from quantile regressions at 0.5, 0.95 and p. Past errors are out of sample: for
// the errors of one half of the history the regressions are fitted on the other half. Weights follow
// the pinball loss of each expert, and the result is corrected until its coverage holds (type
// aggregation, with its source). So the forecast is no worse than persistence in the long run, knows
// the hour at which load is uncertain, and follows drift without being fitted again.
//
// Windows 1..k and single steps k are learned for a few k up to the horizon; others are interpolated
// in log k with regressors of their own. Mean is the median of the single step.
//
// The day and the week are used from two of them on, and the week ago from 1.3 weeks on. Missing values
// stand still. Fit needs about two dozen values beyond the horizon, else ErrTooShort; from 40 windows on it
// regresses. Update takes constant time.
type Blend struct {
	// Horizon and Window are as in Naive.
	Horizon, Window int

	level float64 // at which Fit judges itself, 0.95 if 0
}

// Fit implements Model.
func (m Blend) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	first := slices.IndexFunc(s.Values, func(v float64) bool { return v == v })
	n := len(s.Values)
	warm := first + max(minPaths, int(settling*float64(n-first)))
	if need := warm + cal.horizon + 2*minPaths; n < need {
		return nil, fmt.Errorf("forecast: need at least %d values for a horizon of %d steps, got %d: %w", need, cal.horizon, n, ErrTooShort)
	}
	f := newBlended(s, cal)
	f.span(cal.window).record = &record{p: cmp.Or(m.level, 0.95)}
	plan := newSamplingPlan(s.Values, warm, cal.window)
	samples := make([][]*regressionRow, len(f.spans))
	var origins []int
	for i, y := range s.Values {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.advance(y)
		weight := plan.weight(i)
		if weight == 0 {
			continue
		}
		origins = append(origins, i)
		f.regressors(func(k int, x []float64) {
			sp := f.spans[k]
			y := maximumOf(s.Values, i+sp.from, i+sp.to)
			samples[k] = append(samples[k], &regressionRow{x: slices.Clone(x), y: y, weight: weight})
		})
	}
	for k, sp := range f.spans {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.fitSpan(ctx, sp, samples[k], origins, plan); err != nil {
			return nil, err
		}
	}
	f.stride = plan.stride
	for _, sp := range f.spans {
		sp.beta = [1 + len(trackedLevels)][]float64{}
	}
	f.remember()
	return f, nil
}

// samplingPlan says which origins are learned from, and how much each stands for.
type samplingPlan struct {
	warm, stride, dense int
	high                []bool // per origin: its window is among the highest
}

func newSamplingPlan(values []float64, warm, window int) samplingPlan {
	n := len(values)
	p := samplingPlan{warm: warm, stride: max(1, (n-warm)/blendRows), high: make([]bool, n)}
	p.dense = max(1, p.stride/tailDensity)
	if p.stride == 1 {
		return p
	}
	highest := make([]float64, n)
	var present []float64
	for i := range values {
		highest[i] = maximumOf(values, i+1, i+window)
		if i >= warm && highest[i] == highest[i] {
			present = append(present, highest[i])
		}
	}
	if len(present) == 0 {
		return p
	}
	threshold := selectRank(present, int(tailLevel*float64(len(present)-1)))
	for i, v := range highest {
		p.high[i] = v > threshold
	}
	return p
}

// weight returns the weight of the origin i, 0 if it is not used.
func (p *samplingPlan) weight(i int) float64 {
	switch d := i - p.warm; {
	case d < 0:
		return 0
	case p.high[i] && d%p.dense == 0:
		return float64(p.dense) / float64(p.stride)
	case !p.high[i] && d%p.stride == 0:
		return 1
	}
	return 0
}

// regular reports whether the origin belongs to the evenly spaced ones that error pools keep. High
// ones are kept at every stride too, so that pools are a fair sample.
func (p *samplingPlan) regular(i int) bool {
	return (i-p.warm)%p.stride < p.dense && (i-p.warm)%p.dense == 0
}

// maximumOf returns the largest of values[from..to], NaN if too many are missing or it ends beyond.
func maximumOf(values []float64, from, to int) float64 {
	if to >= len(values) {
		return math.NaN()
	}
	m, missing := math.NaN(), 0
	for _, v := range values[from : to+1] {
		if v != v {
			missing++
		}
		m = larger(m, v)
	}
	if float64(missing) > mostMissing*float64(to-from+1) {
		return math.NaN()
	}
	return m
}

// blended implements Fitted.
type blended struct {
	calibration
	tracker *tracker
	spans   []*span // windows 1..k for the anchors k, then single steps for the anchors from the second on
	anchors []int
	stride  int
	largest float64
	view    outlook

	changes    changePoint // in the quantile of the next step
	shifts     int         // change points since Fit
	sinceShift int
	x          []float64
}

func newBlended(s Series, cal calibration) *blended {
	mean, seen := 0.0, 0.0
	for _, v := range s.Values {
		if v == v {
			seen++
			mean += (v - mean) / seen
		}
	}
	f := &blended{calibration: cal, tracker: newTracker(s.Step, len(s.Values), cal.horizon, mean), x: make([]float64, width)}
	f.changes.alpha = 1 - upperLevel
	f.anchors = anchorsFor(cal.horizon, cal.window)
	floor := 1e-6 * mean
	if floor == 0 {
		floor = 1e-300
	}
	for _, k := range f.anchors {
		f.spans = append(f.spans, newSpan(1, k, f.tracker, floor))
	}
	for _, k := range f.anchors[1:] {
		f.spans = append(f.spans, newSpan(k, k, f.tracker, floor))
	}
	return f
}

// anchorsFor returns the steps k that are learned: 1, the window, the horizon, and about anchorRatio
// apart between them.
func anchorsFor(horizon, window int) []int {
	anchors := []int{1, window, horizon}
	for k := 1.0; k < float64(horizon); k *= anchorRatio {
		a := int(math.Round(k))
		near := func(b int) bool { return float64(max(a, b)) < 1.5*float64(min(a, b)) }
		if !near(window) && !near(horizon) {
			anchors = append(anchors, a)
		}
	}
	slices.Sort(anchors)
	return slices.Compact(anchors)
}

// span returns that of the window 1..k, k an anchor.
func (f *blended) span(k int) *span { return f.spans[slices.Index(f.anchors, k)] }

// advance takes the next value.
func (f *blended) advance(y float64) {
	f.tracker.update(y)
	if y > f.largest { // false for NaN
		f.largest = y
	}
}

// regressors calls use with those of every span, for a forecast made now. x is valid during the call.
func (f *blended) regressors(use func(k int, x []float64)) {
	f.tracker.look(&f.view, f.horizon)
	o := &f.view
	w := noWindow()
	a := 0
	for i := range f.horizon {
		w.include(&o.steps[i], o.days, o.weeks)
		if i+1 != f.anchors[a] {
			continue
		}
		o.fill(f.x, &w, i+1)
		use(a, f.x)
		if a > 0 {
			o.row(f.x, i+1, i+1)
			use(len(f.anchors)+a-1, f.x)
		}
		if a++; a == len(f.anchors) {
			break
		}
	}
}

// remember keeps the regressors of the present origin until their windows are complete.
func (f *blended) remember() {
	f.regressors(func(k int, x []float64) { copy(f.spans[k].row(f.tracker.n), x) })
}

func (f *blended) upper() float64 { return clampFactor * f.largest }

// fitSpan regresses and fills the pools and weights of a span. Rows without a maximum are left out.
func (f *blended) fitSpan(ctx context.Context, sp *span, all []*regressionRow, origins []int, plan samplingPlan) error {
	var rows []*regressionRow
	var at []int
	kept := 0
	for i, row := range all {
		if row.y == row.y {
			rows, at = append(rows, row), append(at, origins[i])
			if plan.regular(origins[i]) {
				kept++
			}
		}
	}
	if kept < minPaths {
		return fmt.Errorf("forecast: only %d of the windows of %d steps are free of gaps, need %d: %w", kept, sp.to-sp.from+1, minPaths, ErrTooShort)
	}
	n := len(rows)
	var folds [foldCount]regression
	var whole regression
	if n >= leastRows {
		if sp.from == 1 {
			whole = regress(rows, nil)
		} else {
			whole = regress(everyNth(rows, n/leastRows, singleThinning), nil)
		}
		for h := range foldCount {
			if sp.from > 1 { // single steps serve charts and interpolation: one fit must do
				folds[h] = whole
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			lo, hi := at[h*n/foldCount], at[(h+1)*n/foldCount-1]
			var others []*regressionRow
			for i, row := range rows {
				if at[i]+sp.to < lo || at[i]-sp.to > hi {
					others = append(others, row)
				}
			}
			folds[h] = whole
			if len(others) >= leastRows/2 {
				folds[h] = regress(others, &whole)
				folds[h].least = whole.least
			}
		}
	}
	sp.regression = whole
	sp.startLevels()
	for i, row := range rows {
		if whole.fitted {
			sp.regression = folds[min(i*foldCount/n, foldCount-1)]
		}
		var rec *record
		if i >= n/2 {
			rec = sp.record
		}
		sp.learn(row.x, row.y, judgment{record: rec, importance: row.weight, apart: float64(plan.stride), upper: f.upper(), keep: plan.regular(at[i])})
	}
	sp.regression = whole
	return nil
}

// everyNth returns each n-th row, n being at most limit and the step.
func everyNth(rows []*regressionRow, limit, step int) []*regressionRow {
	step = max(1, min(limit, step))
	var kept []*regressionRow
	for i := 0; i < len(rows); i += step {
		kept = append(kept, rows[i])
	}
	return kept
}

// regress fits the location, the width and the direct quantiles, from similar ones if not nil.
func regress(rows []*regressionRow, similar *regression) regression {
	q := newQuantileRegression(rows)
	r := regression{fitted: true}
	var from [1 + len(trackedLevels)][]float64
	if similar != nil {
		from = similar.beta
	}
	r.beta[0] = q.fit(0.5, locations, from[0])
	upper := slices.Index(trackedLevels[:], upperLevel)
	r.beta[1+upper] = q.fit(upperLevel, width, from[1+upper])
	r.location, r.upper = newSparse(r.beta[0]), newSparse(r.beta[1+upper])
	for l, p := range trackedLevels {
		switch p {
		case 0.5:
			r.beta[1+l] = r.beta[0]
		case upperLevel:
		default:
			start := from[1+l]
			if start == nil {
				start = r.beta[1+upper]
			}
			r.beta[1+l] = q.fit(p, width, start)
		}
		r.direct[l] = newSparse(r.beta[1+l])
	}
	mean, weight := 0.0, 0.0
	for _, row := range rows {
		weight += row.weight
		mean += row.weight * max(0, r.upper.dot(row.x)-r.location.dot(row.x))
	}
	r.least = max(leastShare*mean/weight, 1e-6*q.spanned, 1e-300)
	return r
}

// Update implements Fitted.
func (f *blended) Update(y float64, _ []float64) {
	f.notice(usable(y))
	f.advance(usable(y))
	keep := f.tracker.n%f.stride == 0 || f.shifts > 0 && f.sinceShift < shiftRefill
	last := len(f.anchors)
	m, missing := math.NaN(), 0
	a := 0
	for k := range f.horizon {
		v := f.tracker.ago(f.tracker.past, k)
		if v != v {
			missing++
		}
		m = larger(m, v)
		if k+1 != f.anchors[a] {
			continue
		}
		if f.tracker.n > k+1 && float64(missing) <= mostMissing*float64(k+1) {
			f.learn(f.spans[a], m, keep)
		}
		if a > 0 {
			// The single step k ahead of an origin k steps ago is the newest value.
			if v := f.tracker.ago(f.tracker.past, 0); v == v {
				f.learn(f.spans[last+a-1], v, keep)
			}
		}
		if a++; a == last {
			break
		}
	}
	f.remember()
}

// notice looks for a change point in what the forecast of the next step makes of y.
func (f *blended) notice(y float64) {
	f.sinceShift++
	sp := f.spans[0]
	x := sp.row(f.tracker.n)
	if y != y || x[xOne] != 1 {
		return
	}
	q := sp.combined(x, f.upper())
	if f.changes.observe(y > q[slices.Index(trackedLevels[:], upperLevel)]) {
		f.shift()
	}
}

// issued returns the quantile of the maximum over the tracked window from now on; below the median
// that of the median.
func (f *blended) issued(p float64) float64 {
	sp := f.span(f.window)
	q := sp.combined(sp.row(f.tracker.n), f.upper())
	return min(interpolateTail(q, max(p, trackedLevels[0])), f.upper())
}

// learn judges the forecast made `to` steps ago for the span.
func (f *blended) learn(sp *span, y float64, keep bool) {
	if x := sp.row(f.tracker.n); x[xOne] == 1 { // 0 before the first forecast
		sp.learn(x, y, judgment{importance: 1, apart: 1, upper: f.upper(), keep: keep})
	}
}

// Forecast implements Fitted.
func (f *blended) Forecast(steps int) Distribution {
	if steps < 1 {
		panic(fmt.Sprintf("forecast: Forecast of %d steps, want at least 1", steps))
	}
	return newBlendDistribution(f, steps)
}
