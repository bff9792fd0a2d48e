package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// DoubleSeasonal is Holt-Winters exponential smoothing with two seasons of m1 < m2 steps, a damped
// trend and a first-order autoregressive remainder. On z, the logarithm of y where the history is
// positive (see Linear) and else y itself, with the error u(t) = z(t) - (l + φb + d + w) of the state
// of t-1:
//
//	level      l(t) = l(t-1) + φ b(t-1) + α u(t)
//	trend      b(t) = φ b(t-1) + β v(t)
//	short      d(t) = d(t-m1) + δ v(t)
//	long       w(t) = w(t-m2) + ω v(t)
//	ẑ(t+h)   = l(t) + (φ + ... + φ^h) b(t) + d(t+h-m1·ceil(h/m1)) + w(t+h-m2·ceil(h/m2)) + ρ^h u(t)
//
// v is u limited to four times its running mean size, so that an outlier is not repeated in later
// seasons. A missing value moves time on: l gains φb, b and u shrink by φ and ρ. The median is
// forecast where logarithms are taken.
//
// Ranges: 0 < α, δ, ω < 1, 0 < β < α, 0.8 <= φ <= 0.998, 0 <= ρ < 1. They minimize the mean Huber
// loss at several leads up to the horizon; the budget is small on purpose, since the start is a good
// guess and a longer search fits noise (measured on M4 hourly). The first state comes from the
// averages of the first long season, clipped against outliers. w starts at 0 and is learned from then
// on: with few long seasons a start from the first one costs up to 15 % of accuracy (measured likewise).
//
// Parameters are fitted twice: on the first half of the history for the errors that calibrate the
// quantiles, and on all of it for the forecasts. Fit needs 1.5 long seasons and the horizon, else
// ErrTooShort; it costs O(n) time per evaluation. State is one value per phase of both seasons.
//
// Source: J. W. Taylor, Short-term electricity demand forecasting using double seasonal exponential
// smoothing, Journal of the Operational Research Society 54 (2003), who has multiplicative seasons,
// an undamped trend and the same remainder on the error u; additive in logarithms is the same idea.
// Limiting errors as for HoltWinters.
type DoubleSeasonal struct {
	// Short and Long are the season lengths m1 < m2 in steps, at least 2.
	Short, Long int
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Linear keeps the values as they are. Else logarithms are taken where every value is positive and
	// the mean at most 50 times the smallest, which makes the seasons factors.
	Linear bool
	// Evaluations bounds each of the two parameter searches; 0 means 80.
	Evaluations int
}

// Fit implements Model.
func (m DoubleSeasonal) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := errors.Join(s.validate(), validateSeasons([]int{m.Short, m.Long}))
	if m.Evaluations < 0 {
		err = errors.Join(err, errNegativeEvaluations(m.Evaluations))
	}
	if m.Short > m.Long {
		err = errors.Join(err, fmt.Errorf("forecast: the short season of %d steps must be shorter than the long one of %d", m.Short, m.Long))
	}
	if err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	from := seasonalFitEnd(len(s.Values), m.Long)
	if have := len(s.Values); have < from+cal.horizon+minPaths {
		return nil, tooFewSeasons(have, m.Long, cal.horizon)
	}
	evaluations := m.Evaluations
	if evaluations == 0 {
		evaluations = doubleEvaluations
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	return cal.runRefit(ctx, s.Values, from, func(ctx context.Context, values []float64) (filter, error) {
		search, err := newDoubleSeasonalSearch(tr, values, m.Short, m.Long, cal)
		if err != nil {
			return nil, err
		}
		return search.run(ctx, evaluations)
	})
}

// seasonalFitEnd returns the length of the part that is fitted before out-of-sample errors are
// collected: half of the history, but two seasons, but then again leaving a fair rest.
func seasonalFitEnd(n, season int) int {
	return max(n/2, min(2*season, (n+season)/2), (3*season+1)/2)
}

func errNegativeEvaluations(n int) error {
	return fmt.Errorf("forecast: evaluations must not be negative, got %d", n)
}

// leastSeasons of the longest season is the least history that the models of seasons and regressions take.
const leastSeasons = 1.5

func tooFewSeasons(have, season, horizon int) error {
	return fmt.Errorf("forecast: need at least %v seasons of %d steps and %d values more, got %.1f seasons: %w",
		leastSeasons, season, horizon+minPaths, float64(have)/float64(season), ErrTooShort)
}

// doubleSmoothing is the filter of DoubleSeasonal.
type doubleSmoothing struct {
	doubleParameters
	transform
	level, trend, rest float64
	size               float64 // running mean of |u|
	short, long        []float64
	i, j               int // phases of the coming step
}

const (
	doubleEvaluations = 80   // default budget of a search
	mostOrigins       = 4000 // about as many origins of a series are judged in one evaluation
)

type doubleParameters struct{ alpha, beta, delta, omega, phi, rho float64 }

func (f *doubleSmoothing) update(y float64) { f.advance(f.forward(y)) }

