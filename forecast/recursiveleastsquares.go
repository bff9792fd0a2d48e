package forecast

import "math"

// recursiveLeastSquares follows the coefficients of a regression whose errors have a constant
// variance, as a Kalman filter of coefficients that walk at random:
//
//	K = P x / (1 + x'P x),   β += K (y - x'β),   P -= K x'P,   P_ii += q_i while P_ii < c_i
//
// P is the covariance of β over the variance of an error. With q = 0 this is recursive least squares; a
// walk with q_i = 1/(N² E[x_i²]) remembers about N rows. Unlike an exponential forgetting factor it
// cannot let P grow without bound where a regressor rests for long, as that of a yearly event does.
// An update takes O(p²) time for p coefficients.
//
// Source: P. C. Young, Recursive Estimation and Time-Series Analysis (1984), for the random walk.
type recursiveLeastSquares struct {
	beta    []float64
	p       []float64 // row by row
	walk    []float64 // q
	ceiling []float64 // c
	px      []float64
}

// uncertain is how often the variance of a coefficient at the usual memory a resting one may reach.
const uncertain = 10

// diffuse is the variance of a coefficient of which nothing is known, over that of an error.
const diffuse = 1e4

// newRecursive continues a regression on rows that have been added to l, with its solution for the
// ridge, and a memory of about the given number of rows.
func newRecursive(l *leastSquares, ridge, memory float64) *recursiveLeastSquares {
	k := l.k
	r := &recursiveLeastSquares{
		p: make([]float64, k*k), walk: make([]float64, k), ceiling: make([]float64, k), px: make([]float64, k),
	}
	r.beta, _ = l.solve(ridge)
	unit := *l
	unit.xy = make([]float64, k)
	at := 0
	for i := range k {
		square := l.xx[at+i]
		at += i + 1
		if square == 0 { // never seen at work: the first row with it sets its coefficient
			r.p[i*k+i], r.ceiling[i] = diffuse, diffuse
			continue
		}
		unit.xy[i] = 1
		column, _ := unit.solve(ridge)
		unit.xy[i] = 0
		copy(r.p[i*k:], column)
		mean := square / l.sum
		if r.p[i*k+i] > 0 { // else it depends on others and stays 0
			r.walk[i] = 1 / (memory * memory * mean)
			r.ceiling[i] = r.p[i*k+i] + uncertain/(memory*mean)
		}
	}
	for i := range k { // the columns agree but for rounding
		for j := range i {
			v := (r.p[i*k+j] + r.p[j*k+i]) / 2
			r.p[i*k+j], r.p[j*k+i] = v, v
		}
	}
	return r
}

// update takes in a row and the error of its forecast, y - x'β, limited to a multiple of its standard
// deviation sqrt(1 + x'P x), where limit is that multiple times the one of an error.
func (r *recursiveLeastSquares) update(x []float64, e, limit float64) {
	k := len(x)
	total := 1.0
	for i := range k {
		row := r.p[i*k : i*k+k]
		s := 0.0
		for j, v := range x {
			s += row[j] * v
		}
		r.px[i] = s
		total += s * x[i]
	}
	if !(total >= 1) || math.IsInf(total, 0) { // rounding, or a row beyond all bounds: learn nothing
		return
	}
	limit *= math.Sqrt(total)
	e = min(max(e, -limit), limit)
	for i := range k {
		gain := r.px[i] / total
		r.beta[i] += gain * e
		row := r.p[i*k : i*k+k]
		for j := range row {
			row[j] -= gain * r.px[j]
		}
		if row[i] < r.ceiling[i] {
			row[i] += r.walk[i]
		}
	}
}
