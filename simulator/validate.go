package simulator

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/replay"
)

// Bounds of what a Config may ask for. They keep every product of them within its type.
const (
	maxDuration    = 100 * 366 * 24 * time.Hour
	maxSCV         = 1000
	maxReplicas    = 100_000
	maxConcurrency = 100_000
	maxBatchSize   = 100_000
	maxClients     = math.MaxUint16
	maxRetries     = 100
	maxPhases      = 100

	defaultRetryBurst = 10
)

// problems gathers what is wrong.
type problems []error

func (p *problems) check(ok bool, format string, args ...any) {
	if !ok {
		*p = append(*p, fmt.Errorf("simulator: "+format, args...))
	}
}

// duration checks that a duration is in [0, 100 years].
func (p *problems) duration(name string, d time.Duration) {
	p.check(d >= 0 && d <= maxDuration, "%s is %s, must be in 0s..%s", name, d, maxDuration)
}

func (p *problems) law(name string, l Law) {
	p.duration(name+".Mean", l.Mean)
	p.check(l.SCV >= 0 && l.SCV <= maxSCV, "%s.SCV is %v, must be in 0..%d", name, l.SCV, maxSCV)
}

func (p *problems) count(name string, n, least, most int) {
	p.check(n >= least && n <= most, "%s is %d, must be in %d..%d", name, n, least, most)
}

// number checks that a number is in [0, most].
func (p *problems) number(name string, x, most float64) {
	p.check(x >= 0 && x <= most, "%s is %v, must be in 0..%v", name, x, most)
}

// Validate reports everything that is wrong, each with its name, its value and what is allowed.
func (c *Config) Validate() error {
	var p problems
	p.check(c.Duration > 0 && c.Duration <= maxDuration, "Duration is %s, must be above 0s and at most %s", c.Duration, maxDuration)
	p.check(c.Arrivals.Schedule != nil, "Arrivals.Schedule is missing")
	p.check(c.Arrivals.NewStream != nil, "Arrivals.NewStream is missing")
	c.validateService(&p)
	c.validateBalancing(&p)

	p.duration("Client.Timeout", c.Client.Timeout)
	p.count("Client.Retries", c.Client.Retries, 0, maxRetries)
	p.duration("Client.Backoff", c.Client.Backoff)
	p.number("Client.RetryBudget", c.Client.RetryBudget, maxRetries)
	p.number("Client.RetryBurst", c.Client.RetryBurst, 1e9)

	c.validatePods(&p)
	if c.Metrics != (replay.Lens{}) {
		if err := c.Metrics.Validate(); err != nil {
			p = append(p, err)
		}
	}
	o := c.Objective
	p.check(o.Percentile > 0 && o.Percentile < 1, "Objective.Percentile is %v, must lie between 0 and 1", o.Percentile)
	p.check(o.Latency > 0 && o.Latency <= maxDuration, "Objective.Latency is %s, must be above 0s and at most %s", o.Latency, maxDuration)
	p.number("Objective.MaxUtilization", o.MaxUtilization, 1)
	p.check(o.ViolationBudget >= 0 && o.ViolationBudget < 1, "Objective.ViolationBudget is %v, must be in [0, 1)", o.ViolationBudget)
	p.number("ReplicaHourCost", c.ReplicaHourCost, 1e9)
	p.number("Limits.MaxRequests", c.Limits.MaxRequests, math.MaxFloat64)
	p.check(c.Limits.MaxBytes >= 0, "Limits.MaxBytes is %d, must not be negative", c.Limits.MaxBytes)
	return errors.Join(p...)
}

