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

// Knative is the Knative Pod Autoscaler on concurrency: the mean number of requests in the system over a stable window,
// or over a short panic window while that asks for at least PanicThreshold times the replicas that are ready. A panic
// lasts until a stable window after the last time it did, and nothing is scaled in meanwhile. A run begins in panic.
//
// What it decides is followed by an HPA without limits of its own, every Tick. Knative counts requests in flight at
// its own proxies; here they come through the lens, so that a panic window shorter than two scrapes is that long.
//
// Source: Knative Serving, pkg/autoscaler/scaling/autoscaler.go (Scale) and pkg/autoscaler/config/config.go (defaults).
type Knative struct {
	// TargetUtilization is the share of a replica's slots that should be in use, in (0, 1]; 0 means 0.7.
	TargetUtilization float64
	// StableWindow, 0 means 60 s, and PanicWindowPercentage of it, 0 means 10.
	StableWindow          time.Duration
	PanicWindowPercentage float64
	// PanicThreshold as a ratio, 0 means 2.
	PanicThreshold float64
	// MaxScaleUpRate and MaxScaleDownRate bound a decision relative to the ready replicas; 0 means 1000 and 2.
	MaxScaleUpRate, MaxScaleDownRate float64
	// Tick is the time between two decisions; 0 means 2 s.
	Tick time.Duration
}

func (p Knative) withDefaults() Knative {
	or := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	or(&p.TargetUtilization, 0.7)
	or(&p.PanicWindowPercentage, 10)
	or(&p.PanicThreshold, 2)
	or(&p.MaxScaleUpRate, 1000)
	or(&p.MaxScaleDownRate, 2)
	if p.StableWindow == 0 {
		p.StableWindow = time.Minute
	}
	if p.Tick == 0 {
		p.Tick = 2 * time.Second
	}
	return p
}

// Name implements replay.Policy.
func (Knative) Name() string { return "knative" }

// Settings implements replay.Policy.
func (p Knative) Settings() []replay.Setting {
	p = p.withDefaults()
	return []replay.Setting{
		{Name: "target_utilization", Value: p.TargetUtilization},
		{Name: "stable_window", Value: p.StableWindow},
		{Name: "panic_window_percentage", Value: p.PanicWindowPercentage},
		{Name: "panic_threshold", Value: p.PanicThreshold},
		{Name: "max_scale_up_rate", Value: p.MaxScaleUpRate},
		{Name: "max_scale_down_rate", Value: p.MaxScaleDownRate},
	}
}

// HPA implements replay.Policy.
func (p Knative) HPA() (hpa.Config, hpa.Spec) {
	unlimited := []hpa.Policy{{Type: hpa.PodsPolicy, Value: math.MaxInt16, Period: time.Second}}
	b := Exactly(0)
	b.ScaleUp.Policies, b.ScaleDown.Policies = unlimited, unlimited
	config, spec := follows(b, "replicas")
	config.SyncPeriod = p.withDefaults().Tick
	return config, spec
}

// Begin implements replay.Policy.
func (p Knative) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	p = p.withDefaults()
	switch {
	case !(p.TargetUtilization > 0 && p.TargetUtilization <= 1):
		return nil, fmt.Errorf("target utilization %g: must be above 0 and at most 1", p.TargetUtilization)
	case p.StableWindow < 6*time.Second || p.StableWindow > time.Hour:
		return nil, fmt.Errorf("stable window %s: must be 6s to 1h", p.StableWindow)
	case !(p.PanicWindowPercentage >= 1 && p.PanicWindowPercentage <= 100):
		return nil, fmt.Errorf("panic window of %g %%: must be 1 to 100", p.PanicWindowPercentage)
	case !(p.PanicThreshold > 1 && p.MaxScaleUpRate > 1 && p.MaxScaleDownRate > 1):
		return nil, errors.New("panic threshold and scale rates: must be above 1")
	}
	c := &knative{p: p, target: p.TargetUtilization * float64(max(env.Service.Concurrency, 1)), lens: env.Lens}
	if env.InitialReplicas > 1 {
		c.panicking, c.most = true, env.InitialReplicas
	}
	c.value = float64(env.InitialReplicas)
	return c, nil
}

type knative struct {
	p      Knative
	target float64 // concurrency per replica
	lens   replay.Lens

	panicking bool
	since     time.Duration // when the threshold was last crossed
	most      int32         // replicas in this panic
	value     float64
	stable    float64
	panic     float64
}

// Metrics implements replay.Controller.
func (c *knative) Metrics(v *replay.View, dst []float64) []float64 {
	c.stable = v.InFlight(v.Over(c.p.StableWindow))
	short := time.Duration(float64(c.p.StableWindow) * c.p.PanicWindowPercentage / 100)
	c.panic = v.InFlight(v.Over(short))
	if math.IsNaN(c.panic) {
		c.panic = v.InFlight(v.Over(2 * c.lens.ScrapeInterval))
	}
	if math.IsNaN(c.stable) || math.IsNaN(c.panic) {
		return append(dst, math.NaN()) // it decides nothing without data
	}
	c.value = float64(c.decide(v.Now, v.ReadyReplicas))
	return append(dst, c.value)
}

// decide is Scale of the source.
func (c *knative) decide(now time.Duration, readyReplicas int32) int32 {
	ready := math.Max(1, float64(readyReplicas))
	most, least := math.Ceil(c.p.MaxScaleUpRate*ready), math.Floor(ready/c.p.MaxScaleDownRate)
	wantedStable, wantedPanic := math.Ceil(c.stable/c.target), math.Ceil(c.panic/c.target)
	over := wantedPanic/ready >= c.p.PanicThreshold
	switch {
	case over:
		c.panicking, c.since = true, now
	case c.panicking && c.since+c.p.StableWindow < now:
		c.panicking, c.most = false, 0
	}
	desired := int32(math.Min(math.Max(wantedStable, least), most))
	if c.panicking {
		desired = max(desired, int32(math.Min(math.Max(wantedPanic, least), most)), c.most)
		c.most = desired
	}
	return desired
}

// Why implements replay.Controller.
func (c *knative) Why() string {
	mode := "stable"
	if c.panicking {
		mode = "panicking"
	}
	return fmt.Sprintf("%s: %.4g requests in flight over the stable window, %.4g over the panic window, %.4g per replica are %g replicas",
		mode, c.stable, c.panic, c.target, c.value)
}
