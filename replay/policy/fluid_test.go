package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// workload is eight days and a bit of a shop, of which the last days are played.
func workload(t testing.TB, historyDays, days int) (replay.Environment, arrivals.Schedule) {
	t.Helper()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Step: time.Minute, Days: historyDays + days,
		Base: 100, DailyAmplitude: 500, WeekendFactor: 0.6, Noise: 1, Seed: 1,
	})
	require.NoError(t, err)
	start := trace.Start.Add(time.Duration(historyDays) * 24 * time.Hour)
	s, err := arrivals.Replay(trace.Slice(start, trace.End()))
	require.NoError(t, err)
	return replay.Environment{
		Start: start, Duration: s.Duration(), Lens: replay.DefaultLens(),
		Service: queueing.Service{MeanTime: 40 * time.Millisecond},
		Target:  queueing.Target{MaxUtilization: 0.8, Response: queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}},
		Startup: replay.GammaStartup(time.Minute, 0.1), InitialReplicas: 6, MinReplicas: 2, MaxReplicas: 60,
		History: trace.Slice(trace.Start, start),
	}, s
}

func plan(t testing.TB, env replay.Environment) planner.Settings {
	t.Helper()
	need, err := planner.NewNeedTable(env.MaxReplicas, env.Service, env.Target)
	require.NoError(t, err)
	return planner.Settings{
		MinReplicas: env.MinReplicas, MaxReplicas: env.MaxReplicas, Need: need,
		Lead:     planner.LeadTime{Startup: env.Startup.Quantile(0.9), HPASync: 15 * time.Second, Ramp: 15 * time.Second},
		Interval: 15 * time.Second, Quantile: 0.95, EnvelopeWindow: 10 * time.Minute, EnvelopeFactor: 1,
		Drain: time.Minute, Hysteresis: 0.05,
	}
}

func TestScratch(t *testing.T) {
	env, s := workload(t, 8, 2)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(t, err)
	for _, p := range []replay.Policy{
		policy.Fixed{Replicas: 10}, policy.Fixed{Replicas: 30},
		policy.Reactive{Target: 18}, policy.Reactive{Target: 14}, policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7},
		policy.SquareRoot{Scale: 1.1, Beta: 1.2}, policy.Linear{PerReplica: 20, Window: 10 * time.Minute},
		policy.Knative{}, policy.SLOLaw{}, policy.SeasonalNaive{Headroom: 1.2}, policy.HoltWinters{},
		policy.Predictive{Plan: plan(t, env)},
	} {
		begin := time.Now()
		r, err := f.Run(t.Context(), p)
		require.NoError(t, err)
		t.Logf("%-14s %8.1f h  attain %.5f  bad %.4f  ups %d downs %d mean %.4f peak %d  J30 %.1f  %s", r.Policy, r.ReplicaHours, r.Attainment(), r.ViolationRatio(), r.ScaleUps, r.ScaleDowns, r.MeanResponseSeconds, r.PeakReplicas, r.Objective(30, env.RequestsPerReplicaHour()), time.Since(begin))
	}
}
