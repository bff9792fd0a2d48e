package v1alpha1

import (
	"bytes"
	"encoding/json"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
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

// ScenarioArrivals is the offered load: a recorded trace, or patterns that are added up.
type ScenarioArrivals struct {
	// Trace plays a recorded load.
	Trace *ScenarioTrace `json:"trace,omitempty"`
	// Pattern is a list of loads that are summed.
	Pattern []Pattern `json:"pattern,omitempty"`
	// Process is how irregular arrivals are: regular, poisson (the default), gamma, mmpp or overdispersed.
	Process string `json:"process,omitempty"`
	// Burstiness holds the parameters of the processes gamma, mmpp and overdispersed.
	Burstiness Burstiness `json:"burstiness,omitempty"`
}

// The processes.
const (
	ProcessRegular       = "regular"
	ProcessPoisson       = "poisson"
	ProcessGamma         = "gamma"
	ProcessMMPP          = "mmpp"
	ProcessOverdispersed = "overdispersed"
)

// Burstiness holds the parameters of a process; those of other processes must be left out.
type Burstiness struct {
	// SCV is the squared coefficient of variation of the intervals, for gamma (4).
	SCV *float64 `json:"scv,omitempty"`
	// Share of the time in a burst, for mmpp (0.1).
	Share *float64 `json:"share,omitempty"`
	// Ratio of the rate in a burst to that outside of it, for mmpp (5).
	Ratio *float64 `json:"ratio,omitempty"`
	// Period is the mean length of a burst, for mmpp (10s), or the time for which a random factor holds, for
	// overdispersed (the step of the trace, or 1m).
	Period *metav1.Duration `json:"period,omitempty"`
	// RelativeVariance of the random factor, for overdispersed. Left out, it is fitted from the trace or the history.
	RelativeVariance *float64 `json:"relativeVariance,omitempty"`
}

// ScenarioTrace is a recorded load from a CSV file with the header timestamp,value. Within a bucket the rate is
// constant; missing buckets are bridged linearly and not judged.
type ScenarioTrace struct {
	// File is the path, relative to the scenario's file.
	File string `json:"file"`
	// From is where in the trace the scenario begins (its beginning).
	From *metav1.Time `json:"from,omitempty"`
	// Unit is count (requests in the bucket; the default) or rate (requests per second).
	Unit string `json:"unit,omitempty"`
	// Scale multiplies every value (1).
	Scale *float64 `json:"scale,omitempty"`
	// Speed plays the trace faster at the same rates (1).
	Speed *float64 `json:"speed,omitempty"`
}

// ScenarioHistory is the load before the scenario: recorded, or drawn from patterns with the process of the arrivals.
type ScenarioHistory struct {
	// File is the path, relative to the scenario's file.
	File string `json:"file,omitempty"`
	// Unit is count (requests in the bucket; the default) or rate (requests per second), for a file.
	Unit string `json:"unit,omitempty"`
	// Scale multiplies every value of a file (1).
	Scale *float64 `json:"scale,omitempty"`
	// Pattern is a list of loads that are summed. Their times count from the beginning of the history.
	Pattern []Pattern `json:"pattern,omitempty"`
	// Duration (336h) and Step (1m) of a history of patterns, which ends when the scenario begins.
	Duration *metav1.Duration `json:"duration,omitempty"`
	Step     *metav1.Duration `json:"step,omitempty"`
}

// Pattern is one summand of the load. Exactly one field is set.
type Pattern struct {
	Constant   *ConstantPattern   `json:"constant,omitempty"`
	Diurnal    *DiurnalPattern    `json:"diurnal,omitempty"`
	FlashCrowd *FlashCrowdPattern `json:"flashCrowd,omitempty"`
	Step       *StepPattern       `json:"step,omitempty"`
	Ramp       *RampPattern       `json:"ramp,omitempty"`
}

// ConstantPattern is a constant rate.
type ConstantPattern struct {
	// Rate in requests per second.
	Rate float64 `json:"rate"`
}

// DiurnalPattern is a raised cosine from 0 to the amplitude and back.
type DiurnalPattern struct {
	// Amplitude is the rate at the peak in requests per second.
	Amplitude float64 `json:"amplitude"`
	// Period of the swing (24h).
	Period *metav1.Duration `json:"period,omitempty"`
	// Peak is the time of the peak within the period (half of it).
	Peak *metav1.Duration `json:"peak,omitempty"`
}

// FlashCrowdPattern is a linear rise and an exponential decay.
type FlashCrowdPattern struct {
	// At is when the rise begins.
	At metav1.Duration `json:"at"`
	// Peak is the highest rate in requests per second.
	Peak float64 `json:"peak"`
	// Rise is the length of the rise (1m), Decay the time in which the crowd then falls to 37 % (1h).
	Rise  *metav1.Duration `json:"rise,omitempty"`
	Decay *metav1.Duration `json:"decay,omitempty"`
	// Every repeats it from the beginning with this period, such as 24h (once).
	Every *metav1.Duration `json:"every,omitempty"`
}

// StepPattern is a rate from one instant on.
type StepPattern struct {
	// At is the instant.
	At metav1.Duration `json:"at"`
	// Rate in requests per second.
	Rate float64 `json:"rate"`
	// For is how long it lasts (to the end).
	For *metav1.Duration `json:"for,omitempty"`
	// Every repeats it from the beginning with this period, such as 24h (once).
	Every *metav1.Duration `json:"every,omitempty"`
}

// RampPattern rises to a rate, holds it, and falls back.
type RampPattern struct {
	// At is when the rise begins.
	At metav1.Duration `json:"at"`
	// Rate of the plateau in requests per second.
	Rate float64 `json:"rate"`
	// Rise is the length of the rise.
	Rise metav1.Duration `json:"rise"`
	// Hold is the length of the plateau (to the end), Fall that of the fall after it (0s).
	Hold *metav1.Duration `json:"hold,omitempty"`
	Fall *metav1.Duration `json:"fall,omitempty"`
	// Every repeats it from the beginning with this period, such as 24h (once).
	Every *metav1.Duration `json:"every,omitempty"`
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

// ScenarioPolicy decides on replicas. Exactly one kind is set.
type ScenarioPolicy struct {
	Name string `json:"name"`

	// Predictive is prescale.
	Predictive *PredictivePolicy `json:"predictive,omitempty"`
	// Reactive is the HPA on the request rate or on utilization.
	Reactive *ReactivePolicy `json:"reactive,omitempty"`
	// SquareRoot is a KEDA query that adds a safety margin of the order of the root of the load.
	SquareRoot *SquareRootPolicy `json:"squareRoot,omitempty"`
	// Linear is a KEDA query in proportion to the rate, or to the highest rate of late.
	Linear *LinearPolicy `json:"linear,omitempty"`
	// Knative is the Knative pod autoscaler with its stable and panic windows.
	Knative *KnativePolicy `json:"knative,omitempty"`
	// Cron sets replicas by the clock.
	Cron []CronRule `json:"cron,omitempty"`
	// SeasonalNaive takes the load of the same time last week.
	SeasonalNaive *SeasonalNaivePolicy `json:"seasonalNaive,omitempty"`
	// HoltWinters forecasts replicas, as PredictiveHorizontalPodAutoscaler does.
	HoltWinters *HoltWintersPolicy `json:"holtWinters,omitempty"`
	// SLOLaw scales by measured latency over the objective, as llm-d does.
	SLOLaw *SLOLawPolicy `json:"sloLaw,omitempty"`
	// Oracle knows the future: a bound for all others.
	Oracle *OraclePolicy `json:"oracle,omitempty"`
	// Fixed never scales.
	Fixed *FixedPolicy `json:"fixed,omitempty"`

	// Behavior of the HPA that carries the policy out; it replaces what the kind sets.
	Behavior *autoscalingv2.HorizontalPodAutoscalerBehavior `json:"behavior,omitempty"`
	// Sweep tries every combination of values for fields of the kind.
	Sweep map[string][]SweepValue `json:"sweep,omitempty"`
}

// PredictivePolicy is prescale's own law; the fields are those of a PredictiveScaler.
type PredictivePolicy struct {
	Forecast  Forecast  `json:"forecast,omitempty"`
	Envelope  Envelope  `json:"envelope,omitempty"`
	ScaleDown ScaleDown `json:"scaleDown,omitempty"`
	// Stabilization of the HPA's scale-down (0s: the planner holds replicas itself).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
}

// ReactivePolicy is a plain HPA.
type ReactivePolicy struct {
	// Metric is rate (requests per second and replica) or utilization (share of busy time).
	Metric string `json:"metric"`
	// Target per replica.
	Target float64 `json:"target"`
	// Stabilization of scale-down (300s).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
	// Tolerance is the dead band around the target in both directions (0.1).
	Tolerance *float64 `json:"tolerance,omitempty"`
}

// The metrics of a reactive policy.
const (
	MetricRate        = "rate"
	MetricUtilization = "utilization"
)

// SquareRootPolicy asks for scale × a + beta × √a servers at an offered load of a erlangs.
type SquareRootPolicy struct {
	// Scale of the load (1).
	Scale *float64 `json:"scale,omitempty"`
	// Beta is the margin (1).
	Beta *float64 `json:"beta,omitempty"`
	// Stabilization of scale-down (300s).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
}

// LinearPolicy asks for rate / perReplica + spare replicas.
type LinearPolicy struct {
	// PerReplica is the rate of one replica in requests per second (what it carries at the utilization cap).
	PerReplica *float64 `json:"perReplica,omitempty"`
	// Spare replicas are kept on top (0).
	Spare *float64 `json:"spare,omitempty"`
	// Window takes the highest rate of so long, as max_over_time does (0s: the newest).
	Window *metav1.Duration `json:"window,omitempty"`
	// Stabilization of scale-down (300s).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
}

// KnativePolicy has Knative's own constants by default.
type KnativePolicy struct {
	// TargetUtilization is the share of a replica's concurrency that should be in use (0.7).
	TargetUtilization *float64 `json:"targetUtilization,omitempty"`
	// StableWindow (60s), and PanicWindowPercentage of it (10).
	StableWindow          *metav1.Duration `json:"stableWindow,omitempty"`
	PanicWindowPercentage *float64         `json:"panicWindowPercentage,omitempty"`
	// PanicThreshold is the ratio of wanted to ready replicas that starts a panic (2).
	PanicThreshold *float64 `json:"panicThreshold,omitempty"`
}

// CronRule sets the number of replicas from an instant on, until the next rule does.
type CronRule struct {
	// Schedule has five fields: minute, hour, day of month, month, day of week.
	Schedule string `json:"schedule"`
	// TimeZone by its IANA name (UTC).
	TimeZone string `json:"timeZone,omitempty"`
	// Replicas from then on.
	Replicas int32 `json:"replicas"`
}

// SeasonalNaivePolicy plans for the highest load around the same time of last week.
type SeasonalNaivePolicy struct {
	// Headroom multiplies it (1.2).
	Headroom *float64 `json:"headroom,omitempty"`
	// Season is how long ago (168h), Period how far from then it looks (30m).
	Season *metav1.Duration `json:"season,omitempty"`
	Period *metav1.Duration `json:"period,omitempty"`
	// Stabilization of scale-down (300s).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
}

// HoltWintersPolicy smooths the replica count that a reactive HPA would want.
type HoltWintersPolicy struct {
	// Alpha, Beta and Gamma smooth level, trend and season (0.3, 0.01, 0.3).
	Alpha *float64 `json:"alpha,omitempty"`
	Beta  *float64 `json:"beta,omitempty"`
	Gamma *float64 `json:"gamma,omitempty"`
	// Season is the length of the season (24h), Interval the time between samples (1m).
	Season   *metav1.Duration `json:"season,omitempty"`
	Interval *metav1.Duration `json:"interval,omitempty"`
	// Target is the rate per replica that the reactive count aims at (what one carries at the utilization cap).
	Target *float64 `json:"target,omitempty"`
	// Stabilization of scale-down (300s).
	Stabilization *metav1.Duration `json:"stabilization,omitempty"`
}

// SLOLawPolicy has llm-d's constants by default.
type SLOLawPolicy struct {
	// Up and Down are the shares of the latency objective above and below which replicas are added and
	// removed (0.55, 0.40).
	Up   *float64 `json:"up,omitempty"`
	Down *float64 `json:"down,omitempty"`
	// Window of the latency (45s).
	Window *metav1.Duration `json:"window,omitempty"`
}

// OraclePolicy knows the arrivals.
type OraclePolicy struct {
	// Budget is the share of minutes that may violate the SLO (1 - percentile, which 0 stands for).
	Budget *float64 `json:"budget,omitempty"`
}

// FixedPolicy is a constant number.
type FixedPolicy struct {
	Replicas int32 `json:"replicas"`
}

// SweepValue is a number or a duration.
type SweepValue struct {
	// Duration is set where the text is a duration, else Number is.
	Duration *metav1.Duration
	Number   float64
}

// UnmarshalJSON reads a number, or a string with a duration.
func (v *SweepValue) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		v.Duration = new(metav1.Duration)
		return v.Duration.UnmarshalJSON(data)
	}
	return json.Unmarshal(data, &v.Number)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (v SweepValue) MarshalJSON() ([]byte, error) {
	if v.Duration != nil {
		return v.Duration.MarshalJSON()
	}
	return json.Marshal(v.Number)
}

// String shows the value as it is written in a file.
func (v SweepValue) String() string {
	if v.Duration != nil {
		return v.Duration.Duration.String()
	}
	return fmt.Sprint(v.Number)
}
