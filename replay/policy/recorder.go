package policy

import (
	"math"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/replay"
)

// recorder is the store of metrics that a policy with a memory reads: what was there before the run began, and since then
// the rates of whole buckets as the lens shows them.
type recorder struct {
	trace arrivals.Trace
	start time.Time
}

// defaultStep is that of the buckets where no history sets another.
const defaultStep = time.Minute

// newRecorder takes over the history of the environment, at most so long a one.
func newRecorder(env *replay.Environment, keep time.Duration) *recorder {
	h := env.History
	if keep > 0 && h.Len() > 0 {
		h = h.TrimBefore(env.Start.Add(-keep))
	}
	if h.Step <= 0 {
		h.Step = defaultStep
	}
	if h.Len() == 0 {
		h.Start = env.Start
	}
	rates := make([]float64, h.Len(), h.Len()+int((env.Duration+env.Start.Sub(h.End()))/h.Step)+1)
	copy(rates, h.Rate)
	h.Rate = rates
	return &recorder{trace: h, start: env.Start}
}

// observe adds the buckets that have become visible whole. One of which less than half was scraped is missing.
func (r *recorder) observe(v *replay.View) {
	visible := r.start.Add(v.Visible)
	for end := r.trace.End().Add(r.trace.Step); !end.After(visible); end = end.Add(r.trace.Step) {
		from := r.trace.End().Sub(r.start)
		value := math.NaN()
		if from >= -r.trace.Step/2 {
			value = v.Offered(from, from+r.trace.Step)
		}
		r.trace.Rate = append(r.trace.Rate, value)
	}
}
