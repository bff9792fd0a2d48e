package queueing

import (
	"errors"
	"fmt"
	"math"
)

// LeastReplicasOf is [LeastReplicas] for any model: the least number of replicas, at least 1, that keeps a target at an
// arrival rate. It doubles and then bisects, O(log n) steady states.
//
// Errors: an argument out of range, a target that the model cannot answer; [ErrImpossibleTarget] if an idle system
// breaks the target; [ErrMaxReplicas] if maxReplicas are too few.
func LeastReplicasOf(arrivalRatePerSecond float64, model Model, target Target, maxReplicas int) (int, error) {
	if !(arrivalRatePerSecond >= 0) || math.IsInf(arrivalRatePerSecond, 1) {
		return 0, fmt.Errorf("queueing: arrival rate is %v per second, must be finite and not negative", arrivalRatePerSecond)
	}
	if maxReplicas < 1 {
		return 0, fmt.Errorf("queueing: maxReplicas is %d, must be at least 1", maxReplicas)
	}
	if err := target.answerable(model); err != nil {
		return 0, err
	}
	kept := func(n int) bool { e, _ := target.excess(model.At(arrivalRatePerSecond, n)); return e <= 0 }
	tooFew, replicas := 0, 1
	for !kept(replicas) {
		if replicas == maxReplicas {
			return 0, fmt.Errorf("queueing: %v requests per second: %w: maxReplicas is %d", arrivalRatePerSecond, ErrMaxReplicas, maxReplicas)
		}
		tooFew = replicas
		replicas = min(maxReplicas, 2*replicas)
	}
	for replicas-tooFew > 1 {
		middle := tooFew + (replicas-tooFew)/2
		if kept(middle) {
			replicas = middle
		} else {
			tooFew = middle
		}
	}
	return replicas, nil
}

// MaxArrivalRateOf is [MaxArrivalRate] for any model: the largest arrival rate, per second, that a number of replicas
// carry within a target, to within a few units in the last place of the constraint that limits. It is +Inf for a model
// with losses that keeps the target at any rate.
//
// Errors: as [LeastReplicasOf].
func MaxArrivalRateOf(replicas int, model Model, target Target) (float64, error) {
	if replicas < 1 {
		return 0, fmt.Errorf("queueing: replicas is %d, must be at least 1", replicas)
	}
	if err := target.answerable(model); err != nil {
		return 0, err
	}
	return target.maxRateOf(replicas, model, 0), nil
}

// maxRateOf searches from a guess, or, if that is 0, from half the work the replicas can do.
func (t Target) maxRateOf(replicas int, model Model, guess float64) float64 {
	excess := func(rate float64) float64 {
		e, _ := t.excess(model.At(rate, replicas))
		return e
	}
	if !(guess > 0) {
		guess = float64(replicas) / (2 * model.At(0, replicas).MeanResponseSeconds())
	}
	low, high := point{0, math.Inf(-1)}, point{guess, excess(guess)}
	for step := 1.0 / 16; high.y <= 0; step *= 2 {
		low = high
		high.x *= 1 + math.Min(step, 1)
		if high.x > 1e300 {
			return math.Inf(1)
		}
		high.y = excess(high.x)
	}
	for step := 1.0 / 16; low.x == 0; step = math.Min(step*2, 0.5) {
		x := high.x * (1 - step)
		if x < 1e-300 {
			return 0
		}
		if y := excess(x); y <= 0 {
			low = point{x, y}
		} else {
			high = point{x, y}
		}
	}
	return narrow(excess, low, high)
}

// RateTableOf is [RateTable] for any model. Each rate is searched from those before it.
//
// Errors: as [LeastReplicasOf].
func RateTableOf(maxReplicas int, model Model, target Target) ([]float64, error) {
	if err := checkTableReplicas(maxReplicas); err != nil {
		return nil, err
	}
	if err := target.answerable(model); err != nil {
		return nil, err
	}
	rates := make([]float64, maxReplicas+1)
	for n := 1; n <= maxReplicas; n++ {
		guess := 0.0
		if n > 2 && !math.IsInf(rates[n-1], 1) {
			guess = 2*rates[n-1] - rates[n-2]
		}
		rates[n] = math.Max(rates[n-1], target.maxRateOf(n, model, guess))
	}
	return rates, nil
}

