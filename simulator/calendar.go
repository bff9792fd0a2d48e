package simulator

import "math"

// completion is the end of a service: of one call, or of the batch that call is the head of.
type completion struct {
	at   float64
	call uint32
}

// completions is a heap of the services in progress, four children to a node: for the ten to a hundred servers of a
// usual workload it is two or three levels deep. Index 0 is unused, so that the children of i are 4i-2 to 4i+1.
//
// Completions at the same instant come in an order that depends on the history of the heap alone, hence on the seed.
type completions struct{ heap []completion }

func newCompletions() completions { return completions{heap: make([]completion, 1, 64)} }

func (c *completions) len() int { return len(c.heap) - 1 }

// first returns the time of the next completion, +Inf if there is none.
func (c *completions) first() float64 {
	if len(c.heap) > 1 {
		return c.heap[1].at
	}
	return math.Inf(1)
}

func (c *completions) push(e completion) {
	c.heap = append(c.heap, e)
	h := c.heap
	i := len(h) - 1
	for i > 1 {
		parent := (i + 2) / 4
		if h[parent].at <= e.at {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

// replace puts e in the place of the first; it takes O(log n) time, as push and drop do.
func (c *completions) replace(e completion) { sink(c.heap, 1, e) }

// drop removes the first.
func (c *completions) drop() {
	last := len(c.heap) - 1
	e := c.heap[last]
	c.heap = c.heap[:last]
	if last > 1 {
		sink(c.heap, 1, e)
	}
}

// sink puts e at i or below, where i may be overwritten.
func sink(h []completion, i int, e completion) {
	n := len(h)
	for {
		child := 4*i - 2
		if child >= n {
			break
		}
		least := child
		at := h[child].at
		if child+3 < n {
			four := h[child : child+4 : child+4]
			if four[1].at < at {
				least, at = child+1, four[1].at
			}
			if four[2].at < at {
				least, at = child+2, four[2].at
			}
			if four[3].at < at {
				least, at = child+3, four[3].at
			}
		} else {
			for k := child + 1; k < n; k++ {
				if h[k].at < at {
					least, at = k, h[k].at
				}
			}
		}
		if e.at <= at {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = e
}

// retain removes every completion of which keep is false, in O(n) time.
func (c *completions) retain(keep func(completion) bool) {
	kept := c.heap[:1]
	for _, e := range c.heap[1:] {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	c.heap = kept
	for i := (len(kept) + 1) / 4; i >= 1; i-- {
		sink(kept, i, kept[i])
	}
}

// kind is what a rare event does.
type kind uint8

const (
	retryDue kind = iota
	waitOver
	batchDue
	centralBatchDue
	podPlaced
	podReady
	podWarm
	podFails
	podEvicted
	podUnlisted
	podKilled
	countsRefresh
	scrapeDue
	syncDue
	minuteOver
)

// event is anything but an arrival, a completion or a client's timeout.
type event struct {
	at      float64
	order   uint64 // events at the same instant happen in the order in which they were planned
	subject uint32 // a call or a replica
	serial  uint32 // of the subject when the event was planned; it is void if that has changed
	kind    kind
}

// agenda is a binary heap of the rare events.
type agenda struct {
	heap    []event
	planned uint64
}

func (a *agenda) before(x, y *event) bool {
	return x.at < y.at || x.at == y.at && x.order < y.order
}

// first returns the time of the next event, +Inf if there is none.
func (a *agenda) first() float64 {
	if len(a.heap) > 0 {
		return a.heap[0].at
	}
	return math.Inf(1)
}

func (a *agenda) plan(at float64, k kind, subject, serial uint32) {
	a.planned++
	e := event{at: at, order: a.planned, subject: subject, serial: serial, kind: k}
	a.heap = append(a.heap, e)
	h := a.heap
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !a.before(&e, &h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

func (a *agenda) pop() event {
	h := a.heap
	top := h[0]
	last := len(h) - 1
	e := h[last]
	h = h[:last]
	a.heap = h
	if last == 0 {
		return top
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= last {
			break
		}
		if child+1 < last && a.before(&h[child+1], &h[child]) {
			child++
		}
		if !a.before(&h[child], &e) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = e
	return top
}
