package hpa

// Decision is the outcome of one sync.
type Decision struct {
	// From is the number of replicas asked for before the sync, and Desired after it. They are equal
	// unless Rescale is set.
	From, Desired int32
	// Rescale says that the number of replicas was changed.
	Rescale bool
	// Cause is why upstream says it rescales; NoCause where it does not, and also where stabilization
	// alone moves the number.
	Cause Cause
	// Metric is the index of the metric that proposed the most, or -1.
	Metric int
	// Proposed is the number from the metrics, Stabilized what stabilization made of it, and Limited what
	// policies, minimum and maximum made of that. Where no metric counted, all are Desired.
	Proposed, Stabilized, Limited int32
	// Failed is how many metrics gave no proposal.
	Failed int
	// Blocked says that because of them nothing was done: all failed, or some did and the others would
	// have scaled down.
	Blocked bool
	// Conditions are those after the sync.
	Conditions Conditions
	// Proposals holds one entry per metric, or none when no metric was read. It is valid until the next
	// Sync with the same State.
	Proposals []Proposal
}

// Cause is why the number of replicas changes, as it stands in upstream's SuccessfulRescale event.
type Cause uint8

// The causes.
const (
	NoCause Cause = iota
	// AboveTarget: the metric at index Decision.Metric is above its target.
	AboveTarget
	// BelowTarget: all metrics are below their targets.
	BelowTarget
	// AboveMax: there were more replicas than the maximum.
	AboveMax
	// BelowMin: there were fewer replicas than the minimum.
	BelowMin
)

// String returns upstream's words for the cause, without the metric's name.
func (c Cause) String() string { return name(causeNames[:], uint8(c)) }

var causeNames = [...]string{
	NoCause:     "",
	AboveTarget: "metric above target",
	BelowTarget: "All metrics below target",
	AboveMax:    "Current number of replicas above Spec.MaxReplicas",
	BelowMin:    "Current number of replicas below Spec.MinReplicas",
}

// Proposal is what one metric asks for.
type Proposal struct {
	// Replicas asked for. It is undefined if Failure is set.
	Replicas int32
	// Failure is why the metric has no proposal.
	Failure Failure
	// Tolerated says that the proposal is the present number because the ratio was in the dead band.
	Tolerated bool
	// Ratio of the metric to its target, by which the dead band was judged. It counts unready pods and
	// pods without usage where upstream does.
	Ratio float64
	// Current is the value that the status of the object shows, in thousandths: per pod, except for a
	// Value target.
	Current int64
	// Percent is the utilization that the status shows for a Utilization target.
	Percent int32
}

// Failure is why a metric has no proposal.
type Failure uint8

// The failures.
const (
	NoFailure Failure = iota
	// Unavailable: the metrics API gave no answer; Reading.Err says why.
	Unavailable
	// NoPods: the target has no pods, and the metric needs some.
	NoPods
	// NoUsage: none of the pods that count has a usage. They might be unready.
	NoUsage
	// NoRequest: a container states no request of the resource.
	NoRequest
	// ZeroRequest: the requests of the pods with a usage sum to zero.
	ZeroRequest
	// WrongTarget: the metric's type has no such target.
	WrongTarget
)

// String returns the failure in words, "" for NoFailure.
func (f Failure) String() string { return name(failureNames[:], uint8(f)) }

var failureNames = [...]string{
	NoFailure:   "",
	Unavailable: "no metrics returned",
	NoPods:      "the selector matches no pods",
	NoUsage:     "no metrics for the pods that count (they might be unready)",
	NoRequest:   "a container states no request",
	ZeroRequest: "the requests are zero",
	WrongTarget: "the target does not suit the metric",
}
