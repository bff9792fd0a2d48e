package simulator

import "math"

// completion is the end of a service: of one call, or of the batch that call is the head of.
type completion struct {
	at   uint64 // key of the time
	call uint32
}

// completions is a binary heap of the services in progress. The last entry is a sentinel at +Inf, so that every node
// has two children and the smaller one is chosen without a branch.
//
// Completions at the same instant come in an order that depends on the history of the heap alone, hence on the seed.
type completions struct{ heap []completion }

var endless = completion{at: key(math.Inf(1))}

func newCompletions() completions {
	return completions{heap: append(make([]completion, 0, 64), endless)}
}

// first returns the time of the next completion, +Inf if there is none.
func (c *completions) first() float64 { return math.Float64frombits(c.heap[0].at) }

// inService lists the services in progress, in no order.
func (c *completions) inService() []completion { return c.heap[:len(c.heap)-1] }

// push, replace, which puts a completion in the place of the first, and drop, which removes the first, take O(log n)
// time.
func (c *completions) push(at float64, call uint32) {
	c.heap = append(c.heap, endless)
	h, e := c.heap, completion{key(at), call}
	i := len(h) - 2
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].at <= e.at {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

func (c *completions) replace(at float64, call uint32) {
	sink(c.heap, 0, completion{key(at), call})
}

func (c *completions) drop() {
	last := len(c.heap) - 2
	e := c.heap[last]
	c.heap[last] = endless
	c.heap = c.heap[:last+1]
	if last > 0 {
		sink(c.heap, 0, e)
	}
}

// sink puts e at i or below, where i may be overwritten.
func sink(h []completion, i int, e completion) {
	n := len(h) - 1
	for {
		child := 2*i + 1
		if child >= n {
			break
		}
		least := h[child].at
		if right := h[child+1].at; right < least {
			child++
			least = right
		}
		if e.at <= least {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = e
}

// retain removes every completion of which keep is false, in O(n log n) time.
func (c *completions) retain(keep func(completion) bool) {
	kept := c.heap[:0]
	for _, e := range c.inService() {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	c.heap = append(kept, endless)
	for i := len(kept)/2 - 1; i >= 0; i-- {
		sink(c.heap, i, c.heap[i])
	}
}

// key is an order-preserving map of times, which are not negative, to integers, which the processor compares without
// a branch.
func key(time float64) uint64 { return math.Float64bits(time) }

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
