package simulator

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// engine simulates one replication. Requests that arrive and services that end are events of their own, timeouts of
// clients are a list in order of deadline, and everything rare is on the agenda.
type engine struct {
	c        *settings
	now      float64
	policies scaler

	source    source
	calls     callStore
	completed completions
	agenda    agenda
	giveUp    float64 // no client's deadline is before it
	balance   balancer
	central   queue
	idle      ring // servers without work, if there is one central queue
	pods      fleet
	retries   retryBudget
	random    streams
	tally     tally
	areas     areas
	fast      *recursion // the fast path, if it can be taken
	events    uint64

	progress func(share float64) // may be nil
	// observe, if not nil, is told of every call that ends its service: for tests.
	observe func(arrival, finish float64)
}

// areas are integrals over time: what is counted times how long, in seconds.
type areas struct {
	live    float64 // requests whose clients wait, pauses before retries included
	waiting float64 // calls in queues
	busy    float64 // servers at work on ready replicas
	slots   float64 // servers of ready replicas

	nowLive, nowWaiting, nowBusy, nowSlots float64
}

// errMemory is returned when a run holds more calls than its limit of memory allows.
var errMemory = errors.New("simulator: the run needs more memory than allowed")

// checkEvery is how many events pass between two looks at the context.
const checkEvery = 1 << 16

// run simulates until every request of the configured duration has got its answer or failed.
func (e *engine) run(ctx context.Context) error {
	var events uint64
	for {
		arrival, completion := e.source.next, e.completed.first()
		rare := min(e.agenda.first(), e.giveUp)
		switch {
		case completion <= arrival && completion <= rare:
			if completion == math.Inf(1) {
				// Nothing will happen any more: what still waits has no server to wait for.
				e.strand()
				return e.finish(events)
			}
			e.advance(completion)
			e.complete()
		case arrival < rare:
			e.advance(arrival)
			if err := e.arrive(); err != nil {
				return err
			}
		default:
			if rare > e.c.duration && e.over() {
				return e.finish(events)
			}
			if err := e.rare(); err != nil {
				return err
			}
		}
		if events++; events%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if e.progress != nil {
				e.progress(min(e.now/e.c.duration, 1))
			}
		}
	}
}

// over reports whether nothing is left to simulate once the load has ended.
func (e *engine) over() bool { return e.areas.nowLive == 0 && e.source.next == math.Inf(1) }

// advance moves the clock.
func (e *engine) advance(to float64) {
	a, dt := &e.areas, to-e.now
	e.now = to
	a.live += a.nowLive * dt
	a.waiting += a.nowWaiting * dt
	a.busy += a.nowBusy * dt
	a.slots += a.nowSlots * dt
}

// rare handles the next client's timeout or event of the agenda, whichever is first.
func (e *engine) rare() error {
	if e.giveUp <= e.agenda.first() {
		i := e.calls.oldest()
		if i == 0 {
			e.giveUp = math.Inf(1)
			return nil
		}
		if deadline := e.calls.all[i].deadline; deadline > e.giveUp {
			e.giveUp = deadline
			return nil
		}
		e.advance(e.giveUp)
		e.timeOut(i)
		return nil
	}
	ev := e.agenda.pop()
	e.advance(ev.at)
	return e.happen(ev)
}

// happen does what the agenda says.
func (e *engine) happen(ev event) error {
	switch ev.kind {
	case retryDue:
		return e.send(ev.subject)
	case waitOver:
		e.expire(ev.subject, ev.serial)
	case batchDue:
		e.replicaBatchDue(int32(ev.subject), ev.serial)
	case centralBatchDue:
		e.central.timed = false
		e.serveCentral()
	case countsRefresh:
		e.balance.refresh()
		e.agenda.plan(ev.at+e.c.staleness, countsRefresh, 0, 0)
	case scrapeDue:
		e.policies.scrape(e)
	case syncDue:
		return e.policies.sync(e)
	case minuteOver:
		e.endMinute()
	default:
		e.podEvent(ev)
	}
	return nil
}

// arrive takes a new request and sends its first attempt.
func (e *engine) arrive() error {
	i := e.calls.take()
	if i == 0 {
		return fmt.Errorf("%w: %d requests are in flight after %.0f s, limit %d bytes", errMemory, int(e.areas.nowLive), e.now, e.c.maxBytes)
	}
	c := &e.calls.all[i]
	c.arrival = e.now
	c.work = e.source.take()
	c.attempt = 0
	c.minute = e.tally.minute
	e.tally.requests++
	e.areas.nowLive++
	e.retries.earn()
	return e.send(i)
}

