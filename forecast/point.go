package forecast

import (
	"cmp"
	"context"
	"fmt"
	"slices"
)

// pointModel is a model that can be fitted without being calibrated: what a Combination needs of
// its members, and all that most models have to say, see fitPoint.
type pointModel interface {
	// point estimates the parameters on all of s, which is valid, and returns the filter in its state
	// after the last value of s. It returns ctx.Err() when canceled, and an error wrapping ErrTooShort
	// when more history would help.
	point(ctx context.Context, s Series) (filter, error)
}

// fitPoint calibrates m out of sample and then estimates its parameters on the whole series. The
// errors that make the quantiles come from parameters estimated on the first half of the series, or
// on the first least values if those are more; the mean path of the result comes from parameters
// estimated on all of it.
func fitPoint(ctx context.Context, s Series, m pointModel, horizon, window, least int) (*calibrated, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	c, err := newCalibration(s, horizon, window)
	if err != nil {
		return nil, err
	}
	n := len(s.Values)
	from := max(n/2, least)
	if need := from + c.horizon + minPaths; n < need {
		return nil, fmt.Errorf("forecast: need at least %d values for a horizon of %d steps, got %d: %w", need, c.horizon, n, ErrTooShort)
	}
	f, err := m.point(ctx, s.head(from))
	if err != nil {
		return nil, err
	}
	cal, err := c.runFrom(ctx, s.Values, f, from)
	if err != nil {
		return nil, err
	}
	if cal.filter, err = m.point(ctx, s); err != nil {
		return nil, err
	}
	return cal, nil
}

// runFrom is run for a filter that has seen the first from values already.
func (c calibration) runFrom(ctx context.Context, values []float64, f filter, from int) (*calibrated, error) {
	cal := newCalibrated(c, f, from, len(values))
	cal.prime(values[:from])
	for i, y := range values[from:] {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		cal.step(y)
	}
	if len(cal.learned.rows) < minPaths {
		return nil, fmt.Errorf("forecast: only %d of the error paths are free of long gaps, need %d: %w", len(cal.learned.rows), minPaths, ErrTooShort)
	}
	cal.settle()
	cal.widen = true
	return cal, nil
}

// prime takes in values that the filter has seen. No errors are known for them.
func (c *calibrated) prime(values []float64) {
	for _, y := range values {
		c.largest = max(c.largest, zeroIfMissing(y))
		c.scale.advance(y)
		c.actual[c.n%c.horizon] = y
		c.n++
	}
	if c.n > 0 {
		slot := (c.n - 1) % c.horizon
		c.meanPath(c.means[slot*c.horizon : (slot+1)*c.horizon])
		c.feature[slot] = c.scale.features()
	}
}

func zeroIfMissing(y float64) float64 {
	if y != y {
		return 0
	}
	return y
}

// replay runs a filter through the values.
func replay(ctx context.Context, f filter, values []float64) (filter, error) {
	for i, y := range values {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.update(y)
	}
	return f, nil
}

// point implements pointModel.
func (m DoubleSeasonal) point(ctx context.Context, s Series) (filter, error) {
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	if 2*len(s.Values) < 3*m.Long {
		return nil, tooFewSeasons(len(s.Values), m.Long, 0)
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	search, err := newDoubleSeasonalSearch(tr, s.Values, m.Short, m.Long, c)
	if err != nil {
		return nil, err
	}
	evaluations := m.Evaluations
	if evaluations == 0 {
		evaluations = doubleEvaluations
	}
	f, err := search.run(ctx, evaluations)
	if err != nil {
		return nil, err
	}
	return replay(ctx, f, s.Values)
}

// point implements pointModel.
func (m Card) point(ctx context.Context, s Series) (filter, error) {
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	longest := slices.Max(m.Seasons)
	if 2*len(s.Values) < 3*longest {
		return nil, tooFewSeasons(len(s.Values), longest, 0)
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	f, err := newCardFilter(tr, s.Values, slices.Min(m.Seasons), longest, c.horizon)
	if err != nil {
		return nil, err
	}
	return replay(ctx, f, s.Values)
}

// point implements pointModel.
func (m ARIMA) point(ctx context.Context, s Series) (filter, error) {
	if len(m.Seasons) > 0 {
		if longest := slices.Max(m.Seasons); 2*len(s.Values) < 3*longest {
			return nil, tooFewSeasons(len(s.Values), longest, 0)
		}
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	f, err := m.filter(ctx, tr, s.Values)
	if err != nil {
		return nil, err
	}
	return replay(ctx, f, s.Values)
}

// point implements pointModel.
func (m MSTL) point(ctx context.Context, s Series) (filter, error) {
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	seasons := slices.Sorted(slices.Values(m.Seasons))
	if longest := seasons[len(seasons)-1]; 2*len(s.Values) < 3*longest {
		return nil, tooFewSeasons(len(s.Values), longest, 0)
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	components, err := mstl(ctx, tr.apply(s.Values), seasons)
	if err != nil {
		return nil, err
	}
	f, err := newDecomposed(ctx, tr, s.Values, seasons, components, c, cmp.Or(m.Evaluations, mstlEvaluations))
	if err != nil {
		return nil, err
	}
	return replay(ctx, f, s.Values)
}
