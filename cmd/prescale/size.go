package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/report"
)

func newSize() *cobra.Command {
	var (
		rate, scv, maxUtilization, percentile float64
		service, latency, wait, response      time.Duration
		concurrency, limit                    int
	)
	cmd := &cobra.Command{
		Use:   "size --arrival-rate RATE --service-time TIME",
		Short: "Replicas for an arrival rate, by queueing formulas",
		Long: `size answers how many replicas a steady arrival rate needs so that the utilization cap holds and,
if asked for, a latency objective. The replicas are taken as one M/M/c queue: Poisson arrivals,
exponential service times, and a balancer that finds a free replica if there is one.`,
		Example: `  # 50 requests/s of 100 ms each: 6 replicas would be stable, 7 keep 20 % in reserve
  prescale size --arrival-rate 50 --service-time 100ms --max-utilization 0.8

  # 99 % of responses within half a second
  prescale size --arrival-rate 50 --service-time 100ms --latency 500ms --percentile 0.99 -o json`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.Float64Var(&rate, "arrival-rate", 0, "requests per second (required)")
	f.DurationVar(&service, "service-time", 0, "mean time that one request occupies a replica (required)")
	f.Float64Var(&scv, "service-scv", v1alpha1.DefaultSCV, "squared coefficient of variation of the service time")
	f.IntVar(&concurrency, "concurrency", v1alpha1.DefaultConcurrency, "requests that a replica serves at once")
	f.Float64Var(&maxUtilization, "max-utilization", v1alpha1.DefaultMaxUtilization, "cap on the share of time that a replica is busy; 0 for none")
	f.DurationVar(&latency, "latency", 0, "response time that the percentile must keep")
	f.Float64Var(&percentile, "percentile", v1alpha1.DefaultPercentile, "share of responses within --latency")
	f.DurationVar(&wait, "mean-wait", 0, "cap on the mean waiting time")
	f.DurationVar(&response, "mean-response", 0, "cap on the mean response time")
	f.IntVar(&limit, "max-replicas", v1alpha1.MaxReplicasLimit, "most replicas to consider")
	out := addOutput(cmd, "table", "json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		switch {
		case !f.Changed("arrival-rate") || !f.Changed("service-time"):
			return usageError{errors.New("--arrival-rate and --service-time are required")}
		case scv != v1alpha1.DefaultSCV:
			return usageError{fmt.Errorf("--service-scv %g: only 1 (exponential service times) can be computed with so far", scv)}
		case f.Changed("percentile") && latency == 0:
			return usageError{errors.New("--percentile says how many responses keep --latency, which is not given")}
		}
		target := queueing.Target{MaxUtilization: maxUtilization, MaxMeanWait: wait, MaxMeanResponse: response}
		if latency != 0 {
			target.Response = queueing.Quantile{Percentile: percentile, Latency: latency}
		}
		sizing, err := queueing.Size(rate, queueing.Service{MeanTime: service, Concurrency: concurrency}, target, limit)
		if err != nil {
			return usageError{err}
		}
		if out.format == "json" {
			return writeJSON(cmd.OutOrStdout(), sizing)
		}
		return sizeTable(sizing).WriteText(cmd.OutOrStdout())
	}
	return cmd
}

func sizeTable(s queueing.Sizing) report.Table {
	seconds := func(v float64) string {
		return time.Duration(v * float64(time.Second)).Round(10 * time.Microsecond).String()
	}
	t := report.Table{Columns: []report.Column{{Header: "quantity"}, {Header: "value", Align: report.Right}}}
	add := func(name, value string) { t.Rows = append(t.Rows, []string{name, value}) }
	add("replicas", strconv.Itoa(s.Replicas))
	add("offered load (erlangs)", short(s.OfferedLoad))
	add("utilization", short(s.Utilization))
	add("probability of waiting", short(s.WaitProbability))
	add("mean wait", seconds(s.MeanWaitSeconds))
	add("mean response time", seconds(s.MeanResponseSeconds))
	add(fmt.Sprintf("p%s response time", levelKey(100*s.Percentile)), seconds(s.ResponseQuantileSeconds))
	add("largest rate so many carry (requests/s)", short(s.MaxArrivalRatePerSecond))
	add("one less would break", string(s.Binding))
	return t
}
