package differential

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/klog/v2"

	"github.com/prescale/prescale/hpa"
)

var (
	firstSeed = flag.Uint64("seed", 1, "seed of the first timeline; each one after it has the next seed")
	cases     = flag.Int("cases", 1200, "number of random autoscalers, each with a timeline of its own")
)

// TestMain silences the controller, which logs every sync. Its error handlers must go in any case: one of them limits the
// rate of errors across all bubbles, whose clocks do not agree, by sleeping.
func TestMain(m *testing.M) {
	flag.Parse()
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	utilruntime.ErrorHandlers = nil
	os.Exit(m.Run())
}

// TestDifferential plays random timelines of random autoscalers on the real controller and on package hpa.
func TestDifferential(t *testing.T) {
	const shards = 4 // in parallel
	counts := make([]tally, shards)
	t.Run("shards", func(t *testing.T) {
		for shard := range shards {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for i := shard; i < *cases; i += shards {
					line := newTimeline(*firstSeed + uint64(i))
					out := run(t, line)
					counts[shard].add(out.trace)
					if len(out.different) > 0 {
						t.Fatal(report(t, line, out))
					}
				}
			})
		}
	})
	var total tally
	for _, c := range counts {
		total.merge(c)
	}
	t.Logf("%d autoscalers from seed %d: %s", *cases, *firstSeed, total)
}

// report shrinks the timeline and describes the difference.
func report(t *testing.T, line *timeline, out outcome) string {
	short, out := shrink(t, line, out)
	var b strings.Builder
	fmt.Fprintf(&b, "hpa and the controller differ: -seed %d -cases 1\n", line.Seed)
	for _, d := range out.different {
		fmt.Fprintf(&b, "  %s\n", d)
	}
	fmt.Fprintf(&b, "timeline cut to %d of %d steps and %d of %d metrics; config %+v\n",
		len(short.Steps), len(line.Steps), len(short.Spec.Metrics), len(line.Spec.Metrics), short.Config)
	for i, p := range out.trace {
		d := p.Decision
		fmt.Fprintf(&b, "  sync %2d at %v: spec %d, status %d, %d pods -> %d (proposed %d, stabilized %d, limited %d) %s\n",
			i, p.Inputs.Now, p.Inputs.SpecReplicas, p.Inputs.StatusReplicas, len(p.Inputs.Pods),
			d.Desired, d.Proposed, d.Stabilized, d.Limited, text(d.Conditions.ScalingActive))
	}
	last := out.trace[len(out.trace)-1]
	for _, part := range []struct {
		name  string
		value any
	}{{"spec", last.Spec}, {"state before", last.Before}, {"inputs", last.Inputs}, {"decision", last.Decision}} {
		data, err := json.Marshal(part.value)
		if err != nil {
			data = fmt.Appendf(nil, "%+v", part.value)
		}
		fmt.Fprintf(&b, "the last sync, %s: %s\n", part.name, data)
	}
	return b.String()
}

// shrink leaves out steps and metrics as long as any difference remains.
func shrink(t *testing.T, line *timeline, out outcome) (*timeline, outcome) {
	for again := true; again; {
		again = false
		for i := len(line.Steps) - 1; i >= 0; i-- {
			shorter := *line
			shorter.Steps = slices.Delete(slices.Clone(line.Steps), i, i+1)
			if o := run(t, &shorter); len(o.different) > 0 {
				line, out, again = &shorter, o, true
			}
		}
		for i := len(line.Spec.Metrics) - 1; i >= 0 && len(line.Spec.Metrics) > 1; i-- {
			shorter := *line
			shorter.Spec.Metrics = slices.Delete(slices.Clone(line.Spec.Metrics), i, i+1)
			if o := run(t, &shorter); len(o.different) > 0 {
				line, out, again = &shorter, o, true
			}
		}
	}
	return line, out
}

// tally counts what the timelines contained, to show that they came to everything.
type tally struct {
	syncs, rescales, blocked int
	reasons                  map[string]int
	failures                 map[hpa.Failure]int
	causes                   map[hpa.Cause]int
}

func (c *tally) add(trace []pass) {
	if c.reasons == nil {
		*c = tally{reasons: map[string]int{}, failures: map[hpa.Failure]int{}, causes: map[hpa.Cause]int{}}
	}
	for _, p := range trace {
		d := p.Decision
		c.syncs++
		if d.Rescale {
			c.rescales++
			c.causes[d.Cause]++
		}
		if d.Blocked {
			c.blocked++
		}
		for _, condition := range []hpa.Condition{
			d.Conditions.AbleToScale, d.Conditions.ScalingActive, d.Conditions.ScalingLimited, d.Conditions.ScaledToZero,
		} {
			c.reasons[text(condition)]++
		}
		for _, proposal := range d.Proposals {
			c.failures[proposal.Failure]++
		}
	}
}

func (c *tally) merge(other tally) {
	c.add(nil)
	c.syncs += other.syncs
	c.rescales += other.rescales
	c.blocked += other.blocked
	for k, n := range other.reasons {
		c.reasons[k] += n
	}
	for k, n := range other.failures {
		c.failures[k] += n
	}
	for k, n := range other.causes {
		c.causes[k] += n
	}
}

func (c tally) String() string {
	return fmt.Sprintf("%d syncs, %d rescales, %d blocked by failed metrics\nconditions: %v\nmetrics: %v\ncauses: %v",
		c.syncs, c.rescales, c.blocked, c.reasons, c.failures, c.causes)
}
