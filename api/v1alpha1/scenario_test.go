package v1alpha1

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/yaml"
	"pgregory.net/rapid"
)

// scenario is the one of the documentation, with a policy of every kind.
const scenarioText = `
apiVersion: prescale.dev/v1alpha1
kind: Scenario
metadata: {name: promotion}
spec:
  duration: 24h
  arrivals:
    pattern: [{constant: {rate: 100}}, {diurnal: {amplitude: 50, period: 24h}}, {flashCrowd: {at: 6h, peak: 900, rise: 5m, decay: 1h}},
      {step: {at: 1h, rate: 5}}, {ramp: {at: 2h, rate: 10, rise: 5m, hold: 1h, fall: 1m}}]
    process: mmpp
  history: {pattern: [{constant: {rate: 100}}]}
  service: {mean: 40ms, scv: 0.5, concurrency: 1}
  balancer: powerOfTwo
  queue: {maxPerReplica: 100}
  client: {timeout: 10s, retries: 2, backoff: 100ms, retryBudget: 0.1}
  startup: {mean: 60s, scv: 0.1, warmup: {duration: 30s, slowdown: 2}}
  failures: {podMTBF: 24h, spotEviction: {rate: 0.01, notice: 30s}}
  termination: {grace: 30s}
  metrics: {scrapeInterval: 15s, rateWindow: 1m}
  replicas: {initial: 5, min: 2, max: 60}
  slo: {percentile: 0.99, latency: 500ms}
  cost: {replicaHour: 0.90}
  calendar: [{name: sale, from: "2024-01-01T05:55:00Z", to: "2024-01-01T08:00:00Z", replicas: 50}]
  policies:
  - {name: predictive, predictive: {}}
  - {name: hpa-rate, reactive: {metric: rate, target: 20, stabilization: 300s}, sweep: {target: [10, 12], stabilization: [0s, 1800s]}}
  - {name: keda-sqrt, squareRoot: {scale: 1.1, beta: 1.2, stabilization: 300s}}
  - {name: hpa-cpu, reactive: {metric: utilization, target: 0.7}, behavior: {scaleDown: {stabilizationWindowSeconds: 60}}}
  - {name: knative, knative: {}}
  - {name: cron, cron: [{schedule: "0 8 * * *", replicas: 40}]}
  - {name: same-time-last-week, seasonalNaive: {headroom: 1.2}}
  - {name: phpa, holtWinters: {}}
  - {name: slo-law, sloLaw: {}}
  - {name: oracle, oracle: {}}
  - {name: fixed, fixed: {replicas: 20}}
`

func parseScenario(t testing.TB, text string) Scenario {
	t.Helper()
	var s Scenario
	require.NoError(t, yaml.Unmarshal([]byte(text), &s))
	return s
}

func TestScenarioOfTheDocumentationIsValid(t *testing.T) {
	s := parseScenario(t, scenarioText)
	s.Default()
	assert.Empty(t, s.Validate())
	assert.Equal(t, BalancePowerOfTwo, s.Spec.Balancer.Strategy)
	assert.Equal(t, 5*time.Minute, s.Spec.Policies[3].Reactive.Stabilization.Duration)
	assert.Equal(t, "30m0s", s.Spec.Policies[1].Sweep["stabilization"][1].String())
	assert.Equal(t, "12", s.Spec.Policies[1].Sweep["target"][1].String())

	again := parseScenario(t, scenarioText)
	again.Default()
	again.Default()
	assert.Equal(t, s, again, "defaulting twice is defaulting once")

	// What is written is read again, the balancer and the values of a sweep too.
	text, err := json.Marshal(s)
	require.NoError(t, err)
	var copied Scenario
	require.NoError(t, json.Unmarshal(text, &copied))
	assert.Equal(t, s, copied)
}

