package planner

import (
	"math"
	"time"

	"github.com/prescale/prescale/queueing"
)

// NeedTable answers how many replicas a rate needs to keep a target. It is computed once per workload
// and then shared by every decision; the zero value is empty.
type NeedTable struct {
	service queueing.Service
	target  queueing.Target
	table   *queueing.NeedTable
}

// NewNeedTable computes, for n = 1..maxReplicas, the largest arrival rate at which n replicas of the
// given service, working as one queue of n×Concurrency servers, keep the target. The error says which
// target no number of replicas can keep.
func NewNeedTable(maxReplicas int32, service queueing.Service, target queueing.Target) (NeedTable, error) {
	table, err := queueing.NewNeedTable(int(maxReplicas), service, target)
	if err != nil {
		return NeedTable{}, err
	}
	return NeedTable{service: service, target: target, table: table}, nil
}

// MaxReplicas returns the number of replicas at which the table ends, 0 if it is empty.
func (t NeedTable) MaxReplicas() int32 {
	if t.table == nil {
		return 0
	}
	return int32(t.table.MaxReplicas())
}

// Replicas returns the least number of replicas, at least 1, that carries rate requests/s, and whether
// the table reaches that far. Beyond the table it extrapolates linearly from the last entry, which is
// never too few, since in a larger pool every replica carries at least as much. It takes
// O(log maxReplicas) time.
//
// Special case: a NaN rate or an empty table gives 0 and false.
func (t NeedTable) Replicas(rate float64) (n int32, within bool) {
	if math.IsNaN(rate) || t.table == nil {
		return 0, false
	}
	if n, enough := t.table.LeastReplicas(math.Max(rate, 0)); enough {
		return int32(n), true
	}
	most := t.table.MaxReplicas()
	beyond := math.Ceil(rate / t.table.MaxArrivalRate(most) * float64(most))
	return int32(math.Min(beyond, math.MaxInt32)), false
}

// MaxRate returns the largest arrival rate in requests/s that n replicas carry; 0 below one replica,
// and the rate of the whole table above its end.
func (t NeedTable) MaxRate(n int32) float64 {
	if t.table == nil {
		return 0
	}
	return t.table.MaxArrivalRate(int(n))
}

// Utilization returns the share of time that the slots of n replicas are busy at a rate; above 1 the
// queue has no steady state.
//
// Special case: NaN if n < 1, the rate is NaN or the table is empty.
func (t NeedTable) Utilization(rate float64, n int32) float64 {
	if n < 1 || math.IsNaN(rate) || t.table == nil {
		return math.NaN()
	}
	return t.service.Model(math.Max(rate, 0), int(n)).Utilization()
}

// ResponseQuantile returns the response time, waiting and service, that the share p of requests does
// not exceed at a rate on n replicas, according to the model that made the table. Unlike the rest it
// can take milliseconds.
//
// Special case: false if n < 1, the rate is NaN, the table is empty, or the queue has no steady state.
func (t NeedTable) ResponseQuantile(rate float64, n int32, p float64) (time.Duration, bool) {
	if u := t.Utilization(rate, n); !(u < 1) {
		return 0, false
	}
	seconds := t.service.At(math.Max(rate, 0), int(n)).ResponseQuantileSeconds(p)
	if math.IsNaN(seconds) || math.IsInf(seconds, 1) {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// percentile returns the level at which response times are reported: the target's own, else 0.99.
func (t NeedTable) percentile() float64 {
	if p := t.target.Response.Percentile; p > 0 {
		return p
	}
	return queueing.DefaultPercentile
}