// advance takes the value z on the transformed scale.
func (f *doubleSmoothing) advance(z float64) {
	f.trend *= f.phi
	f.level += f.trend
	i, j := f.i, f.j
	if f.i++; f.i == len(f.short) {
		f.i = 0
	}
	if f.j++; f.j == len(f.long) {
		f.j = 0
	}
	if z != z {
		f.rest *= f.rho
		return
	}
	u := z - f.level - f.short[i] - f.long[j]
	limit := limitFactor * f.size
	v := min(max(u, -limit), limit)
	f.size += (math.Abs(u) - f.size) / sizeSpan
	f.level += f.alpha * u
	f.trend += f.beta * v
	f.short[i] += f.delta * v
	f.long[j] += f.omega * v
	f.rest = u
}

func (f *doubleSmoothing) path(dst []float64) {
	mean, trend, rest := f.level, f.trend, f.rest
	i, j := f.i, f.j
	for k := range dst {
		trend *= f.phi
		mean += trend
		rest *= f.rho
		dst[k] = f.inverse(mean + f.short[i] + f.long[j] + rest)
		if i++; i == len(f.short) {
			i = 0
		}
		if j++; j == len(f.long) {
			j = 0
		}
	}
}

// doubleSearch finds the parameters on transformed values.
type doubleSearch struct {
	z           []float64
	start       doubleSmoothing // state before the first value
	scratch     doubleSmoothing
	leads       []int
	delta       []float64 // Huber bend per lead
	damped, rho []float64 // φ + ... + φ^h and ρ^h per lead
}

func newDoubleSeasonalSearch(tr transform, values []float64, short, long int, cal calibration) (*doubleSearch, error) {
	s := &doubleSearch{z: tr.apply(values)}
	level, profile, size, err := startProfile(s.z[:long], short)
	if err != nil {
		return nil, err
	}
	s.start = doubleSmoothing{transform: tr, level: level, short: profile, long: make([]float64, long), size: size}
	s.scratch.short, s.scratch.long = make([]float64, short), make([]float64, long)
	s.setLeads(cal)
	return s, nil
}

// setLeads chooses the leads of the loss.
func (s *doubleSearch) setLeads(cal calibration) {
	s.leads = []int{1, cal.window, (cal.window + cal.horizon) / 2, cal.horizon}
	slices.Sort(s.leads)
	s.leads = slices.Compact(s.leads)
	for _, h := range s.leads {
		s.delta = append(s.delta, meanChange(s.z, h))
	}
	s.damped, s.rho = make([]float64, len(s.leads)), make([]float64, len(s.leads))
}

func (s *doubleSearch) reset(p doubleParameters) {
	short, long := s.scratch.short, s.scratch.long
	copy(short, s.start.short)
	copy(long, s.start.long)
	s.scratch = s.start
	s.scratch.short, s.scratch.long, s.scratch.doubleParameters = short, long, p
}

// loss returns the mean Huber loss over the leads after the first short season.
func (s *doubleSearch) loss(p doubleParameters) float64 {
	s.reset(p)
	f := &s.scratch
	for i, h := range s.leads {
		s.damped[i] = p.phi * (1 - math.Pow(p.phi, float64(h))) / (1 - p.phi)
		s.rho[i] = math.Pow(p.rho, float64(h))
	}
	m1, m2 := len(f.short), len(f.long)
	stride := max(1, len(s.z)/mostOrigins)
	sum, n := 0.0, 0.0
	for t, z := range s.z {
		f.advance(z)
		if t < m1 || t%stride != 0 {
			continue
		}
		for i, h := range s.leads {
			if t+h >= len(s.z) {
				break
			}
			actual := s.z[t+h]
			if actual != actual || !(s.delta[i] > 0) {
				continue
			}
			a := (f.i + h - 1) % m1
			b := (f.j + h - 1) % m2
			e := math.Abs(actual-f.level-s.damped[i]*f.trend-f.short[a]-f.long[b]-s.rho[i]*f.rest) / s.delta[i]
			if e <= huberBend {
				sum += e * e / 2
			} else {
				sum += huberBend * (e - huberBend/2)
			}
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / n
}

// run returns the filter with the best parameters in its starting state.
func (s *doubleSearch) run(ctx context.Context, evaluations int) (*doubleSmoothing, error) {
	at := func(x []float64) doubleParameters {
		// Beyond 7 the logistic is flat.
		c := func(i int) float64 { return logistic(min(max(x[i], -7), 7)) }
		return doubleParameters{
			alpha: c(0), beta: c(0) * c(1), delta: c(2), omega: c(3),
			phi: 0.8 + 0.198*c(4), rho: c(5),
		}
	}
	loss := func(x []float64) float64 { return s.loss(at(x)) }
	steps := []float64{1.5, 1, 1, 1, 1, -1}
	x, _, err := minimize(ctx, []float64{-3, -4, -2.5, -2.5, 1, 2.5}, steps, evaluations, loss)
	if err != nil {
		return nil, err
	}
	f := s.start
	f.doubleParameters = at(x)
	return &f, nil
}
