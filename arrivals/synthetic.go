package arrivals

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// SyntheticOptions describes a service with opening hours. Zero fields take the defaults given; they are chosen by
// us to resemble office-hours traffic and to rise faster than a pod of a large model starts.
type SyntheticOptions struct {
	// Start of the first bucket; days and weekdays are those of UTC. Required.
	Start time.Time
	// Step is the length of a bucket; 1 minute by default, at most 1 hour so that the morning rise stays visible.
	Step time.Duration
	// Days is the length of the trace in days; 14 by default.
	Days int
	// Base is the rate at night in requests per second; 20 by default.
	Base float64
	// DailyAmplitude is what the working day adds to the base, in requests per second; 100 by default.
	DailyAmplitude float64
	// WeekendFactor multiplies DailyAmplitude on Saturday and Sunday; 1 (no weekend) by default, and a small number
	// such as 0.01 for a service that is closed then.
	WeekendFactor float64
	// OpenAt and CloseAt are the offsets from midnight at which the rise and the fall are half done; 8h and 18h by
	// default.
	OpenAt, CloseAt time.Duration
	// RiseTime and FallTime are how long the rise and the fall take from 10 % to 90 %; 30m and 2h by default. A
	// shorter rise is steeper.
	RiseTime, FallTime time.Duration
	// Noise is the variance-to-mean ratio of the counts per bucket: 0 no noise, 1 Poisson, more than 1 overdispersed.
	// Values between 0 and 1 are refused, as counts of independent users are not that regular.
	Noise float64
	// Seed selects the noise; equal options give equal traces.
	Seed uint64
}

func (o SyntheticOptions) resolve() (SyntheticOptions, error) {
	if o.Step == 0 {
		o.Step = time.Minute
	}
	if o.Days == 0 {
		o.Days = 14
	}
	defaultTo(&o.Base, 20)
	defaultTo(&o.DailyAmplitude, 100)
	defaultTo(&o.WeekendFactor, 1)
	if o.OpenAt == 0 {
		o.OpenAt = 8 * time.Hour
	}
	if o.CloseAt == 0 {
		o.CloseAt = 18 * time.Hour
	}
	if o.RiseTime == 0 {
		o.RiseTime = 30 * time.Minute
	}
	if o.FallTime == 0 {
		o.FallTime = 2 * time.Hour
	}
	return o, o.validate()
}

// maxSyntheticDays is a century, which a Duration holds.
const maxSyntheticDays = 36500

func (o SyntheticOptions) validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("arrivals: synthetic trace: "+format, args...))
		}
	}
	finite := func(x float64) bool { return x >= 0 && x <= MaxRate/4 }
	check(!o.Start.IsZero(), "start: must be given")
	check(o.Step >= time.Millisecond && o.Step <= time.Hour, "step %v: must be in [1ms, 1h]", o.Step)
	// The quotient first: the product of the bounds does not fit into a Duration.
	check(o.Days >= 1 && o.Days <= maxSyntheticDays && time.Duration(o.Days) <= MaxBuckets/max(1, 24*time.Hour/max(o.Step, 1)),
		"%d days: must be 1 to %d and make at most %d buckets", o.Days, maxSyntheticDays, MaxBuckets)
	check(finite(o.Base), "base %v: must be a rate >= 0", o.Base)
	check(finite(o.DailyAmplitude), "daily amplitude %v: must be a rate >= 0", o.DailyAmplitude)
	check(o.WeekendFactor >= 0 && o.WeekendFactor <= 1, "weekend factor %v: must be in [0, 1]", o.WeekendFactor)
	check(0 < o.OpenAt && o.OpenAt < o.CloseAt && o.CloseAt < 24*time.Hour,
		"open at %v, close at %v: must be in this order within a day", o.OpenAt, o.CloseAt)
	check(o.RiseTime > 0 && o.FallTime > 0, "rise time %v and fall time %v: must be positive", o.RiseTime, o.FallTime)
	check(o.Noise == 0 || (o.Noise >= 1 && o.Noise <= 1e6), "noise %v: must be 0, or in [1, 1e6]", o.Noise)
	return errors.Join(errs...)
}

func defaultTo(x *float64, value float64) {
	if *x == 0 {
		*x = value
	}
}

// intensity returns the noise-free rate at an instant:
//
//	λ = base + amplitude * weekend * σ((h-open)/r) * (1 - σ((h-close)/f)),  σ(x) = 1 / (1 + exp(-x))
//
// where h is the time since midnight. The logistic function σ goes from 10 % to 90 % in 2 ln 9 of its scale, which
// turns rise and fall times into the scales r and f. Only the working day shrinks on a weekend, so that the rate does
// not jump at midnight.
func (o SyntheticOptions) intensity(at time.Time) float64 {
	at = at.UTC()
	h := at.Sub(at.Truncate(24 * time.Hour))
	amplitude := o.DailyAmplitude
	if day := at.Weekday(); day == time.Saturday || day == time.Sunday {
		amplitude *= o.WeekendFactor
	}
	return o.Base + amplitude*logistic(h-o.OpenAt, o.RiseTime)*logistic(o.CloseAt-h, o.FallTime)
}

func logistic(offset, tenToNinety time.Duration) float64 {
	scale := float64(tenToNinety) / (2 * math.Log(9))
	return 1 / (1 + math.Exp(-float64(offset)/scale))
}

// Synthetic generates the trace that tests, the demo and the examples use where no recorded one is at hand: a steep
// morning rise, a slower evening fall, quiet weekends and independent noise per bucket.
//
// The rate of a bucket is that of its middle. With noise, the count of a bucket is Poisson for Noise = 1; for more it
// is Poisson with a gamma-distributed mean (a negative binomial count) of the same expectation. The source is PCG from
// math/rand/v2. All invalid options are reported together.
func Synthetic(o SyntheticOptions) (Trace, error) {
	o, err := o.resolve()
	if err != nil {
		return Trace{}, err
	}
	// The second word of the PCG state is fixed and arbitrary; one seed is enough to tell traces apart.
	src := rand.NewPCG(o.Seed, 0x5ca1ab1e)
	t := Trace{Start: o.Start.UTC(), Step: o.Step, Rate: make([]float64, time.Duration(o.Days)*24*time.Hour/o.Step)}
	for i := range t.Rate {
		rate := o.intensity(t.Time(i).Add(o.Step / 2))
		t.Rate[i] = noisyCount(rate*o.Step.Seconds(), o.Noise, src) / o.Step.Seconds()
	}
	return t, nil
}

// noisyCount draws a count with the given mean and variance-to-mean ratio d. For d > 1 the mean of the Poisson count
// is Gamma(shape mean/(d-1), rate 1/(d-1)), whose variance mean*(d-1) adds to the Poisson variance.
func noisyCount(mean, d float64, src rand.Source) float64 {
	if d == 0 || mean == 0 {
		return mean
	}
	if d > 1 {
		mean = distuv.Gamma{Alpha: mean / (d - 1), Beta: 1 / (d - 1), Src: src}.Rand()
		if mean == 0 { // a small shape can underflow
			return 0
		}
	}
	return distuv.Poisson{Lambda: mean, Src: src}.Rand()
}
