package forecast

import (
	"math"

	"gonum.org/v1/gonum/floats"
)

const (
	// regressionSweeps bounds the rounds of coordinate descent in a Newton step.
	regressionSweeps = 40
	// thinning is the distance of the rows that the first Newton steps look at.
	thinning = 4
	// damping is the share of the mean square of a regressor that is added to its curvature.
	damping = 1e-4
	// shortenings bounds the step lengths tried, each a third of the one before.
	shortenings = 4
)

// halfWidths is the sequence of half-widths, in mean absolute residuals, of one Newton step each, for a
// start from nothing; a start from a similar solution enters at warmStage. The last ones look at all
// rows. More steps or less smoothing change the loss by less than 1 % (measured).
var halfWidths = [...]float64{1, 0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03}

const (
	wholeStage = 5
	warmStage  = 4
)

// quantileRegression finds weights β >= 0 for the least weighted pinball loss Σ v ρ_p(u), u = y - xβ,
// by smoothing. With |u| in
//
//	ρ_p(u) = (p - 1/2) u + |u|/2
//
// replaced within ±h by the parabola u²/(2h) + h/2 the loss is piecewise quadratic, and its curvature
// comes from the few rows within ±h alone. Newton steps on it, each the solution of a quadratic program
// under β >= 0 by coordinate descent and shortened until the loss falls, reach the neighborhood of the
// minimum while h falls from step to step. Weights that are not negative keep the result in the span of
// its regressors and leave most of them at zero, which is what makes 30 regressors safe on little data.
//
// Source: C. Chen, A finite smoothing algorithm for quantile regression, Journal of Computational and
// Graphical Statistics 16 (2007); averaging forecasts by quantile regression: J. Nowotarski, R. Weron,
// Computing electricity spot price prediction intervals using quantile regression and forecast
// averaging, Computational Statistics 30 (2015), without the sign constraint.
type quantileRegression struct {
	all, thinned design
	residual     []float64
	move         []float64 // change of xβ by a full step
	pull         []float64 // slope of the falling loss per row
	inside       []int     // rows within the parabola
	gram         []float64
	slope        []float64 // of the falling loss, for the active regressors
	step         []float64
	size         []float64 // mean |x| per regressor
	square       []float64 // mean x² per regressor
	store        []float64 // columns of the rows inside
	active       []int
	spanned      float64 // mean |y|
}

// regressionRow is one observation.
type regressionRow struct {
	x      []float64
	y      float64
	weight float64
}

// design holds observations column by column, so that passes over them are passes over vectors.
type design struct {
	x         [][]float64
	y, weight []float64
}

// newDesign takes each n-th of the rows.
func newDesign(rows []*regressionRow, n int) design {
	m := (len(rows) + n - 1) / n
	d := design{x: make([][]float64, len(rows[0].x)), y: make([]float64, m), weight: make([]float64, m)}
	store := make([]float64, m*len(d.x))
	for j := range d.x {
		d.x[j], store = store[:m:m], store[m:]
	}
	for i := range m {
		row := rows[i*n]
		d.y[i], d.weight[i] = row.y, row.weight
		for j, v := range row.x {
			d.x[j][i] = v
		}
	}
	return d
}

// newQuantileRegression prepares for rows of the same width, at least one.
func newQuantileRegression(rows []*regressionRow) *quantileRegression {
	n, d := len(rows), len(rows[0].x)
	q := &quantileRegression{
		all: newDesign(rows, 1), thinned: newDesign(rows, thinning),
		gram: make([]float64, d*d), slope: make([]float64, d), step: make([]float64, d),
		size: make([]float64, d), square: make([]float64, d),
		residual: make([]float64, n), move: make([]float64, n), pull: make([]float64, n),
		inside: make([]int, 0, n), store: make([]float64, n*d),
	}
	total := floats.Sum(q.all.weight)
	for i, y := range q.all.y {
		q.spanned += q.all.weight[i] / total * math.Abs(y)
	}
	for j, x := range q.all.x {
		for i, v := range x {
			q.size[j] += q.all.weight[i] * math.Abs(v)
			q.square[j] += q.all.weight[i] * v * v
		}
		q.size[j] /= total
		q.square[j] /= total
	}
	return q
}

// fit returns β for the level, with regressors below limit only. It starts from a similar β, if not nil.
func (q *quantileRegression) fit(p float64, limit int, start []float64) []float64 {
	beta := make([]float64, len(q.size))
	if q.spanned == 0 {
		return beta
	}
	first := 0
	if start != nil {
		copy(beta, start)
		first = warmStage
	} else {
		// Least squares: the median with all rows within the parabola.
		q.leave(&q.thinned, beta)
		q.newton(&q.thinned, beta, 0.5, math.Inf(1), limit)
	}
	for stage := first; stage < len(halfWidths); stage++ {
		// A fraction of the rows leads to the neighborhood, all of them to the place.
		data := &q.all
		if stage < wholeStage {
			data = &q.thinned
		}
		if stage == first || stage == wholeStage {
			q.leave(data, beta)
		}
		q.newton(data, beta, p, halfWidths[stage], limit)
	}
	return beta
}

