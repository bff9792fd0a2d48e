package planner

import (
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/queueing"
)

// NeedTable answers how many replicas a rate needs to keep a target. It is computed once per workload
// and then shared by every decision; the zero value is empty.
type NeedTable struct {
	model    queueing.Model
	target   queueing.Target
	table    *queueing.NeedTable
	measured *measuredRule // instead of the table
	other    *NeedTable    // whose need counts where it is larger
}

// measuredRule is a capacity of each replica, whatever their number.
type measuredRule struct {
	perReplica, saturated float64 // requests/s; saturated is 0 if unknown
	maxReplicas           int32
}

// NewNeedTable computes, for n = 1..maxReplicas, the largest arrival rate at which n replicas of the
// given service, working as one queue of n×Concurrency servers, keep the target. The error says which
// target no number of replicas can keep.
func NewNeedTable(maxReplicas int32, service queueing.Service, target queueing.Target) (NeedTable, error) {
	table, err := queueing.NewNeedTable(int(maxReplicas), service, target)
	if err != nil {
		return NeedTable{}, err
	}
	return NeedTable{model: service, target: target, table: table}, nil
}

// NewNeedTableOf is [NewNeedTable] for any model of package queueing, as for replicas that batch.
func NewNeedTableOf(maxReplicas int32, model queueing.Model, target queueing.Target) (NeedTable, error) {
	if service, ok := model.(queueing.Service); ok {
		return NewNeedTable(maxReplicas, service, target)
	}
	table, err := queueing.NewNeedTableOf(int(maxReplicas), model, target)
	if err != nil {
		return NeedTable{}, err
	}
	return NeedTable{model: model, target: target, table: table}, nil
}

// NewMeasuredNeedTable is the rule for workloads that no model describes:
//
//	replicas = ⌈rate / (saturatedRate × maxUtilization)⌉,
//
// saturatedRate being the throughput of a replica that is busy all the time, in requests/s, and maxUtilization the
// share of it to be used, in (0, 1].
func NewMeasuredNeedTable(maxReplicas int32, saturatedRate, maxUtilization float64) (NeedTable, error) {
	switch {
	case maxReplicas < 1:
		return NeedTable{}, fmt.Errorf("planner: need table of %d replicas: must be at least 1", maxReplicas)
	case !(saturatedRate > 0) || math.IsInf(saturatedRate, 1):
		return NeedTable{}, fmt.Errorf("planner: measured capacity of %g requests/s per replica: must be finite and above 0", saturatedRate)
	case !(maxUtilization > 0 && maxUtilization <= 1):
		return NeedTable{}, fmt.Errorf("planner: maximum utilization %g: must be above 0 and at most 1", maxUtilization)
	}
	return NeedTable{
		target:   queueing.Target{MaxUtilization: maxUtilization},
		measured: &measuredRule{saturatedRate * maxUtilization, saturatedRate, maxReplicas},
	}, nil
}

// Larger returns the table that needs the larger of what t and other need, as long as both reach.
func (t NeedTable) Larger(other NeedTable) NeedTable {
	if t.other != nil {
		other = t.other.Larger(other)
	}
	t.other = &other
	return t
}

// Rule says in words what the table rests on.
func (t NeedTable) Rule() string {
	switch {
	case t.other != nil:
		return "larger of two versions"
	case t.measured != nil:
		return "measured capacity"
	}
	return "queueing model"
}

// MaxReplicas returns the number of replicas at which the table ends, 0 if it is empty.
func (t NeedTable) MaxReplicas() int32 {
	most := int32(0)
	switch {
	case t.measured != nil:
		most = t.measured.maxReplicas
	case t.table != nil:
		most = int32(t.table.MaxReplicas())
	}
	if t.other != nil {
		most = min(most, t.other.MaxReplicas())
	}
	return most
}

// Replicas returns the least number of replicas, at least 1, that carries rate requests/s, and whether
// the table reaches that far. Beyond the table it extrapolates linearly from the last entry, which is
// never too few, since in a larger pool every replica carries at least as much. It takes
// O(log maxReplicas) time.
//
// Special case: a NaN rate or an empty table gives 0 and false.
func (t NeedTable) Replicas(rate float64) (n int32, within bool) {
	n, within = t.replicas(rate)
	if t.other != nil {
		m, also := t.other.Replicas(rate)
		n, within = max(n, m), within && also
	}
	return n, within
}

// replicas is Replicas but for the other table.
func (t NeedTable) replicas(rate float64) (n int32, within bool) {
	switch {
	case math.IsNaN(rate):
		return 0, false
	case t.measured != nil:
		n := t.measured.replicas(rate)
		return n, n <= t.measured.maxReplicas
	case t.table == nil:
		return 0, false
	}
	if n, enough := t.table.LeastReplicas(math.Max(rate, 0)); enough {
		return int32(n), true
	}
	most := t.table.MaxReplicas()
	beyond := math.Ceil(rate / t.table.MaxArrivalRate(most) * float64(most))
	return int32(math.Min(beyond, math.MaxInt32)), false
}

// replicas divides, forgiving the rounding of a rate that is a whole multiple of the capacity.
func (m measuredRule) replicas(rate float64) int32 {
	const slack = 1 - 0x1p-50
	return int32(math.Max(1, math.Min(math.Ceil(rate/m.perReplica*slack), math.MaxInt32)))
}

// MaxRate returns the largest arrival rate in requests/s that n replicas carry; 0 below one replica,
// and the rate of the whole table above its end.
func (t NeedTable) MaxRate(n int32) float64 {
	most := 0.0
	switch {
	case t.measured != nil:
		most = float64(max(0, min(n, t.measured.maxReplicas))) * t.measured.perReplica
	case t.table != nil:
		most = t.table.MaxArrivalRate(int(n))
	}
	if t.other != nil {
		most = math.Min(most, t.other.MaxRate(n))
	}
	return most
}

// Utilization returns the share of time that the slots of n replicas are busy at a rate; above 1 the
// queue has no steady state.
//
// Special case: NaN if n < 1, the rate is NaN, the table is empty or no utilization was measured.
func (t NeedTable) Utilization(rate float64, n int32) float64 {
	if n < 1 || math.IsNaN(rate) {
		return math.NaN()
	}
	u := t.utilization(math.Max(rate, 0), int(n))
	if t.other != nil {
		u = math.Max(u, t.other.Utilization(rate, n))
	}
	return u
}

func (t NeedTable) utilization(rate float64, n int) float64 {
	if m := t.measured; m != nil && m.saturated > 0 {
		return rate / (float64(n) * m.saturated)
	}
	switch model := t.model.(type) {
	case nil:
		return math.NaN()
	case queueing.Service:
		return model.Model(rate, n).Utilization()
	default:
		return model.At(rate, n).Utilization()
	}
}

// ResponseQuantile returns the response time, waiting and service, that the share p of requests does
// not exceed at a rate on n replicas, according to the model that made the table. Unlike the rest it
// can take milliseconds.
//
// Special case: false if n < 1, the rate is NaN, the table is empty or was measured, or the queue has no steady state.
func (t NeedTable) ResponseQuantile(rate float64, n int32, p float64) (time.Duration, bool) {
	if u := t.Utilization(rate, n); !(u < 1) || t.model == nil {
		return 0, false
	}
	seconds := t.model.At(math.Max(rate, 0), int(n)).ResponseQuantileSeconds(p)
	if t.other != nil {
		slower, ok := t.other.ResponseQuantile(rate, n, p)
		if !ok {
			return 0, false
		}
		seconds = math.Max(seconds, slower.Seconds())
	}
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
