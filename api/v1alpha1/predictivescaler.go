package v1alpha1

import (
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// PredictiveScaler asks for one workload to be sized ahead of its load. Twelve lines make a
// useful one: what to scale and between which bounds, where its arrivals are counted, how long
// one request takes, and the latency to keep.
type PredictiveScaler struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec PredictiveScalerSpec `json:"spec"`
}

// PredictiveScalerSpec is the wish; fields left out take the values that Default gives them.
type PredictiveScalerSpec struct {
	// ScaleTargetRef names the workload, as an HPA does. It must have a scale subresource.
	ScaleTargetRef autoscalingv2.CrossVersionObjectReference `json:"scaleTargetRef"`

	// MinReplicas and MaxReplicas bound every recommendation. MinReplicas is 1 by default.
	MinReplicas *int32 `json:"minReplicas,omitempty"`
	MaxReplicas int32  `json:"maxReplicas"`

	// Arrivals says where the offered request rate is read from. Exactly one source is set.
	Arrivals Arrivals `json:"arrivals"`

	// Service describes how long one request occupies a replica.
	Service Service `json:"service"`

	// SLO is what must hold: a latency quantile, a utilization cap, or both.
	SLO SLO `json:"slo,omitempty"`

	// Startup is the time from the creation of a pod until it is Ready.
	Startup Startup `json:"startup,omitempty"`

	// Forecast chooses the model and how cautious the recommendation is.
	Forecast Forecast `json:"forecast,omitempty"`

	// Envelope keeps capacity for the highest rate of the recent past.
	Envelope Envelope `json:"envelope,omitempty"`

	// ScaleDown says how reluctantly replicas are given back.
	ScaleDown ScaleDown `json:"scaleDown,omitempty"`

	// Calendar lists known events as floors: at least so many replicas from one instant to another.
	Calendar []CalendarEvent `json:"calendar,omitempty"`

	// Freshness says how old data may be before they are no longer acted on.
	Freshness Freshness `json:"freshness,omitempty"`

	// Mode is Recommend (publish and explain, touch nothing; the default) or Scale (also create
	// and own the HPA).
	Mode Mode `json:"mode,omitempty"`
}

// Mode says what prescale does beside publishing its number.
type Mode string

// The modes.
const (
	ModeRecommend Mode = "Recommend"
	ModeScale     Mode = "Scale"
)

// Arrivals is the source of the offered request rate: a count taken in front of the workload
// (ingress, gateway, including requests that were refused), since the served rate is censored
// at saturation.
type Arrivals struct {
	Prometheus *PrometheusSource `json:"prometheus,omitempty"`
	CSV        *CSVSource        `json:"csv,omitempty"`
}

// PrometheusSource reads the rate from a Prometheus-compatible server.
type PrometheusSource struct {
	// URL is the server's base address. Left out, the --prometheus flag of the command is used.
	URL string `json:"url,omitempty"`
	// Query is a PromQL expression that yields exactly one series of requests per second.
	Query string `json:"query"`
	// Step is the resolution at which the query is evaluated (1m).
	Step *metav1.Duration `json:"step,omitempty"`
	// History is how far back the forecast may look (336h, two weeks).
	History *metav1.Duration `json:"history,omitempty"`
	// Timeout bounds one request to the server (10s).
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// BearerTokenFile holds a token that is read again at every request.
	BearerTokenFile string `json:"bearerTokenFile,omitempty"`
	// BasicAuth authenticates by name and password.
	BasicAuth *BasicAuth `json:"basicAuth,omitempty"`
	// TLS configures verification and client certificates.
	TLS *TLS `json:"tls,omitempty"`
	// Headers are sent with every request, for example a tenant.
	Headers map[string]string `json:"headers,omitempty"`
}

// BasicAuth is a user name and the file that holds the password.
type BasicAuth struct {
	Username     string `json:"username"`
	PasswordFile string `json:"passwordFile"`
}

// TLS names the files that secure a connection.
type TLS struct {
	CAFile             string `json:"caFile,omitempty"`
	CertFile           string `json:"certFile,omitempty"`
	KeyFile            string `json:"keyFile,omitempty"`
	ServerName         string `json:"serverName,omitempty"`
	InsecureSkipVerify bool   `json:"insecureSkipVerify,omitempty"`
}

