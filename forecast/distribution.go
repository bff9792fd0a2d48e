package forecast

import (
	"fmt"
	"math"
	"slices"
)

// clampFactor bounds every forecast to this multiple of the largest value ever seen, the newest
// included. It stops a runaway trend; a surge cannot meet it, since it would have to grow tenfold
// over everything seen within the horizon.
const clampFactor = 10

// pathDistribution predicts from the mean path ŷ, the present error scale s and the pool: for each
// past origin r the mean path m_r and the error path z_r, both divided by the scale of their time.
//
//	step k:        ŷ_k + s z_rk
//	window a..b:   max ŷ + s ( max (m_rk + z_rk) - max m_rk ),   maxima over k = a..b
//
// The quantile of a maximum is thus calibrated on maxima. The maximum of ŷ_k + s z_rk would be too
// large where the mean path itself is noisy, as that of seasonal naive: the noise of the path then
// counts twice. Beyond the calibrated horizon the last error of each path grows with the square root
// of the step, as for a random walk.
type pathDistribution struct {
	mean    []float64
	rows    [][]float64
	horizon int
	spread  float64
	adapt   levelMap
	upper   float64
	center  bool
	origins float64 // past origins behind the rows; 0: quantiles are not widened
}

// Mean implements Distribution.
func (d *pathDistribution) Mean(step int) float64 {
	d.check(step, step, 0.5)
	mean := d.mean[step-1]
	if d.center {
		k := min(step, d.horizon) - 1
		sum := 0.0
		for _, row := range d.rows {
			sum += row[k] / float64(len(d.rows))
		}
		mean += d.spread * d.growth(step) * sum
	}
	return d.clamp(mean)
}

// Quantile implements Distribution: the order statistic of rank ceil((R+1)p) of the R past errors
// (the rank of split conformal prediction), with p replaced by its adapted level.
func (d *pathDistribution) Quantile(step int, p float64) float64 {
	d.check(step, step, p)
	q, _ := d.quantile(d.single(make([]float64, len(d.rows)), step), step, p)
	return d.clamp(q)
}

// MaxQuantile implements Distribution: the same order statistic for the window's maximum, but at
// least the quantile of every step. It takes O(R·(to-from+1)) time for R pooled paths, at most 2048.
func (d *pathDistribution) MaxQuantile(from, to int, p float64) float64 {
	d.check(from, to, p)
	tail := d.adapt.tail(p)
	scratch := make([]float64, len(d.rows))
	if from == to {
		q, _ := d.quantile(d.single(scratch, from), from, p)
		return d.clamp(q)
	}
	q, extrapolated := d.quantile(d.maxima(scratch, from, to), to, p)
	if d.origins > 0 {
		for step := from; step <= to; step++ {
			single, _ := d.quantile(d.single(scratch, step), step, p)
			q = max(q, single)
		}
		return d.clamp(q)
	}
	// A step's quantile exceeds q only if more of its scenarios do than the rank leaves above.
	above := len(d.rows) - 1 - rank(len(d.rows), 1-tail)
	for step := from; step <= to; step++ {
		if extrapolated || d.exceeding(step, q) > above {
			single, _ := quantile(d.single(scratch, step), tail)
			q = max(q, single)
		}
	}
	return d.clamp(q)
}

func (d *pathDistribution) check(from, to int, p float64) {
	if from < 1 || to < from || to > len(d.mean) || !(p > 0 && p < 1) {
		panic(fmt.Sprintf("forecast: steps %d..%d at level %v, want steps within 1..%d and a level within (0, 1)", from, to, p, len(d.mean)))
	}
}

func (d *pathDistribution) clamp(v float64) float64 { return min(max(v, 0), d.upper) }

// growth is the factor on the error of the last calibrated step for a step beyond.
func (d *pathDistribution) growth(step int) float64 {
	if step <= d.horizon {
		return 1
	}
	return math.Sqrt(float64(step) / float64(d.horizon))
}

// single fills dst with the scenarios of one step.
func (d *pathDistribution) single(dst []float64, step int) []float64 {
	mean, spread := d.mean[step-1], d.spread*d.growth(step)
	k := min(step, d.horizon) - 1
	for r, row := range d.rows {
		dst[r] = mean + spread*row[k]
	}
	return dst
}

