package forecast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

const (
	// DefaultHarmonics is the largest number of Fourier pairs of a season that Harmonic tries where it
	// leaves it open (chosen by us).
	DefaultHarmonics = 12
	// DefaultHarmonicEvaluations bounds the models that Harmonic compares (chosen by us).
	DefaultHarmonicEvaluations = 120
)

// Harmonic is a dynamic harmonic regression: a level, a slope, Fourier terms of each season and the
// regressors of the series, with autoregressive errors. On z, the logarithm of y or y itself (see Linear):
//
//	z(t) = a + b t + Σ_s Σ_k [ a_sk sin(2πkt/m_s) + b_sk cos(2πkt/m_s) ] + γ'x(t) + u(t)
//	u(t) = ρ u(t-1) + e(t)
//
// K_s pairs of season s, at most Harmonics, and whether there is a slope are those with the least AICc
// of the innovations e found by a walk from K = 2 within Evaluations: regressions of z(t) - ρ z(t-1) on the
// same of the columns, ρ being that of the residuals of the largest model. The slope needs two of the
// longest season. Harmonics that two seasons share belong to the shorter one. In the filter u is observed
// through noise (type deviation).
//
// Series.Regressors are the x, such as a dummy per kind of event, a temperature, the size of a campaign.
// Rows beyond the values are the known future; a row not known counts as the mean of the history. Update
// takes the row of its step, or uses the one known. Each coefficient drifts as a random walk, so that
// Update takes O(p²) time for p coefficients whatever the length of the history; a slow change is
// followed, with a memory of the history or two longest seasons.
//
// A missing value, or one after it, updates no coefficient, and u fades. Fit needs 1.5 of the longest season
// and the horizon, else ErrTooShort. It takes O(n p²) time and O(p³) for each evaluation.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), sections 7.4
// (Fourier terms, calendar dummies) and 10.5 (dynamic harmonic regression, K by AICc).
type Harmonic struct {
	// Seasons are as in SeasonalNaive, or empty for a model without season.
	Seasons []int
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Linear is as in DoubleSeasonal.
	Linear bool
	// Harmonics bounds the Fourier pairs of each season; 0 means DefaultHarmonics.
	Harmonics int
	// Evaluations bounds each of the two searches; 0 means DefaultHarmonicEvaluations.
	Evaluations int
}

// mostColumns bounds the columns of the largest model, and so the work of Update.
const mostColumns = 400

