package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// BacktestOptions say how a model is judged. The zero value of a field means its default.
type BacktestOptions struct {
	// Horizon is the number of steps judged; 0 means DefaultHorizon.
	Horizon int
	// Window is the number of steps whose maximum is judged, at most Horizon; 0 means DefaultWindow
	// or Horizon if that is less.
	Window int
	// TestFraction is the share of the series, at its end, that is judged; 0 means 0.3.
	TestFraction float64
	// Quantiles are the levels judged; nil means 0.9, 0.95, 0.99.
	Quantiles []float64
	// Stride is the number of steps between origins; 0 means the least that makes at most 1000.
	Stride int
	// Season is the m of MASE; 0 means one day where the part fitted on holds two, else 1.
	Season int

	windowOnly bool // skip the judgment of single steps
}

func (o BacktestOptions) resolve(s Series) (BacktestOptions, error) {
	var errs []error
	if o.TestFraction == 0 {
		o.TestFraction = 0.3
	}
	if !(o.TestFraction > 0 && o.TestFraction < 1) {
		errs = append(errs, fmt.Errorf("forecast: test fraction must lie between 0 and 1, got %v", o.TestFraction))
	}
	if o.Horizon == 0 {
		o.Horizon = DefaultHorizon
	}
	if o.Horizon < 1 {
		errs = append(errs, fmt.Errorf("forecast: horizon must be at least 1 step, got %d", o.Horizon))
	}
	if o.Window == 0 {
		o.Window = min(DefaultWindow, o.Horizon)
	}
	if o.Window < 1 || o.Window > o.Horizon {
		errs = append(errs, fmt.Errorf("forecast: window must be 1 to %d steps (the horizon), got %d", o.Horizon, o.Window))
	}
	if o.Quantiles == nil {
		o.Quantiles = []float64{0.9, 0.95, 0.99}
	}
	for _, p := range o.Quantiles {
		if !(p > 0 && p < 1) {
			errs = append(errs, fmt.Errorf("forecast: quantile level must lie between 0 and 1, got %v", p))
		}
	}
	if o.Stride < 0 || o.Season < 0 {
		errs = append(errs, fmt.Errorf("forecast: stride and season must not be negative, got %d and %d", o.Stride, o.Season))
	}
	if len(errs) > 0 {
		return o, errors.Join(errs...)
	}
	n := len(s.Values)
	if o.Stride == 0 {
		o.Stride = max(1, int(math.Ceil(o.TestFraction*float64(n)/1000)))
	}
	if o.Season == 0 {
		o.Season = 1
		if day := stepsIn(24*time.Hour, s.Step); day > 1 && float64(n)*(1-o.TestFraction) >= float64(2*day) {
			o.Season = day
		}
	}
	return o, nil
}

// Backtest fits the model once on the first part of the series and judges the forecasts it makes
// while it is updated through the rest, one origin every Stride steps (rolling origin, fixed
// parameters). Steps whose value is missing are not judged, nor windows with a missing value.
//
// It returns ctx.Err() when canceled and an error wrapping ErrTooShort when the last part holds no
// origin or the model asks for more history.
func Backtest(ctx context.Context, s Series, m Model, o BacktestOptions) (Score, error) {
	if err := s.validate(); err != nil {
		return Score{}, err
	}
	o, err := o.resolve(s)
	if err != nil {
		return Score{}, err
	}
	n := len(s.Values)
	start := n - int(o.TestFraction*float64(n))
	if start < 1 || start+o.Horizon > n {
		return Score{}, fmt.Errorf("forecast: the last %d of %d values hold no forecast of %d steps: %w", n-start, n, o.Horizon, ErrTooShort)
	}
	fitted, err := m.Fit(ctx, s.head(start))
	if err != nil {
		return Score{}, err
	}
	t := newTally(o)
	for i := start; i+o.Horizon <= n; i++ {
		if (i-start)%o.Stride == 0 {
			if err := ctx.Err(); err != nil {
				return Score{}, err
			}
			t.judge(fitted.Forecast(o.Horizon), s.Values[i:i+o.Horizon])
		}
		var x []float64
		if len(s.Regressors) > 0 {
			x = s.Regressors[i]
		}
		fitted.Update(s.Values[i], x)
	}
	score := t.score(meanChange(s.Values[:start], o.Season))
	if named, ok := m.(Named); ok {
		score.Name = named.Name
	}
	return score, nil
}

// tally accumulates a Score.
type tally struct {
	o             BacktestOptions
	origins       int
	absError, sum float64
	n             float64
	levels, max   []levelTally
	losses        []float64
}

func newTally(o BacktestOptions) *tally {
	return &tally{o: o, levels: make([]levelTally, len(o.Quantiles)), max: make([]levelTally, len(o.Quantiles))}
}

func (t *tally) judge(d Distribution, actual []float64) {
	t.origins++
	loss := math.NaN()
	if y := windowMax(actual[:t.o.Window]); y == y {
		for i, p := range t.o.Quantiles {
			q := d.MaxQuantile(1, t.o.Window, p)
			t.max[i].add(y, q, p)
			if i == 0 {
				loss = pinball(y, q, p)
			}
		}
	}
	t.losses = append(t.losses, loss)
	if t.o.windowOnly {
		return
	}
	for k, y := range actual {
		if y != y {
			continue
		}
		t.absError += math.Abs(y - d.Mean(k+1))
		t.sum += y
		t.n++
		for i, p := range t.o.Quantiles {
			t.levels[i].add(y, d.Quantile(k+1, p), p)
		}
	}
}

func (t *tally) score(scale float64) Score {
	s := Score{
		Origins:    t.origins,
		WAPE:       t.absError / t.sum,
		MASE:       math.NaN(),
		MeanActual: t.sum / t.n,
		losses:     t.losses,
	}
	if scale > 0 {
		s.MASE = t.absError / t.n / scale
	}
	if t.sum == 0 {
		s.WAPE = math.NaN()
	}
	for i, p := range t.o.Quantiles {
		s.Levels = append(s.Levels, t.levels[i].score(p))
		s.WindowMax = append(s.WindowMax, t.max[i].score(p))
	}
	return s
}

// windowMax returns the largest value, NaN if one is missing.
func windowMax(values []float64) float64 {
	m := values[0]
	for _, v := range values[1:] {
		m = max(m, v) // the built-in keeps NaN
	}
	return m
}
