package queueing

import (
	"errors"
	"fmt"
	"math"
)

// DefaultPercentile is the percentile that [Size] reports when its target names none. Chosen by us: p99 is the
// commonest latency objective.
const DefaultPercentile = 0.99

// Sizing is a number of replicas and the steady state they give.
type Sizing struct {
	Replicas                int        `json:"replicas"`
	Servers                 int        `json:"servers"` // replicas times concurrency
	OfferedLoad             float64    `json:"offered_load"`
	Utilization             float64    `json:"utilization"`
	WaitProbability         float64    `json:"wait_probability"`
	MeanWaitSeconds         float64    `json:"mean_wait_seconds"`
	MeanResponseSeconds     float64    `json:"mean_response_seconds"`
	Percentile              float64    `json:"percentile"` // of the two quantiles that follow
	WaitQuantileSeconds     float64    `json:"wait_quantile_seconds"`
	ResponseQuantileSeconds float64    `json:"response_quantile_seconds"`
	BlockingProbability     float64    `json:"blocking_probability,omitempty"`    // of a limited queue
	AbandonmentProbability  float64    `json:"abandonment_probability,omitempty"` // of impatient clients
	MaxArrivalRatePerSecond float64    `json:"max_arrival_rate"`                  // per second, the largest these replicas carry within the target
	Binding                 Constraint `json:"binding"`                           // what forbids one replica less
}

// Size returns the least number of replicas that keeps a target at an arrival rate, with what can be expected of
// them. The quantiles are at the percentile of target.Response, else of target.Wait, else [DefaultPercentile]. It costs
// one [LeastReplicas] and two [MaxArrivalRate].
//
// Errors: as [LeastReplicas].
func Size(arrivalRatePerSecond float64, service Service, target Target, maxReplicas int) (Sizing, error) {
	if !service.markovian() {
		return sizeService(arrivalRatePerSecond, service, target, maxReplicas)
	}
	replicas, err := LeastReplicas(arrivalRatePerSecond, service, target, maxReplicas)
	if err != nil {
		return Sizing{}, err
	}
	percentile := target.percentile()
	bounds, err := newBounds(service, target)
	if err != nil {
		return Sizing{}, err
	}

	servers := replicas * service.concurrency()
	load := service.offeredLoad(arrivalRatePerSecond)
	meanService := service.MeanTime.Seconds()
	recurrence := newInverseBlocking(load, servers)
	state := recurrence.delaySystem(servers)
	maxRate, _ := bounds.maxRate(service, servers)
	binding := ConstraintMinimum
	if replicas > 1 {
		_, binding = bounds.maxRate(service, servers-service.concurrency())
	}
	return Sizing{
		Replicas:                replicas,
		Servers:                 servers,
		OfferedLoad:             load,
		Utilization:             load / float64(servers),
		WaitProbability:         state.waitProbability,
		MeanWaitSeconds:         state.meanWait() * meanService,
		MeanResponseSeconds:     (state.meanWait() + 1) * meanService,
		Percentile:              percentile,
		WaitQuantileSeconds:     state.waitQuantile(percentile) * meanService,
		ResponseQuantileSeconds: state.responseQuantile(percentile) * meanService,
		MaxArrivalRatePerSecond: math.Max(maxRate, arrivalRatePerSecond),
		Binding:                 binding,
	}, nil
}

