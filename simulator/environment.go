package simulator

import (
	"time"

	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
)

// defaultMaxUtilization is the project's cap on the utilization where none is given.
const defaultMaxUtilization = 0.8

// Environment is what policies may know before the run, and what the fluid engine of package replay needs of a valid
// configuration to play the same. A start-up of several phases or with nodes becomes the law of the sum, drawn once.
func (c *Config) Environment() (*replay.Environment, error) {
	env := replay.Environment{
		Start: c.Start, Duration: c.Duration,
		Lens:            c.lens(),
		Service:         c.service(),
		Target:          queueing.Target{MaxUtilization: c.maxUtilization(), Response: queueing.Quantile{Percentile: c.Objective.Percentile, Latency: c.Objective.Latency}},
		Startup:         c.startup(),
		InitialReplicas: c.Replicas.Initial, MinReplicas: c.Replicas.Min, MaxReplicas: c.Replicas.Max,
		History:         c.History,
		ViolationBudget: c.Objective.ViolationBudget,
	}
	if err := env.Validate(); err != nil {
		return nil, err
	}
	return env.WithFuture(c.Arrivals.Schedule), nil
}

// lens fills in the default.
func (c *Config) lens() replay.Lens {
	if c.Metrics == (replay.Lens{}) {
		return replay.DefaultLens()
	}
	return c.Metrics
}

func (c *Config) maxUtilization() float64 {
	if c.Objective.MaxUtilization == 0 {
		return defaultMaxUtilization
	}
	return c.Objective.MaxUtilization
}

// service is the queue that planning assumes. A server of batches counts as one that serves single requests in the
// time that a full batch takes per request.
func (c *Config) service() queueing.Service {
	s := queueing.Service{MeanTime: c.Service.Mean, Concurrency: c.Service.Concurrency, SCV: queueing.SCV(c.Service.SCV)}
	if b := c.Service.Batching; b != nil {
		s.MeanTime = b.PerItem + b.Fixed/time.Duration(b.MaxBatch)
	}
	return s
}

// startupDraws is the number of draws that stand for a start-up of several phases.
const startupDraws = 4096

// startup is the law of the whole start-up: exact for one phase, otherwise drawn, always with the same numbers.
func (c *Config) startup() replay.Startup {
	s := replay.Startup{}
	switch phases := c.Startup.Phases; {
	case c.Startup.Node == nil && len(phases) == 0:
	case c.Startup.Node == nil && len(phases) == 1:
		s = replay.GammaStartup(phases[0].Mean, phases[0].SCV)
	default:
		g := newGenerator(0, startups)
		times := make([]time.Duration, startupDraws)
		for i := range times {
			total := 0.0
			if n := c.Startup.Node; n != nil && g.unit() >= n.FreeProbability {
				total = n.Provision.draw(g)
			}
			for _, p := range phases {
				total += p.draw(g)
			}
			times[i] = since(total)
		}
		s = replay.MeasuredStartup(times)
	}
	s.Warmup, s.Slowdown = c.Startup.WarmUp, c.Startup.Slowdown
	return s
}
