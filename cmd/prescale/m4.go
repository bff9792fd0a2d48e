package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/forecast"
	"github.com/prescale/prescale/report"
)

// The protocol of the M4 competition for hourly series.
const (
	m4Horizon = 48
	m4Season  = 24
	m4Step    = time.Hour
	m4Alpha   = 0.05 // MSIS judges intervals at 95 %
)

// m4Levels are the one-sided levels whose coverage is reported.
var m4Levels = []float64{0.9, 0.95, 0.99}

// m4Output is the JSON of prescale backtest --m4-train: the scores of the first model, and a row for
// each model.
type m4Output struct {
	m4Score
	Models []m4Score `json:"models"`
}

// m4Score is one model's score over all series. OWA is relative to Naive2 on the same series.
type m4Score struct {
	Name         string            `json:"name"`
	Series       int               `json:"series"`
	SMAPE        number            `json:"smape"`
	MASE         number            `json:"mase"`
	RelativeMASE number            `json:"relative_mase"`
	OWA          number            `json:"owa"`
	MSIS         number            `json:"msis"`
	Coverage     map[string]number `json:"coverage"`
	// Seconds is the wall time of this model's forecasts with intervals over all series, on all cores.
	Seconds float64 `json:"seconds"`
	// FellBack is the number of series that the model could not be fitted to; Naive2 stands in.
	FellBack int `json:"fell_back"`
}

// m4Model is a model with its name on the command line.
type m4Model struct {
	name  string
	model forecast.Model
}

// m4Models are the models that can be judged, the default first.
func m4Models() []m4Model {
	const week = 7 * m4Season
	models := []m4Model{{"auto", forecast.Combination{Horizon: m4Horizon}}}
	for _, m := range forecast.Members(m4Step, 4*week, m4Horizon, 0) {
		models = append(models, m4Model{m.Name, m.Model})
	}
	return append(models,
		m4Model{"arima", forecast.ARIMA{Seasons: []int{m4Season, week}, Horizon: m4Horizon}},
		m4Model{"naive2", m4Naive2},
		m4Model{"theta-1d", forecast.Theta{Season: m4Season, Horizon: m4Horizon}},
		m4Model{"optimized-theta-1d", forecast.OptimizedTheta{Season: m4Season, Horizon: m4Horizon}},
		m4Model{"dynamic-theta-1d", forecast.OptimizedTheta{Season: m4Season, Dynamic: true, Horizon: m4Horizon}},
		m4Model{"ets-1d", forecast.ETS{Season: m4Season, Horizon: m4Horizon}},
		m4Model{"holt-winters-1w", forecast.HoltWinters{Season: week, Horizon: m4Horizon}},
	)
}

// m4Naive2 is the yardstick of OWA, and stands in where a model cannot be fitted.
var m4Naive2 = forecast.Naive2{Season: m4Season, Horizon: m4Horizon}

