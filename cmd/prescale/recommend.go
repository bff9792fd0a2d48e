package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/report"
)

func newRecommend() *cobra.Command {
	var (
		file, name, prometheus, at string
		current                    int32
	)
	cmd := &cobra.Command{
		Use:   "recommend -f FILE",
		Short: "One decision, explained",
		Long: `recommend decides for one PredictiveScaler as the adapter would, and says why: the forecast, what each
term of the law asks for, the one that was binding, and what the queueing model expects of the result.

The arrivals are those that the file names, unless --history or --prometheus replaces them. With a file of
arrivals the decision is made for its end, with Prometheus for now; --at chooses another instant, and
nothing after it is looked at.`,
		Example: `  prescale recommend -f scaler.yaml --prometheus http://localhost:9090
  prescale recommend -f scaler.yaml --history load.csv --at 2026-03-04T07:55:00Z -o json`,
		Args: noArgs,
	}
	history := addHistory(cmd)
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "", "file with a PredictiveScaler (required)")
	f.StringVar(&name, "scaler", "", "name, or namespace/name, of the scaler if the file holds several")
	f.StringVar(&prometheus, "prometheus", "", "base URL of the Prometheus server, where the scaler names none")
	f.StringVar(&at, "at", "", "instant of the decision, RFC 3339")
	f.Int32Var(&current, "current-replicas", -1, "replicas that run at that instant, if known")
	out := addOutput(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		scaler, err := readScaler(file, name)
		if err != nil {
			return err
		}
		now := time.Time{}
		if at != "" {
			if now, err = time.Parse(time.RFC3339, at); err != nil {
				return usageError{fmt.Errorf("--at %q: must be RFC 3339, for example 2026-03-04T07:55:00Z", at)}
			}
		}
		var trace arrivals.Trace
		if history.file != "" {
			trace, err = history.read()
		} else {
			trace, err = fetch(cmd.Context(), scaler, prometheus, now)
		}
		if err != nil {
			return err
		}
		if now.IsZero() {
			now = time.Now()
			if end, _, ok := trace.LastObserved(); history.file != "" && ok {
				now = end
			}
		}
		r, err := recommend(cmd.Context(), scaler, trace, now, current)
		if err != nil {
			return err
		}
		if out.format == "json" {
			err = writeJSON(cmd.OutOrStdout(), r)
		} else {
			err = writeRecommendation(cmd.OutOrStdout(), scaler, r)
		}
		if err == nil && r.Source == planner.SourceHold {
			return errReported // a hold is no recommendation; why has been said
		}
		return err
	}
	return cmd
}

// fetch reads a scaler's own source up to now, or to its end if now is zero and it is a file.
func fetch(ctx context.Context, s config.Scaler, prometheus string, now time.Time) (arrivals.Trace, error) {
	source, err := s.Source.Open(prometheus)
	if err != nil {
		return arrivals.Trace{}, usageError{err}
	}
	if now.IsZero() {
		now = time.Now()
	}
	result, err := source.Fetch(ctx, now.Add(-s.History), now)
	if err != nil {
		return arrivals.Trace{}, canceled(err)
	}
	return result.Trace, nil
}

// recommend makes the decision of one instant, seeing nothing later.
func recommend(ctx context.Context, s config.Scaler, trace arrivals.Trace, now time.Time, current int32) (planner.Recommendation, error) {
	known := trace.Slice(now.Add(-s.History), now)
	if known.Observed() == 0 {
		return planner.Recommendation{}, usageError{fmt.Errorf("there are no arrival data in the %s before %s: the data are from %s to %s",
			s.History, now.UTC().Format(time.RFC3339), trace.Start.UTC().Format(time.RFC3339), trace.End().UTC().Format(time.RFC3339))}
	}
	o := planner.Observation{Now: now, Recent: known, CurrentReplicas: current}
	f, err := planner.Fit(ctx, s.Settings, s.Model, known)
	switch {
	case errors.Is(err, context.Canceled):
		return planner.Recommendation{}, errReported
	case err != nil:
		o.NoForecast = err.Error()
	default:
		o.Forecast = f
	}
	r, _ := planner.Recommend(s.Settings, o, planner.State{})
	return r, nil
}

func writeRecommendation(w io.Writer, s config.Scaler, r planner.Recommendation) error {
	if r.Source == planner.SourceHold {
		_, err := fmt.Fprintf(w, "%s: hold at %s\n%s\n", s.Key(), r.At.UTC().Format(time.RFC3339), r.Reason)
		return err
	}
	if _, err := fmt.Fprintf(w, "%s: %d replicas at %s (%s, %s binding)\n%s\n\n",
		s.Key(), r.Replicas, r.At.UTC().Format(time.RFC3339), r.Source, r.Binding, r.Reason); err != nil {
		return err
	}
	t := report.Table{Columns: []report.Column{{Header: "term"}, {Header: "requests/s", Align: report.Right}, {Header: "replicas", Align: report.Right}}}
	for _, d := range r.Demands {
		mark := string(d.Term)
		if d.Term == r.Binding {
			mark += " *"
		}
		t.Rows = append(t.Rows, []string{mark, short(d.Rate), fmt.Sprint(d.Replicas)})
	}
	if err := t.WriteText(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nlead time %s, expected utilization %s, p%s response %s\n%s\n",
		r.LeadTime, short(r.Utilization), levelKey(100*r.Percentile), r.ResponseQuantile.Round(time.Millisecond), r.Why)
	return err
}
