package harness

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prescale/prescale/arrivals"
)

// counterName is the metric that every workload of the suite exposes; the label job tells them apart.
const counterName = "http_requests_total"

// Counter is a request counter as a function of wall time. The backfill reads its past and the exporter its present,
// so that the two join without a seam.
type Counter interface {
	// Requests returns how many requests had arrived by the given time. It never decreases.
	Requests(at time.Time) float64
	// Start is the time at which the counter was zero.
	Start() time.Time
}

// Replayed counts the requests of a trace that was moved to the present.
type Replayed struct {
	start    time.Time
	schedule arrivals.Replayed
}

// ReplayAt moves a trace so that its moment `of` happens at wall time `at`, and counts from its beginning.
func ReplayAt(trace arrivals.Trace, of, at time.Time) (Replayed, error) {
	schedule, err := arrivals.Replay(trace)
	return Replayed{start: trace.Start.Add(at.Sub(of)), schedule: schedule}, err
}

// Requests implements Counter.
func (r Replayed) Requests(at time.Time) float64 { return r.schedule.Cumulative(at.Sub(r.start)) }

// Rate returns the rate of the trace at a wall time, in requests per second.
func (r Replayed) Rate(at time.Time) float64 { return r.schedule.Rate(at.Sub(r.start)) }

// Start implements Counter.
func (r Replayed) Start() time.Time { return r.start }

// Steered counts requests at a rate that a test changes while it runs.
type Steered struct {
	start time.Time

	mu       sync.Mutex
	since    time.Time // of the current rate
	requests float64   // until since
	rate     float64
}

// NewSteered returns a counter that began at start and has had the given rate, in requests per second, since.
func NewSteered(start time.Time, rate float64) *Steered {
	return &Steered{start: start, since: start, rate: rate}
}

// SetRate changes the rate from now on.
func (s *Steered) SetRate(rate float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.requests += s.rate * now.Sub(s.since).Seconds()
	s.since, s.rate = now, rate
}

// Requests implements Counter. It is meant for times after the last change of rate.
func (s *Steered) Requests(at time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests + s.rate*at.Sub(s.since).Seconds()
}

// Start implements Counter.
func (s *Steered) Start() time.Time { return s.start }

// StartExporter serves the counters in Prometheus' text format under /<job>/metrics and returns its host and port.
func StartExporter(tb testing.TB, env *Environment, counters map[string]Counter) string {
	tb.Helper()
	mux := http.NewServeMux()
	for job, counter := range counters {
		mux.HandleFunc("GET /"+job+"/metrics", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			fmt.Fprintf(w, "# HELP %[1]s Requests that arrived.\n# TYPE %[1]s counter\n%[1]s %[2]s\n", counterName, count(counter, time.Now()))
		})
	}
	server := httptest.NewServer(mux)
	env.tb.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// count prints a counter's value as a program would count: in whole requests.
func count(counter Counter, at time.Time) string {
	return fmt.Sprintf("%.0f", math.Floor(counter.Requests(at)))
}
