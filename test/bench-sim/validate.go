package main

import (
	"context"
	"flag"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prescale/prescale/simulator"
)

// row is one system in its steady state and what theory says of it.
type row struct {
	model, name string
	config      *simulator.Config // of any duration
	rate        float64           // requests per second
	least       float64           // requests that a replication needs to forget how it began
	want        []expectation
}

// expectation is one number and how a run shows it.
type expectation struct {
	name string
	want float64
	got  func(*steady) float64
}

// steady counts what happened in a run after its first part.
type steady struct {
	requests, served, waited, expired, refused float64
	waits, latencies, answered                 float64
}

// outcome is what simulation says of one expectation.
type outcome struct {
	row         row
	expectation expectation
	mean, half  float64 // of the 99.9 % confidence interval
	replicas    int
	requests    float64
}

func (o *outcome) inside() bool { return math.Abs(o.mean-o.expectation.want) <= o.half }

const (
	confidence     = 0.999
	replications   = 20
	discardedShare = 0.1
)

// validate simulates rows of the reference data until the confidence interval is narrow enough, and prints per model how
// many exact values lie outside: a share of 1 - confidence is expected to.
func validate(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("validate", flag.ContinueOnError)
	reference := flags.String("reference", "../shared/reference/queueing", "folder of reference values; without it they come from package queueing")
	every := flags.Int("every", 10, "take every n-th row of a file")
	width := flags.Float64("half-width", 0.01, "aim at this half-width of the confidence interval, relative")
	most := flags.Float64("max-requests", 1e8, "simulate at most so many requests per row")
	only := flags.String("model", "", "only this model")
	verbose := flags.Bool("v", false, "print every row")
	if err := flags.Parse(args); err != nil {
		return err
	}
	rows, origin, err := readRows(*reference, *every)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	outcomes := make([][]outcome, len(rows))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	done := 0
	for i, r := range rows {
		if *only != "" && r.model != *only {
			continue
		}
		group.Go(func() error {
			o, err := r.simulate(ctx, *width, *most)
			if err != nil {
				return fmt.Errorf("%s %s: %w", r.model, r.name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[i] = o
			if done++; done%10 == 0 {
				fmt.Fprintf(os.Stderr, "bench-sim: %d of %d rows\n", done, len(rows))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("Exact values: %s, every %d. row; %d replications; intervals of %.1f %%.\n\n", origin, *every, replications, 100*confidence)
	printOutcomes(outcomes, *width, *verbose)
	return nil
}

// simulate runs longer and longer replications.
func (r row) simulate(ctx context.Context, width, most float64) ([]outcome, error) {
	for requests := max(2e4, r.least); ; requests *= 4 {
		requests = min(requests, max(r.least, most/replications))
		values := make([][]float64, len(r.want))
		for k := range replications {
			s, err := r.run(ctx, requests, simulator.ReplicationSeed(r.seed(requests), k))
			if err != nil {
				return nil, err
			}
			for i, x := range r.want {
				values[i] = append(values[i], x.got(s))
			}
		}
		t := distuv.StudentsT{Sigma: 1, Nu: replications - 1}.Quantile((1 + confidence) / 2)
		var outcomes []outcome
		wide := false
		for i, x := range r.want {
			half := t * stat.StdDev(values[i], nil) / math.Sqrt(replications)
			wide = wide || half > width*x.want
			outcomes = append(outcomes, outcome{r, x, stat.Mean(values[i], nil), half, replications, requests})
		}
		if !wide || 4*requests > most/replications {
			return outcomes, nil
		}
	}
}

// seed differs between rows, so that they miss independently.
func (r row) seed(requests float64) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, r.model, r.name, requests)
	return h.Sum64()
}

// run simulates one replication and takes off the same run ended after its first part: both meet the same requests.
func (r row) run(ctx context.Context, requests float64, seed uint64) (*steady, error) {
	whole, err := r.count(ctx, requests, seed)
	if err != nil {
		return nil, err
	}
	first, err := r.count(ctx, requests*discardedShare, seed)
	if err != nil {
		return nil, err
	}
	return &steady{
		whole.requests - first.requests, whole.served - first.served, whole.waited - first.waited,
		whole.expired - first.expired, whole.refused - first.refused,
		whole.waits - first.waits, whole.latencies - first.latencies, whole.answered - first.answered,
	}, nil
}

func (r row) count(ctx context.Context, requests float64, seed uint64) (*steady, error) {
	c := *r.config
	c.Duration = time.Duration(requests / r.rate * float64(time.Second))
	// The same stream however long the run is: only its end differs.
	c.Arrivals = poissonFor(r.rate)
	result, err := simulator.Run(ctx, &c, nil, seed)
	if err != nil {
		return nil, err
	}
	return &steady{
		float64(result.Requests), float64(result.Served), float64(result.Waited), float64(result.Expired), float64(result.Refused),
		result.MeanWait * float64(result.Served), result.Latency.Sum, float64(result.Answered),
	}, nil
}

func printOutcomes(outcomes [][]outcome, width float64, verbose bool) {
	type tally struct{ values, outside, narrow int }
	tallies := map[string]*tally{}
	var order []string
	total := tally{}
	for _, of := range outcomes {
		for _, o := range of {
			key := o.row.model + ", " + o.expectation.name
			if tallies[key] == nil {
				tallies[key] = &tally{}
				order = append(order, key)
			}
			for _, t := range []*tally{tallies[key], &total} {
				t.values++
				if !o.inside() {
					t.outside++
				}
				if o.half <= width*o.expectation.want {
					t.narrow++
				}
			}
			if verbose || !o.inside() {
				fmt.Printf("- %s %s: %s %.6g ± %.2g, exact %.6g, %d × %.3g requests%s\n", o.row.model, o.row.name, o.expectation.name,
					o.mean, o.half, o.expectation.want, o.replicas, o.requests, map[bool]string{false: ", OUTSIDE"}[o.inside()])
			}
		}
	}
	fmt.Printf("\n| model, quantity | values | outside | half-width <= %g %% |\n| --- | --- | --- | --- |\n", 100*width)
	for _, key := range order {
		t := tallies[key]
		fmt.Printf("| %s | %d | %d | %d |\n", key, t.values, t.outside, t.narrow)
	}
	fmt.Printf("| all (expected outside: %.1f) | %d | %d | %d |\n", (1-confidence)*float64(total.values), total.values, total.outside, total.narrow)
}
