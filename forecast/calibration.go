package forecast

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	// DefaultHorizon is the number of calibrated steps where a model leaves it open: half an hour of
	// one-minute steps, which covers usual start-up times (chosen by us).
	DefaultHorizon = 30
	// DefaultWindow is the window whose maximum is tracked where a model leaves it open (chosen by us).
	DefaultWindow = 5

	// poolSize bounds the number of error paths kept. It leaves 20 paths beyond the 0.99 quantile and
	// keeps a quantile in the tens of microseconds.
	poolSize = 2048
	// minPaths is the least number of error paths a forecast is built on.
	minPaths = 10
	// cancelEvery is the number of steps between two looks at the context.
	cancelEvery = 1024
)

// filter is the state of a point model. update(NaN) lets time pass. path fills dst with the means
// of the coming steps; values may be negative, the caller clips.
type filter interface {
	update(y float64)
	path(dst []float64)
}

// calibration runs a filter over a history and turns it into a calibrated forecaster.
type calibration struct {
	horizon, window int
	day, dayPhase   int  // steps per day (0: none) and phase of day of the first value
	center          bool // Mean adds the mean pooled error
	widen           bool // quantiles allow for the number of independent errors
}

// newCalibration resolves the defaults and checks the ranges.
func newCalibration(s Series, horizon, window int) (calibration, error) {
	c := calibration{horizon: horizon, window: window}
	if horizon == 0 {
		c.horizon = DefaultHorizon
	}
	if window == 0 {
		c.window = min(DefaultWindow, c.horizon)
	}
	if horizon < 0 {
		return c, fmt.Errorf("forecast: horizon must be at least 1 step, got %d", horizon)
	}
	if window < 0 || c.window > c.horizon {
		return c, fmt.Errorf("forecast: window must be 1 to %d steps (the horizon), got %d", c.horizon, window)
	}
	c.day = stepsIn(24*time.Hour, s.Step)
	if c.day >= 4 {
		sinceMidnight := s.Start.UTC().Sub(s.Start.UTC().Truncate(24 * time.Hour))
		c.dayPhase = int(sinceMidnight / s.Step)
	}
	return c, nil
}

// stepsIn returns the number of steps in a period, 0 where that is not a whole number.
func stepsIn(period, step time.Duration) int {
	if step <= 0 || period%step != 0 {
		return 0
	}
	return int(period / step)
}

// run filters the values. Errors are collected from index from on, which must lie beyond the data
// the filter's parameters were fitted on.
func (c calibration) run(ctx context.Context, values []float64, f filter, from int) (*calibrated, error) {
	first := slices.IndexFunc(values, func(v float64) bool { return v == v })
	from = max(from, first+1)
	if need := from + c.horizon + minPaths; len(values) < need {
		return nil, fmt.Errorf("forecast: need at least %d values for a horizon of %d steps, got %d: %w", need, c.horizon, len(values), ErrTooShort)
	}
	cal := newCalibrated(c, f, from, len(values))
	for i, y := range values {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		cal.step(y)
	}
	if len(cal.learned.rows) < minPaths {
		return nil, fmt.Errorf("forecast: only %d of the error paths are free of long gaps, need %d: %w", len(cal.learned.rows), minPaths, ErrTooShort)
	}
	cal.settle()
	return cal, nil
}

// calibrated is a filter with its pool of out-of-sample error paths. It implements Fitted.
//
// The pool is a ring of rows. A row holds the signed errors y - ŷ of steps 1..horizon from one past
// origin, then the means ŷ of the same steps, all divided by the error scale at that origin. Rows
// are never changed once stored, so that a Distribution can share them.
type calibrated struct {
	calibration
	filter filter
	scale  errorScale
	adapt  adaptive

	n       int       // values seen
	from    int       // first origin whose errors count
	stride  int       // origins between two pooled rows
	actual  []float64 // ring of the newest horizon values
	means   []float64 // ring of the newest horizon mean paths, horizon values each
	feature []features
	largest float64 // largest value ever seen, for the sanity clamp

	rows   [][]float64
	oldest int
	shared bool      // rows is referenced by a Distribution
	block  []float64 // storage for the next rows

	learned *learning // nil once settled
}

// learning holds what Fit collects before the error scale is chosen.
type learning struct {
	rows    [][]float64
	rowAt   []features
	windows []windowError
}

// windowError is the error of a window's maximum: actual maximum less maximum of the mean path.
type windowError struct {
	err float64
	at  features
}

func newCalibrated(c calibration, f filter, from, n int) *calibrated {
	h := c.horizon
	return &calibrated{
		calibration: c,
		filter:      f,
		scale:       newErrorScale(c),
		adapt:       newAdaptive(),
		from:        from,
		stride:      max(1, (n-from+poolSize-1)/poolSize),
		actual:      make([]float64, h),
		means:       make([]float64, h*h),
		feature:     make([]features, h),
		learned:     &learning{},
	}
}

// regressed is a filter with regressors. regress takes those of the coming step, before update.
type regressed interface{ regress(x []float64) }

// Update implements Fitted. It takes O(horizon) time.
func (c *calibrated) Update(y float64, x []float64) {
	if r, ok := c.filter.(regressed); ok {
		r.regress(x)
	}
	c.step(usable(y))
}

