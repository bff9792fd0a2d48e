package forecast

import (
	"fmt"
	"math"
	"slices"
)

// lowLevels are the levels below the median at which quantiles are tabled.
var lowLevels = [...]float64{0.005, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5}

// blendDistribution is what a Blend forecasts: the outlook at its origin and a copy of what every span
// had learned by then.
type blendDistribution struct {
	outlook
	count   int
	horizon int
	anchors []int
	upper   float64
	spans   []spanView
	windows []levelRow // of the windows 1..k, k an anchor

	// What was asked for is kept, since several levels are asked for of one window.
	singles []levelRow // per step, those that are known
	known   []bool
	latest  levelRow // of the window from..to
	from    int      // 0 before the first
	to      int
}

// levelRow holds the quantiles of one window at the tracked levels, and those below as distances from
// the median.
type levelRow struct {
	q   [len(trackedLevels)]float64
	low [len(lowLevels)]float64
}

// spanView is the state of a span at one time.
type spanView struct {
	span   *span // its experts' choice and regressions, which do not change
	scaled [len(trackedLevels)][]float64
	weight [len(trackedLevels)][]float64
	add    [len(trackedLevels)]float64 // correction in the unit of the values
	low    [len(lowLevels)]float64     // of the scaled errors, less the median
}

func newBlendDistribution(f *blended, steps int) *blendDistribution {
	d := &blendDistribution{
		count: steps, horizon: f.horizon, anchors: f.anchors, upper: f.upper(), spans: make([]spanView, len(f.spans)),
	}
	f.tracker.look(&d.outlook, max(steps, f.horizon))
	total := 0
	for _, sp := range f.spans {
		total += 2 * len(trackedLevels) * sp.size()
	}
	store := make([]float64, total)
	d.singles, d.known = make([]levelRow, steps), make([]bool, steps)
	for k, sp := range f.spans {
		v := &d.spans[k]
		v.span = sp
		n := sp.size()
		for l, p := range trackedLevels {
			v.scaled[l], store = store[:n:n], store[n:]
			v.weight[l], store = store[:n:n], store[n:]
			copy(v.weight[l], sp.levels[l].weight)
			v.add[l] = sp.levels[l].correction * sp.levels[l].unit
			for i := range sp.experts {
				v.scaled[l][i] = sp.experts[i].pool.quantile(1 - p)
			}
			if sp.fitted {
				v.scaled[l][len(sp.experts)] = sp.pool.quantile(1 - p)
			}
		}
		pool := &sp.pool
		if !sp.fitted {
			pool = &sp.experts[0].pool
		}
		for i, p := range lowLevels {
			v.low[i] = pool.quantile(1 - p)
		}
		for i := range v.low {
			v.low[i] -= v.low[len(v.low)-1]
		}
	}
	for _, k := range d.anchors {
		d.windows = append(d.windows, d.levels(1, k))
	}
	return d
}

// Mean implements Distribution by the median, which rare bursts do not lift.
func (d *blendDistribution) Mean(step int) float64 { return d.Quantile(step, 0.5) }

// Quantile implements Distribution. A step's quantile is at most that of any window 1..k around it
// that is learned by itself.
func (d *blendDistribution) Quantile(step int, p float64) float64 {
	d.check(step, step, p)
	q := d.interpolate(d.single(step), p)
	for i := len(d.anchors) - 1; i >= 0 && d.anchors[i] >= step; i-- {
		q = min(q, d.interpolate(&d.windows[i], p))
	}
	return q
}

// single returns the quantiles of a step without regard to windows.
func (d *blendDistribution) single(step int) *levelRow {
	row := &d.singles[step-1]
	if !d.known[step-1] {
		*row = d.levels(step, step)
		d.known[step-1] = true
	}
	return row
}

// MaxQuantile implements Distribution. It takes O(to-from+1) time, and much less for a further level
// of the same window.
func (d *blendDistribution) MaxQuantile(from, to int, p float64) float64 {
	d.check(from, to, p)
	if from == to {
		return d.Quantile(from, p)
	}
	if i, learned := slices.BinarySearch(d.anchors, to); from == 1 && learned {
		return d.interpolate(&d.windows[i], p)
	}
	if d.from != from || d.to != to {
		d.latest, d.from, d.to = d.levels(from, to), from, to
	}
	q := d.interpolate(&d.latest, p)
	for step := from; step <= to; step++ {
		q = max(q, d.Quantile(step, p))
	}
	return q
}

func (d *blendDistribution) check(from, to int, p float64) {
	if from < 1 || to < from || to > d.count || !(p > 0 && p < 1) {
		panic(fmt.Sprintf("forecast: steps %d..%d at level %v, want steps within 1..%d and a level within (0, 1)", from, to, p, d.count))
	}
}

func (d *blendDistribution) clamp(v float64) float64 { return min(max(v, 0), d.upper) }