// Fit implements Model.
func (m Harmonic) Fit(ctx context.Context, s Series) (Fitted, error) {
	var err error
	if len(m.Seasons) > 0 {
		err = validateSeasons(m.Seasons)
	}
	if m.Evaluations < 0 || m.Harmonics < 0 {
		err = errors.Join(err, fmt.Errorf("forecast: evaluations and harmonics must not be negative, got %d and %d", m.Evaluations, m.Harmonics))
	}
	if err != nil {
		return nil, errors.Join(err, s.validate())
	}
	least := 2 * minPaths
	if len(m.Seasons) > 0 {
		longest := slices.Max(m.Seasons)
		least = max(least, (3*longest+1)/2)
	}
	f, err := fitPoint(ctx, s, m, m.Horizon, m.Window, least)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// harmonicRidge is the share of its own size added to every diagonal element (chosen by us).
const harmonicRidge = 1e-6

// point implements pointModel.
func (m Harmonic) point(ctx context.Context, s Series) (filter, error) {
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	n := len(s.Values)
	longest := 0
	if len(m.Seasons) > 0 {
		if longest = slices.Max(m.Seasons); 2*n < 3*longest {
			return nil, tooFewSeasons(n, longest, 0)
		}
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	design := newHarmonicDesign(m.Seasons, cmp.Or(m.Harmonics, DefaultHarmonics), n >= 2*longest, n, s.Regressors)
	if k := design.width(); k > mostColumns {
		return nil, fmt.Errorf("forecast: harmonic regression has %d columns, want at most %d: fewer harmonics or regressors", k, mostColumns)
	}
	fit := harmonicFit{z: tr.apply(s.Values), rows: s.Regressors}
	center := presentMean(fit.z) // the ridge is for deviations from it
	for t := range fit.z {
		fit.z[t] -= center
	}
	full, err := fit.normal(ctx, design, 0)
	if err != nil {
		return nil, err
	}
	if need := design.width() + minPaths; int(full.sum) < need {
		return nil, fmt.Errorf("forecast: only %d of %d values are present, need %d for the regression: %w", int(full.sum), n, need, ErrTooShort)
	}
	beta, _ := full.solve(harmonicRidge)
	rho := firstAutocorrelation(fit.residuals(design, beta))
	if full, err = fit.normal(ctx, design, rho); err != nil {
		return nil, err
	}
	if design, full, err = design.choose(ctx, full, cmp.Or(m.Evaluations, DefaultHarmonicEvaluations)); err != nil {
		return nil, err
	}
	f := &harmonicFilter{
		transform: tr, center: center, design: design, rho: rho, n: n,
		regression: newRecursive(full, harmonicRidge, float64(max(n, 2*longest))),
		row:        make([]float64, design.width()), before: make([]float64, design.width()), change: make([]float64, design.width()),
		previous: math.NaN(), first: n,
	}
	rest := fit.residuals(design, f.regression.beta)
	f.rest = fitDeviation(rest, leadsUpTo(c.horizon))
	f.size = presentMean(innovations(rest, rho))
	f.previous = fit.z[n-1]
	design.fill(f.before, n-1, fit.row(n-1))
	for _, row := range s.Regressors[min(n, len(s.Regressors)):] {
		f.future = append(f.future, slices.Clone(row))
	}
	return f, nil
}

// firstAutocorrelation estimates ρ within [0, 0.99] from the pairs present.
func firstAutocorrelation(u []float64) float64 {
	products, squares := 0.0, 0.0
	for t := 1; t < len(u); t++ {
		if p := u[t] * u[t-1]; p == p {
			products += p
			squares += u[t-1] * u[t-1]
		}
	}
	if !(squares > 0) {
		return 0
	}
	return min(max(products/squares, 0), 0.99)
}

// innovations returns the sizes of u(t) - ρ u(t-1).
func innovations(u []float64, rho float64) []float64 {
	e := make([]float64, 0, len(u))
	for t := 1; t < len(u); t++ {
		e = append(e, math.Abs(u[t]-rho*u[t-1]))
	}
	return e
}

// harmonicFilter is the filter of Harmonic.
type harmonicFilter struct {
	transform
	center     float64 // mean of z over the history, subtracted from it
	design     *harmonicDesign
	regression *recursiveLeastSquares
	rest       deviation // of u
	rho        float64   // of the regression
	size       float64   // mean size of an innovation
	n          int       // index of the coming step

	future [][]float64 // known rows from index first on
	first  int
	given  []float64 // the row of the coming step, if Update had one
	has    bool

	row, before, change []float64 // of the coming step, of the one before, and their quasi-difference
	previous            float64   // z of the step before
}

// regress takes the regressors of the coming step; a row of another width counts as none.
func (f *harmonicFilter) regress(x []float64) {
	f.has = len(x) > 0 && len(x) == len(f.design.scale)
	f.given = append(f.given[:0], x...)
}

// known returns the regressors of a step ahead, nil if they are not known.
func (f *harmonicFilter) known(ahead int) []float64 {
	if ahead == 0 && f.has {
		return f.given
	}
	if i := f.n + ahead - f.first; i < len(f.future) {
		return f.future[i]
	}
	return nil
}

// sizeGain is the weight of the newest innovation in their mean size.
const sizeGain = 0.01

func (f *harmonicFilter) update(y float64) {
	z := f.forward(y) - f.center
	f.design.fill(f.row, f.n, f.known(0))
	if z == z && f.previous == f.previous {
		for i, v := range f.row {
			f.change[i] = v - f.rho*f.before[i]
		}
		e := z - f.rho*f.previous - dot(f.regression.beta, f.change)
		limit := limitFactor * f.size
		if limit == 0 {
			limit = math.Inf(1)
		}
		f.size += sizeGain * (min(math.Abs(e), limit) - f.size)
		f.regression.update(f.change, e, limit)
	}
	f.rest.update(z - dot(f.regression.beta, f.row))
	f.previous = z
	f.before, f.row = f.row, f.before
	f.n++
	f.has = false
}

func (f *harmonicFilter) path(dst []float64) {
	u := f.rest.value
	for k := range dst {
		f.design.fill(f.row, f.n+k, f.known(k))
		u *= f.rest.rho
		dst[k] = f.inverse(f.center + dot(f.regression.beta, f.row) + u)
	}
}
