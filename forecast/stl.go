package forecast

import (
	"math"
)

// stl decomposes a series into season, trend and remainder by loess. Missing values (NaN) have weight
// 0 in every smooth; season and trend are defined at all times.
//
// The inner loop, run twice, smooths each cycle-subseries (all values of one phase) by locally constant
// fits over seasonWindow cycles, removes what the low-pass filter finds in the result (moving
// averages of m, m and 3 steps, then loess), and smooths the deseasonalized series for the trend. The
// outer loop weighs values by the bisquare of their remainder over six median sizes
// (or 1.5 mean sizes if that is more). Long smooths are
// computed at every tenth of their window and interpolated linearly, so that time is O(n) per loop.
//
// Source: R. B. Cleveland, W. S. Cleveland, J. E. McRae, I. Terpenning, STL: a seasonal-trend
// decomposition procedure based on loess, Journal of Official Statistics 6 (1990), section 2 (loops
// and weights) and 3 (windows: low pass the least odd number from m, trend that from 1.5m/(1-1.5/seasonWindow)).
type stl struct {
	m, seasonWindow int
	robust          int // outer loops after the first

	weights             []float64
	season, trend, work []float64
	extended, low       []float64
}

func newSTL(n, m, seasonWindow, robust int) *stl {
	make1 := func(n int) []float64 { return make([]float64, n) }
	return &stl{
		m: m, seasonWindow: seasonWindow, robust: robust,
		weights: make1(n), season: make1(n), trend: make1(n), work: make1(n),
		extended: make1(n + 2*m), low: make1(n + 2*m),
	}
}

// odd returns the least odd number not below x.
func odd(x float64) int {
	k := int(math.Ceil(x))
	return k + 1 - k%2
}

// run fills season and trend.
func (s *stl) run(y []float64) {
	trendWindow := odd(1.5 * float64(s.m) / (1 - 1.5/float64(s.seasonWindow)))
	lowWindow := odd(float64(s.m))
	for t, v := range y {
		s.weights[t] = 1
		if v != v {
			s.weights[t] = 0
		}
	}
	clear(s.trend)
	for outer := 0; ; outer++ {
		for range 2 {
			for t, v := range y {
				s.work[t] = v - s.trend[t]
			}
			s.smoothPhases()
			low := movingAverage(s.low, s.extended, s.m)
			low = movingAverage(low, low, s.m)
			low = movingAverage(low, low, 3) // as long as y
			loess(s.work, low, nil, lowWindow, jump(lowWindow))
			for t := range y {
				s.season[t] = s.extended[t+s.m] - s.work[t]
				s.work[t] = y[t] - s.season[t]
			}
			loess(s.trend, s.work, s.weights, trendWindow, jump(trendWindow))
		}
		if outer == s.robust {
			return
		}
		s.reweigh(y)
	}
}

// smoothPhases smooths every cycle-subseries of work into extended, one cycle beyond both ends.
func (s *stl) smoothPhases() {
	n, m := len(s.work), s.m
	cycles := (n + m - 1) / m
	sub, w := make([]float64, 0, cycles), make([]float64, 0, cycles)
	for phase := range m {
		sub, w = sub[:0], w[:0]
		for t := phase; t < n; t += m {
			sub, w = append(sub, s.work[t]), append(w, s.weights[t])
		}
		for k := -1; k <= len(sub); k++ {
			if at := phase + (k+1)*m; at < len(s.extended) {
				s.extended[at] = loessAt(sub, w, s.seasonWindow, 0, float64(k))
			}
		}
	}
	bridge(s.extended) // phases never seen
	for t, v := range s.extended {
		if v != v {
			s.extended[t] = 0
		}
	}
}

// reweigh sets the robustness weights from the remainders.
func (s *stl) reweigh(y []float64) {
	sizes := make([]float64, 0, len(y))
	for t, v := range y {
		if r := math.Abs(v - s.season[t] - s.trend[t]); r == r {
			sizes = append(sizes, r)
		}
	}
	if len(sizes) == 0 {
		return
	}
	// Where most remainders are next to nothing, as on a quiet series with bursts, six medians would
	// shut out all that moves; a quarter of the mean size keeps it.
	limit := 6 * max(selectRank(sizes, len(sizes)/2), presentMean(sizes)/4)
	for t, v := range y {
		r := math.Abs(v - s.season[t] - s.trend[t])
		switch {
		case r != r:
			s.weights[t] = 0
		case limit == 0:
			s.weights[t] = 1
		case r >= limit:
			s.weights[t] = 0
		default:
			u := 1 - (r/limit)*(r/limit)
			s.weights[t] = u * u
		}
	}
}

// jump is the distance of the points at which a smooth over window values is computed.
func jump(window int) int { return max(1, window/10) }

// movingAverage sets dst to the means of every m values in a row of x and returns its len(x)-m+1
// values. dst may be x.
func movingAverage(dst, x []float64, m int) []float64 {
	if len(x) < m {
		return dst[:0]
	}
	sum := 0.0
	for _, v := range x[:m] {
		sum += v
	}
	n := len(x) - m + 1
	for t := range n {
		mean := sum / float64(m)
		if t+m < len(x) {
			sum += x[t+m] - x[t]
		}
		dst[t] = mean
	}
	return dst[:n]
}

// loess smooths y into dst by local lines over window values with tricube weights, times w unless nil. It evaluates every step-th point and the last and interpolates.
func loess(dst, y, w []float64, window, step int) {
	n := len(y)
	last := 0
	for t := 0; ; t = min(t+step, n-1) {
		dst[t] = loessAt(y, w, window, 1, float64(t))
		for k := last + 1; k < t; k++ {
			dst[k] = dst[last] + (dst[t]-dst[last])*float64(k-last)/float64(t-last)
		}
		last = t
		if t == n-1 {
			break
		}
	}
	bridge(dst[:n])
	if dst[0] != dst[0] {
		clear(dst[:n])
	}
}

// loessAt returns the local fit of the degree, 0 or 1, at position x, which may lie one beyond the ends; NaN where every
// weight is 0.
func loessAt(y, w []float64, window, degree int, x float64) float64 {
	n := len(y)
	from := min(max(int(math.Round(x))-window/2, 0), max(n-window, 0))
	to := min(from+window, n)
	h := max(x-float64(from), float64(to-1)-x)
	if window > n {
		h += float64(window-n) / 2
	}
	h = max(h, 1)
	var sw, swx, swy, swxx, swxy float64
	for t := from; t < to; t++ {
		weight := 1.0
		if w != nil {
			weight = w[t]
		}
		if weight == 0 {
			continue
		}
		d := float64(t) - x
		u := math.Abs(d) / h
		if u >= 0.999 {
			continue
		}
		if u > 0.001 {
			u = 1 - u*u*u
			weight *= u * u * u
		}
		sw += weight
		swx += weight * d
		swy += weight * y[t]
		swxx += weight * d * d
		swxy += weight * d * y[t]
	}
	if sw == 0 {
		return math.NaN()
	}
	mean, center := swy/sw, swx/sw
	if degree == 0 {
		return mean
	}
	spread := swxx/sw - center*center
	if math.Sqrt(max(spread, 0)) <= 0.001*float64(n-1) || spread <= 0 {
		return mean
	}
	slope := (swxy/sw - center*mean) / spread
	return mean - slope*center
}
