package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/forecast"
	"github.com/prescale/prescale/report"
)

// backtestOutput is the JSON of prescale backtest.
type backtestOutput struct {
	Models   []backtestModel `json:"models"`
	Selected string          `json:"selected"`
	Why      string          `json:"why"`

	candidates []forecast.Named // that were asked for, nil for all
}

type backtestModel struct {
	Name       string            `json:"name"`
	Origins    int               `json:"origins"`
	WAPE       number            `json:"wape"`
	MASE       number            `json:"mase"`
	Pinball    map[string]number `json:"pinball"`
	Coverage   map[string]number `json:"coverage"`
	WindowMax  windowMax         `json:"window_max"`
	FitSeconds float64           `json:"fit_seconds"`
	// Error says why the model could not be judged.
	Error string `json:"error,omitempty"`
}

type windowMax struct {
	Pinball  map[string]number `json:"pinball"`
	Coverage map[string]number `json:"coverage"`
}

func newBacktest() *cobra.Command {
	var (
		horizon, window time.Duration
		names           []string
		fraction        float64
		levels          []float64
		m4Train, m4Test string
		outFile         string
	)
	cmd := &cobra.Command{
		Use:   "backtest {--history FILE | --m4-train FILE}",
		Short: "How good the forecasts would have been",
		Long: `backtest fits every model on the first part of a history and judges the forecasts it makes while it is
updated through the rest. WAPE and MASE judge the expected rate; the pinball loss judges a quantile (lower
is better) and coverage is the share of values at or below it, which should equal its level. Capacity is
planned for the highest rate within the window, so the model is selected by the pinball loss of that, on
the first part alone.`,
		Example: `  prescale backtest --history load.csv --horizon 15m
  prescale backtest --history load.csv --horizon 1h --window 10m --models naive,holt-winters-1d -o json
  prescale backtest --history load.csv -o html --out backtest.html
  prescale backtest --m4-train Hourly-train.csv --m4-test Hourly-test.csv --models auto,theta-1d`,
		Args: noArgs,
	}
	history := addHistory(cmd)
	f := cmd.Flags()
	f.DurationVar(&horizon, "horizon", 15*time.Minute, "how far ahead to judge")
	f.DurationVar(&window, "window", 5*time.Minute, "window whose highest rate is judged, beginning at the forecast")
	f.StringSliceVar(&names, "models", nil, "models to judge; all that the history allows if not given")
	f.Float64Var(&fraction, "test-fraction", 0.3, "share of the history, at its end, that is judged")
	f.Float64SliceVar(&levels, "quantiles", []float64{0.9, 0.95, 0.99}, "quantile levels")
	f.StringVar(&m4Train, "m4-train", "", "CSV file of hourly M4 training series, id,v1,v2,... in each line")
	f.StringVar(&m4Test, "m4-test", "", "CSV file with the 48 values after each series of --m4-train")
	f.StringVar(&outFile, "out", "", "write to this file instead of standard output")
	out := addOutput(cmd, "table", "json", "html")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if err := checkLevels(levels); err != nil {
			return err
		}
		if !(fraction > 0 && fraction < 1) {
			return usageError{fmt.Errorf("--test-fraction %g: must lie between 0 and 1", fraction)}
		}
		if m4Train != "" || m4Test != "" {
			if out.format == "html" || outFile != "" {
				return usageError{errors.New("--output html and --out: not for --m4-train")}
			}
			return runBacktestM4(cmd, m4Train, m4Test, names, out)
		}
		trace, err := history.read()
		if err != nil {
			return err
		}
		ahead, err := steps("horizon", max(horizon, trace.Step), trace.Step)
		if err != nil {
			return err
		}
		over, err := steps("window", min(max(window, trace.Step), time.Duration(ahead)*trace.Step), trace.Step)
		if err != nil {
			return err
		}
		o := forecast.BacktestOptions{Horizon: ahead, Window: over, TestFraction: fraction, Quantiles: levels}
		result, err := backtest(cmd, trace, names, o)
		if err != nil {
			return err
		}
		var shown *backtestFan
		if out.format == "html" {
			if shown, err = newBacktestFan(cmd, trace, o, result.candidates); err != nil {
				return err
			}
		}
		return writeTo(cmd, outFile, func(w io.Writer) error {
			switch out.format {
			case "json":
				return writeJSON(w, result)
			case "html":
				return writeBacktestHTML(w, result, levels, shown)
			}
			return writeBacktest(w, result, levels)
		})
	}
	return cmd
}

