package forecast

import (
	"context"
	"math"
	"slices"
)

// harmonicDesign makes the rows of a Harmonic: a constant, the slope, pairs of sine and cosine, regressors.
type harmonicDesign struct {
	slope       bool
	length      float64 // steps of the history, the unit of the slope
	waves       []waves
	mean, scale []float64 // of the regressors; scale: largest size in the history
}

// waves are the Fourier terms of one season.
type waves struct {
	season int
	sine   []float64 // of 2πj/season
	orders []int     // k that no shorter season has, all that may be used
	count  int       // how many are used
}

// newHarmonicDesign is the largest design.
func newHarmonicDesign(seasons []int, most int, slope bool, n int, rows [][]float64) *harmonicDesign {
	d := &harmonicDesign{slope: slope, length: float64(n)}
	seasons = slices.Sorted(slices.Values(seasons))
	for i, m := range seasons {
		w := waves{season: m, sine: make([]float64, m)}
		for j := range w.sine {
			w.sine[j] = math.Sin(2 * math.Pi * float64(j) / float64(m))
		}
		for k := 1; 2*k <= m && len(w.orders) < most; k++ {
			shared := slices.ContainsFunc(seasons[:i], func(shorter int) bool { return k*shorter%m == 0 })
			if !shared {
				w.orders = append(w.orders, k)
			}
		}
		w.count = len(w.orders)
		d.waves = append(d.waves, w)
	}
	if len(rows) == 0 {
		return d
	}
	d.mean, d.scale = make([]float64, len(rows[0])), make([]float64, len(rows[0]))
	for j := range d.scale {
		for _, row := range rows[:n] {
			d.scale[j] = max(d.scale[j], math.Abs(row[j]))
		}
		if d.scale[j] == 0 {
			d.scale[j] = 1
		}
		for t, row := range rows[:n] {
			d.mean[j] += (row[j]/d.scale[j] - d.mean[j]) / float64(t+1)
		}
	}
	return d
}

func (d *harmonicDesign) width() int {
	k := 1 + len(d.scale)
	if d.slope {
		k++
	}
	for _, w := range d.waves {
		k += 2 * w.count
	}
	return k
}

// mostRegressor bounds a future regressor relative to the largest one of the history.
const mostRegressor = 1e6

// fill computes the row of a step; nil regressors are those of the mean.
func (d *harmonicDesign) fill(row []float64, t int, regressors []float64) {
	row[0] = 1
	at := 1
	if d.slope {
		row[1] = float64(t)/d.length - 0.5
		at++
	}
	for i := range d.waves {
		w := &d.waves[i]
		phase := t % w.season
		for _, k := range w.orders[:w.count] {
			j := k * phase % w.season
			row[at] = w.sine[j]
			// The cosine is the sine a quarter of a season on, where that is a whole number of steps.
			if w.season%4 == 0 {
				j += w.season / 4
				if j >= w.season {
					j -= w.season
				}
				row[at+1] = w.sine[j]
			} else {
				row[at+1] = math.Cos(2 * math.Pi * float64(j) / float64(w.season))
			}
			at += 2
		}
	}
	if regressors == nil {
		copy(row[at:], d.mean)
		return
	}
	for j, v := range regressors {
		v = min(max(v/d.scale[j], -mostRegressor), mostRegressor)
		if v != v {
			v = d.mean[j]
		}
		row[at+j] = v
	}
}

// columns returns the indices in the largest design d of the columns of a smaller one.
func (d *harmonicDesign) columns(smaller *harmonicDesign) []int {
	columns := []int{0}
	at := 1
	if d.slope {
		if smaller.slope {
			columns = append(columns, 1)
		}
		at++
	}
	for i, w := range d.waves {
		for k := range 2 * smaller.waves[i].count {
			columns = append(columns, at+k)
		}
		at += 2 * w.count
	}
	for j := range d.scale {
		columns = append(columns, at+j)
	}
	return columns
}

