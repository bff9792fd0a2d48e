package main

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/forecast"
	"github.com/prescale/prescale/report"
)

// mostOrigins bounds the forecasts that a fan chart shows, about as many as it has pixels.
const mostOrigins = 800

// backtestFan is what the selected model forecast over the judged part of a history.
type backtestFan struct {
	model  string
	window time.Duration
	at     []float64   // seconds
	actual []float64   // highest rate within the window
	median []float64   //
	upper  [][]float64 // per level
	levels []float64
}

// newBacktestFan fits the selected model once on the first part, as the backtest does, and asks it while it is
// updated through the rest.
func newBacktestFan(cmd *cobra.Command, trace arrivals.Trace, o forecast.BacktestOptions, models []forecast.Named) (*backtestFan, error) {
	start := int(float64(trace.Len()) * (1 - o.TestFraction))
	auto := forecast.Auto{Horizon: o.Horizon, Window: o.Window, Candidates: models}
	s := series(trace)
	s.Values = s.Values[:start]
	selection, err := auto.Select(cmd.Context(), s)
	if err != nil {
		return nil, canceled(err)
	}
	f := &backtestFan{model: selection.Selected, window: time.Duration(o.Window) * trace.Step, levels: slices.Clone(o.Quantiles)}
	slices.Sort(f.levels)
	f.upper = make([][]float64, len(f.levels))
	stride := (trace.Len()-start)/mostOrigins + 1
	for i := start; i+o.Window <= trace.Len(); i++ {
		if (i-start)%stride == 0 {
			if err := cmd.Context().Err(); err != nil {
				return nil, canceled(err)
			}
			d := selection.Forecast(o.Window)
			f.at = append(f.at, report.Seconds(trace.Time(i)))
			f.actual = append(f.actual, highest(trace.Rate[i:i+o.Window]))
			f.median = append(f.median, d.MaxQuantile(1, o.Window, 0.5))
			for l, p := range f.levels {
				f.upper[l] = append(f.upper[l], d.MaxQuantile(1, o.Window, p))
			}
		}
		selection.Update(trace.Rate[i], nil)
	}
	return f, nil
}

// highest returns the largest rate, NaN if one is missing.
func highest(rates []float64) float64 {
	m := math.Inf(-1)
	for _, v := range rates {
		m = max(m, v)
	}
	return m
}

// chart draws the median as a line, the quantiles as bands that rise from it, and what came.
func (f *backtestFan) chart() report.Chart {
	name := "median forecast"
	c := report.Chart{
		Title:  fmt.Sprintf("Highest rate within %s, forecast and come", f.window),
		Height: 420,
		X:      report.Axis{Label: "time of the forecast (UTC)", Time: true},
		Y:      report.Axis{Label: "requests per second"},
		Series: []report.Series{{Name: "came", X: f.at, Y: f.actual}, {Name: name, X: f.at, Y: f.median}},
	}
	for l, p := range f.levels {
		if p > 0.5 {
			c.Bands = append(c.Bands, report.Band{Name: "median to quantile " + levelKey(p), Of: name, X: f.at, Lo: f.median, Hi: f.upper[l]})
		}
	}
	return c
}

// writeBacktestHTML writes a page with the table and the fan.
func writeBacktestHTML(w io.Writer, r backtestOutput, levels []float64, f *backtestFan) error {
	table := backtestTable(r, levels)
	var facts []report.Fact
	for _, m := range r.Models {
		if m.Name != r.Selected || m.Error != "" {
			continue
		}
		for _, p := range levels {
			facts = append(facts, report.Fact{
				Name: "coverage of quantile " + levelKey(p), Value: short(float64(m.WindowMax.Coverage[levelKey(p)])),
				Note: fmt.Sprintf("%d forecasts", m.Origins),
			})
		}
	}
	var notes []string
	for _, m := range r.Models {
		if m.Error != "" {
			notes = append(notes, m.Name+": "+m.Error)
		}
	}
	return report.Page{
		Title: "Forecast backtest",
		Lead:  fmt.Sprintf("Selected on the first part of the history: %s", r.Why),
		Facts: facts,
		Sections: []report.Section{
			{
				Title: "Over the part judged",
				Text: []string{fmt.Sprintf("%s, fitted once on what came before and updated value by value. At every time the fan shows what it "+
					"expected the highest rate of the coming %s to be; the line is what that became.", f.model, f.window)},
				Charts: []report.Chart{f.chart()},
			},
			{
				Title: "Models",
				Text: []string{"WAPE and MASE judge the expected rate; the pinball loss judges a quantile of the highest rate within the window " +
					"(lower is better); coverage is the share of windows at or below the quantile and should equal its level."},
				Table: &table,
				Notes: notes,
			},
		},
		Footer: fmt.Sprintf("prescale %s, %s.", version, strings.Join(os.Args[1:], " ")),
	}.WriteHTML(w)
}

// writeTo writes to the named file, or to standard output if it is empty.
func writeTo(cmd *cobra.Command, file string, write func(io.Writer) error) error {
	if file == "" {
		return write(cmd.OutOrStdout())
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil { //nolint:gosec // a report is for others to read
		return usageError{fmt.Errorf("--out: %w", err)}
	}
	return nil
}
