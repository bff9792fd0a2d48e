package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// DefaultARIMAEvaluations bounds the passes over the history of the order search of ARIMA; on M4
// hourly the walk has usually ended by then (chosen by us).
const DefaultARIMAEvaluations = 400

// ARIMA is a seasonal autoregressive integrated moving-average model with automatic orders, and with
// Fourier terms for seasons too long or too many for it. On z, the logarithm of y or y itself (see
// Linear):
//
//	z(t) = Σ_s Σ_k [ a_sk sin(2πkt/m_s) + b_sk cos(2πkt/m_s) ] + n(t)
//	φ(B) Φ(B^m) Ω(B^M) ((1-B)^d (1-B^m)^D n(t) - μ) = θ(B) Θ(B^m) Ψ(B^M) e(t)
//
// m is the shortest season where it has at most 24 steps and M the next one where it has at most 168
// (double-seasonal ARMA); every other season m_s gets Harmonics pairs of Fourier terms, their
// coefficients found by least squares. D is 1 where the seasonal strength exceeds 0.64, d is 1 where
// the KPSS test then rejects stationarity; p, q <= 5, P, Q <= 2 and one lag at most of M by a
// stepwise walk to lower AICc (see searchOrders), with a mean μ only while d + D <= 1. All parameters
// come from conditional least squares by Gauss-Newton steps and stay within the stationary and
// invertible region, the seasonal ones well inside.
//
// A missing value is filled in for fitting (see fillGaps) but its own error is not counted; in the
// filter it is replaced by its mean one step ahead. Orders are searched and fitted twice, on the first
// part of the history for the errors that calibrate the quantiles and on all of it for the
// forecasts. Fit needs 1.5 of the longest season and the horizon, else ErrTooShort. It costs O(n)
// time per evaluation, of which a history of more than 4000 values spends the search on the newest
// 4000. State is the longest lag.
//
// Source: G. E. P. Box, G. M. Jenkins, Time Series Analysis: Forecasting and Control; the choice of
// orders as in auto.arima of R. J. Hyndman, Y. Khandakar, Journal of Statistical Software 27(3) (2008);
// Fourier terms: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.),
// section 10.5. Two seasonal factors: J. W. Taylor, Short-term electricity demand forecasting using double
// seasonal exponential smoothing, Journal of the Operational Research Society 54 (2003), who compares with them.
type ARIMA struct {
	// Seasons are as in SeasonalNaive, or empty for a model without season.
	Seasons []int
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Linear is as in DoubleSeasonal.
	Linear bool
	// Harmonics is the number of Fourier pairs of each long season, at most half of its length; 0 means 6.
	Harmonics int
	// Evaluations bounds each of the two order searches; 0 means DefaultARIMAEvaluations.
	Evaluations int
}

// Fit implements Model.
func (m ARIMA) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := s.validate()
	if len(m.Seasons) > 0 {
		err = errors.Join(err, validateSeasons(m.Seasons))
	}
	if m.Evaluations < 0 || m.Harmonics < 0 {
		err = errors.Join(err, fmt.Errorf("forecast: evaluations and harmonics must not be negative, got %d and %d", m.Evaluations, m.Harmonics))
	}
	if err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	longest := 1
	if len(m.Seasons) > 0 {
		longest = slices.Max(m.Seasons)
	}
	from := seasonalFitEnd(len(s.Values), longest)
	if have := len(s.Values); have < from+cal.horizon+minPaths {
		return nil, tooFewSeasons(have, longest, cal.horizon)
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	return cal.runRefit(ctx, s.Values, from, func(ctx context.Context, values []float64) (filter, error) {
		return m.filter(ctx, tr, values)
	})
}

const (
	longestARIMASeason = 24
	longestARIMAFactor = 168
	defaultHarmonics   = 6
	searchedValues     = 4000
)

