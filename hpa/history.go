package hpa

import (
	"cmp"
	"slices"
	"time"
)

// spans say how far back from now recommendations count, ends included; a negative span is empty.
type spans struct {
	up   time.Duration // for the lowest
	down time.Duration // for the highest
	keep time.Duration // what is older may be overwritten
}

// history answers for the lowest and the highest recommendation of two spans in constant time on average, where upstream
// scans all of them: 240 for a window of an hour, at every sync. It is derived from State.Recommendations, which stays what
// upstream has, place by place, since what has been overwritten shows when a window is made longer.
type history struct {
	spans spans
	size  int // of the recommendations when last seen

	current queue[int32] // places of the recommendations within keep, oldest first
	expired []int32      // places of the others, ascending

	// Of the recommendations in a span, those that may still become its lowest or highest: any older one is lower
	// (higher) than all younger ones. So the first is the lowest (highest) of all.
	lows, highs queue[Recommendation]
}

// observe returns the lowest and the highest of the proposed number and the recommendations in the
// spans, and then records the proposed number.
func (h *history) observe(all *[]Recommendation, s spans, now time.Duration, proposed int32) (lowest, highest int32) {
	if h.spans != s || h.size != len(*all) {
		h.rebuild(*all, s)
	}
	for h.current.len() > 0 {
		place := h.current.first()
		if (*all)[place].At >= now-s.keep {
			break
		}
		h.current.pop()
		at := len(h.expired)
		for at > 0 && h.expired[at-1] > place {
			at--
		}
		h.expired = slices.Insert(h.expired, at, place)
	}
	for h.lows.len() > 0 && h.lows.first().At < now-s.up {
		h.lows.pop()
	}
	for h.highs.len() > 0 && h.highs.first().At < now-s.down {
		h.highs.pop()
	}
	lowest, highest = proposed, proposed
	if h.lows.len() > 0 {
		lowest = min(lowest, h.lows.first().Replicas)
	}
	if h.highs.len() > 0 {
		highest = max(highest, h.highs.first().Replicas)
	}

	// Upstream overwrites the last of the places that it may.
	r := Recommendation{At: now, Replicas: proposed}
	if last := len(h.expired) - 1; last >= 0 {
		place := h.expired[last]
		h.expired = h.expired[:last]
		(*all)[place] = r
		h.add(place, r)
	} else {
		*all = append(*all, r)
		h.size = len(*all)
		h.add(int32(h.size-1), r)
	}
	return lowest, highest
}

// add takes in the youngest recommendation.
func (h *history) add(place int32, r Recommendation) {
	h.current.push(place)
	for h.lows.len() > 0 && h.lows.last().Replicas >= r.Replicas {
		h.lows.drop()
	}
	h.lows.push(r)
	for h.highs.len() > 0 && h.highs.last().Replicas <= r.Replicas {
		h.highs.drop()
	}
	h.highs.push(r)
}

// rebuild derives the history from the recommendations. It takes O(n log n) for n of them.
func (h *history) rebuild(all []Recommendation, s spans) {
	h.forget()
	h.spans, h.size = s, len(all)
	places := make([]int32, len(all))
	for i := range places {
		places[i] = int32(i)
	}
	slices.SortStableFunc(places, func(a, b int32) int { return cmp.Compare(all[a].At, all[b].At) })
	for _, place := range places {
		h.add(place, all[place])
	}
}

// forget empties the history and keeps its memory.
func (h *history) forget() {
	h.size = 0
	h.current.reset()
	h.expired = h.expired[:0]
	h.lows.reset()
	h.highs.reset()
}

// queue is a double-ended queue in one slice, which it reuses from the front once half of it is free.
type queue[T any] struct {
	items []T
	head  int
}

func (q *queue[T]) len() int { return len(q.items) - q.head }
func (q *queue[T]) first() T { return q.items[q.head] }
func (q *queue[T]) last() T  { return q.items[len(q.items)-1] }
func (q *queue[T]) pop()     { q.head++ }
func (q *queue[T]) drop()    { q.items = q.items[:len(q.items)-1] }
func (q *queue[T]) reset()   { q.items, q.head = q.items[:0], 0 }

func (q *queue[T]) push(item T) {
	if len(q.items) == cap(q.items) && q.head > len(q.items)/2 {
		q.items, q.head = q.items[:copy(q.items, q.items[q.head:])], 0
	}
	q.items = append(q.items, item)
}
