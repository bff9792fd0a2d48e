package policy

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
)

// Outlook is what a load shows to every setting of the planner: the forecast's quantiles at several levels, the highest
// rates over several windows, the rate now, for every decision. It depends on the load, the lens and the lead time and
// on none of the settings that a tuner may choose, is computed once and is then shared, also by goroutines.
type Outlook struct {
	start  time.Time
	shared planner.Settings // what all settings must agree in
	row    planner.Row
	inputs []planner.Inputs
	// same says that nothing but the time is new since the decision before.
	same []bool
}

// NewOutlook plays a load for all settings that agree with p but for the quantile, which must be one of the levels, the
// envelope, whose window must be one of the windows or 0, the hysteresis, the drain time, the calendar and the bounds.
// The forecast is fitted and updated as p says; it is chosen and calibrated for p's own quantile.
func NewOutlook(ctx context.Context, env *replay.Environment, load *replay.Load, p Predictive, row planner.Row) (*Outlook, error) {
	if err := errors.Join(env.Validate(), p.Plan.Validate()); err != nil {
		return nil, err
	}
	if len(row.Levels) == 0 || !slices.IsSorted(row.Levels) || !slices.IsSorted(row.Windows) {
		return nil, fmt.Errorf("policy: levels %v and windows %v: must rise, with at least one level", row.Levels, row.Windows)
	}
	if p.Plan.Interval%load.Step() != 0 {
		return nil, fmt.Errorf("policy: decision interval %s: must be a multiple of the step of %s", p.Plan.Interval, load.Step())
	}
	each := int(p.Plan.Interval / load.Step())
	o := &Outlook{start: env.Start, shared: p.Plan, row: row, inputs: make([]planner.Inputs, 0, load.Steps()/each+1)}
	live := newObserver(ctx, env, p)
	live.row = row
	view := replay.View{SpecReplicas: -1}
	view.Gauges = loadGauges{load, &view}
	for i := 0; i < load.Steps(); i += each {
		view.Now = time.Duration(i) * load.Step()
		view.Time, view.Visible, view.Rate = env.Start.Add(view.Now), view.Now-env.Lens.Delay, load.Seen(i)
		in := live.observe(&view)
		o.same = append(o.same, len(o.inputs) > 0 && o.nothingNew(&o.inputs[len(o.inputs)-1], &in))
		o.inputs = append(o.inputs, in)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// nothingNew reports whether two inputs in turn differ in their times only, and both their data are fresh.
func (o *Outlook) nothingNew(a, b *planner.Inputs) bool {
	stale, _ := o.shared.Ages(b.Step)
	same := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
	return a.DataTime.Equal(b.DataTime) && b.Now.Sub(b.DataTime) <= stale && a.Forecast == b.Forecast &&
		same(a.CurrentRate, b.CurrentRate) && same(a.Mean, b.Mean) &&
		slices.EqualFunc(a.LeadMax.Values, b.LeadMax.Values, same) && slices.EqualFunc(a.HoldMax.Values, b.HoldMax.Values, same) &&
		slices.EqualFunc(a.Envelope.Values, b.Envelope.Values, same)
}

// serves reports whether the outlook was made for such a policy.
func (o *Outlook) serves(env *replay.Environment, p Predictive) error {
	s := p.Plan
	switch {
	case !env.Start.Equal(o.start):
		return fmt.Errorf("an outlook from %s does not serve a run from %s", o.start, env.Start)
	case s.Interval != o.shared.Interval || s.Lead != o.shared.Lead || s.StaleAfter != o.shared.StaleAfter || s.HoldAfter != o.shared.HoldAfter:
		return errors.New("an outlook serves settings with its own interval, lead time and ages only")
	case !slices.Contains(o.row.Levels, s.Quantile):
		return fmt.Errorf("quantile %g: must be one of the outlook's levels %v", s.Quantile, o.row.Levels)
	case s.EnvelopeWindow > 0 && !slices.Contains(o.row.Windows, s.EnvelopeWindow):
		return fmt.Errorf("envelope window %s: must be one of the outlook's windows %v", s.EnvelopeWindow, o.row.Windows)
	}
	return nil
}

// newAt reports whether anything but the time is new at an instant since the decision before.
func (o *Outlook) newAt(v *replay.View) bool {
	i := int(v.Now / o.shared.Interval)
	return i >= len(o.same) || !o.same[i]
}

// at copies what is known at an instant. After the end of the outlook nothing is.
func (o *Outlook) at(now time.Duration, at time.Time, in *planner.Inputs) {
	i := int(now / o.shared.Interval)
	if i >= len(o.inputs) {
		*in = planner.Inputs{Now: at, CurrentRate: math.NaN(), Mean: math.NaN()}
		return
	}
	*in = o.inputs[i]
}

// loadGauges show the offered load, which needs no run; the rest is unknown.
type loadGauges struct {
	load *replay.Load
	view *replay.View
}

func (g loadGauges) Offered(from, to time.Duration) float64 {
	return g.load.Offered(from, min(to, g.view.Visible))
}
func (loadGauges) Utilization(_, _ time.Duration) float64 { return math.NaN() }
func (loadGauges) InFlight(_, _ time.Duration) float64    { return math.NaN() }
func (loadGauges) Backlog(_, _ time.Duration) float64     { return math.NaN() }
func (loadGauges) Latency(_, _ time.Duration) float64     { return math.NaN() }
