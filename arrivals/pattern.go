package arrivals

import (
	"math"
	"time"
)

// The patterns below are non-negative schedules from which a day is put together with Sum. Their Cumulative is a
// closed form, so that arrivals can be drawn by exact inversion.

// Diurnal is a raised cosine: from 0 in the trough to Amplitude at the peak and back, once per period,
//
//	λ(t) = A (1 + cos(2π (t - peak)/P)) / 2
//
// It is a swing on top of something else; add a Constant for the level of the night.
type Diurnal struct {
	// Amplitude A is the rate at the peak in requests per second, finite and >= 0.
	Amplitude float64
	// Period P is the length of one swing, positive.
	Period time.Duration
	// Peak is the time of one of the peaks.
	Peak time.Duration
}

// Rate returns λ(t), or 0 before the start.
func (d Diurnal) Rate(t time.Duration) float64 {
	if t < 0 {
		return 0
	}
	return d.Amplitude * (1 + math.Cos(d.angle(t))) / 2
}

// Cumulative returns A/2 (t + P/(2π) (sin(2π(t - peak)/P) + sin(2π peak/P))).
func (d Diurnal) Cumulative(t time.Duration) float64 {
	if t <= 0 {
		return 0
	}
	swing := d.Period.Seconds() / (2 * math.Pi) * (math.Sin(d.angle(t)) - math.Sin(d.angle(0)))
	return max(0, d.Amplitude/2*(t.Seconds()+swing))
}

// angle reduces the time by whole periods first, as the sine of a large number is imprecise.
func (d Diurnal) angle(t time.Duration) float64 {
	return 2 * math.Pi * float64((t-d.Peak)%d.Period) / float64(d.Period)
}

// FlashCrowd is a crowd that comes quickly and leaves slowly: a linear rise to the peak, then an exponential decay,
//
//	λ(t) = peak (t - at)/rise              for at <= t < at + rise
//	λ(t) = peak exp(-(t - at - rise)/decay)  from then on
type FlashCrowd struct {
	// At is when the rise begins, >= 0.
	At time.Duration
	// Peak is the highest rate in requests per second, finite and >= 0.
	Peak float64
	// Rise is the length of the rise, >= 0; Decay the time in which the crowd falls to 37 %, > 0.
	Rise, Decay time.Duration
}

// Rate returns λ(t).
func (f FlashCrowd) Rate(t time.Duration) float64 {
	switch since := t - f.At; {
	case t < 0 || since < 0:
		return 0
	case since < f.Rise:
		return f.Peak * float64(since) / float64(f.Rise)
	default:
		return f.Peak * math.Exp(-float64(since-f.Rise)/float64(f.Decay))
	}
}

// Cumulative returns the area under the rise and peak × decay (1 - exp(-(t - at - rise)/decay)).
func (f FlashCrowd) Cumulative(t time.Duration) float64 {
	since := t - f.At
	if t <= 0 || since <= 0 {
		return 0
	}
	if since < f.Rise {
		return f.Peak * since.Seconds() * float64(since) / float64(f.Rise) / 2
	}
	return f.Peak * (f.Rise.Seconds()/2 - f.Decay.Seconds()*math.Expm1(-float64(since-f.Rise)/float64(f.Decay)))
}

func (f FlashCrowd) piece(t time.Duration) (until time.Duration, constant bool) {
	switch {
	case t < f.At:
		return f.At, true
	case t < f.At+f.Rise:
		return f.At + f.Rise, false
	}
	return endless, false
}

// Ramp is a trapezoid: a linear rise to a rate, a plateau, and a linear fall back to 0. With Rise and Fall 0 it is
// a step.
type Ramp struct {
	// At is when the rise begins, >= 0.
	At time.Duration
	// ArrivalRatePerSecond is the rate of the plateau, finite and >= 0.
	ArrivalRatePerSecond float64
	// Rise, Hold and Fall are the lengths of the parts, >= 0.
	Rise, Hold, Fall time.Duration
	// Forever lets the plateau never end; Hold and Fall mean nothing then.
	Forever bool
}

// Rate returns λ(t).
func (r Ramp) Rate(t time.Duration) float64 {
	since := t - r.At
	switch {
	case t < 0 || since < 0:
		return 0
	case since < r.Rise:
		return r.ArrivalRatePerSecond * float64(since) / float64(r.Rise)
	case r.Forever || since < r.Rise+r.Hold:
		return r.ArrivalRatePerSecond
	case since < r.Rise+r.Hold+r.Fall:
		return r.ArrivalRatePerSecond * float64(r.Rise+r.Hold+r.Fall-since) / float64(r.Fall)
	}
	return 0
}

// Cumulative returns the area under the parts up to t.
func (r Ramp) Cumulative(t time.Duration) float64 {
	since := t - r.At
	if t <= 0 || since <= 0 {
		return 0
	}
	if since < r.Rise {
		return r.ArrivalRatePerSecond * since.Seconds() * float64(since) / float64(r.Rise) / 2
	}
	seconds := r.Rise.Seconds() / 2
	since -= r.Rise
	if r.Forever || since < r.Hold {
		return r.ArrivalRatePerSecond * (seconds + since.Seconds())
	}
	seconds += r.Hold.Seconds()
	since = min(since-r.Hold, r.Fall)
	if since > 0 {
		seconds += since.Seconds() * (1 - float64(since)/float64(r.Fall)/2)
	}
	return r.ArrivalRatePerSecond * seconds
}

func (r Ramp) piece(t time.Duration) (until time.Duration, constant bool) {
	plateau := r.At + r.Rise
	switch {
	case t < r.At:
		return r.At, true
	case t < plateau:
		return plateau, false
	case r.Forever:
		return endless, true
	case t < plateau+r.Hold:
		return plateau + r.Hold, true
	case t < plateau+r.Hold+r.Fall:
		return plateau + r.Hold + r.Fall, false
	}
	return endless, true
}
