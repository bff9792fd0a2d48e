package forecast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// ETS is exponential smoothing as a state space model with an automatic choice of form. With the
// mean ŷ(t) of a step, the base q(t) = l(t-1) + φ b(t-1) and the error r(t) = y(t) - ŷ(t), the forms
// with an additive trend (β = 0 and b = 0 without one) are
//
//	no season          ŷ = q,     l = q + α r,    b = φb + β r
//	additive           ŷ = q + s, l = q + α r,    b = φb + β r,    s = s + γ r
//	multiplicative     ŷ = q s,   l = q + α r/s,  b = φb + β r/s,  s = s + γ r/q
//
// s being the term of the same phase one season of m steps before. A multiplicative trend has q =
// l b^φ and b = b^φ + β r/(s l). The form of the error, additive or proportional to the mean, changes
// the likelihood and with it the parameters, not these equations.
//
// Parameters have the least L (below) within 0 < α < 1, 0 < β < α, 0 < γ < 1-α, 0.8 <= φ <= 0.98, by
// the simplex method; a form with additive season is admissible only if its discount matrix has no
// eigenvalue outside the unit circle, and γ is reduced until it has none. The seasonal terms start
// from classical decomposition; level and trend of the start are searched with the rest. The form has
// the least corrected Akaike criterion
//
//	AICc = L + 2k + 2k(k+1)/(n-k-1)
//
// with L = n log Σ r² (additive error) or n log Σ (r/ŷ)² + 2 Σ log|ŷ| (multiplicative), n values and k
// parameters, every state of the start and the variance counted. Unless OneStep is set, the mean
// square in L is that over the leads 1 and a quarter, a half, three quarters and all of the horizon:
// the most likely parameters for one step follow the last values too closely for long leads (on
// values held out of the M4 hourly training series they make 40 % larger errors two days ahead). All
// forms are searched briefly and the best three thoroughly. A missing value moves time on and changes
// nothing else.
//
// Fit needs one and a half seasons and some values to calibrate on. An evaluation takes O(n) time,
// Update O(1) whatever the season's length, apart from the path; state is one season.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), sections
// 8.5 and 8.6, and R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, Forecasting with Exponential
// Smoothing: The State Space Approach (2008). Admissible region: R. J. Hyndman, M. Akram, B. C.
// Archibald, The admissible parameter space for exponential smoothing models, Annals of the Institute
// of Statistical Mathematics 60 (2008).
type ETS struct {
	// Season is the season length in steps, at least 2; 0 means no season.
	Season int
	// Form restricts the choice: a name such as "AAN", "AAdA" or "MAM", with Z for a component that is
	// chosen; "" means "ZZZ".
	Form string
	// MultiplicativeTrend admits such forms to the choice.
	MultiplicativeTrend bool
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// OneStep makes the criterion the likelihood of one-step errors, the textbook's, whatever the
	// horizon.
	OneStep bool
	// Evaluations bounds the passes over the history in one estimation, all forms together; 0 means
	// DefaultETSEvaluations, less on long histories.
	Evaluations int
}

const (
	// DefaultETSEvaluations is enough for every form to settle on a few hundred values (measured).
	DefaultETSEvaluations = 600
	// etsWork bounds values times evaluations where ETS leaves evaluations open (chosen by us).
	etsWork = 6e6
	// leadStride is the number of origins per one whose longer leads are judged (chosen by us).
	leadStride = 3
)

// Fit implements Model.
func (m ETS) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	return orNil(fitPoint(ctx, s, m, m.Horizon, m.Window, m.Season+m.Season/2))
}

func (m ETS) check() error {
	err := optionalSeason(m.Season)
	if m.Evaluations < 0 {
		err = errors.Join(err, fmt.Errorf("forecast: evaluations must not be negative, got %d", m.Evaluations))
	}
	if _, formErr := etsForms(m.Form, m.Season > 1, true, true); formErr != nil {
		err = errors.Join(err, formErr)
	}
	return err
}

// point implements pointModel.
func (m ETS) point(ctx context.Context, s Series) (filter, error) {
	f, err := m.choose(ctx, s.Values)
	if err != nil {
		return nil, err
	}
	return replay(ctx, f, s.Values)
}

