package hpa

import "time"

// stabilize records the recommendation and returns the highest one of the last
// Config.DownscaleStabilization, ends included.
//
// Upstream: stabilizeRecommendation.
func (st *State) stabilize(c *Config, now time.Duration, proposed int32) int32 {
	window := c.DownscaleStabilization
	_, highest := st.history.observe(&st.Recommendations, spans{up: -1, down: window, keep: window}, now, proposed)
	return highest
}

// stabilizeBothWays records the recommendation and returns the number nearest to current that lies between the lowest of
// those of the last up and the highest of those of the last down, with the proposed one among both. A recommendation
// exactly as old as a window is not part of it.
//
// Upstream: stabilizeRecommendationWithBehaviors.
func (st *State) stabilizeBothWays(now, up, down time.Duration, current, proposed int32) int32 {
	s := spans{up: up - 1, down: down - 1, keep: max(up, down)}
	lowest, highest := st.history.observe(&st.Recommendations, s, now, proposed)
	return min(max(current, lowest), highest)
}
