package simulator

import (
	"math"
	"math/bits"
)

// Histogram counts durations in seconds in buckets of equal relative width: 1024 to an octave, so that a quantile is
// exact to a relative 0.05 % from a nanosecond to four years. The bucket of a number is a shift of its bits away, which
// takes 3 ns where recording in the integer buckets of the HdrHistogram library takes 10, and no range need be chosen;
// histograms of several runs add up without loss.
type Histogram struct {
	// Low is the index of the first of Counts; the buckets outside are empty.
	Low    int      `json:"low"`
	Counts []uint64 `json:"counts"`
	// Count, Sum and Max are exact: the number, sum and largest of the durations.
	Count uint64  `json:"count"`
	Sum   float64 `json:"sum"`
	Max   float64 `json:"max"`
}

const (
	bucketBits = 10
	// A bucket is the sign, exponent and leading bits of the mantissa of a float64.
	bucketShift = 52 - bucketBits

	// 57 octaves from 2⁻³⁰ s, a nanosecond, to 2²⁷ s, four years; 1023 is the bias of the exponent.
	leastBucket      = (1023 - 30) << bucketBits
	histogramBuckets = 57 << bucketBits
)

// bucketOf returns the bucket of a duration; what is below the least falls into the first, above the most in the last.
func bucketOf(seconds float64) uint {
	i := int(math.Float64bits(seconds)>>bucketShift) - leastBucket
	if uint(i) < histogramBuckets {
		return uint(i)
	}
	if seconds < 1 {
		return 0
	}
	return histogramBuckets - 1
}

// bucketMiddle returns the middle of a bucket in seconds.
func bucketMiddle(i int) float64 {
	low := math.Float64frombits(uint64(i+leastBucket) << bucketShift)
	high := math.Float64frombits(uint64(i+leastBucket+1) << bucketShift)
	return (low + high) / 2
}

// Mean returns the mean, or NaN without any duration.
func (h *Histogram) Mean() float64 { return h.Sum / float64(h.Count) }

// Quantile returns the least duration that at least a share p of all do not exceed, to the resolution of the buckets.
//
// Special cases: NaN without any duration or if p is outside [0, 1]; the exact maximum at p = 1.
func (h *Histogram) Quantile(p float64) float64 {
	if h.Count == 0 || !(p >= 0 && p <= 1) {
		return math.NaN()
	}
	rank := uint64(math.Ceil(p * float64(h.Count)))
	if rank >= h.Count {
		return h.Max
	}
	var seen uint64
	for i, n := range h.Counts {
		if seen += n; seen >= max(rank, 1) {
			return min(bucketMiddle(h.Low+i), h.Max)
		}
	}
	return h.Max
}

// Add adds the durations of another histogram.
func (h *Histogram) Add(other *Histogram) {
	h.Count += other.Count
	h.Sum += other.Sum
	h.Max = max(h.Max, other.Max)
	if len(other.Counts) == 0 {
		return
	}
	h.cover(other.Low, other.Low+len(other.Counts))
	for i, n := range other.Counts {
		h.Counts[other.Low+i-h.Low] += n
	}
}

// cover makes room for the buckets in [low, high).
func (h *Histogram) cover(low, high int) {
	if len(h.Counts) == 0 {
		h.Low, h.Counts = low, make([]uint64, high-low)
		return
	}
	oldLow, oldHigh := h.Low, h.Low+len(h.Counts)
	if low >= oldLow && high <= oldHigh {
		return
	}
	low, high = min(low, oldLow), max(high, oldHigh)
	counts := make([]uint64, high-low)
	copy(counts[oldLow-low:], h.Counts)
	h.Low, h.Counts = low, counts
}

// recorder gathers one minute of durations in the full range of buckets, and then the minute into a histogram. A minute
// of a small service touches few of many buckets, so that a bit per bucket tells which.
type recorder struct {
	counts   *[histogramBuckets]uint32
	used     *[histogramBuckets / 64]uint64
	sum, max float64
}

func newRecorder() recorder {
	return recorder{counts: new([histogramBuckets]uint32), used: new([histogramBuckets / 64]uint64)}
}

// record counts one duration. What can be had from the counts later is not kept, as this is called for every request.
func (r *recorder) record(seconds float64) {
	i := bucketOf(seconds)
	r.counts[i]++
	r.used[i/64] |= 1 << (i % 64)
	r.sum += seconds
	if seconds > r.max {
		r.max = seconds
	}
}

// buckets yields the buckets in use, ascending, with their counts.
func (r *recorder) buckets(yield func(bucket int, count uint32) bool) {
	for word, b := range r.used {
		for ; b != 0; b &= b - 1 {
			i := word*64 + bits.TrailingZeros64(b)
			if !yield(i, r.counts[i]) {
				return
			}
		}
	}
}

// quantiles writes the quantiles of ascending levels; see [Histogram.Quantile].
func (r *recorder) quantiles(levels, dst []float64) {
	for k := range levels {
		dst[k] = math.NaN()
	}
	var count, seen uint64
	for _, n := range r.buckets {
		count += uint64(n)
	}
	k := 0
	for i, n := range r.buckets {
		seen += uint64(n)
		for ; k < len(levels) && float64(seen) >= levels[k]*float64(count); k++ {
			dst[k] = min(bucketMiddle(i), r.max)
		}
	}
}

// flush adds what was recorded to a histogram and clears it.
func (r *recorder) flush(h *Histogram) {
	low, high := histogramBuckets, 0
	for word, b := range r.used {
		if b != 0 {
			low, high = min(low, 64*word), 64*word+64
		}
	}
	if high == 0 {
		return
	}
	h.cover(low, high)
	for i, n := range r.buckets {
		h.Counts[i-h.Low] += uint64(n)
		h.Count += uint64(n)
		r.counts[i] = 0
	}
	h.Sum += r.sum
	h.Max = max(h.Max, r.max)
	clear(r.used[:])
	r.sum, r.max = 0, 0
}
