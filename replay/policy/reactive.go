package policy

import (
	"context"
	"fmt"
	"math"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Metric that a reactive HPA scales on.
type Metric string

// The metrics.
const (
	// MetricRate is an External metric, the offered rate, with a target per replica in requests/s.
	MetricRate Metric = "rate"
	// MetricUtilization is the Resource metric cpu, the busy share of a replica's slots, with a target in (0, 1].
	MetricUtilization Metric = "utilization"
)

// Reactive is the HorizontalPodAutoscaler as most people run it.
type Reactive struct {
	// Metric is MetricRate, also if empty, or MetricUtilization.
	Metric Metric
	// Target per replica.
	Target float64
	// Behavior as in the HPA; nil is that of an HPA without one.
	Behavior *hpa.Behavior
}

// Name implements replay.Policy.
func (Reactive) Name() string { return "reactive" }

// Settings implements replay.Policy.
func (p Reactive) Settings() []replay.Setting {
	return append([]replay.Setting{{Name: "metric", Value: string(p.metric())}, {Name: "target", Value: p.Target}}, behaviorSettings(p.Behavior)...)
}

func (p Reactive) metric() Metric {
	if p.Metric == "" {
		return MetricRate
	}
	return p.Metric
}

// HPA implements replay.Policy. The target of a utilization is whole percent, as in the API.
func (p Reactive) HPA() (hpa.Config, hpa.Spec) {
	m := hpa.MetricSpec{Name: "rate", Type: hpa.External, Target: hpa.AverageValue(p.Target)}
	if p.metric() == MetricUtilization {
		m = hpa.MetricSpec{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(int32(math.Round(100 * p.Target)))}
	}
	return hpa.DefaultConfig(), hpa.Spec{Metrics: []hpa.MetricSpec{m}, Behavior: p.Behavior}
}

// Begin implements replay.Policy.
func (p Reactive) Begin(context.Context, *replay.Environment) (replay.Controller, error) {
	switch m := p.metric(); {
	case m != MetricRate && m != MetricUtilization:
		return nil, fmt.Errorf("metric %q: must be %s or %s", m, MetricRate, MetricUtilization)
	case !(p.Target >= 0.001) || p.Target > 1e12:
		return nil, fmt.Errorf("target %g: must be in [0.001, 1e12]", p.Target)
	case m == MetricUtilization && !(p.Target >= 0.01 && p.Target <= 1):
		return nil, fmt.Errorf("target %g: must be in [0.01, 1] for utilization", p.Target)
	}
	return &reactive{p: p, from: math.NaN()}, nil
}

type reactive struct {
	p    Reactive
	from float64
}

// Metrics implements replay.Controller.
func (c *reactive) Metrics(v *replay.View, dst []float64) []float64 {
	if c.p.metric() == MetricUtilization {
		c.from = v.Utilization(v.Over(0))
		return dst // the engine reads it off the pods
	}
	c.from = v.Rate
	return append(dst, v.Rate)
}

// Why implements replay.Controller.
func (c *reactive) Why() string {
	if c.p.metric() == MetricUtilization {
		return fmt.Sprintf("the HPA keeps the utilization of replicas at %g", c.p.Target)
	}
	return fmt.Sprintf("%s at %g per replica are %s", rate(c.from), c.p.Target, count(math.Ceil(c.from/c.p.Target)))
}
