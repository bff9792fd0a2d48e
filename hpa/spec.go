package hpa

import "time"

// Spec mirrors HorizontalPodAutoscalerSpec of autoscaling/v2. Sync expects one that Validate accepts.
type Spec struct {
	// MinReplicas is the least the autoscaler scales to; the API's default is 1. With 0 and at least
	// one External or Object metric it scales to zero, and back.
	MinReplicas int32
	// MaxReplicas is the most the autoscaler scales to.
	MaxReplicas int32
	// Metrics each propose a number of replicas, of which the highest is taken.
	Metrics []MetricSpec
	// Behavior limits how fast the number changes. Nil and a zero Behavior differ: see Behavior.
	Behavior *Behavior
}

// MetricType says where a metric comes from.
type MetricType uint8

// The types of metrics.
const (
	// External metrics belong to no object of the cluster.
	External MetricType = iota
	// Object metrics describe one object of the cluster.
	Object
	// Pods metrics are averaged over the pods.
	Pods
	// Resource metrics are the usage of CPU or memory by the pods.
	Resource
	// ContainerResource metrics are the usage of CPU or memory by one container of each pod.
	ContainerResource
)

// String returns the name that the API has for the type.
func (t MetricType) String() string {
	return name(metricTypeNames[:], uint8(t))
}

var metricTypeNames = [...]string{
	External: "External", Object: "Object", Pods: "Pods", Resource: "Resource", ContainerResource: "ContainerResource",
}

// MetricSpec is one metric to scale on.
type MetricSpec struct {
	// Name is the metric's name, or for Resource and ContainerResource that of the resource: the
	// readiness of a pod matters to "cpu" only.
	Name string
	// Type is where the metric comes from.
	Type MetricType
	// Target is what the autoscaler tries to keep the metric at.
	Target Target
}

// TargetType says what a target is compared with.
type TargetType uint8

// The types of targets.
const (
	// AverageValueTarget is compared with the value per pod.
	AverageValueTarget TargetType = iota
	// ValueTarget is compared with the value as it is.
	ValueTarget
	// UtilizationTarget is compared with the usage as a percentage of the request.
	UtilizationTarget
)

// String returns the name that the API has for the type.
func (t TargetType) String() string {
	return name(targetTypeNames[:], uint8(t))
}

var targetTypeNames = [...]string{
	AverageValueTarget: "AverageValue", ValueTarget: "Value", UtilizationTarget: "Utilization",
}

// Target of a metric. External and Object metrics take AverageValue or Value, Pods metrics
// AverageValue, resource metrics Utilization or AverageValue.
type Target struct {
	Type TargetType
	// Milli is the target of an AverageValue or Value in thousandths.
	Milli int64
	// Percent is the target of a Utilization.
	Percent int32
}

// AverageValue returns a target for the value per pod, rounded to thousandths.
func AverageValue(v float64) Target { return Target{Type: AverageValueTarget, Milli: Milli(v)} }

// Value returns a target for the value as it is, rounded to thousandths.
func Value(v float64) Target { return Target{Type: ValueTarget, Milli: Milli(v)} }

// Utilization returns a target for the usage in percent of the request.
func Utilization(percent int32) Target { return Target{Type: UtilizationTarget, Percent: percent} }

// scalesFromZero reports whether a metric exists that has a value while there are no pods.
// Upstream: hasObjectOrExternalMetrics.
func (s *Spec) scalesFromZero() bool {
	for i := range s.Metrics {
		if t := s.Metrics[i].Type; t == Object || t == External {
			return true
		}
	}
	return false
}

// tolerances returns the dead bands below and above a ratio of 1. Upstream: tolerancesForHpa.
func (s *Spec) tolerances(c *Config) tolerances {
	t := tolerances{down: c.Tolerance, up: c.Tolerance}
	if s.Behavior == nil {
		return t
	}
	if r := s.Behavior.ScaleDown; r != nil && r.Tolerance != nil {
		t.down = *r.Tolerance
	}
	if r := s.Behavior.ScaleUp; r != nil && r.Tolerance != nil {
		t.up = *r.Tolerance
	}
	return t
}

// tolerances are the dead bands around a ratio of 1 in which nothing is changed.
type tolerances struct{ down, up float64 }

// within reports whether the ratio lies in the dead band, ends included. Upstream: isWithin.
func (t tolerances) within(ratio float64) bool {
	return 1-t.down <= ratio && ratio <= 1+t.up
}

// Behavior limits how fast the autoscaler scales.
//
// A nil Behavior means the rules from before there was one: up to twice the replicas or 4, whichever is more, in one sync;
// down to the highest recommendation in [Config.DownscaleStabilization]. As soon as a Behavior is set, even an empty one,
// what it leaves out is filled in by the API server as described at ScalingRules, which allows 4 more replicas or twice as
// many in 15 s: from 1 replica to 5, not to 4.
type Behavior struct {
	ScaleUp, ScaleDown *ScalingRules
}

// ScalingRules limit scaling in one direction. Pieces left out have these defaults:
//
//	                      up                          down
//	StabilizationWindow   0                           Config.DownscaleStabilization
//	Select                MaxChange                   MaxChange
//	Policies              4 pods in 15 s,             100 percent in 15 s
//	                      100 percent in 15 s
//	Tolerance             Config.Tolerance            Config.Tolerance
//
// Source: GenerateHPAScaleUpRules and GenerateHPAScaleDownRules.
type ScalingRules struct {
	// StabilizationWindow is how far back recommendations count: the lowest when scaling up, the
	// highest when scaling down. Whole seconds up to an hour.
	StabilizationWindow *time.Duration
	// Select says which of the policies applies.
	Select SelectPolicy
	// Policies bound the change over a period.
	Policies []Policy
	// Tolerance is the dead band in this direction, at least 0.
	Tolerance *float64
}

// SelectPolicy chooses among the policies of one direction.
type SelectPolicy uint8

// The choices among policies.
const (
	// MaxChange takes the policy that allows the largest change.
	MaxChange SelectPolicy = iota
	// MinChange takes the policy that allows the smallest change.
	MinChange
	// Disabled forbids scaling in this direction.
	Disabled
)

// String returns the name that the API has for the choice.
func (p SelectPolicy) String() string {
	return name(selectPolicyNames[:], uint8(p))
}

var selectPolicyNames = [...]string{MaxChange: "Max", MinChange: "Min", Disabled: "Disabled"}

// PolicyType is the unit of a policy's value.
type PolicyType uint8

// The units of policies.
const (
	// PodsPolicy counts pods.
	PodsPolicy PolicyType = iota
	// PercentPolicy counts percent of the replicas at the start of the period.
	PercentPolicy
)

// String returns the name that the API has for the type.
func (t PolicyType) String() string {
	return name(policyTypeNames[:], uint8(t))
}

var policyTypeNames = [...]string{PodsPolicy: "Pods", PercentPolicy: "Percent"}

// Policy allows a change of Value within any Period.
type Policy struct {
	Type PolicyType
	// Value is the change allowed, in pods or percent, at least 1.
	Value int32
	// Period is the time over which past changes count: whole seconds up to half an hour.
	Period time.Duration
}

// name returns the name of an enumeration's value.
func name(names []string, value uint8) string {
	if int(value) >= len(names) {
		return "invalid"
	}
	return names[value]
}
