package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/queueing"
)

func newSize() *cobra.Command {
	var (
		o       sizeOptions
		sweep   string
		explain bool
	)
	cmd := &cobra.Command{
		Use:   "size --arrival-rate RATE --service-time TIME",
		Short: "Replicas for an arrival rate, by queueing formulas",
		Long: `size answers how many replicas a steady arrival rate needs so that the utilization cap holds and,
if asked for, objectives for latency, waiting and losses. The replicas are taken as one queue in
order of arrival, with a balancer that finds a free replica if there is one.

The flags choose the model, or --model asks for one and checks the flags it needs:

` + modelHelp() + `
Batches: the replicas share the arrivals at random, and utilization is the share of the largest
throughput, not of the time: a busy server makes larger batches. --rate-std keeps latency on average
over the rates that may come, and utilization at their mean.

--explain adds the formula with the numbers put in, whether it is exact, and its source.

--sweep replicas=1..40 shows every number of replicas in the range at that rate. The knee is the least
number whose response quantile is within 10 % of what endless replicas would give, and that loses
less than 1 % of the requests where requests can be lost: from there on replicas buy little.`,
		Example: `  # 50 requests/s of 100 ms each: 6 replicas would be stable, 7 keep 20 % in reserve
  prescale size --arrival-rate 50 --service-time 100ms --max-utilization 0.8

  # 99 % of responses within half a second
  prescale size --arrival-rate 50 --service-time 100ms --latency 500ms --percentile 0.99 -o json

  # mixed request types (measured SCV 4), and why
  prescale size --arrival-rate 50 --service-time 100ms --service-scv 4 --latency 1200ms --explain

  # clients give up after 2 s on average; lose at most 1 in 1000
  prescale size --arrival-rate 50 --service-time 100ms --patience 2s --max-abandonment 0.001 --max-utilization 0

  # 10 may wait for each replica, further ones are refused: at most 1 % of them
  prescale size --arrival-rate 50 --service-time 100ms --queue-limit 10 --max-blocking 0.01 --max-utilization 0

  # a server that batches up to 8 requests in 10 ms + 2 ms each
  prescale size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms

  # the rate is a forecast of 50/s give or take 10/s
  prescale size --arrival-rate 50 --rate-std 10 --service-time 100ms --latency 600ms

  # p99 against replicas, drawn
  prescale size --arrival-rate 50 --service-time 100ms --latency 600ms --sweep replicas=1..40 -o svg > sweep.svg`,
		Args: noArgs,
	}
	o.register(cmd)
	f := cmd.Flags()
	f.StringVar(&sweep, "sweep", "", "range of replicas to show, as replicas=1..40")
	f.BoolVar(&explain, "explain", false, "print the model, its formula with the numbers, its error and its source")
	out := addOutput(cmd, "table", "json", "svg")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		if out.format == "svg" && sweep == "" {
			return usageError{errors.New("--output svg draws a sweep: add --sweep replicas=1..40, for example")}
		}
		q, err := o.question()
		if err != nil {
			return usageError{err}
		}
		result, err := q.answer()
		if err != nil {
			return usageError{nameFlags(err)}
		}
		if explain {
			e := q.explain(result.Sizing)
			result.Explanation = &e
		}
		if sweep != "" {
			from, to, err := parseSweep(sweep, o.limit)
			if err != nil {
				return usageError{err}
			}
			result.sweep(q, from, to)
		}
		return result.write(cmd.OutOrStdout(), out.format, q)
	}
	return cmd
}

// sizeOptions are the flags that pose the question.
type sizeOptions struct {
	changed func(flag string) bool

	model, rateLaw                               string
	rateStd                                      float64
	batchMax                                     int
	batchFixed, batchPerItem                     time.Duration
	rate                                         float64
	serviceTime                                  time.Duration
	serviceSCV, arrivalSCV                       float64
	patience                                     time.Duration
	queueLimit, concurrency, limit               int
	maxUtilization, maxWaitProbability           float64
	maxBlocking, maxAbandonment, percentile      float64
	latency, waitLatency, meanWait, meanResponse time.Duration
}

