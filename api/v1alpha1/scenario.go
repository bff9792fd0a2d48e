package v1alpha1

import (
	"bytes"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Scenario is a what-if: a load, a service and the policies that are to scale it. It is a kind of file, read by
// prescale simulate and prescale load; no cluster knows it.
type Scenario struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec ScenarioSpec `json:"spec"`
}

// ScenarioSpec describes a scenario; fields left out take the values that Default gives them.
type ScenarioSpec struct {
	// Duration is the simulated time. Left out, it is the length of the trace.
	Duration *metav1.Duration `json:"duration,omitempty"`
	// Start is the instant at which the scenario begins: the trace's from or its beginning by default, and
	// 2024-01-01T00:00:00Z, a Monday, for patterns. It matters to cron rules, calendars and seasonal forecasts.
	Start *metav1.Time `json:"start,omitempty"`
	// Seed selects the random numbers (1). Equal seeds give equal results.
	Seed *int64 `json:"seed,omitempty"`

	// Arrivals is the offered load.
	Arrivals ScenarioArrivals `json:"arrivals"`
	// History is what policies may know of the time before the scenario; at any simulated instant they
	// see in it and in the load only what lies before. Left out with a trace, it is the trace before from.
	History *ScenarioHistory `json:"history,omitempty"`

	// Service is what one request costs a replica.
	Service ScenarioService `json:"service"`
	// Balancer distributes requests over replicas (leastRequest).
	Balancer Balancer `json:"balancer,omitempty"`
	// Queue bounds what waits.
	Queue ScenarioQueue `json:"queue,omitempty"`
	// Client says how long callers wait and what they do then.
	Client ScenarioClient `json:"client,omitempty"`

	// Startup is the time from the creation of a pod until it serves.
	Startup ScenarioStartup `json:"startup,omitempty"`
	// Failures take capacity away.
	Failures ScenarioFailures `json:"failures,omitempty"`
	// Termination of pods that are scaled in.
	Termination ScenarioTermination `json:"termination,omitempty"`
	// Metrics is how policies see the load.
	Metrics ScenarioMetrics `json:"metrics,omitempty"`

	// Replicas bounds the workload.
	Replicas ScenarioReplicas `json:"replicas"`
	// SLO is what must hold.
	SLO SLO `json:"slo"`
	// Cost prices replicas and violations.
	Cost ScenarioCost `json:"cost,omitempty"`
	// Calendar lists events known beforehand, as floors for the predictive policy.
	Calendar []CalendarEvent `json:"calendar,omitempty"`

	// Policies are compared with each other on the same load and the same random numbers.
	Policies []ScenarioPolicy `json:"policies"`
}

// ScenarioService is what one request costs a replica: a mean service time, or a batching curve instead of it.
type ScenarioService struct {
	// Mean service time of one request, without waiting.
	Mean *metav1.Duration `json:"mean,omitempty"`
	// SCV is its squared coefficient of variation: 0 is constant, 1 exponential (the default).
	SCV *float64 `json:"scv,omitempty"`
	// Concurrency is how many requests, or batches, a replica serves at once without slowing down (1).
	Concurrency *int32 `json:"concurrency,omitempty"`
	// Batching serves requests together, as on a GPU. It replaces mean.
	Batching *Batching `json:"batching,omitempty"`
}

// Batching is dynamic batching: a batch of n requests takes fixed + n × perItem.
type Batching struct {
	// MaxBatch is the largest batch.
	MaxBatch int32 `json:"maxBatch"`
	// MaxDelay is how long the oldest request waits for a batch to fill (0s: what waits is taken at once).
	MaxDelay *metav1.Duration `json:"maxDelay,omitempty"`
	// Fixed is the cost of a batch, PerItem that of every request in it.
	Fixed   metav1.Duration `json:"fixed"`
	PerItem metav1.Duration `json:"perItem"`
}

// Balancer distributes requests. In a file it is the name of a strategy or a mapping.
type Balancer struct {
	// Strategy is random, roundRobin, powerOfTwo, leastRequest (the default) or centralQueue.
	Strategy string `json:"strategy"`
	// Staleness is the age of the queue lengths that powerOfTwo and leastRequest go by (0s).
	Staleness *metav1.Duration `json:"staleness,omitempty"`
	// Clients is the number of balancers that do not know of each other, such as sidecars (1).
	Clients *int32 `json:"clients,omitempty"`
}

// The strategies.
const (
	BalanceRandom       = "random"
	BalanceRoundRobin   = "roundRobin"
	BalancePowerOfTwo   = "powerOfTwo"
	BalanceLeastRequest = "leastRequest"
	BalanceCentralQueue = "centralQueue"
)

// UnmarshalJSON reads a strategy's name or a mapping.
func (b *Balancer) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.Strategy)
	}
	type plain Balancer
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode((*plain)(b))
}

// ScenarioQueue bounds what waits.
type ScenarioQueue struct {
	// MaxPerReplica is how many requests may wait at a replica; more are refused (no bound; 0 lets none wait). With centralQueue
	// it bounds the common queue at so many per ready replica.
	MaxPerReplica *int32 `json:"maxPerReplica,omitempty"`
}

