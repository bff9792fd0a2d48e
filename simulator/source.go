package simulator

import (
	"fmt"
	"math"
)

// sourceBatch is how many arrivals are drawn at a time.
const sourceBatch = 1024

// source hands out requests: when each arrives and its work.
type source struct {
	next   float64 // when the next request arrives, +Inf if none does any more
	k, n   int
	until  float64
	stream Stream
	law    workLaw
	times  [sourceBatch]float64
	works  [sourceBatch]float64
	last   float64
	ended  bool
	err    error
}

// begin draws the first requests; those from the offset until on do not happen.
func (s *source) begin(stream Stream, law workLaw, until float64) {
	s.stream, s.law, s.until = stream, law, until
	s.fill()
}

// take returns the work of the next request and moves on to the one behind it.
func (s *source) take() float64 {
	work := s.works[s.k]
	if s.k++; s.k < s.n {
		s.next = s.times[s.k]
	} else {
		s.fill()
	}
	return work
}

// skip moves on by n of the requests that are drawn.
func (s *source) skip(n int) {
	if n == 0 {
		return
	}
	s.k += n - 1
	s.take()
}

func (s *source) fill() {
	s.k, s.next = 0, math.Inf(1)
	if s.ended {
		return
	}
	s.n = s.stream.Fill(s.times[:])
	for i, t := range s.times[:s.n] {
		if !(t >= s.last) {
			s.err = fmt.Errorf("simulator: arrival at %v s follows one at %v s: arrival times must ascend from 0", t, s.last)
			s.n, s.ended = i, true
			break
		}
		if t >= s.until {
			s.n, s.ended = i, true
			break
		}
		s.last = t
	}
	if s.n == 0 {
		return
	}
	s.law.fill(s.works[:s.n])
	s.next = s.times[0]
}
