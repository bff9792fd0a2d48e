package simulator

import (
	"context"
	"fmt"
	"math"

	"github.com/prescale/prescale/replay"
)

// streams are the generators of the engine itself, one per purpose.
type streams struct{ balancing, startups, failing, retrying, impatience *generator }

// Run simulates one replication of a configuration under one policy. The seed is all its randomness depends on. A nil
// policy leaves the replicas as they are.
//
// It takes memory for the requests in flight, the replicas and the minutes, and allocates nothing per request.
//
// Errors: an invalid configuration; one that needs more than its limits allow, with the estimate; what the policy
// reports; the context's.
func Run(ctx context.Context, config *Config, policy replay.Policy, seed uint64) (*Result, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	return run(ctx, config, policy, seed, nil)
}

// check reports whether a configuration is valid and within its limits.
func (c *Config) check() error {
	if err := c.Validate(); err != nil {
		return err
	}
	return c.affordable()
}

// run is Run for a checked configuration. It tells progress, if not nil, now and then which share of the time is over.
func run(ctx context.Context, config *Config, policy replay.Policy, seed uint64, progress func(float64)) (*Result, error) {
	e, err := newEngine(ctx, config, policy, seed)
	if err != nil {
		return nil, err
	}
	e.progress = progress
	loop := e.run
	if e.fast != nil {
		loop = e.runRecursion
	}
	if err := loop(ctx); err != nil {
		return nil, err
	}
	result := e.result(config, seed)
	if policy != nil {
		result.Policy, result.Settings = policy.Name(), policy.Settings()
	}
	return result, nil
}

func newEngine(ctx context.Context, config *Config, policy replay.Policy, seed uint64) (*engine, error) {
	c := config.resolve()
	e := &engine{
		c:         &c,
		giveUp:    math.Inf(1),
		calls:     newCallStore(int(min(c.maxBytes/callBytes, math.MaxUint32))),
		completed: newCompletions(),
		balance:   newBalancer(&c),
		idle:      newRing(),
		tally:     newTally(&c),
		retries:   retryBudget{perRequest: config.Client.RetryBudget, burst: config.Client.RetryBurst},
		random: streams{
			balancing:  newGenerator(seed, balancing),
			startups:   newGenerator(seed, startups),
			failing:    newGenerator(seed, failing),
			retrying:   newGenerator(seed, retrying),
			impatience: newGenerator(seed, impatience),
		},
	}
	if e.retries.burst == 0 {
		e.retries.burst = defaultRetryBurst
	}
	var err error
	if e.policies, err = newScaler(ctx, config, policy); err != nil {
		return nil, err
	}
	stream, err := config.Arrivals.NewStream(newGenerator(seed, arrivalTimes).rand())
	if err != nil {
		return nil, fmt.Errorf("simulator: arrivals: %w", err)
	}
	e.source.begin(stream, config.workLaw(newGenerator(seed, serviceTimes)), c.duration)

	if c.recursive() && !e.policies.resources && !config.events {
		e.fast = &recursion{busy: []server{never}}
	}
	e.pods.wanted = int(config.Replicas.Initial)
	for range config.Replicas.Initial {
		r := e.create()
		p := &e.pods.all[r]
		p.created, p.placed = -settled, -settled
		if p.holds = c.quota > 0; p.holds {
			e.pods.held++
		}
		e.makeReady(r, 0)
		p.readyAt = -settled
	}
	e.agenda.plan(min(60, c.duration), minuteOver, 0, 0)
	if c.staleness > 0 && !c.central {
		e.agenda.plan(c.staleness, countsRefresh, 0, 0)
	}
	e.policies.begin(e)
	return e, nil
}

// settled is how long, in seconds, the initial replicas have been ready when the run begins.
const settled = 3600

// finish checks the run against Little's law and its source.
func (e *engine) finish(events uint64) error {
	e.events = events
	if e.source.err != nil {
		return e.source.err
	}
	t := &e.tally
	t.recent.flush(&t.latency)
	return e.little()
}

// little checks Little's law, L = λW: the integral of the number of requests in the system over time is the sum of
// their times in it. The first is counted as the clock moves, the second as requests end, so that a request that was
// lost or counted twice shows.
func (e *engine) little() error {
	t := &e.tally
	sojourn := t.latency.Sum + t.failedTime
	if e.areas.nowLive != 0 || math.Abs(e.areas.live-sojourn) > littleTolerance*max(sojourn, 1) {
		return fmt.Errorf("simulator: L = λW does not hold: %v request-seconds in the system, %v spent by requests, %v requests left",
			e.areas.live, sojourn, e.areas.nowLive)
	}
	if t.latency.Count+t.failures != t.requests {
		return fmt.Errorf("simulator: %d requests arrived, but %d were answered and %d failed", t.requests, t.latency.Count, t.failures)
	}
	return nil
}

// littleTolerance is what rounding makes of two sums of up to billions of terms.
const littleTolerance = 1e-8