// choose returns the state before the first value, in the best form with its parameters.
func (m ETS) choose(ctx context.Context, values []float64) (*etsState, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if n := len(values); n < m.Season+m.Season/2 {
		return nil, fmt.Errorf("forecast: need at least 1.5 seasons of %d steps, got %.1f: %w", m.Season, float64(n)/float64(m.Season), ErrTooShort)
	}
	forms, err := etsForms(m.Form, m.Season > 1, positive(values), m.MultiplicativeTrend)
	if err != nil {
		return nil, err
	}
	budget := m.Evaluations
	if budget == 0 {
		budget = min(max(int(etsWork/float64(len(values))), 10*len(forms)), DefaultETSEvaluations)
	}
	search := newETSSearch(values, max(m.Season, 1))
	if !m.OneStep {
		search.setLeads(cmp.Or(m.Horizon, DefaultHorizon))
	}
	// Half of the budget goes to all forms, half to the best three.
	fits := make([]etsFit, 0, len(forms))
	for _, form := range forms {
		fit, err := search.run(ctx, form, nil, budget/2/len(forms))
		if err != nil {
			return nil, err
		}
		fits = append(fits, fit)
	}
	slices.SortStableFunc(fits, func(a, b etsFit) int { return cmp.Compare(a.aicc, b.aicc) })
	const finalists = 3
	best := fits[0]
	for _, fit := range fits[:min(finalists, len(fits))] {
		fit, err := search.run(ctx, fit.form, fit.x, budget/2/finalists)
		if err != nil {
			return nil, err
		}
		if fit.aicc < best.aicc {
			best = fit
		}
	}
	f := &etsState{season: make([]float64, max(m.Season, 1))}
	search.reset(f, best.form, best.x)
	f.restrain()
	return f, nil
}

// etsFit is a form with its parameters in search coordinates.
type etsFit struct {
	form etsForm
	x    []float64
	aicc float64
}

// etsSearch fits forms to one series.
type etsSearch struct {
	values  []float64
	present float64
	m       int
	start   [3]etsStart // by form of season
	scratch etsState
	leads   []int     // beyond 1
	damped  []float64 // φ + ... + φ^h per lead
}

// etsStart is a starting state before the search.
type etsStart struct {
	level, trend float64
	size         float64 // unit of the search for the level
	season       []float64
}

func newETSSearch(values []float64, m int) *etsSearch {
	s := &etsSearch{values: values, m: m}
	for _, v := range values {
		if v == v {
			s.present++
		}
	}
	for _, c := range []component{absent, additive, multiplicative} {
		d := noSeason
		if c != absent {
			if c == multiplicative && !positive(values) {
				continue
			}
			d = decompose(values, m, c == multiplicative)
		}
		season := make([]float64, m)
		for k := range season {
			season[k] = d.indices[k%len(d.indices)]
			if c == multiplicative && !d.multiplicative {
				season[k] = 1
			}
		}
		// A line through the first two seasons, at least ten values, without their season.
		head := make([]float64, min(len(values), max(10, 2*m)))
		for i := range head {
			head[i] = d.remove(values[i], d.indices[i%len(d.indices)])
		}
		line := regressOnTime(head)
		size, n := 0.0, 0.0
		for i, v := range head {
			if v == v {
				n++
				size += (math.Abs(v-line.at(float64(i+1))) - size) / n
			}
		}
		s.start[c] = etsStart{level: line.intercept, trend: line.slope, size: size, season: season}
	}
	s.scratch.season = make([]float64, m)
	return s
}

// setLeads makes the search judge a quarter, a half, three quarters and all of the horizon too.
func (s *etsSearch) setLeads(horizon int) {
	for k := 1; k <= 4; k++ {
		if h := k * horizon / 4; h > 1 {
			s.leads = append(s.leads, h)
		}
	}
	s.damped = make([]float64, len(s.leads))
}

// dimensions of the search: α, start of the level, then β, start of the trend, φ, γ as the form has
// them.
func (f etsForm) dimensions() int {
	d := 2
	if f.trend != absent {
		d += 2
	}
	if f.damped {
		d++
	}
	if f.season != absent {
		d++
	}
	return d
}

// parameters returns k of the AICc.
func (f etsForm) parameters(m int) float64 {
	k := f.dimensions() + 1
	if f.season != absent {
		k += m - 1
	}
	return float64(k)
}

