package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
	"github.com/prescale/prescale/simulator"
)

// fluid plays the same days under the same policies by the fluid engine and by events, and prints how far apart they
// are. What is asked of the fluid engine is a violation ratio within 20 % or 0.1 points of that of the events.
func fluid(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("fluid", flag.ContinueOnError)
	replications := flags.Int("replications", 10, "replications of the events engine")
	if err := flags.Parse(args); err != nil {
		return err
	}
	fmt.Printf("One day each, 40 ms per request, one central queue; events: mean of %d replications with 95 %% intervals.\n\n", *replications)
	fmt.Println("| load | policy | violation ratio, events | fluid | slow requests, events | fluid | replica-hours, events | fluid | within |")
	fmt.Println("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
	within, all := 0, 0
	for _, day := range []struct {
		name     string
		schedule arrivals.Schedule
	}{
		{"diurnal", arrivals.Sum{arrivals.Constant{ArrivalRatePerSecond: 120}, arrivals.Diurnal{Amplitude: 100, Period: 24 * time.Hour, Peak: 14 * time.Hour}}},
		{"promotion", arrivals.Sum{arrivals.Constant{ArrivalRatePerSecond: 100}, arrivals.Ramp{At: 9 * time.Hour, ArrivalRatePerSecond: 400, Rise: 30 * time.Minute, Hold: 4 * time.Hour, Fall: 2 * time.Hour}}},
		{"flash crowds", arrivals.Sum{
			arrivals.Constant{ArrivalRatePerSecond: 100},
			arrivals.FlashCrowd{At: 6 * time.Hour, Peak: 200, Rise: 5 * time.Minute, Decay: time.Hour},
			arrivals.FlashCrowd{At: 15 * time.Hour, Peak: 200, Rise: 20 * time.Minute, Decay: 30 * time.Minute},
		}},
	} {
		c := ten(1, 1)
		c.Duration = 24 * time.Hour
		c.Start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)
		c.Arrivals = poisson(day.schedule, c.Duration)
		c.Startup = simulator.Startup{Phases: []simulator.Phase{{Name: "start", Law: simulator.Law{Mean: time.Minute, SCV: 0.1}}}}
		c.Termination = simulator.Termination{Grace: 30 * time.Second}
		c.Replicas = simulator.Replicas{Initial: 8, Min: 2, Max: 60}
		c.Objective.Latency = 300 * time.Millisecond
		// One request in 1800 is slow even without any wait.
		policies := []replay.Policy{
			policy.Reactive{Target: 12},
			policy.Reactive{Target: 15},
			policy.Reactive{Target: 18},
			policy.Reactive{Target: 20},
			policy.Reactive{Metric: policy.MetricUtilization, Target: 0.6},
			policy.SquareRoot{Scale: 1.1, Beta: 1.2},
			policy.Fixed{Replicas: 14},
		}
		results, err := simulator.RunAll(ctx, simulator.Experiment{Config: c, Policies: policies, Seed: 1, Replications: *replications})
		if err != nil {
			return err
		}
		summaries, err := simulator.Summarize(results, simulator.DefaultConfidence, -1)
		if err != nil {
			return err
		}
		env, err := c.Environment()
		if err != nil {
			return err
		}
		engine, err := replay.NewFluid(*env, day.schedule, replay.FluidOptions{
			Grace: c.Termination.Grace, Noise: replay.CountNoise{Dispersion: 1, Seed: 1},
		})
		if err != nil {
			return err
		}
		for i, s := range summaries {
			f, err := engine.Run(ctx, policies[i])
			if err != nil {
				return err
			}
			bad, slow, hours := s.Intervals[simulator.MeasureViolationRatio], s.Intervals[simulator.MeasureAttainment], s.Intervals[simulator.MeasureReplicaHours]
			apart := math.Abs(f.ViolationRatio() - bad.Mean)
			verdict := "no"
			if all++; apart <= max(0.2*bad.Mean, 0.001) {
				verdict = "yes"
				within++
			}
			fmt.Printf("| %s | %s %v | %.3f %% (%.3f, %.3f) | %.3f %% | %.3f %% | %.3f %% | %.1f (%.1f, %.1f) | %.1f | %s |\n", day.name, s.Policy, values(s.Settings),
				100*bad.Mean, 100*bad.Low, 100*bad.High, 100*f.ViolationRatio(), 100*(1-slow.Mean), 100*(1-f.Attainment()),
				hours.Mean, hours.Low, hours.High, f.ReplicaHours, verdict)
		}
	}
	fmt.Printf("\nwithin 20 %% or 0.1 points: %d of %d\n", within, all)
	return nil
}

func values(settings []replay.Setting) (v []any) {
	for _, s := range settings {
		v = append(v, s.Value)
	}
	return v
}
