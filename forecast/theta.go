package forecast

import (
	"context"
	"math"
	"slices"
)

// Theta is the classical Theta method as the M4 competition benchmarked it: the seasonally adjusted
// series x is split into its regression line on time and the series of doubled curvature, and the
// forecast is the mean of the line and of simple exponential smoothing of the other,
//
//	line     Λ(t) = a + b t,  by least squares on the whole series
//	curved   z(t) = 2 x(t) - Λ(t)
//	level    l(t) = l(t-1) + α (z(t) - l(t-1))
//	ŷ(t+h) = s(t+h) (l(t) + Λ(t+h)) / 2
//
// with the indices s as in Naive2. α in (0, 1) and l(0) have the least sum of squared one-step
// errors of z; l(0) solves a linear equation for every α. This is simple exponential smoothing with
// a drift of b/2 per step. After Fit the line keeps its slope and the indices rest. A missing value
// leaves the level in place.
//
// Source: V. Assimakopoulos, K. Nikolopoulos, The theta model: a decomposition approach to
// forecasting, International Journal of Forecasting 16 (2000); R. J. Hyndman, B. Billah, Unmasking
// the Theta method, International Journal of Forecasting 19 (2003).
type Theta struct {
	// Season is as in Naive2.
	Season int
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Fit implements Model.
func (m Theta) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := optionalSeason(m.Season); err != nil {
		return nil, err
	}
	return orNil(fitPoint(ctx, s, m, m.Horizon, m.Window, 0))
}

func (m Theta) point(ctx context.Context, s Series) (filter, error) {
	d, x := adjusted(s.Values, m.Season)
	line := regressOnTime(x)
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = 2*v - line.at(float64(i+1))
	}
	alpha, start := fitLevel(z)
	f := &thetaLines{phase: newPhase(d, 0), line: line, alpha: alpha, level: start}
	return replay(ctx, f, s.Values)
}

// thetaLines is the filter of Theta.
type thetaLines struct {
	phase
	line         timeLine
	alpha, level float64
	t            float64 // values seen
}

func (f *thetaLines) update(y float64) {
	x := f.remove(y, f.advance())
	f.t++
	if x == x {
		f.level += f.alpha * (2*x - f.line.at(f.t) - f.level)
	}
}

func (f *thetaLines) path(dst []float64) {
	for i := range dst {
		dst[i] = (f.level + f.line.at(f.t+float64(i+1))) / 2
	}
	f.restorePath(dst)
}

// timeLine is a + b t.
type timeLine struct{ intercept, slope float64 }

func (l timeLine) at(t float64) float64 { return l.intercept + l.slope*t }

// regressOnTime fits a line to the values of times 1, 2, ... by least squares. Missing values do not
// count; a single value gives a constant.
func regressOnTime(values []float64) timeLine {
	n, meanT, meanY, stt, sty := 0.0, 0.0, 0.0, 0.0, 0.0
	for i, y := range values {
		if y != y {
			continue
		}
		t := float64(i + 1)
		n++
		dt := t - meanT
		meanT += dt / n
		meanY += (y - meanY) / n
		stt += dt * (t - meanT)
		sty += dt * (y - meanY)
	}
	if stt == 0 {
		return timeLine{intercept: meanY}
	}
	slope := sty / stt
	return timeLine{intercept: meanY - slope*meanT, slope: slope}
}

// fitLevel returns the α and the starting level of simple exponential smoothing with the least sum
// of squared one-step errors: a grid, refined by golden section around its best point.
func fitLevel(z []float64) (alpha, start float64) {
	const (
		low, high = 1e-4, 0.9999
		points    = 20
	)
	best, at := math.Inf(1), 0
	grid := make([]float64, points+1)
	for i := range grid {
		grid[i] = low + (high-low)*float64(i)/points
		if loss, _ := levelLoss(z, grid[i]); loss < best {
			best, at = loss, i
		}
	}
	alpha = goldenSection(func(a float64) float64 {
		loss, _ := levelLoss(z, a)
		return loss
	}, grid[max(at-1, 0)], grid[min(at+1, points)], 24)
	_, start = levelLoss(z, alpha)
	return alpha, start
}

// levelLoss returns the sum of squared one-step errors for α and the starting level that makes it
// least. The error is affine in the start: e(t) = c(t) - k(t) l(0), where c are the errors from
// l(0) = 0 and k shrinks by 1-α with every value.
func levelLoss(z []float64, alpha float64) (loss, start float64) {
	level, k := 0.0, 1.0
	cc, ck, kk := 0.0, 0.0, 0.0
	for _, v := range z {
		if v != v {
			continue
		}
		c := v - level
		cc += c * c
		ck += c * k
		kk += k * k
		level += alpha * c
		k *= 1 - alpha
	}
	if kk == 0 {
		return 0, 0
	}
	start = ck / kk
	return cc - ck*start, start
}

// goldenSection returns the place of the least value of a function with one minimum on [lo, hi].
func goldenSection(f func(float64) float64, lo, hi float64, evaluations int) float64 {
	const ratio = 0.6180339887498949 // (√5-1)/2
	x := [2]float64{hi - ratio*(hi-lo), lo + ratio*(hi-lo)}
	y := [2]float64{f(x[0]), f(x[1])}
	for range evaluations - 2 {
		if y[0] <= y[1] {
			hi = x[1]
			x[1], y[1] = x[0], y[0]
			x[0] = hi - ratio*(hi-lo)
			y[0] = f(x[0])
		} else {
			lo = x[0]
			x[0], y[0] = x[1], y[1]
			x[1] = lo + ratio*(hi-lo)
			y[1] = f(x[1])
		}
	}
	return x[slices.Index(y[:], min(y[0], y[1]))]
}