// Forecast implements Fitted.
func (c *calibrated) Forecast(steps int) Distribution {
	if steps < 1 {
		panic(fmt.Sprintf("forecast: Forecast of %d steps, want at least 1", steps))
	}
	d := &pathDistribution{
		mean:    make([]float64, steps),
		rows:    c.rows,
		horizon: c.horizon,
		adapt:   c.adapt.ratios(),
		upper:   clampFactor * c.largest,
		center:  c.center,
	}
	c.meanPath(d.mean)
	if c.widen {
		d.origins = float64(c.n - c.from)
	}
	d.spread = c.scale.at(c.scale.features())
	c.shared = true
	return d
}

// meanPath fills dst with the clipped means of the coming steps.
func (c *calibrated) meanPath(dst []float64) {
	c.filter.path(dst)
	upper := clampFactor * c.largest
	for i, v := range dst {
		dst[i] = min(max(v, 0), upper)
	}
}

// step advances by one value, NaN if missing.
func (c *calibrated) step(y float64) {
	h := c.horizon
	slot := c.n % h
	if c.n > 0 && y == y {
		previous := (c.n - 1) % h
		c.scale.observe(y - c.means[previous*h])
	}
	if y > c.largest { // false for NaN
		c.largest = y
	}
	c.filter.update(y)
	c.scale.advance(y)
	// Slot i of the rings belongs to index i, i+h, ...: the value of that index and the mean path
	// made after it. The path overwritten below is the one that has just become complete.
	c.actual[slot] = y
	if origin := c.n - c.window; origin >= c.from-1 && origin >= 0 {
		c.closeWindow(origin)
	}
	if origin := c.n - h; origin >= c.from-1 && origin >= 0 && (origin-c.from+1)%c.stride == 0 {
		c.closePath(origin)
	}
	c.meanPath(c.means[slot*h : slot*h+h])
	c.feature[slot] = c.scale.features()
	c.n++
}

// closeWindow takes in the error of the window that began after the origin and is now complete.
func (c *calibrated) closeWindow(origin int) {
	h := c.horizon
	mean := c.means[(origin%h)*h:]
	maxActual, maxMean := math.Inf(-1), math.Inf(-1)
	missing := 0
	for k := range c.window {
		maxMean = max(maxMean, mean[k])
		y := c.actual[(origin+1+k)%h]
		if y != y {
			missing++
			continue
		}
		maxActual = max(maxActual, y)
	}
	if 2*missing >= c.window && missing > 0 {
		return
	}
	w := windowError{err: maxActual - maxMean, at: c.feature[origin%h]}
	if c.learned != nil {
		c.learned.windows = append(c.learned.windows, w)
		return
	}
	c.adapt.observe(w.err/c.scale.at(w.at), (origin-c.from+1)%c.stride == 0)
}

// closePath takes in the error path from the origin, now complete. Gaps of the path are bridged
// linearly; a path with half of its steps missing is dropped.
func (c *calibrated) closePath(origin int) {
	h := c.horizon
	missing := 0
	for _, y := range c.actual {
		if y != y {
			missing++
		}
	}
	if 2*missing >= h && missing > 0 {
		return
	}
	row := c.newRow()
	mean := c.means[(origin%h)*h:]
	for k := range h {
		row[k] = c.actual[(origin+1+k)%h] - mean[k]
		row[h+k] = mean[k]
	}
	if missing > 0 {
		bridge(row[:h])
	}
	at := c.feature[origin%h]
	if c.learned != nil {
		c.learned.rows = append(c.learned.rows, row)
		c.learned.rowAt = append(c.learned.rowAt, at)
		return
	}
	c.insert(row, c.scale.at(at))
}

// insert divides the row by the scale and stores it in place of the oldest one.
func (c *calibrated) insert(row []float64, scale float64) {
	for k := range row {
		row[k] /= scale
	}
	if len(c.rows) < poolSize {
		// Appending within the capacity leaves the shorter slices of older distributions intact.
		c.rows = append(c.rows, row)
		return
	}
	if c.shared {
		c.rows = slices.Clone(c.rows)
		c.shared = false
	}
	c.rows[c.oldest] = row
	c.oldest = (c.oldest + 1) % poolSize
}

// newRow cuts a row from a block, so that storage is allocated once per 64 rows.
func (c *calibrated) newRow() []float64 {
	width := 2 * c.horizon
	if len(c.block) < width {
		c.block = make([]float64, 64*width)
	}
	row := c.block[:width:width]
	c.block = c.block[width:]
	return row
}

// settle chooses the error scale on what was collected and fills the pool.
func (c *calibrated) settle() {
	c.scale.choose(c.learned.windows)
	for i, row := range c.learned.rows {
		c.insert(row, c.scale.at(c.learned.rowAt[i]))
	}
	for i, w := range c.learned.windows {
		c.adapt.observe(w.err/c.scale.at(w.at), i%c.stride == 0)
	}
	c.learned = nil
}

// bridge replaces NaN by linear interpolation, at the ends by the nearest value present.
func bridge(row []float64) {
	last := -1
	for k, v := range row {
		if v != v {
			continue
		}
		for j := last + 1; j < k; j++ {
			if last < 0 {
				row[j] = v
				continue
			}
			row[j] = row[last] + (v-row[last])*float64(j-last)/float64(k-last)
		}
		last = k
	}
	for j := last + 1; j < len(row); j++ {
		row[j] = row[last]
	}
}
