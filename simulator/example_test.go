package simulator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
	"github.com/prescale/prescale/simulator"
)

// Two targets of a plain HPA under a load that triples within five minutes.
func Example() {
	const duration = 15 * time.Minute
	load := arrivals.Sum{
		arrivals.Constant{ArrivalRatePerSecond: 50},
		arrivals.Ramp{At: 3 * time.Minute, ArrivalRatePerSecond: 100, Rise: 5 * time.Minute, Hold: time.Hour},
	}
	config := &simulator.Config{
		Duration: duration,
		Arrivals: simulator.Arrivals{Schedule: load, NewStream: func(rng *rand.Rand) (simulator.Stream, error) {
			return arrivals.NewStream(load, arrivals.Poisson, duration, rng), nil
		}},
		Service:   simulator.Service{Mean: 40 * time.Millisecond, SCV: 1},
		Balancer:  simulator.Balancer{Kind: simulator.LeastRequest},
		Startup:   simulator.Startup{Phases: []simulator.Phase{{Name: "load", Law: simulator.Law{Mean: time.Minute, SCV: 0.1}}}},
		Replicas:  simulator.Replicas{Initial: 4, Min: 2, Max: 20},
		Objective: simulator.Objective{Percentile: 0.99, Latency: 500 * time.Millisecond},
	}
	results, err := simulator.RunAll(context.Background(), simulator.Experiment{
		Config: config, Seed: 1, Replications: 3,
		Policies: []replay.Policy{policy.Reactive{Target: 15}, policy.Reactive{Target: 20}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	summaries, err := simulator.Summarize(results, simulator.DefaultConfidence, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range summaries {
		hours, attained := s.Intervals[simulator.MeasureReplicaHours], s.Intervals[simulator.MeasureAttainment]
		fmt.Printf("target %v: %.1f replica-hours (%.1f to %.1f), attainment %.2f\n", s.Settings[1].Value, hours.Mean, hours.Low, hours.High, attained.Mean)
	}
	saved := summaries[1].Against[simulator.MeasureReplicaHours]
	fmt.Printf("difference: %.1f replica-hours (%.1f to %.1f)\n", saved.Mean, saved.Low, saved.High)
	// Output:
	// target 15: 1.9 replica-hours (1.8 to 1.9), attainment 1.00
	// target 20: 1.4 replica-hours (1.4 to 1.4), attainment 0.71
	// difference: -0.4 replica-hours (-0.4 to -0.4)
}
