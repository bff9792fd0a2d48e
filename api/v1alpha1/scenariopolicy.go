package v1alpha1

import (
	"encoding/json"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
