package simulator

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
)

// recursion is the fast path for one central queue, first come first served, in which nothing that happens to a request
// changes what comes later: no client gives up or retries, no queue is bounded, nothing warms up, no batches. Then the
// time at which each server is free next is all the state there is, and a request that arrives at a with work s is
// served
//
//	from max(a, min free) to that + s,
//
// by the server that is free first, whose free time that becomes (J. Kiefer, J. Wolfowitz, On the theory of queues with
// many servers, Transactions of the AMS 78 (1955)). No event is needed but those on the agenda: between two of them the
// servers stay the same. A request that would begin after the next one is held back until that has happened, so that a
// replica that becomes ready serves the oldest.
//
// Every request gets the same times, to the last bit, as in the events engine.
type recursion struct {
	busy    []server       // heap by free time, idle ones have it in the past; the last is a sentinel
	fresh   []unusedServer // ready and never used, the first the longest
	pending pendingRing
	running []flight // served past the last event on the agenda

	waits, work float64 // seconds that the requests taken into service waited and take
	cut         float64 // seconds of service that were begun and do not happen
	left        float64 // seconds of service that happen on pods told to leave
	oldest      float64 // sum of the arrival times of pending
}

// server is one server of a pod and the key of the time when it is free.
type server struct {
	free uint64
	pod  int32
}

// unusedServer is a server that nothing was sent to since it became ready.
type unusedServer struct {
	readyAt float64
	pod     int32
}

// flight is a request in service.
type flight struct {
	arrival, finish float64
	minute          uint32
	pod             int32
}

// recursive reports whether the fast path gives what the events engine would.
func (c *settings) recursive() bool {
	return c.central && c.maxBatch == 0 && c.maxWaiting == unbounded && !c.impatient && c.timeout == 0 && c.retries == 0 && c.warmUp == 0
}

// runRecursion simulates by the recursion.
func (e *engine) runRecursion(ctx context.Context) error {
	r := e.fast
	for {
		until := e.agenda.first()
		r.land(e, until)
		if err := r.serve(e, until); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if e.progress != nil {
			e.progress(min(e.now/e.c.duration, 1))
		}
		if until == math.Inf(1) || until > e.c.duration && e.source.next == math.Inf(1) && len(r.running) == 0 && r.pending.len() == 0 {
			break
		}
		r.measure(e, until)
		if err := e.happen(e.agenda.pop()); err != nil {
			return err
		}
		e.events++
	}
	e.now = max(e.now, e.source.last)
	for ; r.pending.len() > 0; r.pending.pop() {
		p := r.pending.front()
		e.tally.fail(e.now-p.arrival, p.minute) // no server will ever come
		r.waits += e.now - p.arrival
	}
	return e.finishRecursion()
}

// serve takes the requests that can begin until the next event on the agenda into service.
func (r *recursion) serve(e *engine, until float64) error {
	for r.pending.len() > 0 {
		p := r.pending.front()
		if !r.take(e, p.arrival, p.work, p.minute, until) {
			break
		}
		r.oldest -= p.arrival
		r.pending.pop()
	}
	s := &e.source
	minute := e.tally.minute
	for s.next < until {
		// The requests that are drawn, up to the event; none of them waits behind another that is pending.
		if r.pending.len() == 0 {
			k := s.k
			for ; len(r.fresh) > 0 && k < s.n && s.times[k] < until && r.take(e, s.times[k], s.works[k], minute, until); k++ {
			}
			if len(r.fresh) == 0 {
				end := k + sort.SearchFloat64s(s.times[k:s.n], until)
				k += r.stream(e, s.times[k:end], s.works[k:end], minute, until)
			}
			e.tally.requests += uint64(k - s.k)
			s.skip(k - s.k)
		}
		for s.next < until && (r.pending.len() > 0 || r.blocked(until)) {
			if (r.pending.len()+1)*pendingBytes > int(e.c.maxBytes) {
				return fmt.Errorf("%w: %d requests wait after %.0f s, limit %d bytes", errMemory, r.pending.len(), s.next, e.c.maxBytes)
			}
			arrival := s.next
			e.tally.requests++
			r.oldest += arrival
			r.pending.push(waiting{arrival: arrival, work: s.take(), minute: minute})
		}
	}
	return nil
}

// blocked reports whether a request can not begin until the next event.
func (r *recursion) blocked(until float64) bool {
	return len(r.fresh) == 0 && r.busy[0].free > key(until)
}

// take serves a request by the server that is free first, unless that is after the next event.
func (r *recursion) take(e *engine, arrival, work float64, minute uint32, until float64) bool {
	if len(r.fresh) > 0 && key(r.fresh[0].readyAt) <= r.busy[0].free {
		f := r.fresh[0]
		r.fresh = r.fresh[1:]
		r.busy = append(r.busy, server{})
		h := r.busy[:len(r.busy)-1]
		r.busy[len(h)] = never
		for i := len(h) - 1; i > 0; i = (i - 1) / 2 { // make room at the top
			h[i] = h[(i-1)/2]
		}
		h[0] = server{key(f.readyAt), f.pod}
	}
	return r.stream(e, []float64{arrival}, []float64{work}, minute, until) == 1
}

