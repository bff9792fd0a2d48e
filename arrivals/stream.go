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
	rate              float64 // of the schedule at from, where it is constant or linear; else NaN
	slope             float64 // of the rate, in requests/s², 0 where it is constant
	stride            float64 // length that the next linear piece is tried with
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
		switch {
		case s.rate > 0 && s.slope == 0: // the hot path
			scale := 1 / (s.rate * s.factor)
			for n < len(dst) && s.due < s.reach {
				dst[n] = min(s.from+(s.due-s.elapsed)*scale, s.to)
				n++
				s.due += s.gap.draw(s.rng)
			}
			continue
		case s.rate >= 0: // Λ(from + τ) - Λ(from) = rate τ + slope τ²/2
			scale := 1 / s.factor
			for n < len(dst) && s.due < s.reach {
				d := (s.due - s.elapsed) * scale
				dst[n] = min(s.from+2*d/(s.rate+math.Sqrt(max(0, s.rate*s.rate+2*s.slope*d))), s.to)
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
	s.last, s.slope = s.from, 0
	s.expected = s.schedule.Cumulative(at)
	if constant {
		s.rate = s.schedule.Rate(at)
		s.reach = s.elapsed + s.factor*s.rate*(s.to-s.from)
		return
	}
	if s.linear(at) {
		return
	}
	s.rate = math.NaN()
	s.reach = s.elapsed + s.factor*max(0, s.schedule.Cumulative(duration(s.to))-s.expected)
}

const (
	// firstStride and lastStride, in seconds, bound the pieces in which a rate is taken as linear.
	firstStride, lastStride = 1.0, 60.0
	// linearError is how far, in seconds, an arrival time may be off by taking it so: less than a schedule can tell.
	linearError = 0.5e-9
	// worthwhile is the number of arrivals from which on a linear piece is cheaper than inverting one by one.
	worthwhile = 8
)

// linear shortens the piece until the rate is linear in it as far as a schedule's nanoseconds can tell, which makes
// inversion a square root; false where that is not worth it.
func (s *Stream) linear(at time.Duration) bool {
	rate := s.schedule.Rate(at)
	if s.stride == 0 {
		s.stride = firstStride
	}
	for h := min(s.stride, s.to-s.from); ; h /= 2 {
		end := duration(s.from + h)
		total := s.schedule.Cumulative(end) - s.expected
		if !(total*s.factor >= worthwhile) || !(rate > 0) {
			return false
		}
		slope := 2 * (total/h - rate) / h
		if !s.fits(rate, slope, h) {
			s.stride = h / 2
			continue
		}
		s.stride = min(2*h, lastStride)
		s.rate, s.slope = rate, slope
		s.to = min(s.to, s.from+h)
		s.reach = s.elapsed + s.factor*total
		return true
	}
}

// fits reports whether the parabola is the schedule's Λ at the quarters of a piece.
func (s *Stream) fits(rate, slope, h float64) bool {
	for _, part := range [...]float64{0.25, 0.5, 0.75} {
		t := part * h
		now := rate + slope*t
		if !(now > 0) {
			return false
		}
		off := s.schedule.Cumulative(duration(s.from+t)) - s.expected - t*(rate+slope*t/2)
		if math.Abs(off) > linearError*now {
			return false
		}
	}
	return true
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
