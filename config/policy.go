package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// policyMaker converts the policies of one scenario. What all predictive ones share is computed once.
type policyMaker struct {
	scenario *v1alpha1.ScenarioSpec
	env      *replay.Environment
	need     *planner.NeedTable

	// predictive is the first policy of that kind.
	predictive *policy.Predictive
}

// policies returns those that the i-th policy of the file stands for, after its sweep.
func (m *policyMaker) policies(i int) ([]replay.Policy, error) {
	path := field.NewPath("spec", "policies").Index(i)
	expanded, err := expand(m.scenario.Policies[i], path)
	if err != nil {
		return nil, err
	}
	var (
		out  []replay.Policy
		errs []error
	)
	for j := range expanded {
		p := &expanded[j]
		if problems := p.Validate(path, m.scenario.Replicas.Max); len(problems) > 0 {
			for _, problem := range problems {
				errs = append(errs, problem)
			}
			continue
		}
		made, err := m.policy(p, path)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		out = append(out, policy.Named(p.Name, made))
	}
	return out, errors.Join(errs...)
}

func (m *policyMaker) policy(p *v1alpha1.ScenarioPolicy, path *field.Path) (replay.Policy, error) {
	behavior := func(stabilization *metav1.Duration) *hpa.Behavior {
		if p.Behavior != nil {
			return newBehavior(p.Behavior)
		}
		return policy.Exactly(stabilization.Duration)
	}
	switch {
	case p.Predictive != nil:
		plan, err := m.plan(p.Predictive)
		if err != nil {
			return nil, field.Invalid(path.Child("predictive"), p.Name, err.Error())
		}
		if err := planner.CheckModel(p.Predictive.Forecast.Model); err != nil {
			return nil, field.Invalid(path.Child("predictive", "forecast", "model"), p.Predictive.Forecast.Model, err.Error())
		}
		predictive := policy.Predictive{
			Plan: plan, Model: p.Predictive.Forecast.Model, Refit: p.Predictive.Forecast.Refit.Duration,
			Behavior: behavior(p.Predictive.Stabilization),
		}
		if m.predictive == nil {
			m.predictive = &predictive
		}
		return predictive, nil
	case p.Reactive != nil:
		r := p.Reactive
		b := newBehavior(p.Behavior)
		if b == nil {
			b = &hpa.Behavior{
				ScaleUp:   &hpa.ScalingRules{Tolerance: r.Tolerance},
				ScaleDown: &hpa.ScalingRules{Tolerance: r.Tolerance, StabilizationWindow: &r.Stabilization.Duration},
			}
		}
		return policy.Reactive{Metric: policy.Metric(r.Metric), Target: r.Target, Behavior: b}, nil
	case p.SquareRoot != nil:
		r := p.SquareRoot
		return policy.SquareRoot{Scale: *r.Scale, Beta: *r.Beta, Behavior: behavior(r.Stabilization)}, nil
	case p.Linear != nil:
		l := p.Linear
		perReplica := m.env.RatePerReplica()
		if l.PerReplica != nil {
			perReplica = *l.PerReplica
		}
		return policy.Linear{PerReplica: perReplica, Spare: *l.Spare, Window: l.Window.Duration, Behavior: behavior(l.Stabilization)}, nil
	case p.Knative != nil:
		k := p.Knative
		return policy.Knative{
			TargetUtilization: *k.TargetUtilization, StableWindow: k.StableWindow.Duration,
			PanicWindowPercentage: *k.PanicWindowPercentage, PanicThreshold: *k.PanicThreshold,
		}, nil
	case p.Cron != nil:
		return newCron(p.Cron, path.Child("cron"))
	case p.SeasonalNaive != nil:
		n := p.SeasonalNaive
		return policy.SeasonalNaive{
			Headroom: *n.Headroom, Season: n.Season.Duration, Period: n.Period.Duration, Behavior: behavior(n.Stabilization),
		}, nil
	case p.HoltWinters != nil:
		h := p.HoltWinters
		out := policy.HoltWinters{
			Season: h.Season.Duration, Interval: h.Interval.Duration,
			Alpha: *h.Alpha, Beta: *h.Beta, Gamma: *h.Gamma, Behavior: behavior(h.Stabilization),
		}
		if h.Target != nil {
			out.Target = *h.Target
		}
		return out, nil
	case p.SLOLaw != nil:
		return policy.SLOLaw{Up: *p.SLOLaw.Up, Down: *p.SLOLaw.Down, Window: p.SLOLaw.Window.Duration}, nil
	case p.Oracle != nil:
		return policy.Oracle{Budget: replay.Budget{Minutes: *p.Oracle.Budget}}, nil
	}
	return policy.Fixed{Replicas: p.Fixed.Replicas}, nil
}

