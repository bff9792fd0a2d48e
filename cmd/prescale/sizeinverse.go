package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/prescale/prescale/queueing"
)

// checkInverse refuses what does not go with a given number of replicas, and a backlog that is not worked off alone.
func (o *sizeOptions) checkInverse(kind modelKind) error {
	switch {
	case o.changed("replicas") && o.changed("arrival-rate"):
		return errors.New("--replicas asks for the largest rate that so many carry, and --arrival-rate for replicas: drop one of them")
	case o.changed("replicas") && o.changed("rate-std"):
		return errors.New("--rate-std goes with --arrival-rate, not with --replicas")
	case o.changed("replicas") && (o.replicas < 1 || o.replicas > o.limit):
		return fmt.Errorf("--replicas %d: must be in 1..%d, which is --max-replicas", o.replicas, o.limit)
	case !(o.backlog >= 0) || math.IsInf(o.backlog, 1):
		return fmt.Errorf("--backlog %g: must be finite and not negative", o.backlog)
	case o.backlog > 0 && kind.loses():
		return fmt.Errorf("--backlog does not apply to --model %s: what is beyond its queue is refused", kind)
	case o.backlog > 0 && kind == modelErlangA:
		return fmt.Errorf("--backlog does not apply to --model %s: some of those who wait give up", kind)
	case o.backlog > 0 && kind == modelMMInf:
		return fmt.Errorf("--backlog does not apply to --model %s: nobody waits", kind)
	}
	return nil
}

// invert turns a question for the largest rate of a number of replicas into one for their state at that rate.
func (q *sizeQuestion) invert() error {
	if q.replicas == 0 {
		return nil
	}
	if err := q.checkService(); err != nil {
		return err
	}
	model, most := q.queue()
	if q.replicas > most {
		return fmt.Errorf("--model %s answers for at most %d replicas here, got --replicas %d: %s", q.kind, most, q.replicas, beyond[q.kind])
	}
	var err error
	if service, ok := model.(queueing.Service); ok {
		q.rate, err = queueing.MaxArrivalRate(q.replicas, service, q.target)
	} else {
		q.rate, err = queueing.MaxArrivalRateOf(q.replicas, q.rising(model), q.target)
	}
	switch {
	case err != nil:
		return err
	case math.IsInf(q.rate, 1):
		return errors.New("any rate keeps the target: what is too much is lost, or nobody waits; add --max-utilization, --max-blocking or --max-abandonment")
	case q.rate == 0:
		return fmt.Errorf("%d replicas carry no rate at all within the target", q.replicas)
	}
	return nil
}

// rising is a model whose waits do not fall with the rate: of replicas that are switched off when idle they do, as long as
// there is little to do, and rates below the first that keeps the target are taken for that.
func (q *sizeQuestion) rising(model queueing.Model) queueing.Model {
	if q.kind != modelSetup {
		return model
	}
	const steps = 32 // chosen by us
	capacity := q.capacity(q.replicas)
	for i := steps - 1; i > 0; i-- {
		rate := capacity * float64(i) / steps
		alone := queueing.ModelFunc(func(asked float64, _ int) queueing.SteadyState { return model.At(asked, q.replicas) })
		if _, err := queueing.LeastReplicasOf(rate, alone, q.target, 1); err != nil {
			continue
		}
		return queueing.ModelFunc(func(asked float64, replicas int) queueing.SteadyState {
			if asked > 0 {
				asked = math.Max(asked, rate)
			}
			return model.At(asked, replicas)
		})
	}
	return model
}

// sizingOfReplicas is the state of the given replicas at the largest rate they carry, and what forbids more.
func (q sizeQuestion) sizingOfReplicas() queueing.Sizing {
	s := queueing.Sizing{Percentile: q.percentile(), MaxArrivalRatePerSecond: q.rate, Binding: queueing.ConstraintStability}
	model, most := q.queue()
	q.stateAt(q.replicas, model, &s)
	more := q
	more.rate, more.replicas, more.limit = q.rate*(1+1e-6), 0, min(q.replicas+1, most)
	if next, err := more.size(); err == nil && next.Replicas == q.replicas+1 {
		s.Binding = next.Binding
	}
	return s
}

// percentile is that of the objective, as package queueing chooses it.
func (q sizeQuestion) percentile() float64 {
	switch {
	case q.target.Response != (queueing.Quantile{}):
		return q.target.Response.Percentile
	case q.target.Wait != (queueing.Quantile{}):
		return q.target.Wait.Percentile
	}
	return queueing.DefaultPercentile
}

// capacity is the largest throughput of so many replicas, per second.
func (q sizeQuestion) capacity(replicas int) float64 {
	if q.kind.byBatch() {
		model, _ := q.queue()
		return float64(replicas) / model.At(1, 1).Utilization()
	}
	m := q.service.Model(0, replicas)
	return float64(m.Servers) * m.ServiceRatePerSecond
}