// exceeding returns the number of scenarios of the step above q.
func (d *pathDistribution) exceeding(step int, q float64) int {
	mean, spread := d.mean[step-1], d.spread*d.growth(step)
	k := min(step, d.horizon) - 1
	n := 0
	for _, row := range d.rows {
		if mean+spread*row[k] > q {
			n++
		}
	}
	return n
}

// maxima fills dst with the scenarios of the window's maximum.
func (d *pathDistribution) maxima(dst []float64, from, to int) []float64 {
	top := slices.Max(d.mean[from-1 : to])
	h := d.horizon
	inside := min(to, h)
	for r, row := range d.rows {
		maxMean, maxActual := math.Inf(-1), math.Inf(-1)
		means := row[h:]
		for k := from - 1; k < inside; k++ {
			m := means[k]
			if m > maxMean {
				maxMean = m
			}
			if v := m + row[k]; v > maxActual {
				maxActual = v
			}
		}
		for step := max(from, h+1); step <= to; step++ {
			maxMean = max(maxMean, means[h-1])
			maxActual = max(maxActual, means[h-1]+d.growth(step)*row[h-1])
		}
		dst[r] = top + d.spread*(maxActual-maxMean)
	}
	return dst
}

// rank returns the index, from 0, of the order statistic of rank ceil((n+1)p), at most n-1.
func rank(n int, p float64) int {
	// The tolerance keeps (n+1)p that is whole but for rounding from moving up a rank.
	k := int(math.Ceil(float64(n+1)*p - 1e-9))
	return min(max(k, 1), n) - 1
}

// quantile returns the value that the upper tail probability leaves above, and whether it lies
// beyond the sample. There the tail is taken as exponential, with the mean excess over the 0.9
// quantile as its scale. It reorders x.
func quantile(x []float64, tail float64) (q float64, extrapolated bool) {
	n := len(x)
	largest := 1 / float64(n+1) // tail probability of the sample maximum
	if tail >= largest*(1-1e-9) {
		return selectRank(x, rank(n, 1-tail)), false
	}
	k := rank(n, 0.9)
	threshold := selectRank(x, k)
	excess, top := 0.0, threshold
	for _, v := range x[k:] {
		excess += v - threshold
		top = max(top, v)
	}
	excess /= float64(n - k)
	return top + excess*math.Log(largest/tail), true
}

// quantile returns the quantile of scenarios that reach ahead by steps, see widening.
func (d *pathDistribution) quantile(x []float64, ahead int, p float64) (q float64, extrapolated bool) {
	tail := d.adapt.tail(p)
	q, extrapolated = quantile(x, tail)
	if d.origins > 0 && tail != 0.5 {
		median := selectRank(x, rank(len(x), 0.5))
		q = median + widening(tail, d.origins/float64(ahead))*(q-median)
	}
	return q, extrapolated
}

// widening is the factor by which a quantile estimated from n independent errors lies farther from
// the median than that of the distribution they come from, if that is normal: the quantile of
// Student's distribution with n degrees of freedom over that of the normal one, by its expansion
//
//	t/z = 1 + (z²+1)/(4n) + (5z⁴+16z²+3)/(96n²)
//
// Error paths of neighboring origins overlap: N of them over h steps are worth about n = N/h. n is
// taken as 3 at least.
//
// Source: M. Abramowitz, I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.5.
func widening(tail, n float64) float64 {
	n = max(n, 3)
	z := math.Sqrt2 * math.Erfinv(1-2*min(max(tail, 1e-6), 1-1e-6))
	z2 := z * z
	return 1 + (z2+1)/(4*n) + (5*z2*z2+16*z2+3)/(96*n*n)
}

// selectRank returns the element of index k in sorted order and leaves no smaller one after it. It
// takes O(n) time on average (quickselect with the median of three, Hoare's FIND).
func selectRank(x []float64, k int) float64 {
	lo, hi := 0, len(x)-1
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if x[mid] < x[lo] {
			x[mid], x[lo] = x[lo], x[mid]
		}
		if x[hi] < x[lo] {
			x[hi], x[lo] = x[lo], x[hi]
		}
		if x[hi] < x[mid] {
			x[hi], x[mid] = x[mid], x[hi]
		}
		pivot := x[mid]
		i, j := lo, hi
		for i <= j {
			for x[i] < pivot {
				i++
			}
			for pivot < x[j] {
				j--
			}
			if i <= j {
				x[i], x[j] = x[j], x[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return x[k]
		}
	}
	return x[k]
}