func (c *Config) validateService(p *problems) {
	s := c.Service
	p.number("Service.SCV", s.SCV, maxSCV)
	p.count("Service.Concurrency", s.Concurrency, 0, maxConcurrency)
	b := s.Batching
	if b == nil {
		p.check(s.Mean > 0 && s.Mean <= maxDuration, "Service.Mean is %s, must be above 0s and at most %s", s.Mean, maxDuration)
		return
	}
	p.count("Service.Batching.MaxBatch", b.MaxBatch, 1, maxBatchSize)
	p.duration("Service.Batching.MaxDelay", b.MaxDelay)
	p.duration("Service.Batching.Fixed", b.Fixed)
	p.duration("Service.Batching.PerItem", b.PerItem)
	p.check(b.Fixed+b.PerItem > 0, "Service.Batching.Fixed and PerItem are both 0s, a batch must take time")
}

func (c *Config) validateBalancing(p *problems) {
	switch c.Balancer.Kind {
	case "", Random, RoundRobin, PowerOfTwo, LeastRequest:
	case CentralQueue:
		p.check(c.Balancer.Clients <= 1, "Balancer.Clients is %d, must be at most 1 for a central queue", c.Balancer.Clients)
	default:
		p.check(false, "Balancer.Kind is %q, must be %s, %s, %s, %s or %s", c.Balancer.Kind,
			Random, RoundRobin, PowerOfTwo, LeastRequest, CentralQueue)
	}
	p.count("Balancer.Clients", c.Balancer.Clients, 0, maxClients)
	p.duration("Balancer.Staleness", c.Balancer.Staleness)
	p.check(c.Balancer.Staleness == 0 || c.Balancer.Staleness >= time.Millisecond,
		"Balancer.Staleness is %s, must be 0s or at least 1ms", c.Balancer.Staleness)
	p.check(c.Queue.MaxPerReplica >= NoQueue && c.Queue.MaxPerReplica <= math.MaxInt32,
		"Queue.MaxPerReplica is %d, must be in %d..%d (0 means no bound, %d no queue)", c.Queue.MaxPerReplica, NoQueue, math.MaxInt32, NoQueue)
	p.law("Queue.MaxWait", c.Queue.MaxWait)
}

func (c *Config) validatePods(p *problems) {
	p.count("Startup.Phases", len(c.Startup.Phases), 0, maxPhases)
	for i, phase := range c.Startup.Phases {
		p.law(fmt.Sprintf("Startup.Phases[%d]", i), phase.Law)
	}
	if n := c.Startup.Node; n != nil {
		p.number("Startup.Node.FreeProbability", n.FreeProbability, 1)
		p.law("Startup.Node.Provision", n.Provision)
		p.count("Startup.Node.Quota", n.Quota, 0, maxReplicas)
	}
	p.duration("Startup.WarmUp", c.Startup.WarmUp)
	p.check(c.Startup.Slowdown == 0 || c.Startup.Slowdown >= 1 && c.Startup.Slowdown <= 1e6,
		"Startup.Slowdown is %v, must be in 1..1e6, or 0 for none", c.Startup.Slowdown)

	p.duration("Failures.PodMTBF", c.Failures.PodMTBF)
	p.check(c.Failures.PodMTBF == 0 || c.Failures.PodMTBF >= time.Second, "Failures.PodMTBF is %s, must be 0s or at least 1s", c.Failures.PodMTBF)
	p.number("Failures.SpotEvictionsPerHour", c.Failures.SpotEvictionsPerHour, 3600)
	p.duration("Failures.SpotNotice", c.Failures.SpotNotice)
	p.duration("Termination.Grace", c.Termination.Grace)
	p.duration("Termination.EndpointLag", c.Termination.EndpointLag)

	r := c.Replicas
	p.check(r.Min >= 0 && r.Min <= maxReplicas, "Replicas.Min is %d, must be in 0..%d", r.Min, maxReplicas)
	p.check(r.Max >= 1 && r.Max >= r.Min && r.Max <= maxReplicas, "Replicas.Max is %d, must be at least 1 and Replicas.Min (%d), and at most %d", r.Max, r.Min, maxReplicas)
	p.check(r.Initial >= 0 && r.Initial <= maxReplicas, "Replicas.Initial is %d, must be in 0..%d", r.Initial, maxReplicas)
}
