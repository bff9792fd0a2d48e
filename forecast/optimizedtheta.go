package forecast

import (
	"context"
	"math"
)

// OptimizedTheta is the optimized Theta model (OTM), or with Dynamic the dynamic optimized one
// (DOTM), on the seasonally adjusted series x (as in Naive2):
//
//	mean      μ(t) = l(t-1) + (1 - 1/θ) { (1-α)^(t-1) A(t-1) + [1 - (1-α)^t]/α B(t-1) }
//	level     l(t) = α x(t) + (1-α) l(t-1)
//
// where A and B are the intercept and the slope of the regression of x on time 1, 2, ...: over the
// whole series in OTM, over the values so far in DOTM, by the recursion
//
//	B(t) = [ (t-2) B(t-1) + 6/t (x(t) - x̄(t-1)) ] / (t+1),   A(t) = x̄(t) - (t+1)/2 B(t)
//
// with x̄ the mean so far, A(1) = x(1), B(1) = 0. θ = 2 is the classical method, θ = 1 simple
// exponential smoothing. Forecasts run the recursion with μ in the place of x, and so does a missing
// value.
//
// α in (0.01, 0.99), θ >= 1 and l(0) have the least sum of squared one-step errors. For a given α the
// error is affine in l(0) and 1 - 1/θ, which are solved for; α is searched on a grid and by golden
// section. That takes O(n) time per evaluation, about 45 of them. The indices rest after Fit.
//
// Source: J. A. Fiorucci, T. R. Pellegrini, F. Louzada, F. Petropoulos, A. B. Koehler, International
// Journal of Forecasting 32 (2016), pages 1151 to 1161, doi 10.1016/j.ijforecast.2016.02.005.
type OptimizedTheta struct {
	// Season is as in Naive2.
	Season int
	// Dynamic lets the regression line follow the values.
	Dynamic bool
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Fit implements Model.
func (m OptimizedTheta) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := optionalSeason(m.Season); err != nil {
		return nil, err
	}
	return orNil(fitPoint(ctx, s, m, m.Horizon, m.Window, 0))
}

// point implements pointModel.
func (m OptimizedTheta) point(ctx context.Context, s Series) (filter, error) {
	d, x := adjusted(s.Values, m.Season)
	start := thetaState{dynamic: m.Dynamic, power: 1}
	if !m.Dynamic {
		start.line = regressOnTime(x)
	}
	f := &optimizedTheta{phase: newPhase(d, 0), thetaState: start.fit(x)}
	return replay(ctx, f, s.Values)
}

// optimizedTheta is the filter of OptimizedTheta.
type optimizedTheta struct {
	phase
	thetaState
}

func (f *optimizedTheta) update(y float64) {
	f.advance(f.remove(y, f.phase.advance()))
}

func (f *optimizedTheta) advance(x float64) { f.thetaState.advance(x) }

func (f *optimizedTheta) path(dst []float64) {
	s := f.thetaState
	for i := range dst {
		dst[i] = s.mean()
		s.advance(dst[i])
	}
	f.restorePath(dst)
}

// thetaState is the state of the model on adjusted values.
type thetaState struct {
	dynamic       bool
	alpha, weight float64 // weight is 1 - 1/θ
	level         float64
	line          timeLine
	t             float64 // values so far, missing ones counted from the first present one
	average       float64
	power         float64 // (1-α)^t
}

// drift is the term in braces of μ(t+1).
func (s *thetaState) drift() float64 {
	return s.power*s.line.intercept + (1-s.power*(1-s.alpha))/s.alpha*s.line.slope
}

func (s *thetaState) mean() float64 {
	if s.dynamic && s.t == 0 {
		return 0
	}
	return s.level + s.weight*s.drift()
}

func (s *thetaState) advance(x float64) {
	if x != x {
		if s.t == 0 {
			return
		}
		x = s.mean()
	}
	s.t++
	s.level += s.alpha * (x - s.level)
	s.power *= 1 - s.alpha
	if !s.dynamic {
		return
	}
	before := s.average
	s.average += (x - before) / s.t
	if s.t == 1 {
		s.line = timeLine{intercept: x}
		return
	}
	s.line.slope = ((s.t-2)*s.line.slope + 6/s.t*(x-before)) / (s.t + 1)
	s.line.intercept = s.average - (s.t+1)/2*s.line.slope
}

// fit returns the state before the first value with the best parameters.
func (s thetaState) fit(x []float64) thetaState {
	const (
		low, high = 0.01, 0.99
		points    = 20
	)
	best, at := math.Inf(1), 0
	grid := make([]float64, points+1)
	for i := range grid {
		grid[i] = low + (high-low)*float64(i)/points
		if loss, _ := s.solve(x, grid[i]); loss < best {
			best, at = loss, i
		}
	}
	alpha := goldenSection(func(a float64) float64 {
		loss, _ := s.solve(x, a)
		return loss
	}, grid[max(at-1, 0)], grid[min(at+1, points)], 24)
	_, solved := s.solve(x, alpha)
	return solved
}

// solve returns the least sum of squared one-step errors for α, with the start that attains it. The
// error is c(t) - k(t) l(0) - g(t) w, where c is the error of plain smoothing from l(0) = 0, k =
// (1-α)^(t-1) and g the drift term; missing values are bridged by the level alone. The first error of
// the dynamic model is zero by definition.
func (s thetaState) solve(x []float64, alpha float64) (float64, thetaState) {
	run := s
	run.alpha, run.weight, run.level = alpha, 0, 0
	var cc, ck, cg, kk, kg, gg float64
	k := 1.0
	for _, v := range x {
		if v == v && (run.t > 0 || !run.dynamic) {
			c, g := v-run.level, run.drift()
			cc += c * c
			ck += c * k
			cg += c * g
			kk += k * k
			kg += k * g
			gg += g * g
		}
		if v == v || run.t > 0 {
			k *= 1 - alpha
		}
		run.advance(v)
	}
	loss := func(l, w float64) float64 {
		return cc + l*l*kk + w*w*gg - 2*l*ck - 2*w*cg + 2*l*w*kg
	}
	// Inside if the solution of the normal equations has 0 <= w < 1, else on the nearer edge.
	const most = 0.999999 // θ at most a million
	best := math.Inf(1)
	s.alpha = alpha
	try := func(w float64) {
		l := 0.0
		if kk > 0 {
			l = (ck - w*kg) / kk
		}
		if v := loss(l, w); v < best {
			best, s.level, s.weight = v, l, w
		}
	}
	if det := kk*gg - kg*kg; det > 1e-12*kk*gg {
		try(min(max((kk*cg-kg*ck)/det, 0), most))
	} else {
		try(0)
	}
	return best, s
}
