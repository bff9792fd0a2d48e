package config

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/simulator"
)

// whatIf has a policy of every kind.
const whatIf = `apiVersion: prescale.dev/v1alpha1
kind: Scenario
metadata: {name: promotion}
spec:
  duration: 2h
  arrivals:
    pattern: [{constant: {rate: 10}}, {ramp: {at: 30m, rate: 50, rise: 5m, hold: 10m}}]
  history: {pattern: [{constant: {rate: 10}}], duration: 2h}
  service: {mean: 40ms, scv: 1, concurrency: 2}
  balancer: {strategy: powerOfTwo, staleness: 1s}
  queue: {maxPerReplica: 0}
  client: {timeout: 10s, retries: 2, retryBudget: 0.1}
  startup:
    phases: {node: {free: 0.5, provision: {mean: 60s}}, load: {mean: 30s, scv: 0.5}}
    warmup: {duration: 30s, slowdown: 2}
  failures: {podMTBF: 24h, spotEviction: {rate: 0.01}}
  replicas: {min: 1, max: 6}
  slo: {latency: 500ms}
  calendar: [{name: sale, from: "2024-01-01T00:25:00Z", to: "2024-01-01T01:00:00Z", replicas: 4}]
  policies:
  - {name: predictive, predictive: {}}
  - name: hpa-rate
    reactive: {metric: rate, target: 20}
    sweep: {target: [10, 12], stabilization: [0s, 1800s]}
  - {name: keda-sqrt, squareRoot: {}}
  - {name: keda-max, linear: {window: 10m}}
  - name: hpa-cpu
    reactive: {metric: utilization, target: 0.7}
    behavior: {scaleUp: {tolerance: "0.05", selectPolicy: Min, policies: [{type: Percent, value: 50, periodSeconds: 60}]}, scaleDown: {stabilizationWindowSeconds: 60}}
  - {name: knative, knative: {}}
  - {name: cron, cron: [{schedule: "30 8 * * *", timeZone: Europe/Berlin, replicas: 4}]}
  - {name: last-week, seasonalNaive: {}}
  - {name: phpa, holtWinters: {}}
  - {name: slo-law, sloLaw: {}}
  - {name: oracle, oracle: {}}
  - {name: fixed, fixed: {replicas: 3}}
`

func scenarioOf(t *testing.T, text string) (Scenario, error) {
	t.Helper()
	return ReadScenario(strings.NewReader(text), filepath.Join(t.TempDir(), "what-if.yaml"))
}

func TestScenarioIsConverted(t *testing.T) {
	s, err := scenarioOf(t, whatIf)
	require.NoError(t, err)
	c := s.Config
	require.NoError(t, c.Validate())
	assert.Equal(t, "promotion", s.Name)
	assert.EqualValues(t, 1, s.Seed)
	assert.Equal(t, 2*time.Hour, c.Duration)
	assert.Equal(t, simulator.PowerOfTwo, c.Balancer.Kind)
	assert.Equal(t, time.Second, c.Balancer.Staleness)
	assert.Equal(t, simulator.NoQueue, c.Queue.MaxPerReplica)
	assert.Equal(t, 0.5, c.Startup.Node.FreeProbability)
	assert.Equal(t, "load", c.Startup.Phases[0].Name)
	assert.Equal(t, 2.0, c.Startup.Slowdown)
	assert.Equal(t, 24*time.Hour, c.Failures.PodMTBF)
	assert.EqualValues(t, 6, c.Replicas.Max)
	assert.Equal(t, 60.0, c.Arrivals.Schedule.Rate(40*time.Minute))

	// Two hours of history, drawn from its own pattern.
	assert.Equal(t, 120, s.History.Len())
	assert.Equal(t, c.Start, s.History.End())
	assert.InDelta(t, 10, mean(s.History), 0.2)

	var names []string
	for _, p := range s.Policies {
		names = append(names, p.Name())
	}
	assert.Equal(t, []string{
		"predictive",
		"hpa-rate stabilization=0s target=10", "hpa-rate stabilization=0s target=12",
		"hpa-rate stabilization=30m0s target=10", "hpa-rate stabilization=30m0s target=12",
		"keda-sqrt", "keda-max", "hpa-cpu", "knative", "cron", "last-week", "phpa", "slo-law", "oracle", "fixed",
	}, names)

	_, spec := s.Policies[7].HPA()
	assert.Equal(t, time.Minute, *spec.Behavior.ScaleDown.StabilizationWindow)
	assert.InDelta(t, 0.05, *spec.Behavior.ScaleUp.Tolerance, 1e-12)
	require.Len(t, spec.Behavior.ScaleUp.Policies, 1)

	require.NotNil(t, s.Predictive)
	assert.Len(t, s.Predictive.Plan.Calendar, 1)
	// The mixture of a provisioned node and a load of 30 s: its 90th percentile is that of those who wait.
	assert.Greater(t, s.Predictive.Plan.Lead.Startup, time.Minute)

	// Equal files draw equal arrivals.
	again, err := scenarioOf(t, whatIf)
	require.NoError(t, err)
	assert.Equal(t, s.History, again.History)
	assert.Equal(t, first(t, s), first(t, again))
}

func mean(t arrivals.Trace) float64 {
	sum := 0.0
	for _, r := range t.Rate {
		sum += r
	}
	return sum / float64(t.Len())
}

