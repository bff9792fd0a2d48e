package forecast

import (
	"math"
)

// factors is the number of factors on either side of a model: lags 1, 2, ..., lags m, 2m, ... of the
// short season, and the same of the long one.
const factors = 3

// armaOrder holds the orders of the factors of a multiplicative ARMA model and whether it has a mean.
type armaOrder struct {
	ar, ma [factors]int
	mean   bool
}

func (o armaOrder) parameters() int {
	k := 0
	for i := range factors {
		k += o.ar[i] + o.ma[i]
	}
	if o.mean {
		k++
	}
	return k
}

// arma is a model of w with
//
//	Π φ_i(B^m_i) (w(t) - μ) = Π θ_i(B^m_i) e(t),  i = 1..3, m_1 = 1
//
// φ_i(B) = 1 - φ_i1 B - ..., θ_i(B) = 1 + θ_i1 B + .... par holds φ_1, φ_2, φ_3, θ_1, θ_2, θ_3, μ in that
// order. A factor of order 0 needs no season.
type arma struct {
	armaOrder
	seasons [factors]int
	par     []float64
}

func (a *arma) phi(i int) []float64 {
	at := 0
	for j := range i {
		at += a.ar[j]
	}
	return a.par[at : at+a.ar[i]]
}

func (a *arma) theta(i int) []float64 {
	at := a.ar[0] + a.ar[1] + a.ar[2]
	for j := range i {
		at += a.ma[j]
	}
	return a.par[at : at+a.ma[i]]
}

func (a *arma) mu() float64 {
	if a.mean {
		return a.par[len(a.par)-1]
	}
	return 0
}

// resized returns the model with other orders, parameters carried over or 0.
func (a *arma) resized(o armaOrder) *arma {
	b := &arma{armaOrder: o, seasons: a.seasons, par: make([]float64, o.parameters())}
	for i := range factors {
		copy(b.phi(i), a.phi(i))
		copy(b.theta(i), a.theta(i))
	}
	if o.mean {
		b.par[len(b.par)-1] = a.mu()
	}
	return b
}

// multiply sets dst = φ_i(B^m) x for every i but skip; dst may be x. Values before the first count as 0.
func (a *arma) multiply(dst, x []float64, skip int) {
	copy(dst, x)
	for i := range factors {
		phi, m := a.phi(i), a.seasons[i]
		if i == skip || len(phi) == 0 {
			continue
		}
		for t := len(dst) - 1; t >= m; t-- {
			for j := 1; j <= len(phi) && j*m <= t; j++ {
				dst[t] -= phi[j-1] * dst[t-j*m]
			}
		}
	}
}

// divide divides x by θ_i(B^m) in place.
func (a *arma) divide(x []float64, i int) {
	theta, m := a.theta(i), a.seasons[i]
	if len(theta) == 0 {
		return
	}
	for t := m; t < len(x); t++ {
		for j := 1; j <= len(theta) && j*m <= t; j++ {
			x[t] -= theta[j-1] * x[t-j*m]
		}
	}
}

// polynomial is 1 + Σ coef_i B^lag_i with increasing lags.
type polynomial struct {
	lags  []int
	coefs []float64
}

// expand returns Π (1 + sign Σ_j c_ij B^(j m_i)), the factors given by coefficients.
func (a *arma) expand(coefs func(int) []float64, sign float64) polynomial {
	dense := []float64{1}
	for i := range factors {
		c, m := coefs(i), a.seasons[i]
		next := make([]float64, len(dense)+m*len(c))
		for t, v := range dense {
			next[t] += v
			for j, x := range c {
				next[t+(j+1)*m] += sign * x * v
			}
		}
		dense = next
	}
	return withoutZeros(dense)
}

// withoutZeros drops zeros and the leading 1.
func withoutZeros(dense []float64) polynomial {
	var p polynomial
	for i, c := range dense[1:] {
		if c != 0 {
			p.lags, p.coefs = append(p.lags, i+1), append(p.coefs, c)
		}
	}
	return p
}

// differenced returns the polynomial times (1-B)^d (1-B^m)^D.
func (p polynomial) differenced(d, seasonal, m int) polynomial {
	order := 0
	if len(p.lags) > 0 {
		order = p.lags[len(p.lags)-1]
	}
	dense := make([]float64, order+d+seasonal*m+1)
	dense[0] = 1
	for i, lag := range p.lags {
		dense[lag] = p.coefs[i]
	}
	apply := func(lag int) {
		for i := len(dense) - 1; i >= lag; i-- {
			dense[i] -= dense[i-lag]
		}
	}
	for range d {
		apply(1)
	}
	for range seasonal {
		apply(m)
	}
	return withoutZeros(dense)
}

// armaFitter estimates models on one differenced series by conditional least squares: e is computed
// with zeros before the first value, and squares are summed from index from on, where counted.
type armaFitter struct {
	w       []float64
	counted []bool
	from    int
	n       float64 // values counted
	used    int     // evaluations so far

	centered, e [2][]float64
	u, v        [factors][]float64
	xMean       []float64
}

