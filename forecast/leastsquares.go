package forecast

import "math"

// leastSquares accumulates the normal equations of a linear regression with k columns.
type leastSquares struct {
	k   int
	xx  []float64 // lower triangle, row by row
	xy  []float64
	sum float64 // Σ w
	yy  float64 // Σ w y²
}

func newLeastSquares(k int) *leastSquares {
	return &leastSquares{k: k, xx: make([]float64, k*(k+1)/2), xy: make([]float64, k)}
}

func (l *leastSquares) reset() {
	clear(l.xx)
	clear(l.xy)
	l.sum, l.yy = 0, 0
}

// add takes in one row with weight w.
func (l *leastSquares) add(x []float64, y, w float64) {
	at := 0
	for i, v := range x {
		if v == 0 { // dummies are mostly zero
			at += i + 1
			continue
		}
		v *= w
		row := l.xx[at : at+i+1]
		for j := range row {
			row[j] += v * x[j]
		}
		at += i + 1
		l.xy[i] += v * y
	}
	l.sum += w
	l.yy += w * y * y
}

// solve returns the coefficients. To every diagonal element the share ridge of itself is added;
// columns that depend linearly on those before get the coefficient 0. The weighted sum of squared
// residuals follows (of the ridge solution, up to rounding).
func (l *leastSquares) solve(ridge float64) (beta []float64, rss float64) {
	k := l.k
	beta = make([]float64, k)
	chol := make([]float64, len(l.xx))
	copy(chol, l.xx)
	// Scaling every column to unit length makes the tolerance below meaningful.
	scale := make([]float64, k)
	at := 0
	for i := range k {
		if d := chol[at+i]; d > 0 {
			scale[i] = 1 / math.Sqrt(d)
		}
		at += i + 1
	}
	const dependent = 1e-11
	alive := make([]bool, k)
	rowI := 0
	for i := range k {
		rowJ := 0
		for j := range i {
			s := chol[rowI+j] * scale[i] * scale[j]
			for m := range j {
				s -= chol[rowI+m] * chol[rowJ+m]
			}
			if alive[j] {
				chol[rowI+j] = s / chol[rowJ+j]
			} else {
				chol[rowI+j] = 0
			}
			rowJ += j + 1
		}
		d := chol[rowI+i] * scale[i] * scale[i] * (1 + ridge)
		for m := range i {
			d -= chol[rowI+m] * chol[rowI+m]
		}
		if d > dependent { // false for NaN
			alive[i] = true
			chol[rowI+i] = math.Sqrt(d)
		}
		rowI += i + 1
	}
	rowI = 0
	for i := range k { // forward substitution
		s := l.xy[i] * scale[i]
		for m := range i {
			s -= chol[rowI+m] * beta[m]
		}
		if alive[i] {
			beta[i] = s / chol[rowI+i]
		}
		rowI += i + 1
	}
	for i := k - 1; i >= 0; i-- { // back substitution
		rowI -= i + 1
		if !alive[i] {
			beta[i] = 0
			continue
		}
		beta[i] /= chol[rowI+i]
		for m := range i {
			beta[m] -= chol[rowI+m] * beta[i]
		}
	}
	rss = l.yy
	for i := range beta {
		beta[i] *= scale[i]
		rss -= beta[i] * l.xy[i]
	}
	return beta, max(rss, 0)
}
