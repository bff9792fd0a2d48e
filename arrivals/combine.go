package arrivals

import (
	"math"
	"time"
)

// Sum is the superposition of schedules: rates and expected numbers add up. The empty sum is no load.
type Sum []Schedule

// Rate returns the sum of the rates.
func (s Sum) Rate(t time.Duration) float64 {
	total := 0.0
	for _, part := range s {
		total += part.Rate(t)
	}
	return total
}

// Cumulative returns the sum of the expected numbers.
func (s Sum) Cumulative(t time.Duration) float64 {
	total := 0.0
	for _, part := range s {
		total += part.Cumulative(t)
	}
	return total
}

func (s Sum) piece(t time.Duration) (until time.Duration, constant bool) {
	until, constant = endless, true
	for _, part := range s {
		end, flat := pieceOf(part, t)
		until, constant = min(until, end), constant && flat
	}
	return until, constant
}

// Scaled is a schedule with every rate multiplied by a factor.
type Scaled struct {
	Schedule Schedule
	// Factor is finite and >= 0.
	Factor float64
}

// Rate returns factor × λ(t).
func (s Scaled) Rate(t time.Duration) float64 { return s.Factor * s.Schedule.Rate(t) }

// Cumulative returns factor × Λ(t).
func (s Scaled) Cumulative(t time.Duration) float64 { return s.Factor * s.Schedule.Cumulative(t) }

// Observed reports whether the rate at t was recorded, where the schedule can tell.
func (s Scaled) Observed(t time.Duration) bool { return observedAt(s.Schedule, t) }

func (s Scaled) piece(t time.Duration) (time.Duration, bool) { return pieceOf(s.Schedule, t) }

// Compressed plays a schedule faster: what happened at Speed × t happens at t, at the same rate. A day at speed 24
// takes an hour and has a 24th of the requests; scale by the speed to keep their number.
type Compressed struct {
	Schedule Schedule
	// Speed is positive and finite; below 1 it stretches.
	Speed float64
}

// Rate returns λ(speed × t).
func (c Compressed) Rate(t time.Duration) float64 { return c.Schedule.Rate(c.there(t)) }

// Cumulative returns Λ(speed × t) / speed.
func (c Compressed) Cumulative(t time.Duration) float64 {
	return c.Schedule.Cumulative(c.there(t)) / c.Speed
}

// Observed reports whether the rate at t was recorded, where the schedule can tell.
func (c Compressed) Observed(t time.Duration) bool { return observedAt(c.Schedule, c.there(t)) }

func (c Compressed) there(t time.Duration) time.Duration {
	return time.Duration(math.Round(min(float64(t)*c.Speed, float64(endless))))
}

func (c Compressed) piece(t time.Duration) (time.Duration, bool) {
	until, constant := pieceOf(c.Schedule, c.there(t))
	if until == endless {
		return endless, constant
	}
	here := time.Duration(min(float64(until)/c.Speed, float64(endless)))
	if here <= t { // rounding must not stop time
		return t + 1, false
	}
	return here, constant
}

// observedAt asks a schedule that was recorded; others know their rate everywhere.
func observedAt(s Schedule, t time.Duration) bool {
	recorded, ok := s.(interface{ Observed(time.Duration) bool })
	return !ok || recorded.Observed(t)
}

// endless is later than every schedule's last change: 146 years.
const endless = time.Duration(math.MaxInt64 / 2)

// pieced is a schedule that knows where its formula changes: from t to until it is one smooth piece, of constant
// rate if so said.
type pieced interface {
	piece(t time.Duration) (until time.Duration, constant bool)
}

// pieceOf asks a schedule for its piece; of one that does not know, nothing is assumed but that a minute is
// short enough.
func pieceOf(s Schedule, t time.Duration) (until time.Duration, constant bool) {
	if p, ok := s.(pieced); ok {
		return p.piece(t)
	}
	return t + time.Minute, false
}

func (c Constant) piece(time.Duration) (time.Duration, bool) { return endless, true }

func (d Diurnal) piece(t time.Duration) (time.Duration, bool) {
	return t + max(d.Period/8, 1), d.Amplitude == 0
}

//nolint:unparam // always constant, as its kind of schedule is; pieced has room for others
func (r Replayed) piece(t time.Duration) (until time.Duration, constant bool) {
	i, ok := r.index(t)
	if !ok {
		return endless, true
	}
	j := i + 1
	for j < len(r.rate) && r.rate[j] == r.rate[i] {
		j++
	}
	return time.Duration(j) * r.step, true
}

// Repeated plays the first period of a schedule again and again, such as a nightly batch.
type Repeated struct {
	Schedule Schedule
	// Every is the period, positive. What the schedule has after it is cut off.
	Every time.Duration
}

// Rate returns λ(t mod every).
func (r Repeated) Rate(t time.Duration) float64 {
	if t < 0 {
		return 0
	}
	return r.Schedule.Rate(t % r.Every)
}

// Cumulative returns ⌊t/every⌋ Λ(every) + Λ(t mod every).
func (r Repeated) Cumulative(t time.Duration) float64 {
	if t <= 0 {
		return 0
	}
	return float64(t/r.Every)*r.Schedule.Cumulative(r.Every) + r.Schedule.Cumulative(t%r.Every)
}

func (r Repeated) piece(t time.Duration) (time.Duration, bool) {
	start := t - t%r.Every
	until, constant := pieceOf(r.Schedule, t-start)
	return start + min(until, r.Every), constant
}
