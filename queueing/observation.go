package queueing

import (
	"math"
	"time"
)

// Observation is what a running service exposed over one interval. Optional numbers are NaN where they are missing.
type Observation struct {
	At                 time.Time // end of the interval
	Version            string    // of the service; another one starts the calibration anew
	RatePerSecond      float64   // requests completed
	Replicas           int       // ready
	MeanLatencySeconds float64   // of completed requests, the sum of a histogram over its count
	Latency            LatencyHistogram
	// Utilization is the share of a replica's slots that were busy, in [0, 1]; optional. Do not put CPU utilization here
	// unless a busy slot uses all of its CPU.
	Utilization float64
	RetryShare  float64 // requests that repeat earlier ones, of all; optional
	Throttled   float64 // share of time that replicas were throttled; optional
	Dispersion  float64 // variance over mean of the arrivals per second; 1 if Poisson; optional
}

// Saturated reports whether the replicas are busy all the time, as far as a measurement can tell: a utilization of 0.97
// or more.
func (o Observation) Saturated() bool { return o.Utilization >= 0.97 }

// LatencyHistogram counts requests by latency. The zero value is an absent one.
type LatencyHistogram struct {
	UpperBoundsSeconds []float64 // rising
	Counts             []float64 // per bucket and not cumulative, with one more for those above the last bound
}

// Quantile returns the p-quantile, linear within its bucket; the last bound if it is above that; NaN for an absent or
// malformed histogram or p outside [0, 1].
func (h LatencyHistogram) Quantile(p float64) float64 {
	if !(p >= 0 && p <= 1) || len(h.UpperBoundsSeconds) == 0 || len(h.Counts) != len(h.UpperBoundsSeconds)+1 {
		return math.NaN()
	}
	var total float64
	for _, c := range h.Counts {
		total += c
	}
	if !(total > 0) {
		return math.NaN()
	}
	rank, low := p*total, 0.0
	for i, high := range h.UpperBoundsSeconds {
		if c := h.Counts[i]; rank <= c && c > 0 {
			return low + (high-low)*rank/c
		}
		rank -= h.Counts[i]
		low = high
	}
	return low
}
