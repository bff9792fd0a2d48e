package arrivals

import (
	"errors"
	"math"
	"time"
)

// Replayed is a recorded trace as a schedule: the rate is constant within each bucket and 0 outside the trace. Make
// one with Replay; the zero value is an empty schedule.
type Replayed struct {
	step     time.Duration
	rate     []float64
	observed []bool
	// cumulative[i] is the expected number of arrivals before bucket i; one longer than rate.
	cumulative []float64
}

// Replay makes a schedule of a trace. A missing bucket gets the rate on the straight line between the nearest observed
// buckets on both sides, and at the ends of the trace the rate of the nearest observed one. Filled time is invented
// load: Replayed.Observed tells it apart, so that a study need not score it.
//
// It is an error if the trace is not valid or has no observed bucket. It takes O(Len) time and copies the trace.
func Replay(t Trace) (Replayed, error) {
	if err := t.Validate(); err != nil {
		return Replayed{}, err
	}
	if t.Observed() == 0 {
		return Replayed{}, errors.New("arrivals: replay a trace without a single observed bucket: need at least 1")
	}
	r := Replayed{
		step:       t.Step,
		rate:       append([]float64(nil), t.Rate...),
		observed:   make([]bool, t.Len()),
		cumulative: make([]float64, t.Len()+1),
	}
	for i, rate := range t.Rate {
		r.observed[i] = !math.IsNaN(rate)
	}
	fill(r.rate)

	// Kahan's compensated sum: long traces of small steps must not lose arrivals to rounding.
	var sum, lost float64
	for i, rate := range r.rate {
		term := rate*t.Step.Seconds() - lost
		next := sum + term
		lost = (next - sum) - term
		sum = next
		r.cumulative[i+1] = sum
	}
	return r, nil
}

// fill replaces every NaN of a slice that has at least one number.
func fill(rate []float64) {
	last := -1 // newest index known to hold a number
	for i, r := range rate {
		if math.IsNaN(r) {
			continue
		}
		for j := last + 1; j < i; j++ {
			if last < 0 {
				rate[j] = r
				continue
			}
			w := float64(j-last) / float64(i-last)
			rate[j] = (1-w)*rate[last] + w*r
		}
		last = i
	}
	for j := last + 1; j < len(rate); j++ {
		rate[j] = rate[last]
	}
}

// Duration returns the length of the schedule, after which the rate is 0.
func (r Replayed) Duration() time.Duration { return time.Duration(len(r.rate)) * r.step }

// Rate returns the rate of the bucket that holds t, or 0 outside the trace. It takes constant time.
func (r Replayed) Rate(t time.Duration) float64 {
	if i, ok := r.index(t); ok {
		return r.rate[i]
	}
	return 0
}

// Observed reports whether the rate at t was recorded, as opposed to filled in or outside the trace.
func (r Replayed) Observed(t time.Duration) bool {
	i, ok := r.index(t)
	return ok && r.observed[i]
}

// Cumulative returns the expected number of arrivals in [0, t), which stays at its total after the end of the trace.
// It takes constant time.
func (r Replayed) Cumulative(t time.Duration) float64 {
	if t <= 0 || len(r.rate) == 0 {
		return 0
	}
	i, ok := r.index(t)
	if !ok {
		return r.cumulative[len(r.rate)]
	}
	within := t - time.Duration(i)*r.step
	// Rounding must not let the end of one bucket overtake the start of the next.
	return min(r.cumulative[i]+r.rate[i]*within.Seconds(), r.cumulative[i+1])
}

func (r Replayed) index(t time.Duration) (int, bool) {
	if t < 0 || r.step <= 0 {
		return 0, false
	}
	i := t / r.step
	if i >= time.Duration(len(r.rate)) {
		return 0, false
	}
	return int(i), true
}
