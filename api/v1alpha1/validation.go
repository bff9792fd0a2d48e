package v1alpha1

import (
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// The units of a CSV source.
const (
	UnitCount = "count"
	UnitRate  = "rate"
)

// MaxReplicasLimit bounds maxReplicas, and with it the table of replicas that is computed for
// every scaler.
const MaxReplicasLimit = 10000

// MaxGeneralServers bounds the servers of a workload whose service times are not exponential: computing
// its table takes about a second for 200 servers and grows with the square.
const MaxGeneralServers = 400

// Validate reports every field that does not make sense, with its value and what is allowed.
// It expects a defaulted object. What needs queueing formulas to be seen (a latency below the
// service time) is checked where the formulas are.
func (p *PredictiveScaler) Validate() field.ErrorList {
	var errs field.ErrorList
	meta := field.NewPath("metadata")
	if p.Name == "" {
		errs = append(errs, field.Required(meta.Child("name"), "the scaler's name is the value of the metric selector scaler=<name>"))
	} else {
		for _, msg := range validation.IsValidLabelValue(p.Name) {
			errs = append(errs, field.Invalid(meta.Child("name"), p.Name, msg))
		}
	}
	for _, msg := range validation.IsDNS1123Label(p.Namespace) {
		errs = append(errs, field.Invalid(meta.Child("namespace"), p.Namespace, msg))
	}
	s, spec := &p.Spec, field.NewPath("spec")
	errs = append(errs, s.validateTarget(spec)...)
	errs = append(errs, s.Arrivals.validate(spec.Child("arrivals"))...)
	errs = append(errs, s.Service.validate(spec.Child("service"))...)
	if servers := int64(s.MaxReplicas) * int64(*s.Service.Concurrency); *s.Service.SCV != DefaultSCV && servers > MaxGeneralServers {
		errs = append(errs, field.Invalid(spec.Child("service", "scv"), *s.Service.SCV, fmt.Sprintf(
			"with another value than 1, maxReplicas times concurrency must be at most %d, not %d: the table of needs would take too long to compute", MaxGeneralServers, servers)))
	}
	errs = append(errs, s.SLO.validate(spec.Child("slo"))...)
	errs = append(errs, s.validateShape(spec)...)
	errs = append(errs, s.validateCalendar(spec.Child("calendar"))...)
	errs = append(errs, s.Freshness.validate(spec.Child("freshness"))...)
	if s.Mode != ModeRecommend && s.Mode != ModeScale {
		errs = append(errs, field.NotSupported(spec.Child("mode"), s.Mode, []Mode{ModeRecommend, ModeScale}))
	}
	return errs
}

func (s *PredictiveScalerSpec) validateTarget(spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	ref := spec.Child("scaleTargetRef")
	if s.ScaleTargetRef.Kind == "" {
		errs = append(errs, field.Required(ref.Child("kind"), "for example Deployment"))
	}
	if s.ScaleTargetRef.Name == "" {
		errs = append(errs, field.Required(ref.Child("name"), "the name of the workload to scale"))
	}
	low := *s.MinReplicas
	if low < 1 {
		errs = append(errs, field.Invalid(spec.Child("minReplicas"), low,
			"must be at least 1: scale to zero needs arrivals counted in front of the workload and an activator"))
	}
	switch {
	case s.MaxReplicas == 0:
		errs = append(errs, field.Required(spec.Child("maxReplicas"), "the most replicas that may ever be asked for"))
	case s.MaxReplicas > MaxReplicasLimit:
		errs = append(errs, field.Invalid(spec.Child("maxReplicas"), s.MaxReplicas, fmt.Sprintf("must be at most %d", MaxReplicasLimit)))
	case s.MaxReplicas < low:
		errs = append(errs, field.Invalid(spec.Child("maxReplicas"), s.MaxReplicas, fmt.Sprintf("must be at least minReplicas (%d)", low)))
	}
	return errs
}

func (a *Arrivals) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case a.Prometheus == nil && a.CSV == nil:
		errs = append(errs, field.Required(path, "one of prometheus and csv"))
	case a.Prometheus != nil && a.CSV != nil:
		errs = append(errs, field.Forbidden(path.Child("csv"), "only one of prometheus and csv may be given"))
	}
	if p := a.Prometheus; p != nil {
		path := path.Child("prometheus")
		if strings.TrimSpace(p.Query) == "" {
			errs = append(errs, field.Required(path.Child("query"), "a PromQL expression that yields one series of requests per second"))
		}
		if p.URL != "" {
			if u, err := url.Parse(p.URL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
				errs = append(errs, field.Invalid(path.Child("url"), redactURL(p.URL), "must be an http or https URL, for example http://prometheus:9090"))
			}
		}
		errs = append(errs, atLeast(path.Child("step"), p.Step, time.Second)...)
		errs = append(errs, atLeast(path.Child("timeout"), p.Timeout, time.Millisecond)...)
		errs = append(errs, validateHistory(path.Child("history"), p.History, p.Step)...)
		if p.BearerTokenFile != "" && p.BasicAuth != nil {
			errs = append(errs, field.Forbidden(path.Child("basicAuth"), "only one of bearerTokenFile and basicAuth may be given"))
		}
	}
	if c := a.CSV; c != nil {
		path := path.Child("csv")
		if c.File == "" {
			errs = append(errs, field.Required(path.Child("file"), "the path of a file with the header timestamp,value"))
		}
		if c.Unit != UnitCount && c.Unit != UnitRate {
			errs = append(errs, field.NotSupported(path.Child("unit"), c.Unit, []string{UnitCount, UnitRate}))
		}
		errs = append(errs, positive(path.Child("scale"), *c.Scale)...)
		errs = append(errs, atLeast(path.Child("step"), c.Step, time.Second)...)
		errs = append(errs, validateHistory(path.Child("history"), c.History, c.Step)...)
	}
	return errs
}

