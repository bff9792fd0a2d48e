package policy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Linear is the rule of most KEDA triggers on a rate, with the two amendments that people make to it:
//
//	replicas = max rate over the last Window / PerReplica + Spare.
//
// The maximum is that of max_over_time over a subquery at the sync period.
type Linear struct {
	// PerReplica is the rate of one replica in requests/s.
	PerReplica float64
	// Spare replicas are kept on top.
	Spare float64
	// Window of the maximum; 0 takes the rate as it is.
	Window time.Duration
	// Behavior is as in SquareRoot.
	Behavior *hpa.Behavior
}

// Name implements replay.Policy.
func (Linear) Name() string { return "linear" }

// Settings implements replay.Policy.
func (p Linear) Settings() []replay.Setting {
	return append([]replay.Setting{
		{Name: "per_replica", Value: p.PerReplica}, {Name: "spare", Value: p.Spare}, {Name: "window", Value: p.Window},
	}, behaviorSettings(p.Behavior)...)
}

// HPA implements replay.Policy.
func (p Linear) HPA() (hpa.Config, hpa.Spec) { return follows(orDefault(p.Behavior), "replicas") }

// Begin implements replay.Policy.
func (p Linear) Begin(context.Context, *replay.Environment) (replay.Controller, error) {
	switch {
	case !(p.PerReplica > 0) || math.IsInf(p.PerReplica, 1):
		return nil, fmt.Errorf("rate per replica %g: must be above 0", p.PerReplica)
	case !(p.Spare >= 0) || math.IsInf(p.Spare, 1):
		return nil, fmt.Errorf("spare replicas %g: must not be negative", p.Spare)
	case p.Window < 0 || p.Window > maxWindow:
		return nil, fmt.Errorf("window %s: must be 0 to %s", p.Window, maxWindow)
	}
	return &linear{p: p, recent: newMaximum(p.Window)}, nil
}

// maxWindow bounds the windows over which policies look back.
const maxWindow = 31 * 24 * time.Hour

type linear struct {
	p      Linear
	recent maximum
	from   float64
}

// Metrics implements replay.Controller.
func (c *linear) Metrics(v *replay.View, dst []float64) []float64 {
	c.from = c.recent.add(v.Now, v.Rate)
	return append(dst, c.replicas())
}

func (c *linear) replicas() float64 { return c.from/c.p.PerReplica + c.p.Spare }

// Why implements replay.Controller.
func (c *linear) Why() string {
	return fmt.Sprintf("up to %s in the last %s at %g per replica and %g spare are %s",
		rate(c.from), c.p.Window, c.p.PerReplica, c.p.Spare, count(c.replicas()))
}

// maximum is the highest of the numbers of a window that slides, in constant time each: it keeps those that no later
// one exceeds, in a ring.
type maximum struct {
	window time.Duration
	at     []time.Duration
	value  []float64
	head   int // of the oldest kept
	n      int
}

func newMaximum(window time.Duration) maximum {
	return maximum{window: window, at: make([]time.Duration, 16), value: make([]float64, 16)}
}

// add takes a number and returns the highest of those not older than the window, NaN if none is known. NaN is no number.
func (m *maximum) add(now time.Duration, v float64) float64 {
	mask := len(m.at) - 1
	if !math.IsNaN(v) {
		for m.n > 0 && m.value[(m.head+m.n-1)&mask] <= v {
			m.n--
		}
		if m.n == len(m.at) {
			m.grow()
			mask = len(m.at) - 1
		}
		m.at[(m.head+m.n)&mask], m.value[(m.head+m.n)&mask] = now, v
		m.n++
	}
	for m.n > 0 && m.at[m.head&mask] < now-m.window {
		m.head++
		m.n--
	}
	if m.n == 0 {
		return math.NaN()
	}
	return m.value[m.head&mask]
}

func (m *maximum) grow() {
	at, value := make([]time.Duration, 2*len(m.at)), make([]float64, 2*len(m.at))
	for i := range m.n {
		j := (m.head + i) & (len(m.at) - 1)
		at[i], value[i] = m.at[j], m.value[j]
	}
	m.at, m.value, m.head = at, value, 0
}
