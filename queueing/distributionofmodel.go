package queueing

import (
	"errors"
	"math"
)

// LeastReplicasForDistributionOf is [LeastReplicasForDistribution] for any model; blocking and abandonment are averaged over
// the distribution of the rate as well. The probabilities rise with the rate, so that the sum over the 400 rates begins with
// the highest and ends once the rest cannot matter. Models without WaitTail and ResponseTail answer through their
// quantiles, 24 for each probability.
//
// Errors: as [LeastReplicasOf]; a distribution out of range; a bound on a mean.
func LeastReplicasForDistributionOf(rate RateDistribution, model Model, target Target, maxReplicas int) (int, error) {
	rates, err := rate.midpoints()
	if err = errors.Join(err, target.checkAverageable()); err != nil {
		return 0, err
	}
	if err := target.answerable(model); err != nil {
		return 0, err
	}
	mean := meanOf(rates)
	least, err := LeastReplicasOf(mean, model, Target{MaxUtilization: target.MaxUtilization}, maxReplicas)
	if err != nil {
		return 0, err
	}
	kept := func(replicas int) bool {
		for _, risk := range target.risks() {
			if !risk.keptOnAverage(rates, model, replicas) {
				return false
			}
		}
		return true
	}
	return leastKept(kept, least, maxReplicas, mean)
}

// risk is a probability that a target bounds.
type risk struct {
	allowed float64
	of      func(SteadyState) float64
}

func (t Target) risks() []risk {
	var risks []risk
	add := func(asked bool, allowed float64, of func(SteadyState) float64) {
		if asked {
			risks = append(risks, risk{allowed, of})
		}
	}
	add(t.MaxBlocking > 0, t.MaxBlocking, blockingOf)
	add(t.MaxAbandonment > 0, t.MaxAbandonment, abandonmentOf)
	add(t.MaxWaitProbability > 0, t.MaxWaitProbability, SteadyState.WaitProbability)
	add(t.Wait.asked(), 1-t.Wait.Percentile, func(s SteadyState) float64 {
		if tails, ok := s.(tailer); ok {
			return tails.WaitTail(t.Wait.Latency.Seconds())
		}
		return tailFromQuantile(s.WaitQuantileSeconds, t.Wait.Latency.Seconds())
	})
	add(t.Response.asked(), 1-t.Response.Percentile, func(s SteadyState) float64 {
		if tails, ok := s.(tailer); ok {
			return tails.ResponseTail(t.Response.Latency.Seconds())
		}
		return tailFromQuantile(s.ResponseQuantileSeconds, t.Response.Latency.Seconds())
	})
	return risks
}

// keptOnAverage adds up from the highest rate on. The last term bounds those that follow.
func (r risk) keptOnAverage(rates []float64, model Model, replicas int) bool {
	budget := r.allowed * float64(len(rates))
	for i := len(rates) - 1; i >= 0; i-- {
		state := model.At(rates[i], replicas)
		missed := 1.0
		if mean := state.MeanWaitSeconds(); !math.IsNaN(mean) && !math.IsInf(mean, 1) {
			missed = r.of(state)
		}
		if math.IsNaN(missed) {
			missed = 1
		}
		budget -= missed
		if budget < 0 {
			return false
		}
		if missed*float64(i) <= budget {
			return true
		}
	}
	return true
}

// tailFromQuantile returns P(X > t) for a law given by its quantiles, by bisection on ln P to a part in 10^5, and 0 below
// 1e-12.
func tailFromQuantile(quantile func(p float64) float64, t float64) float64 {
	low, high := 0.0, 12*math.Ln10 // of -ln P
	if !(quantile(-math.Expm1(-low)) <= t) {
		return 1
	}
	if quantile(-math.Expm1(-high)) <= t {
		return 0
	}
	for range 24 {
		if middle := (low + high) / 2; quantile(-math.Expm1(-middle)) <= t {
			low = middle
		} else {
			high = middle
		}
	}
	return math.Exp(-low)
}
