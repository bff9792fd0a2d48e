package arrivals

import (
	"fmt"
	"math"
	"time"
)

// Merge returns the trace that covers t and newer, and every bucket between them. Where both have a bucket the rate
// of newer wins unless it is missing there: a page that was fetched again corrects the old one but cannot erase it.
// Buckets that neither trace has are missing. If one trace is empty the result is a copy of the other.
//
// Both traces must have the same step and phase, which means that their starts differ by a whole number of steps;
// anything else is an error, as is a result of more than MaxBuckets buckets. The result shares no storage with
// either trace. It takes time proportional to the length of the result.
func (t Trace) Merge(newer Trace) (Trace, error) {
	if t.Len() == 0 {
		return newer.clone(), nil
	}
	if newer.Len() == 0 {
		return t.clone(), nil
	}
	if t.Step != newer.Step || t.Step <= 0 {
		return Trace{}, fmt.Errorf("arrivals: merge a trace of step %v with one of step %v: must be equal and positive",
			t.Step, newer.Step)
	}
	offset := newer.Start.Sub(t.Start)
	if phase := offset % t.Step; phase != 0 {
		return Trace{}, fmt.Errorf("arrivals: merge traces that start at %s and %s: must differ by a whole number of steps of %v",
			formatTime(t.Start), formatTime(newer.Start), t.Step)
	}
	// In units of buckets of t; start <= 0 when newer reaches further back.
	shift := offset / t.Step
	start := min(0, shift)
	end := max(time.Duration(t.Len()), shift+time.Duration(newer.Len()))
	if end-start > MaxBuckets {
		return Trace{}, fmt.Errorf("arrivals: merge traces that start at %s and %s: would make %d buckets of %v, must be at most %d",
			formatTime(t.Start), formatTime(newer.Start), int64(end-start), t.Step, MaxBuckets)
	}
	merged := Trace{Start: t.Start.Add(start * t.Step), Step: t.Step, Rate: make([]float64, end-start)}
	for i := range merged.Rate {
		merged.Rate[i] = math.NaN()
	}
	copy(merged.Rate[-start:], t.Rate)
	over := merged.Rate[shift-start:]
	for i, r := range newer.Rate {
		if !math.IsNaN(r) {
			over[i] = r
		}
	}
	return merged, nil
}

func (t Trace) clone() Trace {
	t.Rate = append([]float64(nil), t.Rate...)
	return t
}
