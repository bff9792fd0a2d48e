package main

import (
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/simulator"
)

// poisson returns Poisson arrivals on a schedule.
func poisson(s arrivals.Schedule, duration time.Duration) simulator.Arrivals {
	return simulator.Arrivals{Schedule: s, NewStream: func(rng *rand.Rand) (simulator.Stream, error) {
		return arrivals.NewStream(s, arrivals.Poisson, duration, rng), nil
	}}
}

// ten returns ten servers with a mean service time of 40 ms behind one queue, and Poisson arrivals at utilization rho.
func ten(rho, requests float64) *simulator.Config {
	rate := rho * 10 * 25
	duration := time.Duration(requests / rate * float64(time.Second))
	return &simulator.Config{
		Duration:  duration,
		Arrivals:  poisson(arrivals.Constant{ArrivalRatePerSecond: rate}, duration),
		Service:   simulator.Service{Mean: 40 * time.Millisecond, SCV: 1},
		Replicas:  simulator.Replicas{Initial: 10, Min: 10, Max: 10},
		Objective: simulator.Objective{Percentile: 0.99, Latency: 500 * time.Millisecond},
	}
}

// full returns the full model on a like load: a balancer that takes the less loaded of two, clients that give up and
// retry within a budget, replicas that start cold and warm up, the HPA.
func full(requests float64) *simulator.Config {
	c := ten(0.9, requests)
	c.Balancer.Kind = simulator.PowerOfTwo
	c.Queue.MaxPerReplica = 100
	c.Client = simulator.Client{Timeout: time.Second, Retries: 2, Backoff: 100 * time.Millisecond, RetryBudget: 0.1}
	c.Startup = simulator.Startup{
		Phases: []simulator.Phase{
			{Name: "pull", Law: simulator.Law{Mean: 10 * time.Second, SCV: 0.5}},
			{Name: "load", Law: simulator.Law{Mean: 20 * time.Second, SCV: 0.1}},
		},
		WarmUp: 30 * time.Second, Slowdown: 2,
	}
	c.Termination = simulator.Termination{Grace: 30 * time.Second}
	c.Replicas = simulator.Replicas{Initial: 11, Min: 2, Max: 40}
	return c
}
