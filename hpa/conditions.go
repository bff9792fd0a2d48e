package hpa

// Status of a condition.
type Status uint8

// The states of a condition. Upstream's Unknown is never set by the autoscaler.
const (
	// Unset means that the condition is not there.
	Unset Status = iota
	True
	False
)

// String returns the name that the API has for the status, "" for Unset.
func (s Status) String() string { return name(statusNames[:], uint8(s)) }

var statusNames = [...]string{Unset: "", True: "True", False: "False"}

// Reason of a condition.
type Reason uint8

// The reasons of conditions, under the names that the API has for them.
const (
	NoReason Reason = iota

	// Of AbleToScale.
	FailedGetScale
	SucceededGetScale
	ReadyForNewScale
	ScaleUpStabilized
	ScaleDownStabilized
	FailedUpdateScale
	SucceededRescale

	// Of ScalingActive.
	ScalingDisabled
	InvalidSelector
	AmbiguousSelector
	FailedGetExternalMetric
	FailedGetObjectMetric
	FailedGetPodsMetric
	FailedGetResourceMetric
	FailedGetContainerResourceMetric
	ValidMetricFound

	// Of ScalingLimited.
	DesiredWithinRange
	ScaleUpLimit
	ScaleDownLimit
	TooManyReplicas
	TooFewReplicas

	// Of ScaledToZero.
	ScaledToZero
	NotScaledToZero
)

// String returns the name that the API has for the reason, "" for NoReason.
func (r Reason) String() string { return name(reasonNames[:], uint8(r)) }

var reasonNames = [...]string{
	NoReason:                         "",
	FailedGetScale:                   "FailedGetScale",
	SucceededGetScale:                "SucceededGetScale",
	ReadyForNewScale:                 "ReadyForNewScale",
	ScaleUpStabilized:                "ScaleUpStabilized",
	ScaleDownStabilized:              "ScaleDownStabilized",
	FailedUpdateScale:                "FailedUpdateScale",
	SucceededRescale:                 "SucceededRescale",
	ScalingDisabled:                  "ScalingDisabled",
	InvalidSelector:                  "InvalidSelector",
	AmbiguousSelector:                "AmbiguousSelector",
	FailedGetExternalMetric:          "FailedGetExternalMetric",
	FailedGetObjectMetric:            "FailedGetObjectMetric",
	FailedGetPodsMetric:              "FailedGetPodsMetric",
	FailedGetResourceMetric:          "FailedGetResourceMetric",
	FailedGetContainerResourceMetric: "FailedGetContainerResourceMetric",
	ValidMetricFound:                 "ValidMetricFound",
	DesiredWithinRange:               "DesiredWithinRange",
	ScaleUpLimit:                     "ScaleUpLimit",
	ScaleDownLimit:                   "ScaleDownLimit",
	TooManyReplicas:                  "TooManyReplicas",
	TooFewReplicas:                   "TooFewReplicas",
	ScaledToZero:                     "ScaledToZero",
	NotScaledToZero:                  "NotScaledToZero",
}

// failedGet is the reason for which a metric of each type makes ScalingActive false.
var failedGet = [...]Reason{
	External:          FailedGetExternalMetric,
	Object:            FailedGetObjectMetric,
	Pods:              FailedGetPodsMetric,
	Resource:          FailedGetResourceMetric,
	ContainerResource: FailedGetContainerResourceMetric,
}

// Condition of an autoscaler.
type Condition struct {
	Status Status
	Reason Reason
}

// Conditions of an autoscaler. A sync that does not come to a condition leaves it as it was: ScalingActive, say, when the
// replicas are above the maximum and no metric is read.
type Conditions struct {
	// AbleToScale: can the target be scaled, and is the recommendation stabilized?
	AbleToScale Condition
	// ScalingActive: is there a metric to scale on?
	ScalingActive Condition
	// ScalingLimited: is the recommendation outside what policies, minimum and maximum allow?
	ScalingLimited Condition
	// ScaledToZero: was it the autoscaler that scaled the target to zero? If it was not, a target with no
	// replicas is left alone.
	ScaledToZero Condition
}
