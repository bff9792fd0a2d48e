package hpa

import "math"

// Milli returns v in thousandths, rounded to the nearest, which is the resolution of the autoscaler.
// (A decimal with more than three places that reaches the API as text is rounded up instead.)
//
// Special cases: values beyond the range of int64 become its limits; NaN panics, since it stands for a
// missing value and there is none to return. NewReading turns it into a missing reading.
func Milli(v float64) int64 {
	m := math.Round(v * 1000)
	switch {
	case math.IsNaN(m):
		panic("hpa: NaN has no value in thousandths")
	case m >= math.MaxInt64:
		return math.MaxInt64
	case m <= math.MinInt64:
		return math.MinInt64
	}
	return int64(m)
}
