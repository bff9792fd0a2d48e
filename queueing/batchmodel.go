package queueing

// At returns the steady state of each of several replicas that batch, with a random share of the requests each, so that
// MDBatch is a [Model]; a balancer that looks at queues does better than that. The server's own rate is ignored. Its
// Utilization is the share of the largest throughput that is used: the share of time a replica is busy nears 1 long
// before that, since busy replicas make larger batches. Latencies are worked out when first asked for.
func (q MDBatch) At(arrivalRatePerSecond float64, replicas int) SteadyState {
	q.ArrivalRatePerSecond = arrivalRatePerSecond / float64(replicas)
	return &batchReplica{MDBatch: q}
}

// batchReplica is one replica that batches. It belongs to one goroutine.
type batchReplica struct {
	MDBatch
	known *BatchLatencies
}

func (s *batchReplica) Utilization() float64 {
	return s.ArrivalRatePerSecond / s.MaxArrivalRatePerSecond()
}

func (s *batchReplica) latencies() *BatchLatencies {
	if s.known == nil {
		l := s.Latencies()
		s.known = &l
	}
	return s.known
}

func (s *batchReplica) WaitTail(seconds float64) float64 { return s.latencies().WaitTail(seconds) }
func (s *batchReplica) ResponseTail(seconds float64) float64 {
	return s.latencies().ResponseTail(seconds)
}

func (s *batchReplica) WaitQuantileSeconds(p float64) float64 {
	return s.latencies().WaitQuantileSeconds(p)
}

func (s *batchReplica) ResponseQuantileSeconds(p float64) float64 {
	return s.latencies().ResponseQuantileSeconds(p)
}
