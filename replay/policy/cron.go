package policy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Cron sets the number of replicas at times of the clock, and keeps it until the next time.
type Cron struct {
	Entries []CronEntry
}

// CronEntry is one line of a crontab.
type CronEntry struct {
	// Schedule tells the times; Text is how it was written.
	Schedule Schedule
	Text     string
	Replicas int32
}

// Schedule tells the first time after an instant at which it fires, the zero time if there is none. It has resolved
// the time zone already.
type Schedule interface {
	Next(after time.Time) time.Time
}

// Name implements replay.Policy.
func (Cron) Name() string { return "cron" }

// Settings implements replay.Policy.
func (p Cron) Settings() []replay.Setting {
	var out []replay.Setting
	for _, e := range p.Entries {
		out = append(out, replay.Setting{Name: e.Text, Value: e.Replicas})
	}
	return out
}

// HPA implements replay.Policy.
func (Cron) HPA() (hpa.Config, hpa.Spec) { return follows(Exactly(0), "replicas") }

// Begin implements replay.Policy. What was set last before the run began is in force then; if nothing was in the year
// before, the initial replicas are.
func (p Cron) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	if len(p.Entries) == 0 {
		return nil, errors.New("a crontab needs at least one entry")
	}
	c := &cron{entries: p.Entries, next: make([]time.Time, len(p.Entries)), replicas: env.InitialReplicas, why: "the initial replicas"}
	var latest time.Time
	for i, e := range p.Entries {
		if at := lastFired(e.Schedule, env.Start); !at.IsZero() && !at.Before(latest) {
			c.set(i, at, latest)
			latest = at
		}
		c.next[i] = e.Schedule.Next(env.Start)
	}
	return c, nil
}

// lastFired returns the last time at or before an instant, looked for a year back; zero if there is none.
func lastFired(s Schedule, at time.Time) time.Time {
	const day = 24 * time.Hour
	var last time.Time
	// Short looks back first, so that an entry that fires every minute is not followed for a year.
	for _, back := range []time.Duration{time.Hour, day, 8 * day, 32 * day, 366 * day} {
		for t := s.Next(at.Add(-back)); !t.IsZero() && !t.After(at); t = s.Next(t) {
			last = t
		}
		if !last.IsZero() {
			return last
		}
	}
	return last
}

type cron struct {
	entries  []CronEntry
	next     []time.Time
	replicas int32
	why      string
}

// set puts entry i in force at an instant; of entries of the same instant the highest counts.
func (c *cron) set(i int, at, latest time.Time) {
	if at.Equal(latest) && c.entries[i].Replicas < c.replicas {
		return
	}
	c.replicas, c.why = c.entries[i].Replicas, fmt.Sprintf("set at %s by %q", at.UTC().Format(time.RFC3339), c.entries[i].Text)
}

// Metrics implements replay.Controller.
func (c *cron) Metrics(v *replay.View, dst []float64) []float64 {
	var latest time.Time
	for {
		first := -1
		for i, at := range c.next {
			if !at.IsZero() && !at.After(v.Time) && (first < 0 || at.Before(c.next[first])) {
				first = i
			}
		}
		if first < 0 {
			return append(dst, float64(c.replicas))
		}
		c.set(first, c.next[first], latest)
		latest = c.next[first]
		c.next[first] = c.entries[first].Schedule.Next(latest)
	}
}

// Why implements replay.Controller.
func (c *cron) Why() string { return fmt.Sprintf("%d, %s", c.replicas, c.why) }