func newArmaFitter(w []float64, counted []bool, from int) *armaFitter {
	f := &armaFitter{w: w, counted: counted, from: from}
	for t := from; t < len(w); t++ {
		if counted[t] {
			f.n++
		}
	}
	for i := range f.e {
		f.centered[i], f.e[i] = make([]float64, len(w)), make([]float64, len(w))
	}
	for i := range f.u {
		f.u[i], f.v[i] = make([]float64, len(w)), make([]float64, len(w))
	}
	f.xMean = make([]float64, len(w))
	return f
}

// residuals computes e of the model into buffer b and returns the sum of squares.
func (f *armaFitter) residuals(a *arma, b int) float64 {
	f.used++
	w := f.centered[b]
	mu := a.mu()
	for t, v := range f.w {
		w[t] = v - mu
	}
	e := f.e[b]
	a.multiply(e, w, -1)
	for i := range factors {
		a.divide(e, i)
	}
	sum := 0.0
	for t := f.from; t < len(e); t++ {
		if f.counted[t] {
			sum += e[t] * e[t]
		}
	}
	return sum
}

// fit improves the parameters of a in place by Gauss-Newton steps with Levenberg's damping, within
// the stationary and invertible region, and returns the sum of squares. iterations bounds the steps.
//
// The derivatives of e need one filtered series per factor:
//
//	∂e/∂φ_ij = -B^(j m_i) (Π_{k≠i} φ_k / Π θ_k) w,  ∂e/∂θ_ij = -B^(j m_i) (1/θ_i) e
func (f *armaFitter) fit(a *arma, iterations int) float64 {
	k := len(a.par)
	sum := f.residuals(a, 0)
	if k == 0 {
		return sum
	}
	ls := newLeastSquares(k)
	row := make([]float64, k)
	ridge := 1e-4
	for range iterations {
		f.derivatives(a)
		ls.reset()
		for t := f.from; t < len(f.w); t++ {
			if !f.counted[t] {
				continue
			}
			f.row(a, row, t)
			ls.add(row, f.e[0][t], 1)
		}
		improved := false
		for range 4 {
			step, _ := ls.solve(ridge)
			next := a.resized(a.armaOrder)
			for i := range step {
				next.par[i] += step[i]
			}
			if next.admissible() {
				if s := f.residuals(next, 1); s < sum {
					improved = sum-s > 1e-4*sum
					f.e[0], f.e[1] = f.e[1], f.e[0]
					f.centered[0], f.centered[1] = f.centered[1], f.centered[0]
					copy(a.par, next.par)
					sum = s
					ridge = max(ridge/10, 1e-7)
					break
				}
			}
			ridge *= 30
		}
		if !improved {
			break
		}
	}
	return sum
}

// derivatives fills u and v (per factor of φ and θ) and xMean with the filtered series.
func (f *armaFitter) derivatives(a *arma) {
	for i := range factors {
		if a.ar[i] > 0 {
			a.multiply(f.u[i], f.centered[0], i)
			for k := range factors {
				a.divide(f.u[i], k)
			}
		}
		if a.ma[i] > 0 {
			copy(f.v[i], f.e[0])
			a.divide(f.v[i], i)
		}
	}
	if a.mean {
		for t := range f.xMean {
			f.xMean[t] = 1
		}
		a.multiply(f.xMean, f.xMean, -1)
		for k := range factors {
			a.divide(f.xMean, k)
		}
	}
}

// row fills x with -∂e/∂par at t.
func (f *armaFitter) row(a *arma, x []float64, t int) {
	k := 0
	put := func(series []float64, n, m int) {
		for i := 1; i <= n; i++ {
			x[k] = 0
			if t >= i*m {
				x[k] = series[t-i*m]
			}
			k++
		}
	}
	for i := range factors {
		put(f.u[i], a.ar[i], a.seasons[i])
	}
	for i := range factors {
		put(f.v[i], a.ma[i], a.seasons[i])
	}
	if a.mean {
		x[k] = f.xMean[t]
	}
}

// admissible reports whether every factor has its roots well outside the unit circle.
func (a *arma) admissible() bool {
	for i := range factors {
		ar, ma := mostPartial, mostPartial
		if i > 0 {
			ar, ma = mostSeasonalAR, mostSeasonalMA
		}
		if !stationary(a.phi(i), 1, ar) || !stationary(a.theta(i), -1, ma) {
			return false
		}
	}
	return !math.IsNaN(a.mu())
}

const (
	// mostPartial bounds the partial autocorrelations of the factor of single steps (chosen by us).
	mostPartial = 0.99
	// Those of the seasonal factors are bounded more tightly: a history holds few seasons, and near the
	// unit circle the zeros before its first value stay in the errors up to its end. A bound of 0.99 for
	// all costs a third of accuracy on M4 hourly (measured on training parts).
	mostSeasonalAR = 0.9
	mostSeasonalMA = 0.6
)

// stationary reports whether the autoregression with coefficients sign·c has partial
// autocorrelations of size below limit, by the step-down Levinson-Durbin recursion.
func stationary(c []float64, sign, limit float64) bool {
	var work, next [8]float64
	for i, v := range c {
		work[i] = sign * v
	}
	for k := len(c); k > 0; k-- {
		r := work[k-1]
		if !(math.Abs(r) < limit) {
			return false
		}
		for i := range k - 1 {
			next[i] = (work[i] + r*work[k-2-i]) / (1 - r*r)
		}
		work = next
	}
	return true
}
