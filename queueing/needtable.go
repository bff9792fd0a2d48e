package queueing

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// NeedTable answers the planner's question, how many replicas a rate needs, by look-up. It is made by [NewNeedTable] or
// [NewNeedTableOf] and safe for concurrent use. For plain M/M/c all its rows are computed at once; the steady states of other
// models cost too much for that, so that a row, the largest rate that so many replicas carry, is settled when a rate near
// it is first asked for. Answers do not depend on what was asked before.
type NeedTable struct {
	rates []float64 // by replicas, never falling; nil if rows are settled when needed
	rows  *needRows
}

// NewNeedTable makes the table for 1..maxReplicas replicas. For plain M/M/c see [RateTable] for its cost and errors, for
// other services [NewNeedTableOf].
func NewNeedTable(maxReplicas int, service Service, target Target) (*NeedTable, error) {
	if !service.markovian() {
		if err := checkModelReplicas(service, target, "maxReplicas", maxReplicas); err != nil {
			return nil, err
		}
		return NewNeedTableOf(maxReplicas, service, target)
	}
	rates, err := RateTable(maxReplicas, service, target)
	if err != nil {
		return nil, err
	}
	return &NeedTable{rates: rates}, nil
}

// NewNeedTableOf is [NewNeedTable] for any model, whose At must be safe for concurrent use. It takes one steady state; each
// row settled later takes about ten, and a look-up settles few: log n at first, and then those that its rate lies between.
//
// Errors: as [LeastReplicasOf].
func NewNeedTableOf(maxReplicas int, model Model, target Target) (*NeedTable, error) {
	if err := checkTableReplicas(maxReplicas); err != nil {
		return nil, err
	}
	if err := target.answerable(model); err != nil {
		return nil, err
	}
	return &NeedTable{rows: newNeedRows(maxReplicas, model, target)}, nil
}

// LeastReplicas returns the least number of replicas, at least 1, that carry a rate within the target. Where the table
// ends below the rate it returns the most replicas it knows and false; so it does for a rate that is NaN or negative,
// since a missing rate must not shrink anything. It takes O(log n) time and does not allocate once its rows are settled.
func (t *NeedTable) LeastReplicas(arrivalRatePerSecond float64) (replicas int, enough bool) {
	if t.rows != nil {
		return t.rows.leastReplicas(arrivalRatePerSecond)
	}
	most := len(t.rates) - 1
	if !(arrivalRatePerSecond >= 0 && arrivalRatePerSecond <= t.rates[most]) {
		return most, false
	}
	n, _ := slices.BinarySearch(t.rates, arrivalRatePerSecond)
	return max(n, 1), true
}

// MaxArrivalRate returns the largest rate that the given replicas carry; 0 below one replica, and the rate of the
// whole table above its end. For other models than M/M/c it is below the exact one by up to a part in 10^9, and +Inf where
// any rate keeps the target.
func (t *NeedTable) MaxArrivalRate(replicas int) float64 {
	replicas = min(max(replicas, 0), t.MaxReplicas())
	if t.rows == nil {
		return t.rates[replicas]
	}
	if replicas == 0 {
		return 0
	}
	return t.rows.maxRate(replicas)
}

// MaxReplicas returns the number of replicas at which the table ends.
func (t *NeedTable) MaxReplicas() int {
	if t.rows != nil {
		return len(t.rows.kept) - 1
	}
	return len(t.rates) - 1
}

// needRows brackets the largest rate of each number of replicas by one that was seen to keep the target and one that
// was seen not to. A rate within a bracket is decided by the model itself, and narrows it.
type needRows struct {
	model  Model
	target Target

	settling   sync.Mutex      // held by the one who changes a bracket
	kept, over []atomic.Uint64 // bits of the two rates, by replicas; whoever only reads needs no lock
}

// settledWidth is the relative width of a settled bracket. Rows are about 1/n apart; chosen by us so that one rate in
// ten thousand falls into a bracket.
func settledWidth(n int) float64 { return math.Max(1e-4/float64(n), exactWidth) }

// exactWidth is that of a row whose rate is asked for.
const exactWidth = 1e-9

func newNeedRows(maxReplicas int, model Model, target Target) *needRows {
	r := &needRows{
		model: model, target: target,
		kept: make([]atomic.Uint64, maxReplicas+1), over: make([]atomic.Uint64, maxReplicas+1),
	}
	for n := range r.over {
		r.over[n].Store(math.Float64bits(math.Inf(1)))
	}
	return r
}

func (r *needRows) leastReplicas(rate float64) (replicas int, enough bool) {
	most := len(r.kept) - 1
	if !(rate >= 0) || math.IsInf(rate, 1) || !r.carries(most, rate) {
		return most, false
	}
	tooFew, replicas := 0, most
	for replicas-tooFew > 1 {
		if middle := tooFew + (replicas-tooFew)/2; r.carries(middle, rate) {
			replicas = middle
		} else {
			tooFew = middle
		}
	}
	return replicas, true
}

