package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the difference before committing it")

// workplace is a folder with a generated history and a scaler; the test runs in it, so that messages
// name no path of the machine.
func workplace(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Step: 10 * time.Minute, Days: 8, Base: 40, DailyAmplitude: 400, Noise: 1, Seed: 1,
	})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, arrivals.WriteCSV(&b, trace, arrivals.CSVOptions{}))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "load.csv"), b.Bytes(), 0o600))
	scaler := `apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 100
  arrivals: {csv: {file: load.csv}}
  service: {mean: 100ms}
  slo: {latency: 1s}
  startup: {mean: 5m}
`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "scaler.yaml"), []byte(scaler), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(strings.Replace(scaler, "maxReplicas", "maxReplica", 1)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "gap.csv"), []byte("timestamp,value\n2026-03-01T00:00:00Z,\n2026-03-01T00:01:00Z,\n"), 0o600))
	m4Files(t, dir)
	t.Chdir(dir)
}

func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

// How long a fit takes, and with it the width of its column, differs from run to run.
var (
	fitTime = regexp.MustCompile(`(?m) +[0-9.]+(ms|s)$`)
	spaces  = regexp.MustCompile(` {2,}`)
)

// TestGoldenCommands runs whole commands and compares what they print with reviewed output.
func TestGoldenCommands(t *testing.T) {
	here, err := os.Getwd()
	require.NoError(t, err)
	workplace(t)
	for _, c := range []struct {
		name string
		args string
		code int
	}{
		{"help", "--help", exitDone},
		{"size", "size --arrival-rate 50 --service-time 100ms --max-utilization 0.8", exitDone},
		{"size-json", "size --arrival-rate 50 --service-time 100ms --max-utilization 0.8 -o json", exitDone},
		{"size-latency", "size --arrival-rate 50 --service-time 100ms --latency 500ms --percentile 0.99 --concurrency 4", exitDone},
		{"size-impossible", "size --arrival-rate 50 --service-time 100ms --latency 100ms", exitUsage},
		{"size-scv", "size --arrival-rate 50 --service-time 100ms --service-scv 4 --latency 1200ms --explain", exitDone},
		{"size-constant", "size --arrival-rate 50 --service-time 100ms --service-scv 0 --explain", exitDone},
		{"size-arrivals", "size --arrival-rate 50 --service-time 100ms --arrival-scv 2 --service-scv 0.5 --mean-wait 30ms --explain", exitDone},
		{"size-patience", "size --arrival-rate 50 --service-time 100ms --patience 2s --max-abandonment 0.001 --max-utilization 0 --explain", exitDone},
		{"size-queue", "size --arrival-rate 50 --service-time 100ms --queue-limit 10 --max-blocking 0.01 --max-utilization 0 --explain", exitDone},
		{"size-no-queue", "size --arrival-rate 50 --service-time 100ms --queue-limit 0 --max-utilization 0 -o json", exitDone},
		{"size-wait", "size --arrival-rate 50 --service-time 100ms --wait 20ms --percentile 0.95 --max-wait-probability 0.2", exitDone},
		{"size-explain", "size --arrival-rate 50 --service-time 100ms --explain", exitDone},
		{"size-explain-json", "size --arrival-rate 50 --service-time 100ms --explain -o json", exitDone},
		{"size-sweep", "size --arrival-rate 50 --service-time 100ms --latency 600ms --sweep replicas=1..10 --explain", exitDone},
		{"size-sweep-losses", "size --arrival-rate 50 --service-time 100ms --queue-limit 2 --sweep replicas=9..11", exitDone},
		{"size-sweep-json", "size --arrival-rate 50 --service-time 100ms --patience 2s --sweep replicas=6..8 -o json", exitDone},
		{"size-sweep-unstable-json", "size --arrival-rate 50 --service-time 100ms --sweep replicas=5..6 -o json", exitDone},
		{"size-bad-scv", "size --arrival-rate 50 --service-time 100ms --service-scv -1", exitUsage},
		{"size-bad-patience", "size --arrival-rate 50 --service-time 100ms --patience 0s", exitUsage},
		{"size-bad-queue", "size --arrival-rate 50 --service-time 100ms --queue-limit -1", exitUsage},
		{"size-bad-sweep", "size --arrival-rate 50 --service-time 100ms --sweep 1..40", exitUsage},
		{"size-falling-sweep", "size --arrival-rate 50 --service-time 100ms --sweep replicas=4..1", exitUsage},
		{"size-long-sweep", "size --arrival-rate 50 --service-time 100ms --sweep replicas=1..5000", exitUsage},
		{"size-svg-of-nothing", "size --arrival-rate 50 --service-time 100ms -o svg", exitUsage},
		{"size-blocking-nobody", "size --arrival-rate 50 --service-time 100ms --max-blocking 0.01", exitUsage},
		{"size-abandoning-nobody", "size --arrival-rate 50 --service-time 100ms --max-abandonment 0.01", exitUsage},
		{"size-patience-and-queue", "size --arrival-rate 50 --service-time 100ms --patience 1s --queue-limit 3", exitUsage},
		{"size-patience-and-scv", "size --arrival-rate 50 --service-time 100ms --patience 1s --service-scv 2", exitUsage},
		{"size-model-unknown", "size --arrival-rate 50 --service-time 100ms --model m/m/c", exitUsage},
		{"size-model-lacks", "size --arrival-rate 50 --service-time 100ms --model erlang-a", exitUsage},
		{"size-model-does-not-heed", "size --arrival-rate 50 --service-time 100ms --model mmc --service-scv 2", exitUsage},
		{"size-model-constant", "size --arrival-rate 50 --service-time 100ms --model mdc --service-scv 2", exitUsage},
		{"size-percentile-of-nothing", "size --arrival-rate 50 --service-time 100ms --percentile 0.9", exitUsage},
		{"size-too-few", "size --arrival-rate 50 --service-time 100ms --max-replicas 3", exitUsage},
		{"size-impossible-scv", "size --arrival-rate 50 --service-time 100ms --service-scv 2 --latency 300ms", exitUsage},
		{"size-help", "size --help", exitDone},
		{"size-random", "size --arrival-rate 50 --service-time 100ms --model random --latency 2s --explain", exitDone},
		{"size-random-scv", "size --arrival-rate 50 --service-time 100ms --model random --service-scv 4 --concurrency 3 --explain", exitDone},
		{"size-round-robin", "size --arrival-rate 50 --service-time 100ms --model round-robin --latency 600ms --explain", exitDone},
		{"size-power-of-d", "size --arrival-rate 50 --service-time 100ms --choices 3 --latency 600ms --explain", exitDone},
		{"size-power-of-none", "size --arrival-rate 50 --service-time 100ms --choices 0", exitUsage},
		{"size-jsq", "size --arrival-rate 15 --service-time 100ms --model jsq --explain --sweep replicas=1..5", exitDone},
		{"size-jsq-too-many", "size --arrival-rate 50 --service-time 100ms --model jsq", exitUsage},
		{"size-jsq-sweep-too-many", "size --arrival-rate 15 --service-time 100ms --model jsq --sweep replicas=1..9", exitUsage},
		{"size-jsq-concurrency", "size --arrival-rate 15 --service-time 100ms --model jsq --concurrency 2", exitUsage},
		{"size-central", "size --arrival-rate 50 --service-time 100ms --model central -o json", exitDone},
		{"size-ps", "size --arrival-rate 50 --service-time 100ms --model ps --mean-response 200ms --explain", exitDone},
		{"size-ps-latency", "size --arrival-rate 50 --service-time 100ms --model ps --latency 200ms", exitUsage},
		{"size-bad-service-time", "size --arrival-rate 50 --service-time -1s --model round-robin", exitUsage},
		{"size-setup", "size --arrival-rate 50 --service-time 100ms --setup-time 30s --mean-response 5s --explain", exitDone},
		{"size-setup-sweep", "size --arrival-rate 5 --service-time 100ms --setup-time 1s --mean-response 1s --sweep replicas=1..9", exitDone},
		{"size-setup-json", "size --arrival-rate 5 --service-time 100ms --setup-time 1s --concurrency 60 -o json", exitDone},
		{"size-setup-impossible", "size --arrival-rate 0.1 --service-time 100ms --setup-time 10s --mean-response 1s --max-replicas 50", exitUsage},
		{"size-setup-wait", "size --arrival-rate 5 --service-time 100ms --setup-time 1s --max-wait-probability 0.1", exitUsage},
		{"size-setup-negative", "size --arrival-rate 5 --service-time 100ms --setup-time -1s", exitUsage},
		{"size-setup-patience", "size --arrival-rate 5 --service-time 100ms --setup-time 1s --patience 1s", exitUsage},
		{"size-setup-latency", "size --arrival-rate 50 --service-time 100ms --setup-time 30s --latency 15s", exitDone},
		{"size-setup-latency-too-many", "size --arrival-rate 5000 --service-time 100ms --setup-time 30s --latency 15s", exitUsage},
		{"size-setup-replicas", "size --replicas 9 --service-time 100ms --setup-time 30s --mean-response 5s", exitDone},
		{"size-replicas", "size --replicas 7 --service-time 100ms --latency 500ms --explain", exitDone},
		{"size-replicas-json", "size --replicas 4 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms --backlog 1000 -o json", exitDone},
		{"size-replicas-sweep", "size --replicas 4 --service-time 100ms --service-scv 0 --latency 500ms --sweep replicas=3..6", exitDone},
		{"size-replicas-any-rate", "size --replicas 4 --service-time 100ms --queue-limit 3 --latency 5s --max-utilization 0", exitUsage},
		{"size-replicas-and-rate", "size --replicas 4 --arrival-rate 50 --service-time 100ms", exitUsage},
		{"size-replicas-negative", "size --replicas -4 --service-time 100ms", exitUsage},
		{"size-replicas-impossible", "size --replicas 4 --service-time 100ms --latency 100ms", exitUsage},
		{"size-replicas-too-many", "size --replicas 9 --service-time 100ms --model jsq", exitUsage},
		{"size-backlog", "size --arrival-rate 50 --service-time 100ms --backlog 1000", exitDone},
		{"size-backlog-patience", "size --arrival-rate 50 --service-time 100ms --patience 1s --backlog 1000", exitUsage},
		{"size-backlog-negative", "size --arrival-rate 50 --service-time 100ms --backlog -1", exitUsage},
		{"size-mminf", "size --arrival-rate 50 --service-time 100ms --model mminf --max-wait-probability 0.01 --explain", exitDone},
		{"size-mminf-wait", "size --arrival-rate 50 --service-time 100ms --model mminf --wait 1s", exitUsage},
		{"size-mg1", "size --arrival-rate 50 --service-time 100ms --model mg1 --service-scv 4 --mean-wait 200ms --explain", exitDone},
		{"size-mg1-latency", "size --arrival-rate 50 --service-time 100ms --model mg1 --latency 1s", exitUsage},
		{"size-mphc", "size --arrival-rate 50 --service-time 100ms --model mphc --service-scv 4 --latency 1200ms --explain", exitDone},
		{"size-mphc-low-scv", "size --arrival-rate 50 --service-time 100ms --model mphc --service-scv 0.3", exitUsage},
		{"size-mphc-too-many", "size --arrival-rate 5000 --service-time 100ms --model mphc --service-scv 0.5", exitUsage},
		{"size-batch-exponential", "size --arrival-rate 900 --model batch-exponential --batch-max 8 --batch-fixed 26ms --latency 200ms --explain", exitDone},
		{"size-batch-exponential-per-item", "size --arrival-rate 900 --model batch-exponential --batch-max 8 --batch-fixed 26ms --batch-per-item 1ms", exitUsage},
		{"size-state-dependent", "size --arrival-rate 20 --model state-dependent --batch-max 16 --batch-fixed 1s --batch-per-item 20ms --queue-limit 32 --wait 500ms --max-blocking 0.001 --explain", exitDone},
		{"size-state-dependent-latency", "size --arrival-rate 20 --model state-dependent --batch-max 16 --batch-fixed 1s --batch-per-item 20ms --queue-limit 32 --latency 7s", exitDone},
		{"size-state-dependent-room", "size --arrival-rate 20 --model state-dependent --batch-max 16 --batch-fixed 1s --batch-per-item 20ms --queue-limit 1000 --latency 7s", exitUsage},
		{"size-state-dependent-lacks", "size --arrival-rate 20 --model state-dependent --batch-max 16 --batch-per-item 20ms", exitUsage},
		{"size-batch", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms --explain", exitDone},
		{"size-batch-json", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms --sweep replicas=3..5 -o json", exitDone},
		{"size-batch-no-limit", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max 0 --explain -o json", exitDone},
		{"size-batch-service-time", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --service-time 1s", exitUsage},
		{"size-batch-concurrency", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --concurrency 2", exitUsage},
		{"size-batch-wait", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --wait 30ms", exitDone},
		{"size-batch-delay", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max-delay 20ms --latency 60ms --explain", exitDone},
		{"size-batch-delay-too-long", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max-delay 50ms --latency 60ms", exitUsage},
		{"size-batch-delay-negative", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max-delay -1ms", exitUsage},
		{"size-batch-rate-std", "size --arrival-rate 900 --rate-std 150 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms --explain", exitDone},
		{"size-batch-too-large", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max 1000", exitUsage},
		{"size-batch-negative", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-fixed -1s", exitUsage},
		{"size-batch-no-time", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-fixed 0s --batch-per-item 0s", exitUsage},
		{"size-batch-patience", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --patience 3s", exitUsage},
		{"size-batch-impossible", "size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 10ms", exitUsage},
		{"size-batch-incomplete", "size --arrival-rate 50 --batch-fixed 3ms", exitUsage},
		{"size-rate-std", "size --arrival-rate 50 --service-time 100ms --rate-std 10 --latency 600ms --explain", exitDone},
		{"size-rate-gamma", "size --arrival-rate 50 --service-time 100ms --rate-std 10 --rate-law gamma --latency 600ms -o json", exitDone},
		{"size-rate-std-alone", "size --arrival-rate 50 --service-time 100ms --rate-std 10", exitUsage},
		{"size-rate-std-negative", "size --arrival-rate 50 --service-time 100ms --rate-std -1 --latency 1s", exitUsage},
		{"size-rate-std-mean", "size --arrival-rate 50 --service-time 100ms --rate-std 10 --latency 1s --mean-wait 1s", exitUsage},
		{"size-rate-std-scv", "size --arrival-rate 50 --service-time 100ms --rate-std 10 --latency 1s --service-scv 2", exitDone},
		{"size-rate-std-patience", "size --arrival-rate 50 --service-time 100ms --rate-std 10 --patience 2s --max-abandonment 0.01 --explain", exitDone},
		{"size-rate-std-jsq", "size --arrival-rate 5 --service-time 100ms --rate-std 1 --latency 1s --model jsq", exitUsage},
		{"size-rate-std-setup", "size --arrival-rate 5 --service-time 100ms --rate-std 1 --setup-time 1s", exitUsage},
		{"size-rate-std-mphc-too-many", "size --arrival-rate 700 --service-time 100ms --rate-std 10 --latency 1500ms --model mphc --service-scv 2", exitUsage},
		{"size-rate-law-alone", "size --arrival-rate 50 --service-time 100ms --rate-law gamma", exitUsage},
		{"size-rate-law-unknown", "size --arrival-rate 50 --service-time 100ms --rate-std 1 --latency 1s --rate-law cauchy", exitUsage},
		{"size-missing", "size --arrival-rate 50", exitUsage},
		{"forecast", "forecast --history load.csv --horizon 1h", exitDone},
		{"forecast-json", "forecast --history load.csv --horizon 30m --quantiles 0.9 -o json", exitDone},
		{"forecast-bad-level", "forecast --history load.csv --quantiles 95", exitUsage},
		{"forecast-all-missing", "forecast --history gap.csv", exitUsage},
		{"forecast-no-file", "forecast --history nowhere.csv", exitUsage},
		{"backtest", "backtest --history load.csv --horizon 20m --window 20m --quantiles 0.95 --models naive,seasonal-naive-1d", exitDone},
		{"backtest-m4", "backtest --m4-train m4-train.csv --m4-test m4-test.csv --models naive2,theta-1d,auto", exitDone},
		{"backtest-m4-held-out", "backtest --m4-train m4-train.csv --models seasonal-naive-1d", exitDone},
		{"backtest-m4-no-train", "backtest --m4-test m4-test.csv", exitUsage},
		{"backtest-m4-and-history", "backtest --m4-train m4-train.csv --horizon 1h", exitUsage},
		{"backtest-m4-unknown-model", "backtest --m4-train m4-train.csv --models prophet", exitUsage},
		{"backtest-m4-no-file", "backtest --m4-train nowhere.csv", exitUsage},
		{"recommend", "recommend -f scaler.yaml --at 2026-03-08T07:50:00Z", exitDone},
		{"recommend-json", "recommend -f scaler.yaml --at 2026-03-08T07:50:00Z --current-replicas 12 -o json", exitDone},
		{"recommend-before-data", "recommend -f scaler.yaml --at 2025-01-01T00:00:00Z", exitFailed},
		{"recommend-stale", "recommend -f scaler.yaml --at 2026-03-09T12:00:00Z --current-replicas 9", exitFailed},
		{"recommend-bad-file", "recommend -f bad.yaml", exitUsage},
		{"validate", "validate -f scaler.yaml -f bad.yaml", exitUsage},
		{"unknown-command", "predict-the-lottery", exitUsage},
		{"unknown-flag", "size --rate 3", exitUsage},
		{"unknown-format", "size --arrival-rate 50 --service-time 100ms -o xml", exitUsage},
	} {
		t.Run(c.name, func(t *testing.T) {
			stdout, stderr, code := command(t, strings.Fields(c.args)...)
			assert.Equal(t, c.code, code, stderr)
			got := "$ prescale " + c.args + "\n" + stdout
			if stderr != "" {
				got += "--- stderr\n" + stderr
			}
			if strings.HasPrefix(c.name, "backtest") {
				got = spaces.ReplaceAllString(fitTime.ReplaceAllString(got, "  (fit time)"), "  ")
			}
			path := filepath.Join(here, "testdata", c.name+".golden")
			if *update {
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err, "run go test ./cmd/prescale -update to write it")
			assert.Equal(t, string(want), got)
		})
	}
}

func TestSizeJSONContract(t *testing.T) {
	out, _, code := command(t, "size", "--arrival-rate", "50", "--service-time", "100ms", "--max-utilization", "0.8", "-o", "json")
	require.Zero(t, code)
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &fields))
	assert.InDelta(t, 7, fields["replicas"], 0)
	for _, name := range []string{
		"replicas", "offered_load", "utilization", "wait_probability", "mean_wait_seconds", "mean_response_seconds", "response_quantile_seconds",
	} {
		assert.Contains(t, fields, name)
	}
}

func TestForecastChartIsXML(t *testing.T) {
	workplace(t)
	out, stderr, code := command(t, "forecast", "--history", "load.csv", "--horizon", "6h", "-o", "svg")
	require.Zero(t, code, stderr)
	require.NoError(t, xml.Unmarshal([]byte(out), new(struct{})))
	assert.Contains(t, out, "<svg")
}

func TestDemoRefuses(t *testing.T) {
	workplace(t)
	for args, want := range map[string]string{
		"demo --speed 1":                            "--speed 1: must be 60 to 10000",
		"demo --every 1s":                           "--every 1s: must be 5m to 6h",
		"demo --trace gap.csv":                      "every value is missing",
		"demo --trace nowhere.csv":                  "no such file",
		"demo --adapter ./nowhere/prescale-adapter": "no such file",
	} {
		_, stderr, code := command(t, strings.Fields(args)...)
		assert.Equal(t, exitUsage, code, args)
		assert.Contains(t, stderr, want)
	}
}

func TestLeadOnRise(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	table := &timelineTable{}
	for i := range 120 {
		need := min(2+max(0, i-40), 42)    // rises by one a minute from minute 40
		asked := min(2+max(0, i-33), 42+2) // seven minutes earlier
		table.samples = append(table.samples, sample{at: at.Add(time.Duration(i) * time.Minute), reactive: need, replicas: asked})
	}
	lead, ok := table.leadOnRise()
	require.True(t, ok)
	assert.Equal(t, 7*time.Minute, lead)
	_, ok = (&timelineTable{samples: table.samples[:30]}).leadOnRise()
	assert.False(t, ok, "nothing rose")
}
