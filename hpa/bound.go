package hpa

import "fmt"

// Bound is what made the outcome of a sync differ from what the metrics ask for, if anything.
type Bound uint8

// The bounds, in the order in which they apply.
const (
	// Unbound: the outcome is what the metrics ask for.
	Unbound Bound = iota
	// BoundByFault: a Fault kept the controller from scaling.
	BoundByFault
	// BoundByZero: someone else scaled the target to zero, which switches the autoscaler off.
	BoundByZero
	// BoundByMissingMetrics: metrics failed, and the others do not ask for more.
	BoundByMissingMetrics
	// BoundByTolerance: the metric that asks for the most is in the dead band.
	BoundByTolerance
	// BoundByStabilization: recent recommendations were higher (or lower).
	BoundByStabilization
	// BoundByRate: the policies, or without a Behavior the limit of 4 or twice the replicas.
	BoundByRate
	// BoundByMin and BoundByMax: the minimum and the maximum.
	BoundByMin
	BoundByMax
)

// String returns the bound in words, "" for Unbound.
func (b Bound) String() string { return name(boundNames[:], uint8(b)) }

var boundNames = [...]string{
	Unbound:               "",
	BoundByFault:          "the target cannot be scaled",
	BoundByZero:           "switched off by scaling to zero by hand",
	BoundByMissingMetrics: "metrics are missing",
	BoundByTolerance:      "within tolerance",
	BoundByStabilization:  "stabilized by recent recommendations",
	BoundByRate:           "limited by the rate policies",
	BoundByMin:            "at the minimum",
	BoundByMax:            "at the maximum",
}

// Bound returns the last bound that moved the number.
func (d *Decision) Bound() Bound {
	c := &d.Conditions
	switch {
	case c.AbleToScale.Status == False:
		return BoundByFault
	case d.Blocked:
		return BoundByMissingMetrics
	case d.Cause == AboveMax:
		return BoundByMax
	case d.Cause == BelowMin:
		return BoundByMin
	case d.Metric < 0 && c.ScalingActive.Reason == ScalingDisabled:
		return BoundByZero
	case d.Metric < 0:
		return BoundByFault
	case d.Limited != d.Stabilized:
		switch c.ScalingLimited.Reason {
		case TooManyReplicas:
			return BoundByMax
		case TooFewReplicas:
			return BoundByMin
		}
		return BoundByRate
	case d.Stabilized != d.Proposed:
		return BoundByStabilization
	case d.Tolerated:
		return BoundByTolerance
	}
	return Unbound
}

// String returns the decision in a sentence, such as "5 -> 10 replicas, wanted 14: limited by the rate policies".
func (d Decision) String() string {
	s := fmt.Sprintf("%d replicas", d.From)
	if d.Rescale {
		s = fmt.Sprintf("%d -> %d replicas", d.From, d.Desired)
	}
	if d.Proposed != d.Desired {
		s += fmt.Sprintf(", wanted %d", d.Proposed)
	}
	if b := d.Bound(); b != Unbound {
		s += ": " + b.String()
	}
	return s
}
