package simulator

// sendCentral gives a call to the server that has been idle longest, or lets it wait.
func (e *engine) sendCentral(i uint32) error {
	if e.c.maxBatch > 0 {
		if e.central.waiting >= e.centralBound() && e.idle.len() == 0 {
			return e.refuse(i)
		}
		e.enqueue(i, &e.central)
		e.serveCentral()
		return nil
	}
	if e.idle.len() > 0 {
		r := e.idle.pop()
		e.calls.all[i].replica = r
		e.start(i, &e.pods.all[r])
		return nil
	}
	if e.central.waiting >= e.centralBound() {
		return e.refuse(i)
	}
	e.enqueue(i, &e.central)
	return nil
}

// centralBound returns how many calls may wait.
func (e *engine) centralBound() int {
	if e.c.maxWaiting == unbounded {
		return unbounded
	}
	return e.c.maxWaiting * e.pods.ready
}

// release returns a server to the idle ones, or to the next batch.
func (e *engine) release(r int32, p *pod) {
	if p.state == ready {
		e.idle.push(r)
		e.serveCentral()
	}
}

// serveCentral starts what waits in the central queue while there are idle servers.
func (e *engine) serveCentral() {
	for e.idle.len() > 0 {
		if e.c.maxBatch > 0 {
			if !e.batchReady(&e.central, centralBatchDue, 0, 0) {
				return
			}
			r := e.idle.pop()
			e.start(e.takeBatch(&e.central, r), &e.pods.all[r])
			continue
		}
		i := e.central.pop(&e.calls)
		if i == 0 {
			return
		}
		e.unqueue(i)
		r := e.idle.pop()
		e.calls.all[i].replica = r
		e.start(i, &e.pods.all[r])
	}
}

// ring is a first-in-first-out list of replicas, one entry per idle server.
type ring struct {
	entries    []int32 // a power of two long
	head, tail uint
}

func newRing() ring { return ring{entries: make([]int32, 16)} }

func (q *ring) len() int { return int(q.tail - q.head) }

func (q *ring) push(r int32) {
	if q.len() == len(q.entries) {
		larger := make([]int32, 2*len(q.entries))
		n := q.len()
		for k := range n {
			larger[k] = q.entries[(q.head+uint(k))&uint(len(q.entries)-1)]
		}
		q.entries, q.head, q.tail = larger, 0, uint(n)
	}
	q.entries[q.tail&uint(len(q.entries)-1)] = r
	q.tail++
}

func (q *ring) pop() int32 {
	r := q.entries[q.head&uint(len(q.entries)-1)]
	q.head++
	return r
}

// remove takes out all entries of a replica.
func (q *ring) remove(r int32) {
	n := q.len()
	for range n {
		if x := q.pop(); x != r {
			q.push(x)
		}
	}
}
