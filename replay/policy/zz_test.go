package policy_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

func TestZZMin(t *testing.T) {
	env, s := workload(t, 8, 7)
	f, err := replay.NewFluid(env, s, replay.FluidOptions{})
	require.NoError(t, err)
	own := policy.Predictive{Plan: plan(t, env), Model: "naive"}
	row := planner.Row{Levels: []float64{own.Plan.Quantile}, Windows: []time.Duration{own.Plan.EnvelopeWindow}}
	own.Outlook, err = policy.NewOutlook(t.Context(), &env, f.Load(), own, row)
	require.NoError(t, err)
	r := f.NewRunner()
	for _, p := range []replay.Policy{policy.Fixed{Replicas: 30}, policy.Reactive{Target: 18}, policy.Reactive{Target: 18, Behavior: policy.Stabilized(time.Hour)}, policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7}, policy.SquareRoot{Scale: 1.1, Beta: 1.2}, policy.SLOLaw{}, own} {
		best := time.Hour
		for range 40 {
			b := time.Now()
			_, err := r.Run(t.Context(), p)
			require.NoError(t, err)
			best = min(best, time.Since(b))
		}
		t.Logf("%-12s %s %d ns/step", p.Name(), best, best.Nanoseconds()/int64(f.Load().Steps()))
	}
}
