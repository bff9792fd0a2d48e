package arrivals

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Process says how irregular arrivals are around their schedule. It has two parts, both of mean 1, so that the
// expected number in [0, t) is Λ(t) whatever the process:
//
//   - Gap is the law of the intervals of a stationary process of rate 1, which the schedule's Λ maps to
//     real time: arrival k happens at Λ⁻¹(G1 + ... + Gk). With exponential gaps that is the non-homogeneous Poisson
//     process exactly (Çinlar 1975, Introduction to Stochastic Processes, ch. 4.7); other laws follow
//     Gerhardt and Nelson (2009), Transforming Renewal Processes for Simulation of Nonstationary Arrival Processes.
//   - Modulation multiplies the rate by a random factor that lasts for a while in real time, so that bursts last as
//     long at night as by day. Given the factors the arrivals are as before: a Cox process.
//
// The zero value is a Poisson process.
type Process struct {
	Gap        Gap
	Modulation Modulation
}

// Gap is the law of unit-rate intervals: gamma distributed with mean 1 and the given squared coefficient of
// variation. A zero Gap is exponential.
type Gap struct {
	// Regular makes all intervals equal; SCV means nothing then.
	Regular bool
	// SCV is the squared coefficient of variation, > 0; 0 stands for 1, the exponential law. Above 1 the arrivals
	// come in clusters.
	SCV float64
}

// maxSCV bounds burstiness: beyond it a gamma law puts nearly all its mass at 0.
const maxSCV = 1000

// Modulation is a random factor of mean 1 on the rate. The zero value is none.
type Modulation struct {
	// Kind of the factor.
	Kind ModulationKind
	// Every is the length of a period of TwoState's high state, on average, or exactly that of Gamma.
	Every time.Duration
	// HighShare is the share of time in the high state, in (0, 1), and HighRatio the rate there over the rate in the
	// other state, >= 1. For TwoState.
	HighShare, HighRatio float64
	// RelativeVariance is the variance of the factor, > 0. For Gamma.
	RelativeVariance float64
}

// ModulationKind is a law of the factor.
type ModulationKind int

// The kinds of modulation.
const (
	// Unmodulated leaves the rate alone.
	Unmodulated ModulationKind = iota
	// TwoState switches between a high and a low factor after exponential times: with exponential gaps a
	// two-state Markov-modulated Poisson process (Fischer and Meier-Hellstern 1993).
	TwoState
	// Gamma draws a factor for every period from a gamma law. With exponential gaps the number of
	// arrivals in a period of mean m is negative binomial with variance m + v m² for the relative variance v.
	Gamma
)

// Named processes.
var (
	// Poisson arrivals are independent of each other, as those of many independent users.
	Poisson = Process{}
	// Regular arrivals are spread evenly; the first one lies half an interval after the start.
	Regular = Process{Gap: Gap{Regular: true}}
)

// GammaProcess returns gamma-distributed intervals of the given squared coefficient of variation.
func GammaProcess(scv float64) Process { return Process{Gap: Gap{SCV: scv}} }

// MMPP returns a Poisson process whose rate is ratio times as high for the given share of time, in bursts of the given
// mean length.
func MMPP(share, ratio float64, burst time.Duration) Process {
	return Process{Modulation: Modulation{Kind: TwoState, Every: burst, HighShare: share, HighRatio: ratio}}
}

// Overdispersed returns a Poisson process whose rate has the given relative variance from period to period.
// Within a period the arrivals are spread uniformly at random. See FitDispersion.
func Overdispersed(relativeVariance float64, period time.Duration) Process {
	return Process{Modulation: Modulation{Kind: Gamma, Every: period, RelativeVariance: relativeVariance}}
}

// Validate reports every parameter that is out of range.
func (p Process) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("arrivals: process: "+format, args...))
		}
	}
	if !p.Gap.Regular && p.Gap.SCV != 0 {
		check(p.Gap.SCV >= 1e-6 && p.Gap.SCV <= maxSCV, "scv of intervals %v: must be in [1e-6, %d]", p.Gap.SCV, maxSCV)
	}
	m := p.Modulation
	switch m.Kind {
	case Unmodulated:
	case TwoState:
		check(m.HighShare > 0 && m.HighShare < 1, "share of time at the high rate %v: must lie between 0 and 1", m.HighShare)
		check(m.HighRatio >= 1 && m.HighRatio <= 1e6, "ratio of the high to the low rate %v: must be in [1, 1e6]", m.HighRatio)
	case Gamma:
		check(m.RelativeVariance > 0 && m.RelativeVariance <= maxSCV, "relative variance %v: must be in (0, %d]", m.RelativeVariance, maxSCV)
	default:
		check(false, "modulation of kind %d: unknown", m.Kind)
	}
	if m.Kind != Unmodulated {
		check(m.Every >= time.Millisecond, "length of a period %v: must be at least 1ms", m.Every)
	}
	return errors.Join(errs...)
}

// Dispersion returns the index of dispersion of the counts of long buckets, given the factors of the modulation: the
// variance over the mean, which is the SCV of the gaps.
func (p Process) Dispersion() float64 {
	switch {
	case p.Gap.Regular:
		return 0
	case p.Gap.SCV == 0:
		return 1
	}
	return p.Gap.SCV
}

// draw returns one interval.
func (g Gap) draw(rng *rand.Rand) float64 {
	switch {
	case g.Regular:
		return 1
	case g.SCV == 0 || g.SCV == 1:
		return rng.ExpFloat64()
	}
	return distuv.Gamma{Alpha: 1 / g.SCV, Beta: 1 / g.SCV, Src: rng}.Rand()
}

// first returns the time to the first arrival of the unit-rate process. The renewal processes start with an
// arrival just before 0, which is not one of theirs; the regular one in the middle of an interval.
func (g Gap) first(rng *rand.Rand) float64 {
	if g.Regular {
		return 0.5
	}
	return g.draw(rng)
}

// modulator walks through the periods of a modulation.
type modulator struct {
	Modulation
	rng  *rand.Rand
	high bool
}

func newModulator(m Modulation, rng *rand.Rand) modulator {
	w := modulator{Modulation: m, rng: rng}
	if m.Kind == TwoState {
		w.high = rng.Float64() >= m.HighShare // next switches
	}
	return w
}

// next returns the length in seconds and the factor of the next period.
func (w *modulator) next() (seconds, factor float64) {
	switch w.Kind {
	case TwoState:
		w.high = !w.high
		low := 1 / (1 + w.HighShare*(w.HighRatio-1)) // so that the mean is 1
		mean := w.Every.Seconds()
		if w.high {
			return mean * w.rng.ExpFloat64(), low * w.HighRatio
		}
		return mean * (1 - w.HighShare) / w.HighShare * w.rng.ExpFloat64(), low
	case Gamma:
		shape := 1 / w.RelativeVariance
		return w.Every.Seconds(), distuv.Gamma{Alpha: shape, Beta: shape, Src: w.rng}.Rand()
	}
	return math.Inf(1), 1
}
