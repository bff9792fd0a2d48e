package policy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// SquareRoot is square-root staffing as a formula in the query of a KEDA trigger:
//
//	servers = Scale × a + Beta × √a,
//
// where a is the offered load in erlangs, the rate seen times the mean service time, and a replica is as many servers
// as it has slots.
//
// Source: S. Halfin, W. Whitt, Heavy-traffic limits for queues with many exponential servers, Operations Research 29
// (1981), for Scale = 1.
type SquareRoot struct {
	Scale, Beta float64
	// Behavior as in the HPA; nil is the default behavior but for the dead band, which a ScaledObject can switch off
	// too: see Exactly.
	Behavior *hpa.Behavior
}

// Name implements replay.Policy.
func (SquareRoot) Name() string { return "square-root" }

// Settings implements replay.Policy.
func (p SquareRoot) Settings() []replay.Setting {
	return append([]replay.Setting{{Name: "scale", Value: p.Scale}, {Name: "beta", Value: p.Beta}}, behaviorSettings(p.Behavior)...)
}

// HPA implements replay.Policy.
func (p SquareRoot) HPA() (hpa.Config, hpa.Spec) { return follows(orDefault(p.Behavior), "replicas") }

// orDefault returns the behavior given, or that which follows exactly with the stabilization of five minutes that
// kube-controller-manager has by default.
func orDefault(b *hpa.Behavior) *hpa.Behavior {
	if b == nil {
		return Exactly(hpa.DefaultConfig().DownscaleStabilization)
	}
	return b
}

// Begin implements replay.Policy.
func (p SquareRoot) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	if !(p.Scale >= 0 && p.Beta >= 0) || math.IsInf(p.Scale+p.Beta, 1) {
		return nil, fmt.Errorf("scale %g and beta %g: must be finite and not negative", p.Scale, p.Beta)
	}
	return &squareRoot{
		p: p, service: env.Service.MeanTime, slots: float64(max(env.Service.Concurrency, 1)), from: math.NaN(),
	}, nil
}

type squareRoot struct {
	p       SquareRoot
	service time.Duration
	slots   float64
	from    float64
}

// Metrics implements replay.Controller.
func (c *squareRoot) Metrics(v *replay.View, dst []float64) []float64 {
	c.from = v.Rate
	return append(dst, c.replicas(v.Rate))
}

func (c *squareRoot) replicas(rate float64) float64 {
	load := rate * c.service.Seconds()
	return (c.p.Scale*load + c.p.Beta*math.Sqrt(load)) / c.slots
}

// Why implements replay.Controller.
func (c *squareRoot) Why() string {
	load := c.from * c.service.Seconds()
	return fmt.Sprintf("%s are %.4g erlangs: %g × %.4g + %g × √%.4g servers are %s",
		rate(c.from), load, c.p.Scale, load, c.p.Beta, load, count(c.replicas(c.from)))
}
