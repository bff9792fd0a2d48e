package queueing

import (
	"fmt"
	"math"
)

// FluidBacklog returns the backlog in requests at the ends of consecutive intervals of equal length, in which requests
// arrive at rates[i] and can be completed at capacities[i] per second: a fluid that fills while the rate exceeds the
// capacity, drains otherwise, and never falls below 0. Within an interval it is linear, so the values are exact and
// the largest is at an end. It ignores the queue that randomness alone makes and is meant for overload.
//
// Errors: lengths that differ, a step that is not positive, or a negative, infinite or missing number.
//
// Source: G. F. Newell, Applications of Queueing Theory (2nd edition, 1982), chapter 2.
func FluidBacklog(rates, capacities []float64, stepSeconds, initial float64) ([]float64, error) {
	finite := func(v float64) bool { return v >= 0 && !math.IsInf(v, 1) }
	if len(rates) != len(capacities) {
		return nil, fmt.Errorf("queueing: %d rates and %d capacities, must be as many", len(rates), len(capacities))
	}
	if !(stepSeconds > 0) || math.IsInf(stepSeconds, 1) || !finite(initial) {
		return nil, fmt.Errorf("queueing: step of %v s and backlog of %v, must be above 0 and not negative", stepSeconds, initial)
	}
	backlog := make([]float64, len(rates))
	for i := range rates {
		if !finite(rates[i]) || !finite(capacities[i]) {
			return nil, fmt.Errorf("queueing: interval %d has rate %v and capacity %v, must be finite and not negative", i, rates[i], capacities[i])
		}
		initial = math.Max(0, initial+(rates[i]-capacities[i])*stepSeconds)
		backlog[i] = initial
	}
	return backlog, nil
}

// DrainSeconds returns the time in which a backlog is worked off at a constant rate and capacity, both per second:
// backlog/(capacity - rate).
//
// Special cases: 0 without backlog; +Inf if the capacity does not exceed the rate; NaN if an argument is negative or NaN.
func DrainSeconds(backlog, arrivalRatePerSecond, capacityPerSecond float64) float64 {
	switch {
	case !(backlog >= 0 && arrivalRatePerSecond >= 0 && capacityPerSecond >= 0):
		return math.NaN()
	case backlog == 0:
		return 0
	case !(capacityPerSecond > arrivalRatePerSecond):
		return math.Inf(1)
	}
	return backlog / (capacityPerSecond - arrivalRatePerSecond)
}