// leave sets the residuals of beta.
func (q *quantileRegression) leave(data *design, beta []float64) {
	q.residual = q.residual[:len(data.y)]
	copy(q.residual, data.y)
	for j, b := range beta {
		if b != 0 {
			floats.AddScaled(q.residual, -b, data.x[j])
		}
	}
}

// newton moves beta, whose residuals are known, by one step for a parabola within ±h mean absolute
// residuals.
func (q *quantileRegression) newton(data *design, beta []float64, p, h float64, limit int) {
	mean, most := 0.0, 0.0
	for i, r := range q.residual {
		r = math.Abs(r)
		mean += data.weight[i] * r
		most = max(most, r)
	}
	total := floats.Sum(data.weight)
	mean /= total
	if mean <= 1e-12*q.spanned {
		return // every row is met
	}
	h = min(h*mean, most)
	q.steepness(data, p, h, limit)
	q.active = q.active[:0]
	for j := range limit {
		if q.size[j] > 0 && (beta[j] > 0 || q.slope[j] > 0) {
			q.slope[len(q.active)] = q.slope[j]
			q.active = append(q.active, j)
		}
	}
	q.curvature(data, h, total/(2*mean))
	q.descend(beta)
	q.advance(data, beta, p, h)
}

// steepness sets the slope of the falling loss for all regressors below limit, and the rows inside.
func (q *quantileRegression) steepness(data *design, p, h float64, limit int) {
	pull := q.pull[:len(q.residual)]
	q.inside = q.inside[:0]
	for i, r := range q.residual {
		pull[i] = data.weight[i] * (min(max(r/h, -1), 1)/2 + p - 0.5)
		if math.Abs(r) <= h {
			q.inside = append(q.inside, i)
		}
	}
	for j := range limit {
		q.slope[j] = floats.Dot(data.x[j], pull)
	}
}

// curvature sets the matrix of second derivatives for the active regressors. damp is the curvature that
// damping is a share of.
func (q *quantileRegression) curvature(data *design, h, damp float64) {
	k, m := len(q.active), len(q.inside)
	column := func(i int) []float64 { return q.store[i*m : i*m+m] }
	for i, j := range q.active {
		x, to := data.x[j], column(i)
		for l, n := range q.inside {
			to[l] = x[n]
		}
	}
	weighted := q.move[:m]
	for i, j := range q.active {
		for l, n := range q.inside {
			weighted[l] = data.weight[n] / (2 * h) * data.x[j][n]
		}
		for l := i; l < k; l++ {
			v := floats.Dot(weighted, column(l))
			q.gram[i*k+l], q.gram[l*k+i] = v, v
		}
		q.gram[i*k+i] += damping * damp * q.square[j]
	}
}

// descend sets step to the minimum of the quadratic model under beta + step >= 0.
func (q *quantileRegression) descend(beta []float64) {
	k := len(q.active)
	step, slope := q.step[:k], q.slope[:k] // slope stays that at the end of the step
	clear(step)
	for range regressionSweeps {
		change := 0.0
		for i, j := range q.active {
			line := q.gram[i*k : i*k+k]
			if line[i] <= 0 {
				continue
			}
			d := max(step[i]+slope[i]/line[i], -beta[j]) - step[i]
			if d == 0 {
				continue
			}
			step[i] += d
			for l, other := range line {
				slope[l] -= d * other
			}
			change += math.Abs(d) * q.size[j]
		}
		if change < 1e-5*q.spanned {
			return
		}
	}
}

// advance takes the step, shortened until the smoothed loss falls, and updates the residuals.
func (q *quantileRegression) advance(data *design, beta []float64, p, h float64) {
	move := q.move[:len(q.residual)]
	clear(move)
	for k, j := range q.active {
		if q.step[k] != 0 {
			floats.AddScaled(move, q.step[k], data.x[j])
		}
	}
	before := 0.0
	for i, r := range q.residual {
		before += data.weight[i] * smoothed(r, p, h)
	}
	share := 1.0
	for range shortenings {
		after := 0.0
		for i, r := range q.residual {
			after += data.weight[i] * smoothed(r-share*move[i], p, h)
		}
		if after <= before {
			for k, j := range q.active {
				beta[j] = max(0, beta[j]+share*q.step[k])
			}
			floats.AddScaled(q.residual, -share, move)
			return
		}
		share /= 3
	}
}

// smoothed is the pinball loss of u with a parabola within ±h.
func smoothed(u, p, h float64) float64 {
	if a := math.Abs(u); a > h {
		return (p-0.5)*u + a/2
	}
	return (p-0.5)*u + u*u/(4*h) + h/4
}

// sparse is a vector of which most elements are zero.
type sparse struct {
	index []int
	value []float64
}

func newSparse(beta []float64) sparse {
	var s sparse
	for j, b := range beta {
		if b != 0 {
			s.index, s.value = append(s.index, j), append(s.value, b)
		}
	}
	return s
}

func (s *sparse) dot(x []float64) float64 {
	sum := 0.0
	for i, j := range s.index {
		sum += s.value[i] * x[j]
	}
	return sum
}