func TestScenarioValidate(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*ScenarioSpec)
		want   string
	}{
		"no load":           {func(s *ScenarioSpec) { s.Arrivals.Pattern = nil }, "spec.arrivals: Required value: one of trace and pattern"},
		"no duration":       {func(s *ScenarioSpec) { s.Duration = nil }, "spec.duration: Required value"},
		"two kinds of load": {func(s *ScenarioSpec) { s.Arrivals.Trace = &ScenarioTrace{File: "a.csv"} }, "only one of trace and pattern"},
		"two patterns in one": {
			func(s *ScenarioSpec) { s.Arrivals.Pattern[0].Step = &StepPattern{} },
			"spec.arrivals.pattern[0].step: Forbidden: constant is given already: exactly one of constant, diurnal, flashCrowd, step and ramp",
		},
		"process":            {func(s *ScenarioSpec) { s.Arrivals.Process = "weibull" }, `spec.arrivals.process: Unsupported value: "weibull"`},
		"foreign parameter":  {func(s *ScenarioSpec) { s.Arrivals.Process = ProcessPoisson; s.Arrivals.Burstiness.SCV = new(float64) }, "is a parameter of the process gamma, not of poisson"},
		"negative rate":      {func(s *ScenarioSpec) { s.Arrivals.Pattern[0].Constant.Rate = -1 }, "spec.arrivals.pattern[0].constant.rate: Invalid value: -1: must be 0 to 1e+09"},
		"no service":         {func(s *ScenarioSpec) { s.Service.Mean = nil }, "spec.service: Required value: mean"},
		"mean and batching":  {func(s *ScenarioSpec) { s.Service.Batching = &Batching{MaxBatch: 8} }, "spec.service.mean: Forbidden: batching replaces it"},
		"batch of nothing":   {func(s *ScenarioSpec) { s.Service.Mean = nil; s.Service.Batching = &Batching{MaxBatch: 0} }, "maxBatch: Invalid value: 0: must be 1 to 4096"},
		"balancer":           {func(s *ScenarioSpec) { s.Balancer.Strategy = "best" }, `spec.balancer: Unsupported value: "best"`},
		"retries":            {func(s *ScenarioSpec) { n := int32(-1); s.Client.Retries = &n }, "spec.client.retries: Invalid value: -1: must be 0 to 100"},
		"start-up twice":     {func(s *ScenarioSpec) { s.Startup.Phases = &StartupPhases{} }, "phases replaces mean and scv"},
		"warm-up that helps": {func(s *ScenarioSpec) { s.Startup.Warmup = &Warmup{Slowdown: 0.5} }, "slowdown: Invalid value: 0.5: must be 1 (none) to 1000"},
		"window":             {func(s *ScenarioSpec) { s.Metrics.RateWindow.Duration = time.Second }, "spec.metrics.rateWindow: Invalid value: \"1s\": must be 15s to 24h0m0s"},
		"initial":            {func(s *ScenarioSpec) { *s.Replicas.Initial = 61 }, "spec.replicas.initial: Invalid value: 61: must be 2 to 60"},
		"no latency":         {func(s *ScenarioSpec) { s.SLO.Latency = nil }, "spec.slo.latency: Required value"},
		"late event":         {func(s *ScenarioSpec) { s.Calendar[0].Replicas = 61 }, "spec.calendar[0].replicas: Invalid value: 61"},
		"no policies":        {func(s *ScenarioSpec) { s.Policies = nil }, "spec.policies: Required value"},
		"no kind":            {func(s *ScenarioSpec) { s.Policies[0].Predictive = nil }, "spec.policies[0]: Required value: one of predictive, reactive"},
		"two kinds":          {func(s *ScenarioSpec) { s.Policies[0].Fixed = &FixedPolicy{Replicas: 1} }, "spec.policies[0].fixed: Forbidden: predictive is given already"},
		"same name":          {func(s *ScenarioSpec) { s.Policies[1].Name = "predictive" }, "the name of policies[0]"},
		"cron":               {func(s *ScenarioSpec) { s.Policies[5].Cron[0].Schedule = "daily" }, "must have five fields"},
		"too many replicas":  {func(s *ScenarioSpec) { s.Policies[10].Fixed.Replicas = 61 }, "must be 0 to replicas.max (60)"},
		"utilization":        {func(s *ScenarioSpec) { s.Policies[3].Reactive.Target = 70 }, "must be at most 1: a share of busy time"},
		"empty sweep":        {func(s *ScenarioSpec) { s.Policies[1].Sweep["target"] = nil }, "spec.policies[1].sweep.target: Required value"},
		"history of both":    {func(s *ScenarioSpec) { s.History.File = "a.csv" }, "spec.history.pattern: Forbidden: only one of file and pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			s := parseScenario(t, scenarioText)
			s.Default()
			tt.change(&s.Spec)
			s.Default()
			errs := s.Validate()
			require.NotEmpty(t, errs)
			assert.Contains(t, errs.ToAggregate().Error(), tt.want)
		})
	}
}

// Whatever a file says: defaulting and validating end, and say the same every time.
func TestScenarioValidateNeverPanics(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Scenario
		if yaml.Unmarshal(mutate(t, scenarioText), &s) != nil {
			return
		}
		s.Default()
		first := s.Validate().ToAggregate()
		second := s.Validate().ToAggregate()
		assert.Equal(t, first, second)
	})
}

// mutate leaves out lines and replaces a word.
func mutate(t *rapid.T, text string) []byte {
	var out strings.Builder
	for i, line := range strings.SplitAfter(text, "\n") {
		if i < 6 || !rapid.Bool().Draw(t, "drop") {
			out.WriteString(line)
		}
	}
	word := rapid.SampledFrom([]string{"24h", "100", "powerOfTwo", "0.1", "rate", "60"}).Draw(t, "word")
	with := rapid.SampledFrom([]string{"-1h", "-1", "1e300", ".nan", "", "0", "0s", "{}", "[]"}).Draw(t, "with")
	return []byte(strings.ReplaceAll(out.String(), word, with))
}
