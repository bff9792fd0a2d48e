package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
	"github.com/prescale/prescale/simulator"
)

// contestant is one program of the race: it simulates about so many requests and returns nanoseconds of processor time
// per request.
type contestant struct {
	name string
	run  func(seed int) (float64, error)
	ns   []float64
}

// speed runs all contestants in turn, several times, and prints medians and ratios. Times are of the processor, so that
// what else runs on the machine counts little.
func speed(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("speed", flag.ContinueOnError)
	repetitions := flags.Int("repetitions", 9, "interleaved repetitions")
	requests := flags.Float64("requests", 3e6, "requests per repetition")
	if err := flags.Parse(args); err != nil {
		return err
	}
	var allocations []float64
	events := ten(0.9, *requests)
	events.Client.Timeout = 1000 * time.Hour // which nobody lives to see, but the fast path must not be taken
	list := []*contestant{
		{name: "events: central queue", run: simulated(ctx, events, nil, nil)},
		{name: "recursion: central queue", run: simulated(ctx, ten(0.9, *requests), nil, nil)},
		{name: "events: full model", run: simulated(ctx, full(*requests), policy.Reactive{Target: 20}, &allocations)},
	}
	c, simpy := external("recursion", *requests), external("mmc.py", *requests/50)
	for _, x := range []*contestant{c, simpy} {
		if x != nil {
			list = append(list, x)
		}
	}
	for k := range *repetitions {
		for _, x := range list {
			ns, err := x.run(k + 1)
			if err != nil {
				return fmt.Errorf("%s: %w", x.name, err)
			}
			x.ns = append(x.ns, ns)
		}
		fmt.Fprintf(os.Stderr, "bench-sim: repetition %d of %d\n", k+1, *repetitions)
	}
	fmt.Printf("M/M/10 at 0.9 and the full model on a like load; %d interleaved repetitions of %.3g requests, medians (least, most) by processor time\n\n", *repetitions, *requests)
	fmt.Println("| program | ns per request | million requests/s per core | of C | SimPy × |")
	fmt.Println("| --- | --- | --- | --- | --- |")
	for _, x := range list {
		fmt.Printf("| %s | %.1f (%.1f, %.1f) | %.2f | %s | %s |\n", x.name, x.median(), slices.Min(x.ns), slices.Max(x.ns), 1e3/x.median(),
			ratio(c, x, 100, "%.0f %%"), ratio(simpy, x, 1, "%.0f"))
	}
	fmt.Printf("\nallocations per request of the full model: %.2g\n\n", slices.Max(allocations))
	return cores(ctx, c, *requests, *repetitions)
}

func (x *contestant) median() float64 { return median(x.ns) }

// ratio is the median over the repetitions of the yardstick's time over that of x.
func ratio(yardstick, x *contestant, scale float64, format string) string {
	if yardstick == nil {
		return "skipped"
	}
	r := make([]float64, len(x.ns))
	for i := range r {
		r[i] = scale * yardstick.ns[i] / x.ns[i]
	}
	return fmt.Sprintf(format, median(r))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[n/2] + sorted[(n-1)/2]) / 2
}

// simulated measures a configuration.
func simulated(ctx context.Context, c *simulator.Config, p replay.Policy, allocations *[]float64) func(int) (float64, error) {
	return func(seed int) (float64, error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		from := processorTime()
		r, err := simulator.Run(ctx, c, p, uint64(seed))
		if err != nil {
			return 0, err
		}
		spent := processorTime() - from
		runtime.ReadMemStats(&after)
		if allocations != nil {
			*allocations = append(*allocations, float64(after.Mallocs-before.Mallocs)/float64(r.Requests))
		}
		return float64(spent.Nanoseconds()) / float64(r.Requests), nil
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// external returns a yardstick that run.sh has put in place, or nil.
func external(file string, requests float64) *contestant {
	path := filepath.Join(os.Getenv("BENCH_SIM_DIR"), file)
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	name, command := "C recursion", []string{path}
	if filepath.Ext(file) == ".py" {
		name, command = "SimPy", []string{os.Getenv("BENCH_SIM_PYTHON"), path}
	}
	return &contestant{name: name, run: func(seed int) (float64, error) {
		arguments := append(command[1:len(command):len(command)], "10", "0.9", fmt.Sprintf("%.0f", requests), fmt.Sprint(seed))
		out, err := exec.Command(command[0], arguments...).Output()
		if err != nil {
			return 0, err
		}
		var seconds, wait float64
		if _, err := fmt.Sscan(string(out), &seconds, &wait); err != nil {
			return 0, err
		}
		return seconds * 1e9 / requests, nil
	}}
}

// cores measures by the wall how much faster replications are on two cores than on one, beside what two processes of
// the C recursion gain at that time: on a machine that others use as well, that is all there is to gain.
func cores(ctx context.Context, c *contestant, requests float64, repetitions int) error {
	x := simulator.Experiment{Config: full(requests), Policies: []replay.Policy{policy.Reactive{Target: 20}}, Replications: 4, Seed: 1}
	replicate := func(workers int) error {
		x.Workers = workers
		_, err := simulator.RunAll(ctx, x)
		return err
	}
	yardstick := func(workers int) error {
		var group errgroup.Group
		group.SetLimit(workers)
		for k := range 8 {
			group.Go(func() error { _, err := c.run(k); return err })
		}
		return group.Wait()
	}
	ours, theirs := []float64{}, []float64{}
	for range repetitions {
		gain, err := onTwoCores(replicate)
		if err != nil {
			return err
		}
		ours = append(ours, gain)
		if c == nil {
			continue
		}
		if gain, err = onTwoCores(yardstick); err != nil {
			return err
		}
		theirs = append(theirs, gain)
	}
	fmt.Printf("4 replications of the full model on two cores: %.2f times as fast as on one (%.2f to %.2f, by the wall)\n", median(ours), slices.Min(ours), slices.Max(ours))
	if c != nil {
		fmt.Printf("8 runs of the C recursion, two at a time: %.2f times as fast (%.2f to %.2f)\n", median(theirs), slices.Min(theirs), slices.Max(theirs))
	}
	return nil
}

// onTwoCores returns the wall time of work by one worker over that by two.
func onTwoCores(work func(workers int) error) (float64, error) {
	var spent [2]time.Duration
	for i := range spent {
		from := time.Now()
		if err := work(i + 1); err != nil {
			return 0, err
		}
		spent[i] = time.Since(from)
	}
	return spent[0].Seconds() / spent[1].Seconds(), nil
}
