package history

import "math"

// shortestTrimmedRun is the least number of buckets in a row that loses its ends beside holes. Shorter runs are
// samples that come more seldom than the step asks for, not an outage, and are all there is.
const shortestTrimmedRun = 3

// trimPartial makes those buckets missing that stand beside a hole. A rate over a window that is filled in part, which
// is what the last bucket before an outage and the first one after it are, comes out too low by just that part:
// PromQL's rate() extrapolates half a scrape interval at most. Taken at face value, the end of an outage would look like a
// load that collapsed and shot up.
//
// The ends of the slice count as holes only where values are missing there.
func trimPartial(rate []float64) {
	for i := 0; i < len(rate); {
		if math.IsNaN(rate[i]) {
			i++
			continue
		}
		end := i
		for end < len(rate) && !math.IsNaN(rate[end]) {
			end++
		}
		if end-i >= shortestTrimmedRun {
			if i > 0 {
				rate[i] = math.NaN()
			}
			if end < len(rate) {
				rate[end-1] = math.NaN()
			}
		}
		i = end
	}
}
