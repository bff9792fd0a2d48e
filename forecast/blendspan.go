package forecast

import (
	"math"
	"slices"
)

// trackedLevels are the levels at which experts are combined; others are interpolated.
var trackedLevels = [...]float64{0.5, 0.9, 0.95, 0.99}

const (
	upperLevel = 0.95 // level of the regression that sets the width
	// leastRows is the number of windows from which a regression is tried.
	leastRows = 40
	// leastShare is the least width, as a share of its mean: a width near zero makes huge errors.
	leastShare = 0.1
	// sizeShare of the level is added to the mean change to tell a usual error (chosen by us).
	sizeShare = 0.02
	// mostError bounds a scaled error, so that no overflow is possible.
	mostError = 1e9
	// ratioScale marks an expert whose errors are relative to its forecast.
	ratioScale = -1
)

// expert forecasts a quantile as a regressor plus a multiple of another, the multiple being the
// quantile of its own past scaled errors (split conformal prediction with a rolling pool).
type expert struct {
	ref, scale int
	pool       errorPool
}

func (e *expert) width(x []float64, floor float64) float64 {
	if e.scale == ratioScale {
		return max(x[e.ref], floor)
	}
	return max(x[e.scale], floor)
}

// span is a window of coming steps that is learned by itself.
type span struct {
	from, to int
	floor    float64 // least scale of any error, tiny

	regression
	pool errorPool // errors of the regression in units of its width

	experts []expert
	levels  []aggregation

	pending []float64 // ring of the regressors of the newest `to` origins
	scratch []float64
	record  *record // of the Fit, nil where nobody asks
}

// regression is what the quantile regressions found.
type regression struct {
	fitted          bool // false where there were too few windows
	location, upper sparse
	direct          [len(trackedLevels)]sparse
	least           float64
	beta            [1 + len(trackedLevels)][]float64 // location and direct, to start similar ones from
}

// at returns the location and the width.
func (r *regression) at(x []float64) (mean, width float64) {
	mean = r.location.dot(x)
	return mean, max(r.upper.dot(x)-mean, r.least)
}

// newSpan chooses the experts by what the tracker holds. Persistence, the same window a day and a week
// ago and their maximum are always among them, with errors of constant size as well as scaled ones.
func newSpan(from, to int, t *tracker, floor float64) *span {
	s := &span{from: from, to: to, floor: floor, pending: make([]float64, to*width)}
	add := func(ref, scale int) {
		s.experts = append(s.experts, expert{ref: ref, scale: scale, pool: newErrorPool()})
	}
	add(xLevel, xOne)
	add(xLevel+1, xQuick)
	add(xLevel+2, xOne)
	add(xRecent, xSlow)
	add(xLong, xOne)
	if t.day > 0 {
		add(xDayAgo, xOne)
		add(xHighest, xOne)
		add(xDaily+1, xPhase)
		add(xDayMean, ratioScale)
	}
	if t.week > 0 {
		add(xWeekAgo, xOne)
		if t.profiles[2].period > 0 {
			add(xWeekly+1, xPhase)
		}
	}
	return s
}

// size is the number of quantile forecasts that are combined.
func (s *span) size() int {
	if !s.fitted {
		return len(s.experts)
	}
	return len(s.experts) + 2
}

// startLevels prepares the combination, once it is known whether there is a regression.
func (s *span) startLevels() {
	s.scratch = make([]float64, s.size())
	s.levels = make([]aggregation, len(trackedLevels))
	for l, p := range trackedLevels {
		s.levels[l] = newAggregation(p, s.to, s.size())
	}
	s.pool = newErrorPool()
}

// quantiles fills q with the experts' quantiles of the tracked level at index l.
func (s *span) quantiles(q, x []float64, l int, upper float64) {
	tail := 1 - trackedLevels[l]
	for i := range s.experts {
		e := &s.experts[i]
		q[i] = min(max(x[e.ref]+e.width(x, s.floor)*e.pool.quantile(tail), 0), upper)
	}
	if s.fitted {
		n := len(s.experts)
		mean, width := s.regression.at(x)
		q[n] = min(max(mean+width*s.pool.quantile(tail), 0), upper)
		q[n+1] = min(s.direct[l].dot(x), upper)
	}
}

// judgment says how a completed window is taken in.
type judgment struct {
	importance, apart float64 // as for aggregation.observe
	upper             float64 // bound of any quantile
	keep              bool    // add the errors to the pools
	record            *record // nil, or where the forecast is judged before it is learned from
}