// choose walks from two pairs per season to the design with the least AICc, given the normal equations
// of d, the largest one; it returns the design and its normal equations. Each round tries for every season
// one pair more and less, twice and half as many, and the slope, and takes the best.
func (d *harmonicDesign) choose(ctx context.Context, full *leastSquares, evaluations int) (*harmonicDesign, *leastSquares, error) {
	const startPairs = 2
	best := d.with(func(c *harmonicDesign) {
		c.slope = false
		for i := range c.waves {
			c.waves[i].count = min(startPairs, c.waves[i].count)
		}
	})
	bestLoss := full.pick(d.columns(best)).aicc()
	for left := evaluations - 1; left > 0; {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		var found *harmonicDesign
		try := func(c *harmonicDesign) {
			if left--; left < 0 {
				return
			}
			if loss := full.pick(d.columns(c)).aicc(); loss < bestLoss {
				found, bestLoss = c, loss
			}
		}
		base := best
		if d.slope {
			try(base.with(func(c *harmonicDesign) { c.slope = !c.slope }))
		}
		for i, w := range base.waves {
			counts := distinct([]int{w.count - 1, w.count + 1, w.count / 2, min(2*w.count, len(w.orders))})
			for _, n := range counts {
				if n >= 0 && n <= len(w.orders) && n != w.count {
					try(base.with(func(c *harmonicDesign) { c.waves[i].count = n }))
				}
			}
		}
		if found == nil {
			break
		}
		best = found
	}
	return best, full.pick(d.columns(best)), nil
}

// with returns a changed copy.
func (d *harmonicDesign) with(change func(*harmonicDesign)) *harmonicDesign {
	c := *d
	c.waves = slices.Clone(d.waves)
	change(&c)
	return &c
}

// pick returns the normal equations of some of the columns, in rising order.
func (l *leastSquares) pick(columns []int) *leastSquares {
	p := newLeastSquares(len(columns))
	p.sum, p.yy = l.sum, l.yy
	at := 0
	for i, a := range columns {
		for j, b := range columns[:i+1] {
			p.xx[at+j] = l.xx[a*(a+1)/2+b]
		}
		p.xy[i] = l.xy[a]
		at += i + 1
	}
	return p
}

// aicc is Akaike's criterion corrected for small samples, n log(RSS/n) + 2k + 2k(k+1)/(n-k-1), where k counts
// the coefficients and the variance (FPP3, section 7.5).
func (l *leastSquares) aicc() float64 {
	_, rss := l.solve(harmonicRidge)
	n, k := l.sum, float64(l.k+1)
	if n <= k+1 {
		return math.Inf(1)
	}
	// A rest of rounding errors says nothing.
	rss = max(rss, 1e-12*l.yy, math.SmallestNonzeroFloat64)
	return n*math.Log(rss/n) + 2*k*n/(n-k-1)
}

// harmonicFit is a history to be regressed.
type harmonicFit struct {
	z    []float64
	rows [][]float64
}

func (f *harmonicFit) row(t int) []float64 {
	if len(f.rows) == 0 {
		return nil
	}
	return f.rows[t]
}

// normal returns the normal equations of z(t) - ρ z(t-1) on the same differences of the columns.
func (f *harmonicFit) normal(ctx context.Context, d *harmonicDesign, rho float64) (*leastSquares, error) {
	k := d.width()
	l := newLeastSquares(k)
	row, before, x := make([]float64, k), make([]float64, k), make([]float64, k)
	for t, z := range f.z {
		if t%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d.fill(row, t, f.row(t))
		if t > 0 && z == z && f.z[t-1] == f.z[t-1] {
			for i, v := range row {
				x[i] = v - rho*before[i]
			}
			l.add(x, z-rho*f.z[t-1], 1)
		}
		row, before = before, row
	}
	return l, nil
}

// residuals returns u, NaN where the value is missing.
func (f *harmonicFit) residuals(d *harmonicDesign, beta []float64) []float64 {
	u := make([]float64, len(f.z))
	row := make([]float64, d.width())
	for t, z := range f.z {
		d.fill(row, t, f.row(t))
		u[t] = z - dot(beta, row)
	}
	return u
}
