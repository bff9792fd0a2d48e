package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

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
order of arrival, with a balancer that finds a free replica if there is one, unless the model says otherwise.

Three flags are enough: --arrival-rate, --service-time and an objective such as --latency. More of them
describe the service better and choose the model, or --model asks for one and checks the flags it needs:

` + modelHelp() + `
With batches, jsq and all that picks a replica on arrival the replicas have queues of their own. The
utilization of batches is the share of the largest throughput, not of the time: a busy server makes
larger batches. --rate-std keeps latency on average over the rates that may come, and utilization at
their mean.

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

  # the same waiting up to 20 ms for batches to fill
  prescale size --arrival-rate 900 --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max-delay 20ms --latency 60ms

  # what the balancer costs: round robin instead of one queue
  prescale size --arrival-rate 50 --service-time 100ms --latency 600ms --model round-robin

  # the other way round: what 7 replicas carry, and how long they take to work off 1000 requests that wait
  prescale size --replicas 7 --service-time 100ms --latency 500ms
  prescale size --arrival-rate 50 --service-time 100ms --backlog 1000

  # scale to load without reserve: replicas take 30 s to start
  prescale size --arrival-rate 50 --service-time 100ms --setup-time 30s --mean-response 5s

  # the rate is a forecast of 50/s give or take 10/s
  prescale size --arrival-rate 50 --rate-std 10 --service-time 100ms --latency 600ms

  # p99 against replicas, drawn
  prescale size --arrival-rate 50 --service-time 100ms --latency 600ms --sweep replicas=1..40 -o svg > sweep.svg`,
		Args: noArgs,
	}
	groups := o.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.model, "model", modelAuto, "model of the queue, one of those above; "+modelAuto+" takes the one that the flags come to")
	f.BoolVar(&explain, "explain", false, "print the model, its formula with the numbers, its error and its source")
	f.StringVar(&sweep, "sweep", "", "range of replicas to show, as replicas=1..40")
	out := addOutput(cmd, "table", "json", "svg")
	groupFlags(cmd, groups, "Model and output")
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
		if err := q.invert(); err != nil {
			return usageError{nameFlags(err)}
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
			from, to, err := q.parseSweep(sweep)
			if err != nil {
				return usageError{err}
			}
			result.sweep(q, from, to)
		}
		return result.write(cmd.OutOrStdout(), out.format, q)
	}
	return cmd
}

// sizeQuestion is what package queueing is asked.
type sizeQuestion struct {
	kind    modelKind
	rate    float64
	service queueing.Service // but of batches
	choices int
	setup   time.Duration
	batch   batchTimes
	target  queueing.Target
	limit   int
	spread  rateSpread

	replicas int     // given, to find the rate; 0 to find them
	backlog  float64 // requests
}

// question checks the flags against each other; what a single value may be, package queueing says.
func (o *sizeOptions) question() (sizeQuestion, error) {
	kind, err := o.kind()
	if err != nil {
		return sizeQuestion{}, err
	}
	switch {
	case !o.changed("arrival-rate") && !o.changed("replicas") && kind.byBatch():
		return sizeQuestion{}, errors.New("--arrival-rate is required")
	case !kind.byBatch() && o.changed("replicas") && !o.changed("service-time"):
		return sizeQuestion{}, errors.New("--service-time is required")
	case !kind.byBatch() && !o.changed("replicas") && (!o.changed("arrival-rate") || !o.changed("service-time")):
		return sizeQuestion{}, errors.New("--arrival-rate and --service-time are required")
	case o.changed("percentile") && o.latency == 0 && o.waitLatency == 0:
		return sizeQuestion{}, errors.New("--percentile says how many requests keep --latency or --wait, and neither is given")
	case o.changed("patience") && o.patience <= 0:
		return sizeQuestion{}, fmt.Errorf("--patience %v: must be above 0; leave it out for clients who never give up", o.patience)
	case o.queueLimit < 0:
		return sizeQuestion{}, fmt.Errorf("--queue-limit %d: must not be negative; leave it out for a queue without limit", o.queueLimit)
	case o.maxBlocking != 0 && !kind.loses():
		return sizeQuestion{}, errors.New("--max-blocking needs --queue-limit: without a limit nobody is refused")
	case o.maxAbandonment != 0 && kind != modelErlangA:
		return sizeQuestion{}, errors.New("--max-abandonment needs --patience: without it nobody gives up")
	}
	if err := o.checkInverse(kind); err != nil {
		return sizeQuestion{}, err
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
		choices: o.choices,
		setup:   o.setupTime,
		batch:   batchTimes{perItem: o.batchPerItem, fixed: o.batchFixed, delay: o.batchMaxDelay, most: o.batchMax, room: o.queueLimit},
		target: queueing.Target{
			MaxUtilization: o.maxUtilization, MaxWaitProbability: o.maxWaitProbability,
			MaxBlocking: o.maxBlocking, MaxAbandonment: o.maxAbandonment,
			MaxMeanWait: o.meanWait, MaxMeanResponse: o.meanResponse,
		},
		limit: o.limit, replicas: o.replicas, backlog: o.backlog,
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

// answer sizes.
func (q sizeQuestion) answer() (sizeResult, error) {
	switch {
	case q.replicas > 0:
		return q.result(q.sizingOfReplicas()), nil
	case q.spread.deviation > 0:
		return q.answerSpread()
	}
	sizing, err := q.size()
	if err != nil {
		return sizeResult{}, err
	}
	return q.result(sizing), nil
}

// size sizes at the rate itself.
func (q sizeQuestion) size() (queueing.Sizing, error) {
	model, most := q.queue()
	if service, ok := model.(queueing.Service); ok {
		return queueing.Size(q.rate, service, q.target, q.limit)
	}
	if err := q.checkService(); err != nil {
		return queueing.Sizing{}, err
	}
	s, err := queueing.SizeOf(q.rate, model, q.target, min(q.limit, most))
	if err != nil {
		return s, q.modelLimit(err, most)
	}
	q.fill(&s)
	return s, nil
}

// checkService asks for what a service may be where one is checked: at no rate at all, for nothing.
func (q sizeQuestion) checkService() error {
	if q.kind.byBatch() {
		return nil
	}
	_, err := queueing.LeastReplicas(0, q.service, queueing.Target{}, 1)
	return err
}

// modelLimit says so if the replicas end not where the user but where the model does.
func (q sizeQuestion) modelLimit(err error, most int) error {
	if errors.Is(err, queueing.ErrMaxReplicas) && most < q.limit {
		return fmt.Errorf("--model %s answers for at most %d replicas here, and the target needs more: %s", q.kind, most, beyond[q.kind])
	}
	return err
}

// fill adds what [queueing.SizeOf] leaves out.
func (q sizeQuestion) fill(s *queueing.Sizing) {
	if q.kind.byBatch() {
		s.Servers, s.OfferedLoad = s.Replicas, s.Utilization*float64(s.Replicas)
		return
	}
	m := q.service.Model(q.rate, s.Replicas)
	s.Servers, s.OfferedLoad = m.Servers, m.OfferedLoad()
}
