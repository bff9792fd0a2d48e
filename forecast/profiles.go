package forecast

import (
	"fmt"
	"math"
	"slices"
)

// startProfile is the start of a seasonal recursion: level plus profile, estimated from the values z
// (NaN where missing), which should cover whole cycles of m steps. In a second pass values whose
// remainder lies beyond six times the median size are clipped there. size is the mean absolute
// remainder. Half of the values of a season must be present.
func startProfile(z []float64, m int) (level float64, profile []float64, size float64, err error) {
	present := 0
	for _, v := range z {
		if v == v {
			present++
		}
	}
	if 2*present < m || present == 0 {
		return 0, nil, 0, fmt.Errorf("forecast: only %d of the first %d values are present, need half of a season of %d steps: %w", present, len(z), m, ErrTooShort)
	}
	work := slices.Clone(z)
	rest := make([]float64, len(z))
	for range 2 {
		profile = phaseMeans(work, m)
		for t, v := range z {
			rest[t] = v - profile[t%m]
		}
		size = clipRemainders(work, rest)
	}
	for i, v := range profile {
		level += (v - level) / float64(i+1)
	}
	for i := range profile {
		profile[i] -= level
	}
	return level, profile, size, nil
}

// phaseMeans returns the mean per phase of m; phases without values are interpolated.
func phaseMeans(z []float64, m int) []float64 {
	profile, counts := make([]float64, m), make([]float64, m)
	for t, v := range z {
		if v == v {
			counts[t%m]++
			profile[t%m] += (v - profile[t%m]) / counts[t%m]
		}
	}
	for i, n := range counts {
		if n == 0 {
			profile[i] = math.NaN()
		}
	}
	bridge(profile)
	return profile
}

// clipRemainders moves values of z whose remainder lies beyond six times the median size to that
// bound and returns the mean size of the remainders.
func clipRemainders(z, rest []float64) float64 {
	var sizes []float64
	mean := 0.0
	for _, r := range rest {
		if r == r {
			sizes = append(sizes, math.Abs(r))
			mean += (math.Abs(r) - mean) / float64(len(sizes))
		}
	}
	if len(sizes) == 0 {
		return 0
	}
	limit := 6 * selectRank(sizes, len(sizes)/2)
	for t, r := range rest {
		if math.Abs(r) > limit { // false for NaN
			z[t] -= r - math.Copysign(limit, r)
		}
	}
	return mean
}
