package forecast

import (
	"context"
	"errors"
	"slices"
)

// MSTL splits the series by loess into one season per length, a trend and a remainder, continues the
// seasons by their last cycle and what is left by damped trend smoothing with a first-order
// autoregressive remainder. With one season it is STL. On z, the logarithm of y or y itself (see
// Linear):
//
//	z(t) = Σ_k s_k(t) + x(t),   ẑ(t+h) = Σ_k s_k(t+h-m_k·ceil(h/m_k)) + x̂(t+h)
//	x̂(t+h) = l(t) + (φ + ... + φ^h) b(t) + ρ^h u(t)
//
// with l, b and u as in DoubleSeasonal without seasons. s_k comes from stl with a window of 7+4k
// cycles (11, 15, ...), shortest season first, two rounds over all seasons. Fits of α, β, φ and ρ
// minimize the mean Huber loss of x at several leads up to the horizon.
//
// Between fits the seasons are not decomposed anew but smoothed exponentially, s_k(t) = s_k(t-m_k) +
// γ_k v(t), where v is the error of x limited to four times its running mean size and γ_k =
// 2/(window+1), which weighs about as many cycles as the loess did.
//
// A missing value has no weight in the decomposition; in the filter time moves on as for
// DoubleSeasonal. Decomposition and fit are done twice, on the first part of the history for the
// errors that calibrate the quantiles and on all of it for the forecasts. Fit needs 1.5 of the
// longest season and the horizon, else ErrTooShort; it costs O(n) time per season. A season of which
// the fitted part holds less than two cycles is known from one cycle only and hardly smoothed.
//
// Source: K. Bandara, R. J. Hyndman, C. Bergmeir, MSTL: a seasonal-trend decomposition algorithm for
// time series with multiple seasonal patterns (arXiv 2107.13462, 2021), algorithm 1; STL as in stl.
type MSTL struct {
	// Seasons are as in SeasonalNaive.
	Seasons []int
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Linear is as in DoubleSeasonal.
	Linear bool
	// Evaluations bounds each of the two parameter searches; 0 means 40.
	Evaluations int
}

// Fit implements Model.
func (m MSTL) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := errors.Join(s.validate(), validateSeasons(m.Seasons))
	if m.Evaluations < 0 {
		err = errors.Join(err, errNegativeEvaluations(m.Evaluations))
	}
	if err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	seasons := slices.Sorted(slices.Values(m.Seasons))
	longest := seasons[len(seasons)-1]
	from := seasonalFitEnd(len(s.Values), longest)
	if have := len(s.Values); have < from+cal.horizon+minPaths {
		return nil, tooFewSeasons(have, longest, cal.horizon)
	}
	evaluations := m.Evaluations
	if evaluations == 0 {
		evaluations = mstlEvaluations
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	return cal.runRefit(ctx, s.Values, from, func(ctx context.Context, values []float64) (filter, error) {
		components, err := mstl(ctx, tr.apply(values), seasons)
		if err != nil {
			return nil, err
		}
		return newDecomposed(ctx, tr, values, seasons, components, cal, evaluations)
	})
}

const (
	mstlRounds      = 2
	mstlRobust      = 1 // none and two are worse on M4 hourly (measured on training parts)
	mstlEvaluations = 40
)

func mstlWindow(k int) int { return 11 + 4*k }

// mstl returns the seasonal component of every season, shortest first.
func mstl(ctx context.Context, z []float64, seasons []int) ([][]float64, error) {
	rest := slices.Clone(z)
	components := make([][]float64, len(seasons))
	decompositions := make([]*stl, len(seasons))
	for k, m := range seasons {
		components[k] = make([]float64, len(z))
		decompositions[k] = newSTL(len(z), m, mstlWindow(k), mstlRobust)
	}
	rounds := mstlRounds
	if len(seasons) == 1 {
		rounds = 1
	}
	for range rounds {
		for k, c := range components {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for t := range rest {
				rest[t] += c[t]
			}
			decompositions[k].run(rest)
			copy(c, decompositions[k].season)
			for t := range rest {
				rest[t] -= c[t]
			}
		}
	}
	return components, nil
}

