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
	case kind != modelMMc:
		return fmt.Errorf("--rate-std can be sized for with --model %s only, the flags ask for %s; drop one of them", modelMMc, kind)
	case o.meanWait != 0 || o.meanResponse != 0:
		return errors.New("--rate-std: a mean cannot be bounded, since some rates overload any number of replicas; replace --mean-wait and --mean-response by --latency or --wait")
	case o.latency == 0 && o.waitLatency == 0 && o.maxWaitProbability == 0:
		return errors.New("--rate-std changes nothing without --latency, --wait or --max-wait-probability: --max-utilization is kept at the mean rate")
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
	n, err := queueing.LeastReplicasForDistribution(q.spread.distribution(q.rate), q.service, q.target, q.limit)
	if err != nil {
		return sizeResult{}, err
	}
	if n > s.Replicas {
		s.Replicas, s.Binding = n, bindingSpread
		m := q.service.Model(q.rate, n)
		s.Servers, s.Utilization = m.Servers, m.Utilization()
		s.WaitProbability, s.MeanWaitSeconds, s.MeanResponseSeconds = m.WaitProbability(), m.MeanWaitSeconds(), m.MeanResponseSeconds()
		s.WaitQuantileSeconds, s.ResponseQuantileSeconds = m.WaitQuantileSeconds(s.Percentile), m.ResponseQuantileSeconds(s.Percentile)
		if s.MaxArrivalRatePerSecond, err = queueing.MaxArrivalRate(n, q.service, q.target); err != nil {
			return sizeResult{}, err
		}
	}
	r := q.result(s)
	r.RateStd, r.RateLaw = q.spread.deviation, q.spread.law
	return r, nil
}

// explainSpread adds how the spread of the rate is averaged over.
func explainSpread(e *sizeExplanation, q sizeQuestion) {
	e.Numbers += fmt.Sprintf("; λ %s with standard deviation %s/s", q.spread.law, digits(q.spread.deviation))
	e.Formula = append(e.Formula, "replicas: the least n, not below that of the mean rate, with ∫ P(late | λ, n) dF(λ) within the target, over 400 equally likely rates; all late where unstable; the values shown are at the mean rate")
}
