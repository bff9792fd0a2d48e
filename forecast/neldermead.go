package forecast

import (
	"context"
	"math"
)

// minimize searches the least value of loss from x with the simplex method, steps[i] being the
// first step of coordinate i, until the budget of evaluations is spent or the simplex is flat. It is
// deterministic and returns the best point with its loss. NaN counts as +Inf.
//
// Source: J. A. Nelder, R. Mead, A simplex method for function minimization, The Computer Journal 7
// (1965), with their coefficients: reflection 1, expansion 2, contraction 1/2, shrinkage 1/2.
func minimize(ctx context.Context, x, steps []float64, evaluations int, loss func(x []float64) float64) ([]float64, float64, error) {
	d := len(x)
	used := 0
	eval := func(p []float64) float64 {
		used++
		if v := loss(p); v == v {
			return v
		}
		return math.Inf(1)
	}
	points := make([][]float64, d+1)
	f := make([]float64, d+1)
	for i := range points {
		p := append(make([]float64, 0, d), x...)
		if i > 0 {
			p[i-1] += steps[i-1]
		}
		points[i], f[i] = p, eval(p)
	}
	center := make([]float64, d)
	along := func(factor float64, worst []float64) ([]float64, float64) {
		p := make([]float64, d)
		for j := range p {
			p[j] = center[j] + factor*(worst[j]-center[j])
		}
		return p, eval(p)
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		// Insertion sort keeps ties in order.
		for i := 1; i <= d; i++ {
			for j := i; j > 0 && f[j] < f[j-1]; j-- {
				f[j], f[j-1] = f[j-1], f[j]
				points[j], points[j-1] = points[j-1], points[j]
			}
		}
		if used >= evaluations || f[d]-f[0] <= flatness*math.Abs(f[0]) {
			return points[0], f[0], nil
		}
		for j := range center {
			center[j] = 0
			for i := range d {
				center[j] += points[i][j] / float64(d)
			}
		}
		worst := points[d]
		p, v := along(-1, worst)
		switch {
		case v < f[0]:
			if q, w := along(-2, worst); w < v {
				p, v = q, w
			}
		case v >= f[d-1]:
			factor := 0.5
			if v < f[d] {
				factor = -0.5
			}
			q, w := along(factor, worst)
			if w >= min(v, f[d]) {
				for i := 1; i <= d; i++ {
					for j := range points[i] {
						points[i][j] = (points[i][j] + points[0][j]) / 2
					}
					f[i] = eval(points[i])
				}
				continue
			}
			p, v = q, w
		}
		points[d], f[d] = p, v
	}
}

// flatness is the relative difference within a simplex at which the search has converged.
const flatness = 1e-5
