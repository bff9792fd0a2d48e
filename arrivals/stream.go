package arrivals

import (
	"math"
	"math/rand/v2"
	"time"
)

// Stream draws the arrival times of a process on a schedule, in ascending order, by inversion of the schedule's Λ.
// It takes constant memory and does not allocate. Equal arguments and an equally seeded generator give equal times.
type Stream struct {
	schedule Schedule
	until    float64
	gap      Gap
	rng      *rand.Rand
	mod      modulator
	modEnd   float64 // end of the current factor's period

	// The current piece: times [from, to) in seconds, where the factor is constant and the schedule is
	// one formula. expected is the schedule's Λ(from), elapsed the operational time, ∫ factor dΛ, up to from.
	from, to          float64
	expected, elapsed float64
	reach             float64 // operational time at to
	factor            float64
	rate              float64 // of the schedule, where constant; else NaN
	due               float64 // operational time of the next arrival
	last              float64 // newest arrival in this piece, for the inversion to start from
}

// NewStream starts a stream that ends at the offset until. The process must be valid.
func NewStream(s Schedule, p Process, until time.Duration, rng *rand.Rand) *Stream {
	st := &Stream{schedule: s, until: until.Seconds(), gap: p.Gap, rng: rng, mod: newModulator(p.Modulation, rng)}
	st.due = st.gap.first(rng)
	var seconds float64
	seconds, st.factor = st.mod.next()
	st.modEnd = seconds
	st.enter()
	return st
}

// Fill writes the next arrival times, in seconds from the start of the schedule, and returns how many fitted; fewer
// than len(dst) only at the end of the stream, and 0 from then on.
func (s *Stream) Fill(dst []float64) int {
	n := 0
	for n < len(dst) {
		if s.due >= s.reach {
			if !s.advance() {
				return n
			}
			continue
		}
		if s.rate > 0 { // constant, the hot path
			scale := 1 / (s.rate * s.factor)
			for n < len(dst) && s.due < s.reach {
				dst[n] = min(s.from+(s.due-s.elapsed)*scale, s.to)
				n++
				s.due += s.gap.draw(s.rng)
			}
			continue
		}
		s.last = s.invert(s.expected + (s.due-s.elapsed)/s.factor)
		dst[n] = s.last
		n++
		s.due += s.gap.draw(s.rng)
	}
	return n
}

// advance moves on to the next piece that has operational time; false at the end of the stream.
func (s *Stream) advance() bool {
	if s.to >= s.until {
		return false
	}
	s.elapsed = s.reach
	s.from = s.to
	for s.from >= s.modEnd {
		seconds, factor := s.mod.next()
		s.modEnd += seconds
		s.factor = factor
	}
	s.enter()
	return true
}

// enter sets up the piece that begins at from.
func (s *Stream) enter() {
	at := duration(s.from)
	until, constant := pieceOf(s.schedule, at)
	// A piece at least a nanosecond long: times shorter than that do not exist for a schedule.
	s.to = min(s.until, s.modEnd, max(until.Seconds(), (at+1).Seconds()))
	s.last = s.from
	s.expected = s.schedule.Cumulative(at)
	if constant {
		s.rate = s.schedule.Rate(at)
		s.reach = s.elapsed + s.factor*s.rate*(s.to-s.from)
		return
	}
	s.rate = math.NaN()
	s.reach = s.elapsed + s.factor*max(0, s.schedule.Cumulative(duration(s.to))-s.expected)
}

// inversionSteps bounds the search for one arrival time; the bracket halves at least every other step, so that it is
// shorter than a nanosecond long before.
const inversionSteps = 100

// invert returns the time in the piece at which the schedule's Λ reaches the target: Newton's method, since the
// derivative is the rate, kept within a shrinking bracket.
func (s *Stream) invert(target float64) float64 {
	low, high := s.last, s.to
	t := low
	for range inversionSteps {
		at := duration(t)
		gap := target - s.schedule.Cumulative(at)
		if gap > 0 {
			low = t
		} else {
			high = t
		}
		next := t + gap/s.schedule.Rate(at)
		if !(next > low && next < high) {
			next = low + (high-low)/2
		}
		if math.Abs(next-t) < 0.5e-9 || high-low < 1e-9 {
			return min(max(next, s.last), s.to)
		}
		t = next
	}
	return t
}

// duration converts seconds to the type of schedules.
func duration(seconds float64) time.Duration {
	return time.Duration(min(seconds*1e9, float64(endless)))
}