// carries reports whether n replicas keep the target at a rate.
func (r *needRows) carries(n int, rate float64) bool {
	for {
		switch {
		case rate <= math.Float64frombits(r.kept[n].Load()):
			return true
		case rate >= math.Float64frombits(r.over[n].Load()):
			return false
		}
		r.settle(n, rate)
	}
}

// maxRate returns the lower side of a settled bracket.
func (r *needRows) maxRate(n int) float64 {
	kept, over := math.Float64frombits(r.kept[n].Load()), math.Float64frombits(r.over[n].Load())
	if over-kept > exactWidth*over || math.IsInf(over, 1) && kept < greatestRate {
		r.settle(n, math.NaN())
	}
	kept = math.Float64frombits(r.kept[n].Load())
	if kept >= greatestRate {
		return math.Inf(1)
	}
	return kept
}

// greatestRate is where the search for a rate that is too much ends; a model with losses may keep its target at any rate.
const greatestRate = 1e300

// settle decides a rate, or with NaN finds the row to within exactWidth, and narrows the bracket of n replicas.
func (r *needRows) settle(n int, rate float64) {
	r.settling.Lock()
	defer r.settling.Unlock()
	// What fewer carry these carry, and what is too much for more is too much for these.
	low, high := point{0, math.NaN()}, point{math.Inf(1), math.NaN()} // values where they were computed
	for m := n; m >= 1 && low.x == 0; m-- {
		low.x = math.Float64frombits(r.kept[m].Load())
	}
	for m := n; m < len(r.over) && math.IsInf(high.x, 1); m++ {
		high.x = math.Float64frombits(r.over[m].Load())
	}
	probe := func(x float64) float64 {
		y, _ := r.target.excess(r.model.At(x, n))
		if y <= 0 {
			low = point{x, y}
		} else {
			high = point{x, y}
		}
		return y
	}
	inside := func(x float64) bool { return x > low.x && x < high.x }
	width := settledWidth(n)
	if math.IsNaN(rate) {
		width = exactWidth
	}
	open := func() bool { return low.x > 0 && high.x-low.x > width*high.x }

	if guess := r.interpolated(n); inside(guess) {
		factor := 1 + width/2
		if probe(guess) > 0 {
			factor = 1 / factor
		}
		for x := guess * factor; inside(x) && open(); x = guess * factor {
			if y := probe(x); y <= 0 == (factor < 1) {
				break // on the other side
			}
			factor = math.Pow(factor, 16)
		}
	}
	if inside(rate) {
		probe(rate)
	}
	if low.x == 0 && math.IsInf(high.x, 1) {
		guess := float64(n) / (2 * r.model.At(0, n).MeanResponseSeconds())
		if !(guess > 0 && guess < greatestRate) {
			guess = 1
		}
		probe(guess)
	}
	for step := 1.0 / 16; math.IsInf(high.x, 1) && low.x < greatestRate; step *= 2 {
		probe(math.Min(low.x*(1+math.Min(step, 1)), greatestRate))
	}
	for step := 1.0 / 16; low.x == 0 && high.x > 1/greatestRate; step = math.Min(step*2, 0.5) {
		probe(high.x * (1 - step))
	}
	if open() && low.x < greatestRate {
		for _, end := range []point{{low.x * (1 + width/2), low.y}, {high.x * (1 - width/2), high.y}} {
			if math.IsNaN(end.y) && inside(end.x) {
				probe(end.x)
			}
		}
		if open() {
			narrowTo(probe, low, high, width)
		}
	}
	r.kept[n].Store(math.Float64bits(low.x))
	r.over[n].Store(math.Float64bits(high.x))
}

// interpolated guesses the largest rate of n replicas from those of the three nearest settled numbers, by a quadratic in
// 1/√n for the rate of each replica. It returns NaN if there are fewer than two.
func (r *needRows) interpolated(n int) float64 {
	var x, y []float64
	consider := func(m int) {
		kept, over := math.Float64frombits(r.kept[m].Load()), math.Float64frombits(r.over[m].Load())
		if kept > 0 && over-kept <= 2*settledWidth(m)*over {
			x, y = append(x, 1/math.Sqrt(float64(m))), append(y, (kept/2+over/2)/float64(m))
		}
	}
	for away := 1; away < len(r.kept) && len(x) < 3; away++ {
		if n-away >= 1 {
			consider(n - away)
		}
		if n+away < len(r.kept) && len(x) < 3 {
			consider(n + away)
		}
	}
	if len(x) < 2 {
		return math.NaN()
	}
	at := 1 / math.Sqrt(float64(n))
	var sum float64
	for i := range x {
		weight := 1.0
		for j := range x {
			if j != i {
				weight *= (at - x[j]) / (x[i] - x[j])
			}
		}
		sum += weight * y[i]
	}
	return sum * float64(n)
}
