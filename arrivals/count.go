package arrivals

import (
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// drawnOneByOne is the expected number of arrivals up to which Draw counts the arrivals of renewal processes.
const drawnOneByOne = 1e6

// Draw returns a realization of a process on a schedule as a recorded trace would hold it: the counts of n buckets of
// the given step. The process must be valid. Unlike a Stream it need not draw every arrival:
//
//   - Exponential gaps: given the factors of the modulation, the counts of the buckets are independent and Poisson
//     distributed with mean ∫ factor dΛ over the bucket. Exact, in O(n + periods).
//   - Regular gaps: the counts follow from the schedule. Exact.
//   - Gamma gaps: exact up to a million expected arrivals, counted from a Stream. Beyond, a count is drawn from the normal law
//     with mean ∫ factor dΛ and scv times that as variance, the limit for many arrivals in a bucket (D. R. Cox, Renewal
//     Theory, 1962, section 3.3), rounded and not below 0.
func Draw(s Schedule, p Process, start time.Time, step time.Duration, n int, rng *rand.Rand) Trace {
	length := time.Duration(n) * step
	scv := p.Gap.SCV
	switch {
	case p.Gap.Regular:
		scv = 0
	case scv == 0 || scv == 1:
		scv = 1
	case s.Cumulative(length) <= drawnOneByOne:
		return count(NewStream(s, p, length, rng), start, step, n)
	}
	t := Trace{Start: start, Step: step, Rate: make([]float64, n)}
	w := walk{schedule: s, mod: newModulator(p.Modulation, rng)}
	perBucket := 1 / step.Seconds()
	elapsed := 0.0 // operational time
	for i := range t.Rate {
		mean := w.until(time.Duration(i+1) * step)
		switch {
		case scv == 0: // arrival k at operational time k - 1/2
			t.Rate[i] = (math.Floor(elapsed+mean+0.5) - math.Floor(elapsed+0.5)) * perBucket
			elapsed += mean
		case !(mean > 0):
		case scv == 1:
			t.Rate[i] = distuv.Poisson{Lambda: mean, Src: rng}.Rand() * perBucket
		default:
			t.Rate[i] = max(0, math.Round(mean+math.Sqrt(scv*mean)*rng.NormFloat64())) * perBucket
		}
	}
	return t
}

// walk integrates factor dΛ along a schedule.
type walk struct {
	schedule Schedule
	mod      modulator
	at       time.Duration
	expected float64 // Λ(at)
	factor   float64
	end      float64 // of the factor's period, in seconds
}

// until returns the integral from where the walk stands to an instant, and goes there.
func (w *walk) until(to time.Duration) float64 {
	sum := 0.0
	for w.at < to {
		for w.at.Seconds() >= w.end {
			seconds, factor := w.mod.next()
			w.end += seconds
			w.factor = factor
		}
		next := min(to, max(duration(w.end), w.at+1))
		expected := w.schedule.Cumulative(next)
		sum += w.factor * (expected - w.expected)
		w.at, w.expected = next, expected
	}
	return sum
}

// count reads a stream to its end.
func count(s *Stream, start time.Time, step time.Duration, n int) Trace {
	t := Trace{Start: start, Step: step, Rate: make([]float64, n)}
	perBucket := 1 / step.Seconds()
	var buffer [512]float64
	for {
		filled := s.Fill(buffer[:])
		if filled == 0 {
			return t
		}
		for _, at := range buffer[:filled] {
			// An arrival at the very end of the last bucket is one of its own.
			t.Rate[min(int(at*perBucket), n-1)] += perBucket
		}
	}
}
