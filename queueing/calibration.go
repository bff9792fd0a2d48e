package queueing

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Verdict says whether the queueing model describes a service, and if not, the likeliest reason.
type Verdict string

// The verdicts. Only under VerdictFits should a model size the service; otherwise a capacity measured per replica should.
const (
	VerdictInsufficient Verdict = "insufficient_data"
	VerdictFits         Verdict = "fits"
	// VerdictThrottled: latency is above the model while replicas are throttled.
	VerdictThrottled Verdict = "throttled"
	// VerdictRetries: latency is above the model while more than a tenth of the requests are retries.
	VerdictRetries Verdict = "retries"
	// VerdictDownstream: latency is above the model while more replicas bring no more throughput.
	VerdictDownstream Verdict = "downstream_limit"
	// VerdictCorrelated: latency is above the model and arrivals scatter more than twice as much as Poisson ones.
	VerdictCorrelated Verdict = "correlated_arrivals"
	// VerdictMismatch: predictions are off for no reason that the observations name.
	VerdictMismatch Verdict = "mismatch"
)

// Estimate is a value with an interval of two standard errors, about 95 % confidence if the errors of the observations
// are independent and the model is right.
type Estimate struct{ Value, Low, High float64 }

// Calibration is a model of a service learned from observations.
type Calibration struct {
	Verdict      Verdict
	Explanation  string
	Observations int
	MeanService  Estimate // seconds
	Concurrency  Estimate // effective: requests a replica serves at the same time, a whole number
	SCV          Estimate // of the service time, from how waits exceed those of M/M/c, (1+SCV)/2 times
	// LatencyRatio is measured over predicted mean latency, the median over the observations held out.
	LatencyRatio float64
	// TailRatio is likewise that of the 95th percentile; NaN without histograms. It is reported and does not decide.
	TailRatio float64
	// DownstreamLimit is the throughput, of all replicas together, that more replicas do not raise: the median over the
	// observations with congestion, between their quartiles. NaN unless the verdict is VerdictDownstream.
	DownstreamLimit Estimate

	sureOfSCV bool // see [Calibration.Service]
}

// Fits reports whether the model describes the service, so that it may size it.
func (c Calibration) Fits() bool { return c.Verdict == VerdictFits }

// Service returns the calibrated service for [Size]; its zero value, which is refused there, without an estimate. It has the
// SCV found, rather than that of the exponential law, where that is told apart from other causes and from the exponential law: the
// utilization was known for half of the observations or more, no other concurrency fits, and the interval of the
// SCV excludes 1 and is no wider than half of 1 + SCV, which is the wait within a quarter either way.
func (c Calibration) Service() Service {
	s := Service{
		MeanTime:    time.Duration(math.Round(c.MeanService.Value * float64(time.Second))),
		Concurrency: int(c.Concurrency.Value),
	}
	if c.sureOfSCV && !(c.SCV.Low <= 1 && c.SCV.High >= 1) {
		s.SCV = SCV(c.SCV.Value)
	}
	return s
}

// Chosen by us; docs/models/calibration.md says what they do.
const (
	heldOut          = 5    // newest observations, which test the fit of the others
	fewestFitted     = 10   // observations
	latencyTolerance = 1.25 // of the ratio of measured to predicted mean latency
	maxConcurrency   = 256
	scvCertainty     = 0.5 // of 1 + SCV, the widest interval of an SCV that is planned by
)