// record judges the combined quantile at one level beside simple ones, over windows none of which the
// forecast had learned from.
type record struct {
	p            float64
	n, weight    float64
	loss, naive  float64 // naive: persistence with pooled errors
	covered, sum float64
	naiveCovered float64
}

func (r *record) add(y, q, naive, weight float64) {
	r.n++
	r.weight += weight
	r.loss += weight * pinball(y, q, r.p)
	r.naive += weight * pinball(y, naive, r.p)
	r.sum += weight * y
	if y <= q {
		r.covered += weight
	}
	if y <= naive {
		r.naiveCovered += weight
	}
}

// learn takes in that the window with regressors x had the maximum y.
func (s *span) learn(x []float64, y float64, j judgment) {
	if len(s.experts[0].pool.ring) >= minPaths {
		size := max(x[xSlow]+sizeShare*x[xLevel+2], s.floor)
		if j.record != nil {
			s.judge(x, y, j)
		}
		for l := range s.levels {
			s.quantiles(s.scratch, x, l, j.upper)
			s.levels[l].observe(s.scratch, y, size, j.importance, j.apart)
		}
	}
	if !j.keep {
		return
	}
	for i := range s.experts {
		e := &s.experts[i]
		e.pool.add(boundError((y - x[e.ref]) / e.width(x, s.floor)))
	}
	if s.fitted {
		mean, width := s.regression.at(x)
		s.pool.add(boundError((y - mean) / width))
	}
}

// combined returns the forecast at the tracked levels.
func (s *span) combined(x []float64, upper float64) [len(trackedLevels)]float64 {
	var q [len(trackedLevels)]float64
	for l := range q {
		s.quantiles(s.scratch, x, l, upper)
		q[l] = min(max(s.levels[l].combine(s.scratch), 0), upper)
		if l > 0 {
			q[l] = max(q[l], q[l-1])
		}
	}
	return q
}

// judge adds a forecast to the record.
func (s *span) judge(x []float64, y float64, j judgment) {
	q := s.combined(x, j.upper)
	p := j.record.p
	naive := max(0, x[xLevel]+s.experts[0].pool.quantile(1-p)*s.experts[0].width(x, s.floor))
	j.record.add(y, interpolateTail(q, max(p, trackedLevels[0])), naive, j.importance)
}

func boundError(z float64) float64 { return min(max(z, -mostError), mostError) }

// row returns the regressors kept for the origin of index n.
func (s *span) row(n int) []float64 {
	i := n % s.to * width
	return s.pending[i : i+width : i+width]
}

// errorPool keeps the newest errors, in order of size and of age.
type errorPool struct {
	sorted, ring []float64
	oldest       int
}

func newErrorPool() errorPool {
	return errorPool{sorted: make([]float64, 0, poolSize), ring: make([]float64, 0, poolSize)}
}

func (p *errorPool) add(e float64) {
	if len(p.ring) < poolSize {
		p.ring = append(p.ring, e)
		p.sorted = slices.Insert(p.sorted, upperBound(p.sorted, e), e)
		return
	}
	// Only what lies between the place of the one that leaves and that of the new one moves.
	i, k := lowerBound(p.sorted, p.ring[p.oldest]), upperBound(p.sorted, e)
	if k > i {
		k--
		copy(p.sorted[i:k], p.sorted[i+1:k+1])
	} else {
		copy(p.sorted[k+1:i+1], p.sorted[k:i])
	}
	p.sorted[k] = e
	p.ring[p.oldest] = e
	p.oldest = (p.oldest + 1) % poolSize
}

// keepNewest forgets all but the newest m errors.
func (p *errorPool) keepNewest(m int) {
	n := len(p.ring)
	if n <= m {
		return
	}
	p.sorted = p.sorted[:m]
	for i := range p.sorted { // oldest first
		p.sorted[i] = p.ring[(p.oldest+n-m+i)%n]
	}
	p.ring = p.ring[:m]
	copy(p.ring, p.sorted)
	p.oldest = 0
	slices.Sort(p.sorted)
}

// quantile is that of function quantile, on sorted errors.
func (p *errorPool) quantile(tail float64) float64 {
	n := len(p.sorted)
	largest := 1 / float64(n+1)
	if tail >= largest*(1-1e-9) {
		return p.sorted[rank(n, 1-tail)]
	}
	k := rank(n, 0.9)
	excess := 0.0
	for _, v := range p.sorted[k:] {
		excess += (v - p.sorted[k]) / float64(n-k)
	}
	return p.sorted[n-1] + excess*math.Log(largest/tail)
}
