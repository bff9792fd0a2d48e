package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/prescale/prescale/queueing"
)

// batchTimes is how replicas, each with a random share of the arrivals, serve several requests at once.
type batchTimes struct {
	perItem, fixed time.Duration
	delay          time.Duration // that a request may wait for its batch to fill, of the kind batch
	most           int           // 0 for no limit
	room           int           // requests that may wait, of the kind state-dependent
}

// replica is one of them at its share of the rate, if batches take constant times.
func (b batchTimes) replica(rate float64, replicas int) queueing.MDBatch {
	return queueing.MDBatch{
		ArrivalRatePerSecond: rate / float64(replicas), PerItemSeconds: b.perItem.Seconds(), FixedSeconds: b.fixed.Seconds(),
		MaxBatch: b.most, MaxDelaySeconds: b.delay.Seconds(),
	}
}

func (b batchTimes) constant(rate float64, replicas int) queueing.SteadyState {
	return b.replica(0, 1).At(rate, replicas)
}

// markovReplica is one of them if batches take exponential times whatever their size.
func (b batchTimes) markovReplica(rate float64, replicas int) queueing.MMBatch {
	return queueing.MMBatch{ArrivalRatePerSecond: rate / float64(replicas), BatchRatePerSecond: 1 / b.fixed.Seconds(), MaxBatch: b.most}
}

func (b batchTimes) markov(rate float64, replicas int) queueing.SteadyState {
	return markovBatchState{b.markovReplica(rate, replicas)}
}

type markovBatchState struct{ queueing.MMBatch }

// Utilization returns the share of the largest throughput, as that of queueing.MDBatch.
func (s markovBatchState) Utilization() float64 {
	if s.MaxBatch == 0 {
		return 0
	}
	return s.ArrivalRatePerSecond / (float64(s.MaxBatch) * s.BatchRatePerSecond)
}

// continuousReplica is one of them if requests join and leave a running batch.
func (b batchTimes) continuousReplica(rate float64, replicas int) queueing.StateDependent {
	completions := make([]float64, b.most)
	for i := range completions {
		n := float64(i + 1)
		completions[i] = n / (b.fixed.Seconds() + b.perItem.Seconds()*n)
	}
	return queueing.StateDependent{ArrivalRatePerSecond: rate / float64(replicas), CompletionRatesPerSecond: completions, Capacity: b.most + b.room}
}

func (b batchTimes) continuous(rate float64, replicas int) queueing.SteadyState {
	return continuousState{b.continuousReplica(rate, replicas)}
}

type continuousState struct{ queueing.StateDependent }

// Utilization returns the share of the largest throughput, as that of queueing.MDBatch.
func (s continuousState) Utilization() float64 {
	return s.ArrivalRatePerSecond / s.CompletionRatesPerSecond[len(s.CompletionRatesPerSecond)-1]
}

// checkBatch refuses what replicas that serve several requests at once do not heed or cannot be.
func (o *sizeOptions) checkBatch(kind modelKind) error {
	switch {
	case o.changed("service-time"):
		return errors.New("--service-time does not apply to batches: --batch-fixed and --batch-per-item replace it")
	case o.changed("concurrency"):
		return errors.New("--concurrency does not apply to batches: --batch-max says how many are served at once")
	case o.batchMax < 0 || kind == modelBatch && o.batchMax > queueing.MaxBatchLimit:
		return fmt.Errorf("--batch-max %d: must be in 1..%d, or 0 for no limit", o.batchMax, queueing.MaxBatchLimit)
	case kind == modelStateDependent && o.changed("batch-max") && (o.batchMax < 1 || o.batchMax > queueing.MaxStateDependentCapacity):
		return fmt.Errorf("--batch-max %d: must be in 1..%d with --model %s", o.batchMax, queueing.MaxStateDependentCapacity, kind)
	case kind == modelStateDependent && o.queueLimit > queueing.MaxStateDependentCapacity-o.batchMax:
		return fmt.Errorf("--queue-limit %d: must be at most %d with --model %s", o.queueLimit, queueing.MaxStateDependentCapacity-o.batchMax, kind)
	case kind == modelStateDependent && o.latency != 0 && o.queueLimit > queueing.MaxResponseWaiting:
		return fmt.Errorf("--queue-limit %d: must be at most %d for --latency with --model %s; use --wait or --mean-response", o.queueLimit, queueing.MaxResponseWaiting, kind)
	case kind == modelStateDependent && o.latency != 0 && o.batchMax+o.queueLimit > queueing.MaxResponseCapacity:
		return fmt.Errorf("--batch-max %d: must be at most %d less --queue-limit for --latency with --model %s; use --wait or --mean-response", o.batchMax, queueing.MaxResponseCapacity, kind)
	case o.batchMaxDelay < 0:
		return fmt.Errorf("--batch-max-delay %v: must not be negative", o.batchMaxDelay)
	case o.latency != 0 && o.latency <= o.batchMaxDelay+o.batchFixed+o.batchPerItem && o.batchMaxDelay > 0 && kind == modelBatch:
		return fmt.Errorf("--latency %v: must exceed --batch-max-delay and the time of a batch of one together, %v, which is what a lone request takes",
			o.latency, o.batchMaxDelay+o.batchFixed+o.batchPerItem)
	case o.batchFixed < 0:
		return fmt.Errorf("--batch-fixed %v: must not be negative", o.batchFixed)
	case o.batchPerItem < 0:
		return fmt.Errorf("--batch-per-item %v: must not be negative", o.batchPerItem)
	case kind == modelBatchMarkov && o.changed("batch-fixed") && o.batchFixed == 0:
		return errors.New("--batch-fixed is 0: a batch must take some time")
	case kind != modelBatchMarkov && o.changed("batch-per-item") && o.batchPerItem == 0 && o.batchFixed == 0:
		return errors.New("--batch-per-item and --batch-fixed are both 0: a batch must take some time")
	}
	return nil
}
