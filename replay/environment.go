package replay

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/queueing"
)

// Environment is what a policy may know before a run begins. An engine makes it; policies only read it.
type Environment struct {
	// Start is the instant at which the run begins, Duration how long it lasts.
	Start    time.Time
	Duration time.Duration
	// Lens is how the load is seen.
	Lens Lens
	// Service is how one replica serves, and Target what its sizing must keep: the objective on the response time in
	// Target.Response and the cap on the utilization in Target.MaxUtilization.
	Service queueing.Service
	Target  queueing.Target
	// Startup is how long new replicas take.
	Startup Startup
	// InitialReplicas run when the run begins; MinReplicas and MaxReplicas bound what the HPA asks for.
	InitialReplicas, MinReplicas, MaxReplicas int32
	// History is the load before Start, as a store of metrics kept it; empty if there is none. Buckets that end after
	// Start are no part of it.
	History arrivals.Trace
	// ViolationBudget is the share of minutes that may be bad; 0 means 1 - percentile.
	ViolationBudget float64

	future arrivals.Schedule
}

// WithFuture returns a copy that lets a clairvoyant policy see the load to come. Engines call it; a policy that uses
// Clairvoyant is a bound and no rival.
func (e Environment) WithFuture(s arrivals.Schedule) *Environment {
	e.future = s
	return &e
}

// Clairvoyant returns the load of the run itself, from its beginning, which no policy but an oracle may ask for; nil
// if the engine does not tell.
func (e *Environment) Clairvoyant() arrivals.Schedule { return e.future }

// Budget returns the share of minutes that may be bad.
func (e *Environment) Budget() float64 {
	if e.ViolationBudget > 0 {
		return e.ViolationBudget
	}
	if p := e.Target.Response.Percentile; p > 0 {
		return 1 - p
	}
	return 1 - queueing.DefaultPercentile
}

// Validate reports everything that makes no sense, with its value and what is allowed.
func (e *Environment) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("replay: "+format, args...))
		}
	}
	check(e.Duration > 0, "duration %s: must be above 0s", e.Duration)
	check(e.MinReplicas >= 0, "minimum of %d replicas: must not be negative", e.MinReplicas)
	check(e.MaxReplicas >= max(e.MinReplicas, 1), "maximum of %d replicas: must be at least 1 and the minimum of %d", e.MaxReplicas, e.MinReplicas)
	check(e.InitialReplicas >= 0, "initial %d replicas: must not be negative", e.InitialReplicas)
	check(e.ViolationBudget >= 0 && e.ViolationBudget < 1, "violation budget %g: must be at least 0 and below 1", e.ViolationBudget)
	check(!math.IsNaN(e.ViolationBudget), "violation budget: must be a number")
	check(e.Service.MeanTime > 0, "mean service time %s: must be above 0s", e.Service.MeanTime)
	if e.History.Len() > 0 {
		check(!e.History.End().After(e.Start), "history until %s: must end before the run begins at %s",
			e.History.End().UTC().Format(time.RFC3339), e.Start.UTC().Format(time.RFC3339))
		errs = append(errs, e.History.Validate())
	}
	return errors.Join(append(errs, e.Lens.Validate(), e.Startup.Validate())...)
}

// RatePerReplica returns the rate in requests/s that one replica serves at the utilization cap, or fully busy without
// one.
func (e *Environment) RatePerReplica() float64 {
	busy := float64(max(e.Service.Concurrency, 1)) / e.Service.MeanTime.Seconds()
	if u := e.Target.MaxUtilization; u > 0 {
		return u * busy
	}
	return busy
}

// RequestsPerReplicaHour is what a replica serves in an hour at the utilization cap, the unit in which Result.Objective
// prices violations.
func (e *Environment) RequestsPerReplicaHour() float64 { return 3600 * e.RatePerReplica() }
