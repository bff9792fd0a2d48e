package hpa

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// The largest durations that the API accepts.
const (
	MaxPolicyPeriod        = 30 * time.Minute
	MaxStabilizationWindow = time.Hour
)

// Validate reports everything for which the API server would refuse the autoscaler, in one error.
//
// One rule is ours: no metric at all is refused, where the API server adds one (CPU at 80 percent).
func (s *Spec) Validate() error {
	var errs []error
	report := func(field string, got any, want string) {
		errs = append(errs, fmt.Errorf("hpa: %s is %v, must be %s", field, got, want))
	}
	if s.MinReplicas < 0 {
		report("MinReplicas", s.MinReplicas, "at least 0")
	}
	if s.MaxReplicas < max(1, s.MinReplicas) {
		report("MaxReplicas", s.MaxReplicas, "at least 1 and MinReplicas")
	}
	if len(s.Metrics) == 0 {
		errs = append(errs, errors.New("hpa: need at least one metric"))
	} else if s.MinReplicas == 0 && !s.scalesFromZero() {
		errs = append(errs, errors.New("hpa: MinReplicas 0 needs a metric of type External or Object"))
	}
	for i := range s.Metrics {
		s.Metrics[i].validate(fmt.Sprintf("Metrics[%d]", i), report)
	}
	if s.Behavior != nil {
		s.Behavior.ScaleUp.validate("Behavior.ScaleUp", report)
		s.Behavior.ScaleDown.validate("Behavior.ScaleDown", report)
	}
	return errors.Join(errs...)
}

func (m *MetricSpec) validate(field string, report func(field string, got any, want string)) {
	if m.Name == "" {
		report(field+".Name", `""`, "the metric's or resource's name")
	}
	allowed := map[MetricType]string{
		External: "AverageValue or Value", Object: "AverageValue or Value", Pods: "AverageValue",
		Resource: "Utilization or AverageValue", ContainerResource: "Utilization or AverageValue",
	}[m.Type]
	if allowed == "" {
		report(field+".Type", uint8(m.Type), "External, Object, Pods, Resource or ContainerResource")
		return
	}
	switch t := m.Target; t.Type {
	case AverageValueTarget, ValueTarget:
		if t.Type == ValueTarget && m.Type != External && m.Type != Object {
			report(field+".Target.Type", t.Type, allowed)
		}
		if t.Milli <= 0 {
			report(field+".Target.Milli", t.Milli, "positive")
		}
	case UtilizationTarget:
		if m.Type != Resource && m.Type != ContainerResource {
			report(field+".Target.Type", t.Type, allowed)
		}
		if t.Percent < 1 {
			report(field+".Target.Percent", t.Percent, "at least 1")
		}
	default:
		report(field+".Target.Type", uint8(t.Type), allowed)
	}
}

func (r *ScalingRules) validate(field string, report func(field string, got any, want string)) {
	if r == nil {
		return
	}
	if w := r.StabilizationWindow; w != nil && (*w < 0 || *w > MaxStabilizationWindow || *w%time.Second != 0) {
		report(field+".StabilizationWindow", *w, "whole seconds from 0 to 1h")
	}
	if r.Select > Disabled {
		report(field+".Select", uint8(r.Select), "Max, Min or Disabled")
	}
	if r.Policies != nil && len(r.Policies) == 0 {
		report(field+".Policies", "empty", "nil for the defaults or at least one policy")
	}
	for i, p := range r.Policies {
		field := fmt.Sprintf("%s.Policies[%d]", field, i)
		if p.Type > PercentPolicy {
			report(field+".Type", uint8(p.Type), "Pods or Percent")
		}
		if p.Value < 1 {
			report(field+".Value", p.Value, "at least 1")
		}
		if p.Period <= 0 || p.Period > MaxPolicyPeriod || p.Period%time.Second != 0 {
			report(field+".Period", p.Period, "whole seconds from 1s to 30m")
		}
	}
	if t := r.Tolerance; t != nil && (*t < 0 || math.IsNaN(*t) || math.IsInf(*t, 0)) {
		report(field+".Tolerance", *t, "at least 0 and finite")
	}
}
