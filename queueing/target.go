package queueing

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Service describes how one replica serves.
type Service struct {
	// MeanTime is the mean time one request occupies one server, > 0. It is exponentially distributed unless SCV says
	// otherwise.
	MeanTime time.Duration
	// Concurrency is how many requests a replica serves at the same time, each at full speed: its number of servers.
	// 0 means 1.
	Concurrency int
	// SCV is the squared coefficient of variation of the service time. The zero value means 1, the exponential law;
	// SCV(0) is a constant time. See [MGc].
	SCV Variability
	// ArrivalSCV is that of the interarrival times. The zero value means 1, Poisson arrivals. See [GIGc].
	ArrivalSCV Variability
	// Patience is the mean time a request waits before its client gives up, exponentially distributed; 0 means endless.
	// See [ErlangA].
	Patience time.Duration
	// MaxWaiting is how many requests may wait per replica before further ones are refused: 0 means no limit, [NoQueue]
	// that none may. See [MMcK].
	MaxWaiting int
}

// Model returns the queue that the given number of replicas forms at an arrival rate: one central queue of
// replicas·Concurrency servers, exponential whatever the service's further fields say; [Service.At] heeds those. Its
// methods return NaN if the service, the rate or the replicas are out of range.
func (s Service) Model(arrivalRatePerSecond float64, replicas int) MMc {
	return MMc{
		ArrivalRatePerSecond: arrivalRatePerSecond,
		ServiceRatePerSecond: float64(time.Second) / float64(s.MeanTime),
		Servers:              replicas * s.concurrency(),
	}
}

func (s Service) concurrency() int { return max(s.Concurrency, 1) }

// offeredLoad is a = λ·E[S]. Multiplying nanoseconds first makes 50/s × 100ms exactly 5.
func (s Service) offeredLoad(arrivalRatePerSecond float64) float64 {
	return arrivalRatePerSecond * float64(s.MeanTime) / float64(time.Second)
}

func (s Service) validate() error {
	var errs []error
	if s.MeanTime <= 0 {
		errs = append(errs, fmt.Errorf("queueing: Service.MeanTime is %v, must be above 0", s.MeanTime))
	}
	if s.Concurrency < 0 || s.Concurrency > MaxServers {
		errs = append(errs, fmt.Errorf("queueing: Service.Concurrency is %d, must be in 0..%d (0 means 1)", s.Concurrency, MaxServers))
	}
	return errors.Join(errs...)
}

// Target is what a sizing must keep: all of its parts at once. A zero field asks for nothing; stability, an offered
// load below the number of servers, is always kept.
type Target struct {
	// MaxUtilization bounds ρ, in (0, 1]. It is compared with a tolerance of a few units in the last place, so that
	// rates and times typed in decimals that mean equality are within it.
	MaxUtilization float64
	// MaxWaitProbability bounds P(W > 0), in (0, 1).
	MaxWaitProbability float64
	// MaxBlocking bounds the share of arrivals refused by a full queue, in (0, 1); it needs Service.MaxWaiting.
	MaxBlocking float64
	// MaxAbandonment bounds the share of arrivals that give up waiting, in (0, 1); it needs Service.Patience.
	MaxAbandonment float64
	// MaxMeanWait bounds the mean time in queue.
	MaxMeanWait time.Duration
	// MaxMeanResponse bounds the mean response time; it must exceed the mean service time.
	MaxMeanResponse time.Duration
	// Wait bounds a quantile of the time in queue.
	Wait Quantile
	// Response bounds a quantile of the response time, the usual latency objective. It must exceed that quantile of
	// the service time, -ln(1-p) mean service times.
	Response Quantile
}

// Quantile asks that a share Percentile of requests take at most Latency. The zero value asks for nothing.
type Quantile struct {
	Percentile float64 // in (0, 1): 0.99 for p99
	Latency    time.Duration
}

func (q Quantile) asked() bool { return q != Quantile{} }

// Constraint names the part of a target that limits.
type Constraint string

// The constraints, in the order in which they are tried.
const (
	// ConstraintMinimum: one replica keeps every target, and there is never less than one.
	ConstraintMinimum Constraint = "minimum"
	// ConstraintStability: without more servers the queue would grow without limit.
	ConstraintStability        Constraint = "stability"
	ConstraintUtilization      Constraint = "utilization"
	ConstraintBlocking         Constraint = "blocking"
	ConstraintAbandonment      Constraint = "abandonment"
	ConstraintWaitProbability  Constraint = "wait_probability"
	ConstraintMeanWait         Constraint = "mean_wait"
	ConstraintMeanResponse     Constraint = "mean_response"
	ConstraintWaitQuantile     Constraint = "wait_quantile"
	ConstraintResponseQuantile Constraint = "response_quantile"
)

var (
	// ErrImpossibleTarget means that no number of replicas keeps the target, since the service time alone breaks it.
	ErrImpossibleTarget = errors.New("no number of replicas keeps the target")
	// ErrMaxReplicas means that the target needs more replicas than the limit given.
	ErrMaxReplicas = errors.New("the target needs more replicas than allowed")
)

// utilizationSlack forgives the rounding of a rate times a time, two operations and two decimal constants.
const utilizationSlack = 1 + 0x1p-50

// bound is one latency constraint in units of the mean service time.
type bound struct {
	constraint Constraint
	limit      float64 // the probability, the mean, or the latency of a quantile
	logMiss    float64 // ln(1-p) of a quantile
}

