package history

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/prescale/prescale/arrivals"
)

// instants are the n evaluation times first, first+step, ..., in milliseconds since the epoch, the unit of Prometheus.
type instants struct{ first, step, n int64 }

// instantsBetween returns the multiples t of step for which the bucket that ends at t lies wholly inside [from, to].
func instantsBetween(from, to time.Time, step time.Duration) instants {
	ms := step.Milliseconds()
	start := from.UnixMilli()
	if from.Nanosecond()%int(time.Millisecond) != 0 {
		start++
	}
	first := -floorDiv(-start, ms)*ms + ms
	last := floorDiv(to.UnixMilli(), ms) * ms
	return instants{first: first, step: ms, n: (last-first)/ms + 1}
}

// page returns up to limit instants from number done on as a query range, whose both ends are inclusive.
func (g instants) page(done, limit int64) v1.Range {
	return v1.Range{
		Start: time.UnixMilli(g.first + done*g.step).UTC(),
		End:   time.UnixMilli(g.first + (min(done+limit, g.n)-1)*g.step).UTC(),
		Step:  time.Duration(g.step) * time.Millisecond,
	}
}

// collector joins pages into one trace. What it reports depends on the samples only, not on how they were paged.
type collector struct {
	instants
	rate   []float64
	labels string // of the one series
	series bool   // labels is set

	usable, notFinite, negative     int
	firstNotFinite, firstNegative   model.Time
	serverWarnings                  []string
	forgottenWarnings, warningLimit int
}

func newCollector(g instants) *collector {
	c := &collector{instants: g, rate: make([]float64, g.n), warningLimit: 10}
	for i := range c.rate {
		c.rate[i] = math.NaN()
	}
	return c
}

// add takes the samples of one page.
func (c *collector) add(matrix model.Matrix) *failure {
	if len(matrix) > 1 {
		labels := make([]string, len(matrix))
		for i, series := range matrix {
			labels[i] = series.Metric.String()
		}
		slices.Sort(labels)
		return severalSeries(fmt.Sprintf("%d", len(matrix)), labels[0], labels[1])
	}
	for _, series := range matrix {
		labels := series.Metric.String()
		if c.series && labels != c.labels {
			return severalSeries("several over time", c.labels, labels)
		}
		c.series, c.labels = true, labels
		if len(series.Histograms) > 0 {
			return &failure{kind: ErrBadQuery, text: "it returns native histograms; wrap it in histogram_count(...)"}
		}
		for _, s := range series.Values {
			i := (int64(s.Timestamp) - c.first) / c.step
			if (int64(s.Timestamp)-c.first)%c.step != 0 || i < 0 || i >= c.n {
				return &failure{kind: ErrBadResponse, text: fmt.Sprintf("sample at %s, which was not asked for", sampleTime(s.Timestamp))}
			}
			c.put(int(i), s)
		}
	}
	return nil
}

func (c *collector) put(i int, s model.SamplePair) {
	v := float64(s.Value)
	switch {
	case math.IsNaN(v) || math.Abs(v) > arrivals.MaxRate:
		if c.notFinite == 0 {
			c.firstNotFinite = s.Timestamp
		}
		c.notFinite++
	case v < 0:
		if c.negative == 0 {
			c.firstNegative = s.Timestamp
		}
		c.negative++
	default:
		c.rate[i] = math.Abs(v) // -0 becomes 0
		c.usable++
	}
}

func severalSeries(count, a, b string) *failure {
	return &failure{kind: ErrSeveralSeries, text: fmt.Sprintf("%s, such as %s and %s; wrap the query in sum(...) "+
		"or select one", count, clip(a), clip(b))}
}

// warn keeps each warning of the server once, and not endlessly many.
func (c *collector) warn(warnings []string) {
	for _, w := range warnings {
		switch {
		case slices.Contains(c.serverWarnings, w):
		case len(c.serverWarnings) >= c.warningLimit:
			c.forgottenWarnings++
		default:
			c.serverWarnings = append(c.serverWarnings, w)
		}
	}
}

func (c *collector) allWarnings() []string {
	all := slices.Clone(c.serverWarnings)
	if c.forgottenWarnings > 0 {
		all = append(all, fmt.Sprintf("%d further warnings of the server", c.forgottenWarnings))
	}
	if c.notFinite > 0 {
		all = append(all, fmt.Sprintf("%d samples were NaN or infinite and count as missing, the first at %s",
			c.notFinite, sampleTime(c.firstNotFinite)))
	}
	if c.negative > 0 {
		all = append(all, fmt.Sprintf("%d samples were negative and count as missing, the first at %s; "+
			"an arrival rate comes from rate(...) of a counter", c.negative, sampleTime(c.firstNegative)))
	}
	return all
}

func (c *collector) trace() arrivals.Trace {
	return arrivals.Trace{
		Start: time.UnixMilli(c.first - c.step).UTC(),
		Step:  time.Duration(c.step) * time.Millisecond,
		Rate:  c.rate,
	}
}

func sampleTime(t model.Time) string { return t.Time().UTC().Format(time.RFC3339Nano) }

// clip bounds what one label set or query may take of a message.
func clip(s string) string {
	const limit = 200
	if len(s) > limit {
		return strings.ToValidUTF8(s[:limit], "") + "..."
	}
	return s
}

// floorDiv returns floor(a/b) for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
