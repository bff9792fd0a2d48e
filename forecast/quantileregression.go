package forecast

import "math"

const (
	// A quantile regression takes coldPasses majorization steps, or warmPasses from the result of a
	// similar one, with at most regressionSweeps rounds of coordinate descent in each. More of any
	// change the loss by less than 1 % (measured).
	coldPasses       = 40
	warmPasses       = 40
	regressionSweeps = 60
	// thinning is the distance of the rows that the first three quarters of the passes look at.
	thinning = 4
	// recheckEvery is the number of passes after which regressors at zero are looked at again.
	recheckEvery = 8
	// regressionRidge is the relative weight of the ridge, which decides between collinear regressors.
	regressionRidge = 1e-4
)

// quantileRegression finds weights β >= 0 for the least weighted pinball loss Σ v ρ_p(y - xβ), by
// majorization: around the present residuals r the loss is bounded above by the quadratic
//
//	Σ v ( u²/(4(ε+|r|)) + (p - 1/2) u ) + const,  u = y - xβ
//
// that touches it there, for a small ε that falls from pass to pass; coordinate descent on the normal
// equations finds the minimum of that under β >= 0. Weights that are not negative keep the result in
// the span of its regressors and leave most of them at zero, which is what makes 30 regressors safe on
// little data.
//
// Source: D. R. Hunter, K. Lange, Quantile regression via an MM algorithm, Journal of Computational and
// Graphical Statistics 9 (2000); averaging forecasts by quantile regression: J. Nowotarski, R. Weron,
// Computing electricity spot price prediction intervals using quantile regression and forecast
// averaging, Computational Statistics 30 (2015), without the sign constraint.
type quantileRegression struct {
	rows    []*regressionRow
	thinned []*regressionRow // every thinning-th of them
	gram    []float64
	rhs     []float64
	size    []float64 // mean |x| per regressor
	active  []int
	spanned float64 // mean |y|
	weight  float64
}

// regressionRow is one observation.
type regressionRow struct {
	x      []float64
	y      float64
	weight float64
}

// newQuantileRegression prepares for rows of the same width, at least one.
func newQuantileRegression(rows []*regressionRow) *quantileRegression {
	d := len(rows[0].x)
	q := &quantileRegression{
		rows: rows, gram: make([]float64, d*d), rhs: make([]float64, d), size: make([]float64, d),
	}
	for i, row := range rows {
		if i%thinning == 0 {
			q.thinned = append(q.thinned, row)
		}
		q.weight += row.weight
		q.spanned += row.weight * math.Abs(row.y)
		for j, v := range row.x {
			q.size[j] += row.weight * math.Abs(v)
		}
	}
	q.spanned /= q.weight
	for j := range q.size {
		q.size[j] /= q.weight
	}
	return q
}

// fit returns β for the level, with regressors below limit only. It starts from a similar β, if not nil.
func (q *quantileRegression) fit(p float64, limit int, start []float64) []float64 {
	beta := make([]float64, len(q.size))
	if q.spanned == 0 {
		return beta
	}
	passes, blur := coldPasses, 0.1
	if start != nil {
		copy(beta, start)
		passes, blur = warmPasses, 0.1
	}
	for pass := range passes {
		// A fraction of the rows leads to the neighborhood, all of them to the place.
		rows := q.rows
		if pass < passes*3/4 {
			rows = q.thinned
		}
		eps := q.spanned * max(blur*math.Pow(0.7, float64(pass)), 1e-3)
		if pass%recheckEvery == 0 {
			q.recheck(rows, beta, p, eps, limit)
		}
		q.accumulate(rows, beta, p, eps)
		q.descend(beta)
		kept := q.active[:0]
		for _, j := range q.active {
			if beta[j] > 0 {
				kept = append(kept, j)
			}
		}
		q.active = kept
	}
	return beta
}

// recheck makes active the regressors in use and those whose weight would grow from zero.
func (q *quantileRegression) recheck(rows []*regressionRow, beta []float64, p, eps float64, limit int) {
	slope := q.rhs[:limit]
	clear(slope)
	for _, row := range rows {
		r := row.y
		for j, b := range beta[:limit] {
			if b != 0 {
				r -= b * row.x[j]
			}
		}
		c := row.weight * (r/(2*(eps+math.Abs(r))) + p - 0.5)
		for j, v := range row.x[:limit] {
			slope[j] += v * c
		}
	}
	q.active = q.active[:0]
	for j := range limit {
		if q.size[j] > 0 && (beta[j] > 0 || slope[j] > 0) {
			q.active = append(q.active, j)
		}
	}
}

// accumulate sets the normal equations of the majorizer, for the active regressors.
func (q *quantileRegression) accumulate(rows []*regressionRow, beta []float64, p, eps float64) {
	k := len(q.active)
	gram, rhs := q.gram[:k*k], q.rhs[:k]
	clear(gram)
	clear(rhs)
	z := make([]float64, k)
	for _, row := range rows {
		r := row.y
		for i, j := range q.active {
			z[i] = row.x[j]
			r -= beta[j] * z[i]
		}
		w := row.weight / (2 * (eps + math.Abs(r)))
		c := w*row.y + row.weight*(p-0.5)
		for i, v := range z {
			if v == 0 {
				continue
			}
			rhs[i] += v * c
			wv := w * v
			rest := z[i:]
			line := gram[i*k+i : i*k+k][:len(rest)]
			for l, other := range rest {
				line[l] += wv * other
			}
		}
	}
	for i := range k {
		for l := range i {
			gram[i*k+l] = gram[l*k+i]
		}
	}
}

// descend minimizes the majorizer.
func (q *quantileRegression) descend(beta []float64) {
	k := len(q.active)
	for range regressionSweeps {
		change := 0.0
		for i, j := range q.active {
			line := q.gram[i*k : i*k+k]
			if line[i] <= 0 {
				beta[j] = 0
				continue
			}
			s := q.rhs[i] + line[i]*beta[j]
			for l, other := range q.active {
				s -= line[l] * beta[other]
			}
			next := max(0, s/(line[i]*(1+regressionRidge)))
			change += math.Abs(next-beta[j]) * q.size[j]
			beta[j] = next
		}
		if change < 1e-5*q.spanned {
			return
		}
	}
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
