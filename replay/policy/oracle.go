package policy

import (
	"context"
	"errors"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Oracle knows the load of the run beforehand, which no policy can: it asks for the cheapest numbers of replicas that the
// fluid engine finds within the budget, under the same start-up times and rate policies as everybody. It is the
// yardstick at the other end from a fixed number of replicas. See replay.Fluid.Oracle for what it knows and what not.
type Oracle struct {
	// Budget is what it may violate; the zero value is the environment's budget of bad minutes.
	Budget replay.Budget
	// Options of the fluid engine in which the plan is made.
	Options replay.FluidOptions
}

// Name implements replay.Policy.
func (Oracle) Name() string { return "oracle" }

// Settings implements replay.Policy.
func (p Oracle) Settings() []replay.Setting {
	var out []replay.Setting
	if p.Budget.Minutes > 0 {
		out = append(out, replay.Setting{Name: "budget_minutes", Value: p.Budget.Minutes})
	}
	if p.Budget.Requests > 0 {
		out = append(out, replay.Setting{Name: "budget_requests", Value: p.Budget.Requests})
	}
	return out
}

// HPA implements replay.Policy.
func (Oracle) HPA() (hpa.Config, hpa.Spec) { return (*replay.Oracle)(nil).HPA() }

// Begin implements replay.Policy.
func (p Oracle) Begin(ctx context.Context, env *replay.Environment) (replay.Controller, error) {
	if p.Budget == (replay.Budget{}) {
		p.Budget.Minutes = env.Budget()
	}
	future := env.Clairvoyant()
	if future == nil {
		return nil, errNoFuture
	}
	options := p.Options
	options.Timeline = false
	f, err := replay.NewFluid(*env, future, options)
	if err != nil {
		return nil, err
	}
	plan, err := f.Oracle(ctx, p.Budget)
	if err != nil {
		return nil, err
	}
	return plan.Begin(ctx, env)
}

var errNoFuture = errors.New("the engine does not tell the load of the run")
