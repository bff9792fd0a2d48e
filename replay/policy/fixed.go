package policy

import (
	"context"
	"errors"
	"fmt"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Fixed keeps a number of replicas.
type Fixed struct {
	Replicas int32
}

// Name implements replay.Policy.
func (Fixed) Name() string { return "fixed" }

// Settings implements replay.Policy.
func (p Fixed) Settings() []replay.Setting {
	return []replay.Setting{{Name: "replicas", Value: p.Replicas}}
}

// HPA implements replay.Policy.
func (Fixed) HPA() (hpa.Config, hpa.Spec) { return follows(Exactly(0), "replicas") }

// Begin implements replay.Policy.
func (p Fixed) Begin(context.Context, *replay.Environment) (replay.Controller, error) {
	if p.Replicas < 0 {
		return nil, errors.New("replicas must not be negative")
	}
	return p, nil
}

// Metrics implements replay.Controller.
func (p Fixed) Metrics(_ *replay.View, dst []float64) []float64 {
	return append(dst, float64(p.Replicas))
}

// Why implements replay.Controller.
func (p Fixed) Why() string { return fmt.Sprintf("always %d", p.Replicas) }