// LeastReplicas returns the least number of replicas, at least 1, that keeps a target at an arrival rate. The search
// is exact: it gallops and then bisects over the number of replicas, while one Erlang recurrence runs along, so that
// it takes O(√a + Δ) steps of the recurrence and O(log Δ) evaluations of the target, Δ being the servers needed beyond
// the offered load a. It does not allocate. A service beyond M/M/c is sized as [LeastReplicasOf] does.
//
// Errors: an argument out of range; [ErrImpossibleTarget] if the service time alone breaks the target; [ErrMaxReplicas]
// if maxReplicas are too few.
func LeastReplicas(arrivalRatePerSecond float64, service Service, target Target, maxReplicas int) (int, error) {
	if !service.markovian() {
		if err := checkService(service, target, "maxReplicas", maxReplicas); err != nil {
			return 0, err
		}
		return LeastReplicasOf(arrivalRatePerSecond, service, target, min(maxReplicas, service.mostReplicas()))
	}
	bounds, err := newBounds(service, target)
	if !(arrivalRatePerSecond >= 0) || math.IsInf(arrivalRatePerSecond, 1) {
		err = errors.Join(err, fmt.Errorf("queueing: arrival rate is %v per second, must be finite and not negative", arrivalRatePerSecond))
	}
	if err = errors.Join(err, validateReplicas("maxReplicas", maxReplicas, service)); err != nil {
		return 0, err
	}

	load, concurrency := service.offeredLoad(arrivalRatePerSecond), service.concurrency()
	replicas := bounds.leastForLoad(load, concurrency, maxReplicas)
	if replicas <= maxReplicas {
		replicas = bounds.leastForLatency(load, concurrency, replicas, maxReplicas)
	}
	if replicas > maxReplicas {
		return 0, fmt.Errorf("queueing: %v requests per second at %v each: %w: maxReplicas is %d",
			arrivalRatePerSecond, service.MeanTime, ErrMaxReplicas, maxReplicas)
	}
	return replicas, nil
}

// leastForLoad returns the least replicas within stability and utilization, or more than maxReplicas if they are too
// few. The quotient may be off by one through rounding, hence the two corrections by the same test that the
// inverse uses.
func (b *bounds) leastForLoad(load float64, concurrency, maxReplicas int) int {
	perReplica, _ := b.maxLoad(concurrency)
	estimate := math.Ceil(load / perReplica)
	if !(estimate <= float64(maxReplicas)+1) {
		return maxReplicas + 1
	}
	replicas := max(1, int(estimate))
	for replicas > 1 && b.loadAllowed(load, (replicas-1)*concurrency) {
		replicas--
	}
	for replicas <= maxReplicas && !b.loadAllowed(load, replicas*concurrency) {
		replicas++
	}
	return replicas
}

// leastForLatency returns the least replicas from the given number on that keep all latency bounds, or
// maxReplicas + 1. Waits fall as servers are added, so the first that keeps them is found by galloping and bisection.
func (b *bounds) leastForLatency(load float64, concurrency, replicas, maxReplicas int) int {
	if b.count == 0 {
		return replicas
	}
	reached := newInverseBlocking(load, replicas*concurrency) // at or below the largest count known to be too few
	tooFew, stride := replicas-1, 1
	for {
		probe := reached
		if b.kept(probe.delaySystem(replicas * concurrency)) {
			break
		}
		if replicas == maxReplicas {
			return maxReplicas + 1
		}
		reached, tooFew = probe, replicas
		replicas = min(maxReplicas, replicas+stride)
		stride *= 2
	}
	for replicas-tooFew > 1 {
		middle := tooFew + (replicas-tooFew)/2
		probe := reached
		if b.kept(probe.delaySystem(middle * concurrency)) {
			replicas = middle
		} else {
			reached, tooFew = probe, middle
		}
	}
	return replicas
}

// delaySystem advances the recurrence to a stable number of servers and returns the queue there.
func (s *inverseBlocking) delaySystem(servers int) delaySystem {
	s.advance(servers)
	gap := float64(servers) - s.load
	return delaySystem{servers: servers, gap: gap, waitProbability: s.waitProbability(gap)}
}

func validateReplicas(name string, replicas int, s Service) error {
	if most := MaxServers / s.concurrency(); replicas < 1 || replicas > most {
		return fmt.Errorf("queueing: %s is %d, must be in 1..%d (at most %d servers)", name, replicas, most, MaxServers)
	}
	return nil
}