// plan returns the settings of the planner that a PredictiveScaler with the same fields would get.
func (m *policyMaker) plan(p *v1alpha1.PredictivePolicy) (planner.Settings, error) {
	if m.need == nil {
		var model queueing.Model = m.env.Service
		if b := m.scenario.Service.Batching; b != nil {
			model = queueing.MDBatch{
				MaxBatch: int(b.MaxBatch), FixedSeconds: b.Fixed.Seconds(), PerItemSeconds: b.PerItem.Seconds(), MaxDelaySeconds: b.MaxDelay.Seconds(),
			}
		}
		need, err := planner.NewNeedTableOf(m.env.MaxReplicas, model, m.env.Target)
		if err != nil {
			return planner.Settings{}, err
		}
		m.need = &need
	}
	s := planner.Settings{
		MinReplicas: max(1, m.env.MinReplicas),
		MaxReplicas: m.env.MaxReplicas,
		Need:        *m.need,
		Lead: planner.LeadTime{
			Startup: m.env.Startup.Quantile(planner.StartupPercentile),
			HPASync: HPASyncPeriod,
			Ramp:    RampAllowance,
		},
		Interval:       DefaultInterval,
		Quantile:       *p.Forecast.Quantile,
		EnvelopeWindow: p.Envelope.Window.Duration,
		EnvelopeFactor: *p.Envelope.Factor,
		Drain:          DefaultDrain,
		Hysteresis:     *p.ScaleDown.Hysteresis,
		Calendar:       newCalendar(m.scenario.Calendar),
	}
	return s, s.Validate()
}

func newCalendar(events []v1alpha1.CalendarEvent) []planner.Event {
	var out []planner.Event
	for _, e := range events {
		out = append(out, planner.Event{Name: e.Name, From: e.From.Time, To: e.To.Time, Replicas: e.Replicas})
	}
	return out
}

func newCron(rules []v1alpha1.CronRule, path *field.Path) (replay.Policy, error) {
	var out policy.Cron
	for i, rule := range rules {
		zone := rule.TimeZone
		if zone == "" {
			zone = "UTC"
		}
		location, err := time.LoadLocation(zone)
		if err != nil {
			return nil, field.Invalid(path.Index(i).Child("timeZone"), rule.TimeZone, "must be an IANA name such as Europe/Berlin")
		}
		schedule, err := cron.ParseStandard(rule.Schedule)
		if err != nil {
			return nil, field.Invalid(path.Index(i).Child("schedule"), rule.Schedule, err.Error())
		}
		out.Entries = append(out.Entries, policy.CronEntry{
			Schedule: zoned{schedule, location}, Text: fmt.Sprintf("%s %s", rule.Schedule, zone), Replicas: rule.Replicas,
		})
	}
	return out, nil
}

// zoned asks a schedule in its own time zone.
type zoned struct {
	schedule cron.Schedule
	location *time.Location
}

func (z zoned) Next(after time.Time) time.Time { return z.schedule.Next(after.In(z.location)) }

// newBehavior converts the API's behavior; nil stays nil.
func newBehavior(b *autoscalingv2.HorizontalPodAutoscalerBehavior) *hpa.Behavior {
	if b == nil {
		return nil
	}
	return &hpa.Behavior{ScaleUp: newRules(b.ScaleUp), ScaleDown: newRules(b.ScaleDown)}
}

func newRules(r *autoscalingv2.HPAScalingRules) *hpa.ScalingRules {
	if r == nil {
		return nil
	}
	out := &hpa.ScalingRules{}
	if r.StabilizationWindowSeconds != nil {
		window := time.Duration(*r.StabilizationWindowSeconds) * time.Second
		out.StabilizationWindow = &window
	}
	if r.SelectPolicy != nil {
		switch *r.SelectPolicy {
		case autoscalingv2.MinChangePolicySelect:
			out.Select = hpa.MinChange
		case autoscalingv2.DisabledPolicySelect:
			out.Select = hpa.Disabled
		}
	}
	for _, p := range r.Policies {
		kind := hpa.PodsPolicy
		if p.Type == autoscalingv2.PercentScalingPolicy {
			kind = hpa.PercentPolicy
		}
		out.Policies = append(out.Policies, hpa.Policy{Type: kind, Value: p.Value, Period: time.Duration(p.PeriodSeconds) * time.Second})
	}
	if r.Tolerance != nil {
		out.Tolerance = float(*r.Tolerance)
	}
	return out
}

func float(q resource.Quantity) *float64 {
	v := q.AsApproximateFloat64()
	return &v
}
