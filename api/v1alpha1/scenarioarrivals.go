package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
