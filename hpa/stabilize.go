package hpa

import "time"

// stabilize records the recommendation and returns the highest one of the last
// Config.DownscaleStabilization, ends included.
//
// Upstream: stabilizeRecommendation.
func (st *State) stabilize(c *Config, now time.Duration, proposed int32) int32 {
	cutoff := now - c.DownscaleStabilization
	highest, reuse := proposed, -1
	for i := range st.Recommendations {
		if r := &st.Recommendations[i]; r.At < cutoff {
			reuse = i
		} else {
			highest = max(highest, r.Replicas)
		}
	}
	st.recommend(now, proposed, reuse)
	return highest
}

// stabilizeBothWays records the recommendation and returns the number nearest to current that lies between the lowest of
// those of the last up and the highest of those of the last down, with the proposed one among both. A recommendation
// exactly as old as a window is not part of it.
//
// Upstream: stabilizeRecommendationWithBehaviors.
func (st *State) stabilizeBothWays(now, up, down time.Duration, current, proposed int32) int32 {
	upCutoff, downCutoff := now-up, now-down
	oldest := min(upCutoff, downCutoff)
	lowest, highest, reuse := proposed, proposed, -1
	for i := range st.Recommendations {
		r := &st.Recommendations[i]
		if r.At > upCutoff {
			lowest = min(lowest, r.Replicas)
		}
		if r.At > downCutoff {
			highest = max(highest, r.Replicas)
		}
		if r.At < oldest {
			reuse = i
		}
	}
	st.recommend(now, proposed, reuse)
	return min(max(current, lowest), highest)
}

// recommend records the recommendation in the place of an old one, or of none if reuse is -1. The last place of several
// is taken, as upstream does: it shows when a window is made longer.
func (st *State) recommend(now time.Duration, proposed int32, reuse int) {
	r := Recommendation{At: now, Replicas: proposed}
	if reuse >= 0 {
		st.Recommendations[reuse] = r
	} else {
		st.Recommendations = append(st.Recommendations, r)
	}
}