// redactURL hides credentials that someone put into a URL.
func redactURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unparsable)"
	}
	return u.Redacted()
}

func validateHistory(path *field.Path, history, step *metav1.Duration) field.ErrorList {
	errs := atLeast(path, history, time.Minute)
	if len(errs) == 0 && step != nil && history.Duration < 10*step.Duration {
		errs = append(errs, field.Invalid(path, history.Duration.String(), fmt.Sprintf("must hold at least 10 steps of %s", step.Duration)))
	}
	const limit = 400 * 24 * time.Hour
	if history != nil && history.Duration > limit {
		errs = append(errs, field.Invalid(path, history.Duration.String(), fmt.Sprintf("must be at most %s", limit)))
	}
	return errs
}

func (v *Service) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if v.Mean.Duration <= 0 {
		errs = append(errs, field.Invalid(path.Child("mean"), v.Mean.Duration.String(), "must be above 0s: the time one request takes on a replica, for example 100ms"))
	}
	errs = append(errs, upTo(path.Child("scv"), *v.SCV, 10)...)
	if c := *v.Concurrency; c < 1 || c > 10000 {
		errs = append(errs, field.Invalid(path.Child("concurrency"), c, "must be 1 to 10000"))
	}
	return errs
}

func (o *SLO) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if o.Latency != nil && o.Latency.Duration <= 0 {
		errs = append(errs, field.Invalid(path.Child("latency"), o.Latency.Duration.String(), "must be above 0s"))
	}
	errs = append(errs, openUnit(path.Child("percentile"), *o.Percentile)...)
	if u := *o.MaxUtilization; !(u > 0 && u <= 1) {
		errs = append(errs, field.Invalid(path.Child("maxUtilization"), u, "must be above 0 and at most 1, for example 0.8"))
	}
	return errs
}

func (s *PredictiveScalerSpec) validateShape(spec *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, atLeast(spec.Child("startup", "mean"), s.Startup.Mean, 0)...)
	errs = append(errs, upTo(spec.Child("startup", "scv"), *s.Startup.SCV, 100)...)
	errs = append(errs, openUnit(spec.Child("forecast", "quantile"), *s.Forecast.Quantile)...)
	errs = append(errs, atLeast(spec.Child("forecast", "refit"), s.Forecast.Refit, time.Minute)...)
	errs = append(errs, atLeast(spec.Child("envelope", "window"), s.Envelope.Window, 0)...)
	errs = append(errs, upTo(spec.Child("envelope", "factor"), *s.Envelope.Factor, 100)...)
	errs = append(errs, upTo(spec.Child("scaleDown", "hysteresis"), *s.ScaleDown.Hysteresis, 1)...)
	return errs
}

func (s *PredictiveScalerSpec) validateCalendar(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i := range s.Calendar {
		e, path := &s.Calendar[i], path.Index(i)
		if e.From.IsZero() {
			errs = append(errs, field.Required(path.Child("from"), "RFC 3339, for example 2026-11-10T22:00:00Z"))
		}
		if !e.To.After(e.From.Time) {
			errs = append(errs, field.Invalid(path.Child("to"), e.To.UTC().Format(time.RFC3339), "must be later than from"))
		}
		if e.Replicas < 1 || e.Replicas > s.MaxReplicas {
			errs = append(errs, field.Invalid(path.Child("replicas"), e.Replicas, fmt.Sprintf("must be 1 to maxReplicas (%d)", s.MaxReplicas)))
		}
	}
	return errs
}

func (f *Freshness) validate(path *field.Path) field.ErrorList {
	errs := atLeast(path.Child("staleAfter"), f.StaleAfter, time.Second)
	errs = append(errs, atLeast(path.Child("holdAfter"), f.HoldAfter, time.Second)...)
	if len(errs) == 0 && f.StaleAfter != nil && f.HoldAfter != nil && f.HoldAfter.Duration < f.StaleAfter.Duration {
		errs = append(errs, field.Invalid(path.Child("holdAfter"), f.HoldAfter.Duration.String(), fmt.Sprintf("must be at least staleAfter (%s)", f.StaleAfter.Duration)))
	}
	return errs
}

func atLeast(path *field.Path, d *metav1.Duration, least time.Duration) field.ErrorList {
	if d == nil || d.Duration >= least {
		return nil
	}
	return field.ErrorList{field.Invalid(path, d.Duration.String(), fmt.Sprintf("must be at least %s", least))}
}

func positive(path *field.Path, v float64) field.ErrorList {
	if v > 0 && !math.IsInf(v, 1) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, v, "must be above 0")}
}

func upTo(path *field.Path, v, high float64) field.ErrorList {
	if v >= 0 && v <= high {
		return nil
	}
	return field.ErrorList{field.Invalid(path, v, fmt.Sprintf("must be 0 to %g", high))}
}

func openUnit(path *field.Path, v float64) field.ErrorList {
	if v > 0 && v < 1 {
		return nil
	}
	return field.ErrorList{field.Invalid(path, v, "must lie between 0 and 1, for example 0.99")}
}
