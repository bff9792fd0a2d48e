package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/forecast"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/report"
)

// forecastOutput is the JSON of prescale forecast.
type forecastOutput struct {
	Model              string            `json:"model"`
	Why                string            `json:"why"`
	StepSeconds        float64           `json:"step_seconds"`
	Points             []forecastPoint   `json:"points"`
	WindowSeconds      float64           `json:"window_seconds"`
	WindowMaxQuantiles map[string]number `json:"window_max_quantiles"`
}

// forecastPoint is one bucket ahead; Time is its start, rates are per second.
type forecastPoint struct {
	Time      time.Time         `json:"time"`
	Mean      number            `json:"mean"`
	Quantiles map[string]number `json:"quantiles"`
}

func newForecast() *cobra.Command {
	var (
		horizon, window time.Duration
		model           string
		levels          []float64
	)
	cmd := &cobra.Command{
		Use:   "forecast --history FILE",
		Short: "The arrival rate ahead, with quantiles, from a history",
		Long: `forecast chooses a model by a backtest on the history, fits it, and prints the expected rate and
one-sided quantiles for every step ahead. The quantiles come from errors that the model made on data it
had not been fitted on. The last line is what capacity is planned for: quantiles of the highest rate
within the window. The model is chosen by that too, so a short window and a long horizon do not go well
together: what is best minutes ahead seldom is hours ahead.`,
		Example: `  prescale forecast --history load.csv --horizon 1h
  prescale forecast --history load.csv --horizon 24h --window 15m --quantiles 0.5,0.9,0.99 -o json
  prescale forecast --history load.csv --horizon 24h -o svg > forecast.svg`,
		Args: noArgs,
	}
	history := addHistory(cmd)
	f := cmd.Flags()
	f.DurationVar(&horizon, "horizon", time.Hour, "how far ahead to forecast")
	f.DurationVar(&window, "window", 0, "window whose highest rate is forecast, beginning now, and by which the model is chosen (the horizon, but at most 120 steps)")
	f.StringVar(&model, "model", v1alpha1.ModelAuto, "auto, or a model's name")
	f.Float64SliceVar(&levels, "quantiles", []float64{0.5, 0.95}, "quantile levels")
	out := addOutput(cmd, "table", "json", "svg")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if err := checkLevels(levels); err != nil {
			return err
		}
		trace, err := history.read()
		if err != nil {
			return err
		}
		ahead, err := steps("horizon", horizon, trace.Step)
		if err != nil {
			return err
		}
		if !f.Changed("window") {
			window = min(horizon, defaultWindowSteps*trace.Step)
		}
		// A window shorter than a bucket is that bucket.
		over, err := steps("window", max(window, trace.Step), trace.Step)
		if err != nil {
			return err
		}
		if ahead > defaultWindowSteps/2 {
			fmt.Fprintf(cmd.ErrOrStderr(), "forecast: choosing a model by a backtest on %d values, %d steps ahead\n", trace.Len(), max(ahead, over))
		}
		selection, err := fitModel(cmd, trace, model, max(ahead, over), over)
		if err != nil {
			return err
		}
		d := selection.Forecast(max(ahead, over))
		result := forecastOutput{
			Model: selection.Selected, Why: selection.Why, StepSeconds: trace.Step.Seconds(),
			WindowSeconds: float64(over) * trace.Step.Seconds(), WindowMaxQuantiles: map[string]number{},
		}
		for step := 1; step <= ahead; step++ {
			p := forecastPoint{Time: trace.Time(trace.Len() + step - 1).UTC(), Mean: number(d.Mean(step)), Quantiles: map[string]number{}}
			for _, level := range levels {
				p.Quantiles[levelKey(level)] = number(d.Quantile(step, level))
			}
			result.Points = append(result.Points, p)
		}
		for _, level := range levels {
			result.WindowMaxQuantiles[levelKey(level)] = number(d.MaxQuantile(1, over, level))
		}
		switch out.format {
		case "json":
			return writeJSON(cmd.OutOrStdout(), result)
		case "svg":
			return forecastChart(trace, result, levels).WriteSVG(cmd.OutOrStdout())
		}
		return writeForecast(cmd.OutOrStdout(), result, levels)
	}
	return cmd
}

// defaultWindowSteps bounds the window that a model is chosen by unless one is asked for: beyond it the
// choice takes long and hardly changes.
const defaultWindowSteps = 120

func checkLevels(levels []float64) error {
	if len(levels) == 0 {
		return usageError{fmt.Errorf("--quantiles: at least one level is needed")}
	}
	for _, p := range levels {
		if !(p > 0 && p < 1) {
			return usageError{fmt.Errorf("--quantiles %g: must lie between 0 and 1", p)}
		}
	}
	return nil
}

// fitModel fits the model of a name, chosen by backtest if it is auto.
func fitModel(cmd *cobra.Command, trace arrivals.Trace, name string, horizon, window int) (*forecast.Selection, error) {
	auto := forecast.Auto{Horizon: horizon, Window: window}
	if name != v1alpha1.ModelAuto {
		models, err := modelsNamed(auto.Models(trace.Step, trace.Len()), []string{name})
		if err != nil {
			return nil, err
		}
		auto.Candidates = models
	}
	selection, err := auto.Select(cmd.Context(), series(trace))
	if err != nil {
		return nil, canceled(usageError{fmt.Errorf("no forecast of this history: %w", err)})
	}
	return selection, nil
}

func series(t arrivals.Trace) forecast.Series {
	return forecast.Series{Start: t.Start, Step: t.Step, Values: t.Rate}
}

// modelsNamed picks models by name.
func modelsNamed(models []forecast.Named, names []string) ([]forecast.Named, error) {
	var picked []forecast.Named
	for _, name := range names {
		found := false
		for _, m := range models {
			if m.Name == name {
				picked, found = append(picked, m), true
			}
		}
		if err := planner.CheckModel(name); err != nil {
			return nil, usageError{fmt.Errorf("model %q: %w", name, err)}
		}
		if !found {
			return nil, usageError{fmt.Errorf("model %s: the history is too short for it, or its step does not divide the season", name)}
		}
	}
	return picked, nil
}

func writeForecast(w io.Writer, r forecastOutput, levels []float64) error {
	t := report.Table{Columns: []report.Column{{Header: "time"}, {Header: "mean", Align: report.Right}}}
	for _, p := range levels {
		t.Columns = append(t.Columns, report.Column{Header: "q" + levelKey(p), Align: report.Right})
	}
	for _, point := range r.Points {
		row := []string{point.Time.Format("2006-01-02 15:04:05"), short(float64(point.Mean))}
		for _, p := range levels {
			row = append(row, short(float64(point.Quantiles[levelKey(p)])))
		}
		t.Rows = append(t.Rows, row)
	}
	window := time.Duration(r.WindowSeconds * float64(time.Second))
	row := []string{fmt.Sprintf("highest of the first %s", window), ""}
	for _, p := range levels {
		row = append(row, short(float64(r.WindowMaxQuantiles[levelKey(p)])))
	}
	t.Rows = append(t.Rows, row)
	if err := t.WriteText(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nrequests per second; %s\n", r.Why)
	return err
}
