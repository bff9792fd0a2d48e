// Package e2e proves the main job on a real control plane: history in a real Prometheus, a forecast, a replica count,
// the external-metrics API behind the aggregation layer, and the real HorizontalPodAutoscaler controller that changes a
// Deployment ahead of the load. And it proves what happens when a part of that is lost.
//
// `make e2e` builds and installs what the suite runs, and then runs it.
package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/test/e2e/harness"
)

// warmUp is how long after the choice of the moment the suite is about to look at its first number: by then the moment of
// the trace chosen for it should be now. Measured on two cores; the rise is longer than any error in it.
const warmUp = 60 * time.Second

// suite is the running system that the tests share. They run in order, each from the state the one before left.
type suite struct {
	env        *harness.Environment
	cluster    *harness.ControlPlane
	prometheus *harness.Prometheus
	adapter    *harness.Adapter
	recorder   *harness.Recorder
	timeline   *harness.Timeline
	viewer     *harness.Viewer // may read the metric
	stranger   *harness.Viewer // may not
	web        harness.Replayed
	batch      *harness.Steered
}

// TestSpine starts everything once and walks the life of a decision: served, followed, and kept safe through faults.
func TestSpine(t *testing.T) {
	s := newSuite(t)
	for _, test := range []struct {
		name  string
		prove func(*suite, *testing.T)
	}{
		{"the live counter joins the backfilled one", (*suite).joinIsSeamless},
		{"the API serves N with the data's own time", (*suite).servesTheMetric},
		{"the APIService is verified by caBundle", (*suite).apiServiceIsVerified},
		{"RBAC decides who may read", (*suite).rbacIsEnforced},
		{"a scaler that is wrong reports its own error", (*suite).wrongScalersAreAlone},
		{"the HPA scales to exactly N, ahead of the load", (*suite).hpaFollowsTheForecast},
		{"one replica more is followed from 20", (*suite).hpaFollowsOneMore},
		{"losing Prometheus never scales in", (*suite).prometheusIsLost},
		{"Prometheus comes back", (*suite).prometheusReturns},
		{"losing the adapter makes the HPA hold", (*suite).adapterIsLost},
	} {
		passed := t.Run(test.name, func(t *testing.T) {
			s.timeline.Note("TEST %s", test.name)
			test.prove(s, t)
		})
		if !passed {
			t.Fatalf("the tests build on each other, so the rest is left out")
		}
	}
}

// newSuite starts the parts in the order in which they depend on each other.
func newSuite(t *testing.T) *suite {
	t.Helper()
	env := harness.NewEnvironment(t, "../..")
	s := &suite{env: env}
	program := harness.BuildAdapter(t, env) // first, since a cold build takes minutes and the trace does not wait

	trace, description, err := harness.LoadTrace(env.Repository)
	require.NoError(t, err)
	rise, err := harness.SteepestRise(trace, startup, 5*time.Minute, time.Hour)
	require.NoError(t, err)
	now := time.Now()
	s.web, err = harness.ReplayAt(trace, rise.At, now.Add(warmUp))
	require.NoError(t, err)
	s.batch = harness.NewSteered(now.Add(-8*time.Hour), batchRate)
	harness.Say("history: %s; its %s is replayed as %s, since %v later the rate is %.0f %% higher",
		description, rise.At.Format(time.DateTime), now.Add(warmUp).Format(time.TimeOnly), startup, 100*(rise.Ratio-1))

	counters := map[string]harness.Counter{"web": s.web, "batch": s.batch}
	exporter := harness.StartExporter(t, env, counters)
	s.prometheus = harness.NewPrometheus(t, env, exporter, counters)
	s.prometheus.Backfill(t, harness.BlockStart(now.Add(-time.Hour)), harness.CoarseStep)
	harness.Say("backfilled two weeks of history")

	s.cluster = harness.StartControlPlane(t, env)
	harness.StartKwok(t, env, s.cluster)
	harness.Say("control plane runs")

	s.prometheus.Backfill(t, time.Now().Add(2*harness.ScrapeInterval), harness.ScrapeInterval)
	s.prometheus.Start(t)
	harness.Say("Prometheus runs")

	s.cluster.CreateDeployment(t, harness.Workload{Name: "web", Replicas: 2})
	s.cluster.CreateDeployment(t, harness.Workload{Name: "batch", Replicas: 20})
	s.recorder = harness.StartRecorder(t, env, s.cluster)
	s.viewer = s.cluster.CreateViewer(t, "viewer", true)
	s.stranger = s.cluster.CreateViewer(t, "stranger", false)
	s.adapter = harness.InstallAdapter(t, env, s.cluster, program, s.prometheus.URL, scalersYAML())
	s.adapter.Start(t)
	s.timeline = harness.StartTimeline(t, env, s.adapter, s.recorder, s.viewer.Token, "web", "batch")
	return s
}
