package hpa

import "math"

// externalPerPod proposes for an External metric with a target per pod: its sum over the target,
// rounded up, whatever the number of ready pods. The dead band is judged by the pods there are.
//
// With no pods the ratio is infinite, or NaN for a metric of 0: outside the dead band either way.
//
// Upstream: GetExternalPerPodMetricReplicas.
func externalPerPod(tol tolerances, statusReplicas int32, r *Reading, target int64) Proposal {
	// Upstream takes any negative sum for an overflow, one of a negative metric too.
	sum := max(r.Value, -1)
	if r.Items != nil {
		sum = 0
		for _, v := range r.Items {
			if sum += v; sum < 0 {
				break
			}
		}
	}
	if sum < 0 {
		sum = math.MaxInt64
	}
	p := Proposal{
		Replicas: statusReplicas,
		Ratio:    float64(sum) / (float64(target) * float64(statusReplicas)),
	}
	if p.Tolerated = tol.within(p.Ratio); !p.Tolerated {
		p.Replicas = cappedInt32(math.Ceil(float64(sum) / float64(target)))
	}
	if p.Current = math.MaxInt64; float64(sum) < math.MaxInt64 {
		p.Current = int64(math.Ceil(float64(sum) / float64(statusReplicas)))
	}
	return p
}

// externalSum returns the sum of an External metric with a target for the whole.
// Upstream: GetExternalMetricReplicas.
func externalSum(r *Reading) int64 {
	if r.Items == nil {
		return r.Value
	}
	sum := int64(0)
	for _, v := range r.Items {
		if v > 0 && sum > math.MaxInt64-v {
			return math.MaxInt64
		}
		sum += v
	}
	return sum
}

// objectPerPod proposes for an Object metric with a target per pod. Upstream: GetObjectPerPodMetricReplicas.
func objectPerPod(tol tolerances, statusReplicas int32, usage, target int64) Proposal {
	p := Proposal{
		Replicas: statusReplicas,
		Ratio:    float64(usage) / (float64(target) * float64(statusReplicas)),
		Current:  int64(math.Ceil(float64(usage) / float64(statusReplicas))),
	}
	if p.Tolerated = tol.within(p.Ratio); !p.Tolerated {
		p.Replicas = int32(math.Ceil(float64(usage) / float64(target)))
	}
	return p
}

// value proposes for an External or Object metric with a target for the whole: the ready pods times the
// ratio, rounded up. From zero replicas it is the ratio, rounded up.
//
// Upstream: getUsageRatioReplicaCount.
func value(tol tolerances, in *Inputs, usage, target int64) Proposal {
	p := Proposal{
		Replicas: in.SpecReplicas,
		Ratio:    float64(usage) / float64(target),
		Current:  usage,
	}
	if in.SpecReplicas == 0 {
		p.Replicas = int32(math.Ceil(p.Ratio))
		return p
	}
	if p.Tolerated = tol.within(p.Ratio); p.Tolerated {
		return p
	}
	all, ready := in.podCounts()
	if all == 0 {
		p.Failure = NoPods
		return p
	}
	if exact := p.Ratio * float64(ready); exact > math.MaxInt32 {
		p.Replicas = math.MaxInt32
	} else {
		p.Replicas = int32(math.Ceil(exact))
	}
	return p
}

// cappedInt32 converts a whole number, and returns the largest int32 for what is larger.
func cappedInt32(f float64) int32 {
	if f > math.MaxInt32 {
		return math.MaxInt32
	}
	return int32(f)
}
