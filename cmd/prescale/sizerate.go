package main

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prescale/prescale/queueing"
)

// Laws of an uncertain rate.
const (
	lawNormal = "normal"
	lawGamma  = "gamma"
)

// bindingSpread is what forbids one replica less where the spread of the rate asks for more than its mean.
const bindingSpread queueing.Constraint = "rate_spread"

// maxSpreadPhases bounds the servers of two-phase service over a distribution of the rate, where hundreds of
// solutions that each take O(c⁴) are needed. Chosen by us: some seconds.
const maxSpreadPhases = 50

// rateSpread is how uncertain the rate is; the zero value is not at all.
type rateSpread struct {
	deviation float64
	law       string
}

// checkSpread refuses a spread that cannot be sized for.
func (o *sizeOptions) checkSpread(kind modelKind) error {
	switch {
	case o.changed("rate-law") && !o.changed("rate-std"):
		return errors.New("--rate-law needs --rate-std, the standard deviation of the rate")
	case !o.changed("rate-std"):
		return nil
	case o.rateLaw != lawNormal && o.rateLaw != lawGamma:
		return fmt.Errorf("--rate-law %q: must be one of %s, %s", o.rateLaw, lawNormal, lawGamma)
	case !(o.rateStd >= 0) || math.IsInf(o.rateStd, 1):
		return fmt.Errorf("--rate-std %g: must be finite and not negative", o.rateStd)
	case kind == modelShortest:
		return fmt.Errorf("--rate-std cannot be sized for with --model %s, which takes too long; --model %s and --model %s are near it", kind, modelPowerOfD, modelCentral)
	case kind == modelSetup:
		return fmt.Errorf("--rate-std cannot be sized for with --model %s, which takes too long", kind)
	case kind == modelMG1:
		return fmt.Errorf("--rate-std cannot be sized for with --model %s, which tells means only; --model %s has quantiles", kind, modelRandom)
	case o.meanWait != 0 || o.meanResponse != 0:
		return errors.New("--rate-std: a mean cannot be bounded, since some rates overload any number of replicas; replace --mean-wait and --mean-response by --latency or --wait")
	case o.latency == 0 && o.waitLatency == 0 && o.maxWaitProbability == 0 && o.maxBlocking == 0 && o.maxAbandonment == 0:
		return errors.New("--rate-std changes nothing without --latency, --wait or --max-wait-probability, or a cap on losses: --max-utilization is kept at the mean rate")
	}
	return nil
}

// distribution is the rate as package queueing takes it. Gamma is given by the quantiles at which that integrates.
func (s rateSpread) distribution(mean float64) queueing.RateDistribution {
	d := queueing.RateDistribution{MeanPerSecond: mean, StandardDeviation: s.deviation}
	if s.law != lawGamma || s.deviation == 0 || !(mean > 0) {
		return d
	}
	const points = 400
	shape := mean * mean / (s.deviation * s.deviation)
	law := distuv.Gamma{Alpha: shape, Beta: shape / mean}
	for i := range points {
		p := (float64(i) + 0.5) / points
		d.Quantiles = append(d.Quantiles, queueing.RateQuantile{Probability: p, PerSecond: law.Quantile(p)})
	}
	return d
}

// answerSpread sizes for the distribution of the rate; the state is that at its mean.
func (q sizeQuestion) answerSpread() (sizeResult, error) {
	s, err := q.size()
	if err != nil {
		return sizeResult{}, err
	}
	n, err := q.leastForSpread()
	if err != nil {
		return sizeResult{}, err
	}
	if n > s.Replicas {
		if s, err = q.sizingAt(n, s); err != nil {
			return sizeResult{}, err
		}
		s.Binding = bindingSpread
	}
	r := q.result(s)
	r.RateStd, r.RateLaw = q.spread.deviation, q.spread.law
	return r, nil
}

// leastForSpread is the least replicas over the distribution of the rate.
func (q sizeQuestion) leastForSpread() (int, error) {
	rate := q.spread.distribution(q.rate)
	model, most := q.queue()
	if q.kind == modelMPHc {
		most = min(most, maxSpreadPhases/max(q.service.Concurrency, 1))
	}
	if service, ok := model.(queueing.Service); ok {
		return queueing.LeastReplicasForDistribution(rate, service, q.target, q.limit)
	}
	n, err := queueing.LeastReplicasForDistributionOf(rate, model, q.target, min(q.limit, most))
	return n, q.modelLimit(err, most)
}

// sizingAt is a sizing with another number of replicas.
func (q sizeQuestion) sizingAt(replicas int, s queueing.Sizing) (queueing.Sizing, error) {
	model, _ := q.queue()
	q.stateAt(replicas, model, &s)
	var err error
	if service, ok := model.(queueing.Service); ok {
		s.MaxArrivalRatePerSecond, err = queueing.MaxArrivalRate(replicas, service, q.target)
	} else {
		s.MaxArrivalRatePerSecond, err = queueing.MaxArrivalRateOf(replicas, model, q.target)
	}
	return s, err
}

// stateAt fills in the steady state.
func (q sizeQuestion) stateAt(replicas int, model queueing.Model, s *queueing.Sizing) {
	state := model.At(q.rate, replicas)
	s.Replicas, s.Utilization = replicas, state.Utilization()
	s.WaitProbability, s.MeanWaitSeconds, s.MeanResponseSeconds = state.WaitProbability(), state.MeanWaitSeconds(), state.MeanResponseSeconds()
	s.WaitQuantileSeconds, s.ResponseQuantileSeconds = state.WaitQuantileSeconds(s.Percentile), state.ResponseQuantileSeconds(s.Percentile)
	p := newSweepPoint(replicas, state, s.Percentile, false)
	if p.BlockingProbability != nil {
		s.BlockingProbability = p.lost()
	}
	if p.AbandonmentProbability != nil {
		s.AbandonmentProbability = p.lost()
	}
	q.fill(s)
}

// explainSpread adds how the spread of the rate is averaged over.
func explainSpread(e *sizeExplanation, q sizeQuestion) {
	e.Numbers += fmt.Sprintf("; λ %s with standard deviation %s/s", q.spread.law, digits(q.spread.deviation))
	e.Formula = append(e.Formula, "replicas: the least n, not below that of the mean rate, with ∫ P(late | λ, n) dF(λ) within the target, over 400 equally likely rates; all late where unstable; the values shown are at the mean rate")
}
