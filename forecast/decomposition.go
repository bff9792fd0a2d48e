package forecast

import (
	"math"
	"slices"
)

// decomposition holds the seasonal indices of a classical decomposition: index k belongs to the
// phase of value k. They are factors with mean 1 if multiplicative, else terms with mean 0.
type decomposition struct {
	multiplicative bool
	indices        []float64
}

// noSeason leaves values as they are.
var noSeason = decomposition{indices: []float64{0}}

func (d decomposition) remove(y, index float64) float64 {
	if d.multiplicative {
		return y / index
	}
	return y - index
}

func (d decomposition) restore(y, index float64) float64 {
	if d.multiplicative {
		return y * index
	}
	return y + index
}

// decompose returns the indices of a season of m steps by classical decomposition: the mean, per
// phase, of the ratio of the values to their centered moving average over one season (of the
// difference if not multiplicative), scaled to mean 1 (shifted to mean 0). Missing values are bridged
// for the moving average and count for no index. Without a season and a half of values, or where an
// index is not positive, there is no season. It takes O(n) time.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section
// 3.4; it equals decompose of R on complete series.
func decompose(values []float64, m int, multiplicative bool) decomposition {
	if m < 2 || len(values) < m+m/2 || !slices.ContainsFunc(values, func(v float64) bool { return v == v }) {
		return noSeason
	}
	filled := slices.Clone(values)
	bridge(filled)
	d := decomposition{multiplicative: multiplicative, indices: make([]float64, m)}
	counts := make([]float64, m)
	// The window covers m values if m is odd, else m+1 with half weights at both ends.
	half := m / 2
	sum := 0.0
	for _, v := range filled[:2*half+1] {
		sum += v
	}
	for i := half; i+half < len(filled); i++ {
		if i > half {
			sum += filled[i+half] - filled[i-half-1]
		}
		mean := sum
		if m%2 == 0 {
			mean -= (filled[i-half] + filled[i+half]) / 2
		}
		mean /= float64(m)
		if r := d.remove(values[i], mean); r == r && !math.IsInf(r, 0) {
			k := i % m
			counts[k]++
			d.indices[k] += (r - d.indices[k]) / counts[k]
		}
	}
	for k, n := range counts {
		if n == 0 {
			d.indices[k] = math.NaN()
		}
	}
	if slices.Max(counts) == 0 {
		return noSeason
	}
	bridge(d.indices) // a phase without any value takes those beside it
	mean := 0.0
	for _, v := range d.indices {
		mean += v / float64(m)
	}
	if multiplicative && !(mean > 0) {
		return noSeason
	}
	for k := range d.indices {
		d.indices[k] = d.remove(d.indices[k], mean)
		if v := d.indices[k]; math.IsNaN(v) || math.IsInf(v, 0) || multiplicative && v <= 0 {
			return noSeason
		}
	}
	return d
}

// seasonal reports whether the autocorrelation at lag m differs from zero at the 90 % level given
// those at shorter lags:
//
//	|r(m)| > 1.645 √((1 + 2 Σ_{k<m} r(k)²) / n)
//
// Series of less than three seasons and constant ones are not seasonal. It takes O(nm) time.
//
// Source: the seasonality test of the M4 benchmarks, S. Makridakis, E. Spiliotis, V. Assimakopoulos,
// The M4 Competition: 100,000 time series and 61 forecasting methods, International Journal of
// Forecasting 36 (2020); the standard error is that of M. S. Bartlett, Journal of the Royal
// Statistical Society (Supplement) 8 (1946).
func seasonal(values []float64, m int) bool {
	if m < 2 || len(values) < 3*m {
		return false
	}
	mean, n := 0.0, 0.0
	for _, v := range values {
		if v == v {
			n++
			mean += (v - mean) / n
		}
	}
	x := make([]float64, len(values))
	variance := 0.0
	for i, v := range values {
		if v == v {
			x[i] = v - mean // a missing value counts as the mean
			variance += x[i] * x[i]
		}
	}
	if !(variance > 0) || math.IsInf(variance, 1) {
		return false
	}
	// Beyond maxTestLags the lags before m are sampled: their sum of squares is all that is needed.
	const maxTestLags = 64
	stride := max(1, (m-1)/maxTestLags)
	squares := 0.0
	for k := 1; k < m; k += stride {
		r := autocovariance(x, k) / variance
		squares += r * r * float64(min(stride, m-k))
	}
	r := autocovariance(x, m) / variance
	return math.Abs(r) > 1.645*math.Sqrt((1+2*squares)/n)
}

// autocovariance returns Σ x(t) x(t-lag).
func autocovariance(x []float64, lag int) float64 {
	sum := 0.0
	for i, v := range x[lag:] {
		sum += v * x[i]
	}
	return sum
}

// adjusted returns the decomposition that the M4 benchmarks use, and the values without the season:
// multiplicative if the test finds a season. Series that are not positive are decomposed additively.
func adjusted(values []float64, m int) (decomposition, []float64) {
	d := noSeason
	if seasonal(values, m) {
		d = decompose(values, m, positive(values))
	}
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = d.remove(v, d.indices[i%len(d.indices)])
	}
	return d, out
}

// positive reports whether all values present are above zero.
func positive(values []float64) bool {
	for _, v := range values {
		if v <= 0 {
			return false
		}
	}
	return true
}

// phase counts through the indices of a decomposition.
type phase struct {
	decomposition
	next int // index of the coming step
}

func newPhase(d decomposition, n int) phase {
	return phase{decomposition: d, next: n % len(d.indices)}
}

// advance returns the index of the step that passes.
func (p *phase) advance() float64 {
	v := p.indices[p.next]
	if p.next++; p.next == len(p.indices) {
		p.next = 0
	}
	return v
}

// restorePath puts the season back on the coming steps.
func (p *phase) restorePath(dst []float64) {
	k := p.next
	for i, v := range dst {
		dst[i] = p.restore(v, p.indices[k])
		if k++; k == len(p.indices) {
			k = 0
		}
	}
}
