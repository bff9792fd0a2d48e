package policy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// SeasonalNaive expects what was at the same time a season ago: the highest rate of the Period that began then, times
// Headroom, at the rate that a replica serves at the utilization cap. A second metric is the rate now, and the HPA takes
// the higher of the two. It is the rule of Grafana Mimir's queriers, max_over_time(...[30m] offset 6d23h30m) beside the
// trigger on the present.
//
// Source: grafana/mimir, pull request 7775.
type SeasonalNaive struct {
	// Headroom is a factor > 0; 0 means 1.
	Headroom float64
	// Season is how long ago; 0 means a week. Period is how far from then it looks; 0 means 30 minutes.
	Season, Period time.Duration
	// Behavior is as in SquareRoot.
	Behavior *hpa.Behavior
}

func (p SeasonalNaive) withDefaults() SeasonalNaive {
	if p.Headroom == 0 {
		p.Headroom = 1
	}
	if p.Season == 0 {
		p.Season = 7 * 24 * time.Hour
	}
	if p.Period == 0 {
		p.Period = 30 * time.Minute
	}
	return p
}

// Name implements replay.Policy.
func (SeasonalNaive) Name() string { return "seasonal-naive" }

// Settings implements replay.Policy.
func (p SeasonalNaive) Settings() []replay.Setting {
	p = p.withDefaults()
	return append([]replay.Setting{
		{Name: "headroom", Value: p.Headroom}, {Name: "season", Value: p.Season}, {Name: "period", Value: p.Period},
	}, behaviorSettings(p.Behavior)...)
}

// HPA implements replay.Policy.
func (p SeasonalNaive) HPA() (hpa.Config, hpa.Spec) {
	return follows(orDefault(p.Behavior), "replicas-last-season", "replicas-now")
}

// Begin implements replay.Policy.
func (p SeasonalNaive) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	p = p.withDefaults()
	switch {
	case !(p.Headroom > 0) || math.IsInf(p.Headroom, 1):
		return nil, fmt.Errorf("headroom %g: must be above 0", p.Headroom)
	case p.Season < 0 || p.Period < 0 || p.Period > p.Season:
		return nil, fmt.Errorf("season %s and period %s: the period must be positive and not longer than the season", p.Season, p.Period)
	}
	return &seasonalNaive{p: p, seen: newRecorder(env, p.Season+p.Period), perReplica: env.RatePerReplica()}, nil
}

type seasonalNaive struct {
	p          SeasonalNaive
	seen       *recorder
	perReplica float64
	then, now  float64
}

// Metrics implements replay.Controller. As long as nothing is known of the season before, the present decides alone: in
// KEDA an empty result is 0 by default.
func (c *seasonalNaive) Metrics(v *replay.View, dst []float64) []float64 {
	c.seen.observe(v)
	from := v.Time.Add(-c.p.Season)
	c.then, c.now = c.seen.trace.Max(from, from.Add(c.p.Period)), v.Rate
	then := c.p.Headroom * c.then / c.perReplica
	if math.IsNaN(then) {
		then = 0
	}
	return append(dst, then, c.now/c.perReplica)
}

// Why implements replay.Controller.
func (c *seasonalNaive) Why() string {
	return fmt.Sprintf("up to %s in the %s from %s ago with headroom %g are %s; %s now are %s", rate(c.then), c.p.Period, c.p.Season,
		c.p.Headroom, count(math.Ceil(c.p.Headroom*c.then/c.perReplica)), rate(c.now), count(math.Ceil(c.now/c.perReplica)))
}