func (m ARIMA) filter(ctx context.Context, tr transform, values []float64) (filter, error) {
	z, present := fillGaps(tr.apply(values), m.Seasons)
	season, factor, waves := 1, [factors]int{1}, []int{}
	for i, s := range slices.Sorted(slices.Values(m.Seasons)) {
		switch {
		case i == 0 && s <= longestARIMASeason:
			season, factor[1] = s, s
		case i == 1 && season > 1 && s <= longestARIMAFactor:
			factor[2] = s
		default:
			waves = append(waves, s)
		}
	}
	harmonics := m.Harmonics
	if harmonics == 0 {
		harmonics = defaultHarmonics
	}
	seasonalD := 0
	if season > 1 && seasonalStrength(z, season) > strongSeason {
		seasonalD = 1
	}
	f := &arimaFilter{transform: tr}
	if len(waves) > 0 {
		f.removeFourier(z, waves, season, seasonalD, harmonics)
	}
	w := difference(z, season*seasonalD)
	d := 0
	if needsDifference(w, season) {
		d = 1
		w = difference(w, 1)
	}
	center := 0.0
	if d+seasonalD == 0 { // the search for μ then starts at the mean
		center = presentMean(w)
		w = slices.Clone(w)
		for t := range w {
			w[t] -= center
		}
	}
	lost := len(z) - len(w)
	counted := make([]bool, len(w))
	for t := range counted {
		counted[t] = present[t+lost]
	}
	if len(w) < 4*season+minPaths {
		return nil, fmt.Errorf("forecast: %d values after differencing, need %d: %w", len(w), 4*season+minPaths, ErrTooShort)
	}
	// The first errors hang on the zeros before the first value.
	warm := min(maxOrder+maxSeasonalOrder*season, len(w)/4)
	evaluations := m.Evaluations
	if evaluations == 0 {
		evaluations = DefaultARIMAEvaluations
	}
	tail := max(0, len(w)-searchedValues)
	model, err := searchOrders(ctx, newArmaFitter(w[tail:], counted[tail:], warm), factor, d+seasonalD <= 1, evaluations)
	if err != nil {
		return nil, err
	}
	if tail > 0 {
		newArmaFitter(w, counted, warm).fit(model, searchIterations)
	}
	f.set(model, center, d, seasonalD)
	return f, nil
}

// difference returns z(t) - z(t-lag), or z for lag 0.
func difference(z []float64, lag int) []float64 {
	if lag == 0 {
		return z
	}
	w := make([]float64, len(z)-lag)
	for t := range w {
		w[t] = z[t+lag] - z[t]
	}
	return w
}

// fillGaps replaces missing values in z: the mean profile of the shortest season is subtracted, the
// rest interpolated linearly, and the profile added again. It reports which values were present.
func fillGaps(z []float64, seasons []int) ([]float64, []bool) {
	present := make([]bool, len(z))
	missing := false
	for t, v := range z {
		present[t] = v == v
		missing = missing || v != v
	}
	if !missing {
		return z, present
	}
	m := 1
	if len(seasons) > 0 {
		m = slices.Min(seasons)
	}
	profile := phaseMeans(z, m)
	for t := range z {
		z[t] -= profile[t%m]
	}
	bridge(z)
	for t := range z {
		z[t] += profile[t%m]
	}
	return z, present
}

// arimaFilter is the filter of ARIMA in expanded form:
//
//	n(t) = c - Σ A_i n(t-i) + e(t) + Σ B_i e(t-i)
//
// with n(t) = z(t) less the Fourier terms.
type arimaFilter struct {
	transform
	ar, ma   polynomial
	constant float64
	past     memory // of n
	errors   memory // of e, 0 before the start
	seen     int
	last     float64
	tables   [][]float64 // Fourier terms per season
	phases   []int       // of the coming step
	ahead    []float64   // scratch of path
}

// set takes over the model of the differences less center; the filter is then in its starting state.
func (f *arimaFilter) set(a *arma, center float64, d, seasonalD int) {
	mu := center + a.mu()
	stationary := a.expand(a.phi, -1)
	f.constant = mu
	for _, c := range stationary.coefs {
		f.constant += c * mu
	}
	f.ar = stationary.differenced(d, seasonalD, a.seasons[1])
	f.ma = a.expand(a.theta, 1)
	reach := func(p polynomial) int {
		if len(p.lags) == 0 {
			return 1
		}
		return p.lags[len(p.lags)-1]
	}
	f.past, f.errors = newMemory(reach(f.ar)), newMemory(reach(f.ma))
	clear(f.errors.ring)
	f.phases = make([]int, len(f.tables))
}

