package v1alpha1

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// policyKinds lists the kinds for messages.
const policyKinds = "predictive, reactive, squareRoot, linear, knative, cron, seasonalNaive, holtWinters, sloLaw, oracle and fixed"

func (s *ScenarioSpec) validatePolicies(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if len(s.Policies) == 0 {
		errs = append(errs, field.Required(path, "at least one, for example {name: predictive, predictive: {}}"))
	}
	names := map[string]int{}
	for i := range s.Policies {
		p, path := &s.Policies[i], path.Index(i)
		if p.Name == "" {
			errs = append(errs, field.Required(path.Child("name"), "heads the policy's row in the results"))
		} else {
			for _, msg := range validation.IsDNS1123Subdomain(p.Name) {
				errs = append(errs, field.Invalid(path.Child("name"), p.Name, msg))
			}
			if first, taken := names[p.Name]; taken {
				errs = append(errs, field.Duplicate(path.Child("name"), fmt.Sprintf("%s, the name of policies[%d]", p.Name, first)))
			}
			names[p.Name] = i
		}
		errs = append(errs, p.Validate(path, s.Replicas.Max)...)
	}
	return errs
}

// Kind returns the name of the field that is set, the first if several are, "" if none is.
func (p *ScenarioPolicy) Kind() string {
	if kinds := p.kinds(); len(kinds) > 0 {
		return kinds[0]
	}
	return ""
}