func checkTableReplicas(maxReplicas int) error {
	if maxReplicas < 1 || maxReplicas > MaxServers {
		return fmt.Errorf("queueing: maxReplicas is %d, must be in 1..%d", maxReplicas, MaxServers)
	}
	return nil
}

// SizeOf is [Size] for any model. Servers and OfferedLoad are left zero, since a model need not have such.
//
// Errors: as [LeastReplicasOf].
func SizeOf(arrivalRatePerSecond float64, model Model, target Target, maxReplicas int) (Sizing, error) {
	replicas, err := LeastReplicasOf(arrivalRatePerSecond, model, target, maxReplicas)
	if err != nil {
		return Sizing{}, err
	}
	state := model.At(arrivalRatePerSecond, replicas)
	percentile := target.percentile()
	binding := ConstraintMinimum
	if replicas > 1 {
		_, binding = target.excess(model.At(arrivalRatePerSecond, replicas-1))
	}
	return Sizing{
		Replicas:                replicas,
		Utilization:             state.Utilization(),
		WaitProbability:         state.WaitProbability(),
		MeanWaitSeconds:         state.MeanWaitSeconds(),
		MeanResponseSeconds:     state.MeanResponseSeconds(),
		Percentile:              percentile,
		WaitQuantileSeconds:     state.WaitQuantileSeconds(percentile),
		ResponseQuantileSeconds: state.ResponseQuantileSeconds(percentile),
		BlockingProbability:     blockingOf(state),
		AbandonmentProbability:  abandonmentOf(state),
		MaxArrivalRatePerSecond: math.Max(target.maxRateOf(replicas, model, arrivalRatePerSecond), arrivalRatePerSecond),
		Binding:                 binding,
	}, nil
}

// sizeService is [Size] for a service that is not plain M/M/c.
func sizeService(arrivalRatePerSecond float64, s Service, target Target, maxReplicas int) (Sizing, error) {
	if err := checkService(s, target, "maxReplicas", maxReplicas); err != nil {
		return Sizing{}, err
	}
	sizing, err := SizeOf(arrivalRatePerSecond, s, target, min(maxReplicas, s.mostReplicas()))
	if err != nil {
		return Sizing{}, err
	}
	sizing.Servers = sizing.Replicas * s.concurrency()
	sizing.OfferedLoad = s.offeredLoad(arrivalRatePerSecond)
	return sizing, nil
}

// checkService reports all that is wrong with a service, a target and a number of replicas.
func checkService(s Service, target Target, name string, replicas int) error {
	err := errors.Join(s.validate(), s.validateLaw(), target.validate())
	if err != nil {
		return err
	}
	return validateReplicas(name, replicas, s)
}

// checkModelReplicas is checkService within what the service's model can answer.
func checkModelReplicas(s Service, target Target, name string, replicas int) error {
	if err := checkService(s, target, name, replicas); err != nil {
		return err
	}
	if most := s.mostReplicas(); replicas > most {
		return fmt.Errorf("queueing: %s is %d, must be in 1..%d for this service's model", name, replicas, most)
	}
	return nil
}

// percentile is the one that a [Sizing] reports.
func (t Target) percentile() float64 {
	switch {
	case t.Response.asked():
		return t.Response.Percentile
	case t.Wait.asked():
		return t.Wait.Percentile
	}
	return DefaultPercentile
}

