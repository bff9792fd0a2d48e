// Package forecast predicts an arrival rate as a distribution, above all the distribution of its
// maximum over a window ahead, which is what capacity has to cover.
//
// The main types are [Auto], which picks a model by rolling-origin backtest, and [Distribution],
// which answers quantiles. Every model is a small state filter with an O(1) update around which the
// package keeps a pool of out-of-sample error paths; the predictive distribution applies those
// errors to the mean path. The quantile of a maximum comes from the maxima of whole paths, so that
// it needs no assumption on the dependence between neighboring steps.
//
// Assumptions: values are non-negative (rates or counts) at a fixed step; a missing value is NaN,
// never zero; future errors, scaled by the recent level and volatility, resemble those of the
// calibration period. The last one is watched: the coverage realized by the window maximum is
// tracked and corrected online (see adaptive.go).
//
// The package has no clock, goroutine, randomness or I/O: equal inputs give equal bytes. Nothing in
// it is safe for concurrent use; a Distribution may be read by one goroutine at a time, since it may
// remember what it was asked, also while its Fitted is updated.
package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// ErrTooShort is wrapped by errors of Fit and Backtest that a longer history would cure. Auto falls
// back to a simpler model on it.
var ErrTooShort = errors.New("history too short")

// MaxValue is the largest value a series may hold. The bound keeps squares and sums finite; it is
// far beyond any rate.
const MaxValue = 1e100

// Series is a history at a fixed step, oldest value first.
type Series struct {
	// Start is the time of Values[0]. It fixes the phase of day in UTC; the zero time is allowed.
	Start time.Time
	// Step is the distance between values, positive.
	Step time.Duration
	// Values are non-negative and at most MaxValue; NaN marks a missing value.
	Values []float64
	// Regressors holds one row per value, or is empty. It may be longer than Values: the rows
	// beyond are known in advance. Harmonic reads it; in calibration and backtests the rows after an
	// origin count as known there too, so they must be such, as those of a calendar are.
	Regressors [][]float64
}

// Model is a forecasting method before it has seen data.
type Model interface {
	// Fit estimates the model on s. It returns ctx.Err() when the context is canceled, and an error
	// wrapping ErrTooShort when more history would help. It does not keep or change s.
	Fit(ctx context.Context, s Series) (Fitted, error)
}

// Fitted is a model with the state left by the newest value.
type Fitted interface {
	// Update advances one step. NaN, infinite, negative values and values above MaxValue count as
	// missing: time passes and nothing is learned. x is the regressor row, nil for models without.
	// The cost does not depend on the length of the history.
	Update(y float64, x []float64)
	// Forecast returns the distribution of the next steps values. Later updates do not change it.
	// It panics if steps < 1.
	Forecast(steps int) Distribution
}

// Distribution is the joint predictive distribution of the coming steps. Step 1 is the first step
// after the newest value. Results are finite and non-negative. A step outside the forecast steps,
// from > to, or a p outside (0, 1) is a programmer's mistake and panics.
type Distribution interface {
	// Mean returns the point forecast of a step.
	Mean(step int) float64
	// Quantile returns the value not exceeded at step with probability p. It does not decrease in p.
	Quantile(step int, p float64) float64
	// MaxQuantile returns the value that the maximum over steps from..to, inclusive, does not exceed
	// with probability p. It does not decrease in p and is at least Quantile(k, p) of every step k of
	// the window.
	MaxQuantile(from, to int, p float64) float64
}

// Named is a model with the name it has in scores and selections.
type Named struct {
	Name string
	Model
}

// validate reports every problem of a series together.
func (s Series) validate() error {
	present := 0
	var errs []error
	if s.Step <= 0 {
		errs = append(errs, fmt.Errorf("forecast: step must be positive, got %v", s.Step))
	}
	bad := 0
	for i, v := range s.Values {
		switch {
		case math.IsNaN(v):
		case v < 0 || v > MaxValue:
			if bad == 0 {
				errs = append(errs, fmt.Errorf("forecast: value %d is %v, want NaN (missing) or 0 to %g", i, v, MaxValue))
			}
			bad++
		default:
			present++
		}
	}
	if bad > 1 {
		errs = append(errs, fmt.Errorf("forecast: %d more values are out of range", bad-1))
	}
	switch {
	case len(s.Values) == 0:
		errs = append(errs, fmt.Errorf("forecast: series is empty: %w", ErrTooShort))
	case present == 0 && bad == 0:
		errs = append(errs, fmt.Errorf("forecast: all %d values are missing: %w", len(s.Values), ErrTooShort))
	}
	errs = append(errs, s.validateRegressors()...)
	return errors.Join(errs...)
}

func (s Series) validateRegressors() []error {
	if len(s.Regressors) == 0 {
		return nil
	}
	if len(s.Regressors) < len(s.Values) {
		return []error{fmt.Errorf("forecast: %d regressor rows for %d values, want at least one each", len(s.Regressors), len(s.Values))}
	}
	width := len(s.Regressors[0])
	for i, row := range s.Regressors {
		if len(row) != width {
			return []error{fmt.Errorf("forecast: regressor row %d has %d columns, want %d as row 0", i, len(row), width)}
		}
		for j, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return []error{fmt.Errorf("forecast: regressor %d of row %d is %v, want a finite number", j, i, v)}
			}
		}
	}
	return nil
}

// head returns the first n values of s as a series of its own. Regressors are known in advance.
func (s Series) head(n int) Series {
	return Series{Start: s.Start, Step: s.Step, Values: s.Values[:n], Regressors: s.Regressors}
}

// usable maps what Update documents as missing to NaN.
func usable(y float64) float64 {
	if y >= 0 && y <= MaxValue {
		return y
	}
	return math.NaN()
}
