package policy_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// BenchmarkWeek plays seven days at steps of 15 s against one setting, all that is shared being there already.
func BenchmarkWeek(b *testing.B) {
	env, s := workload(b, 8, 7, time.Minute)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(b, err)
	own := policy.Predictive{Plan: plan(b, env), Model: "naive"}
	row := planner.Row{Levels: []float64{own.Plan.Quantile}, Windows: []time.Duration{own.Plan.EnvelopeWindow}}
	own.Outlook, err = policy.NewOutlook(b.Context(), &env, f.Load(), own, row)
	require.NoError(b, err)
	long := own
	long.Behavior = policy.Exactly(time.Hour)
	for _, c := range []struct {
		name string
		p    replay.Policy
	}{
		{"fixed", policy.Fixed{Replicas: 30}},
		{"rate", policy.Reactive{Target: 18}},
		{"rate-1h", policy.Reactive{Target: 18, Behavior: policy.Stabilized(time.Hour)}},
		{"utilization", policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7}},
		{"square-root", policy.SquareRoot{Scale: 1.1, Beta: 1.2}},
		{"slo-law", policy.SLOLaw{}},
		{"predictive", own},
		{"predictive-1h", long},
	} {
		b.Run(c.name, func(b *testing.B) {
			r := f.NewRunner()
			_, err := r.Run(b.Context(), c.p) // fills the tables
			require.NoError(b, err)
			b.ReportAllocs()
			report := cpu(b, f.Load().Steps())
			for b.Loop() {
				_, err := r.Run(b.Context(), c.p)
				require.NoError(b, err)
			}
			report()
		})
	}
}

// BenchmarkWeekAlone is the whole predictive policy of seven days, the forecasts included.
func BenchmarkWeekAlone(b *testing.B) {
	env, s := workload(b, 14, 7, time.Minute)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(b, err)
	for _, model := range []string{"naive", "seasonal-naive-1d", planner.ModelAuto} {
		b.Run(model, func(b *testing.B) {
			report := cpu(b, f.Load().Steps())
			for b.Loop() {
				_, err := f.Run(b.Context(), policy.Predictive{Plan: plan(b, env), Model: model})
				require.NoError(b, err)
			}
			report()
		})
	}
}

// BenchmarkFit is the part of BenchmarkWeekAlone that the first fit takes.
func BenchmarkFit(b *testing.B) {
	env, _ := workload(b, 14, 7, time.Minute)
	for _, model := range []string{"naive", "seasonal-naive-1d", planner.ModelAuto} {
		b.Run(model, func(b *testing.B) {
			report := cpu(b, 1)
			for b.Loop() {
				_, err := planner.Fit(b.Context(), plan(b, env), model, env.History)
				require.NoError(b, err)
			}
			report()
		})
	}
}

// cpu reports processor time, since what else runs on the machine does not count.
func cpu(b *testing.B, steps int) (report func()) {
	now := func() float64 {
		var u syscall.Rusage
		require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return float64(u.Utime.Nano() + u.Stime.Nano())
	}
	before := now()
	return func() {
		used := (now() - before) / float64(b.N)
		b.ReportMetric(used/1e6, "cpu-ms/op")
		if steps > 1 {
			b.ReportMetric(used/float64(steps), "cpu-ns/step")
		}
	}
}

// BenchmarkOracle plans seven days.
func BenchmarkOracle(b *testing.B) {
	env, s := workload(b, 0, 7, time.Minute)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(b, err)
	report := cpu(b, 1)
	for b.Loop() {
		_, err := f.Oracle(b.Context(), replay.Budget{Requests: 1e-3})
		require.NoError(b, err)
	}
	report()
}
