package policy_test

import (
	"context"
	"fmt"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// Example asks what a day with a rush at noon costs under two rules, and how little it could.
func Example() {
	day := arrivals.Trace{Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: time.Hour, Rate: make([]float64, 24)}
	for h := range day.Rate {
		day.Rate[h] = 100
	}
	day.Rate[12] = 600
	load, err := arrivals.Replay(day)
	if err != nil {
		fmt.Println(err)
		return
	}
	fluid, err := replay.NewFluid(replay.Environment{
		Start: day.Start, Duration: 24 * time.Hour, Lens: replay.DefaultLens(),
		Service: queueing.Service{MeanTime: 40 * time.Millisecond},
		Target:  queueing.Target{MaxUtilization: 0.8, Response: queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}},
		Startup: replay.GammaStartup(time.Minute, 0.1), InitialReplicas: 6, MinReplicas: 2, MaxReplicas: 50,
	}, load, replay.FluidOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range []replay.Policy{
		policy.Fixed{Replicas: 30},
		policy.Reactive{Target: 20},
		policy.Named("rate, half an hour", policy.Reactive{Target: 20, Behavior: policy.Stabilized(30 * time.Minute)}),
		policy.Oracle{},
	} {
		r, err := fluid.Run(context.Background(), p)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%-18s %3.0f replica-hours, %.2f %% of the requests in time, %2.0f bad minutes\n",
			r.Policy, r.ReplicaHours, 100*r.Attainment(), r.BadMinutes)
	}
	// Output:
	// fixed              720 replica-hours, 100.00 % of the requests in time,  0 bad minutes
	// reactive           147 replica-hours, 97.72 % of the requests in time,  7 bad minutes
	// rate, half an hour 158 replica-hours, 97.72 % of the requests in time,  7 bad minutes
	// oracle             140 replica-hours, 99.55 % of the requests in time,  2 bad minutes
}
