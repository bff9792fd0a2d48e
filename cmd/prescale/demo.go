package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/config"
)

const (
	demoDays = 15             // two weeks to learn from, and a day to play
	demoPlay = 24 * time.Hour // what the timeline shows
	demoWarm = 4 * time.Hour  // played before, while the forecast is fitted
	demoPeak = 40             // replicas that the highest rate of a foreign trace is to need
)

func newDemo() *cobra.Command {
	var (
		tracePath, adapter string
		speed              float64
		every              time.Duration
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "The whole thing on this machine, in half a minute",
		Long: `demo starts prescale-adapter as a child process, over a trace that it makes itself (or one of yours),
and plays a day of it quickly: the adapter reads the arrivals up to the played time, forecasts, decides, and
serves the external-metrics API over TLS on localhost, where the demo asks for the number of replicas just
as a HorizontalPodAutoscaler would. Nothing is installed and no cluster is needed.`,
		Example: `  prescale demo
  prescale demo --trace load.csv --every 1h`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVar(&tracePath, "trace", "", "CSV file of arrivals to play the last day of, with the header timestamp,value; a trace of its own if not given")
	f.StringVar(&adapter, "adapter", "", "the prescale-adapter program; looked for beside prescale and in PATH if not given")
	f.Float64Var(&speed, "speed", 4320, "how many times faster than the clock on the wall to play")
	f.DurationVar(&every, "every", 30*time.Minute, "played time between two lines of the timeline")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !(speed >= 60 && speed <= 10000):
			return usageError{fmt.Errorf("--speed %g: must be 60 to 10000", speed)}
		case every < 5*time.Minute || every > 6*time.Hour:
			return usageError{fmt.Errorf("--every %s: must be 5m to 6h", every)}
		}
		trace, err := demoTrace(tracePath)
		if err != nil {
			return err
		}
		program, err := findAdapter(adapter)
		if err != nil {
			return usageError{err}
		}
		dir, err := os.MkdirTemp("", "prescale-demo-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // temporary files in the folder for such
		return playDemo(cmd, program, dir, trace, speed, every)
	}
	return cmd
}

// demoTrace reads a trace, or makes one: a service with opening hours and a steep morning.
func demoTrace(path string) (arrivals.Trace, error) {
	if path != "" {
		trace, err := (&historyFlags{file: path, unit: string(arrivals.UnitCount), scale: 1}).read()
		if err != nil {
			return arrivals.Trace{}, err
		}
		if need := 2*demoPlay + demoWarm; trace.End().Sub(trace.Start) < need {
			return arrivals.Trace{}, usageError{fmt.Errorf("%s: holds %s of arrivals, the demo needs at least %s", path, trace.End().Sub(trace.Start), need)}
		}
		return trace, nil
	}
	return arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 2, 25, 0, 0, 0, 0, time.UTC), Step: time.Minute, Days: demoDays,
		Base: 20, DailyAmplitude: 250, WeekendFactor: 0.4, Noise: 1, Seed: 1,
	})
}

// writeDemo writes the trace and a PredictiveScaler for it, and returns the path of the latter.
func writeDemo(dir string, trace arrivals.Trace) (string, error) {
	path := filepath.Join(dir, "trace.csv")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	err = errors.Join(arrivals.WriteCSV(file, trace, arrivals.CSVOptions{Unit: arrivals.UnitRate}), file.Close())
	if err != nil {
		return "", err
	}
	const perSecond = 10.0 // requests that one slot serves per second: 100 ms each
	highest := trace.Max(trace.Start, trace.End())
	concurrency := max(1, int(math.Round(highest/(demoPeak*0.8*perSecond))))
	scaler := fmt.Sprintf(`apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: web, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 200
  arrivals: {csv: {file: trace.csv, unit: rate, step: %s}}
  service: {mean: 100ms, concurrency: %d}
  slo: {latency: 1s, percentile: 0.99, maxUtilization: 0.8}
  startup: {mean: 5m}
  forecast: {refit: 48h}
`, trace.Step, concurrency)
	path = filepath.Join(dir, "scalers.yaml")
	return path, os.WriteFile(path, []byte(scaler), 0o600)
}

// playDemo runs the adapter and prints the timeline.
func playDemo(cmd *cobra.Command, program, dir string, trace arrivals.Trace, speed float64, every time.Duration) error {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	path, err := writeDemo(dir, trace)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := config.ReadScalersFile(path); err != nil {
		return err
	}
	start := trace.End().Add(-demoPlay - demoWarm)
	fmt.Fprintf(out, "The workload, as a PredictiveScaler:\n\n%s\n", indent(string(text)))
	fmt.Fprintf(cmd.ErrOrStderr(), "starting %s, which fits a forecast first\n", program)

	child, err := startAdapter(ctx, program, path, dir, start, speed)
	if err != nil {
		return err
	}
	defer child.stop()
	err = timeline(ctx, out, child, every, trace.End())
	if ctx.Err() != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), "interrupted; the adapter is being stopped")
		return errReported
	}
	if err != nil {
		return child.explain(err)
	}
	return nil
}

// timeline asks the adapter every few minutes of played time until the trace ends, prints a line now
// and then, and in the end what it saw.
func timeline(ctx context.Context, out io.Writer, a *adapterProcess, every time.Duration, end time.Time) error {
	first, err := a.await(ctx)
	if err != nil {
		return err
	}
	for first.at.Before(end.Add(-demoPlay)) {
		if err := a.pause(ctx, time.Minute); err != nil {
			return err
		}
		if first, err = a.sample(ctx); err != nil {
			return err
		}
	}
	stop := end.Add(-time.Minute) // the trace has nothing to say after its end
	t := &timelineTable{out: out, every: every, next: first.at.Truncate(every).Add(every)}
	if err := t.header(); err != nil {
		return err
	}
	last := first
	for last.at.Before(stop) {
		s, err := a.sample(ctx)
		if err != nil {
			return err
		}
		if err := t.add(s); err != nil {
			return err
		}
		last = s
		if err := a.pause(ctx, time.Minute); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "\n%s\nThe last answer of the external-metrics API, as the HPA reads it:\n\n%s\n", t.summary(), last.raw)
	return err
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n  ") + "\n"
}
