package simulator

// call is one attempt of a request: what a server works on and, unless abandoned, what a client waits for. Calls live
// in one slice and refer to one another by index, so that a run allocates nothing in its steady state; index 0 is the
// end of every list.
type call struct {
	arrival  float64 // of the request: when its first attempt was sent
	work     float64 // seconds at full speed; of a batch, the factor on its time
	sent     float64 // when this attempt joined its queue
	deadline float64 // when the client gives up this attempt

	next   uint32 // behind this one in the queue, in the batch or in the free list
	older  uint32 // neighbors in the list of clients that wait, by deadline
	newer  uint32
	serial uint32 // counts the uses of this place, so that an event meant for a former use is told apart
	minute uint32 // of the arrival

	replica  int32
	client   uint16 // the balancer that sent it
	attempt  uint8  // how many attempts came before it
	progress progress
}

// progress says where a call is.
type progress uint8

const (
	free      progress = iota
	pausing            // before a retry; no server knows of it
	queued             // waiting in a queue
	serving            // in service
	withdrawn          // still linked in a queue, but dead: dropped when its turn comes

	// abandoned is added to queued or serving: the client has gone, the work is done all the same.
	abandoned progress = 1 << 4
)

// callBytes is the memory of a call.
const callBytes = 64

// callStore hands out calls.
type callStore struct {
	all  []call
	free uint32
	most int // bound on len(all)
}

func newCallStore(most int) callStore {
	return callStore{all: make([]call, 1, 256), most: most}
}

// take returns the index of a free call, or 0 if there are as many as allowed.
func (s *callStore) take() uint32 {
	if i := s.free; i != 0 {
		s.free = s.all[i].next
		return i
	}
	if len(s.all) >= s.most {
		return 0
	}
	s.all = append(s.all, call{})
	return uint32(len(s.all) - 1)
}

func (s *callStore) release(i uint32) {
	c := &s.all[i]
	c.progress = free
	c.serial++
	c.next = s.free
	s.free = i
}

// await puts a call at the end of the clients that wait. All wait equally long, so that the list is in order of deadline;
// it is a ring through index 0.
func (s *callStore) await(i uint32) {
	last := s.all[0].older
	s.all[i].older, s.all[i].newer = last, 0
	s.all[last].newer = i
	s.all[0].older = i
}

// settle takes a call from the clients that wait.
func (s *callStore) settle(i uint32) {
	c := &s.all[i]
	s.all[c.older].newer = c.newer
	s.all[c.newer].older = c.older
}

// oldest returns the waiting client with the earliest deadline, or 0.
func (s *callStore) oldest() uint32 { return s.all[0].newer }

// queue is a first-come-first-served list of calls.
type queue struct {
	head, tail uint32
	waiting    int  // calls that are not withdrawn
	timed      bool // an event will look at the queue when its oldest call has waited long enough for a batch
}

func (q *queue) push(s *callStore, i uint32) {
	s.all[i].next = 0
	if q.head == 0 {
		q.head = i
	} else {
		s.all[q.tail].next = i
	}
	q.tail = i
	q.waiting++
}

// pop returns the oldest call that was not withdrawn, or 0.
func (q *queue) pop(s *callStore) uint32 {
	i := q.front(s)
	if i != 0 {
		q.head = s.all[i].next
		q.waiting--
	}
	return i
}

// front drops withdrawn calls and returns the oldest that is left, or 0.
func (q *queue) front(s *callStore) uint32 {
	for {
		i := q.head
		if i == 0 || s.all[i].progress != withdrawn {
			return i
		}
		q.head = s.all[i].next
		s.release(i)
	}
}
