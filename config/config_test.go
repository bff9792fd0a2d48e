package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/planner"
)

// short is the twelve-line scaler that must be enough.
const short = `apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 50
  arrivals:
    prometheus: {query: 'sum(rate(http_requests_total{service="web"}[1m]))'}
  service: {mean: 100ms}
  slo: {latency: 1s, percentile: 0.99}
`

func read(t *testing.T, text string) ([]Scaler, error) {
	t.Helper()
	return ReadScalers(strings.NewReader(text), "conf/scalers.yaml")
}

func TestShortScalerTakesTheDefaults(t *testing.T) {
	scalers, err := read(t, short)
	require.NoError(t, err)
	require.Len(t, scalers, 1)
	s := scalers[0]
	assert.Equal(t, "shop/web", s.Key())
	assert.Equal(t, "Deployment", s.Target.Kind)
	assert.Equal(t, planner.ModelAuto, s.Model)
	assert.Equal(t, 336*time.Hour, s.History)
	assert.Equal(t, planner.LeadTime{Startup: time.Minute, HPASync: 15 * time.Second, Ramp: 15 * time.Second}, s.Settings.Lead)
	assert.Equal(t, 0.95, s.Settings.Quantile)
	assert.EqualValues(t, 50, s.Settings.Need.MaxReplicas())
	n, ok := s.Settings.Need.Replicas(50)
	assert.True(t, ok)
	assert.EqualValues(t, 7, n, "the cap of 0.8 is a default")
}

func TestManyDocuments(t *testing.T) {
	other := strings.Replace(short, "name: web, namespace: shop", "name: api", 1)
	scalers, err := read(t, "# a comment\n---\n"+short+"---\n---\n"+other)
	require.NoError(t, err)
	require.Len(t, scalers, 2)
	assert.Equal(t, "default/api", scalers[1].Key())

	_, err = read(t, short+"---\n"+short)
	require.EqualError(t, err, "conf/scalers.yaml:15: the PredictiveScaler shop/web is there already, at line 1")
}

