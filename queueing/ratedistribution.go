package queueing

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// RateQuantile says that the rate is at most PerSecond with a probability.
type RateQuantile struct {
	Probability float64 // in (0, 1)
	PerSecond   float64 // >= 0
}

// RateDistribution is an arrival rate that is not known, as a forecast gives it: normal with a mean and a standard
// deviation, cut at 0, or by quantiles, between which the rate is linear in the probability and beyond which it keeps the
// last value; so give a quantile well above the target's percentile.
type RateDistribution struct {
	MeanPerSecond, StandardDeviation float64
	Quantiles                        []RateQuantile // rising; if there are any, the other two are not used
}

// LeastReplicasForDistribution returns the least number of replicas, at least 1, that keep a target on average over the
// distribution of the rate: with F the law of λ and n replicas,
//
//	∫ P(T > t | λ, n) dF(λ) <= 1 - p,
//
// and likewise for the wait and its probability; a rate at which the queue is not stable counts as all late. The rate is
// taken to stay for longer than the queue needs to settle, which errs on the safe side. MaxUtilization is kept at
// the mean rate. Means cannot be bounded, since a rate that overloads any number of replicas makes them infinite.
// The integral is a sum over 400 equally likely rates (midpoints), so that percentiles up to 0.999 are meaningful. The
// average falls with every replica, so the search gallops and bisects. A service beyond M/M/c is sized as
// [LeastReplicasForDistributionOf] does.
//
// Errors: as [LeastReplicas]; a distribution out of range; a bound on a mean.
func LeastReplicasForDistribution(rate RateDistribution, service Service, target Target, maxReplicas int) (int, error) {
	if !service.markovian() {
		if err := checkService(service, target, "maxReplicas", maxReplicas); err != nil {
			return 0, err
		}
		return LeastReplicasForDistributionOf(rate, service, target, min(maxReplicas, service.mostReplicas()))
	}
	rates, err := rate.midpoints()
	err = errors.Join(err, target.checkAverageable())
	bounds, boundsErr := newBounds(service, target)
	if err = errors.Join(err, boundsErr, validateReplicas("maxReplicas", maxReplicas, service)); err != nil {
		return 0, err
	}
	mean := meanOf(rates)
	least, err := LeastReplicas(mean, service, Target{MaxUtilization: target.MaxUtilization}, maxReplicas)
	if err != nil {
		return 0, err
	}
	kept := func(replicas int) bool { return bounds.keptOnAverage(rates, service, replicas*service.concurrency()) }
	return leastKept(kept, least, maxReplicas, mean)
}

// leastKept gallops and bisects from a number of replicas that may be enough.
func leastKept(kept func(replicas int) bool, least, maxReplicas int, mean float64) (int, error) {
	tooFew, enough, stride := least-1, least, 1
	for !kept(enough) {
		if enough == maxReplicas {
			return 0, fmt.Errorf("queueing: %v requests per second on average: %w: maxReplicas is %d", mean, ErrMaxReplicas, maxReplicas)
		}
		tooFew, enough = enough, min(maxReplicas, enough+stride)
		stride *= 2
	}
	for enough-tooFew > 1 {
		if middle := tooFew + (enough-tooFew)/2; kept(middle) {
			enough = middle
		} else {
			tooFew = middle
		}
	}
	return enough, nil
}

func meanOf(rates []float64) float64 {
	var mean float64
	for _, r := range rates {
		mean += r / float64(len(rates))
	}
	return mean
}

// checkAverageable refuses bounds on means.
func (t Target) checkAverageable() error {
	if t.MaxMeanWait != 0 || t.MaxMeanResponse != 0 {
		return errors.New("queueing: a mean cannot be bounded over a distribution of the rate: use a quantile")
	}
	return nil
}

// midpoints returns equally likely rates in rising order.
func (d RateDistribution) midpoints() ([]float64, error) {
	const count = 400
	if err := d.validate(); err != nil {
		return nil, err
	}
	rates := make([]float64, count)
	for i := range rates {
		rates[i] = d.quantile((float64(i) + 0.5) / count)
	}
	return rates, nil
}

func (d RateDistribution) quantile(p float64) float64 {
	if len(d.Quantiles) == 0 {
		return math.Max(0, d.MeanPerSecond+d.StandardDeviation*math.Sqrt2*math.Erfinv(2*p-1))
	}
	i, _ := slices.BinarySearchFunc(d.Quantiles, p, func(q RateQuantile, p float64) int {
		if q.Probability < p {
			return -1
		}
		return 1
	})
	switch i {
	case 0:
		return d.Quantiles[0].PerSecond
	case len(d.Quantiles):
		return d.Quantiles[i-1].PerSecond
	}
	a, b := d.Quantiles[i-1], d.Quantiles[i]
	return a.PerSecond + (b.PerSecond-a.PerSecond)*(p-a.Probability)/(b.Probability-a.Probability)
}

func (d RateDistribution) validate() error {
	finite := func(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }
	if len(d.Quantiles) == 0 && (!finite(d.MeanPerSecond) || !finite(d.StandardDeviation)) {
		return fmt.Errorf("queueing: RateDistribution has mean %v and standard deviation %v, must be finite and not negative",
			d.MeanPerSecond, d.StandardDeviation)
	}
	for i, q := range d.Quantiles {
		if !(q.Probability > 0 && q.Probability < 1) || !finite(q.PerSecond) ||
			i > 0 && !(q.Probability > d.Quantiles[i-1].Probability && q.PerSecond >= d.Quantiles[i-1].PerSecond) {
			return fmt.Errorf("queueing: RateDistribution.Quantiles[%d] is %v per second at %v, must be rising, in (0, 1) and not negative",
				i, q.PerSecond, q.Probability)
		}
	}
	return nil
}

// keptOnAverage averages the probability of each bound over the rates.
func (b *bounds) keptOnAverage(rates []float64, service Service, servers int) bool {
	for i := range b.count {
		bound := b.latency[i]
		allowed := math.Exp(bound.logMiss)
		if bound.constraint == ConstraintWaitProbability {
			allowed = bound.limit
		}
		var missed float64
		for _, rate := range rates {
			missed += bound.missed(service.offeredLoad(rate), servers) / float64(len(rates))
		}
		if !(missed <= allowed) {
			return false
		}
	}
	return true
}

// missed is the probability that the bound speaks of; 1 where the queue is not stable.
func (b bound) missed(load float64, servers int) float64 {
	if !(load < float64(servers)) {
		return 1
	}
	recurrence := newInverseBlocking(load, servers)
	d := recurrence.delaySystem(servers)
	switch b.constraint {
	case ConstraintWaitProbability:
		return d.waitProbability
	case ConstraintWaitQuantile:
		return d.waitTail(b.limit)
	}
	return d.responseTail(b.limit)
}