// CSVSource reads the rate from a file with the header timestamp,value.
type CSVSource struct {
	// File is the path, relative to the file that names it.
	File string `json:"file"`
	// Unit is count (requests in the bucket; the default) or rate (requests per second).
	Unit string `json:"unit,omitempty"`
	// Scale multiplies every value (1).
	Scale *float64 `json:"scale,omitempty"`
	// Step is the bucket length. Left out, it is inferred from the timestamps.
	Step *metav1.Duration `json:"step,omitempty"`
	// History is how far back the forecast may look (336h, two weeks).
	History *metav1.Duration `json:"history,omitempty"`
}

// Service is the time that one request takes on a replica.
type Service struct {
	// Mean is the mean service time of one request, without waiting.
	Mean metav1.Duration `json:"mean"`
	// SCV is the squared coefficient of variation of the service time, its variance over its
	// squared mean: 0 is constant, 1 exponential (the default), 10 the most.
	SCV *float64 `json:"scv,omitempty"`
	// Concurrency is how many requests one replica serves at once without slowing down (1).
	Concurrency *int32 `json:"concurrency,omitempty"`
}

// SLO is the service level objective.
type SLO struct {
	// Latency is the response time (waiting and service) that the Percentile of requests must
	// not exceed. Left out, only the utilization cap sizes the workload.
	Latency *metav1.Duration `json:"latency,omitempty"`
	// Percentile is the share of requests that keep the latency (0.99).
	Percentile *float64 `json:"percentile,omitempty"`
	// MaxUtilization caps the share of time a replica is busy (0.8).
	MaxUtilization *float64 `json:"maxUtilization,omitempty"`
}

// Startup is the distribution of the time from a pod's creation until it is Ready.
type Startup struct {
	// Mean of the start-up time (60s).
	Mean *metav1.Duration `json:"mean,omitempty"`
	// SCV is its squared coefficient of variation (0, always the mean). The planner uses the 90th
	// percentile of the gamma distribution with this mean and scv.
	SCV *float64 `json:"scv,omitempty"`
}

// Forecast chooses the forecast.
type Forecast struct {
	// Model is auto (the default: chosen by backtest) or the name of one candidate.
	Model string `json:"model,omitempty"`
	// Quantile of the highest rate over the lead window that capacity is planned for (0.95).
	Quantile *float64 `json:"quantile,omitempty"`
	// Refit is how often the model is chosen and fitted anew (6h). In between it is updated with
	// every new value.
	Refit *metav1.Duration `json:"refit,omitempty"`
}

// Envelope keeps capacity for Factor times the highest rate observed over the last Window.
type Envelope struct {
	// Window is how far back the highest rate is looked for (10m); 0s switches the envelope off.
	Window *metav1.Duration `json:"window,omitempty"`
	// Factor multiplies that rate (1).
	Factor *float64 `json:"factor,omitempty"`
}

// ScaleDown says how reluctantly replicas are given back.
type ScaleDown struct {
	// Hysteresis is the margin, as a share of the rate, that must remain after replicas are given
	// back (0.05), so that noise does not move the number up and down.
	Hysteresis *float64 `json:"hysteresis,omitempty"`
}

// CalendarEvent is a floor: at least Replicas from From (inclusive) to To (exclusive).
type CalendarEvent struct {
	Name     string      `json:"name,omitempty"`
	From     metav1.Time `json:"from"`
	To       metav1.Time `json:"to"`
	Replicas int32       `json:"replicas"`
}

// Freshness says how old the newest data may be.
type Freshness struct {
	// StaleAfter is the age from which data count as stale: the last forecast is then used, never
	// below what runs (three steps and one minute).
	StaleAfter *metav1.Duration `json:"staleAfter,omitempty"`
	// HoldAfter is the age from which the last forecast is not used either: the metric API answers
	// 503, so that the HPA keeps what runs (StaleAfter and 15 minutes).
	HoldAfter *metav1.Duration `json:"holdAfter,omitempty"`
}
