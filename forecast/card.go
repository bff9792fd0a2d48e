package forecast

import (
	"context"
	"errors"
	"slices"
)

// Card is a calibrated autoregression: two simple methods are averaged, and a richer autoregression
// is then fitted to the history with the average forecast appended as if it had been observed. On z,
// the logarithm of y or y itself (see Linear), with the seasons m (shortest) and M (longest):
//
//	rho        z(t) = c(t mod m) + Σ φ_i z(t-i) + ε,   i in {1, 2, m, m+1, 2m, 2m+1, M, M+1}
//	delta      p(t) = mean of z(t-M), ..., z(t-kM);   a(t) = z(t) - p(t);   ā: moving mean of a over about m
//	           ẑ(t+h) = p(t+h) + ā(t) + 0.9^h (a(t) - ā(t))
//	average    ẑ = 0.85 rho + 0.15 delta
//	calibrated z(t) = c'(t mod m) + Σ φ'_i z(t-i) + ε,  i in {1, m, m+1, M, M+1}
//
// c is a constant and two harmonics; c' has one value per phase up to m = 24, beyond that six
// harmonics. k is the number of whole cycles in the history less one, at most 4. The calibrated
// autoregression is fitted to z(1..n) and the average forecasts of the coming Horizon steps; its
// fitted values there, given averaged forecasts as lags, are averaged with them once more and make
// the forecast. All regressions are least squares with one round of Huber weights; coefficients are
// shrunk where a shock would more than double.
//
// Between fits all coefficients stay, those of the calibration too: an update recomputes the two
// paths and the fitted values from new lags. A missing value is replaced by its mean one step ahead;
// rows with one are left out of the regressions. Fit needs 1.5 of the longest season and the horizon,
// else ErrTooShort, and costs O(n) time; state is k+1 of the longest season.
//
// Source: the idea and the names are from J. A. Doornik, J. L. Castle, D. F. Hendry, Card forecasts
// for M4, International Journal of Forecasting 36 (2020). The lag sets, the form of delta and the
// weights are our own, chosen on training parts of M4 hourly: theirs weigh rho and delta alike, and
// take the calibrated forecast alone.
type Card struct {
	// Seasons are as in SeasonalNaive; only the shortest and the longest are used.
	Seasons []int
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Linear is as in DoubleSeasonal.
	Linear bool
}

// Fit implements Model.
func (m Card) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := errors.Join(s.validate(), validateSeasons(m.Seasons)); err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	longest := slices.Max(m.Seasons)
	from := seasonalFitEnd(len(s.Values), longest)
	if have := len(s.Values); have < from+cal.horizon+minPaths {
		return nil, tooFewSeasons(have, longest, cal.horizon)
	}
	var tr transform
	if !m.Linear {
		tr = newTransform(s.Values)
	}
	return cal.runRefit(ctx, s.Values, from, func(_ context.Context, values []float64) (filter, error) {
		return newCardFilter(tr, values, slices.Min(m.Seasons), longest, cal.horizon)
	})
}

const (
	deltaWeight   = 0.15
	deltaDecay    = 0.9
	deltaCycles   = 4
	calibrateHalf = 0.5 // weight of the calibrated forecast against the average
	cardWaves     = 2
	richWaves     = 6
	mostDummies   = 24
)

// cardFilter is the filter of Card. Lags that reach back before the first value are missing; until
// every one is there the filter repeats the newest value.
type cardFilter struct {
	transform
	past       memory
	seen       int // values so far
	phase      int // of the coming step, in the short season
	rho        *autoregression
	rich       *autoregression // nil while the calibration is being fitted
	need       int             // values needed before the regressions can be evaluated
	season     int             // M
	cycles     int             // k
	deviation  float64         // a, of the newest value
	mean       float64         // ā
	weight     float64         // sum of weights behind ā
	last       float64
	one, other []float64 // scratch of path
}