// stream serves requests one after the other by the server that is free first, and returns how many: those before the
// first that has to wait until after the next event.
func (r *recursion) stream(e *engine, arrivals, works []float64, minute uint32, until float64) int {
	h, t := r.busy, &e.tally
	n, last := len(h)-1, key(until)
	works = works[:len(arrivals)]
	waited := uint64(0)
	for k, arrival := range arrivals {
		free := h[0].free
		if free > last {
			arrivals = arrivals[:k]
			break
		}
		start := arrival
		if f := math.Float64frombits(free); f > arrival {
			start = f
			r.waits += start - arrival
			waited++
		}
		r.work += works[k]
		finish := start + works[k]
		pod := h[0].pod

		// The server sinks to its new place; the sentinel at the end makes every node have two children.
		s := server{key(finish), pod}
		i := 0
		for {
			child := 2*i + 1
			if child >= n {
				break
			}
			least := h[child].free
			if right := h[child+1].free; right < least {
				child++
				least = right
			}
			if s.free <= least {
				break
			}
			h[i] = h[child]
			i = child
		}
		h[i] = s

		if finish > until {
			r.running = append(r.running, flight{arrival, finish, minute, pod})
			continue
		}
		t.answered(finish-arrival, minute)
		if e.observe != nil {
			e.observe(arrival, finish)
		}
	}
	t.waited += waited
	t.served += uint64(len(arrivals))
	return len(arrivals)
}

// never is the sentinel behind the heap of busy servers.
var never = server{free: math.MaxUint64, pod: -1}

// land records the requests in service that end before the next event on the agenda.
func (r *recursion) land(e *engine, until float64) {
	still := r.running[:0]
	for _, f := range r.running {
		if f.finish > until {
			still = append(still, f)
			continue
		}
		e.tally.answered(f.finish-f.arrival, f.minute)
		if e.observe != nil {
			e.observe(f.arrival, f.finish)
		}
	}
	r.running = still
}

// measure moves the clock, and brings the integrals over time up to it: the requests counted so far for all of
// their time, less what lies ahead.
func (r *recursion) measure(e *engine, now float64) {
	a := &e.areas
	a.slots += a.nowSlots * (now - e.now)
	e.now = now
	ahead, gone := 0.0, 0.0
	for _, f := range r.running {
		if rest := f.finish - now; e.pods.all[f.pod].state == ready {
			ahead += rest
		} else {
			gone += rest
		}
	}
	inQueue := float64(r.pending.len())*now - r.oldest
	a.waiting = r.waits + inQueue
	a.busy = r.work - r.cut - r.left - ahead
	a.live = r.waits + inQueue + r.work - r.cut - ahead - gone
}

// admit adds the servers of a pod that became ready.
func (r *recursion) admit(e *engine, pod int32) {
	for range e.c.concurrency {
		r.fresh = append(r.fresh, unusedServer{e.now, pod})
	}
}

// dismiss takes the servers of a pod away and returns when the last of them has finished what it does.
func (r *recursion) dismiss(e *engine, pod int32) (last float64) {
	fresh := r.fresh[:0]
	for _, s := range r.fresh {
		if s.pod != pod {
			fresh = append(fresh, s)
		}
	}
	r.fresh = fresh
	kept := r.busy[:0]
	for _, s := range r.busy {
		if s.pod != pod {
			kept = append(kept, s)
			continue
		}
		free := math.Float64frombits(s.free)
		r.left += max(free-e.now, 0)
		last = max(last, free)
	}
	slices.SortFunc(kept, func(a, b server) int { return cmp.Compare(a.free, b.free) }) // a sorted list is a heap
	r.busy = kept
	return last
}

// lose fails the requests in service at a pod that is gone.
func (r *recursion) lose(e *engine, pod int32) {
	still := r.running[:0]
	for _, f := range r.running {
		if f.pod != pod {
			still = append(still, f)
			continue
		}
		r.cut += f.finish - e.now
		r.left -= f.finish - e.now
		e.tally.lost++
		e.tally.fail(e.now-f.arrival, f.minute)
	}
	r.running = still
}

// finishRecursion checks the run; see finish.
func (e *engine) finishRecursion() error {
	r, t := e.fast, &e.tally
	t.recent.flush(&t.latency)
	e.events += t.requests
	if e.source.err != nil {
		return e.source.err
	}
	// L = λW: the time spent in the queue and at the servers is the time spent by requests.
	e.areas.live = r.waits + r.work - r.cut
	return e.little()
}

// waiting is a request that waits.
type waiting struct {
	arrival, work float64
	minute        uint32
}

const pendingBytes = 24

// pendingRing is a first-in-first-out list.
type pendingRing struct {
	entries    []waiting // a power of two long
	head, tail uint
}

func (q *pendingRing) len() int { return int(q.tail - q.head) }

func (q *pendingRing) front() *waiting { return &q.entries[q.head&uint(len(q.entries)-1)] }

func (q *pendingRing) pop() { q.head++ }

func (q *pendingRing) push(w waiting) {
	if q.len() == len(q.entries) {
		larger := make([]waiting, max(2*len(q.entries), 16))
		n := q.len()
		for k := range n {
			larger[k] = q.entries[(q.head+uint(k))&uint(len(q.entries)-1)]
		}
		q.entries, q.head, q.tail = larger, 0, uint(n)
	}
	q.entries[q.tail&uint(len(q.entries)-1)] = w
	q.tail++
}
