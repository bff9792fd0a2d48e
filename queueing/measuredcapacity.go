package queueing

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// MeasuredCapacity is the rate that a replica was seen to carry within a target: the rule for a service that no model
// describes.
type MeasuredCapacity struct {
	RatePerReplica float64 // requests per second
	Observations   int     // at most a fifth below that rate
	// Reached says that higher rates broke the target. Otherwise it is the highest rate seen, and replicas may carry more.
	Reached bool
}

// LeastReplicas returns the least replicas, at least 1, of which each gets no more than the measured rate; 0 without a
// measurement, for a rate that is not finite or negative, or beyond [MaxServers].
func (m MeasuredCapacity) LeastReplicas(arrivalRatePerSecond float64) int {
	n := math.Max(1, math.Ceil(arrivalRatePerSecond/m.RatePerReplica*(1-0x1p-50)))
	if !(m.RatePerReplica > 0 && arrivalRatePerSecond >= 0 && n <= MaxServers) {
		return 0
	}
	return int(n)
}

// Chosen by us.
const (
	capacityBand     = 0.8 // of a rate per replica, from which observations speak for it
	capacityShare    = 0.9 // of those must keep the target
	capacityEvidence = 5   // observations at least
)

// MeasureCapacity returns the largest rate per replica such that, of the observations with that rate or up to a fifth
// less, five at least, nine tenths keep the target. It takes no model: what the target asks for is read from each
// observation, Response from the histogram, MaxMeanResponse from the mean and MaxUtilization where utilization is known.
//
// Errors: a target that asks for something else, or for nothing that observations tell; too few observations, or none at
// which the target was kept.
func MeasureCapacity(observations []Observation, target Target) (MeasuredCapacity, error) {
	if err := target.validate(); err != nil {
		return MeasuredCapacity{}, err
	}
	readable := Target{Response: target.Response, MaxMeanResponse: target.MaxMeanResponse, MaxUtilization: target.MaxUtilization}
	if target != readable || target == (Target{}) {
		return MeasuredCapacity{}, errors.New("queueing: a capacity is measured against Target.Response, MaxMeanResponse or MaxUtilization, and at least one of these")
	}
	type seen struct {
		rate float64 // per replica
		kept bool
	}
	var all []seen
	for _, o := range observations {
		if kept, known := o.keeps(target); known && o.usable() {
			all = append(all, seen{o.RatePerSecond / float64(o.Replicas), kept})
		}
	}
	if len(all) < capacityEvidence {
		return MeasuredCapacity{}, fmt.Errorf("queueing: %d observations tell whether they kept the target, need %d", len(all), capacityEvidence)
	}
	slices.SortFunc(all, func(a, b seen) int {
		switch {
		case a.rate < b.rate:
			return -1
		case a.rate > b.rate:
			return 1
		}
		return 0
	})
	for i := len(all) - 1; i >= 0; i-- {
		var count, kept int
		for j := i; j >= 0 && all[j].rate >= capacityBand*all[i].rate; j-- {
			count++
			if all[j].kept {
				kept++
			}
		}
		if all[i].kept && count >= capacityEvidence && float64(kept) >= capacityShare*float64(count) {
			return MeasuredCapacity{RatePerReplica: all[i].rate, Observations: count, Reached: i < len(all)-1}, nil
		}
	}
	return MeasuredCapacity{}, errors.New("queueing: no rate at which observations kept the target")
}

// keeps reports whether an observation is within a target, and whether it tells.
func (o Observation) keeps(t Target) (kept, known bool) {
	kept = true
	if t.Response.asked() {
		q := o.Latency.Quantile(t.Response.Percentile)
		if math.IsNaN(q) {
			return false, false
		}
		kept = q <= t.Response.Latency.Seconds()
		known = true
	}
	if t.MaxMeanResponse > 0 {
		kept = kept && o.MeanLatencySeconds <= t.MaxMeanResponse.Seconds()
		known = true
	}
	if t.MaxUtilization > 0 && o.Utilization >= 0 {
		kept = kept && o.Utilization <= t.MaxUtilization
		known = true
	}
	return kept, known
}

// MeasuredCapacity returns what the present version was seen to carry within a target. Until it has as many observations as
// a calibration needs, it is what the version before carried, or less if the present one broke the target at less.
//
// Errors: as [MeasureCapacity].
func (c *Calibrator) MeasuredCapacity(now time.Time, target Target) (MeasuredCapacity, error) {
	present := c.recent(now)
	capacity, err := MeasureCapacity(present, target)
	if len(present) >= fewestFitted+heldOut || len(c.former) == 0 {
		return capacity, err
	}
	former, formerErr := MeasureCapacity(c.former, target)
	if formerErr != nil {
		return capacity, err
	}
	for _, o := range present {
		if kept, known := o.keeps(target); known && !kept && o.usable() {
			broken := capacityBand * o.RatePerSecond / float64(o.Replicas)
			if broken < former.RatePerReplica {
				former = MeasuredCapacity{RatePerReplica: broken, Observations: 1, Reached: true}
			}
		}
	}
	return former, nil
}
