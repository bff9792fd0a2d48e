package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Defaults of a Scenario. Those of the metric path and of the HPA are Kubernetes's and Prometheus's own.
const (
	DefaultSeed           = 1
	DefaultScrapeInterval = 15 * time.Second
	DefaultRateWindow     = time.Minute
	DefaultGrace          = 30 * time.Second // Kubernetes's terminationGracePeriodSeconds
	DefaultSpotNotice     = 30 * time.Second // the shortest of the large clouds
	DefaultBackoff        = 100 * time.Millisecond
	DefaultStabilization  = 5 * time.Minute // kube-controller-manager's for scale-down
	DefaultTolerance      = 0.1             // kube-controller-manager's
	DefaultHeadroom       = 1.2             // chosen by us
	// DefaultViolation is the middle one of the three prices that results are printed for.
	DefaultViolation = 30.0
)

// DefaultScenarioStart is a Monday, for patterns without a date.
var DefaultScenarioStart = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// Default fills in every field that was left out. It is idempotent.
func (s *Scenario) Default() {
	p := &s.Spec
	setDefault(&p.Seed, DefaultSeed)
	p.Arrivals.setDefaults()
	if h := p.History; h != nil && len(h.Pattern) > 0 {
		setPatternDefaults(h.Pattern)
		setDuration(&h.Duration, DefaultHistory)
		setDuration(&h.Step, DefaultStep)
	} else if h != nil {
		setText(&h.Unit, UnitCount)
		setDefault(&h.Scale, 1)
	}
	p.Service.setDefaults()
	setText(&p.Balancer.Strategy, BalanceLeastRequest)
	setDuration(&p.Balancer.Staleness, 0)
	setDefault(&p.Balancer.Clients, 1)
	setDefault(&p.Client.Retries, 0)
	setDuration(&p.Client.Backoff, DefaultBackoff)
	p.Startup.setDefaults()
	if e := p.Failures.SpotEviction; e != nil {
		setDuration(&e.Notice, DefaultSpotNotice)
	}
	setDuration(&p.Termination.Grace, DefaultGrace)
	setDuration(&p.Termination.EndpointLag, 0)
	setDuration(&p.Metrics.ScrapeInterval, DefaultScrapeInterval)
	setDuration(&p.Metrics.RateWindow, DefaultRateWindow)
	setDuration(&p.Metrics.Delay, 0)
	setDefault(&p.Replicas.Min, 1)
	setDefault(&p.Replicas.Initial, *p.Replicas.Min)
	setDefault(&p.SLO.Percentile, DefaultPercentile)
	setDefault(&p.SLO.MaxUtilization, DefaultMaxUtilization)
	setDefault(&p.Cost.ReplicaHour, 1)
	setDefault(&p.Cost.Violation, DefaultViolation)
	for i := range p.Policies {
		p.Policies[i].setDefaults()
	}
}

func (a *ScenarioArrivals) setDefaults() {
	setText(&a.Process, ProcessPoisson)
	if a.Trace != nil {
		setText(&a.Trace.Unit, UnitCount)
		setDefault(&a.Trace.Scale, 1)
		setDefault(&a.Trace.Speed, 1)
	}
	setPatternDefaults(a.Pattern)
	b := &a.Burstiness
	switch a.Process {
	case ProcessGamma:
		setDefault(&b.SCV, 4)
	case ProcessMMPP:
		setDefault(&b.Share, 0.1)
		setDefault(&b.Ratio, 5)
		setDuration(&b.Period, 10*time.Second)
	}
}

func setPatternDefaults(list []Pattern) {
	for i := range list {
		switch p := &list[i]; {
		case p.Diurnal != nil:
			setDuration(&p.Diurnal.Period, 24*time.Hour)
			setDuration(&p.Diurnal.Peak, p.Diurnal.Period.Duration/2)
		case p.FlashCrowd != nil:
			setDuration(&p.FlashCrowd.Rise, time.Minute)
			setDuration(&p.FlashCrowd.Decay, time.Hour)
		case p.Ramp != nil && p.Ramp.Hold != nil:
			setDuration(&p.Ramp.Fall, 0)
		}
	}
}