// decomposed is the filter of MSTL. While it replays the history it was fitted on, the seasons are
// those of the decomposition; after that they are smoothed.
type decomposed struct {
	rest       doubleSmoothing // of x, without seasons
	components [][]float64     // nil after the replay
	replayed   int
	seasons    [][]float64 // newest cycle per phase
	next       []int
	gains      []float64
}

func newDecomposed(ctx context.Context, tr transform, values []float64, lengths []int, components [][]float64, cal calibration, evaluations int) (*decomposed, error) {
	x := tr.apply(values)
	for _, c := range components {
		for t := range x {
			x[t] -= c[t]
		}
	}
	// The first level: the mean over one short season of x.
	level := presentMean(x[:min(lengths[0], len(x))])
	start := doubleSmoothing{level: level, short: []float64{0}, long: []float64{0}}
	if size := meanChange(x, 1); size > 0 {
		start.size = size
	}
	rest, err := fitRemainder(ctx, x, start, cal, evaluations)
	if err != nil {
		return nil, err
	}
	f := &decomposed{rest: *rest, components: components, next: make([]int, len(lengths))}
	f.rest.transform = tr
	for k, m := range lengths {
		f.seasons = append(f.seasons, make([]float64, m))
		f.gains = append(f.gains, 2/float64(mstlWindow(k)+1))
	}
	return f, nil
}

func (f *decomposed) update(y float64) {
	z := f.rest.forward(y)
	total := 0.0
	replay := f.components != nil
	for k, season := range f.seasons {
		if replay {
			season[f.next[k]] = f.components[k][f.replayed]
		}
		total += season[f.next[k]]
	}
	size := f.rest.size
	f.rest.advance(z - total)
	if replay {
		if f.replayed++; f.replayed == len(f.components[0]) {
			f.components = nil
		}
	}
	smooth := !replay && z == z
	for k, season := range f.seasons {
		if smooth {
			limit := limitFactor * size
			season[f.next[k]] += f.gains[k] * min(max(f.rest.rest, -limit), limit)
		}
		if f.next[k]++; f.next[k] == len(season) {
			f.next[k] = 0
		}
	}
}

func (f *decomposed) path(dst []float64) {
	mean, trend, rest := f.rest.level, f.rest.trend, f.rest.rest
	for i := range dst {
		trend *= f.rest.phi
		mean += trend
		rest *= f.rest.rho
		dst[i] = mean + rest
	}
	for k, season := range f.seasons {
		at := f.next[k]
		for i := range dst {
			dst[i] += season[at]
			if at++; at == len(season) {
				at = 0
			}
		}
	}
	for i, v := range dst {
		dst[i] = f.rest.inverse(v)
	}
}

// fitRemainder returns start with the best parameters for x, a series without season.
func fitRemainder(ctx context.Context, x []float64, start doubleSmoothing, cal calibration, evaluations int) (*doubleSmoothing, error) {
	s := &doubleSearch{z: x, start: start}
	s.scratch.short, s.scratch.long = make([]float64, 1), make([]float64, 1)
	s.setLeads(cal)
	at := func(p []float64) doubleParameters {
		c := func(i int) float64 { return logistic(min(max(p[i], -7), 7)) }
		return doubleParameters{alpha: c(0), beta: c(0) * c(1), phi: 0.8 + 0.198*c(2), rho: c(3)}
	}
	best, _, err := minimize(ctx, []float64{-3, -4, 1, 2.5}, []float64{1.5, 1, 1, -1}, evaluations,
		func(p []float64) float64 { return s.loss(at(p)) })
	if err != nil {
		return nil, err
	}
	f := start
	f.doubleParameters = at(best)
	return &f, nil
}
