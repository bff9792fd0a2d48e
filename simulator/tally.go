package simulator

import (
	"time"
)

// tally counts what becomes of requests.
type tally struct {
	objective float64 // seconds

	requests, failures                        uint64
	retries, timedOut, refused, expired, lost uint64
	served, waited, abandoned                 uint64
	waits                                     float64 // seconds, of all that were served
	failedTime                                float64 // seconds that requests took to fail

	minute    uint32   // the present one
	violators []uint32 // violations by the minute of arrival
	before    uint64   // requests before the present minute
	timeline  []Minute

	recent  recorder // answers of the present minute
	latency Histogram
	reason  string // of the last decision, not yet in the timeline
}

func newTally(c *settings) tally {
	return tally{
		objective: c.latency,
		violators: make([]uint32, c.minutes),
		timeline:  make([]Minute, 0, c.minutes),
		recent:    newRecorder(),
	}
}

func (t *tally) answered(seconds float64, minute uint32) {
	t.recent.record(seconds)
	if seconds > t.objective {
		t.violators[minute]++
	}
}

func (t *tally) fail(seconds float64, minute uint32) {
	t.failures++
	t.failedTime += seconds
	t.violators[minute]++
}

// timelineLevels are the quantiles of every minute.
var timelineLevels = []float64{0.5, 0.95, 0.99}

// endMinute closes a minute of the timeline; the violations follow when the run is over.
func (e *engine) endMinute() {
	t := &e.tally
	var q [3]float64
	t.recent.quantiles(timelineLevels, q[:])
	e.policies.latencies.endMinute(&t.recent)
	t.recent.flush(&t.latency)
	t.timeline = append(t.timeline, Minute{
		At:       time.Duration(t.minute) * time.Minute,
		Requests: uint32(t.requests - t.before),
		Wanted:   int32(e.pods.wanted), Running: int32(e.pods.active), Ready: int32(e.pods.ready),
		P50: q[0], P95: q[1], P99: q[2],
		Reason: t.reason,
	})
	t.before, t.reason = t.requests, ""
	if int(t.minute)+1 < e.c.minutes {
		t.minute++
		e.agenda.plan(min(float64(t.minute+1)*60, e.c.duration), minuteOver, 0, 0)
	}
}
