package simulator

// balancer chooses replicas for calls. It counts the calls that each balancer waits for: a call that its client gave up
// is not among them, although its replica may still work on it.
type balancer struct {
	kind    Balancing
	clients int
	counts  bool // counts are kept
	stale   bool // counts are seen late

	endpoints []int32 // the replicas that calls are sent to
	turns     []int   // of each client, for round robin
	// outstanding holds, client by client, the calls at each replica; seen the same as of the last refresh.
	outstanding [][]int32
	seen        [][]int32
}

func newBalancer(c *settings) balancer {
	b := balancer{kind: c.balancing, clients: c.clients, stale: c.staleness > 0}
	b.counts = b.kind == PowerOfTwo || b.kind == LeastRequest
	b.turns = make([]int, b.clients)
	b.outstanding = make([][]int32, b.clients)
	b.seen = b.outstanding
	if b.stale {
		b.seen = make([][]int32, b.clients)
	}
	return b
}

// cover makes room for n replicas.
func (b *balancer) cover(n int) {
	if !b.counts {
		return
	}
	for k := range b.outstanding {
		for len(b.outstanding[k]) < n {
			b.outstanding[k] = append(b.outstanding[k], 0)
		}
		for b.stale && len(b.seen[k]) < n {
			b.seen[k] = append(b.seen[k], 0)
		}
	}
}

// list adds a replica to those that calls are sent to.
func (b *balancer) list(r int32) { b.endpoints = append(b.endpoints, r) }

// unlist takes a replica out, keeping the order of the others for round robin.
func (b *balancer) unlist(r int32) {
	for k, x := range b.endpoints {
		if x == r {
			b.endpoints = append(b.endpoints[:k], b.endpoints[k+1:]...)
			return
		}
	}
}

// refresh lets balancers see the present counts.
func (b *balancer) refresh() {
	for k := range b.outstanding {
		copy(b.seen[k], b.outstanding[k])
	}
}

// sent and gone count a call at its replica.
func (b *balancer) sent(c *call) {
	if b.counts {
		b.outstanding[c.client][c.replica]++
	}
}

func (b *balancer) gone(c *call) {
	if b.counts {
		b.outstanding[c.client][c.replica]--
	}
}

// choose returns the replica for a call, or -1 if there is none.
func (b *balancer) choose(random *streams, c *call) int32 {
	n := len(b.endpoints)
	if n == 0 {
		return -1
	}
	c.client = 0
	if b.clients > 1 {
		c.client = uint16(random.balancing.below(b.clients))
	}
	switch b.kind {
	case RoundRobin:
		turn := b.turns[c.client]
		if turn >= n {
			turn = 0
		}
		b.turns[c.client] = turn + 1
		return b.endpoints[turn]
	case PowerOfTwo:
		return b.powerOfTwo(random.balancing.Uint64(), b.seen[c.client])
	case LeastRequest:
		return b.leastRequest(random, b.seen[c.client])
	}
	return b.endpoints[random.balancing.below(n)]
}

// powerOfTwo compares two different replicas, each drawn with half of the random bits.
func (b *balancer) powerOfTwo(bits uint64, counts []int32) int32 {
	n := uint64(len(b.endpoints))
	i := bits & (1<<32 - 1) * n >> 32
	if n == 1 {
		return b.endpoints[0]
	}
	j := bits >> 32 * (n - 1) >> 32
	if j >= i {
		j++
	}
	first, second := b.endpoints[i], b.endpoints[j]
	if counts[second] < counts[first] {
		return second
	}
	return first
}

// leastRequest takes a replica with the fewest calls, each of them with the same chance; it takes time proportional to
// the number of replicas.
func (b *balancer) leastRequest(random *streams, counts []int32) int32 {
	least, ties := counts[b.endpoints[0]], 0
	for _, r := range b.endpoints {
		switch n := counts[r]; {
		case n < least:
			least, ties = n, 1
		case n == least:
			ties++
		}
	}
	pick := 0
	if ties > 1 {
		pick = random.balancing.below(ties)
	}
	for _, r := range b.endpoints {
		if counts[r] == least {
			if pick == 0 {
				return r
			}
			pick--
		}
	}
	return b.endpoints[0] // not reached: one of them has the least
}
