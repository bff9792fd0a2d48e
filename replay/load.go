package replay

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/arrivals"
)

// Load is the load of a run in steps, and as the lens shows it. It depends on no policy, is computed once and is then
// shared, also between goroutines, since it is never changed.
type Load struct {
	step time.Duration
	lens Lens
	// rate[i] is the mean offered rate in step i, NaN where it is unknown.
	rate []float64
	// total[k] is the offered counter at scrape k, NaN where the scrape failed; since[k] is the first scrape of the
	// unbroken run that ends with k.
	total []float64
	since []int32
	// seen[i] is the rate over the lens's window that is visible when step i begins.
	seen []float64
}

// maxSteps bounds the memory of a run, about 100 bytes a step.
const maxSteps = 1 << 24

// observed is what a schedule made of a trace with holes tells besides its rate.
type observed interface{ Observed(t time.Duration) bool }

// CountNoise is the randomness of counts around the rates of a schedule, as the lens shows it: the offered counter moves on
// by a normal number whose variance is Dispersion times its mean. 1 is that of Poisson arrivals, 0 none. A trace that was
// counted at the scrape interval has its noise already.
type CountNoise struct {
	Dispersion float64
	// Seed is all that the noise depends on, so that all policies see the same.
	Seed uint64
}

// NewLoad reads a schedule in steps from its beginning. Where the schedule can tell that its rate is not observed, as
// arrivals.Replayed can, the load stays unknown: nothing is scraped then, and nothing is judged.
func NewLoad(s arrivals.Schedule, duration, step time.Duration, lens Lens, noise CountNoise) (*Load, error) {
	if err := lens.Validate(); err != nil {
		return nil, err
	}
	if step <= 0 || step > time.Minute || time.Minute%step != 0 {
		return nil, fmt.Errorf("replay: step %s: must divide a minute", step)
	}
	n, scrapes := int(duration/step), int(duration/lens.ScrapeInterval)+1
	if n < 1 || n > maxSteps || scrapes > maxSteps {
		return nil, fmt.Errorf("replay: duration %s: must hold 1 to %d steps of %s and scrapes of %s", duration, maxSteps, step, lens.ScrapeInterval)
	}
	holes, hasHoles := s.(observed)
	known := func(t time.Duration) bool { return !hasHoles || holes.Observed(t) }

	l := &Load{
		step: step, lens: lens,
		rate: make([]float64, n), seen: make([]float64, n),
		total: make([]float64, scrapes), since: make([]int32, scrapes),
	}
	before := 0.0
	for i := range l.rate {
		from, to := time.Duration(i)*step, time.Duration(i+1)*step
		after := s.Cumulative(to)
		l.rate[i] = (after - before) / step.Seconds()
		if !known(from) || !known(to-1) {
			l.rate[i] = math.NaN()
		} else if !(l.rate[i] >= 0 && l.rate[i] <= arrivals.MaxRate) {
			return nil, fmt.Errorf("replay: rate %g at %s: must be in [0, %g]", l.rate[i], from, arrivals.MaxRate)
		}
		before = after
	}
	if !(noise.Dispersion >= 0) || math.IsInf(noise.Dispersion, 1) {
		return nil, fmt.Errorf("replay: dispersion of counts %g: must be finite and not negative", noise.Dispersion)
	}
	rng := rand.New(rand.NewPCG(noise.Seed, 0x6c656e73)) // "lens": a stream of its own
	count, last := 0.0, 0.0
	for k := range l.total {
		at := time.Duration(k) * lens.ScrapeInterval
		mean := s.Cumulative(at)
		if noise.Dispersion == 0 {
			count = mean
		} else {
			count += max(0, mean-last+math.Sqrt(noise.Dispersion*(mean-last))*rng.NormFloat64())
		}
		l.total[k], last = count, mean
		l.since[k] = int32(k)
		if k > 0 && (!known(at-1) || !known(at-lens.ScrapeInterval)) {
			l.total[k] = math.NaN()
		} else if k > 0 && !math.IsNaN(l.total[k-1]) {
			l.since[k] = l.since[k-1]
		}
	}
	for i := range l.seen {
		to := time.Duration(i)*step - lens.Delay
		l.seen[i] = l.Offered(to-lens.RateWindow, to)
	}
	if l.ObservedSteps() == 0 {
		return nil, errors.New("replay: the load is unknown all the time: need at least one observed step")
	}
	return l, nil
}

// Steps returns the number of steps.
func (l *Load) Steps() int { return len(l.rate) }

// Step returns the length of a step.
func (l *Load) Step() time.Duration { return l.step }

// Rate returns the mean offered rate in step i, NaN where it is unknown.
func (l *Load) Rate(i int) float64 { return l.rate[i] }

// Seen returns the rate that the lens shows when step i begins, NaN where it shows none.
func (l *Load) Seen(i int) float64 { return l.seen[i] }

// ObservedSteps returns in how many steps the load is known.
func (l *Load) ObservedSteps() int {
	n := 0
	for _, r := range l.rate {
		if !math.IsNaN(r) {
			n++
		}
	}
	return n
}

// Offered answers as a Meter that was fed every scrape would for [from, to], whether visible yet or not, in constant
// time.
func (l *Load) Offered(from, to time.Duration) float64 {
	oldest, newest := l.scrapes(from, to)
	if newest <= oldest {
		return math.NaN()
	}
	return (l.total[newest] - l.total[oldest]) / (time.Duration(newest-oldest) * l.lens.ScrapeInterval).Seconds()
}

// scrapes returns the first and the last scrape in [from, to] of the unbroken run that ends with the last one, which
// are equal or out of order if there are no two.
func (l *Load) scrapes(from, to time.Duration) (oldest, newest int) {
	if to < 0 {
		return 0, 0
	}
	interval := l.lens.ScrapeInterval
	newest = min(int(to/interval), len(l.total)-1)
	if math.IsNaN(l.total[newest]) {
		return 0, 0
	}
	oldest = int(l.since[newest])
	if from > 0 {
		oldest = max(oldest, int((from+interval-1)/interval))
	}
	return oldest, newest
}
