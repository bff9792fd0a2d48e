package replay

import (
	"math"
	"time"

	"github.com/prescale/prescale/queueing"
)

// gauges answer for a run of the fluid engine until the step now begins.
type gauges struct {
	r   *Runner
	now int
}

var _ Gauges = (*gauges)(nil)

// Offered implements Gauges.
func (g *gauges) Offered(from, to time.Duration) float64 {
	return g.r.load.Offered(from, min(to, g.visible()))
}

// Utilization implements Gauges.
func (g *gauges) Utilization(from, to time.Duration) float64 {
	a, b, ok := g.scraped(from, to)
	if !ok {
		return math.NaN()
	}
	return min(g.between(g.r.busy, a, b)/g.between(g.r.slots, a, b), 1)
}

// InFlight implements Gauges.
func (g *gauges) InFlight(from, to time.Duration) float64 { return g.mean(g.r.inSystem, from, to) }

// Backlog implements Gauges.
func (g *gauges) Backlog(from, to time.Duration) float64 { return g.mean(g.r.backlog, from, to) }

// Latency implements Gauges by the mean over time of the quantile.
func (g *gauges) Latency(from, to time.Duration) float64 {
	if !g.r.scaled.latency {
		g.r.scaled.latency = true // from now on it is recorded
		g.r.latency = append(g.r.latency[:0], make([]float64, g.now+1)...)
		g.r.weight = append(g.r.weight[:0], make([]float64, g.now+1)...)
	}
	a, b, ok := g.scraped(from, to)
	if !ok {
		return math.NaN()
	}
	return g.between(g.r.latency, a, b) / g.between(g.r.weight, a, b)
}

// recordLatency integrates the quantile of the response times over step i, and the time in which there is one.
func (r *Runner) recordLatency(i int) {
	seconds := r.options.Step.Seconds()
	quantile, weight := 0.0, 0.0
	if rate := r.load.rate[i]; rate > 0 {
		weight = seconds
		servers := r.pods.servers(r.tails.slots)
		wait := math.Max(0, r.queue.fluid-servers) / (servers * r.tails.rate)
		quantile = math.Min(r.tails.quantile(int(r.pods.ready), r.queue.utilization, wait), time.Hour.Seconds())
	}
	r.latency = append(r.latency, r.latency[i]+quantile*weight)
	r.weight = append(r.weight, r.weight[i]+weight)
}

func (g *gauges) visible() time.Duration {
	return time.Duration(g.now)*g.r.options.Step - g.r.env.Lens.Delay
}

// scraped returns the instants of the first and the last scrape in [from, to] that are visible, if there are two.
func (g *gauges) scraped(from, to time.Duration) (first, last time.Duration, ok bool) {
	a, b := g.r.load.scrapes(from, min(to, g.visible()))
	interval := g.r.env.Lens.ScrapeInterval
	return time.Duration(a) * interval, time.Duration(b) * interval, b > a
}

func (g *gauges) mean(integral []float64, from, to time.Duration) float64 {
	a, b, ok := g.scraped(from, to)
	if !ok {
		return math.NaN()
	}
	return g.between(integral, a, b) / (b - a).Seconds()
}

// between returns what an integral grew by between two instants not after now; within a step it grows evenly.
func (g *gauges) between(integral []float64, from, to time.Duration) float64 {
	at := func(t time.Duration) float64 {
		step := g.r.options.Step
		i := int(t / step)
		if rest := t % step; rest > 0 {
			return lerp(integral[i], integral[i+1], float64(rest)/float64(step))
		}
		return integral[i]
	}
	return at(to) - at(from)
}

// serviceLaw is the law of the service times by their two moments.
func serviceLaw(s queueing.Service) queueing.ServiceLaw {
	return queueing.ServiceLaw{MeanSeconds: s.MeanTime.Seconds(), SCV: s.SCV.Value()}
}