func (o *sizeOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	o.changed = f.Changed
	f.StringVar(&o.model, "model", modelAuto, "model of the queue: "+modelNames())
	f.Float64Var(&o.rate, "arrival-rate", 0, "requests per second (required)")
	f.DurationVar(&o.serviceTime, "service-time", 0, "mean time that one request occupies a replica (required)")
	f.Float64Var(&o.serviceSCV, "service-scv", v1alpha1.DefaultSCV, "squared coefficient of variation of the service time: 0 is constant, 1 exponential")
	f.Float64Var(&o.arrivalSCV, "arrival-scv", 1, "squared coefficient of variation of the time between arrivals: 0 is a clock, 1 Poisson")
	f.DurationVar(&o.patience, "patience", 0, "mean time after which a waiting client gives up")
	f.IntVar(&o.queueLimit, "queue-limit", 0, "requests that may wait for each replica before further ones are refused; 0 for none")
	f.IntVar(&o.batchMax, "batch-max", 0, "most requests that a replica serves as one batch; 0 for no limit")
	f.DurationVar(&o.batchFixed, "batch-fixed", 0, "time that a batch takes whatever its size")
	f.DurationVar(&o.batchPerItem, "batch-per-item", 0, "time that each request adds to its batch")
	f.Float64Var(&o.rateStd, "rate-std", 0, "standard deviation of --arrival-rate, where that is uncertain")
	f.StringVar(&o.rateLaw, "rate-law", lawNormal, "law of the uncertain rate: "+lawNormal+" (cut at 0), "+lawGamma)
	f.IntVar(&o.concurrency, "concurrency", v1alpha1.DefaultConcurrency, "requests that a replica serves at once")
	f.Float64Var(&o.maxUtilization, "max-utilization", v1alpha1.DefaultMaxUtilization, "cap on the share of time that a replica is busy; 0 for none")
	f.Float64Var(&o.maxWaitProbability, "max-wait-probability", 0, "cap on the share of requests that wait at all; 0 for none")
	f.Float64Var(&o.maxBlocking, "max-blocking", 0, "cap on the share of requests refused, with --queue-limit; 0 for none")
	f.Float64Var(&o.maxAbandonment, "max-abandonment", 0, "cap on the share of clients who give up, with --patience; 0 for none")
	f.DurationVar(&o.latency, "latency", 0, "response time that the percentile must keep")
	f.DurationVar(&o.waitLatency, "wait", 0, "waiting time that the percentile must keep")
	f.Float64Var(&o.percentile, "percentile", v1alpha1.DefaultPercentile, "share of requests within --latency and --wait")
	f.DurationVar(&o.meanWait, "mean-wait", 0, "cap on the mean waiting time")
	f.DurationVar(&o.meanResponse, "mean-response", 0, "cap on the mean response time")
	f.IntVar(&o.limit, "max-replicas", v1alpha1.MaxReplicasLimit, "most replicas to consider")
}

// sizeQuestion is what package queueing is asked.
type sizeQuestion struct {
	kind    modelKind
	rate    float64
	service queueing.Service
	target  queueing.Target
	limit   int
	batch   batchService // of the kind batch, instead of service
	spread  rateSpread
}

// question checks the flags against each other; what a single value may be, package queueing says.
func (o *sizeOptions) question() (sizeQuestion, error) {
	kind, err := o.kind()
	if err != nil {
		return sizeQuestion{}, err
	}
	switch {
	case !o.changed("arrival-rate") && kind == modelBatch:
		return sizeQuestion{}, errors.New("--arrival-rate is required")
	case kind != modelBatch && (!o.changed("arrival-rate") || !o.changed("service-time")):
		return sizeQuestion{}, errors.New("--arrival-rate and --service-time are required")
	case o.changed("percentile") && o.latency == 0 && o.waitLatency == 0:
		return sizeQuestion{}, errors.New("--percentile says how many requests keep --latency or --wait, and neither is given")
	case o.changed("patience") && o.patience <= 0:
		return sizeQuestion{}, fmt.Errorf("--patience %v: must be above 0; leave it out for clients who never give up", o.patience)
	case o.queueLimit < 0:
		return sizeQuestion{}, fmt.Errorf("--queue-limit %d: must not be negative; leave it out for a queue without limit", o.queueLimit)
	case o.maxBlocking != 0 && kind != modelMMcK:
		return sizeQuestion{}, errors.New("--max-blocking needs --queue-limit: without a limit nobody is refused")
	case o.maxAbandonment != 0 && kind != modelErlangA:
		return sizeQuestion{}, errors.New("--max-abandonment needs --patience: without it nobody gives up")
	}
	if err := o.checkSpread(kind); err != nil {
		return sizeQuestion{}, err
	}
	q := sizeQuestion{
		kind: kind,
		rate: o.rate,
		service: queueing.Service{
			MeanTime:    o.serviceTime,
			Concurrency: o.concurrency,
			SCV:         queueing.SCV(o.serviceSCV),
			ArrivalSCV:  queueing.SCV(o.arrivalSCV),
			Patience:    o.patience,
			MaxWaiting:  o.queueLimit,
		},
		target: queueing.Target{
			MaxUtilization: o.maxUtilization, MaxWaitProbability: o.maxWaitProbability,
			MaxBlocking: o.maxBlocking, MaxAbandonment: o.maxAbandonment,
			MaxMeanWait: o.meanWait, MaxMeanResponse: o.meanResponse,
		},
		limit:  o.limit,
		batch:  batchService{perItem: o.batchPerItem, fixed: o.batchFixed, most: o.batchMax},
		spread: rateSpread{deviation: o.rateStd, law: o.rateLaw},
	}
	if kind == modelMDc {
		q.service.SCV = queueing.SCV(0)
	}
	if kind == modelMMcK && o.queueLimit == 0 {
		q.service.MaxWaiting = queueing.NoQueue
	}
	if o.latency != 0 {
		q.target.Response = queueing.Quantile{Percentile: o.percentile, Latency: o.latency}
	}
	if o.waitLatency != 0 {
		q.target.Wait = queueing.Quantile{Percentile: o.percentile, Latency: o.waitLatency}
	}
	return q, nil
}

// queue is the model at any rate and number of replicas.
func (q sizeQuestion) queue() queueing.Model {
	if q.kind == modelBatch {
		return q.batch
	}
	return q.service
}

// answer sizes.
func (q sizeQuestion) answer() (sizeResult, error) {
	switch {
	case q.kind == modelBatch:
		return q.answerBatch()
	case q.spread.deviation > 0:
		return q.answerSpread()
	}
	sizing, err := queueing.Size(q.rate, q.service, q.target, q.limit)
	if err != nil {
		return sizeResult{}, err
	}
	return newSizeResult(q.kind, sizing), nil
}
