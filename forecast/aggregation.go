package forecast

import "math"

const (
	// aggregationMemory is the factor by which past gains of experts count less per window.
	aggregationMemory = 0.998
	// correctionGain is the step of the quantile correction, relative to the size of the usual loss
	// and to the window's length, by which its feedback is late.
	correctionGain = 0.05
	// unitSpan is the number of windows over which the size of the usual loss is averaged.
	unitSpan = 500
	// mostRate bounds the learning rate while an expert has hardly erred.
	mostRate = 100
)

// aggregation combines the quantile forecasts that several experts make of one level, by convex
// weights that follow their pinball loss, and corrects the result so that its coverage holds. With
// g the slope of the loss at the combined forecast f, the gain of expert j over the combination is
//
//	r_j = g (f - f_j) / size
//
// R_j and V_j sum r_j and r_j², with a memory that fades; the weight is proportional to
//
//	η_j exp(η_j R_j - η_j² V_j),  η_j = min(sqrt(log K / V_j), 100)
//
// for K experts: Bernstein online aggregation, whose loss comes close to that of the best convex
// combination. The correction c, in units of the running mean of the loss over (1-p), then moves by
//
//	c += 0.05/w (breach - (1-p))
//
// after each window of w steps: a step of gradient descent on the pinball loss of the corrected
// quantile, whose long-run coverage therefore is p whatever the drift.
//
// Source: O. Wintenberger, Optimal learning with Bernstein online aggregation, Machine Learning 106
// (2017); the step on c is quantile tracking: A. Angelopoulos, E. Candès, R. Tibshirani, Conformal PID
// control for time series prediction, NeurIPS 2023.
type aggregation struct {
	p      float64
	delay  float64 // steps until a forecast is judged
	weight []float64
	gain   []float64
	square []float64

	correction     float64
	unit, unitSeen float64
}

func newAggregation(p float64, window, experts int) aggregation {
	a := aggregation{
		p: p, delay: float64(window),
		weight: make([]float64, experts), gain: make([]float64, experts), square: make([]float64, experts),
	}
	for i := range a.weight {
		a.weight[i] = 1 / float64(experts)
	}
	return a
}

// combine returns the corrected combination of the experts' quantiles.
func (a *aggregation) combine(q []float64) float64 {
	return dot(a.weight, q) + a.correction*a.unit
}

// observe judges the experts' quantiles by the value y, size being that of a usual error. importance
// is 1, or less where values of its kind are drawn more densely; apart is the distance in steps from
// the value before, on which it depends how late the feedback is.
func (a *aggregation) observe(q []float64, y, size, importance, apart float64) {
	mix := dot(a.weight, q)
	corrected := mix + a.correction*a.unit
	breach := 0.0
	if y > corrected {
		breach = 1
	}
	a.correction += correctionGain / max(1, a.delay/apart) * importance * (breach - (1 - a.p))
	a.unitSeen += (1 - a.unitSeen) / unitSpan
	a.unit += (pinball(y, corrected, a.p)/(1-a.p) - a.unit) / (unitSpan * a.unitSeen)

	slope := -a.p
	if y <= mix {
		slope = 1 - a.p
	}
	sum := 0.0
	logExperts := math.Log(float64(len(q)) + 1)
	for i, v := range q {
		r := importance * slope * (mix - v) / size
		r = min(max(r, -1e6), 1e6)
		a.gain[i] = a.gain[i]*aggregationMemory + r
		a.square[i] = a.square[i]*aggregationMemory + r*r
		rate := float64(mostRate)
		if v := a.square[i]; v > 0 {
			rate = min(math.Sqrt(logExperts/v), mostRate)
		}
		w := rate * math.Exp(min(max(rate*a.gain[i]-rate*rate*a.square[i], -50), 50))
		a.weight[i] = w
		sum += w
	}
	for i := range a.weight {
		a.weight[i] /= sum
	}
}
