package simulator

// batchMean returns the mean time of the batch that starts with call i.
func (e *engine) batchMean(i uint32) float64 {
	n := 0
	for j := i; j != 0; j = e.calls.all[j].next {
		n++
	}
	return e.c.batchFixed + float64(n)*e.c.batchPerItem
}

// batchReady reports whether a queue has a batch for an idle server, and otherwise sees to it that an event looks
// again when its oldest call has waited long enough.
func (e *engine) batchReady(q *queue, k kind, subject, serial uint32) bool {
	first := q.front(&e.calls)
	if first == 0 {
		return false
	}
	due := e.calls.all[first].sent + e.c.maxDelay
	if q.waiting >= e.c.maxBatch || due <= e.now {
		return true
	}
	if !q.timed {
		q.timed = true
		e.agenda.plan(due, k, subject, serial)
	}
	return false
}

// takeBatch links the calls of the next batch and returns the first of them.
func (e *engine) takeBatch(q *queue, r int32) uint32 {
	var head, tail uint32
	for n := 0; n < e.c.maxBatch; n++ {
		i := q.pop(&e.calls)
		if i == 0 {
			break
		}
		c := &e.calls.all[i]
		c.next = 0
		c.replica = r
		c.progress = c.progress&abandoned | serving
		e.areas.nowWaiting--
		e.tally.served++
		if wait := e.now - c.sent; wait > 0 {
			e.tally.waited++
			e.tally.waits += wait
		}
		if head == 0 {
			head = i
		} else {
			e.calls.all[tail].next = i
		}
		tail = i
	}
	return head
}

// serveBatches starts batches at a replica while it has idle servers and batches for them.
func (e *engine) serveBatches(r int32) {
	p := &e.pods.all[r]
	for p.serving < e.c.concurrency && e.batchReady(&p.queue, batchDue, uint32(r), p.serial) {
		e.start(e.takeBatch(&p.queue, r), p)
	}
}

// replicaBatchDue looks at a replica's queue when the oldest call in it may have waited long enough.
func (e *engine) replicaBatchDue(r int32, serial uint32) {
	p := &e.pods.all[r]
	if p.serial != serial {
		return
	}
	p.queue.timed = false
	e.serveBatches(r)
}

// answerBatch ends a batch.
func (e *engine) answerBatch(i uint32) {
	for i != 0 {
		next := e.calls.all[i].next
		e.answer(i)
		i = next
	}
}
