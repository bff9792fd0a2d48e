package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/forecast"
	"github.com/prescale/prescale/report"
)

// accuracyOutput is the JSON of prescale accuracy.
type accuracyOutput struct {
	Rows    []accuracyRow     `json:"rows"`
	Skipped map[string]string `json:"skipped,omitempty"`
	Summary accuracySummary   `json:"summary"`
}

// accuracyRow judges one level of one window of one trace.
type accuracyRow struct {
	Trace         string  `json:"trace"`
	WindowSeconds float64 `json:"window_seconds"`
	Quantile      float64 `json:"quantile"`
	Origins       int     `json:"origins"`
	Pinball       number  `json:"pinball"`
	Yardstick     string  `json:"yardstick"`
	Skill         number  `json:"skill"`
	Coverage      number  `json:"coverage"`
	CoverageLow   number  `json:"coverage_low"`
	CoverageHigh  number  `json:"coverage_high"`
	Unserved      number  `json:"unserved_share"`
	Idle          number  `json:"idle_share"`
}

func (r accuracyRow) covers() bool {
	return float64(r.CoverageLow) <= r.Quantile && r.Quantile <= float64(r.CoverageHigh)
}

// accuracySummary condenses the rows: skill over those at 0.95 and above, coverage over all.
type accuracySummary struct {
	MeanSkill  number `json:"mean_skill"`
	WorstSkill number `json:"worst_skill"`
	Judged     int    `json:"judged"`
	Worse      int    `json:"worse_by_3_percent"`
	Inside     int    `json:"coverage_inside"`
	Rows       int    `json:"rows"`
}

