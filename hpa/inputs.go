package hpa

import (
	"errors"
	"math"
	"time"
)

// Inputs are what the controller sees in one sync.
type Inputs struct {
	// Now is the time of the sync.
	Now time.Duration
	// SpecReplicas is what the target was last asked for (spec.replicas of its scale subresource).
	SpecReplicas int32
	// StatusReplicas is how many pods the target has (status.replicas of its scale subresource).
	StatusReplicas int32
	// Pods are those that the target's selector matches. Pods and resource metrics need them.
	Pods []Pod
	// PodCount and ReadyPods stand for Pods where that is nil: how many there are, and how many of them
	// are running and ready. A Value target needs them.
	PodCount, ReadyPods int32
	// Readings holds one reading for each metric of the Spec, in the same order.
	Readings []Reading
	// Fault is what goes wrong around the metrics.
	Fault Fault
}

// Fault is something that keeps the controller from its work.
type Fault uint8

// The faults.
const (
	// NoFault is the normal case.
	NoFault Fault = iota
	// ScaleUnreadable means that the scale subresource of the target cannot be read.
	ScaleUnreadable
	// ScaleUnwritable means that the scale subresource of the target can be read but not updated.
	ScaleUnwritable
	// SelectorInvalid means that the target has no selector, or one that cannot be parsed.
	SelectorInvalid
	// SelectorAmbiguous means that another autoscaler selects the same pods.
	SelectorAmbiguous
)

// Phase of a pod.
type Phase uint8

// The phases of pods.
const (
	Running Phase = iota
	Pending
	Succeeded
	Failed
	PhaseUnknown
)

// Readiness is the status of a pod's Ready condition.
type Readiness uint8

// The states of readiness.
const (
	// NoReadiness means that the pod has no Ready condition (yet).
	NoReadiness Readiness = iota
	Ready
	Unready
	ReadinessUnknown
)

// Pod is what the autoscaler looks at of a pod.
type Pod struct {
	Phase Phase
	// Deleted is set once the pod has a deletion timestamp.
	Deleted bool
	// Readiness is the status of the Ready condition, and ReadySince the time of its last transition.
	Readiness  Readiness
	ReadySince time.Duration
	// Start is when the kubelet saw the pod, unless NotStarted says that it has not.
	Start      time.Duration
	NotStarted bool
	// Count is how many pods this one stands for that are alike in every respect, their usage included;
	// 0 is 1.
	Count int32
}

// count returns how many pods p stands for.
func (p *Pod) count() int64 { return max(1, int64(p.Count)) }

// Reading is the answer of the metrics API to the query for one metric.
type Reading struct {
	// Err is why there is no answer. The API's other way to say so, no items, is ErrNoMetrics.
	Err error
	// Value of an External or Object metric in thousandths.
	Value int64
	// Items are the values where the External metrics API returns several for the metric, which are
	// summed; they replace Value unless nil.
	Items []int64
	// Usage is what the metrics API says about each of Inputs.Pods, in the same order, for Pods and
	// resource metrics. Pods beyond its end have no usage. Entries beyond the pods belong to pods that
	// the target has no more; upstream counts those as well.
	Usage []Usage
}

// Usage of one pod, or of one of its containers.
type Usage struct {
	// Missing is set when the metrics API says nothing about the pod.
	Missing bool
	// Value in thousandths (of a core, of a byte).
	Value int64
	// Request is what the pod, or the container, requests of the resource in thousandths. It matters to
	// a Utilization only and is read even where the usage is missing. Negative means that a container
	// states no request (or that there is no such container), which makes the metric fail.
	Request int64
	// At is the end of the time over which the usage was measured, and Window its length. They matter to
	// the resource "cpu" only.
	At, Window time.Duration
}

// ErrNoMetrics is the Err of a Reading when the metrics API answers with no items.
var ErrNoMetrics = errors.New("hpa: no metrics returned")

// available reports whether there is an answer. No items are none: see ErrNoMetrics.
func (r *Reading) available() bool {
	return r.Err == nil && (r.Items == nil || len(r.Items) > 0)
}

// NewReading returns the reading of an External or Object metric with value v, rounded to thousandths.
// NaN and infinities are missing readings.
func NewReading(v float64) Reading {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Reading{Err: ErrNoMetrics}
	}
	return Reading{Value: Milli(v)}
}

// podCounts returns how many pods there are, and how many are running and ready.
// Upstream: getReadyPodsCount.
func (in *Inputs) podCounts() (all, ready int64) {
	if in.Pods == nil {
		return int64(in.PodCount), int64(in.ReadyPods)
	}
	for i := range in.Pods {
		p := &in.Pods[i]
		n := p.count()
		all += n
		if p.Phase == Running && p.Readiness == Ready {
			ready += n
		}
	}
	return all, ready
}
