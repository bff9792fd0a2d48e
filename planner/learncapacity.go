package planner

import (
	"fmt"
	"math"
	"slices"

	"github.com/prescale/prescale/queueing"
)

// Chosen by us.
const (
	// gateTolerance is the factor within which a given model must predict the mean latency, that of [queueing.Calibrate].
	gateTolerance = 1.25
	// newest is how many of the last observations judge a given model and tell whether a limit has gone.
	newest = 5
	// fewestMeasured observations make a measured capacity.
	fewestMeasured = 3
	// leastBusy is the utilization from which on the utilization law is not lost in noise.
	leastBusy = 0.1
)

// LearnCapacity judges by observations, in order of time, whether the queueing model describes a workload, and measures
// what a replica carries. Only observations of the newest version count; while they are too few, [Capacity.Previous] is
// what those of the newest earlier version that was judged tell. It depends on nothing else, so that a restart loses
// nothing that the observations still show.
//
// Without a model the gate is that of [queueing.Calibrate], which fits a queue first. A given model is judged as it is:
// the mean latency of the newest five observations must be within a factor of 1.25 of the predicted in the median.
// Experimental models such as continuous batching are to be given, and planned by only where they pass.
//
// The sustained rate is [queueing.MeasureCapacity] against the parts of the target that observations tell. The saturated
// rate is the median of λ/(nU) over the observations with a known utilization U of 0.1 or more, n being
// the replicas, and the upper quartile under a downstream limit, which lowers what a slot completes while it waits for
// others.
//
// It costs one [queueing.Calibrate], two while a version is young.
func LearnCapacity(observations []queueing.Observation, model queueing.Model, target queueing.Target) Capacity {
	blocks := byVersion(observations)
	if len(blocks) == 0 {
		return Capacity{Verdict: queueing.VerdictInsufficient, Why: "there are no observations"}
	}
	c := learn(blocks[len(blocks)-1], model, target)
	if c.Verdict != queueing.VerdictInsufficient {
		return c
	}
	for _, block := range slices.Backward(blocks[:len(blocks)-1]) {
		if before := learn(block, model, target); before.Verdict != queueing.VerdictInsufficient {
			c.Previous = &before
			break
		}
	}
	return c
}

// byVersion cuts observations where the version changes.
func byVersion(observations []queueing.Observation) [][]queueing.Observation {
	var blocks [][]queueing.Observation
	from := 0
	for i := 1; i <= len(observations); i++ {
		if i == len(observations) || observations[i].Version != observations[from].Version {
			blocks = append(blocks, observations[from:i])
			from = i
		}
	}
	return blocks
}

// learn is LearnCapacity of one version.
func learn(observations []queueing.Observation, model queueing.Model, target queueing.Target) Capacity {
	fitted := queueing.Calibrate(observations)
	c := Capacity{Verdict: fitted.Verdict, Why: fitted.Explanation}
	if fitted.Verdict == queueing.VerdictFits {
		c.Service = fitted.Service()
	}
	usable := slices.DeleteFunc(slices.Clone(observations), func(o queueing.Observation) bool { return !usable(o) })
	if model != nil {
		c = judge(model, usable, c)
	}
	level, own := 0.5, observations
	if c.Verdict == queueing.VerdictDownstream {
		level = 0.75
		// An objective broken by waiting for another part tells nothing of the replicas.
		own = slices.DeleteFunc(slices.Clone(observations), queueing.Observation.Saturated)
		c.LimitReplicas, c.LimitRate = downstreamLimit(usable, fitted.DownstreamLimit.Value)
	}
	c.SaturatedRate = saturatedRate(usable, level)
	told := queueing.Target{Response: target.Response, MaxMeanResponse: target.MaxMeanResponse, MaxUtilization: target.MaxUtilization}
	if seen, err := queueing.MeasureCapacity(own, told); err == nil { // an error says that they do not tell
		c.SustainedRate, c.SustainedMost = seen.RatePerReplica, seen.Reached
	}
	return c
}

func usable(o queueing.Observation) bool {
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
	return positive(o.RatePerSecond) && o.Replicas > 0 && positive(o.MeanLatencySeconds)
}

// judge is the gate of a given model. Where that fails, what the calibration found out keeps its name.
func judge(model queueing.Model, observations []queueing.Observation, calibrated Capacity) Capacity {
	if len(observations) < newest {
		return Capacity{
			Verdict: queueing.VerdictInsufficient,
			Why:     fmt.Sprintf("%d usable observations of one version, need %d", len(observations), newest),
		}
	}
	var ratios []float64
	for _, o := range observations[len(observations)-newest:] {
		ratios = append(ratios, o.MeanLatencySeconds/model.At(o.RatePerSecond, o.Replicas).MeanResponseSeconds())
	}
	ratio := quantileOf(ratios, 0.5)
	if ratio <= gateTolerance && ratio >= 1/gateTolerance {
		return Capacity{Verdict: queueing.VerdictFits, Why: fmt.Sprintf("measured mean latency is %.2f times the predicted", ratio)}
	}
	c := Capacity{
		Verdict: queueing.VerdictMismatch,
		Why:     fmt.Sprintf("measured mean latency is %.2f times what the given model predicts, must be within a factor of %.2f", ratio, gateTolerance),
	}
	switch calibrated.Verdict {
	case queueing.VerdictThrottled, queueing.VerdictRetries, queueing.VerdictDownstream, queueing.VerdictCorrelated:
		c.Verdict = calibrated.Verdict
	case queueing.VerdictFits, queueing.VerdictInsufficient, queueing.VerdictMismatch:
	}
	return c
}

// saturatedRate is λ/(nU), which the utilization law makes k/E[S] at any load.
func saturatedRate(observations []queueing.Observation, level float64) float64 {
	var rates []float64
	for _, o := range observations {
		if o.Utilization >= leastBusy && o.Utilization <= 1 {
			rates = append(rates, o.RatePerSecond/(float64(o.Replicas)*o.Utilization))
		}
	}
	if len(rates) < fewestMeasured {
		return 0
	}
	return quantileOf(rates, level)
}

// downstreamLimit returns the least replicas that were seen to reach 95 % of the throughput that more of them did not
// raise, and that throughput; zeros if the newest observations exceed it by a tenth, since the limit has gone then.
func downstreamLimit(observations []queueing.Observation, rate float64) (replicas int32, limit float64) {
	if quantileOf(throughputs(observations[max(0, len(observations)-newest):]), 0.5) > 1.1*rate {
		return 0, 0
	}
	for _, o := range observations {
		if n := int32(min(o.Replicas, math.MaxInt32)); o.RatePerSecond >= 0.95*rate && (replicas == 0 || n < replicas) {
			replicas = n
		}
	}
	return replicas, rate
}

func throughputs(observations []queueing.Observation) []float64 {
	rates := make([]float64, len(observations))
	for i, o := range observations {
		rates[i] = o.RatePerSecond
	}
	return rates
}

// quantileOf is the p-quantile of values, linear between them.
func quantileOf(values []float64, p float64) float64 {
	s := slices.Clone(values)
	slices.Sort(s)
	x := p * float64(len(s)-1)
	i := int(x)
	if i == len(s)-1 {
		return s[i]
	}
	return s[i] + (x-float64(i))*(s[i+1]-s[i])
}