// removeFourier estimates the Fourier terms of the seasons on z, differenced by the seasonal lag if
// that will be done, subtracts them from z and keeps their tables.
func (f *arimaFilter) removeFourier(z []float64, seasons []int, season, seasonalD, harmonics int) {
	var columns [][]float64 // one per term, over its season
	var of []int
	for i, s := range seasons {
		for k := 1; k <= harmonics && 2*k < s; k++ {
			// A wave of a season seen before, or of the ARIMA season where that is differenced away.
			if i > 0 && k*seasons[i-1]%s == 0 || seasonalD > 0 && k*season%s == 0 {
				continue
			}
			sin, cos := make([]float64, s), make([]float64, s)
			for t := range s {
				sin[t], cos[t] = math.Sincos(2 * math.Pi * float64(k) * float64(t) / float64(s))
			}
			columns, of = append(columns, sin, cos), append(of, i, i)
		}
	}
	lag := season * seasonalD
	ls := newLeastSquares(len(columns) + 1)
	x := make([]float64, len(columns)+1)
	center := presentMean(z)
	for t := lag; t < len(z); t++ {
		y := z[t] - center
		if lag > 0 {
			y = z[t] - z[t-lag]
		}
		for i, c := range columns {
			x[i] = c[t%len(c)]
			if lag > 0 {
				x[i] -= c[(t-lag)%len(c)]
			}
		}
		x[len(columns)] = 1
		ls.add(x, y, 1)
	}
	beta, _ := ls.solve(lagRidge)
	for _, s := range seasons {
		f.tables = append(f.tables, make([]float64, s))
	}
	for i, c := range columns {
		for t, v := range c {
			f.tables[of[i]][t] += beta[i] * v
		}
	}
	for t := range z {
		for _, table := range f.tables {
			z[t] -= table[t%len(table)]
		}
	}
}

// fourier returns the terms of the coming step, or of k steps after it.
func (f *arimaFilter) fourier(k int) float64 {
	sum := 0.0
	for i, table := range f.tables {
		sum += table[(f.phases[i]+k)%len(table)]
	}
	return sum
}

// mean returns n of the step k ahead (from 0), given the means of the steps before it.
func (f *arimaFilter) mean(past, errs, ahead []float64, k int) float64 {
	n := f.constant
	for i, lag := range f.ar.lags {
		if k >= lag {
			n -= f.ar.coefs[i] * ahead[k-lag]
		} else {
			n -= f.ar.coefs[i] * past[len(past)+k-lag]
		}
	}
	for i, lag := range f.ma.lags {
		if k < lag {
			n += f.ma.coefs[i] * errs[len(errs)+k-lag]
		}
	}
	return n
}

func (f *arimaFilter) update(y float64) {
	z := f.forward(y)
	fourier := f.fourier(0)
	e, mean := 0.0, f.last-fourier
	if f.seen >= f.past.n {
		mean = f.mean(f.past.values(), f.errors.values(), nil, 0)
	}
	n := mean
	if z == z {
		n = z - fourier
		if f.seen >= f.past.n {
			e = n - mean
		}
		f.last = z
	}
	f.past.push(n)
	f.errors.push(e)
	f.seen++
	for i, table := range f.tables {
		if f.phases[i]++; f.phases[i] == len(table) {
			f.phases[i] = 0
		}
	}
}

func (f *arimaFilter) path(dst []float64) {
	if f.seen < f.past.n {
		for k := range dst {
			dst[k] = f.inverse(f.last)
		}
		return
	}
	if len(f.ahead) < len(dst) {
		f.ahead = make([]float64, len(dst))
	}
	past, errs := f.past.values(), f.errors.values()
	for k := range dst {
		f.ahead[k] = f.mean(past, errs, f.ahead, k)
		dst[k] = f.inverse(f.ahead[k] + f.fourier(k))
	}
}