// reset puts f into the starting state at the search coordinates x.
func (s *etsSearch) reset(f *etsState, form etsForm, x []float64) {
	start := &s.start[form.season]
	season := f.season
	copy(season, start.season)
	const edge = 1e-4
	unit := func(v float64) float64 { return edge + (1-2*edge)*logistic(min(max(v, -12), 12)) }
	alpha := unit(x[0])
	*f = etsState{etsForm: form, season: season, level: start.level + x[1]*start.size}
	f.etsParameters = etsParameters{alpha: alpha, phi: 1}
	at := 2
	if form.trend != absent {
		f.beta = alpha * unit(x[at])
		f.trend = start.trend + x[at+1]*start.size/float64(max(10, 2*s.m))
		at += 2
		if form.trend == multiplicative {
			f.trend = min(max(1+f.trend/max(math.Abs(start.level), 1e-300), 0.5), 2)
		}
	}
	if form.damped {
		f.phi = 0.8 + 0.18*unit(x[at])
		at++
	}
	if form.season != absent {
		f.gamma = (1 - alpha) * unit(x[at])
	}
	if form.err == multiplicative || form.season == multiplicative || form.trend == multiplicative {
		f.level = max(f.level, 1e-3*math.Abs(start.level))
	}
	f.floor = 1e-6
	if form.season != multiplicative {
		f.floor = 1e-6 * math.Abs(start.level)
	}
}

// likelihood returns L, -2 log likelihood up to a constant, and the criterion of the search, which is L
// with the squared errors averaged over the leads.
func (s *etsSearch) likelihood(form etsForm, x []float64) (l, criterion float64) {
	f := &s.scratch
	s.reset(f, form, x)
	squares, logs, product := 0.0, 0.0, 1.0
	ahead, aheadCount := 0.0, 0.0
	scale := math.Abs(s.start[form.season].level)
	if form.err == multiplicative && !(scale > 0) {
		return math.Inf(1), math.Inf(1)
	}
	for i, h := range s.leads {
		s.damped[i] = float64(h)
		if f.phi != 1 {
			s.damped[i] = f.phi * (1 - math.Pow(f.phi, float64(h))) / (1 - f.phi)
		}
	}
	count := 0
	for t, y := range s.values {
		mean := f.advance(y)
		if y != y {
			continue
		}
		r := y - mean
		if form.err == multiplicative {
			if !(mean > 1e-6*scale) {
				return math.Inf(1), math.Inf(1)
			}
			r /= mean
			// Logarithms of products of ten means, each relative to the level, are enough.
			product *= mean / scale
			if count++; count == 10 {
				logs += math.Log(product)
				product, count = 1, 0
			}
		}
		squares += r * r
		if t%leadStride != 0 {
			continue
		}
		for i, h := range s.leads {
			if t+h >= len(s.values) {
				break
			}
			actual := s.values[t+h]
			if actual != actual {
				continue
			}
			base := f.level
			switch form.trend {
			case additive:
				base += s.damped[i] * f.trend
			case multiplicative:
				base *= math.Pow(f.trend, s.damped[i])
			}
			k := (f.next + h - 1) % len(f.season)
			mean := f.mean(base, f.season[k])
			e := actual - mean
			if form.err == multiplicative {
				e /= max(mean, 1e-6*scale)
			}
			ahead += e * e
			aheadCount++
		}
	}
	logs = 2 * (logs + math.Log(product) + s.present*math.Log(scale))
	if form.err != multiplicative {
		logs = 0
	}
	l = s.present*math.Log(squares) + logs
	if aheadCount == 0 {
		return l, l
	}
	criterion = s.present*math.Log((squares/s.present+ahead/aheadCount*float64(len(s.leads)))/float64(1+len(s.leads))*s.present) + logs
	return l, criterion
}

func (s *etsSearch) run(ctx context.Context, form etsForm, from []float64, evaluations int) (etsFit, error) {
	if from == nil {
		from = make([]float64, form.dimensions())
		from[0] = -4
		at := 2
		if form.trend != absent {
			from[at] = -3
			at += 2
		}
		if form.damped {
			from[at] = 1.5
			at++
		}
		if form.season != absent {
			from[at] = -2
		}
	}
	steps := make([]float64, len(from))
	for i := range steps {
		steps[i] = 1.5
	}
	steps[1] = 0.5
	x, l, err := minimize(ctx, from, steps, evaluations, func(x []float64) float64 {
		_, c := s.likelihood(form, x)
		return c
	})
	if err != nil {
		return etsFit{}, err
	}
	k := form.parameters(s.m)
	aicc := math.Inf(1)
	if s.present > k+1 {
		aicc = l + 2*k + 2*k*(k+1)/(s.present-k-1)
	}
	return etsFit{form: form, x: x, aicc: aicc}, nil
}
