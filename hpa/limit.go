package hpa

import (
	"math"
	"time"
)

// limit applies the rules without a Behavior: minimum, maximum, and up to twice the replicas or 4,
// whichever is more. It returns the number and the reason that ScalingLimited gives for it.
//
// Upstream: convertDesiredReplicasWithRules.
func limit(s *Spec, current, desired int32) (int32, Reason) {
	// Through float64, as upstream: above 2^30 replicas the limit is what the processor makes of it.
	highest, reason := int32(math.Max(2*float64(current), 4)), ScaleUpLimit
	if s.MaxReplicas <= highest {
		highest, reason = s.MaxReplicas, TooManyReplicas
	}
	switch {
	case desired < s.MinReplicas:
		return s.MinReplicas, TooFewReplicas
	case desired > highest:
		return highest, reason
	}
	return desired, DesiredWithinRange
}

// limitRate applies the policies of a Behavior, minimum and maximum. It returns the number and the
// reason that ScalingLimited gives for it.
//
// Upstream: convertDesiredReplicasWithBehaviorRate.
func (st *State) limitRate(now time.Duration, s *Spec, current, desired int32) (int32, Reason) {
	switch {
	case desired > current:
		// Events of a longer period under older rules may put the limit below current.
		highest, reason := max(current, st.upLimit(now, s.Behavior, current)), ScaleUpLimit
		if s.MaxReplicas <= highest {
			highest, reason = s.MaxReplicas, TooManyReplicas
		}
		if desired > highest {
			return highest, reason
		}
	case desired < current:
		lowest, reason := min(current, st.downLimit(now, s.Behavior, current)), ScaleDownLimit
		if s.MinReplicas >= lowest {
			lowest, reason = s.MinReplicas, TooFewReplicas
		}
		if desired < lowest {
			return lowest, reason
		}
	}
	return desired, DesiredWithinRange
}

// upLimit returns the most replicas that the policies allow. Upstream: calculateScaleUpLimitWithScalingRules.
func (st *State) upLimit(now time.Duration, b *Behavior, current int32) int32 {
	choice, policies := b.upPolicies()
	if choice == Disabled {
		return current
	}
	limit := int32(math.MinInt32)
	if choice == MinChange {
		limit = math.MaxInt32
	}
	for _, p := range policies {
		start := st.replicasBefore(now, p.Period, current)
		allowed := start + p.Value
		if p.Type == PercentPolicy {
			// Rounded up, or a small number could never grow.
			allowed = int32(math.Ceil(float64(start) * (1 + float64(p.Value)/100)))
		}
		if choice == MinChange {
			limit = min(limit, allowed)
		} else {
			limit = max(limit, allowed)
		}
	}
	return limit
}

// downLimit returns the fewest replicas that the policies allow. Upstream: calculateScaleDownLimitWithBehaviors.
func (st *State) downLimit(now time.Duration, b *Behavior, current int32) int32 {
	choice, policies := b.downPolicies()
	if choice == Disabled {
		return current
	}
	limit := int32(math.MaxInt32)
	if choice == MinChange {
		limit = math.MinInt32
	}
	for _, p := range policies {
		start := st.replicasBefore(now, p.Period, current)
		allowed := start - p.Value
		if p.Type == PercentPolicy {
			allowed = int32(float64(start) * (1 - float64(p.Value)/100))
		}
		if choice == MinChange {
			limit = max(limit, allowed)
		} else {
			limit = min(limit, allowed)
		}
	}
	return limit
}

// replicasBefore returns the replicas at the start of the period that ends now, by the changes made
// since. A change exactly as old as the period is not part of it.
func (st *State) replicasBefore(now, period time.Duration, current int32) int32 {
	return current - changes(st.ScaleUps, now-period) + changes(st.ScaleDowns, now-period)
}

// changes sums the changes after the cutoff. Upstream: getReplicasChangePerPeriod.
func changes(events []ScaleEvent, cutoff time.Duration) int32 {
	sum := int32(0)
	for i := range events {
		if events[i].At > cutoff {
			sum += events[i].Change
		}
	}
	return sum
}

// recordChange records a change of the number of replicas, in the place of one that no policy looks back
// to. Upstream: storeScaleEvent.
func (st *State) recordChange(b *Behavior, now time.Duration, from, to int32) {
	if to > from {
		_, policies := b.upPolicies()
		st.ScaleUps = record(st.ScaleUps, policies, ScaleEvent{At: now, Change: to - from})
	} else {
		_, policies := b.downPolicies()
		st.ScaleDowns = record(st.ScaleDowns, policies, ScaleEvent{At: now, Change: from - to})
	}
}

// record puts the event in the last outdated place, or at the end. Upstream: markScaleEventsOutdated
// with getLongestPolicyPeriod.
func record(events []ScaleEvent, policies []Policy, event ScaleEvent) []ScaleEvent {
	longest := time.Duration(0)
	for _, p := range policies {
		longest = max(longest, p.Period)
	}
	cutoff := event.At - longest
	reuse := -1
	for i := range events {
		if events[i].At < cutoff {
			events[i].Outdated = true
		}
		if events[i].Outdated {
			reuse = i
		}
	}
	if reuse < 0 {
		return append(events, event)
	}
	events[reuse] = event
	return events
}
