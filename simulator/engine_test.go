package simulator

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/hpa"
)

type (
	hpaBehavior = hpa.Behavior
	hpaRules    = hpa.ScalingRules
)

// testContext is for helpers that are called from properties, which have no context of their own.
var testContext = context.Background()

// poisson returns Poisson arrivals at a constant rate.
func poisson(rate float64, duration time.Duration) Arrivals {
	schedule := arrivals.Constant{ArrivalRatePerSecond: rate}
	return Arrivals{
		Schedule: schedule,
		NewStream: func(rng *rand.Rand) (Stream, error) {
			return arrivals.NewStream(schedule, arrivals.Poisson, duration, rng), nil
		},
	}
}

// queue returns n replicas of one exponential server with a mean of 1 s at utilization rho.
func queueOf(n int32, rho float64, duration time.Duration) *Config {
	return &Config{
		Duration:  duration,
		Arrivals:  poisson(rho*float64(n), duration),
		Service:   Service{Mean: time.Second, SCV: 1},
		Replicas:  Replicas{Initial: n, Min: n, Max: n},
		Objective: Objective{Percentile: 0.99, Latency: 5 * time.Second},
	}
}
