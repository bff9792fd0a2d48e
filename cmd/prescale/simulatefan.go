package main

import (
	"context"
	"fmt"

	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
	"github.com/prescale/prescale/report"
)

// fan is what the predictive policy of a scenario expects at each of its decisions: quantiles of the highest rate in
// the lead window, drawn in the middle of that window.
type fan struct {
	x, low, planned, high []float64
	quantile              float64
}

// The outer levels of a fan.
const (
	fanLow  = 0.5
	fanHigh = 0.99
)

// forecastFan plays the scenario's expected load to the planner; false if no policy is predictive.
func forecastFan(ctx context.Context, c *config.Scenario) (fan, bool, error) {
	if c.Predictive == nil {
		return fan{}, false, nil
	}
	load, err := replay.NewLoad(c.Config.Arrivals.Schedule, c.Environment.Duration, c.Predictive.Plan.Interval, c.Environment.Lens, replay.CountNoise{})
	if err != nil {
		return fan{}, false, err
	}
	q := c.Predictive.Plan.Quantile
	levels := []float64{fanLow}
	if q > fanLow && q < fanHigh {
		levels = append(levels, q)
	}
	row := planner.Row{Levels: append(levels, fanHigh)}
	if w := c.Predictive.Plan.EnvelopeWindow; w > 0 {
		row.Windows = append(row.Windows, w)
	}
	outlook, err := policy.NewOutlook(ctx, c.Environment, load, *c.Predictive, row)
	if err != nil {
		return fan{}, false, err
	}
	f := fan{quantile: q}
	for _, in := range outlook.Inputs() {
		middle := in.WindowFrom.Add(in.WindowTo.Sub(in.WindowFrom) / 2)
		f.x = append(f.x, report.Seconds(middle))
		f.low, f.planned, f.high = append(f.low, in.LeadMax.At(fanLow)), append(f.planned, in.LeadMax.At(q)), append(f.high, in.LeadMax.At(fanHigh))
	}
	return f, true, nil
}

// draw adds the fan to a chart of the load.
func (f fan) draw(chart *report.Chart) {
	chart.Bands = append(chart.Bands, report.Band{
		Name: fmt.Sprintf("forecast of the highest rate in the lead window, %g %% to %g %%", 100*fanLow, 100*fanHigh), X: f.x, Lo: f.low, Hi: f.high,
	})
	chart.Series = append(chart.Series, report.Series{Name: fmt.Sprintf("planned for: its %g %% quantile", 100*f.quantile), X: f.x, Y: f.planned, Dashed: true})
}