// around calls use with the spans between which the window lies and the share of each: by the log of
// its end between anchors, and by the log of its length between the single step and the window from
// step 1 on.
func (d *blendDistribution) around(from, to int, use func(v *spanView, share float64)) {
	end := min(to, d.horizon)
	hi, exact := slices.BinarySearch(d.anchors, end)
	lo, share := hi, 1.0
	if !exact {
		lo = hi - 1
		share = math.Log(float64(end)/float64(d.anchors[lo])) / math.Log(float64(d.anchors[hi])/float64(d.anchors[lo]))
	}
	long := 1.0
	if to > 1 {
		long = math.Log(float64(to-from+1)) / math.Log(float64(to))
	}
	visit := func(anchor int, share float64) {
		if share == 0 {
			return
		}
		if anchor == 0 {
			use(&d.spans[0], share)
			return
		}
		if long > 0 {
			use(&d.spans[anchor], share*long)
		}
		if long < 1 {
			use(&d.spans[len(d.anchors)+anchor-1], share*(1-long))
		}
	}
	if lo != hi {
		visit(lo, 1-share)
	}
	visit(hi, share)
}

// levels returns the quantiles of the maximum over from..to, without regard to other windows. They do
// not decrease with the level.
func (d *blendDistribution) levels(from, to int) levelRow {
	var x [width]float64
	d.row(x[:], from, to)
	var r levelRow
	q := &r.q
	d.around(from, to, func(v *spanView, share float64) {
		v.quantiles(q, x[:], d.upper, share)
		scale := v.scale(x[:])
		for i, z := range v.low {
			r.low[i] += share * z * scale
		}
	})
	if to > d.horizon { // errors grow as those of a random walk
		growth := math.Sqrt(float64(to) / float64(d.horizon))
		for l := len(q) - 1; l > 0; l-- {
			q[l] = q[0] + growth*(q[l]-q[0])
		}
		for i := range r.low {
			r.low[i] *= growth
		}
	}
	q[0] = d.clamp(q[0])
	for l := 1; l < len(q); l++ {
		q[l] = d.clamp(max(q[l-1], q[l]))
	}
	return r
}

// interpolate returns the quantile at level p.
func (d *blendDistribution) interpolate(r *levelRow, p float64) float64 {
	if p >= trackedLevels[0] {
		return d.clamp(interpolateTail(r.q, p))
	}
	i, _ := slices.BinarySearch(lowLevels[:], p)
	if i == 0 {
		return d.clamp(r.q[0] + r.low[0])
	}
	w := (p - lowLevels[i-1]) / (lowLevels[i] - lowLevels[i-1])
	// Rounding must not lift a quantile above that of a higher level.
	return d.clamp(min(r.q[0]+r.low[i-1]+w*(r.low[i]-r.low[i-1]), r.q[0]+r.low[i]))
}

// interpolateTail returns the quantile at p >= 1/2 from those at the tracked levels, linearly in
// -log(1-p), in which an exponential tail is a straight line. Beyond the last level the line through 0.9
// and 0.99 goes on.
func interpolateTail(q [len(trackedLevels)]float64, p float64) float64 {
	last := len(q) - 1
	depth := func(p float64) float64 { return -math.Log1p(-p) }
	for l := 1; l <= last; l++ {
		if p == trackedLevels[l] {
			return q[l]
		}
		if p < trackedLevels[l] {
			lo, hi := depth(trackedLevels[l-1]), depth(trackedLevels[l])
			return min(q[l-1]+(q[l]-q[l-1])*(depth(p)-lo)/(hi-lo), q[l])
		}
	}
	slope := (q[last] - q[1]) / (depth(trackedLevels[last]) - depth(trackedLevels[1]))
	return q[last] + slope*(depth(p)-depth(trackedLevels[last]))
}

// scale is the unit of low.
func (v *spanView) scale(x []float64) float64 {
	sp := v.span
	if sp.fitted {
		_, width := sp.regression.at(x)
		return width
	}
	return sp.experts[0].width(x, sp.floor)
}

// quantiles adds the share of the quantiles at the tracked levels to q.
func (v *spanView) quantiles(q *[len(trackedLevels)]float64, x []float64, upper, share float64) {
	sp := v.span
	for l := range q {
		q[l] += share * v.add[l]
	}
	for i := range sp.experts {
		e := &sp.experts[i]
		width := e.width(x, sp.floor)
		for l := range q {
			q[l] += share * v.weight[l][i] * min(max(x[e.ref]+width*v.scaled[l][i], 0), upper)
		}
	}
	if !sp.fitted {
		return
	}
	n := len(sp.experts)
	mean, width := sp.regression.at(x)
	for l := range q {
		q[l] += share * v.weight[l][n] * min(max(mean+width*v.scaled[l][n], 0), upper)
		q[l] += share * v.weight[l][n+1] * min(sp.direct[l].dot(x), upper)
	}
}
