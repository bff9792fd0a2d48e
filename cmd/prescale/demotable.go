package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// timelineTable prints samples as they come.
type timelineTable struct {
	out     io.Writer
	every   time.Duration
	next    time.Time
	samples []sample
}

func (t *timelineTable) header() error {
	_, err := fmt.Fprintf(t.out, "%-12s  %8s  %8s  %8s  %-12s %-12s %s\n%-12s  %8s  %8s\n",
		"time (UTC)", "rate now", "planned", "replicas", "source", "binding", "a block per replica; ▌ what the rate now needs", "", "req/s", "req/s")
	return err
}

// add keeps a sample and prints it if its time has come. The bar shows the replicas recommended, the
// stroke in it what the rate at that moment needed.
func (t *timelineTable) add(s sample) error {
	t.samples = append(t.samples, s)
	if s.at.Before(t.next) {
		return nil
	}
	for !s.at.Before(t.next) {
		t.next = t.next.Add(t.every)
	}
	bar := []rune(strings.Repeat("█", s.replicas))
	if n := s.reactive; n >= 1 && n <= len(bar) {
		bar[n-1] = '▌'
	}
	_, err := fmt.Fprintf(t.out, "%-12s  %8s  %8s  %8d  %-12s %-12s %s\n",
		s.at.UTC().Format("Jan 02 15:04"), short(s.rate), short(s.forecast), s.replicas, s.source, s.binding, string(bar))
	return err
}

// summary says how far ahead of the load the replicas were asked for on the day's greatest rise, and
// how often they were too few for the moment.
func (t *timelineTable) summary() string {
	missed := 0
	for _, s := range t.samples {
		if s.reactive > s.replicas {
			missed++
		}
	}
	text := fmt.Sprintf("The recommendation was below the need of the moment in %d of %d samples.\n", missed, len(t.samples))
	if lead, ok := t.leadOnRise(); ok {
		text = fmt.Sprintf("On the steepest rise of the day the replicas were asked for %s before the observed rate needed them.\n", lead.Round(time.Second)) + text
	}
	return text
}

// leadOnRise returns the median, over the numbers of replicas in the middle half of the greatest rise of
// the need, of the time between the number being recommended and being needed. There is none if the need
// hardly rose.
func (t *timelineTable) leadOnRise() (time.Duration, bool) {
	bottom, low, top := 0, 0, 0
	for i, s := range t.samples {
		if s.reactive < t.samples[low].reactive {
			low = i
		}
		if s.reactive-t.samples[low].reactive > t.samples[top].reactive-t.samples[bottom].reactive {
			bottom, top = low, i
		}
	}
	rise := t.samples[bottom:]
	least := rise[0].reactive
	height := t.samples[top].reactive - least
	if height < 4 {
		return 0, false
	}
	first := func(reaches func(sample) int, n int) time.Time {
		return rise[slices.IndexFunc(rise, func(s sample) bool { return reaches(s) >= n })].at
	}
	var leads []time.Duration
	for n := least + height/4 + 1; n <= least+3*height/4; n++ {
		needed := first(func(s sample) int { return s.reactive }, n)
		asked := first(func(s sample) int { return max(s.replicas, s.reactive) }, n)
		leads = append(leads, needed.Sub(asked))
	}
	slices.Sort(leads)
	return leads[len(leads)/2], true
}