// send gives a call, whose client waits for it, to a replica or the central queue.
func (e *engine) send(i uint32) error {
	c := &e.calls.all[i]
	c.sent = e.now
	if e.c.timeout > 0 {
		c.deadline = e.now + e.c.timeout
		e.giveUp = min(e.giveUp, c.deadline)
		e.calls.await(i)
	}
	if e.c.central {
		return e.sendCentral(i)
	}
	r := e.balance.choose(&e.random, c)
	if r < 0 {
		return e.refuse(i)
	}
	p := &e.pods.all[r]
	// An idle server takes the call: its queue is empty then, or held back to fill a batch.
	if p.serving < e.c.concurrency && e.c.maxBatch == 0 {
		c.replica = r
		e.balance.sent(c)
		e.start(i, p)
		return nil
	}
	if p.queue.waiting >= e.c.maxWaiting && (p.serving == e.c.concurrency || p.queue.waiting >= e.c.maxBatch) {
		return e.refuse(i)
	}
	c.replica = r
	e.balance.sent(c)
	e.enqueue(i, &p.queue)
	if e.c.maxBatch > 0 {
		e.serveBatches(r)
	}
	return nil
}

// enqueue lets a call wait.
func (e *engine) enqueue(i uint32, q *queue) {
	c := &e.calls.all[i]
	c.progress = queued
	q.push(&e.calls, i)
	e.areas.nowWaiting++
	if e.c.impatient {
		e.agenda.plan(e.now+e.c.maxWait.draw(e.random.impatience), waitOver, i, c.serial)
	}
}

// unqueue counts the end of the wait of a call that was taken from a queue into service.
func (e *engine) unqueue(i uint32) {
	e.areas.nowWaiting--
	e.tally.waited++
	e.tally.waits += e.now - e.calls.all[i].sent
}

// start puts a call into service at a replica, or a batch of which it is the head.
func (e *engine) start(i uint32, p *pod) {
	e.completed.push(e.begin(i, p), i)
}

// begin counts a call or batch as in service and returns when that ends.
func (e *engine) begin(i uint32, p *pod) float64 {
	c := &e.calls.all[i]
	c.progress = c.progress&abandoned | serving
	p.serving++
	if p.state == ready {
		e.areas.nowBusy++
	}
	work := c.work
	if e.c.maxBatch > 0 {
		work *= e.batchMean(i)
	} else {
		e.tally.served++
	}
	finish := e.now + work
	if e.now < p.warmUntil {
		finish = warmingFinish(e.now, work, p.warmUntil, e.c.slowdown)
	}
	p.busySeconds += finish - e.now
	return finish
}

// warmingFinish returns when work is done that starts during a warm-up: slowly until it ends, then at full speed.
func warmingFinish(now, work, warmUntil, slowdown float64) float64 {
	if slow := now + work*slowdown; slow <= warmUntil {
		return slow
	}
	return warmUntil + (work - (warmUntil-now)/slowdown)
}

// complete ends the service that is first on the list and starts the next one at its server.
func (e *engine) complete() {
	done := e.completed.heap[0]
	r := e.calls.all[done.call].replica
	p := &e.pods.all[r]
	p.serving--
	if p.state == ready {
		e.areas.nowBusy--
	}
	switch {
	case e.c.maxBatch > 0:
		e.completed.drop()
		e.answerBatch(done.call)
		if e.c.central {
			e.release(r, p)
		} else {
			e.serveBatches(r)
		}
	case e.c.central:
		e.answer(done.call)
		if p.state != ready {
			e.completed.drop()
		} else if next := e.central.pop(&e.calls); next != 0 {
			e.unqueue(next)
			e.calls.all[next].replica = r
			e.completed.replace(e.begin(next, p), next)
		} else {
			e.completed.drop()
			e.idle.push(r)
		}
	default:
		e.answer(done.call)
		if next := p.queue.pop(&e.calls); next != 0 {
			e.unqueue(next)
			e.completed.replace(e.begin(next, p), next)
		} else {
			e.completed.drop()
		}
	}
	if p.state == draining {
		e.leaveIfDone(r)
	}
}

// answer ends a served call: its request is done, unless the client has gone.
func (e *engine) answer(i uint32) {
	c := &e.calls.all[i]
	if e.observe != nil {
		e.observe(c.arrival, e.now)
	}
	if c.progress&abandoned != 0 {
		e.tally.abandoned++
		e.calls.release(i)
		return
	}
	if e.c.timeout > 0 {
		e.calls.settle(i)
	}
	e.balance.gone(c)
	e.areas.nowLive--
	e.tally.answered(e.now-c.arrival, c.minute)
	e.calls.release(i)
}
