package history

import (
	"math"
	"regexp"
	"time"

	"github.com/prometheus/common/model"
)

// trimPartial makes the k buckets on both sides of a hole missing too. A rate over a window that is filled in part, which
// is what the last values before an outage and the first ones after it are, comes out too low by just that part: PromQL's
// rate() extrapolates half a scrape interval at most. Taken at face value, an outage would look like a load that
// collapsed and shot up.
//
// Values in short runs only, none longer than 2k, come more seldom than the step asks for: that is no outage, and they
// are all there is, so they stay. The ends of the slice count as holes only where values are missing there.
func trimPartial(rate []float64, k int) {
	type run struct{ from, to int }
	var runs []run
	dense := false
	for i := 0; i < len(rate); i++ {
		if math.IsNaN(rate[i]) {
			continue
		}
		r := run{from: i}
		for i < len(rate) && !math.IsNaN(rate[i]) {
			i++
		}
		r.to = i
		dense = dense || r.to-r.from > 2*k
		runs = append(runs, r)
	}
	if !dense {
		return
	}
	for _, r := range runs {
		if r.from > 0 {
			for i := r.from; i < min(r.from+k, r.to); i++ {
				rate[i] = math.NaN()
			}
		}
		if r.to < len(rate) {
			for i := max(r.to-k, r.from); i < r.to; i++ {
				rate[i] = math.NaN()
			}
		}
	}
}

// rangeSelector finds what stands in brackets in a query: the ranges, and character classes of label matchers, which are
// no durations.
var rangeSelector = regexp.MustCompile(`\[([0-9a-z]+)(?::[^\]]*)?\]`)

// windowBuckets returns how many buckets of the step the longest range in a PromQL query spans, at least 1: so many
// values rest on a window that reaches into a hole beside them.
func windowBuckets(query string, step time.Duration) int {
	longest := step
	for _, m := range rangeSelector.FindAllStringSubmatch(query, -1) {
		if d, err := model.ParseDuration(m[1]); err == nil {
			longest = max(longest, time.Duration(d))
		}
	}
	return int((longest + step - 1) / step)
}