func newAccuracy() *cobra.Command {
	var (
		dir      string
		fraction float64
		holes    float64
	)
	cmd := &cobra.Command{
		Use:   "accuracy --data DIR",
		Short: "How well window maxima are forecast on a folder of traces",
		Long: `accuracy judges the quantiles of the highest rate over the next 1, 3, 5 and 10 minutes (2 buckets where a
bucket is longer than a minute) on every trace of a folder: fitted once on the first part, updated through
the rest and judged at every step. Skill is 1 - pinball loss / that of the best of four simple forecasts
(newest value, a day ago, a week ago, the largest of them), each with rolling conformal errors. Coverage has
a 95 % interval from a block bootstrap. Files without the header timestamp,value are left out.`,
		Example: `  prescale accuracy --data traces
  prescale accuracy --data traces --of-first 0.7   # what settings may be chosen by: the test part stays unseen`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVar(&dir, "data", "", "folder of CSV files with the header timestamp,value")
	f.Float64Var(&fraction, "of-first", 1, "use only this first share of every trace")
	f.Float64Var(&holes, "zeros-missing-above", 30, "in a trace whose median count exceeds this, a bucket of zero is a hole in the recording")
	out := addOutput(cmd, "table", "json", "markdown")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if dir == "" {
			return usageError{errors.New("--data is required: a folder of CSV files")}
		}
		if !(fraction > 0 && fraction <= 1) {
			return usageError{fmt.Errorf("--of-first %g: must lie above 0 and at most at 1", fraction)}
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.csv"))
		if err != nil {
			return usageError{fmt.Errorf("--data: %w", err)}
		}
		if len(files) == 0 {
			return usageError{fmt.Errorf("--data %s: holds no CSV file", dir)}
		}
		result := accuracyOutput{Skipped: map[string]string{}}
		for _, file := range files {
			rows, err := traceAccuracy(cmd, file, fraction, holes)
			switch {
			case cmd.Context().Err() != nil:
				return errReported
			case err != nil:
				result.Skipped[filepath.Base(file)] = err.Error()
			}
			result.Rows = append(result.Rows, rows...)
		}
		if len(result.Rows) == 0 {
			return usageError{fmt.Errorf("--data %s: no trace can be judged", dir)}
		}
		result.Summary = summarize(result.Rows)
		switch out.format {
		case "json":
			return writeJSON(cmd.OutOrStdout(), result)
		case "markdown":
			return writeAccuracyMarkdown(cmd.OutOrStdout(), result)
		}
		return writeAccuracy(cmd.OutOrStdout(), result)
	}
	return cmd
}

var errNoTrace = errors.New("no trace: the header is not timestamp,value")

func traceAccuracy(cmd *cobra.Command, file string, fraction, holes float64) ([]accuracyRow, error) {
	name := strings.TrimSuffix(filepath.Base(file), ".csv")
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(data, []byte("timestamp,value")) {
		return nil, errNoTrace
	}
	trace, err := arrivals.ReadCSV(bytes.NewReader(data), arrivals.CSVOptions{Name: file, Unit: arrivals.UnitCount})
	if err != nil {
		return nil, err
	}
	markHoles(trace, holes)
	trace = trace.TrimMissing()
	s := series(trace)
	s.Values = s.Values[:int(fraction*float64(len(s.Values)))]
	windows := accuracyWindows(s.Step)
	fmt.Fprintf(cmd.ErrOrStderr(), "accuracy: %s\n", name)
	model := forecast.Auto{Horizon: slices.Max(windows), Window: windows[len(windows)/2]}
	scores, err := forecast.CapacityBacktest(cmd.Context(), s, model, forecast.CapacityOptions{Windows: windows})
	if err != nil {
		return nil, err
	}
	rows := make([]accuracyRow, len(scores))
	for i, sc := range scores {
		rows[i] = accuracyRow{
			Trace: name, WindowSeconds: (time.Duration(sc.Window) * s.Step).Seconds(), Quantile: sc.Quantile, Origins: sc.Origins,
			Pinball: number(sc.Pinball / sc.MeanActual), Skill: number(sc.Skill()), Yardstick: "none",
			Coverage: number(sc.Coverage), CoverageLow: number(sc.Low), CoverageHigh: number(sc.High),
			Unserved: number(sc.Unserved), Idle: number(sc.Idle),
		}
		if sc.Best >= 0 {
			rows[i].Yardstick = forecast.YardstickNames[sc.Best]
		}
	}
	return rows, nil
}

// accuracyWindows are the windows judged, in steps.
func accuracyWindows(step time.Duration) []int {
	if step > time.Minute {
		return []int{2}
	}
	var windows []int
	for _, w := range []time.Duration{1, 3, 5, 10} {
		windows = append(windows, int(w*time.Minute/step))
	}
	return windows
}

// markHoles turns zeros into missing values where the usual count is such that none can be observed.
func markHoles(t arrivals.Trace, above float64) {
	var present []float64
	for _, r := range t.Rate {
		if !math.IsNaN(r) {
			present = append(present, r)
		}
	}
	if len(present) == 0 {
		return
	}
	slices.Sort(present)
	if present[len(present)/2]*t.Step.Seconds() <= above {
		return
	}
	for i, r := range t.Rate {
		if r == 0 {
			t.Rate[i] = math.NaN()
		}
	}
}

func summarize(rows []accuracyRow) accuracySummary {
	s := accuracySummary{WorstSkill: number(math.Inf(1)), Rows: len(rows)}
	sum := 0.0
	for _, r := range rows {
		if r.covers() {
			s.Inside++
		}
		skill := float64(r.Skill)
		if r.Quantile < 0.95 || math.IsNaN(skill) {
			continue
		}
		s.Judged++
		sum += skill
		s.WorstSkill = min(s.WorstSkill, r.Skill)
		if skill < -0.03 {
			s.Worse++
		}
	}
	s.MeanSkill = number(sum / float64(s.Judged))
	return s
}

func (r accuracyRow) cells() []string {
	mark := ""
	if !r.covers() {
		mark = " !"
	}
	return []string{
		r.Trace, (time.Duration(r.WindowSeconds) * time.Second).String(), levelKey(r.Quantile), short(float64(r.Pinball)),
		r.Yardstick, fmt.Sprintf("%+.1f %%", 100*float64(r.Skill)),
		fmt.Sprintf("%.3f [%.3f, %.3f]%s", float64(r.Coverage), float64(r.CoverageLow), float64(r.CoverageHigh), mark),
		fmt.Sprintf("%.2f %%", 100*float64(r.Unserved)), fmt.Sprintf("%.0f %%", 100*float64(r.Idle)),
	}
}

var accuracyHeader = []string{"trace", "window", "level", "pinball/mean", "best simple", "skill", "coverage", "unserved", "idle"}

func (s accuracySummary) text() string {
	return fmt.Sprintf("Mean skill at 0.95 and 0.99: %.1f %% over %d rows, worst %+.1f %%, %d rows worse than -3 %%. "+
		"Nominal coverage inside the 95 %% interval on %d of %d rows.",
		100*float64(s.MeanSkill), s.Judged, 100*float64(s.WorstSkill), s.Worse, s.Inside, s.Rows)
}

func writeAccuracy(w io.Writer, r accuracyOutput) error {
	var t report.Table
	for i, header := range accuracyHeader {
		column := report.Column{Header: header}
		if i > 0 && i != 4 {
			column.Align = report.Right
		}
		t.Columns = append(t.Columns, column)
	}
	for _, row := range r.Rows {
		t.Rows = append(t.Rows, row.cells())
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", r.Summary.text())
	return err
}

func writeAccuracyMarkdown(w io.Writer, r accuracyOutput) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| %s |\n|%s\n", r.Summary.text(), strings.Join(accuracyHeader, " | "), strings.Repeat(" --- |", len(accuracyHeader)))
	for _, row := range r.Rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row.cells(), " | "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
