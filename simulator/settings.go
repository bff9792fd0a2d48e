package simulator

import (
	"math"
	"time"
)

// settings are a Config in the engine's units: seconds, and counts with their defaults filled in.
type settings struct {
	duration float64
	minutes  int

	concurrency              int
	maxBatch                 int // 0 without batching
	maxDelay                 float64
	batchFixed, batchPerItem float64

	balancing Balancing
	central   bool
	clients   int
	staleness float64

	maxWaiting int
	impatient  bool
	maxWait    Law

	timeout float64
	retries int
	backoff float64
	cancel  bool

	phases   []Phase
	node     *NodeSupply
	quota    int
	warmUp   float64
	slowdown float64

	podMTBF      float64
	evictionRate float64 // per second
	notice       float64
	grace        float64
	endpointLag  float64

	latency  float64
	maxBytes int64
}

// unbounded is a bound on a queue that no queue reaches.
const unbounded = math.MaxInt

// resolve fills in defaults and converts units.
func (c *Config) resolve() settings {
	s := settings{
		duration:    c.Duration.Seconds(),
		minutes:     int((c.Duration + time.Minute - 1) / time.Minute),
		concurrency: max(c.Service.Concurrency, 1),
		balancing:   c.Balancer.Kind,
		clients:     max(c.Balancer.Clients, 1),
		staleness:   c.Balancer.Staleness.Seconds(),
		maxWaiting:  c.Queue.MaxPerReplica,
		maxWait:     c.Queue.MaxWait,
		impatient:   c.Queue.MaxWait != Law{},
		timeout:     c.Client.Timeout.Seconds(),
		retries:     c.Client.Retries,
		backoff:     c.Client.Backoff.Seconds(),
		cancel:      c.Client.CancelOnTimeout,
		phases:      c.Startup.Phases,
		node:        c.Startup.Node,
		warmUp:      c.Startup.WarmUp.Seconds(),
		slowdown:    max(c.Startup.Slowdown, 1),
		podMTBF:     c.Failures.PodMTBF.Seconds(),
		evictionRate: c.Failures.SpotEvictionsPerHour /
			time.Hour.Seconds(),
		notice:      c.Failures.SpotNotice.Seconds(),
		grace:       c.Termination.Grace.Seconds(),
		endpointLag: c.Termination.EndpointLag.Seconds(),
		latency:     c.Objective.Latency.Seconds(),
		maxBytes:    c.Limits.MaxBytes,
	}
	if s.balancing == "" {
		s.balancing = CentralQueue
	}
	s.central = s.balancing == CentralQueue
	switch s.maxWaiting {
	case 0:
		s.maxWaiting = unbounded
	case NoQueue:
		s.maxWaiting = 0
	}
	if s.slowdown == 1 {
		s.warmUp = 0
	}
	if s.node != nil {
		s.quota = s.node.Quota
	}
	if b := c.Service.Batching; b != nil {
		s.maxBatch, s.maxDelay = b.MaxBatch, b.MaxDelay.Seconds()
		s.batchFixed, s.batchPerItem = b.Fixed.Seconds(), b.PerItem.Seconds()
	}
	if s.maxBytes == 0 {
		s.maxBytes = DefaultMaxBytes
	}
	return s
}

// workLaw returns the law of the work of requests: seconds, or with batching the factor on the time of a batch.
func (c *Config) workLaw(g *generator) workLaw {
	mean := c.Service.Mean.Seconds()
	if c.Service.Batching != nil {
		mean = 1
	}
	return newWorkLaw(mean, c.Service.SCV, g)
}
