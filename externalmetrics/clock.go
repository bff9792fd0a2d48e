package externalmetrics

import "time"

// Clock tells the time of the decisions. The zero value is the clock on the wall; one made by
// [ReplayClock] plays a past period faster than it was.
type Clock struct {
	start, origin time.Time
	speed         float64
}

// ReplayClock returns a clock that shows start when the wall shows origin, and from then on runs speed
// times as fast. The speed must be above 0.
func ReplayClock(start, origin time.Time, speed float64) Clock {
	return Clock{start: start, origin: origin, speed: speed}
}

// Now returns the time that the clock shows.
func (c Clock) Now() time.Time {
	if c.speed == 0 {
		return time.Now()
	}
	return c.start.Add(time.Duration(float64(time.Since(c.origin)) * c.speed))
}

// Wall returns how long a duration on this clock takes on the wall, at least a millisecond.
func (c Clock) Wall(d time.Duration) time.Duration {
	if c.speed == 0 {
		return d
	}
	return max(time.Millisecond, time.Duration(float64(d)/c.speed))
}