// TestBadInput shows the message a user gets for each kind of mistake: file, line, field, value, and
// what is allowed.
func TestBadInput(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"unknown field", "maxReplicas: 50", "maxReplica: 50", "conf/scalers.yaml:7: spec.maxReplica: unknown field; check the spelling and the indentation"},
		{"unknown nested field", "latency: 1s", "latenzy: 1s", "conf/scalers.yaml:11: spec.slo.latenzy: unknown field; check the spelling and the indentation"},
		{"repeated field", "minReplicas: 2", "minReplicas: 2\n  minReplicas: 3", `key "minReplicas" already set`},
		{"wrong type", "maxReplicas: 50", "maxReplicas: many", "conf/scalers.yaml:7: spec.maxReplicas: is a string, must be a int32"},
		{"no unit", "mean: 100ms", `mean: "100"`, `conf/scalers.yaml:10: spec.service.mean: Invalid value: "100": must be a duration such as "90s" or "336h"`},
		{"no service time", "{mean: 100ms}", "{}", `conf/scalers.yaml:10: spec.service.mean: Invalid value: "0s": must be above 0s: the time one request takes on a replica, for example 100ms`},
		{"impossible latency", "latency: 1s", "latency: 50ms", "conf/scalers.yaml:11: spec.slo: Invalid value: \"{latency: 50ms, percentile: 0.99, maxUtilization: 0.8}\": queueing: Target.Response.Latency is 50ms, must exceed 460.517018ms, the 0.99-quantile of an exponential service time of mean 100ms: no number of replicas keeps the target"},
		{"percentile in percent", "percentile: 0.99", "percentile: 99", "conf/scalers.yaml:11: spec.slo.percentile: Invalid value: 99: must lie between 0 and 1, for example 0.99"},
		{"limits crossed", "maxReplicas: 50", "maxReplicas: 1", "conf/scalers.yaml:7: spec.maxReplicas: Invalid value: 1: must be at least minReplicas (2)"},
		{"zero replicas", "minReplicas: 2", "minReplicas: 0", "conf/scalers.yaml:6: spec.minReplicas: Invalid value: 0: must be at least 1: scale to zero needs arrivals counted in front of the workload and an activator"},
		{"no arrivals", "prometheus: {query: 'sum(rate(http_requests_total{service=\"web\"}[1m]))'}", "{}", "conf/scalers.yaml:8: spec.arrivals: Required value: one of prometheus and csv"},
		{"unknown model", "service:", "forecast: {model: prophet}\n  service:", "conf/scalers.yaml:10: spec.forecast.model: Invalid value: \"prophet\": must be auto or one of naive, holt, seasonal-naive-1d"},
		{"controller mode", "service:", "mode: Scale\n  service:", "conf/scalers.yaml:10: spec.mode: Invalid value: \"Scale\": a scaler in a file is published only"},
		{"another kind", "kind: PredictiveScaler", "kind: Deployment", `conf/scalers.yaml:1: is kind "Deployment" of apiVersion "prescale.dev/v1alpha1": must be kind PredictiveScaler of apiVersion prescale.dev/v1alpha1`},
		{"no YAML", short, "{", "conf/scalers.yaml: yaml:"},
		{"nothing", short, "# only a comment\n", "conf/scalers.yaml: holds no YAML document: expected kind PredictiveScaler of prescale.dev/v1alpha1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, short, c.from)
			_, err := read(t, strings.Replace(short, c.from, c.to, 1))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAllProblemsAreReportedTogether(t *testing.T) {
	bad := strings.NewReplacer("minReplicas: 2", "minReplicas: 0", "percentile: 0.99", "percentile: 2").Replace(short)
	_, err := read(t, bad+"---\nkind: Nonsense\n")
	require.ErrorContains(t, err, "spec.minReplicas")
	require.ErrorContains(t, err, "spec.slo.percentile")
	require.ErrorContains(t, err, `kind "Nonsense"`)
}

// TestServiceVariability: constant service waits half as long as exponential service, so fewer replicas
// keep a tight latency.
func TestServiceVariability(t *testing.T) {
	need := func(scv string) int32 {
		text := strings.NewReplacer("{mean: 100ms}", "{mean: 100ms, scv: "+scv+"}", "latency: 1s", "latency: 500ms").Replace(short)
		scalers, err := read(t, text)
		require.NoError(t, err)
		n, ok := scalers[0].Settings.Need.Replicas(9)
		require.True(t, ok)
		return n
	}
	assert.Less(t, need("0"), need("1"))
	_, err := read(t, strings.NewReplacer("{mean: 100ms}", "{mean: 100ms, scv: 0.5}", "maxReplicas: 50", "maxReplicas: 500").Replace(short))
	require.ErrorContains(t, err, "maxReplicas times concurrency must be at most 400, not 500")
}

func TestStartupIsCoveredToTheNinetiethPercentile(t *testing.T) {
	scalers, err := read(t, short+"  startup: {mean: 100s, scv: 1}\n")
	require.NoError(t, err)
	// An scv of 1 is exponential, whose 0.9-quantile is ln 10 = 2.302585 means.
	assert.InDelta(t, 230.2585, scalers[0].Settings.Lead.Startup.Seconds(), 0.001)
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "load.csv"), []byte("timestamp,value\n0,60\n60,120\n"), 0o600))
	path := filepath.Join(dir, "scalers.yaml")
	text := strings.Replace(short, "prometheus: {query: 'sum(rate(http_requests_total{service=\"web\"}[1m]))'}", "csv: {file: load.csv, scale: 2}", 1)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	scalers, err := ReadScalersFile(path)
	require.NoError(t, err)
	require.True(t, scalers[0].Source.Replayable())
	h, err := scalers[0].Source.Open("")
	require.NoError(t, err)
	r, err := h.Fetch(t.Context(), time.Unix(0, 0), time.Unix(120, 0))
	require.NoError(t, err)
	assert.Equal(t, []float64{2, 4}, r.Trace.Rate, "paths are relative to the file, counts become rates, scaled")

	scalers, err = read(t, short)
	require.NoError(t, err)
	_, err = scalers[0].Source.Open("")
	require.ErrorContains(t, err, "spec.arrivals.prometheus.url: give it, or the flag --prometheus")
	_, err = scalers[0].Source.Open("http://localhost:9090")
	require.NoError(t, err)
}

func FuzzReadScalers(f *testing.F) {
	f.Add(short)
	f.Add(short + "---\n" + short)
	f.Add("{")
	f.Add("a: &a [*a]\n")
	f.Add("spec: [1, {x: y}]\nkind: PredictiveScaler\napiVersion: prescale.dev/v1alpha1\n")
	f.Fuzz(func(t *testing.T, text string) {
		scalers, err := ReadScalers(strings.NewReader(text), "fuzz.yaml")
		if err == nil {
			for _, s := range scalers {
				require.NoError(t, s.Settings.Validate())
			}
		}
	})
}
