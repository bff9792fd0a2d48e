package config

import (
	"fmt"
	"path/filepath"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/queueing"
)

// Periods of the loop around a decision that no field sets.
const (
	// DefaultInterval between two decisions equals the HPA's sync period: more often would not be read.
	DefaultInterval = 15 * time.Second
	// HPASyncPeriod is the default of kube-controller-manager (1.37).
	HPASyncPeriod = 15 * time.Second
	// RampAllowance is one further period of the HPA's default scale-up policies (100 % or 4 pods in
	// 15 s), which is what a doubling takes beyond the first step.
	RampAllowance = 15 * time.Second
	// DefaultDrain is chosen by us: a backlog is to be gone within a minute of the replicas serving.
	DefaultDrain = time.Minute
)

// Scaler is a PredictiveScaler, converted.
type Scaler struct {
	Namespace, Name string
	Target          autoscalingv2.CrossVersionObjectReference
	// Settings are complete but for the interval, which may be changed by the caller.
	Settings planner.Settings
	// Model is planner.ModelAuto or a model's name; Refit is how often it is fitted anew.
	Model string
	Refit time.Duration
	// History is how far back the forecast looks.
	History time.Duration
	// Source is where the arrivals come from.
	Source Source
}

// Key identifies the scaler: namespace/name.
func (s Scaler) Key() string { return s.Namespace + "/" + s.Name }

// NewScaler converts a defaulted and validated PredictiveScaler. Relative paths are resolved
// against dir. The error is a *field.Error where a field is to blame.
func NewScaler(p v1alpha1.PredictiveScaler, dir string) (Scaler, error) {
	spec := field.NewPath("spec")
	if p.Spec.Mode == v1alpha1.ModeScale {
		return Scaler{}, field.Invalid(spec.Child("mode"), p.Spec.Mode,
			"a scaler in a file is published only: use Recommend, and create the HPA yourself")
	}
	service := queueing.Service{
		MeanTime: p.Spec.Service.Mean.Duration, Concurrency: int(*p.Spec.Service.Concurrency), SCV: queueing.SCV(*p.Spec.Service.SCV),
	}
	target := queueing.Target{MaxUtilization: *p.Spec.SLO.MaxUtilization}
	if p.Spec.SLO.Latency != nil {
		target.Response = queueing.Quantile{Percentile: *p.Spec.SLO.Percentile, Latency: p.Spec.SLO.Latency.Duration}
	}
	need, err := planner.NewNeedTable(p.Spec.MaxReplicas, service, target)
	if err != nil {
		return Scaler{}, field.Invalid(spec.Child("slo"), sloText(p.Spec.SLO), err.Error())
	}
	s := Scaler{
		Namespace: p.Namespace,
		Name:      p.Name,
		Target:    p.Spec.ScaleTargetRef,
		Model:     p.Spec.Forecast.Model,
		Refit:     p.Spec.Forecast.Refit.Duration,
		Source:    newSource(p.Spec.Arrivals, dir),
		Settings: planner.Settings{
			MinReplicas: *p.Spec.MinReplicas,
			MaxReplicas: p.Spec.MaxReplicas,
			Need:        need,
			Lead: planner.LeadTime{
				Startup: planner.StartupP90(p.Spec.Startup.Mean.Duration, *p.Spec.Startup.SCV),
				HPASync: HPASyncPeriod,
				Ramp:    RampAllowance,
			},
			Interval:       DefaultInterval,
			Quantile:       *p.Spec.Forecast.Quantile,
			EnvelopeWindow: p.Spec.Envelope.Window.Duration,
			EnvelopeFactor: *p.Spec.Envelope.Factor,
			Drain:          DefaultDrain,
			Hysteresis:     *p.Spec.ScaleDown.Hysteresis,
		},
	}
	s.History = s.Source.history()
	if f := p.Spec.Freshness; f.StaleAfter != nil {
		s.Settings.StaleAfter = f.StaleAfter.Duration
	}
	if f := p.Spec.Freshness; f.HoldAfter != nil {
		s.Settings.HoldAfter = f.HoldAfter.Duration
	}
	s.Settings.Calendar = newCalendar(p.Spec.Calendar)
	if err := planner.CheckModel(s.Model); err != nil {
		return Scaler{}, field.Invalid(spec.Child("forecast", "model"), s.Model, err.Error())
	}
	return s, s.Settings.Validate()
}

// sloText shows the objective as it was written.
func sloText(s v1alpha1.SLO) string {
	if s.Latency == nil {
		return fmt.Sprintf("{maxUtilization: %g}", *s.MaxUtilization)
	}
	return fmt.Sprintf("{latency: %s, percentile: %g, maxUtilization: %g}", s.Latency.Duration, *s.Percentile, *s.MaxUtilization)
}

// resolve makes a path relative to the file that names it.
func resolve(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
