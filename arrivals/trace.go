// Package arrivals holds what is known or assumed about when requests arrive: the recorded past as a Trace, and the
// arrival rate over time as a Schedule that the simulator and the load generator both replay.
//
// The main type is Trace, a plain value: mean arrival rates over consecutive buckets of equal length. Missing data is
// NaN and never zero, because "nothing was recorded" and "nothing arrived" call for opposite decisions. Times are
// absolute instants; the package knows no time zone but UTC and takes every instant as an argument.
//
// Assumptions: within a bucket the rate is constant, since a count says nothing about the shape inside its bucket.
package arrivals

import (
	"fmt"
	"math"
	"time"
)

// MaxBuckets is the longest trace that ReadCSV, Merge and Synthetic build: 2^24 buckets, which are 31 years of
// minutes or 194 days of seconds and take 128 MiB. The bound is ours; it keeps one absurd timestamp from
// allocating gigabytes of missing buckets.
const MaxBuckets = 1 << 24

// MaxRate is the largest arrival rate accepted, in requests per second. The bound is ours: far above any real load,
// and low enough that sums over MaxBuckets buckets cannot overflow.
const MaxRate = 1e18

// Trace is a recorded arrival rate: Rate[i] is the mean arrival rate, in requests per second, over the half-open
// bucket [Start+i*Step, Start+(i+1)*Step), oldest first. NaN means missing. Step must be positive for every method
// that relates times to buckets; the zero Trace is empty.
//
// Slice, TrimBefore and TrimMissing share storage with their receiver; treat Rate as read-only once it is shared.
type Trace struct {
	Start time.Time
	Step  time.Duration
	Rate  []float64
}

// Len returns the number of buckets, missing ones included.
func (t Trace) Len() int { return len(t.Rate) }

// End returns the end of the last bucket, which is Start for an empty trace.
func (t Trace) End() time.Time { return t.Time(len(t.Rate)) }

// Time returns the start of bucket i. It is defined for every i, inside the trace or not.
func (t Trace) Time(i int) time.Time { return t.Start.Add(time.Duration(i) * t.Step) }

// Index returns the number of the bucket that contains at, and whether the trace has such a bucket. It takes
// constant time.
func (t Trace) Index(at time.Time) (int, bool) {
	if t.Step <= 0 || at.Before(t.Start) {
		return 0, false
	}
	i := at.Sub(t.Start) / t.Step
	if i >= time.Duration(len(t.Rate)) {
		return 0, false
	}
	return int(i), true
}

// Slice returns the buckets that lie wholly inside [from, to]. The result shares storage with t and is empty where
// nothing fits. It takes constant time.
func (t Trace) Slice(from, to time.Time) Trace {
	if t.Step <= 0 {
		return Trace{Start: t.Start, Step: t.Step}
	}
	lo := t.clamp(ceilDiv(from.Sub(t.Start), t.Step))
	hi := t.clamp(floorDiv(to.Sub(t.Start), t.Step))
	return t.cut(lo, max(lo, hi))
}

// TrimBefore drops the buckets that start before at, which bounds the memory of a trace that Merge keeps extending.
// The result shares storage with t.
func (t Trace) TrimBefore(at time.Time) Trace {
	if t.Step <= 0 {
		return t
	}
	return t.cut(t.clamp(ceilDiv(at.Sub(t.Start), t.Step)), len(t.Rate))
}

// TrimMissing drops missing buckets at both ends, so that the result is empty or begins and ends with an
// observation. The result shares storage with t. It takes O(Len) time.
func (t Trace) TrimMissing() Trace {
	lo, hi := 0, len(t.Rate)
	for lo < hi && math.IsNaN(t.Rate[lo]) {
		lo++
	}
	for hi > lo && math.IsNaN(t.Rate[hi-1]) {
		hi--
	}
	return t.cut(lo, hi)
}

// LastObserved returns the end and the rate of the newest bucket that is not missing. That end is the data time:
// everything later is unknown. ok is false when every bucket is missing.
func (t Trace) LastObserved() (end time.Time, rate float64, ok bool) {
	for i := len(t.Rate) - 1; i >= 0; i-- {
		if !math.IsNaN(t.Rate[i]) {
			return t.Time(i + 1), t.Rate[i], true
		}
	}
	return time.Time{}, math.NaN(), false
}

// Observed returns how many buckets are not missing.
func (t Trace) Observed() int {
	n := 0
	for _, r := range t.Rate {
		if !math.IsNaN(r) {
			n++
		}
	}
	return n
}

// Max returns the highest rate among the buckets that lie wholly inside [from, to], skipping missing ones.
//
// Special case: NaN if no such bucket is observed, since "no data" must not read as "no load".
func (t Trace) Max(from, to time.Time) float64 {
	highest := math.NaN()
	for _, r := range t.Slice(from, to).Rate {
		if r > highest || math.IsNaN(highest) {
			highest = r
		}
	}
	return highest
}

// Scale returns a copy with every rate multiplied by k; missing buckets stay missing.
func (t Trace) Scale(k float64) Trace {
	rate := make([]float64, len(t.Rate))
	for i, r := range t.Rate {
		rate[i] = r * k
	}
	t.Rate = rate
	return t
}

// Shift returns the trace moved later by d, or earlier if d is negative. The result shares storage with t.
func (t Trace) Shift(d time.Duration) Trace {
	t.Start = t.Start.Add(d)
	return t
}

// Equal reports whether both traces have the same start instant, step and rates, where missing equals missing.
func (t Trace) Equal(u Trace) bool {
	if !t.Start.Equal(u.Start) || t.Step != u.Step || len(t.Rate) != len(u.Rate) {
		return false
	}
	for i, r := range t.Rate {
		bothMissing := math.IsNaN(r) && math.IsNaN(u.Rate[i])
		if r != u.Rate[i] && !bothMissing {
			return false
		}
	}
	return true
}

// Validate returns an error unless Step is positive, the trace has at most MaxBuckets buckets and every rate is
// missing or lies in [0, MaxRate].
func (t Trace) Validate() error {
	if t.Step <= 0 {
		return fmt.Errorf("arrivals: step %v: must be positive", t.Step)
	}
	if len(t.Rate) > MaxBuckets {
		return fmt.Errorf("arrivals: trace of %d buckets: must have at most %d", len(t.Rate), MaxBuckets)
	}
	for i, r := range t.Rate {
		if r < 0 || r > MaxRate {
			return fmt.Errorf("arrivals: bucket %d (%s): rate %v: must be in [0, %g] or missing (NaN)",
				i, formatTime(t.Time(i)), r, MaxRate)
		}
	}
	return nil
}

// cut keeps the buckets [lo, hi). The capacity ends there too, so that an append cannot overwrite what follows.
func (t Trace) cut(lo, hi int) Trace {
	return Trace{Start: t.Time(lo), Step: t.Step, Rate: t.Rate[lo:hi:hi]}
}

func (t Trace) clamp(i time.Duration) int {
	return int(min(max(i, 0), time.Duration(len(t.Rate))))
}

// floorDiv returns floor(a/b) for b > 0; the integer quotient of Go truncates toward zero.
func floorDiv(a, b time.Duration) time.Duration {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ceilDiv returns ceil(a/b) for b > 0.
func ceilDiv(a, b time.Duration) time.Duration {
	q := a / b
	if a%b > 0 {
		q++
	}
	return q
}

func formatTime(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }
