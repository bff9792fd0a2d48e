package simulator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/prescale/prescale/replay"
)

// Experiment is several policies under the same load, several times.
type Experiment struct {
	Config *Config
	// Policies are compared; nil entries leave the replicas as they are.
	Policies []replay.Policy
	// Seed is all the randomness of the experiment depends on. Replication k of every policy has the seed
	// [ReplicationSeed](Seed, k), so that all policies meet the same requests.
	Seed uint64
	// Replications is how many independent runs each policy gets, >= 1. An interval needs two.
	Replications int
	// Workers is how many runs go on at a time; 0 means GOMAXPROCS. The results do not depend on it.
	Workers int
	// Shards, if > 0, divides the runs among that many processes, of which this is number Shard, in [0, Shards). Every
	// replication of all policies falls to one shard.
	Shard, Shards int
	// Progress, if not nil, is called now and then, never by two goroutines at a time.
	Progress func(Progress)
}

// Progress is how far an experiment has come.
type Progress struct {
	// Runs is how many runs there are and Done how many of them are finished.
	Runs, Done int
	// Share is the part of the simulated time that is over, in [0, 1].
	Share float64
	// Requests is how many requests the finished runs simulated.
	Requests uint64
}

// RunAll runs an experiment, or its shard, on all cores. The results are in the order of replications, and within one
// in that of the policies.
//
// Errors: as [Run]. If the context ends first, the results of the runs finished until then come with its error.
func RunAll(ctx context.Context, x Experiment) ([]*Result, error) {
	if err := x.check(); err != nil {
		return nil, err
	}
	var jobs []int // replication × policies + policy
	for job := range x.Replications * len(x.Policies) {
		if x.Shards == 0 || job/len(x.Policies)%x.Shards == x.Shard {
			jobs = append(jobs, job)
		}
	}
	results := make([]*Result, len(jobs))
	meter := progressMeter{report: x.Progress, shares: make([]float64, len(jobs))}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(x.workers())
	for i, job := range jobs {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			replication, index := job/len(x.Policies), job%len(x.Policies)
			r, err := run(ctx, x.Config, x.Policies[index], ReplicationSeed(x.Seed, replication), meter.of(i))
			if err != nil {
				return err
			}
			r.Index, r.Replication = index, replication
			results[i] = r
			meter.done(i, r)
			return nil
		})
	}
	err := group.Wait()
	finished := results[:0]
	for _, r := range results {
		if r != nil {
			finished = append(finished, r)
		}
	}
	return finished, err
}

func (x *Experiment) workers() int {
	if x.Workers > 0 {
		return x.Workers
	}
	return runtime.GOMAXPROCS(0)
}

func (x *Experiment) check() error {
	var p problems
	p.check(len(x.Policies) > 0, "Experiment.Policies is empty, need at least one")
	p.check(x.Replications >= 1, "Experiment.Replications is %d, must be at least 1", x.Replications)
	p.check(x.Workers >= 0, "Experiment.Workers is %d, must not be negative", x.Workers)
	p.check(x.Shards >= 0 && (x.Shards == 0 || x.Shard >= 0 && x.Shard < x.Shards),
		"Experiment.Shard is %d of %d, must be in 0..%d", x.Shard, x.Shards, x.Shards-1)
	if x.Config == nil {
		return errors.Join(append(p, fmt.Errorf("simulator: Experiment.Config is missing"))...)
	}
	return errors.Join(append(p, x.Config.check())...)
}

// progressMeter adds up the progress of runs.
type progressMeter struct {
	report func(Progress)
	mu     sync.Mutex
	shares []float64
	total  Progress
}

// of returns what the i-th run reports its progress to.
func (m *progressMeter) of(i int) func(float64) {
	if m.report == nil {
		return nil
	}
	return func(share float64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.shares[i] = share
		m.tell()
	}
}

func (m *progressMeter) done(i int, r *Result) {
	if m.report == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shares[i] = 1
	m.total.Done++
	m.total.Requests += r.Requests
	m.tell()
}

func (m *progressMeter) tell() {
	m.total.Runs = len(m.shares)
	m.total.Share = 0
	for _, s := range m.shares {
		m.total.Share += s / float64(len(m.shares))
	}
	m.report(m.total)
}
