package simulator

import (
	"math"
	"math/bits"
	"slices"
)

// podState is how far a pod has come.
type podState uint8

const (
	gone     podState = iota
	pending           // no place to run on yet
	starting          // placed; pulling, loading, not ready
	ready             // serves
	draining          // told to leave
)

// pod is one replica. Places in the fleet are used again, with another serial.
type pod struct {
	queue     queue
	serving   int // calls, or batches, in service
	state     podState
	listed    bool // balancers send to it
	holds     bool // a place of the node supply's quota
	serial    uint32
	ordinal   uint64 // counts the pods of the run
	warmUntil float64
	created   float64
	placed    float64
	readyAt   float64
	// provision, start, life and stay are drawn at the creation: the time to a node and from there to ready, from
	// ready to a failure, and from the creation to an eviction.
	provision, start, life, stay float64
	// busySeconds is the time its servers worked, to the end of what is in service.
	busySeconds float64
}

// fleet holds all pods.
type fleet struct {
	all     []pod
	unused  []int32
	queue   []int32 // pending pods that wait for the quota
	created uint64
	held    int // places of the quota in use

	wanted           int
	active           int // pods that exist and were not told to leave
	existing         int // those told to leave included
	ready            int
	podSeconds, from float64 // pods times time, up to an instant

	failed, evicted int
	victims         []int32 // lent to scaleTo
}

// account adds up the time of the pods that exist until now.
func (f *fleet) account(now float64) {
	f.podSeconds += float64(f.existing) * (now - f.from)
	f.from = now
}

// create starts a pod.
func (e *engine) create() int32 {
	f := &e.pods
	f.account(min(e.now, e.c.duration))
	var r int32
	if n := len(f.unused); n > 0 {
		r = f.unused[n-1]
		f.unused = f.unused[:n-1]
	} else {
		r = int32(len(f.all))
		f.all = append(f.all, pod{})
		e.balance.cover(len(f.all))
	}
	p := &f.all[r]
	*p = pod{serial: p.serial + 1, state: pending, ordinal: f.created, created: e.now}
	f.created++
	f.active++
	f.existing++

	g := e.random.startups
	if n := e.c.node; n != nil {
		if free := g.unit() < n.FreeProbability; !free {
			p.provision = n.Provision.draw(g)
		}
	}
	for _, phase := range e.c.phases {
		p.start += phase.draw(g)
	}
	p.life, p.stay = math.Inf(1), math.Inf(1)
	if e.c.podMTBF > 0 {
		p.life = e.c.podMTBF * e.random.failing.exponential()
	}
	if e.c.evictionRate > 0 {
		p.stay = e.random.failing.exponential() / e.c.evictionRate
		e.agenda.plan(e.now+p.stay, podEvicted, uint32(r), p.serial)
	}
	return r
}

// launch lets a created pod look for a place.
func (e *engine) launch(r int32) {
	p := &e.pods.all[r]
	if e.c.quota > 0 {
		if e.pods.held >= e.c.quota {
			e.pods.queue = append(e.pods.queue, r)
			return
		}
		e.pods.held++
		p.holds = true
	}
	if p.provision == 0 {
		e.place(r)
		return
	}
	e.agenda.plan(e.now+p.provision, podPlaced, uint32(r), p.serial)
}

// place puts a pod on its node.
func (e *engine) place(r int32) {
	p := &e.pods.all[r]
	p.state, p.placed = starting, e.now
	if p.start == 0 {
		e.makeReady(r, e.now+e.c.warmUp)
		return
	}
	e.agenda.plan(e.now+p.start, podReady, uint32(r), p.serial)
}

// makeReady lets a pod serve.
func (e *engine) makeReady(r int32, warmUntil float64) {
	p := &e.pods.all[r]
	p.state, p.readyAt, p.warmUntil = ready, e.now, warmUntil
	e.pods.ready++
	e.areas.nowSlots += float64(e.c.concurrency)
	if !math.IsInf(p.life, 1) {
		e.agenda.plan(e.now+p.life, podFails, uint32(r), p.serial)
	}
	if e.fast != nil {
		e.fast.admit(e, r)
		return
	}
	if e.c.central {
		for range e.c.concurrency {
			e.idle.push(r)
		}
		e.serveCentral()
		return
	}
	p.listed = true
	e.balance.list(r)
}

// podEvent does what the agenda says about a pod, unless it is another one by now.
func (e *engine) podEvent(ev event) {
	r := int32(ev.subject)
	p := &e.pods.all[r]
	if p.serial != ev.serial {
		return
	}
	switch ev.kind {
	case podPlaced:
		e.place(r)
	case podReady:
		e.makeReady(r, e.now+e.c.warmUp)
	case podUnlisted:
		p.listed = false
		e.balance.unlist(r)
		e.leaveIfDone(r)
	case podKilled:
		e.remove(r)
	case podFails, podEvicted:
		// The load has ended, and with it the interest in capacity; pods told to leave are not counted on anyway.
		if e.now >= e.c.duration || p.state == draining {
			return
		}
		if ev.kind == podFails {
			e.pods.failed++
			e.remove(r)
		} else {
			e.pods.evicted++
			e.dismiss(r, min(e.c.grace, e.c.notice))
		}
		e.launch(e.create())
	}
}

