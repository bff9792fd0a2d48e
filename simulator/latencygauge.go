package simulator

import (
	"math"
	"time"

	"github.com/prescale/prescale/replay"
)

// latencyGauge is the latency as a metrics store shows it: a cumulative histogram, scraped, whose buckets are coarse,
// 64 to an octave, so that a quantile is within 1 %.
type latencyGauge struct {
	percentile float64
	ended      coarse // of the minutes that are over
	ring       []latencyScrape
	head, kept int
}

// latencyScrape is the cumulative histogram at one scrape. Counts wrap around; only differences matter.
type latencyScrape struct {
	at     time.Duration
	counts *coarse
}

const (
	coarseBits    = 6
	coarseShift   = bucketBits - coarseBits
	coarseBuckets = histogramBuckets >> coarseShift
	// gaugeMemory is how far back latencies are remembered beyond the window and delay of the lens.
	gaugeMemory = 5 * time.Minute
	// mostGaugeScrapes bounds the memory, 15 KiB each.
	mostGaugeScrapes = 1000
)

type coarse [coarseBuckets]uint32

// add adds what a recorder holds.
func (c *coarse) add(r *recorder) {
	for i, n := range r.buckets {
		c[i>>coarseShift] += n
	}
}

func newLatencyGauge(lens replay.Lens, percentile float64) latencyGauge {
	n := (lens.RateWindow+lens.Delay+gaugeMemory)/lens.ScrapeInterval + 2
	return latencyGauge{percentile: percentile, ring: make([]latencyScrape, min(int(n), mostGaugeScrapes))}
}

// endMinute takes over what the recorder of a minute holds before it is cleared.
func (g *latencyGauge) endMinute(r *recorder) {
	if len(g.ring) > 0 {
		g.ended.add(r)
	}
}

// scrape remembers the present counts.
func (g *latencyGauge) scrape(at time.Duration, r *recorder) {
	s := &g.ring[g.head]
	if s.counts == nil {
		s.counts = new(coarse)
	}
	s.at = at
	*s.counts = g.ended
	s.counts.add(r)
	g.head = (g.head + 1) % len(g.ring)
	g.kept = min(g.kept+1, len(g.ring))
}

// quantile returns the quantile of the answers between the oldest and the newest scrape within [from, to]; NaN without
// two scrapes or any answer.
func (g *latencyGauge) quantile(from, to time.Duration) float64 {
	var newest, oldest *latencyScrape
	for k := 1; k <= g.kept; k++ {
		s := &g.ring[(g.head-k+len(g.ring))%len(g.ring)]
		if s.at > to {
			continue
		}
		if s.at < from {
			break
		}
		if newest == nil {
			newest = s
		}
		oldest = s
	}
	if newest == oldest {
		return math.NaN()
	}
	var total uint64
	for i := range newest.counts {
		total += uint64(newest.counts[i] - oldest.counts[i])
	}
	rank := max(uint64(math.Ceil(g.percentile*float64(total))), 1)
	var seen uint64
	for i := range newest.counts {
		if seen += uint64(newest.counts[i] - oldest.counts[i]); seen >= rank {
			return bucketMiddle(i<<coarseShift + 1<<(coarseShift-1))
		}
	}
	return math.NaN()
}