func (s *ScenarioService) setDefaults() {
	if s.Batching == nil {
		setDefault(&s.SCV, DefaultSCV)
	} else {
		setDefault(&s.SCV, 0)
		setDuration(&s.Batching.MaxDelay, 0)
	}
	setDefault(&s.Concurrency, DefaultConcurrency)
}

func (s *ScenarioStartup) setDefaults() {
	if s.Phases == nil {
		setDuration(&s.Mean, DefaultStartup)
		setDefault(&s.SCV, 0)
		return
	}
	phases := []*Phase{s.Phases.Schedule, s.Phases.Pull, s.Phases.Load, s.Phases.Readiness}
	if n := s.Phases.Node; n != nil {
		phases = append(phases, &n.Provision)
	}
	for _, phase := range phases {
		if phase != nil {
			setDefault(&phase.SCV, 0)
		}
	}
}

func (p *ScenarioPolicy) setDefaults() {
	switch {
	case p.Predictive != nil:
		q := p.Predictive
		setText(&q.Forecast.Model, ModelAuto)
		setDefault(&q.Forecast.Quantile, DefaultQuantile)
		setDuration(&q.Forecast.Refit, DefaultRefit)
		setDuration(&q.Envelope.Window, DefaultEnvelopeWindow)
		setDefault(&q.Envelope.Factor, 1)
		setDefault(&q.ScaleDown.Hysteresis, DefaultHysteresis)
		setDuration(&q.Stabilization, 0)
	case p.Reactive != nil:
		setDuration(&p.Reactive.Stabilization, DefaultStabilization)
		setDefault(&p.Reactive.Tolerance, DefaultTolerance)
	case p.SquareRoot != nil:
		setDefault(&p.SquareRoot.Scale, 1)
		setDefault(&p.SquareRoot.Beta, 1)
		setDuration(&p.SquareRoot.Stabilization, DefaultStabilization)
	case p.Linear != nil:
		setDefault(&p.Linear.Spare, 0)
		setDuration(&p.Linear.Window, 0)
		setDuration(&p.Linear.Stabilization, DefaultStabilization)
	case p.Knative != nil:
		setDefault(&p.Knative.TargetUtilization, 0.7)
		setDuration(&p.Knative.StableWindow, 60*time.Second)
		setDefault(&p.Knative.PanicWindowPercentage, 10)
		setDefault(&p.Knative.PanicThreshold, 2)
	case p.SeasonalNaive != nil:
		setDefault(&p.SeasonalNaive.Headroom, DefaultHeadroom)
		setDuration(&p.SeasonalNaive.Season, 7*24*time.Hour)
		setDuration(&p.SeasonalNaive.Period, 30*time.Minute)
		setDuration(&p.SeasonalNaive.Stabilization, DefaultStabilization)
	case p.HoltWinters != nil:
		setDefault(&p.HoltWinters.Alpha, 0.3)
		setDefault(&p.HoltWinters.Beta, 0.01)
		setDefault(&p.HoltWinters.Gamma, 0.3)
		setDuration(&p.HoltWinters.Season, 24*time.Hour)
		setDuration(&p.HoltWinters.Interval, time.Minute)
		setDuration(&p.HoltWinters.Stabilization, DefaultStabilization)
	case p.SLOLaw != nil:
		setDefault(&p.SLOLaw.Up, 0.55)
		setDefault(&p.SLOLaw.Down, 0.40)
		setDuration(&p.SLOLaw.Window, 45*time.Second)
	case p.Oracle != nil:
		setDefault(&p.Oracle.Budget, 0)
	}
}

func setDuration(field **metav1.Duration, value time.Duration) {
	setDefault(field, metav1.Duration{Duration: value})
}

func setText(field *string, value string) {
	if *field == "" {
		*field = value
	}
}
