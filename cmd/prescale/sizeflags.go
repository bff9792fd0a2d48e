package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/queueing"
)

// sizeOptions are the flags that pose the question.
type sizeOptions struct {
	changed func(flag string) bool

	model, rateLaw                               string
	rateStd                                      float64
	batchMax, choices                            int
	batchFixed, batchPerItem, batchMaxDelay      time.Duration
	setupTime                                    time.Duration
	rate                                         float64
	serviceTime                                  time.Duration
	serviceSCV, arrivalSCV                       float64
	patience                                     time.Duration
	queueLimit, concurrency, limit, replicas     int
	backlog                                      float64
	maxUtilization, maxWaitProbability           float64
	maxBlocking, maxAbandonment, percentile      float64
	latency, waitLatency, meanWait, meanResponse time.Duration
}

// flagGroup is a part of the help.
type flagGroup struct {
	title string
	flags *pflag.FlagSet
}

// register adds the flags of the question to a command, in the groups in which help shows them.
func (o *sizeOptions) register(cmd *cobra.Command) []flagGroup {
	var groups []flagGroup
	group := func(title string, add func(f *pflag.FlagSet)) {
		f := pflag.NewFlagSet(title, pflag.ContinueOnError)
		f.SortFlags = false
		add(f)
		cmd.Flags().AddFlagSet(f)
		groups = append(groups, flagGroup{title, f})
	}
	group("Start here", func(f *pflag.FlagSet) {
		f.Float64Var(&o.rate, "arrival-rate", 0, "requests per second (required but with --replicas)")
		f.DurationVar(&o.serviceTime, "service-time", 0, "mean time that one request occupies a replica (required but for batches)")
		f.DurationVar(&o.latency, "latency", 0, "response time that the percentile must keep")
		f.IntVar(&o.replicas, "replicas", 0, "instead of --arrival-rate: the largest rate that so many replicas carry")
		f.Float64Var(&o.backlog, "backlog", 0, "requests that wait already: the time in which the replicas work them off beside the arrivals")
	})
	group("What must hold, all at once", func(f *pflag.FlagSet) {
		f.Float64Var(&o.percentile, "percentile", v1alpha1.DefaultPercentile, "share of requests within --latency and --wait")
		f.Float64Var(&o.maxUtilization, "max-utilization", v1alpha1.DefaultMaxUtilization, "cap on the share of time that a replica is busy; 0 for none")
		f.DurationVar(&o.waitLatency, "wait", 0, "waiting time that the percentile must keep")
		f.DurationVar(&o.meanResponse, "mean-response", 0, "cap on the mean response time")
		f.DurationVar(&o.meanWait, "mean-wait", 0, "cap on the mean waiting time")
		f.Float64Var(&o.maxWaitProbability, "max-wait-probability", 0, "cap on the share of requests that wait at all; 0 for none")
		f.Float64Var(&o.maxBlocking, "max-blocking", 0, "cap on the share of requests refused, with --queue-limit; 0 for none")
		f.Float64Var(&o.maxAbandonment, "max-abandonment", 0, "cap on the share of clients who give up, with --patience; 0 for none")
		f.IntVar(&o.limit, "max-replicas", v1alpha1.MaxReplicasLimit, "most replicas to consider")
	})
	group("The service and its clients", func(f *pflag.FlagSet) {
		f.IntVar(&o.concurrency, "concurrency", v1alpha1.DefaultConcurrency, "requests that a replica serves at once")
		f.Float64Var(&o.serviceSCV, "service-scv", v1alpha1.DefaultSCV, "squared coefficient of variation of the service time: 0 is constant, 1 exponential")
		f.Float64Var(&o.arrivalSCV, "arrival-scv", 1, "squared coefficient of variation of the time between arrivals: 0 is a clock, 1 Poisson")
		f.DurationVar(&o.patience, "patience", 0, "mean time after which a waiting client gives up")
		f.IntVar(&o.queueLimit, "queue-limit", 0, "requests that may wait for each replica before further ones are refused; 0 for none")
		f.IntVar(&o.choices, "choices", queueing.DefaultChoices, "queues that --model power-of-d compares")
		f.DurationVar(&o.setupTime, "setup-time", 0, "mean time to start a replica that was switched off when idle")
	})
	group("Batches", func(f *pflag.FlagSet) {
		f.IntVar(&o.batchMax, "batch-max", 0, "most requests that a replica serves as one batch; 0 for no limit")
		f.DurationVar(&o.batchFixed, "batch-fixed", 0, "time that a batch takes whatever its size")
		f.DurationVar(&o.batchPerItem, "batch-per-item", 0, "time that each request adds to its batch")
		f.DurationVar(&o.batchMaxDelay, "batch-max-delay", 0, "longest that a request waits at a free replica for its batch to fill")
	})
	group("A rate that is not known exactly", func(f *pflag.FlagSet) {
		f.Float64Var(&o.rateStd, "rate-std", 0, "standard deviation of --arrival-rate, where that is uncertain")
		f.StringVar(&o.rateLaw, "rate-law", lawNormal, "law of the uncertain rate: "+lawNormal+" (cut at 0), "+lawGamma)
	})
	o.changed = cmd.Flags().Changed
	return groups
}

// groupFlags makes a command show its flags in groups, the rest under a last title.
func groupFlags(cmd *cobra.Command, groups []flagGroup, rest string) {
	cmd.Flags().SortFlags = false
	cmd.SetUsageFunc(func(cmd *cobra.Command) error {
		var b strings.Builder
		fmt.Fprintf(&b, "Usage:\n  %s\n\nExamples:\n%s\n", cmd.UseLine(), cmd.Example)
		last := pflag.NewFlagSet(rest, pflag.ContinueOnError)
		last.SortFlags = false
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			for _, g := range groups {
				if g.flags.Lookup(f.Name) != nil {
					return
				}
			}
			last.AddFlag(f)
		})
		for _, g := range append(groups[:len(groups):len(groups)], flagGroup{rest, last}) {
			fmt.Fprintf(&b, "\n%s:\n%s", g.title, g.flags.FlagUsages())
		}
		_, err := fmt.Fprint(cmd.OutOrStderr(), b.String())
		return err
	})
}
