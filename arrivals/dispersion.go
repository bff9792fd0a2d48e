package arrivals

import "math"

// FitDispersion estimates by how much more than Poisson the counts of a trace scatter around a rate that is smooth
// from bucket to bucket: the relative variance v of Overdispersed, by the method of moments. For a count x of
// intensity μM, with M of mean 1 and variance v, Var(x) = μ + v μ². The differences
//
//	d(i) = x(i) - (x(i-1) + x(i+1))/2
//
// have variance 3/2 Var(x) and see no linear trend, hence
//
//	v = Σ (2/3 d² - x̄) / Σ x̄²,  x̄ the mean of the three counts
//
// with buckets beside missing ones left out. What is steeper than linear within three buckets counts as noise, so that
// the estimate is an upper one on spiky traces. It returns 0 where the counts scatter no more than Poisson's or fewer
// than three buckets in a row exist.
//
// The rates of a trace hold the noise of their own buckets already: replay them with Poisson, and use Overdispersed
// on a pattern or on a smoothed trace, or the same noise is counted twice.
func FitDispersion(t Trace) (relativeVariance float64) {
	var excess, square float64
	bucket := t.Step.Seconds()
	for i := 1; i+1 < len(t.Rate); i++ {
		before, x, after := t.Rate[i-1]*bucket, t.Rate[i]*bucket, t.Rate[i+1]*bucket
		if math.IsNaN(before + x + after) {
			continue
		}
		d := x - (before+after)/2
		mean := (before + x + after) / 3
		excess += 2*d*d/3 - mean
		square += mean * mean
	}
	if !(excess > 0 && square > 0) {
		return 0
	}
	return excess / square
}
