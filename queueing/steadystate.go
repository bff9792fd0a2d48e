package queueing

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// SteadyState is what every model of a queue tells of its steady state; sizing needs no more. Without a steady state
// the mean wait is +Inf; invalid parameters give NaN.
//
// A model with losses also has a method BlockingProbability() or AbandonmentProbability(), each float64. One with
// WaitTail and ResponseTail, as [MMc] has them, is sized by those rather than by its quantiles, which is faster.
type SteadyState interface {
	Utilization() float64
	WaitProbability() float64
	MeanWaitSeconds() float64
	MeanResponseSeconds() float64
	WaitQuantileSeconds(p float64) float64
	ResponseQuantileSeconds(p float64) float64
}

// Model is a service as a queue at any arrival rate and number of replicas. Waits must not rise with replicas nor fall
// with the rate. [Service] is one; [ModelFunc] makes one of a function.
type Model interface {
	// At returns the steady state of replicas >= 1 at an arrival rate, per second.
	At(arrivalRatePerSecond float64, replicas int) SteadyState
}

// ModelFunc is a function as a [Model].
type ModelFunc func(arrivalRatePerSecond float64, replicas int) SteadyState

// At calls the function.
func (f ModelFunc) At(arrivalRatePerSecond float64, replicas int) SteadyState {
	return f(arrivalRatePerSecond, replicas)
}

// Variability is a squared coefficient of variation whose zero value is not zero but that of the exponential law, 1.
type Variability struct {
	scv float64
	set bool // false: 1
}

// SCV returns the variability of a squared coefficient of variation, variance over mean squared: 0 is a constant, 1 is
// exponential, 4 is typical of mixed request types.
func SCV(scv float64) Variability {
	if scv == 1 {
		return Variability{}
	}
	return Variability{scv: scv, set: true}
}

// Value returns the squared coefficient of variation.
func (v Variability) Value() float64 {
	if !v.set {
		return 1
	}
	return v.scv
}

// NoQueue is the Service.MaxWaiting of replicas that refuse what they cannot start at once.
const NoQueue = -1

var _ Model = Service{}

// At returns the steady state of the given number of replicas as one central queue: [MMc] for the zero values of the
// service's further fields, else [MMcK] for MaxWaiting, [ErlangA] for Patience, [GIGc] for ArrivalSCV and [MGc] for SCV.
func (s Service) At(arrivalRatePerSecond float64, replicas int) SteadyState {
	q := s.Model(arrivalRatePerSecond, replicas)
	switch {
	case s.MaxWaiting != 0:
		room := 0
		if s.MaxWaiting > 0 {
			room = s.MaxWaiting * replicas
		}
		return MMcK{q.ArrivalRatePerSecond, q.ServiceRatePerSecond, q.Servers, q.Servers + room}
	case s.Patience != 0:
		return ErlangA{q.ArrivalRatePerSecond, q.ServiceRatePerSecond, q.Servers, float64(time.Second) / float64(s.Patience)}.Solve()
	case s.ArrivalSCV.set:
		return GIGc{q.ArrivalRatePerSecond, q.ServiceRatePerSecond, q.Servers, s.ArrivalSCV.Value(), s.SCV.Value()}.Solve()
	case s.SCV.set:
		return MGc{q.ArrivalRatePerSecond, q.ServiceRatePerSecond, q.Servers, s.SCV.Value()}.Solve()
	}
	return q
}

// markovian reports whether the service is the plain M/M/c queue, which is sized by the fast path.
func (s Service) markovian() bool {
	return s.SCV == Variability{} && s.ArrivalSCV == Variability{} && s.Patience == 0 && s.MaxWaiting == 0
}

// validateLaw reports what is wrong with the fields beyond M/M/c.
func (s Service) validateLaw() error {
	var errs []error
	for _, v := range []struct {
		field string
		scv   float64
	}{{"SCV", s.SCV.Value()}, {"ArrivalSCV", s.ArrivalSCV.Value()}} {
		if !(v.scv >= 0) || math.IsInf(v.scv, 1) {
			errs = append(errs, fmt.Errorf("queueing: Service.%s is %v, must be finite and not negative", v.field, v.scv))
		}
	}
	if s.Patience < 0 {
		errs = append(errs, fmt.Errorf("queueing: Service.Patience is %v, must be above 0, or 0 for endless", s.Patience))
	}
	if s.MaxWaiting < NoQueue || s.MaxWaiting > MaxCapacity {
		errs = append(errs, fmt.Errorf("queueing: Service.MaxWaiting is %d, must be in 1..%d, %d for no queue, or 0 for no limit",
			s.MaxWaiting, MaxCapacity, NoQueue))
	}
	features := 0
	for _, asked := range []bool{s.SCV.set || s.ArrivalSCV.set, s.Patience != 0, s.MaxWaiting != 0} {
		if asked {
			features++
		}
	}
	if features > 1 {
		errs = append(errs, errors.New("queueing: Service has more than one of SCV or ArrivalSCV, Patience and MaxWaiting: no model covers that"))
	}
	return errors.Join(errs...)
}

// mostReplicas is how many replicas the service's model can answer for.
func (s Service) mostReplicas() int {
	servers, each := MaxServers, s.concurrency()
	switch {
	case s.MaxWaiting != 0:
		servers, each = MaxCapacity, each+max(s.MaxWaiting, 0)
	case s.SCV.set || s.ArrivalSCV.set:
		servers = MaxDeterministicServers
	}
	return servers / each
}
