package replay

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
)

// Startup is the distribution of the time from a replica's creation until it is Ready, and what follows.
type Startup struct {
	// Delays are equally likely start-up times, rising: the quantiles at (i+1/2)/n of a law, or measured ones. None
	// means that replicas serve at once.
	Delays []time.Duration
	// Warmup is how long a new replica then serves more slowly, by the factor Slowdown >= 1; 0 means 1.
	Warmup   time.Duration
	Slowdown float64
}

// startupDelays is the number of quantiles that stand for a law. With 64 the 99th percentile is still one of them.
const startupDelays = 64

// GammaStartup returns a gamma law with the given mean and squared coefficient of variation, as planner.StartupP90
// takes it: shape 1/scv, scale mean × scv; scv 0 is a constant.
func GammaStartup(mean time.Duration, scv float64) Startup {
	if mean <= 0 {
		return Startup{}
	}
	if !(scv > 0) {
		return Startup{Delays: []time.Duration{mean}}
	}
	law := distuv.Gamma{Alpha: 1 / scv, Beta: 1 / (scv * mean.Seconds())}
	delays := make([]time.Duration, startupDelays)
	for i := range delays {
		delays[i] = time.Duration(law.Quantile((float64(i)+0.5)/startupDelays) * float64(time.Second))
	}
	return Startup{Delays: delays}
}

// MeasuredStartup returns the law of measured start-up times, each equally likely.
func MeasuredStartup(times []time.Duration) Startup {
	delays := slices.Clone(times)
	slices.Sort(delays)
	return Startup{Delays: delays}
}

// Quantile returns the least start-up time that the share p of replicas does not exceed, 0 without delays.
func (s Startup) Quantile(p float64) time.Duration {
	n := len(s.Delays)
	if n == 0 {
		return 0
	}
	return s.Delays[min(max(int(math.Ceil(p*float64(n)))-1, 0), n-1)]
}

// Mean returns the mean start-up time.
func (s Startup) Mean() time.Duration {
	if len(s.Delays) == 0 {
		return 0
	}
	sum := 0.0
	for _, d := range s.Delays {
		sum += float64(d)
	}
	return time.Duration(sum / float64(len(s.Delays)))
}

// Nth returns the start-up time of the k-th replica started, from 0. The delays are taken in the order of the van der
// Corput sequence, so that every stretch of starts covers the law evenly and no randomness is needed.
func (s Startup) Nth(k int) time.Duration {
	n := len(s.Delays)
	if n == 0 {
		return 0
	}
	u := float64(bits.Reverse32(uint32(k))) / (1 << 32)
	return s.Delays[int(u*float64(n))]
}

func (s Startup) slowdown() float64 { return max(s.Slowdown, 1) }

// Validate reports everything that makes no sense, with its value and what is allowed.
func (s Startup) Validate() error {
	var errs []error
	if !slices.IsSorted(s.Delays) || len(s.Delays) > 0 && s.Delays[0] < 0 {
		errs = append(errs, errors.New("replay: start-up delays: must not be negative, and rise"))
	}
	if s.Warmup < 0 {
		errs = append(errs, fmt.Errorf("replay: warm-up %s: must not be negative", s.Warmup))
	}
	if s.Slowdown != 0 && !(s.Slowdown >= 1) || math.IsInf(s.Slowdown, 1) {
		errs = append(errs, fmt.Errorf("replay: warm-up slowdown %g: must be at least 1, or 0 for none", s.Slowdown))
	}
	return errors.Join(errs...)
}