// excess is the logarithm of how far a queue is outside the bound: kept if <= 0. It rises with the load.
func (b bound) excess(d delaySystem) float64 {
	switch b.constraint {
	case ConstraintWaitProbability:
		return math.Log(d.waitProbability / b.limit)
	case ConstraintWaitQuantile:
		return math.Log(d.waitProbability) - d.gap*b.limit - b.logMiss
	case ConstraintResponseQuantile:
		return math.Log(d.responseTail(b.limit)) - b.logMiss
	default: // both means, as a bound on the mean wait
		return math.Log(d.meanWait() / b.limit)
	}
}

// bounds is a validated target: a utilization cap and up to five latency bounds, without allocation.
type bounds struct {
	utilization float64 // 0 means stability only
	latency     [5]bound
	count       int
}

// newBounds validates a service and a target and reports all that is wrong with them together.
func newBounds(s Service, t Target) (bounds, error) {
	if err := errors.Join(s.validate(), t.validate()); err != nil {
		return bounds{}, err
	}
	if t.MaxBlocking > 0 || t.MaxAbandonment > 0 {
		return bounds{}, t.answerable(s)
	}
	if err := t.possible(s.MeanTime); err != nil {
		return bounds{}, err
	}

	b := bounds{utilization: t.MaxUtilization}
	add := func(c Constraint, asked bool, limit, percentile float64) {
		if asked {
			b.latency[b.count] = bound{constraint: c, limit: limit, logMiss: math.Log1p(-percentile)}
			b.count++
		}
	}
	services := func(d time.Duration) float64 { return float64(d) / float64(s.MeanTime) }
	add(ConstraintWaitProbability, t.MaxWaitProbability > 0, t.MaxWaitProbability, 0)
	add(ConstraintMeanWait, t.MaxMeanWait > 0, services(t.MaxMeanWait), 0)
	add(ConstraintMeanResponse, t.MaxMeanResponse > 0, services(t.MaxMeanResponse-s.MeanTime), 0)
	add(ConstraintWaitQuantile, t.Wait.asked(), services(t.Wait.Latency), t.Wait.Percentile)
	add(ConstraintResponseQuantile, t.Response.asked(), services(t.Response.Latency), t.Response.Percentile)
	return b, nil
}

// validate reports all that is wrong with a target.
func (t Target) validate() error {
	var errs []error
	invalid := func(field string, value any, allowed string) {
		errs = append(errs, fmt.Errorf("queueing: Target.%s is %v, must be %s", field, value, allowed))
	}
	if !(t.MaxUtilization >= 0 && t.MaxUtilization <= 1) {
		invalid("MaxUtilization", t.MaxUtilization, "in (0, 1], or 0 for none")
	}
	if !(t.MaxWaitProbability >= 0 && t.MaxWaitProbability < 1) {
		invalid("MaxWaitProbability", t.MaxWaitProbability, "in (0, 1), or 0 for none")
	}
	if !(t.MaxBlocking >= 0 && t.MaxBlocking < 1) {
		invalid("MaxBlocking", t.MaxBlocking, "in (0, 1), or 0 for none")
	}
	if !(t.MaxAbandonment >= 0 && t.MaxAbandonment < 1) {
		invalid("MaxAbandonment", t.MaxAbandonment, "in (0, 1), or 0 for none")
	}
	if t.MaxMeanWait < 0 {
		invalid("MaxMeanWait", t.MaxMeanWait, "above 0, or 0 for none")
	}
	if t.MaxMeanResponse < 0 {
		invalid("MaxMeanResponse", t.MaxMeanResponse, "above 0, or 0 for none")
	}
	for _, q := range []struct {
		field string
		Quantile
	}{{"Wait", t.Wait}, {"Response", t.Response}} {
		if q.asked() && !(q.Percentile > 0 && q.Percentile < 1) {
			invalid(q.field+".Percentile", q.Percentile, "in (0, 1)")
		}
		if q.asked() && q.Latency <= 0 {
			invalid(q.field+".Latency", q.Latency, "above 0")
		}
	}
	return errors.Join(errs...)
}

// possible refuses response times that an idle system would already exceed.
func (t Target) possible(meanService time.Duration) error {
	var errs []error
	if t.MaxMeanResponse > 0 && t.MaxMeanResponse <= meanService {
		errs = append(errs, fmt.Errorf("queueing: Target.MaxMeanResponse is %v, must exceed the mean service time %v: %w",
			t.MaxMeanResponse, meanService, ErrImpossibleTarget))
	}
	if t.Response.asked() {
		p := t.Response.Percentile
		least := -math.Log1p(-p) * float64(meanService)
		if float64(t.Response.Latency) <= least {
			errs = append(errs, fmt.Errorf(
				"queueing: Target.Response.Latency is %v, must exceed %v, the %v-quantile of an exponential service time of mean %v: %w",
				t.Response.Latency, time.Duration(least), p, meanService, ErrImpossibleTarget))
		}
	}
	return errors.Join(errs...)
}

// maxLoad is the largest offered load within stability and utilization.
func (b *bounds) maxLoad(servers int) (float64, Constraint) {
	c := float64(servers)
	if b.utilization == 0 || b.utilization == 1 {
		return math.Nextafter(c, 0), ConstraintStability
	}
	return c * b.utilization, ConstraintUtilization
}

// loadAllowed is the search's side of maxLoad, with the slack for decimal input.
func (b *bounds) loadAllowed(load float64, servers int) bool {
	allowed, _ := b.maxLoad(servers)
	return load <= allowed || b.utilization > 0 && load <= allowed*utilizationSlack && load < float64(servers)
}

// kept reports whether a queue, already within maxLoad, keeps all latency bounds.
func (b *bounds) kept(d delaySystem) bool {
	for i := range b.count {
		if !(b.latency[i].excess(d) <= 0) {
			return false
		}
	}
	return true
}
