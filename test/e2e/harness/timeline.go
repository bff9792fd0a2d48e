package harness

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// timelineInterval is the distance of the timeline's rows.
const timelineInterval = 5 * time.Second

// Timeline prints a table of what the adapter saw, said and caused while the suite runs:
//
//	time / scaler / data age / observed rate / forecast / source / N / Deployment replicas
//
// The rates are those of the adapter's own gauges. A dash means that there is no value: no such gauge, or no adapter.
type Timeline struct {
	adapter  *Adapter
	recorder *Recorder
	token    string
	scalers  []string
	started  time.Time
	mu       sync.Mutex // one line of output at a time
}

// StartTimeline prints rows for the scalers until the suite ends.
func StartTimeline(tb testing.TB, env *Environment, adapter *Adapter, recorder *Recorder, token string, scalers ...string) *Timeline {
	tb.Helper()
	t := &Timeline{adapter: adapter, recorder: recorder, token: token, scalers: scalers, started: time.Now()}
	ctx, cancel := context.WithCancel(env.Context)
	done := make(chan struct{})
	go func() {
		defer close(done)
		t.run(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
	return t
}

func (t *Timeline) run(ctx context.Context) {
	t.print(fmt.Sprintf("%8s  %-10s %9s %11s %11s  %-12s %4s %9s\n", "time", "scaler", "data age", "observed/s", "forecast/s", "source", "N", "replicas"))
	ticker := time.NewTicker(timelineInterval)
	defer ticker.Stop()
	for {
		t.row()
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (t *Timeline) row() {
	metrics, _ := t.adapter.Metrics(t.token) // an adapter that is down has no values, which is what the row then says
	var rows string
	for _, scaler := range t.scalers {
		gauge := func(name string, digits int) string {
			value, ok := metrics.Of(name, scaler)
			if !ok {
				return "-"
			}
			return strconv.FormatFloat(value, 'f', digits, 64)
		}
		source := metrics.Source(scaler)
		if source == "" {
			source = "-"
		}
		replicas := "-"
		if n, ok := t.recorder.Replicas(scaler); ok {
			replicas = strconv.Itoa(int(n))
		}
		rows += fmt.Sprintf("%8s  %-10s %8ss %11s %11s  %-12s %4s %9s\n", t.Elapsed(), scaler, gauge("prescale_data_age_seconds", 0),
			gauge("prescale_arrival_rate", 1), gauge("prescale_forecast_rate", 1), source, gauge("prescale_recommended_replicas", 0), replicas)
	}
	t.print(rows)
}

// Note prints a remark between the rows: what a test does to the system, or what it has proved.
func (t *Timeline) Note(format string, args ...any) {
	t.print(fmt.Sprintf("%8s  == %s\n", t.Elapsed(), fmt.Sprintf(format, args...)))
}

// Elapsed returns the time since the timeline began, in seconds.
func (t *Timeline) Elapsed() string { return fmt.Sprintf("%.1fs", time.Since(t.started).Seconds()) }

// print writes to standard output and not to the test's log: subtests keep their log to themselves until they end,
// and a timeline is for watching.
func (t *Timeline) print(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprint(os.Stdout, text)
}

// Say prints a remark about the start of the suite, before there is a timeline.
func Say(format string, args ...any) {
	fmt.Fprintf(os.Stdout, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