// ScenarioClient is the caller.
type ScenarioClient struct {
	// Timeout after which a caller gives up, while the replica works on (none).
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// Retries is how often a failed or timed-out call is tried again (0).
	Retries *int32 `json:"retries,omitempty"`
	// Backoff is the mean pause before the first retry; it doubles from retry to retry and is spread
	// over 50 % to 150 % (100ms).
	Backoff *metav1.Duration `json:"backoff,omitempty"`
	// RetryBudget bounds the retries of all callers together to this share of their first attempts (no bound).
	RetryBudget *float64 `json:"retryBudget,omitempty"`
	// CancelOnTimeout withdraws a call that still waits when its caller gives up (false).
	CancelOnTimeout bool `json:"cancelOnTimeout,omitempty"`
}

// ScenarioStartup is the time from the creation of a pod until it serves: one distribution, or phases one after
// another.
type ScenarioStartup struct {
	// Mean and SCV of the whole (60s, 0).
	Mean *metav1.Duration `json:"mean,omitempty"`
	SCV  *float64         `json:"scv,omitempty"`
	// Phases replaces mean and scv.
	Phases *StartupPhases `json:"phases,omitempty"`
	// Warmup slows a young replica down.
	Warmup *Warmup `json:"warmup,omitempty"`
}

// StartupPhases are the parts of a pod's start. A phase left out takes no time.
type StartupPhases struct {
	// Schedule is the time until the pod is bound to a node.
	Schedule *Phase `json:"schedule,omitempty"`
	// Node is the time until there is a node for it.
	Node *NodePhase `json:"node,omitempty"`
	// Pull is the time to fetch the image.
	Pull *Phase `json:"pull,omitempty"`
	// Load is the time to start the program and load the model.
	Load *Phase `json:"load,omitempty"`
	// Readiness is the time from then until endpoints know.
	Readiness *Phase `json:"readiness,omitempty"`
}

// Phase is a gamma-distributed time.
type Phase struct {
	Mean metav1.Duration `json:"mean"`
	SCV  *float64        `json:"scv,omitempty"`
}

// NodePhase is a mixture: a pod finds a free place on a node, or waits for a node to be provisioned; and no more pods
// than a quota run at all.
type NodePhase struct {
	// Free is the probability of a free place (0).
	Free float64 `json:"free,omitempty"`
	// Provision is the time until a further node is ready.
	Provision Phase `json:"provision"`
	// Quota is the most pods that have a place at the same time (no bound).
	Quota *int32 `json:"quota,omitempty"`
}

// Warmup slows a young replica down.
type Warmup struct {
	// Duration from readiness on.
	Duration metav1.Duration `json:"duration"`
	// Slowdown is the factor on service times during it.
	Slowdown float64 `json:"slowdown"`
}

// ScenarioFailures take capacity away without being asked.
type ScenarioFailures struct {
	// PodMTBF is the mean time between failures of one pod, which then restarts (never).
	PodMTBF *metav1.Duration `json:"podMTBF,omitempty"`
	// SpotEviction takes pods away for good; replacements are started.
	SpotEviction *SpotEviction `json:"spotEviction,omitempty"`
}

// SpotEviction of pods on interruptible nodes.
type SpotEviction struct {
	// Rate is the number of evictions per replica and hour.
	Rate float64 `json:"rate"`
	// Notice is the time between the warning, when the pod begins to drain, and its end (30s).
	Notice *metav1.Duration `json:"notice,omitempty"`
}

// ScenarioTermination of pods.
type ScenarioTermination struct {
	// Grace is the time that a pod has to finish what it has accepted (30s).
	Grace *metav1.Duration `json:"grace,omitempty"`
	// EndpointLag is how long balancers go on sending to it (0s).
	EndpointLag *metav1.Duration `json:"endpointLag,omitempty"`
}

// ScenarioMetrics is the path from a request to the number that a policy sees.
type ScenarioMetrics struct {
	// ScrapeInterval between two readings of the counters (15s).
	ScrapeInterval *metav1.Duration `json:"scrapeInterval,omitempty"`
	// RateWindow over which rates are taken (1m).
	RateWindow *metav1.Duration `json:"rateWindow,omitempty"`
	// Delay until a reading can be queried (0s).
	Delay *metav1.Duration `json:"delay,omitempty"`
}

// ScenarioReplicas bounds the workload.
type ScenarioReplicas struct {
	// Initial replicas are ready when the scenario begins (min).
	Initial *int32 `json:"initial,omitempty"`
	// Min and Max bound every policy (1; required).
	Min *int32 `json:"min,omitempty"`
	Max int32  `json:"max"`
}

// ScenarioCost prices replicas and violations.
type ScenarioCost struct {
	// ReplicaHour is the price of one replica for an hour (1).
	ReplicaHour *float64 `json:"replicaHour,omitempty"`
	// Violation is the price w of the requests that violate the SLO, in the replica-hours that it would
	// have taken to serve them at the utilization cap (30).
	Violation *float64 `json:"violation,omitempty"`
}
