package queueing

import "math"

// SolvedBalanced is the steady state of a [Balanced], from [Balanced.Solve]. It is immutable, and its methods have the
// special cases of those of [Balanced].
type SolvedBalanced struct {
	queue Balanced
	ahead foundAhead // of a stable system that is not a central queue
}

// Solve computes the steady state once for several questions, which is nearly all of the work for a shortest queue.
func (b Balanced) Solve() *SolvedBalanced {
	s := &SolvedBalanced{queue: b}
	if b.Stable() && b.Policy != BalanceCentralQueue {
		s.ahead = b.found()
	}
	return s
}

// Utilization returns ρ.
func (s *SolvedBalanced) Utilization() float64 { return s.queue.Utilization() }

// WaitProbability returns P(W > 0).
func (s *SolvedBalanced) WaitProbability() float64 { return s.WaitTail(0) }

// MeanWaitSeconds returns E[W].
func (s *SolvedBalanced) MeanWaitSeconds() float64 {
	b := s.queue
	switch {
	case !b.valid():
		return math.NaN()
	case !b.Stable():
		return math.Inf(1)
	case b.Policy == BalanceCentralQueue:
		return b.central().MeanWaitSeconds()
	}
	return s.ahead.meanAhead() / b.ServiceRatePerSecond
}

// MeanResponseSeconds returns E[T].
func (s *SolvedBalanced) MeanResponseSeconds() float64 {
	return s.MeanWaitSeconds() + 1/s.queue.ServiceRatePerSecond
}

// WaitTail returns P(W > t).
func (s *SolvedBalanced) WaitTail(seconds float64) float64 {
	return s.tail(seconds, 1, s.queue.central().WaitTail)
}

// ResponseTail returns P(T > t).
func (s *SolvedBalanced) ResponseTail(seconds float64) float64 {
	return s.tail(seconds, 0, s.queue.central().ResponseTail)
}

// WaitQuantileSeconds returns the p-quantile of the wait.
func (s *SolvedBalanced) WaitQuantileSeconds(p float64) float64 {
	return s.quantile(p, 1, s.queue.central().WaitQuantileSeconds)
}

// ResponseQuantileSeconds returns the p-quantile of the response time.
func (s *SolvedBalanced) ResponseQuantileSeconds(p float64) float64 {
	return s.quantile(p, 0, s.queue.central().ResponseQuantileSeconds)
}

func (s *SolvedBalanced) tail(seconds float64, first int, central func(float64) float64) float64 {
	b := s.queue
	switch {
	case !b.valid() || math.IsNaN(seconds):
		return math.NaN()
	case seconds < 0 || !b.Stable():
		return 1
	case b.Policy == BalanceCentralQueue:
		return central(seconds)
	}
	return s.ahead.tail(b.ServiceRatePerSecond*seconds, first)
}

func (s *SolvedBalanced) quantile(p float64, first int, central func(float64) float64) float64 {
	b := s.queue
	switch {
	case !b.valid() || !(p >= 0 && p <= 1):
		return math.NaN()
	case !b.Stable():
		return math.Inf(1)
	case b.Policy == BalanceCentralQueue:
		return central(p)
	}
	return s.ahead.quantile(p, first) / b.ServiceRatePerSecond
}
