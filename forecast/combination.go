package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// DefaultSteepness is the power of the inverse error that weighs the members of a Combination where
// it leaves it open.
//
// The power 4 of absolute errors, 8 of their root, was chosen on values held out of the M4 hourly
// training series; 6 to 12 differ little.
const DefaultSteepness = 8

// Combination is the mean of several models with weights that fall steeply with the error each has
// made out of sample:
//
//	ŷ(t+h) = Σ_i w_i(h) ŷ_i(t+h),   w_i(h) ∝ E_i(h)^-p
//
// E_i(h) is the mean square root of the absolute error of member i over past origins and over the
// leads in the band of h, older errors counting less; the root keeps a single burst from ruling the
// weights, and p = 8 on it is the power 4 of errors. Bands are of geometrically growing width: a model that follows the
// level is good at short leads, one that knows the season at long ones. Steep weights are close to
// choosing the best member when one is clearly best, and average when several are alike, which is
// less noisy than a choice.
//
// Fit estimates the members on the first half of the history (at least what they need), learns
// weights and the calibration of the combination on the errors of the rest, and then estimates the
// members anew on all of it. Weights are kept up to date by Update, whose cost is that of all
// members' updates and paths. Members that cannot be fitted for lack of history are left out; Fit
// fails with ErrTooShort when none is left.
//
// Source: inverse-error weights: J. M. Bates, C. W. J. Granger, The Combination of Forecasts,
// Operational Research Quarterly 20 (1969), with p = 2 on squared errors; the steeper power is ours.
type Combination struct {
	// Members are the models to combine; nil means those of Members for the step and length of the
	// series. Their own horizon should be that of the combination.
	Members []Named
	// Steepness is the power p, positive; 0 means DefaultSteepness.
	Steepness float64
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Members returns the models that a Combination takes by default for a series of n values at the
// step: persistence; then, for the day and the week where they are a whole number of steps and the
// history holds two of them, seasonal naive; Holt-Winters and a calibrated autoregression of the day,
// ETS of the week, and for both together double-seasonal Holt-Winters, the calibrated autoregression
// and MSTL. Without any season they are persistence, damped trend, ETS and dynamic Theta.
//
// The set is the one with the least error on values held out of the M4 hourly training series among
// about a dozen sets tried.
func Members(step time.Duration, n, horizon, window int) []Named {
	named := []Named{{Name: "naive", Model: Naive{Horizon: horizon, Window: window}}}
	add := func(name string, m Model) { named = append(named, Named{Name: name, Model: m}) }
	d, w := stepsIn(day, step), stepsIn(week, step)
	hasDay, hasWeek := d >= 2 && n >= 2*d, w >= 2 && n >= 2*w
	if !hasDay && !hasWeek {
		add("holt", HoltWinters{Horizon: horizon, Window: window})
		add("ets", ETS{Horizon: horizon, Window: window})
		add("dynamic-theta", OptimizedTheta{Dynamic: true, Horizon: horizon, Window: window})
		return named
	}
	if hasDay {
		add("seasonal-naive-1d", SeasonalNaive{Seasons: []int{d}, Horizon: horizon, Window: window})
		add("holt-winters-1d", HoltWinters{Season: d, Horizon: horizon, Window: window})
		add("card-1d", Card{Seasons: []int{d}, Horizon: horizon, Window: window})
	}
	if hasWeek {
		add("seasonal-naive-1w", SeasonalNaive{Seasons: []int{w}, Horizon: horizon, Window: window})
		add("ets-1w", ETS{Season: w, Horizon: horizon, Window: window})
	}
	if hasDay && hasWeek {
		add("double-seasonal", DoubleSeasonal{Short: d, Long: w, Horizon: horizon, Window: window})
		add("card", Card{Seasons: []int{d, w}, Horizon: horizon, Window: window})
		add("mstl", MSTL{Seasons: []int{d, w}, Horizon: horizon, Window: window})
	}
	return named
}

// Fit implements Model.
func (m Combination) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	power := m.Steepness
	if power == 0 {
		power = DefaultSteepness
	}
	if !(power > 0) {
		return nil, fmt.Errorf("forecast: steepness must be positive, got %v", m.Steepness)
	}
	c, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	members := m.Members
	if members == nil {
		members = Members(s.Step, len(s.Values), c.horizon, c.window)
	}
	if len(members) == 0 {
		return nil, errors.New("forecast: members is empty, want nil or at least one")
	}
	n := len(s.Values)
	from := n / 2
	filters, used, err := fitMembers(ctx, members, s.head(from))
	if err != nil {
		return nil, err
	}
	mix := newMixture(filters, c.horizon, power, s.Values[:from])
	cal, err := c.runFrom(ctx, s.Values, mix, from)
	if err != nil {
		return nil, err
	}
	for i, member := range used {
		f, err := fitMember(ctx, member, s)
		switch {
		case err == nil:
			mix.filters[i] = f
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
	}
	return cal, nil
}

// fitMembers fits what can be fitted.
func fitMembers(ctx context.Context, members []Named, s Series) (filters []filter, used []Named, err error) {
	var errs []error
	for _, member := range members {
		f, err := fitMember(ctx, member, s)
		switch {
		case err == nil:
			filters, used = append(filters, f), append(used, member)
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case errors.Is(err, ErrTooShort):
			errs = append(errs, fmt.Errorf("member %s: %w", member.Name, err))
		default:
			return nil, nil, fmt.Errorf("member %s: %w", member.Name, err)
		}
	}
	if len(filters) == 0 {
		return nil, nil, errors.Join(errs...)
	}
	return filters, used, nil
}

// fitMember returns the filter of a model fitted on s, in its state after s.
func fitMember(ctx context.Context, member Named, s Series) (filter, error) {
	if m, ok := member.Model.(pointModel); ok {
		return m.point(ctx, s)
	}
	fitted, err := member.Fit(ctx, s)
	if err != nil {
		return nil, err
	}
	c, ok := fitted.(*calibrated)
	if !ok {
		return nil, fmt.Errorf("forecast: %T cannot be combined: it is no point model of this package", member.Model)
	}
	return c.filter, nil
}

const (
	// originsInFlight is about how many past forecasts of each member are being judged at a time.
	originsInFlight = 8
	// errorMemory is the number of horizons over which an error fades to 1/e in the weights.
	errorMemory = 12.0
)

// mixture is the filter of Combination.
type mixture struct {
	filters []filter
	power   float64
	horizon int
	gap     int // steps between origins judged
	band    []int
	errors  [][]float64 // fading sum of absolute errors, per band and member
	weights [][]float64 // the same shape
	fade    float64
	largest float64

	n       int
	paths   [][]float64 // ring of origins; members' paths one after the other
	madeAt  []int       // n when the paths of that slot were made, -1: never
	scratch []float64
}

func newMixture(filters []filter, horizon int, power float64, seen []float64) *mixture {
	m := &mixture{
		filters: filters, power: power, horizon: horizon,
		gap:  max(1, horizon/originsInFlight),
		band: make([]int, horizon),
		fade: math.Exp(-1 / (errorMemory * float64(horizon))),
	}
	bands := 0
	for lo := 0; lo < horizon; bands++ {
		hi := min(max(lo+2, lo*2), horizon)
		for k := lo; k < hi; k++ {
			m.band[k] = bands
		}
		lo = hi
	}
	for range bands {
		m.errors = append(m.errors, make([]float64, len(filters)))
		weights := make([]float64, len(filters))
		for i := range weights {
			weights[i] = 1 / float64(len(filters))
		}
		m.weights = append(m.weights, weights)
	}
	for range (horizon + m.gap - 1) / m.gap {
		m.paths = append(m.paths, make([]float64, len(filters)*horizon))
		m.madeAt = append(m.madeAt, -1)
	}
	for _, y := range seen {
		m.largest = max(m.largest, zeroIfMissing(y))
	}
	m.keepPaths()
	return m
}

func (m *mixture) update(y float64) {
	if y == y {
		m.largest = max(m.largest, y)
		m.judge(y)
	}
	for _, f := range m.filters {
		f.update(y)
	}
	m.n++
	if m.n%m.gap == 0 {
		m.weigh()
		m.keepPaths()
	}
}

// judge takes the value of the coming step against all paths that reach it.
func (m *mixture) judge(y float64) {
	for b := range m.errors {
		for i := range m.errors[b] {
			m.errors[b][i] *= m.fade
		}
	}
	for slot, at := range m.madeAt {
		k := m.n - at
		if at < 0 || k >= m.horizon {
			continue
		}
		sums := m.errors[m.band[k]]
		for i := range sums {
			sums[i] += math.Sqrt(math.Abs(y - m.paths[slot][i*m.horizon+k]))
		}
	}
}

// weigh turns errors into weights.
func (m *mixture) weigh() {
	for b, sums := range m.errors {
		least := math.Inf(1)
		for _, e := range sums {
			least = min(least, e)
		}
		total := 0.0
		for i, e := range sums {
			w := 1.0
			if e > least {
				w = math.Pow(least/e, m.power)
			}
			m.weights[b][i] = w
			total += w
		}
		for i := range sums {
			m.weights[b][i] /= total
		}
	}
}

// keepPaths stores the members' paths from here, to be judged later.
func (m *mixture) keepPaths() {
	slot := m.n / m.gap % len(m.paths)
	m.madeAt[slot] = m.n
	for i := range m.filters {
		m.memberPath(i, m.paths[slot][i*m.horizon:(i+1)*m.horizon])
	}
}

// memberPath fills dst with a member's path within the bounds of any forecast.
func (m *mixture) memberPath(i int, dst []float64) {
	m.filters[i].path(dst)
	upper := clampFactor * m.largest
	for k, v := range dst {
		if v != v {
			v = 0
		}
		dst[k] = min(max(v, 0), upper)
	}
}

func (m *mixture) path(dst []float64) {
	if len(m.scratch) < len(dst) {
		m.scratch = make([]float64, len(dst))
	}
	one := m.scratch[:len(dst)]
	for k := range dst {
		dst[k] = 0
	}
	for i := range m.filters {
		m.memberPath(i, one)
		for k, v := range one {
			dst[k] += m.weights[m.band[min(k, m.horizon-1)]][i] * v
		}
	}
}
