package planner

import (
	"github.com/prescale/prescale/queueing"
)

// Capacity is what was learned of a workload's capacity from what it exposes: whether the queueing model holds for it
// and, where it does not, what a replica was measured to carry. [LearnCapacity] makes one, which takes up to a second,
// so that it is done now and then rather than for every decision; [Capacity.NeedTable] turns it into the table to plan
// by, and [Inputs] carries it so that a decision can name the verdict and heed a limit. It is plain data.
type Capacity struct {
	// Verdict is that of the validity gate. The model counts as valid under queueing.VerdictFits, and as not judged
	// under queueing.VerdictInsufficient or if it is empty.
	Verdict queueing.Verdict `json:"verdict,omitempty"`
	// Why is a sentence on the verdict.
	Why string `json:"why,omitempty"`
	// Service is the service as calibrated under queueing.VerdictFits; its zero value if a given model was judged.
	Service queueing.Service `json:"-"`
	// SaturatedRate is the throughput of a replica that is busy all the time, in requests/s, by the utilization law;
	// SustainedRate is the highest that a replica was seen to carry within the objective, and SustainedMost says that
	// higher ones broke it. 0 if unknown.
	SaturatedRate float64 `json:"saturated_rate,omitempty"`
	SustainedRate float64 `json:"sustained_rate,omitempty"`
	SustainedMost bool    `json:"sustained_most,omitempty"`
	// LimitReplicas is the number of replicas from which on more of them brought no more throughput, LimitRate that
	// throughput in requests/s; 0 if no such limit was seen or it has gone.
	LimitReplicas int32   `json:"limit_replicas,omitempty"`
	LimitRate     float64 `json:"limit_rate,omitempty"`
	// Previous is what was known of the version before, while too little is known of the present one; else nil.
	Previous *Capacity `json:"previous,omitempty"`
}

// ModelValid says whether the queueing model holds, and whether that is known at all.
func (c Capacity) ModelValid() (valid, known bool) {
	switch c.Verdict {
	case "", queueing.VerdictInsufficient:
		return false, false
	}
	return c.Verdict == queueing.VerdictFits, true
}

// DefaultMeasuredUtilization is the share of a saturated replica's throughput that the measured-capacity rule plans for
// where the target names no utilization. It is the default of the objective.
const DefaultMeasuredUtilization = 0.8

// ReplicaRate returns what the measured-capacity rule plans for each replica, in requests/s: its saturated throughput
// times the utilization cap, but no more than what was seen to keep the objective where more broke it. Where the saturated
// throughput is not known it is the highest seen to keep the objective. 0 means that nothing was measured.
func (c Capacity) ReplicaRate(maxUtilization float64) float64 {
	if maxUtilization == 0 {
		maxUtilization = DefaultMeasuredUtilization
	}
	switch rate := c.SaturatedRate * maxUtilization; {
	case rate == 0, c.SustainedMost && c.SustainedRate < rate:
		return c.SustainedRate
	default:
		return rate
	}
}

// NeedTable returns the table to plan by, given the configured one, whose target and length it keeps:
//
//   - while a version is too young to be judged, the larger of what the version before needs and of what was measured
//     of the present one so far, so that a rollout gives nothing back on trust;
//   - the model of the calibrated service where it fits; the configured table if a given model was judged;
//   - where no model fits, replicas = ⌈rate / measured capacity of a replica at the utilization cap⌉;
//   - else, as long as nothing was judged or measured, the configured table.
//
// Errors: those of [NewNeedTable] where the calibrated service cannot keep the target.
func (c Capacity) NeedTable(configured NeedTable) (NeedTable, error) {
	valid, known := c.ModelValid()
	switch {
	case known && valid && c.Service.MeanTime > 0:
		return NewNeedTable(configured.MaxReplicas(), c.Service, configured.target)
	case known && valid:
		return configured, nil
	case known:
		return c.measuredTable(configured), nil
	case c.Previous == nil:
		return configured, nil
	}
	before, err := c.Previous.NeedTable(configured)
	if err != nil {
		return NeedTable{}, err
	}
	if c.ReplicaRate(configured.target.MaxUtilization) > 0 {
		return before.Larger(c.measuredTable(configured)), nil
	}
	return before, nil
}

// measuredTable is the measured-capacity rule, or the configured table where nothing was measured.
func (c Capacity) measuredTable(configured NeedTable) NeedTable {
	perReplica := c.ReplicaRate(configured.target.MaxUtilization)
	if !(perReplica > 0) {
		return configured
	}
	return NeedTable{
		target:   configured.target,
		measured: &measuredRule{perReplica: perReplica, saturated: c.SaturatedRate, maxReplicas: configured.MaxReplicas()},
	}
}

// limited reports whether a part behind the replicas limits the throughput.
func (c *Capacity) limited() bool {
	return c != nil && c.Verdict == queueing.VerdictDownstream && c.LimitReplicas > 0
}
