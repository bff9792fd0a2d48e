package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const smallScenario = `apiVersion: prescale.dev/v1alpha1
kind: Scenario
metadata: {name: small}
spec:
  duration: 40m
  arrivals: {pattern: [{constant: {rate: 10}}, {ramp: {at: 10m, rate: 40, rise: 2m, hold: 10m, fall: 5m}}]}
  history: {pattern: [{constant: {rate: 10}}], duration: 6h}
  service: {mean: 100ms}
  startup: {mean: 60s}
  replicas: {initial: 2, min: 2, max: 10}
  slo: {latency: 1s}
  calendar: [{name: sale, from: "2024-01-01T00:08:00Z", to: "2024-01-01T00:25:00Z", replicas: 7}]
  policies:
  - {name: predictive, predictive: {forecast: {model: naive}}}
  - {name: hpa-rate, reactive: {metric: rate, target: 8}, sweep: {target: [6, 8]}}
  - {name: fixed, fixed: {replicas: 7}}
`

// smallFolder is a folder with the scenario, in which the test runs.
func smallFolder(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "small.yaml"), []byte(smallScenario), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "bad.yaml"), []byte(strings.Replace(smallScenario, "max: 10", "max: -1", 1)), 0o600))
	t.Chdir(dir)
}

func simulateJSON(t *testing.T, args ...string) simulateOutput {
	t.Helper()
	stdout, stderr, code := command(t, append([]string{"simulate", "-f", "small.yaml", "-o", "json"}, args...)...)
	require.Equal(t, exitDone, code, stderr)
	var out simulateOutput
	require.NoError(t, json.Unmarshal([]byte(stdout), &out))
	return out
}

// UnmarshalJSON reads what MarshalJSON wrote: null is unknown.
func (n *number) UnmarshalJSON(text []byte) error {
	var v *float64
	if err := json.Unmarshal(text, &v); err != nil || v == nil {
		return err
	}
	*n = number(*v)
	return nil
}

func TestSimulateTellsTheContract(t *testing.T) {
	smallFolder(t)
	out := simulateJSON(t, "--replications", "2")
	assert.Equal(t, "small", out.Scenario)
	assert.EqualValues(t, 1, out.Seed)
	assert.Equal(t, "events", out.Engine)
	assert.Positive(t, out.WallSeconds)
	assert.Positive(t, float64(out.RequestsPerSecond))
	require.Len(t, out.Policies, 4)
	names := []string{"predictive", "hpa-rate target=6", "hpa-rate target=8", "fixed"}
	for i, p := range out.Policies {
		assert.Equal(t, names[i], p.Name)
		assert.Equal(t, 2, p.Replications)
		// 10/s for 40 min and 40/s for 13.5 min, on the same random numbers.
		assert.InEpsilon(t, 24000+32400, float64(p.Requests), 0.02)
		assert.Equal(t, out.Policies[0].Requests, p.Requests)
		assert.LessOrEqual(t, p.LatencySeconds["p50"], p.LatencySeconds["p99"])
		assert.Contains(t, p.Intervals, "slo_attainment")
		assert.Equal(t, i > 0, p.AgainstFirst != nil)
	}
	fixed, late := out.Policies[3], out.Policies[2]
	assert.Greater(t, fixed.SLOAttainment, late.SLOAttainment)
	assert.Greater(t, fixed.ReplicaHours, late.ReplicaHours)
	assert.InDelta(t, 0, float64(out.Policies[0].SLOViolationRatio), 0.1, "the calendar knew")
	assert.EqualValues(t, 8, late.Settings["target"])

	again := simulateJSON(t, "--replications", "2")
	again.WallSeconds, again.RequestsPerSecond = out.WallSeconds, out.RequestsPerSecond
	assert.Equal(t, out, again, "equal seeds, equal results")
	other := simulateJSON(t, "--replications", "1", "--seed", "9", "--policies", "fixed,hpa-rate")
	require.Len(t, other.Policies, 3)
	assert.EqualValues(t, 9, other.Seed)
	assert.NotEqual(t, out.Policies[3].Requests, other.Policies[0].Requests)
}

func TestSimulateFluidAgreesWithEvents(t *testing.T) {
	smallFolder(t)
	events, fluid := simulateJSON(t, "--replications", "3"), simulateJSON(t, "--engine", "fluid")
	for i, p := range fluid.Policies {
		assert.InEpsilon(t, float64(events.Policies[i].ReplicaHours), float64(p.ReplicaHours), 0.1, p.Name)
		assert.InDelta(t, float64(events.Policies[i].SLOAttainment), float64(p.SLOAttainment), 0.05, p.Name)
	}
}

