package policy

import (
	"context"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
)

// Predictive is prescale's own law: package planner decides, from the same inputs and by the same code as in the
// adapter, and the HPA follows.
type Predictive struct {
	// Plan holds the settings of the planner. Their bounds are those of the workload; the HPA clamps to the environment's as well.
	Plan planner.Settings
	// Model is planner.ModelAuto, also if empty, or a model's name.
	Model string
	// Refit is how often the forecast is fitted anew; 0 means once, when the run begins. Lookback is how much of the
	// history a fit sees; 0 means all of it.
	Refit, Lookback time.Duration
	// Behavior is as in SquareRoot.
	Behavior *hpa.Behavior
	// Outlook, if there is one, is what this load shows to all settings, computed before: see NewOutlook. Without one it
	// is computed along with the run.
	Outlook *Outlook
}

// Name implements replay.Policy.
func (Predictive) Name() string { return "predictive" }

// Settings implements replay.Policy.
func (p Predictive) Settings() []replay.Setting {
	s := p.Plan
	model := p.Model
	if model == "" {
		model = planner.ModelAuto
	}
	return append([]replay.Setting{
		{Name: "quantile", Value: s.Quantile},
		{Name: "envelope_window", Value: s.EnvelopeWindow},
		{Name: "envelope_factor", Value: s.EnvelopeFactor},
		{Name: "hysteresis", Value: s.Hysteresis},
		{Name: "model", Value: model},
		{Name: "refit", Value: p.Refit},
	}, behaviorSettings(p.Behavior)...)
}

// HPA implements replay.Policy.
func (p Predictive) HPA() (hpa.Config, hpa.Spec) {
	config, spec := follows(orDefault(p.Behavior), "prescale-desired-replicas")
	if p.Plan.Interval > 0 {
		config.SyncPeriod = p.Plan.Interval
	}
	return config, spec
}

// Begin implements replay.Policy.
func (p Predictive) Begin(ctx context.Context, env *replay.Environment) (replay.Controller, error) {
	if err := p.Plan.Validate(); err != nil {
		return nil, err
	}
	c := &predictive{settings: p.Plan, outlook: p.Outlook}
	if p.Outlook == nil {
		c.live = newObserver(ctx, env, p)
		return c, nil
	}
	return c, p.Outlook.serves(env, p)
}

// predictive decides for one run.
type predictive struct {
	settings planner.Settings
	outlook  *Outlook
	live     *observer

	in       planner.Inputs
	decision planner.Recommendation
	state    planner.State
	value    float64
	kept     bool // the decision kept what was recommended before
	// asked is the instant of the last call, decided that of the last decision.
	asked, decided time.Duration
}

// Metrics implements replay.Controller.
func (c *predictive) Metrics(v *replay.View, dst []float64) []float64 {
	// A decision that kept what was recommended before would be made again, if nothing is new but the time.
	if c.kept && v.SpecReplicas == c.in.CurrentReplicas && !c.outlook.newAt(v) {
		c.asked = v.Now
		return append(dst, c.value)
	}
	c.decide(v)
	c.value = float64(c.decision.Replicas)
	if c.decision.Source == planner.SourceHold {
		c.value = math.NaN() // the adapter answers 503
	}
	return append(dst, c.value)
}

func (c *predictive) decide(v *replay.View) {
	if c.outlook != nil {
		c.outlook.at(v.Now, v.Time, &c.in)
	} else {
		c.in = c.live.observe(v)
	}
	c.in.CurrentReplicas = v.SpecReplicas
	c.state = planner.DecideInto(&c.decision, &c.settings, &c.in, c.state)
	c.kept = c.outlook != nil && len(c.settings.Calendar) == 0 &&
		c.decision.Source != planner.SourceHold && c.decision.Before == c.decision.Replicas
	c.asked, c.decided = v.Now, v.Now
}

// Why implements replay.Controller.
func (c *predictive) Why() string {
	if c.asked != c.decided {
		current := c.in.CurrentReplicas
		c.outlook.at(c.asked, c.outlook.start.Add(c.asked), &c.in)
		c.in.CurrentReplicas = current
		c.state = planner.DecideInto(&c.decision, &c.settings, &c.in, c.state)
		c.decided = c.asked
	}
	return planner.Explain(c.settings, c.in, c.decision)
}

// observer gathers the inputs of decisions as the adapter does: it fits, keeps the forecast up to date and observes.
type observer struct {
	ctx        context.Context // ends fits
	settings   planner.Settings
	row        planner.Row
	model      string
	refit      time.Duration
	lookback   time.Duration
	seen       *recorder
	forecast   *planner.Forecast
	noForecast string
	fitAfter   time.Time
	fits       int
}

func newObserver(ctx context.Context, env *replay.Environment, p Predictive) *observer {
	o := &observer{
		ctx:      ctx,
		settings: p.Plan, row: rowOf(p.Plan), model: p.Model, refit: p.Refit, lookback: p.Lookback,
		seen: newRecorder(env, 0), fitAfter: env.Start,
	}
	if o.model == "" {
		o.model = planner.ModelAuto
	}
	return o
}

// rowOf holds the knobs of one planner.
func rowOf(s planner.Settings) planner.Row {
	row := planner.Row{Levels: []float64{s.Quantile}}
	if s.EnvelopeWindow > 0 {
		row.Windows = []time.Duration{s.EnvelopeWindow}
	}
	return row
}

// refitSoon is how soon a fit is tried again that failed or is not relied upon, as a share of the history there is.
const refitSoon = 5

func (o *observer) observe(v *replay.View) planner.Inputs {
	o.seen.observe(v)
	known := o.seen.trace
	if !o.fitAfter.IsZero() && !v.Time.Before(o.fitAfter) {
		o.fit(v.Time)
	}
	if o.forecast != nil {
		o.forecast.Update(known)
	}
	return planner.ObserveRow(o.settings, o.row, planner.Observation{
		Now: v.Time, Recent: known, Forecast: o.forecast, NoForecast: o.noForecast, CurrentReplicas: v.SpecReplicas,
	})
}

// fit makes the forecast anew from what is known. A fit that fails leaves the old one in place.
func (o *observer) fit(now time.Time) {
	known := o.seen.trace
	if o.lookback > 0 {
		known = known.Slice(now.Add(-o.lookback), known.End())
	}
	o.fits++
	o.fitAfter = time.Time{}
	if o.refit > 0 {
		o.fitAfter = now.Add(o.refit)
	}
	soon := now.Add(max(5*time.Minute, known.End().Sub(known.Start)/refitSoon))
	f, err := planner.Fit(o.ctx, o.settings, o.model, known)
	if err != nil {
		o.noForecast = err.Error()
		o.fitAfter = soon
		return
	}
	o.forecast, o.noForecast = f, ""
	if !f.Info().Predictable && (o.fitAfter.IsZero() || soon.Before(o.fitAfter)) {
		o.fitAfter = soon
	}
}
