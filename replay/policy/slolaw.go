package policy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// SLOLaw is the control law on latency that llm-d recommends for KEDA. With s the latency relative to its objective,
// at most Cap, averaged over Window, n the replicas asked for and c the share of them that is ready:
//
//	s > Up:    n + ceil(n (s c / Up - 1)), replicas on their way being credited
//	s < Down:  n - floor(n (1 - s/Down)), without credit
//	else:      n
//
// The HPA lets it double or add 4 per minute, and take 1 away per 2 minutes. Theirs looks at the 90th percentiles of
// the times to the first token and between tokens; here the latency is the objective's own percentile, averaged before
// it is capped.
//
// Source: llm-d, guides/workload-autoscaling/README.slo-aware.md.
type SLOLaw struct {
	// Up, Down and Cap; 0 means 0.55, 0.40 and 2.
	Up, Down, Cap float64
	// Window; 0 means 45 s.
	Window time.Duration
}

func (p SLOLaw) withDefaults() SLOLaw {
	if p.Up == 0 {
		p.Up = 0.55
	}
	if p.Down == 0 {
		p.Down = 0.40
	}
	if p.Cap == 0 {
		p.Cap = 2
	}
	if p.Window == 0 {
		p.Window = 45 * time.Second
	}
	return p
}

// Name implements replay.Policy.
func (SLOLaw) Name() string { return "slo-law" }

// Settings implements replay.Policy.
func (p SLOLaw) Settings() []replay.Setting {
	p = p.withDefaults()
	return []replay.Setting{{Name: "up", Value: p.Up}, {Name: "down", Value: p.Down}, {Name: "cap", Value: p.Cap}, {Name: "window", Value: p.Window}}
}

// HPA implements replay.Policy.
func (SLOLaw) HPA() (hpa.Config, hpa.Spec) {
	b := Exactly(0)
	b.ScaleUp.Policies = []hpa.Policy{
		{Type: hpa.PercentPolicy, Value: 100, Period: time.Minute},
		{Type: hpa.PodsPolicy, Value: 4, Period: time.Minute},
	}
	b.ScaleDown.Policies = []hpa.Policy{{Type: hpa.PodsPolicy, Value: 1, Period: 2 * time.Minute}}
	return follows(b, "replicas")
}

// Begin implements replay.Policy.
func (p SLOLaw) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	p = p.withDefaults()
	if !(p.Down > 0 && p.Up > p.Down && p.Cap > p.Up) || math.IsInf(p.Cap, 1) {
		return nil, fmt.Errorf("down %g, up %g and cap %g: must rise from above 0", p.Down, p.Up, p.Cap)
	}
	if p.Window < 0 || p.Window > maxWindow {
		return nil, fmt.Errorf("window %s: must be 0 to %s", p.Window, maxWindow)
	}
	latency := env.Target.Response.Latency
	if latency <= 0 {
		return nil, errors.New("a law on latency needs an objective on latency")
	}
	return &sloLaw{p: p, objective: latency.Seconds()}, nil
}

type sloLaw struct {
	p         SLOLaw
	objective float64
	load      float64 // s
	credit    float64 // c
	now, next int32
}

// Metrics implements replay.Controller.
func (c *sloLaw) Metrics(v *replay.View, dst []float64) []float64 {
	c.load = math.Min(v.Latency(v.Over(c.p.Window))/c.objective, c.p.Cap)
	if math.IsNaN(c.load) {
		return append(dst, math.NaN())
	}
	c.now = max(v.SpecReplicas, 1)
	c.credit = float64(v.ReadyReplicas) / float64(c.now)
	c.next = c.p.next(c.now, c.load, c.credit)
	return append(dst, float64(c.next))
}

// next is the law.
func (p SLOLaw) next(n int32, s, credit float64) int32 {
	switch {
	case s > p.Up:
		return n + int32(math.Max(0, math.Ceil(float64(n)*(s*credit/p.Up-1))))
	case s < p.Down:
		return n - int32(math.Floor(float64(n)*(1-s/p.Down)))
	}
	return n
}

// Why implements replay.Controller.
func (c *sloLaw) Why() string {
	if math.IsNaN(c.load) {
		return "no latency is known"
	}
	return fmt.Sprintf("latency at %.3g of its objective, %.3g of the replicas ready: from %d to %d", c.load, c.credit, c.now, c.next)
}