// Calibrate fits an M/M/c queue, c = replicas times concurrency, to observations of one version in order of time, and
// tests it on the newest five. For each whole concurrency k the mean service time follows from the utilization law
//
//	S = k Σ U_i n_i / Σ λ_i
//
// where the utilization is known, or else is searched for, and waits are scaled by the (1+SCV)/2 that fits best in
// [1/2, 10]; the k up to 256 with the least sum of squared logarithms of measured over predicted mean latency is taken. Intervals
// are two standard errors of those residuals; that of k holds all k whose sum exceeds the least by less than the
// residual variance times four.
//
// Without utilization, a larger SCV can pass for less concurrency and the other way round, since both lengthen waits; the
// intervals do not show that. Then trust the predicted latency, which is tested, rather than the parts. It takes about
// 10 ms with utilization and 0.5 s without.
//
// Observations without requests, replicas or latency are left out; and from the fit and its test those that are
// [Observation.Saturated], since an overload has no steady state to compare with: minutes of it do not condemn a model. But
// where five or more of those show that throughput does not follow the replicas, a downstream limit is found
// whatever fits the rest, and where three of the newest five are saturated, a reason for that is looked for.
func Calibrate(observations []Observation) Calibration {
	var usable []Observation
	for _, o := range observations {
		if o.usable() {
			usable = append(usable, o)
		}
	}
	c := Calibration{Verdict: VerdictInsufficient, Observations: len(usable), LatencyRatio: math.NaN(), TailRatio: math.NaN()}
	c.DownstreamLimit = Estimate{math.NaN(), math.NaN(), math.NaN()}
	if len(usable) < fewestFitted+heldOut {
		c.Explanation = fmt.Sprintf("%d usable observations of one version, need %d", len(usable), fewestFitted+heldOut)
		return c
	}
	steady := slices.DeleteFunc(slices.Clone(usable), Observation.Saturated)
	switch {
	case len(steady) >= fewestFitted+heldOut:
	case 2*len(steady) > len(usable):
		c.Explanation = fmt.Sprintf("%d usable observations of one version without overload, need %d", len(steady), fewestFitted+heldOut)
		return c
	default:
		steady = usable // hardly anything but overload, to be judged as such
	}
	training, test := thin(steady[:len(steady)-heldOut]), steady[len(steady)-heldOut:]
	fits := []calibrationFit{}
	best := calibrationFit{loss: math.Inf(1)}
	try := func(k int) {
		f := fitConcurrency(training, k)
		fits = append(fits, f)
		if f.loss < best.loss {
			best = f
		}
	}
	// Steps of an eighth at first, then all between the neighbors of the best.
	for k := 1; k <= maxConcurrency; k += 1 + k/8 {
		try(k)
	}
	for near, k := best.concurrency, max(best.concurrency-best.concurrency/8, 1); k <= near+near/8; k++ {
		try(k)
	}
	if math.IsInf(best.loss, 1) {
		c.LatencyRatio = math.Inf(1) // no service time and concurrency keep the queue stable at the rates seen
		c.judge(usable, test, math.Inf(1))
		return c
	}
	best.report(&c, fits, len(training))

	var ratios, tails []float64
	for _, o := range test {
		ratios = append(ratios, o.MeanLatencySeconds/best.predict(o))
		q := MMc{ArrivalRatePerSecond: o.RatePerSecond, ServiceRatePerSecond: 1 / best.service, Servers: o.Replicas * best.concurrency}
		if seen := o.Latency.Quantile(0.95); !math.IsNaN(seen) {
			tails = append(tails, seen/q.ResponseQuantileSeconds(0.95))
		}
	}
	c.LatencyRatio, c.TailRatio = median(ratios), median(tails)
	c.judge(usable, test, math.Sqrt(best.loss/float64(len(training))))
	return c
}

// thin keeps at most 300 observations, evenly spread, which bounds the time of a calibration.
func thin(observations []Observation) []Observation {
	const most = 300
	if len(observations) <= most {
		return observations
	}
	kept := make([]Observation, most)
	for i := range kept {
		kept[i] = observations[i*(len(observations)-1)/(most-1)]
	}
	return kept
}

func (o Observation) usable() bool {
	positive := func(v float64) bool { return v > 0 && !math.IsInf(v, 1) }
	return positive(o.RatePerSecond) && o.Replicas > 0 && o.Replicas <= MaxServers/maxConcurrency && positive(o.MeanLatencySeconds)
}

