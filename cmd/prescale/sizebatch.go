package main

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/queueing"
)

// batchService is replicas that serve up to most requests at once, each with a random share of the arrivals.
type batchService struct {
	perItem, fixed time.Duration
	most           int // 0 for no limit
}

var _ queueing.Model = batchService{}

// At implements queueing.Model.
func (b batchService) At(arrivalRatePerSecond float64, replicas int) queueing.SteadyState {
	return &batchState{MDBatch: b.replica(arrivalRatePerSecond / float64(replicas))}
}

// replica is one of them at its share of the rate.
func (b batchService) replica(rate float64) queueing.MDBatch {
	return queueing.MDBatch{ArrivalRatePerSecond: rate, PerItemSeconds: b.perItem.Seconds(), FixedSeconds: b.fixed.Seconds(), MaxBatch: b.most}
}

// batchState is the steady state of one replica. Its latencies are worked out when first asked for, since they cost
// milliseconds.
type batchState struct {
	queueing.MDBatch
	latencies *queueing.BatchLatencies
}

// Utilization returns the share of the largest throughput that is used. The share of time a replica is busy, which
// is the WaitProbability, nears 1 long before that, since busy replicas make larger batches.
func (s *batchState) Utilization() float64 {
	return s.ArrivalRatePerSecond / s.MaxArrivalRatePerSecond()
}

// WaitQuantileSeconds is not known of this model.
func (s *batchState) WaitQuantileSeconds(float64) float64 { return math.NaN() }

// ResponseQuantileSeconds returns the p-quantile of the time from arrival to the end of the batch.
func (s *batchState) ResponseQuantileSeconds(p float64) float64 {
	if s.latencies == nil {
		l := s.Latencies()
		s.latencies = &l
	}
	return s.latencies.ResponseQuantileSeconds(p)
}

// checkBatch refuses what a batch service does not heed or cannot be.
func (o *sizeOptions) checkBatch() error {
	switch {
	case o.changed("service-time"):
		return errors.New("--service-time does not apply to batches: --batch-fixed and --batch-per-item replace it")
	case o.changed("concurrency"):
		return errors.New("--concurrency does not apply to batches: --batch-max says how many are served at once")
	case o.waitLatency != 0:
		return errors.New("--wait does not apply to batches: no quantile of the wait is known; use --latency or --mean-wait")
	case o.batchMax < 0 || o.batchMax > queueing.MaxBatchLimit:
		return fmt.Errorf("--batch-max %d: must be in 1..%d, or 0 for no limit", o.batchMax, queueing.MaxBatchLimit)
	case o.batchFixed < 0:
		return fmt.Errorf("--batch-fixed %v: must not be negative", o.batchFixed)
	case o.batchPerItem < 0:
		return fmt.Errorf("--batch-per-item %v: must not be negative", o.batchPerItem)
	case o.batchPerItem == 0 && o.batchFixed == 0:
		return errors.New("--batch-per-item and --batch-fixed are both 0: a batch must take some time")
	}
	return nil
}

// answerBatch sizes a batch service and adds what only it has.
func (q sizeQuestion) answerBatch() (sizeResult, error) {
	s, err := queueing.SizeOf(q.rate, q.batch, q.target, q.limit)
	if err != nil {
		return sizeResult{}, err
	}
	s.Servers = s.Replicas
	s.OfferedLoad = s.Utilization * float64(s.Replicas)
	r := newSizeResult(q.kind, s)
	r.MeanBatchSize = number(q.batch.replica(q.rate / float64(s.Replicas)).MeanBatchSize())
	return r, nil
}

func explainBatch(e *sizeExplanation, b batchService, rate float64, replicas int) {
	m := b.replica(rate / float64(replicas))
	limit := "∞"
	if b.most > 0 {
		limit = fmt.Sprint(b.most)
	}
	e.Model = fmt.Sprintf("M/D^[1,%s]/1 for each of %d replicas", limit, replicas)
	e.Numbers = fmt.Sprintf("λ = %s/%d = %s/s for each, b = %s, τ(n) = %v·n + %v, throughput at most b/τ(b) = %s/s for each",
		digits(rate), replicas, digits(m.ArrivalRatePerSecond), limit, b.perItem, b.fixed, digits(m.MaxArrivalRatePerSecond()))
	e.Formula = []string{
		fmt.Sprintf("X' = (X-b)⁺ + Poisson(λτ(min(max(X,1), b))) of X waiting at the end of a batch; P(wait) = busy = %s, mean batch size = %s",
			digits(m.WaitProbability()), digits(m.MeanBatchSize())),
		fmt.Sprintf("mean response = mean wait + mean batch time = %s + %s = %s",
			timeCell(m.MeanWaitSeconds()), timeCell(m.MeanServiceSeconds()), timeCell(m.MeanResponseSeconds())),
	}
	e.Exact = true
	e.Error = "means within 1e-11 of a direct solution, quantiles within 1e-7 without limit on b and within the error of a simulation with one; replicas share the arrivals at random, and no batch waits to be filled"
	e.Source = "Y. Inoue, Performance Evaluation 147 (2021); F. Spitzer, Principles of Random Walk (1964), chapter IV; derived in docs/models/batching.md"
}
