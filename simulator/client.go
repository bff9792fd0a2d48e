package simulator

// retryBudget bounds the retries of all clients together; see [Client.RetryBudget].
type retryBudget struct {
	perRequest, burst float64
	store             float64
}

func (b *retryBudget) earn() {
	if b.perRequest > 0 {
		b.store = min(b.store+b.perRequest, b.burst)
	}
}

// spend takes one retry and reports whether there was one.
func (b *retryBudget) spend() bool {
	if b.perRequest == 0 {
		return true
	}
	if b.store < 1 {
		return false
	}
	b.store--
	return true
}

// timeOut ends the patience of the client that waits for a call.
func (e *engine) timeOut(i uint32) {
	e.tally.timedOut++
	c := &e.calls.all[i]
	e.calls.settle(i)
	e.balance.gone(c)
	if c.progress == queued && e.c.cancel {
		e.withdraw(i)
	} else {
		c.progress |= abandoned
	}
	e.retryCopy(i)
}

// expire ends a wait in a queue that has become too long, if the call still waits.
func (e *engine) expire(i, serial uint32) {
	c := &e.calls.all[i]
	if c.serial != serial || c.progress&^abandoned != queued {
		return
	}
	e.tally.expired++
	gone := c.progress&abandoned != 0
	e.withdraw(i)
	if gone {
		return
	}
	if e.c.timeout > 0 {
		e.calls.settle(i)
	}
	e.balance.gone(c)
	e.retryCopy(i)
}

// withdraw takes a call out of its queue. It stays linked there until its turn comes, so its place is not free yet.
func (e *engine) withdraw(i uint32) {
	c := &e.calls.all[i]
	c.progress = withdrawn
	e.areas.nowWaiting--
	if e.c.central {
		e.central.waiting--
		return
	}
	p := &e.pods.all[c.replica]
	p.queue.waiting--
	if p.state == draining {
		e.leaveIfDone(c.replica)
	}
}

// refuse fails a call that no queue took.
func (e *engine) refuse(i uint32) error {
	e.tally.refused++
	if e.c.timeout > 0 {
		e.calls.settle(i)
	}
	e.retry(i)
	return nil
}

// lose fails a call whose replica is gone, after it was taken off every list but that of its client.
func (e *engine) lose(i uint32) {
	c := &e.calls.all[i]
	switch {
	case c.progress == withdrawn:
		e.calls.release(i)
	case c.progress&abandoned != 0:
		e.calls.release(i)
	default:
		e.tally.lost++
		if e.c.timeout > 0 {
			e.calls.settle(i)
		}
		e.balance.gone(c)
		e.retry(i)
	}
}

// retry plans the next attempt of a request in the place of the one that failed, or gives up.
func (e *engine) retry(i uint32) {
	c := &e.calls.all[i]
	if int(c.attempt) >= e.c.retries || !e.retries.spend() {
		e.fail(c)
		e.calls.release(i)
		return
	}
	e.tally.retries++
	c.attempt++
	c.progress = pausing
	c.serial++
	e.agenda.plan(e.now+pause(e.c.backoff, int(c.attempt), e.random.retrying), retryDue, i, c.serial)
}

// retryCopy is retry for a call whose place is still in use.
func (e *engine) retryCopy(i uint32) {
	if int(e.calls.all[i].attempt) >= e.c.retries {
		e.fail(&e.calls.all[i])
		return
	}
	next := e.calls.take()
	if next == 0 {
		e.fail(&e.calls.all[i]) // out of memory: the next arrival reports it
		return
	}
	c := &e.calls.all[i]
	n := &e.calls.all[next]
	n.arrival, n.work, n.minute, n.attempt = c.arrival, c.work, c.minute, c.attempt
	e.retry(next)
}

// fail gives a request up.
func (e *engine) fail(c *call) {
	e.areas.nowLive--
	e.tally.fail(e.now-c.arrival, c.minute)
}

// strand fails the requests that no server will ever serve, when nothing else is left to happen.
func (e *engine) strand() {
	for i := range e.calls.all {
		if c := &e.calls.all[i]; c.progress == queued {
			e.fail(c)
			c.progress = withdrawn
		}
	}
}