func newCardFilter(tr transform, values []float64, short, long, horizon int) (*cardFilter, error) {
	z := tr.apply(values)
	lags := []int{1, 2, short, short + 1, 2 * short, 2*short + 1, long, long + 1}
	rho, err := regressors{lags: distinct(lags), season: short, waves: cardWaves}.fit(z, horizon)
	if err != nil {
		return nil, err
	}
	cycles := min(max(len(values)/long-1, 1), deltaCycles)
	need := max(2*short, long) + 1
	f := &cardFilter{
		transform: tr, past: newMemory(max(cycles*long, need) + 1),
		rho: rho, need: need, season: long, cycles: cycles,
		one: make([]float64, horizon), other: make([]float64, horizon),
	}
	fresh := *f
	for _, y := range values {
		f.update(y)
	}
	ahead := make([]float64, horizon)
	f.average(ahead)
	r := regressors{lags: distinct([]int{1, short, short + 1, long, long + 1}), season: short, waves: richWaves}
	if short <= mostDummies {
		r.dummies, r.waves = true, 0
	}
	rich, err := r.fit(append(z, ahead...), horizon)
	if err != nil {
		return nil, err
	}
	fresh.past = newMemory(fresh.past.n)
	fresh.rich = rich
	return &fresh, nil
}

// distinct returns the sorted lags without repetitions.
func distinct(lags []int) []int {
	slices.Sort(lags)
	return slices.Compact(lags)
}

func (f *cardFilter) update(y float64) {
	z := f.forward(y)
	past := f.past.values()
	if z != z {
		z = f.last
		if f.seen >= f.need {
			z = f.rho.step(past, nil, 0, f.phase)
		}
	}
	// The first value may be missing still: its stand-in is 0 on the transformed scale only until
	// the first present one, and the pool of errors starts after that.
	if p := f.pattern(past, nil, 0); p == p {
		f.deviation = z - p
		gain := 2 / float64(len(f.rho.profile)+1)
		f.weight += (1 - f.weight) * gain
		f.mean += (f.deviation - f.mean) * gain / f.weight
	}
	f.past.push(z)
	f.last = z
	f.seen++
	if f.phase++; f.phase == len(f.rho.profile) {
		f.phase = 0
	}
}

// pattern returns p for the step k ahead (from 0), NaN before the first whole cycle.
func (f *cardFilter) pattern(past, ahead []float64, k int) float64 {
	sum := 0.0
	for c := 1; c <= f.cycles; c++ {
		var v float64
		if back := c*f.season - k; back > 0 {
			v = past[len(past)-back]
		} else {
			v = ahead[-back]
		}
		if v != v { // cycles not yet seen
			if c == 1 {
				return v
			}
			return sum / float64(c-1)
		}
		sum += v
	}
	return sum / float64(f.cycles)
}

// average fills dst with the weighted mean of rho and delta on the transformed scale.
func (f *cardFilter) average(dst []float64) {
	if f.seen < f.need {
		for k := range dst {
			dst[k] = f.last
		}
		return
	}
	if len(f.one) < len(dst) {
		f.one, f.other = make([]float64, len(dst)), make([]float64, len(dst))
	}
	past := f.past.values()
	rho, delta := f.one[:len(dst)], f.other[:len(dst)]
	phase, decay := f.phase, 1.0
	for k := range dst {
		rho[k] = f.rho.step(past, rho, k, phase)
		decay *= deltaDecay
		delta[k] = f.pattern(past, delta, k) + f.mean + decay*(f.deviation-f.mean)
		dst[k] = (1-deltaWeight)*rho[k] + deltaWeight*delta[k]
		if phase++; phase == len(f.rho.profile) {
			phase = 0
		}
	}
}

func (f *cardFilter) path(dst []float64) {
	f.average(dst)
	if f.seen >= f.need {
		past := f.past.values()
		ahead := f.one[:len(dst)]
		copy(ahead, dst)
		phase := f.phase
		for k := range dst {
			dst[k] = calibrateHalf*f.rich.step(past, ahead, k, phase) + (1-calibrateHalf)*ahead[k]
			if phase++; phase == len(f.rich.profile) {
				phase = 0
			}
		}
	}
	for k := range dst {
		dst[k] = f.inverse(dst[k])
	}
}
