package planner

import (
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// LeadTime is the time between a decision and the moment its replicas serve, by part. The age of
// the data is not a part of it: the forecast starts where the data end, so it is covered already.
type LeadTime struct {
	// Startup is the 90th percentile of the time from a pod's creation until it is Ready.
	Startup time.Duration
	// HPASync is the period at which the HPA reads the metric; the number waits that long at most.
	HPASync time.Duration
	// Ramp is the time the HPA's scaling policies need beyond the first step.
	Ramp time.Duration
}

// Total returns the sum of the parts.
func (l LeadTime) Total() time.Duration { return l.Startup + l.HPASync + l.Ramp }

// StartupPercentile is the level of the start-up distribution that the lead time covers.
const StartupPercentile = 0.9

// StartupP90 returns the 90th percentile of a start-up time with the given mean and squared coefficient
// of variation, taken as gamma distributed: shape 1/scv, scale mean × scv. It is rounded to milliseconds.
//
// Special cases: the mean itself if scv is 0 (a constant), 0 if the mean is 0.
func StartupP90(mean time.Duration, scv float64) time.Duration {
	if scv == 0 || mean == 0 {
		return mean
	}
	shape := 1 / scv
	p90 := distuv.Gamma{Alpha: shape, Beta: shape / mean.Seconds()}.Quantile(StartupPercentile)
	return time.Duration(p90 * float64(time.Second)).Round(time.Millisecond)
}