func (p *ScenarioPolicy) kinds() []string {
	var kinds []string
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"predictive", p.Predictive != nil},
		{"reactive", p.Reactive != nil},
		{"squareRoot", p.SquareRoot != nil},
		{"linear", p.Linear != nil},
		{"knative", p.Knative != nil},
		{"cron", p.Cron != nil},
		{"seasonalNaive", p.SeasonalNaive != nil},
		{"holtWinters", p.HoltWinters != nil},
		{"sloLaw", p.SLOLaw != nil},
		{"oracle", p.Oracle != nil},
		{"fixed", p.Fixed != nil},
	} {
		if k.set {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// Validate reports what makes no sense in a defaulted policy of a workload with so many replicas at most.
func (p *ScenarioPolicy) Validate(path *field.Path, maxReplicas int32) field.ErrorList {
	kinds := p.kinds()
	if errs := oneOf(path, kinds, policyKinds); len(errs) > 0 {
		return errs // what else is set was not defaulted
	}
	errs := p.validateSweep(path.Child("sweep"))
	path = path.Child(kinds[0])
	switch {
	case p.Predictive != nil:
		q := p.Predictive
		errs = append(errs, openUnit(path.Child("forecast", "quantile"), *q.Forecast.Quantile)...)
		errs = append(errs, atLeast(path.Child("forecast", "refit"), q.Forecast.Refit, time.Minute)...)
		errs = append(errs, atLeast(path.Child("envelope", "window"), q.Envelope.Window, 0)...)
		errs = append(errs, upTo(path.Child("envelope", "factor"), *q.Envelope.Factor, 100)...)
		errs = append(errs, upTo(path.Child("scaleDown", "hysteresis"), *q.ScaleDown.Hysteresis, 1)...)
		errs = append(errs, within(path.Child("stabilization"), q.Stabilization, 0, time.Hour)...)
	case p.Reactive != nil:
		r := p.Reactive
		if r.Metric != MetricRate && r.Metric != MetricUtilization {
			errs = append(errs, field.NotSupported(path.Child("metric"), r.Metric, []string{MetricRate, MetricUtilization}))
		}
		errs = append(errs, finiteAbove(path.Child("target"), &r.Target, 0)...)
		if r.Metric == MetricUtilization && r.Target > 1 {
			errs = append(errs, field.Invalid(path.Child("target"), r.Target, "must be at most 1: a share of busy time"))
		}
		errs = append(errs, within(path.Child("stabilization"), r.Stabilization, 0, time.Hour)...)
		errs = append(errs, upTo(path.Child("tolerance"), *r.Tolerance, 1)...)
	case p.SquareRoot != nil:
		r := p.SquareRoot
		errs = append(errs, finiteAbove(path.Child("scale"), r.Scale, 0)...)
		errs = append(errs, upTo(path.Child("beta"), *r.Beta, 100)...)
		errs = append(errs, within(path.Child("stabilization"), r.Stabilization, 0, time.Hour)...)
	case p.Linear != nil:
		l := p.Linear
		errs = append(errs, finiteAbove(path.Child("perReplica"), l.PerReplica, 0)...)
		errs = append(errs, upTo(path.Child("spare"), *l.Spare, MaxReplicasLimit)...)
		errs = append(errs, within(path.Child("window"), l.Window, 0, 7*24*time.Hour)...)
		errs = append(errs, within(path.Child("stabilization"), l.Stabilization, 0, time.Hour)...)
	case p.Knative != nil:
		k := p.Knative
		if u := *k.TargetUtilization; !(u > 0 && u <= 1) {
			errs = append(errs, field.Invalid(path.Child("targetUtilization"), u, "must be above 0 and at most 1"))
		}
		errs = append(errs, within(path.Child("stableWindow"), k.StableWindow, 6*time.Second, time.Hour)...)
		if w := *k.PanicWindowPercentage; !(w >= 1 && w <= 100) {
			errs = append(errs, field.Invalid(path.Child("panicWindowPercentage"), w, "must be 1 to 100"))
		}
		errs = append(errs, finiteAbove(path.Child("panicThreshold"), k.PanicThreshold, 1)...)
	case p.Cron != nil:
		errs = append(errs, p.validateCron(path, maxReplicas)...)
	case p.SeasonalNaive != nil:
		n := p.SeasonalNaive
		errs = append(errs, finiteAbove(path.Child("headroom"), n.Headroom, 0)...)
		errs = append(errs, within(path.Child("season"), n.Season, time.Minute, maxScenario)...)
		errs = append(errs, within(path.Child("period"), n.Period, 0, n.Season.Duration)...)
		errs = append(errs, within(path.Child("stabilization"), n.Stabilization, 0, time.Hour)...)
	case p.HoltWinters != nil:
		h := p.HoltWinters
		for _, smoothing := range []struct {
			name  string
			value float64
		}{{"alpha", *h.Alpha}, {"beta", *h.Beta}, {"gamma", *h.Gamma}} {
			if !(smoothing.value > 0 && smoothing.value <= 1) {
				errs = append(errs, field.Invalid(path.Child(smoothing.name), smoothing.value, "must be above 0 and at most 1"))
			}
		}
		errs = append(errs, within(path.Child("interval"), h.Interval, time.Second, 24*time.Hour)...)
		errs = append(errs, within(path.Child("season"), h.Season, 2*h.Interval.Duration, 31*24*time.Hour)...)
		if h.Interval.Duration > 0 && h.Season.Duration%h.Interval.Duration != 0 {
			errs = append(errs, field.Invalid(path.Child("season"), h.Season.Duration.String(), fmt.Sprintf("must be a whole number of intervals of %s", h.Interval.Duration)))
		}
		errs = append(errs, finiteAbove(path.Child("target"), h.Target, 0)...)
		errs = append(errs, within(path.Child("stabilization"), h.Stabilization, 0, time.Hour)...)
	case p.SLOLaw != nil:
		errs = append(errs, finiteAbove(path.Child("up"), p.SLOLaw.Up, *p.SLOLaw.Down)...)
		errs = append(errs, finiteAbove(path.Child("down"), p.SLOLaw.Down, 0)...)
		errs = append(errs, within(path.Child("window"), p.SLOLaw.Window, time.Second, time.Hour)...)
	case p.Oracle != nil:
		errs = append(errs, upTo(path.Child("budget"), *p.Oracle.Budget, 1)...)
	case p.Fixed != nil:
		errs = append(errs, replicasWithin(path.Child("replicas"), p.Fixed.Replicas, maxReplicas)...)
	}
	return errs
}

func (p *ScenarioPolicy) validateCron(path *field.Path, maxReplicas int32) field.ErrorList {
	var errs field.ErrorList
	if len(p.Cron) == 0 {
		errs = append(errs, field.Required(path, `at least one rule, for example {schedule: "0 8 * * *", replicas: 40}`))
	}
	for i, rule := range p.Cron {
		path := path.Index(i)
		if n := len(strings.Fields(rule.Schedule)); n != 5 {
			errs = append(errs, field.Invalid(path.Child("schedule"), rule.Schedule,
				`must have five fields: minute, hour, day of month, month, day of week, for example "0 8 * * 1-5"`))
		}
		errs = append(errs, replicasWithin(path.Child("replicas"), rule.Replicas, maxReplicas)...)
	}
	return errs
}

func replicasWithin(path *field.Path, n, maxReplicas int32) field.ErrorList {
	if n >= 0 && n <= maxReplicas {
		return nil
	}
	return field.ErrorList{field.Invalid(path, n, fmt.Sprintf("must be 0 to replicas.max (%d)", maxReplicas))}
}

func (p *ScenarioPolicy) validateSweep(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	combinations := 1
	for _, name := range slices.Sorted(maps.Keys(p.Sweep)) {
		values := p.Sweep[name]
		if len(values) == 0 {
			errs = append(errs, field.Required(path.Child(name), "at least one value"))
		}
		combinations = min(combinations*max(1, len(values)), maxSweep+1)
	}
	if combinations > maxSweep {
		errs = append(errs, field.Invalid(path, len(p.Sweep), fmt.Sprintf("makes more than %d combinations", maxSweep)))
	}
	if len(p.Sweep) > 0 && p.Cron != nil {
		errs = append(errs, field.Forbidden(path, "cron rules have no fields to sweep"))
	}
	return errs
}
