package planner

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Settings of one workload: what the tuner may choose and what it has to take as given.
type Settings struct {
	// MinReplicas and MaxReplicas bound every recommendation.
	MinReplicas, MaxReplicas int32
	// Need turns rates into replicas.
	Need NeedTable
	// Lead is what passes between a decision and ready replicas.
	Lead LeadTime
	// Interval is the time between two decisions.
	Interval time.Duration

	// Quantile q, in (0,1), of the highest rate over the lead window.
	Quantile float64
	// EnvelopeWindow h and EnvelopeFactor k; a window of 0 switches the envelope off.
	EnvelopeWindow time.Duration
	EnvelopeFactor float64
	// Drain is the time in which a backlog is to be worked off.
	Drain time.Duration
	// Hysteresis is the share of the rate that must remain as margin after a scale-down.
	Hysteresis float64

	// StaleAfter and HoldAfter are the ages of the newest data from which they are stale and from
	// which nothing is recommended. Zero derives them from the step: see Ages.
	StaleAfter, HoldAfter time.Duration

	// Calendar holds the known events.
	Calendar []Event
}

// Event is a floor: at least Replicas from From (inclusive) to To (exclusive).
type Event struct {
	Name     string
	From, To time.Time
	Replicas int32
}

// SkewTolerance is how far in the future the newest data may lie before the clocks count as
// disagreeing. Chosen by us: the clock difference that a node's time synchronization normally
// never reaches.
const SkewTolerance = 30 * time.Second

// Ages returns the ages from which data count as stale and from which nothing is recommended, for
// data of the given step. By default data are stale after three steps and one minute, since rates
// arrive late by a scrape and a window, and nothing is recommended 15 minutes after that, since the
// forecast is calibrated for minutes ahead.
func (s Settings) Ages(step time.Duration) (stale, hold time.Duration) {
	stale, hold = s.StaleAfter, s.HoldAfter
	if stale == 0 {
		stale = 3*step + time.Minute
	}
	if hold == 0 {
		hold = stale + 15*time.Minute
	}
	return stale, max(stale, hold)
}

// Horizon returns how many steps ahead the forecast must reach for every decision that may be
// asked of it: to the end of the lead window when the data are about to count as too old.
func (s Settings) Horizon(step time.Duration) int {
	_, hold := s.Ages(step)
	return int(math.Ceil(float64(hold+s.Lead.Total()+s.Interval)/float64(step))) + 1
}

// LeadSteps returns how many steps ahead of the data the lead window ends while the data are fresh, at
// least 1. The forecast is chosen and calibrated for the highest rate over so many steps.
func (s Settings) LeadSteps(step time.Duration) int {
	return max(1, int(math.Ceil(float64(s.Lead.Total()+s.Interval)/float64(step)))+1)
}

// calendarAt returns the highest floor in force at t, and its event's name.
func (s *Settings) calendarAt(t time.Time) (replicas int32, name string) {
	for i := range s.Calendar {
		e := &s.Calendar[i]
		if !t.Before(e.From) && t.Before(e.To) && e.Replicas > replicas {
			replicas, name = e.Replicas, e.Name
		}
	}
	return replicas, name
}

// Validate reports every setting that makes no sense, with its value and what is allowed.
func (s Settings) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("planner: "+format, args...))
		}
	}
	check(s.MinReplicas >= 1, "minimum of %d replicas: must be at least 1", s.MinReplicas)
	check(s.MaxReplicas >= s.MinReplicas, "maximum of %d replicas: must be at least the minimum of %d", s.MaxReplicas, s.MinReplicas)
	check(s.Need.MaxReplicas() >= s.MaxReplicas, "need table of %d replicas: must reach the maximum of %d", s.Need.MaxReplicas(), s.MaxReplicas)
	check(s.Quantile > 0 && s.Quantile < 1, "quantile %g: must lie between 0 and 1", s.Quantile)
	check(s.EnvelopeFactor >= 0 && !math.IsInf(s.EnvelopeFactor, 1), "envelope factor %g: must be at least 0", s.EnvelopeFactor)
	check(s.Hysteresis >= 0 && s.Hysteresis <= 1, "hysteresis %g: must be 0 to 1", s.Hysteresis)
	check(s.Interval > 0, "decision interval %s: must be above 0s", s.Interval)
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"envelope window", s.EnvelopeWindow},
		{"start-up time", s.Lead.Startup},
		{"HPA sync period", s.Lead.HPASync},
		{"ramp time", s.Lead.Ramp},
		{"drain time", s.Drain},
		{"stale-after age", s.StaleAfter},
		{"hold-after age", s.HoldAfter},
	} {
		check(d.value >= 0, "%s %s: must not be negative", d.name, d.value)
	}
	return errors.Join(errs...)
}
