package policy_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// workload is eight days and a bit of a shop, of which the last days are played.
func workload(t testing.TB, historyDays, days int, step time.Duration) (replay.Environment, arrivals.Schedule) {
	t.Helper()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Step: step, Days: historyDays + days,
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

// TestEveryPolicyFollowsTheDay: on a day that is easy for all, each keeps its replicas between need and waste.
func TestEveryPolicyFollowsTheDay(t *testing.T) {
	env, s := workload(t, 3, 1, 5*time.Minute)
	env.Duration = 8 * time.Hour
	f, err := replay.NewFluid(env, s, replay.FluidOptions{Timeline: true, Reasons: true})
	require.NoError(t, err)
	oracle, err := f.Run(t.Context(), policy.Oracle{})
	require.NoError(t, err)
	for _, p := range []replay.Policy{
		policy.Reactive{Target: 18},
		policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7},
		policy.SquareRoot{Scale: 1.1, Beta: 1.2},
		policy.Linear{PerReplica: 20, Window: 10 * time.Minute},
		policy.Knative{},
		policy.SLOLaw{},
		policy.SeasonalNaive{Headroom: 1.2, Season: 24 * time.Hour},
		policy.HoltWinters{},
		policy.Predictive{Plan: plan(t, env), Model: "naive"},
	} {
		r, err := f.Run(t.Context(), p)
		require.NoError(t, err)
		assert.Greater(t, r.Attainment(), 0.99, p.Name())
		assert.Less(t, r.ReplicaHours, 2*oracle.ReplicaHours, p.Name())
		assert.Greater(t, r.ReplicaHours, oracle.ReplicaHours, p.Name())
		for _, sample := range r.Timeline {
			assert.NotEmpty(t, sample.Why, p.Name())
		}
	}
}

// TestPredictiveDecidesAsTheAdapter compares the replicas published with those that planner.Recommend gives when it is
// called as the adapter calls it: with the buckets that are there, updating the forecast, every interval.
func TestPredictiveDecidesAsTheAdapter(t *testing.T) {
	env, s := workload(t, 3, 1, 5*time.Minute)
	env.Duration = 3 * time.Hour
	settings := plan(t, env)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{Timeline: true, Reasons: true})
	require.NoError(t, err)
	r, err := f.Run(t.Context(), policy.Predictive{Plan: settings, Model: "seasonal-naive-1d"})
	require.NoError(t, err)

	forecast, err := planner.Fit(t.Context(), settings, "seasonal-naive-1d", env.History)
	require.NoError(t, err)
	known := env.History
	known.Rate = append([]float64(nil), known.Rate...)
	var state planner.State
	for i, sample := range r.Timeline {
		now := env.Start.Add(sample.At)
		for end := known.End().Add(known.Step); !end.After(now); end = end.Add(known.Step) {
			known.Rate = append(known.Rate, s.Rate(end.Sub(env.Start)-known.Step))
		}
		forecast.Update(known)
		current := env.InitialReplicas
		if i > 0 {
			current = r.Timeline[i-1].Desired
		}
		var want planner.Recommendation
		want, state = planner.Recommend(settings, planner.Observation{Now: now, Recent: known, Forecast: forecast, CurrentReplicas: current}, state)
		require.Equal(t, float64(want.Replicas), sample.Metric, "at %s", sample.At)
		require.Equal(t, want.Reason, sample.Why, "at %s", sample.At)
	}
}

// TestOutlookServesManySettings: what is shared changes nothing.
func TestOutlookServesManySettings(t *testing.T) {
	env, s := workload(t, 3, 1, 5*time.Minute)
	env.Duration = 3 * time.Hour
	env.Lens.Delay = 20 * time.Second
	f, err := replay.NewFluid(env, s, replay.FluidOptions{Timeline: true, Reasons: true})
	require.NoError(t, err)
	own := policy.Predictive{Plan: plan(t, env), Model: "seasonal-naive-1d"}
	row := planner.Row{Levels: []float64{0.5, 0.9, 0.95, 0.99}, Windows: []time.Duration{10 * time.Minute, time.Hour}}
	outlook, err := policy.NewOutlook(t.Context(), &env, f.Load(), own, row)
	require.NoError(t, err)
	for _, q := range []float64{0.5, 0.95} {
		for _, h := range []time.Duration{0, 10 * time.Minute, time.Hour} {
			p := own
			p.Plan.Quantile, p.Plan.EnvelopeWindow = q, h
			// A forecast is judged at the quantile it was fitted for, which is the outlook's own.
			p.Outlook = outlook
			shared, err := f.Run(t.Context(), p)
			require.NoError(t, err)
			if q == own.Plan.Quantile {
				p.Outlook = nil
				alone, err := f.Run(t.Context(), p)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprint(alone.Timeline), fmt.Sprint(shared.Timeline), "quantile %g, envelope %s", q, h)
			}
			assert.Greater(t, shared.Attainment(), 0.99)
		}
	}
	own.Outlook = outlook
	for name, change := range map[string]func(p *policy.Predictive){
		"quantile 0.8":     func(p *policy.Predictive) { p.Plan.Quantile = 0.8 },
		"window 2m0s":      func(p *policy.Predictive) { p.Plan.EnvelopeWindow = 2 * time.Minute },
		"its own interval": func(p *policy.Predictive) { p.Plan.Lead.Startup = time.Hour },
	} {
		p := own
		change(&p)
		_, err := f.Run(t.Context(), p)
		assert.ErrorContains(t, err, name)
	}
}