func first(t *testing.T, s Scenario) []float64 {
	t.Helper()
	stream, err := s.Config.Arrivals.NewStream(rand.New(rand.NewPCG(1, 1)))
	require.NoError(t, err)
	times := make([]float64, 100)
	require.Equal(t, 100, stream.Fill(times))
	return times
}

func TestScenarioOfATrace(t *testing.T) {
	dir := t.TempDir()
	var csv strings.Builder
	csv.WriteString("timestamp,value\n")
	start := time.Date(2024, 5, 1, 0, 0, 0, 0, time.UTC)
	for i := range 600 {
		if i == 350 {
			continue // a hole
		}
		csv.WriteString(start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339) + ",600\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "load.csv"), []byte(csv.String()), 0o600))
	text := strings.Replace(whatIf, "    pattern: [{constant: {rate: 10}}, {ramp: {at: 30m, rate: 50, rise: 5m, hold: 10m}}]\n  history: {pattern: [{constant: {rate: 10}}], duration: 2h}\n",
		"    trace: {file: load.csv, from: \"2024-05-01T05:00:00Z\", scale: 0.5}\n    process: overdispersed\n", 1)
	require.NotEqual(t, whatIf, text)
	path := filepath.Join(dir, "what-if.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))

	s, err := ReadScenarioFile(path)
	require.NoError(t, err)
	assert.Equal(t, start.Add(5*time.Hour), s.Config.Start)
	assert.Equal(t, 300, s.History.Len(), "what lies before is the history")
	assert.Equal(t, s.Config.Start, s.History.End())
	assert.Equal(t, 5.0, s.Config.Arrivals.Schedule.Rate(0))
	assert.NoError(t, Validate(path))

	for old, message := range map[string]string{
		"load.csv":             "spec.arrivals.trace.file",
		"2024-05-01T05:00:00Z": "must lie in the trace, 2024-05-01T00:00:00Z to 2024-05-01T10:00:00Z",
		"duration: 2h":         "spec.duration: Invalid value: \"9h0m0s\": must be at most 5h0m0s, which is what is left of the trace",
	} {
		replacement := map[string]string{"load.csv": "none.csv", "2024-05-01T05:00:00Z": "2025-05-01T05:00:00Z", "duration: 2h": "duration: 9h"}[old]
		_, err := ReadScenario(strings.NewReader(strings.Replace(text, old, replacement, 1)), path)
		require.Error(t, err)
		assert.Contains(t, err.Error(), message)
	}
}

// Everything that is wrong is said together, each with its line.
func TestScenarioErrorsNameLineAndField(t *testing.T) {
	text := strings.NewReplacer("mean: 40ms", "mean: -1ms", "strategy: powerOfTwo", "strategy: best", "replicas: 3}", "replicas: 300}").Replace(whatIf)
	_, err := scenarioOf(t, text)
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3)
	assert.Contains(t, lines[0], "what-if.yaml:9: spec.service.mean: Invalid value")
	assert.Contains(t, lines[1], `what-if.yaml:10: spec.balancer: Unsupported value: "best"`)
	assert.Contains(t, lines[2], "what-if.yaml:36: spec.policies[11].fixed.replicas: Invalid value: 300: must be 0 to replicas.max (6)")

	// So is what only the conversion sees.
	text = strings.NewReplacer("target: [10, 12]", "goal: [10, 12]", "Europe/Berlin", "Europe/Bielefeld").Replace(whatIf)
	_, err = scenarioOf(t, text)
	require.Error(t, err)
	assert.Contains(t, err.Error(), "spec.policies[1].sweep.goal[0]: Invalid value: \"10\": reactive has no field goal")
	assert.Contains(t, err.Error(), "spec.policies[6].cron[0].timeZone: Invalid value: \"Europe/Bielefeld\"")

	// A swept value is checked as if it had been written.
	_, err = scenarioOf(t, strings.Replace(whatIf, "target: [10, 12]", "target: [10, -12]", 1))
	assert.ErrorContains(t, err, "spec.policies[1].reactive.target: Invalid value: -12: must be above 0")
	_, err = scenarioOf(t, strings.Replace(whatIf, "kind: Scenario", "kind: Scenery", 1))
	assert.ErrorContains(t, err, `is kind "Scenery"`)
	_, err = scenarioOf(t, whatIf+"---\n"+whatIf)
	assert.ErrorContains(t, err, "holds 2 YAML documents: expected one")
}

func TestExampleScenariosAreValid(t *testing.T) {
	files, err := filepath.Glob("../examples/scenarios/*.yaml")
	require.NoError(t, err)
	assert.Len(t, files, 6)
	for _, file := range files {
		_, err := ReadScenarioFile(file)
		assert.NoError(t, err, file)
	}
}

func FuzzReadScenario(f *testing.F) {
	f.Add(whatIf)
	f.Add(strings.ReplaceAll(whatIf, "rate: 10", "rate: 1e300"))
	f.Add(strings.ReplaceAll(whatIf, "[10, 12]", "[{}]"))
	f.Add("kind: Scenario\napiVersion: prescale.dev/v1alpha1\nspec: {policies: [{}], arrivals: {pattern: [{}]}}")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ReadScenario(strings.NewReader(text), filepath.Join(t.TempDir(), "fuzz.yaml"))
		if err == nil {
			require.NoError(t, s.Config.Validate())
			require.NotEmpty(t, s.Policies)
		}
	})
}