// Shards that are merged are the whole.
func TestSimulateShardsMerge(t *testing.T) {
	smallFolder(t)
	whole := simulateJSON(t, "--replications", "3")
	for i := range 2 {
		_, stderr, code := command(t, "simulate", "-f", "small.yaml", "--replications", "3", "--shard", fmt.Sprintf("%d/2", i), "--out", fmt.Sprintf("part%d.json", i))
		require.Equal(t, exitDone, code, stderr)
	}
	stdout, stderr, code := command(t, "simulate", "merge", "part1.json", "part0.json", "-o", "json")
	require.Equal(t, exitDone, code, stderr)
	var merged simulateOutput
	require.NoError(t, json.Unmarshal([]byte(stdout), &merged))
	merged.WallSeconds, merged.RequestsPerSecond = whole.WallSeconds, whole.RequestsPerSecond
	assert.Equal(t, whole, merged)

	_, stderr, code = command(t, "simulate", "merge", "part0.json", "small.yaml")
	assert.Equal(t, exitUsage, code)
	assert.Contains(t, stderr, "small.yaml: is no part of a simulation")
	_, stderr, code = command(t, "simulate", "merge", "part0.json", "part0.json")
	assert.NotEqual(t, exitDone, code)
	assert.Contains(t, stderr, "two results of policy 0")
}

func TestSimulateTable(t *testing.T) {
	smallFolder(t)
	stdout, stderr, code := command(t, "simulate", "-f", "small.yaml", "--engine", "fluid")
	require.Equal(t, exitDone, code, stderr)
	lines := strings.Split(stdout, "\n")
	assert.Equal(t, "small: fluid, 99.0 % of requests within 1s", lines[0])
	assert.Regexp(t, `^policy +SLO kept +bad min +mean +p95 +p99 +replica-h +cost +vs first +J +up/down +dropped$`, lines[2])
	assert.Regexp(t, `^predictive `, lines[3])
	assert.Empty(t, stderr)
}

func TestSimulateReport(t *testing.T) {
	smallFolder(t)
	_, stderr, code := command(t, "simulate", "-f", "small.yaml", "--replications", "1", "-o", "html", "--out", "small.html")
	require.Equal(t, exitDone, code, stderr)
	assert.Contains(t, stderr, "wrote small.html")
	page, err := os.ReadFile("small.html")
	require.NoError(t, err)
	for _, want := range []string{
		"<h1>What if: small</h1>", "costs the least", "Bad minutes over cost", "Offered load", "forecast of the highest rate in the lead window",
		"Ready replicas", "Latency, 99th percentile", "objective 1s", "sale", "Settings: ", "calendar",
	} {
		assert.Contains(t, string(page), want)
	}
	assert.Empty(t, regexp.MustCompile(`(?:src|href)=`).FindAllString(string(page), 1))
}

func TestSimulateRefuses(t *testing.T) {
	smallFolder(t)
	for _, tt := range []struct{ args, want string }{
		{"", "-f is required"},
		{"-f none.yaml", "none.yaml"},
		{"-f bad.yaml", "bad.yaml:10: spec.replicas.max: Invalid value: -1: must be 2 to 10000"},
		{"-f small.yaml --policies best", `--policies: the scenario has no policy "best", but predictive, hpa-rate, fixed`},
		{"-f small.yaml --engine gas", `--engine "gas": must be events or fluid`},
		{"-f small.yaml --shard 2/2", `--shard "2/2": must be i/n`},
		{"-f small.yaml --replications 0", "--replications 0: must be at least 1"},
		{"-f small.yaml --engine fluid --shard 0/2", "the engine fluid has nothing to divide"},
		{"-f small.yaml -o svg", "--output \"svg\""},
		{"merge", "needs the files that simulate --shard wrote"},
	} {
		_, stderr, code := command(t, append([]string{"simulate"}, strings.Fields(tt.args)...)...)
		assert.Equal(t, exitUsage, code, tt.args)
		assert.Contains(t, stderr, tt.want)
	}
}

// Ctrl-C shows what is finished.
func TestSimulateInterrupted(t *testing.T) {
	smallFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := run(ctx, []string{"simulate", "-f", "small.yaml"}, &out, &errs)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, errs.String(), "canceled")
}

func TestExampleScenariosPlay(t *testing.T) {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	for _, name := range []string{"promotion", "retry-storm"} {
		stdout, stderr, code := command(t, "simulate", "-f", filepath.Join(root, "examples/scenarios", name+".yaml"), "--engine", "fluid", "-o", "json")
		require.Equal(t, exitDone, code, stderr)
		var out simulateOutput
		require.NoError(t, json.Unmarshal([]byte(stdout), &out))
		if name != "promotion" {
			continue
		}
		first, last := out.Policies[0], out.Policies[len(out.Policies)-1]
		assert.Greater(t, float64(first.SLOAttainment), 0.99)
		assert.Less(t, float64(first.Cost), 0.4*float64(last.Cost), "at least 60 %% cheaper than a fixed 50")
	}
}