// TestNobodyBeatsTheOracle: whatever a policy does, if it keeps a budget it costs no less than the bound, and the plan of
// the oracle for the same budget costs no more than the policy.
func TestNobodyBeatsTheOracle(t *testing.T) {
	env, s := workload(t, 0, 1, 5*time.Minute)
	env.MaxReplicas = 40
	env.Startup = replay.GammaStartup(3*time.Minute, 0.2)
	env.InitialReplicas, env.Duration = 10, 8*time.Hour
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(t, err)
	oracles := map[float64]*replay.Oracle{}
	for _, budget := range []float64{1e-2, 1e-3} {
		oracles[budget], err = f.Oracle(t.Context(), replay.Budget{Requests: budget})
		require.NoError(t, err)
		require.True(t, oracles[budget].Feasible, "budget %g", budget)
		require.LessOrEqual(t, oracles[budget].Bound, oracles[budget].Result.ReplicaHours)
		assert.Greater(t, oracles[budget].Bound, 0.97*oracles[budget].Result.ReplicaHours, "the bound says little")
	}
	runner := f.NewRunner()
	rapid.Check(t, func(t *rapid.T) {
		stabilization := time.Duration(rapid.IntRange(0, 1800).Draw(t, "stabilization")) * time.Second
		var p replay.Policy
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			p = policy.Reactive{Target: rapid.Float64Range(12, 26).Draw(t, "target"), Behavior: policy.Stabilized(stabilization)}
		case 1:
			p = policy.SquareRoot{Scale: rapid.Float64Range(1, 1.3).Draw(t, "scale"), Beta: rapid.Float64Range(0, 2).Draw(t, "beta"), Behavior: policy.Exactly(stabilization)}
		case 2:
			p = policy.Linear{PerReplica: rapid.Float64Range(12, 26).Draw(t, "rate"), Window: stabilization}
		case 3:
			p = policy.Fixed{Replicas: rapid.Int32Range(15, 40).Draw(t, "replicas")}
		case 4:
			p = policy.Knative{TargetUtilization: rapid.Float64Range(0.5, 1).Draw(t, "utilization")}
		}
		r, err := runner.Run(t.Context(), p)
		require.NoError(t, err)
		for budget, oracle := range oracles {
			if 1-r.Attainment() > budget {
				continue
			}
			require.LessOrEqual(t, oracle.Bound, r.ReplicaHours, "%s %v", p.Name(), p.Settings())
			require.LessOrEqual(t, oracle.Result.ReplicaHours, r.ReplicaHours, "%s %v", p.Name(), p.Settings())
		}
	})
}

// TestOracleOfMinutes keeps the budget of bad minutes, and spends less for a larger one.
func TestOracleOfMinutes(t *testing.T) {
	env, s := workload(t, 0, 1, 5*time.Minute)
	env.InitialReplicas, env.Duration = 10, 5*time.Hour
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(t, err)
	before := math.Inf(1)
	for _, budget := range []float64{0.001, 0.01, 0.2} {
		o, err := f.Oracle(t.Context(), replay.Budget{Minutes: budget})
		require.NoError(t, err)
		assert.True(t, o.Feasible)
		assert.LessOrEqual(t, o.Result.ViolationRatio(), budget)
		assert.LessOrEqual(t, o.Result.ReplicaHours, before)
		before = o.Result.ReplicaHours
	}
	_, err = f.Oracle(t.Context(), replay.Budget{})
	require.ErrorContains(t, err, "not both 0")
	_, err = policy.Oracle{}.Begin(t.Context(), &env)
	require.ErrorContains(t, err, "does not tell")
}
