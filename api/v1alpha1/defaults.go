package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of a PredictiveScaler.
const (
	// DefaultStep is the usual scrape-and-rate resolution of request metrics.
	DefaultStep = time.Minute
	// DefaultHistory holds two of every weekly season, the least that shows a week repeating.
	DefaultHistory = 14 * 24 * time.Hour
	// DefaultTimeout leaves a query of one page of history time to finish and a decision per
	// HPA sync (15 s) time to be made.
	DefaultTimeout = 10 * time.Second
	// DefaultConcurrency is one request at a time.
	DefaultConcurrency = 1
	// DefaultSCV is the exponential service time of the classic formulas.
	DefaultSCV = 1.0
	// DefaultPercentile is the customary p99.
	DefaultPercentile = 0.99
	// DefaultMaxUtilization keeps the customary reserve of 20 %.
	DefaultMaxUtilization = 0.8
	// DefaultStartup is chosen by us: a container image of a few hundred MB and a model to load.
	DefaultStartup = time.Minute
	// DefaultQuantile is chosen by us: the tuner replaces it by what the workload's own past asks for.
	DefaultQuantile = 0.95
	// DefaultRefit is often enough to follow a drifting day and rare enough to cost nothing.
	DefaultRefit = 6 * time.Hour
	// DefaultEnvelopeWindow is chosen by us: twice the HPA's own scale-down window.
	DefaultEnvelopeWindow = 10 * time.Minute
	// DefaultHysteresis is chosen by us: above the usual noise of a one-minute rate.
	DefaultHysteresis = 0.05
	// DefaultHoldMargin is how long the last forecast is still used once data are stale: the
	// quantiles are calibrated for minutes ahead, not for hours.
	DefaultHoldMargin = 15 * time.Minute
	// ModelAuto lets a backtest choose the model.
	ModelAuto = "auto"
)

// Default fills in every field that was left out. It is idempotent.
func (p *PredictiveScaler) Default() {
	s := &p.Spec
	if p.Namespace == "" {
		p.Namespace = metav1.NamespaceDefault
	}
	setDefault(&s.MinReplicas, 1)
	if s.Arrivals.Prometheus != nil {
		setDefault(&s.Arrivals.Prometheus.Step, metav1.Duration{Duration: DefaultStep})
		setDefault(&s.Arrivals.Prometheus.History, metav1.Duration{Duration: DefaultHistory})
		setDefault(&s.Arrivals.Prometheus.Timeout, metav1.Duration{Duration: DefaultTimeout})
	}
	if s.Arrivals.CSV != nil {
		if s.Arrivals.CSV.Unit == "" {
			s.Arrivals.CSV.Unit = UnitCount
		}
		setDefault(&s.Arrivals.CSV.Scale, 1)
		setDefault(&s.Arrivals.CSV.History, metav1.Duration{Duration: DefaultHistory})
	}
	setDefault(&s.Service.SCV, DefaultSCV)
	setDefault(&s.Service.Concurrency, DefaultConcurrency)
	setDefault(&s.SLO.Percentile, DefaultPercentile)
	setDefault(&s.SLO.MaxUtilization, DefaultMaxUtilization)
	setDefault(&s.Startup.Mean, metav1.Duration{Duration: DefaultStartup})
	setDefault(&s.Startup.SCV, 0)
	if s.Forecast.Model == "" {
		s.Forecast.Model = ModelAuto
	}
	setDefault(&s.Forecast.Quantile, DefaultQuantile)
	setDefault(&s.Forecast.Refit, metav1.Duration{Duration: DefaultRefit})
	setDefault(&s.Envelope.Window, metav1.Duration{Duration: DefaultEnvelopeWindow})
	setDefault(&s.Envelope.Factor, 1)
	setDefault(&s.ScaleDown.Hysteresis, DefaultHysteresis)
	if s.Mode == "" {
		s.Mode = ModeRecommend
	}
}

// setDefault lets *field point to value where it points to nothing.
func setDefault[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