// scaleTo creates pods or tells some to leave until as many as wanted are active.
func (e *engine) scaleTo(wanted int) {
	e.pods.wanted = wanted
	for e.pods.active < wanted {
		e.launch(e.create())
	}
	surplus := e.pods.active - wanted
	if surplus <= 0 {
		return
	}
	victims := e.pods.victims[:0]
	for r := range e.pods.all {
		if s := e.pods.all[r].state; s != gone && s != draining {
			victims = append(victims, int32(r))
		}
	}
	slices.SortFunc(victims, e.leavesBefore)
	for _, r := range victims[:surplus] {
		e.dismiss(r, e.c.grace)
	}
	e.pods.victims = victims
}

// leavesBefore orders pods as a ReplicaSet chooses those to delete: without a node first, then not ready, then by how
// long they have been ready, or exist, the youngest first. Ages within the same power of two count as equal, and
// then a number that is random in effect decides, as their UID does.
//
// Source: Kubernetes v1.37, pkg/controller/controller_utils.go, ActivePodsWithRanks; pods per node, restarts and the
// deletion cost do not occur here.
func (e *engine) leavesBefore(x, y int32) int {
	p, q := &e.pods.all[x], &e.pods.all[y]
	if p.state != q.state {
		return int(p.state) - int(q.state)
	}
	since, other := p.created, q.created
	if p.state == ready {
		since, other = p.readyAt, q.readyAt
	}
	if a, b := ageRank(e.now-since), ageRank(e.now-other); a != b {
		return a - b
	}
	if mix(p.ordinal) < mix(q.ordinal) {
		return -1
	}
	return 1
}

// ageRank is the power of two of an age in nanoseconds, -1 below one.
func ageRank(seconds float64) int { return bits.Len64(uint64(max(seconds, 0)*1e9)) - 1 }

// dismiss tells a pod to leave within the grace.
func (e *engine) dismiss(r int32, grace float64) {
	p := &e.pods.all[r]
	e.pods.active--
	if p.state != ready {
		e.depart(r)
		return
	}
	e.unready(p)
	p.state = draining
	if e.fast != nil {
		if last := e.fast.dismiss(e, r); last > e.now {
			e.agenda.plan(min(last, e.now+grace), podKilled, uint32(r), p.serial)
		} else {
			e.depart(r)
		}
		return
	}
	if e.c.central {
		e.idle.remove(r)
	} else if lag := min(e.c.endpointLag, grace); lag > 0 {
		e.agenda.plan(e.now+lag, podUnlisted, uint32(r), p.serial)
	} else {
		p.listed = false
		e.balance.unlist(r)
	}
	e.agenda.plan(e.now+grace, podKilled, uint32(r), p.serial)
	e.leaveIfDone(r)
}

// unready takes a pod out of those that serve.
func (e *engine) unready(p *pod) {
	e.pods.ready--
	e.areas.nowSlots -= float64(e.c.concurrency)
	e.areas.nowBusy -= float64(p.serving)
}

// leaveIfDone lets a pod that was told to leave go when nothing is sent to it any more and it has nothing to do.
func (e *engine) leaveIfDone(r int32) {
	p := &e.pods.all[r]
	if p.state == draining && !p.listed && p.serving == 0 && p.queue.waiting == 0 {
		e.depart(r)
	}
}

// remove takes a pod away at once, with all calls it holds.
func (e *engine) remove(r int32) {
	p := &e.pods.all[r]
	if e.fast != nil {
		if p.state == ready {
			e.fast.dismiss(e, r)
		}
		e.fast.lose(e, r)
	}
	if p.state == ready {
		e.unready(p)
		e.pods.active--
		e.idle.remove(r)
	}
	if p.listed {
		p.listed = false
		e.balance.unlist(r)
	}
	e.completed.retain(func(done completion) bool {
		if e.calls.all[done.call].replica != r {
			return true
		}
		p.busySeconds -= math.Float64frombits(done.at) - e.now
		for i, last := done.call, e.c.maxBatch == 0; i != 0; {
			next := e.calls.all[i].next
			e.lose(i)
			if i = next; last {
				break
			}
		}
		return false
	})
	for i := p.queue.head; i != 0; {
		next := e.calls.all[i].next
		if e.calls.all[i].progress != withdrawn {
			e.areas.nowWaiting--
		}
		e.lose(i)
		i = next
	}
	p.queue = queue{}
	e.depart(r)
}

// depart ends a pod that holds no call.
func (e *engine) depart(r int32) {
	f := &e.pods
	f.account(min(e.now, e.c.duration))
	p := &f.all[r]
	p.queue.front(&e.calls) // frees what was withdrawn
	p.state = gone
	p.serial++
	f.existing--
	f.unused = append(f.unused, r)
	if !p.holds {
		return
	}
	p.holds = false
	f.held--
	for len(f.queue) > 0 {
		next := f.queue[0]
		f.queue = f.queue[1:]
		if q := &f.all[next]; q.state == pending && !q.holds {
			e.launch(next)
			break
		}
	}
}