// backtest judges the models one by one, so that each can be timed and progress be shown.
func backtest(cmd *cobra.Command, trace arrivals.Trace, names []string, o forecast.BacktestOptions) (backtestOutput, error) {
	train := trace.Slice(trace.Start, trace.Time(int(float64(trace.Len())*(1-o.TestFraction))))
	auto := forecast.Auto{Horizon: o.Horizon, Window: o.Window}
	models := auto.Models(trace.Step, train.Len())
	if len(names) > 0 {
		var err error
		if models, err = modelsNamed(models, names); err != nil {
			return backtestOutput{}, err
		}
		auto.Candidates = models
	}
	result := backtestOutput{candidates: auto.Candidates}
	judged := 0
	for i, m := range models {
		fmt.Fprintf(cmd.ErrOrStderr(), "backtest: %s (%d of %d)\n", m.Name, i+1, len(models))
		score, err := forecast.Backtest(cmd.Context(), series(trace), m.Model, o)
		if cmd.Context().Err() != nil {
			return backtestOutput{}, errReported
		}
		if err != nil {
			result.Models = append(result.Models, backtestModel{Name: m.Name, Error: err.Error()})
			continue
		}
		judged++
		started := time.Now()
		if _, err := m.Model.Fit(cmd.Context(), series(train)); err != nil {
			return backtestOutput{}, canceled(err)
		}
		entry := newBacktestModel(m.Name, score)
		entry.FitSeconds = time.Since(started).Seconds()
		result.Models = append(result.Models, entry)
	}
	if judged == 0 {
		return backtestOutput{}, usageError{errors.New("no model can be judged: " + result.Models[0].Error)}
	}
	selection, err := auto.Select(cmd.Context(), series(train))
	if err != nil {
		return backtestOutput{}, canceled(err)
	}
	result.Selected, result.Why = selection.Selected, selection.Why
	return result, nil
}

func newBacktestModel(name string, s forecast.Score) backtestModel {
	split := func(levels []forecast.LevelScore) (pinball, coverage map[string]number) {
		pinball, coverage = map[string]number{}, map[string]number{}
		for _, l := range levels {
			pinball[levelKey(l.Quantile)], coverage[levelKey(l.Quantile)] = number(l.Pinball), number(l.Coverage)
		}
		return pinball, coverage
	}
	m := backtestModel{Name: name, Origins: s.Origins, WAPE: number(s.WAPE), MASE: number(s.MASE)}
	m.Pinball, m.Coverage = split(s.Levels)
	m.WindowMax.Pinball, m.WindowMax.Coverage = split(s.WindowMax)
	return m
}

// backtestTable has a row per model.
func backtestTable(r backtestOutput, levels []float64) report.Table {
	t := report.Table{Columns: []report.Column{
		{Header: "model"}, {Header: "WAPE", Align: report.Right}, {Header: "MASE", Align: report.Right},
	}}
	for _, p := range levels {
		key := levelKey(p)
		t.Columns = append(t.Columns,
			report.Column{Header: "max q" + key + " pinball", Align: report.Right}, report.Column{Header: "coverage", Align: report.Right})
	}
	t.Columns = append(t.Columns, report.Column{Header: "fit", Align: report.Right})
	for _, m := range r.Models {
		name := m.Name
		if m.Name == r.Selected {
			name += " *"
		}
		row := []string{name}
		if m.Error != "" {
			row = append(row, make([]string, len(t.Columns)-2)...)
			t.Rows = append(t.Rows, append(row, "not judged"))
			continue
		}
		row = append(row, short(float64(m.WAPE)), short(float64(m.MASE)))
		for _, p := range levels {
			key := levelKey(p)
			row = append(row, short(float64(m.WindowMax.Pinball[key])), short(float64(m.WindowMax.Coverage[key])))
		}
		t.Rows = append(t.Rows, append(row, time.Duration(m.FitSeconds*float64(time.Second)).Round(time.Millisecond).String()))
	}
	return t
}

func writeBacktest(w io.Writer, r backtestOutput, levels []float64) error {
	t := backtestTable(r, levels)
	if err := t.WriteText(w); err != nil {
		return err
	}
	for _, m := range r.Models {
		if m.Error == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", m.Name, m.Error); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n* selected on the first part of the history: %s\n", r.Why)
	return err
}
