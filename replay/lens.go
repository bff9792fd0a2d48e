package replay

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Lens is how the load is seen: a counter scraped every ScrapeInterval, its rate over RateWindow, visible Delay later.
// Every policy sees the load only through it.
type Lens struct {
	// ScrapeInterval is the time between two scrapes, > 0; the first is when the run begins.
	ScrapeInterval time.Duration
	// RateWindow is the window of the rate, at least ScrapeInterval; the rate needs two scrapes in it.
	RateWindow time.Duration
	// Delay is how old the newest visible scrape is when it becomes visible.
	Delay time.Duration
}

// DefaultLens is what a Prometheus with its usual settings shows: scrapes every 15 s and rates over a minute.
func DefaultLens() Lens {
	return Lens{ScrapeInterval: 15 * time.Second, RateWindow: time.Minute}
}

// maxScrapes bounds the memory of a Meter.
const maxScrapes = 1 << 20

// Validate reports everything that makes no sense, with its value and what is allowed.
func (l Lens) Validate() error {
	var errs []error
	if l.ScrapeInterval <= 0 {
		errs = append(errs, fmt.Errorf("replay: scrape interval %s: must be above 0s", l.ScrapeInterval))
	}
	if l.RateWindow < l.ScrapeInterval {
		errs = append(errs, fmt.Errorf("replay: rate window %s: must be at least the scrape interval of %s", l.RateWindow, l.ScrapeInterval))
	}
	if l.Delay < 0 {
		errs = append(errs, fmt.Errorf("replay: metric delay %s: must not be negative", l.Delay))
	}
	if len(errs) == 0 && (l.RateWindow+l.Delay)/l.ScrapeInterval > maxScrapes {
		errs = append(errs, fmt.Errorf("replay: rate window %s and delay %s: must hold at most %d scrapes of %s",
			l.RateWindow, l.Delay, maxScrapes, l.ScrapeInterval))
	}
	return errors.Join(errs...)
}

// Age returns how old the load is that a rate tells of, on average: half the window, and the delay.
func (l Lens) Age() time.Duration { return l.Delay + l.RateWindow/2 }

// Meter is one cumulative counter seen through a lens. An engine feeds it the counter's value at every scrape; asked
// at an instant, it answers the rate that is visible then. Also the mean of a gauge can be seen so, if its integral
// over time is fed. Make one with NewMeter.
type Meter struct {
	lens Lens
	// ring holds the scrapes that may still be asked for; the newest is ring[(head-1)&mask].
	at         []time.Duration
	total      []float64
	head, kept int
}

// NewMeter returns a meter for a valid lens that also remembers what lies keep before the rate window, for Between.
// It takes memory for (RateWindow + Delay + keep) / ScrapeInterval scrapes.
func NewMeter(l Lens, keep time.Duration) *Meter {
	size := 4
	for size < int((l.RateWindow+l.Delay+max(keep, 0))/l.ScrapeInterval)+3 {
		size *= 2
	}
	return &Meter{lens: l, at: make([]time.Duration, size), total: make([]float64, size)}
}

// Scrape feeds the counter's value at an instant, later than all before. NaN is a scrape that failed; no rate is taken
// across it, as if the counter had been reset.
func (m *Meter) Scrape(at time.Duration, total float64) {
	i := m.head & (len(m.at) - 1)
	m.at[i], m.total[i] = at, total
	m.head++
	m.kept = min(m.kept+1, len(m.at))
}

// Rate returns the rate per second visible at an instant: that between the oldest and the newest scrape of the last
// RateWindow before now - Delay. For regular scrapes this is what rate() of Prometheus answers.
//
// Special case: NaN with fewer than two such scrapes.
func (m *Meter) Rate(now time.Duration) float64 {
	to := now - m.lens.Delay
	return m.Between(to-m.lens.RateWindow, to)
}

// Between returns the rate per second between the oldest and the newest scrape within [from, to], whether visible yet
// or not. It takes time proportional to the scrapes since from.
//
// Special case: NaN with fewer than two such scrapes since the last failed one, or if the newest failed.
func (m *Meter) Between(from, to time.Duration) float64 {
	mask := len(m.at) - 1
	newest, oldest := -1, -1
	for k := 1; k <= m.kept; k++ {
		i := (m.head - k) & mask
		if m.at[i] > to {
			continue
		}
		if m.at[i] < from || math.IsNaN(m.total[i]) {
			break
		}
		if newest < 0 {
			newest = i
		}
		oldest = i
	}
	if newest == oldest {
		return math.NaN()
	}
	return (m.total[newest] - m.total[oldest]) / (m.at[newest] - m.at[oldest]).Seconds()
}
