package queueing

import (
	"math"
	"time"
)

// MaxArrivalRate returns the largest arrival rate, per second, that a number of replicas carry within a target: the
// inverse of [LeastReplicas] in the sense that LeastReplicas of it is at most replicas, and of a rate above it by one
// part in 10^9 is more. Every constraint tightens as the load grows, so it is the least of the roots of all, each found
// to within a few units in the last place. With no target but stability it is the float64 below replicas·k/E[S]. One
// call takes 10 to 15 evaluations of Erlang C, O(√c) each, for each latency bound that limits.
//
// Errors: an argument out of range, or [ErrImpossibleTarget] if the service time alone breaks the target.
func MaxArrivalRate(replicas int, service Service, target Target) (float64, error) {
	if !service.markovian() {
		if err := checkModelReplicas(service, target, "replicas", replicas); err != nil {
			return 0, err
		}
		return MaxArrivalRateOf(replicas, service, target)
	}
	bounds, err := newBounds(service, target)
	if err != nil {
		return 0, err
	}
	if err := validateReplicas("replicas", replicas, service); err != nil {
		return 0, err
	}
	rate, _ := bounds.maxRate(service, replicas*service.concurrency())
	return rate, nil
}

// RateTable returns [MaxArrivalRate] of 0, 1, ..., maxReplicas replicas, so that the element n is the largest rate
// that n replicas carry; element 0 is 0. It never falls. Each root starts from those before it, which halves the
// evaluations of separate calls; results agree with them to within the rounding of the bounds.
//
// Errors: as [MaxArrivalRate].
func RateTable(maxReplicas int, service Service, target Target) ([]float64, error) {
	if !service.markovian() {
		if err := checkModelReplicas(service, target, "maxReplicas", maxReplicas); err != nil {
			return nil, err
		}
		return RateTableOf(maxReplicas, service, target)
	}
	bounds, err := newBounds(service, target)
	if err != nil {
		return nil, err
	}
	if err := validateReplicas("maxReplicas", maxReplicas, service); err != nil {
		return nil, err
	}
	rates := make([]float64, maxReplicas+1)
	var guess loadGuess
	for n := 1; n <= maxReplicas; n++ {
		servers := n * service.concurrency()
		load, _ := bounds.maxLoadWithin(servers, guess)
		guess = guess.next(load)
		rates[n] = math.Max(rates[n-1], bounds.rateWithin(load, service, servers))
	}
	return rates, nil
}

// loadGuess extrapolates the largest load from those of one and two replicas less. Their second difference is small,
// since the load per server rises slowly with the number of servers.
type loadGuess struct {
	last, before float64 // erlangs; 0 means unknown
}

func (g loadGuess) next(load float64) loadGuess { return loadGuess{last: load, before: g.last} }

// start returns a load to begin at, inside (0, limit), and a first step away from it.
func (g loadGuess) start(servers int, limit float64) (load, step float64) {
	if g.before > 0 {
		load, step = 2*g.last-g.before, (g.last-g.before)/64
	} else {
		// Square-root staffing with one standard deviation of the load in reserve.
		load, step = float64(servers)-math.Sqrt(float64(servers)), math.Sqrt(float64(servers))/4
	}
	if !(load > 0 && load < limit) {
		load = limit / 2
	}
	return load, math.Max(step, load*0x1p-40)
}

// maxLoadWithin returns the largest offered load of the given servers that keeps every bound, and the one that limits.
func (b *bounds) maxLoadWithin(servers int, guess loadGuess) (float64, Constraint) {
	load, binding := b.maxLoad(servers)
	for i := range b.count {
		excess := func(a float64) float64 {
			recurrence := newInverseBlocking(a, servers)
			return b.latency[i].excess(recurrence.delaySystem(servers))
		}
		if !(excess(load) <= 0) {
			start, step := guess.start(servers, load)
			load, binding = largestKept(excess, start, step, load), b.latency[i].constraint
		}
	}
	return load, binding
}

// maxRate is maxLoadWithin as a rate.
func (b *bounds) maxRate(s Service, servers int) (float64, Constraint) {
	load, binding := b.maxLoadWithin(servers, loadGuess{})
	return b.rateWithin(load, s, servers), binding
}

// rateWithin turns the largest load into a rate. Its offered load, rounded once more, can come out above the load or,
// where the rounding noise of the bound is not monotone, outside the bound just below it; so the rate is lowered by
// units in the last place until [LeastReplicas] would accept it.
func (b *bounds) rateWithin(load float64, s Service, servers int) float64 {
	rate := load * float64(time.Second) / float64(s.MeanTime)
	for step := 0x1p-53; rate > 0; step *= 2 {
		again := s.offeredLoad(rate)
		recurrence := newInverseBlocking(again, servers)
		if again <= load && b.kept(recurrence.delaySystem(servers)) {
			return rate
		}
		rate = math.Min(math.Nextafter(rate, 0), rate*(1-step))
	}
	return 0
}
