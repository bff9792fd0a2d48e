package arrivals

import "time"

// Schedule is an arrival rate over time, the one description of load that the simulator draws arrivals from and the
// load generator sends. t is the offset from the start of the schedule.
type Schedule interface {
	// Rate returns the arrival rate λ(t) in requests per second.
	Rate(t time.Duration) float64
	// Cumulative returns the expected number of arrivals in [0, t):
	//
	//	Λ(t) = ∫ λ(s) ds from 0 to t
	//
	// It never decreases and is 0 for t <= 0.
	Cumulative(t time.Duration) float64
}

// Constant is a schedule that never ends and never changes.
type Constant struct {
	// ArrivalRatePerSecond is the rate λ, finite and >= 0.
	ArrivalRatePerSecond float64
}

// Rate returns λ, or 0 before the start.
func (c Constant) Rate(t time.Duration) float64 {
	if t < 0 {
		return 0
	}
	return c.ArrivalRatePerSecond
}

// Cumulative returns λt, or 0 before the start.
func (c Constant) Cumulative(t time.Duration) float64 {
	return c.ArrivalRatePerSecond * max(t, 0).Seconds()
}