// judge compares predicted and measured latency, and looks for a reason where they differ or the service is overloaded.
func (c *Calibration) judge(all, test []Observation, residual float64) {
	off := math.Max(c.LatencyRatio, 1/c.LatencyRatio)
	fits := off <= latencyTolerance && residual <= math.Log(latencyTolerance)
	saturated := saturatedOnes(all)
	limited := len(saturated) >= 5 && throughputStays(saturated)
	overloaded := false
	if recent := all[len(all)-heldOut:]; 2*len(saturatedOnes(recent)) > heldOut {
		overloaded, test = true, recent
	}
	if fits && !limited && !overloaded {
		c.Verdict = VerdictFits
		c.Explanation = fmt.Sprintf("measured mean latency is %.2f times the predicted", c.LatencyRatio)
		return
	}
	mean := func(value func(Observation) float64) float64 {
		var known []float64
		for _, o := range test {
			if v := value(o); !math.IsNaN(v) {
				known = append(known, v)
			}
		}
		return median(known)
	}
	above := overloaded || !fits && !(c.LatencyRatio <= 1)
	throttled := mean(func(o Observation) float64 { return o.Throttled })
	retries := mean(func(o Observation) float64 { return o.RetryShare })
	dispersion := mean(func(o Observation) float64 { return o.Dispersion })
	var reason string
	switch {
	case above && throttled > 0.05:
		c.Verdict, reason = VerdictThrottled, fmt.Sprintf("replicas are throttled %.0f %% of the time", 100*throttled)
	case above && retries > 0.1:
		c.Verdict, reason = VerdictRetries, fmt.Sprintf("%.0f %% of the requests are retries", 100*retries)
	case limited || !fits && downstreamLimited(all):
		c.Verdict = VerdictDownstream
		if !limited {
			saturated = congested(all)
		}
		c.DownstreamLimit = throughputOf(saturated)
		reason = fmt.Sprintf("more replicas bring no more throughput than %.4g requests per second", c.DownstreamLimit.Value)
	case above && dispersion > 2:
		c.Verdict, reason = VerdictCorrelated, fmt.Sprintf("arrivals per second have %.1f times the variance of Poisson ones", dispersion)
	case fits:
		c.Verdict, reason = VerdictFits, "the newest observations are overloaded, but those before fit"
	default:
		c.Verdict, reason = VerdictMismatch, "the observations name no reason"
	}
	if math.IsInf(residual, 1) {
		c.Explanation = reason + "; no service time and concurrency keep the queue stable at the rates seen"
		return
	}
	c.Explanation = fmt.Sprintf("%s; measured mean latency is %.2f times the predicted, must be within a factor of %.2f; residuals of the fit are %.0f %%",
		reason, c.LatencyRatio, latencyTolerance, 100*residual)
}

// downstreamLimited looks at the observations with congestion: a limit behind the replicas shows where their numbers
// differ by half or more and the throughput does not follow them, an elasticity below 0.3.
func downstreamLimited(observations []Observation) bool {
	slow := congested(observations)
	return len(slow) >= 5 && throughputStays(slow)
}

// throughputStays reports whether throughput does not follow the replicas: an elasticity below 0.3 where their numbers
// differ by half or more.
func throughputStays(observations []Observation) bool {
	var x, y, xx, xy float64
	least, most := math.MaxInt, 0
	for _, o := range observations {
		lx, ly := math.Log(float64(o.Replicas)), math.Log(o.RatePerSecond)
		x, y, xx, xy = x+lx, y+ly, xx+lx*lx, xy+lx*ly
		least, most = min(least, o.Replicas), max(most, o.Replicas)
	}
	n := float64(len(observations))
	return float64(most) >= 1.5*float64(least) && (n*xy-x*y)/(n*xx-x*x) < 0.3
}

// saturatedOnes returns the observations of an overload.
func saturatedOnes(observations []Observation) []Observation {
	return slices.DeleteFunc(slices.Clone(observations), func(o Observation) bool { return !o.Saturated() })
}

// congested returns the observations with a latency of more than twice that which a tenth of them undercut.
func congested(observations []Observation) []Observation {
	latencies := make([]float64, len(observations))
	for i, o := range observations {
		latencies[i] = o.MeanLatencySeconds
	}
	slices.Sort(latencies)
	quick := latencies[len(latencies)/10]
	return slices.DeleteFunc(slices.Clone(observations), func(o Observation) bool { return o.MeanLatencySeconds <= 2*quick })
}

// throughputOf is the median rate with its quartiles.
func throughputOf(observations []Observation) Estimate {
	rates := make([]float64, len(observations))
	for i, o := range observations {
		rates[i] = o.RatePerSecond
	}
	slices.Sort(rates)
	n := len(rates)
	return Estimate{median(rates), rates[n/4], rates[n-1-n/4]}
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Clone(values)
	slices.Sort(s)
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