// answerable validates a target for a model, and refuses one that an idle system would already break.
func (t Target) answerable(model Model) error {
	if err := t.validate(); err != nil {
		return err
	}
	if s, ok := model.(Service); ok {
		if err := errors.Join(s.validate(), s.validateLaw()); err != nil {
			return err
		}
	}
	idle := model.At(0, 1)
	var errs []error
	if _, ok := idle.(blocker); !ok && t.MaxBlocking > 0 {
		errs = append(errs, errors.New("queueing: Target.MaxBlocking is set, but the model blocks nobody: it needs a limited queue"))
	}
	if _, ok := idle.(abandoner); !ok && t.MaxAbandonment > 0 {
		errs = append(errs, errors.New("queueing: Target.MaxAbandonment is set, but nobody abandons in the model: it needs a patience"))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if math.IsNaN(idle.MeanWaitSeconds()) {
		return errors.New("queueing: the model has no steady state even when idle: its parameters are out of range")
	}
	if e, constraint := t.excess(idle); e > 0 {
		return fmt.Errorf("queueing: an idle system breaks the %s of the target (mean response %.6gs, %v-quantile %.6gs): %w",
			constraint, idle.MeanResponseSeconds(), t.percentile(), idle.ResponseQuantileSeconds(t.percentile()), ErrImpossibleTarget)
	}
	return nil
}

type (
	blocker   interface{ BlockingProbability() float64 }
	abandoner interface{ AbandonmentProbability() float64 }
	tailer    interface {
		WaitTail(seconds float64) float64
		ResponseTail(seconds float64) float64
	}
)

func blockingOf(s SteadyState) float64 {
	if b, ok := s.(blocker); ok {
		return b.BlockingProbability()
	}
	return 0
}

func abandonmentOf(s SteadyState) float64 {
	if a, ok := s.(abandoner); ok {
		return a.AbandonmentProbability()
	}
	return 0
}

// excess is the logarithm of how far a steady state is outside the target, kept if <= 0, by the constraint that is
// furthest out; it rises with the load. Without a steady state, or for NaN, it is +Inf.
func (t Target) excess(s SteadyState) (float64, Constraint) {
	mean, utilization := s.MeanWaitSeconds(), s.Utilization()
	if math.IsNaN(mean) || math.IsInf(mean, 1) || math.IsNaN(utilization) {
		return math.Inf(1), ConstraintStability
	}
	worst, binding := math.Inf(-1), ConstraintMinimum
	consider := func(c Constraint, asked bool, excess func() float64) {
		if !asked {
			return
		}
		e := excess()
		if math.IsNaN(e) {
			e = math.Inf(1)
		}
		if e > worst || binding == ConstraintMinimum {
			worst, binding = e, c
		}
	}
	consider(ConstraintUtilization, t.MaxUtilization > 0, func() float64 {
		return math.Log(utilization / (t.MaxUtilization * utilizationSlack))
	})
	consider(ConstraintBlocking, t.MaxBlocking > 0, func() float64 { return math.Log(blockingOf(s) / t.MaxBlocking) })
	consider(ConstraintAbandonment, t.MaxAbandonment > 0, func() float64 { return math.Log(abandonmentOf(s) / t.MaxAbandonment) })
	consider(ConstraintWaitProbability, t.MaxWaitProbability > 0, func() float64 {
		return math.Log(s.WaitProbability() / t.MaxWaitProbability)
	})
	consider(ConstraintMeanWait, t.MaxMeanWait > 0, func() float64 { return math.Log(mean / t.MaxMeanWait.Seconds()) })
	consider(ConstraintMeanResponse, t.MaxMeanResponse > 0, func() float64 {
		return math.Log(s.MeanResponseSeconds() / t.MaxMeanResponse.Seconds())
	})
	tails, hasTails := s.(tailer)
	consider(ConstraintWaitQuantile, t.Wait.asked(), func() float64 {
		if hasTails {
			return math.Log(tails.WaitTail(t.Wait.Latency.Seconds())) - math.Log1p(-t.Wait.Percentile)
		}
		return math.Log(s.WaitQuantileSeconds(t.Wait.Percentile) / t.Wait.Latency.Seconds())
	})
	consider(ConstraintResponseQuantile, t.Response.asked(), func() float64 {
		if hasTails {
			return math.Log(tails.ResponseTail(t.Response.Latency.Seconds())) - math.Log1p(-t.Response.Percentile)
		}
		return math.Log(s.ResponseQuantileSeconds(t.Response.Percentile) / t.Response.Latency.Seconds())
	})
	return worst, binding
}