func m4ModelsNamed(names []string) ([]m4Model, error) {
	all := m4Models()
	if len(names) == 0 {
		return all[:1], nil
	}
	var chosen []m4Model
	for _, name := range names {
		i := slices.IndexFunc(all, func(m m4Model) bool { return m.name == name })
		if i < 0 {
			var known []string
			for _, m := range all {
				known = append(known, m.name)
			}
			return nil, usageError{fmt.Errorf("--models: unknown model %q, have %s", name, strings.Join(known, ", "))}
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// m4Result is what one forecast scored.
type m4Result struct {
	smape, mase, msis float64
	covered           []float64 // steps at or below the quantile, per level
	fellBack          bool
	err               error
}

// backtestM4 judges the models on a set of series with the protocol of the M4 competition.
func backtestM4(cmd *cobra.Command, set []m4Series, models []m4Model) (m4Output, error) {
	show, done := progressBar(cmd.ErrOrStderr(), "scoring")
	defer done()
	var finished atomic.Int64
	each := func() { show(float64(finished.Add(1)) / float64((len(models)+1)*len(set))) }
	run := func(m m4Model) (m4Score, error) { return runM4(cmd.Context(), set, m, each) }
	base, err := run(m4Model{"naive2", m4Naive2})
	if err != nil {
		return m4Output{}, canceled(err)
	}
	var out m4Output
	for _, m := range models {
		score, err := run(m)
		if err != nil {
			return m4Output{}, canceled(err)
		}
		score.OWA = number(forecast.OWA(float64(score.SMAPE), float64(score.MASE), float64(base.SMAPE), float64(base.MASE)))
		score.RelativeMASE = score.MASE / base.MASE
		out.Models = append(out.Models, score)
	}
	out.m4Score = out.Models[0]
	return out, nil
}

// runM4 forecasts every series on all cores. Results are summed in the order of the series, so that
// they do not depend on the number of cores.
func runM4(ctx context.Context, set []m4Series, m m4Model, finished func()) (m4Score, error) {
	started := time.Now()
	results := make([]m4Result, len(set))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(set)) {
		workers.Go(func() {
			for i := range next {
				results[i] = forecastM4(ctx, set[i], m)
				finished()
			}
		})
	}
	for i := range set {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if ctx.Err() != nil {
		return m4Score{}, ctx.Err()
	}
	score := m4Score{Name: m.name, Series: len(set), Coverage: map[string]number{}}
	covered := make([]float64, len(m4Levels))
	n := number(len(set))
	for i, r := range results {
		if r.err != nil {
			return m4Score{}, usageError{fmt.Errorf("series %s: %w", set[i].id, r.err)}
		}
		score.SMAPE += number(r.smape) / n
		score.MASE += number(r.mase) / n
		score.MSIS += number(r.msis) / n
		for k := range covered {
			covered[k] += r.covered[k]
		}
		if r.fellBack {
			score.FellBack++
		}
	}
	for k, p := range m4Levels {
		score.Coverage[levelKey(p)] = number(covered[k] / float64(len(set)*m4Horizon))
	}
	score.Seconds = time.Since(started).Seconds()
	return score, nil
}

// forecastM4 judges one forecast. Series too short for the model are left to Naive2.
func forecastM4(ctx context.Context, s m4Series, m m4Model) m4Result {
	history := forecast.Series{Step: m4Step, Values: s.train}
	var r m4Result
	fitted, err := m.model.Fit(ctx, history)
	if err != nil && ctx.Err() == nil {
		r.fellBack = true
		fitted, err = m4Naive2.Fit(ctx, history)
	}
	if err != nil {
		r.err = err
		return r
	}
	d := fitted.Forecast(m4Horizon)
	mean, lower, upper := make([]float64, m4Horizon), make([]float64, m4Horizon), make([]float64, m4Horizon)
	for k := range mean {
		mean[k] = d.Mean(k + 1)
		lower[k], upper[k] = d.Quantile(k+1, m4Alpha/2), d.Quantile(k+1, 1-m4Alpha/2)
	}
	r.smape = forecast.SMAPE(s.actual, mean)
	r.mase = forecast.MASE(s.train, s.actual, mean, m4Season)
	r.msis = forecast.MSIS(s.train, s.actual, lower, upper, m4Season, m4Alpha)
	for _, p := range m4Levels {
		covered := 0.0
		for k, y := range s.actual {
			if y <= d.Quantile(k+1, p) {
				covered++
			}
		}
		r.covered = append(r.covered, covered)
	}
	return r
}

func writeM4(w io.Writer, out m4Output) error {
	t := report.Table{Columns: []report.Column{{Header: "model"}}}
	for _, header := range []string{"sMAPE", "MASE", "/Naive2", "OWA", "MSIS"} {
		t.Columns = append(t.Columns, report.Column{Header: header, Align: report.Right})
	}
	for _, p := range m4Levels {
		t.Columns = append(t.Columns, report.Column{Header: "below q" + levelKey(p), Align: report.Right})
	}
	t.Columns = append(t.Columns, report.Column{Header: "time", Align: report.Right})
	fixed := func(v number, digits int) string { return fmt.Sprintf("%.*f", digits, float64(v)) }
	for _, m := range out.Models {
		row := []string{m.Name, fixed(m.SMAPE, 3), fixed(m.MASE, 3), fixed(m.RelativeMASE, 3), fixed(m.OWA, 4), fixed(m.MSIS, 2)}
		for _, p := range m4Levels {
			row = append(row, fixed(m.Coverage[levelKey(p)], 4))
		}
		t.Rows = append(t.Rows, append(row, time.Duration(m.Seconds*float64(time.Second)).Round(10*time.Millisecond).String()))
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	for _, m := range out.Models {
		if m.FellBack == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s: %d series are too short for it, Naive2 stands in\n", m.Name, m.FellBack); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "\n%d series, horizon %d, season %d; OWA and /Naive2 are relative to Naive2 on the same series\n", out.Series, m4Horizon, m4Season)
	return err
}

// m4Excluded are the flags of backtest that the protocol leaves no room for.
var m4Excluded = []string{"history", "horizon", "window", "test-fraction", "quantiles", "step", "unit", "scale"}

func runBacktestM4(cmd *cobra.Command, trainPath, testPath string, names []string, out *output) error {
	if trainPath == "" {
		return usageError{errors.New("--m4-test needs --m4-train")}
	}
	for _, name := range m4Excluded {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s cannot be combined with --m4-train, whose protocol is fixed", name)}
		}
	}
	models, err := m4ModelsNamed(names)
	if err != nil {
		return err
	}
	set, err := m4Set(trainPath, testPath)
	if err != nil {
		return err
	}
	result, err := backtestM4(cmd, set, models)
	if err != nil {
		return err
	}
	if out.format == "json" {
		return writeJSON(cmd.OutOrStdout(), result)
	}
	return writeM4(cmd.OutOrStdout(), result)
}
