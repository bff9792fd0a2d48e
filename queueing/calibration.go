package queueing

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Observation is what a running service exposed over one interval. Optional numbers are NaN where they are missing.
type Observation struct {
	At                 time.Time // end of the interval
	Version            string    // of the service; another one starts the calibration anew
	RatePerSecond      float64   // requests completed
	Replicas           int       // ready
	MeanLatencySeconds float64   // of completed requests, the sum of a histogram over its count
	Latency            LatencyHistogram
	// Utilization is the share of a replica's slots that were busy, in [0, 1]; optional. Do not put CPU utilization here
	// unless a busy slot uses all of its CPU.
	Utilization float64
	RetryShare  float64 // requests that repeat earlier ones, of all; optional
	Throttled   float64 // share of time that replicas were throttled; optional
	Dispersion  float64 // variance over mean of the arrivals per second; 1 if Poisson; optional
}

// LatencyHistogram counts requests by latency. The zero value is an absent one.
type LatencyHistogram struct {
	UpperBoundsSeconds []float64 // rising
	Counts             []float64 // per bucket and not cumulative, with one more for those above the last bound
}

// Quantile returns the p-quantile, linear within its bucket; the last bound if it is above that; NaN for an absent or
// malformed histogram or p outside [0, 1].
func (h LatencyHistogram) Quantile(p float64) float64 {
	if !(p >= 0 && p <= 1) || len(h.UpperBoundsSeconds) == 0 || len(h.Counts) != len(h.UpperBoundsSeconds)+1 {
		return math.NaN()
	}
	var total float64
	for _, c := range h.Counts {
		total += c
	}
	if !(total > 0) {
		return math.NaN()
	}
	rank, low := p*total, 0.0
	for i, high := range h.UpperBoundsSeconds {
		if c := h.Counts[i]; rank <= c && c > 0 {
			return low + (high-low)*rank/c
		}
		rank -= h.Counts[i]
		low = high
	}
	return low
}

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
}

// Service returns the calibrated service for [Size]; its zero value, which is refused there, without an estimate.
func (c Calibration) Service() Service {
	return Service{
		MeanTime:    time.Duration(math.Round(c.MeanService.Value * float64(time.Second))),
		Concurrency: int(c.Concurrency.Value),
	}
}

// Chosen by us; docs/models/calibration.md says what they do.
const (
	heldOut          = 5    // newest observations, which test the fit of the others
	fewestFitted     = 10   // observations
	latencyTolerance = 1.25 // of the ratio of measured to predicted mean latency
	maxConcurrency   = 256
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
// Observations without requests, replicas or latency are left out.
func Calibrate(observations []Observation) Calibration {
	var usable []Observation
	for _, o := range observations {
		if o.usable() {
			usable = append(usable, o)
		}
	}
	c := Calibration{Verdict: VerdictInsufficient, Observations: len(usable), LatencyRatio: math.NaN(), TailRatio: math.NaN()}
	if len(usable) < fewestFitted+heldOut {
		c.Explanation = fmt.Sprintf("%d usable observations of one version, need %d", len(usable), fewestFitted+heldOut)
		return c
	}
	training, test := thin(usable[:len(usable)-heldOut]), usable[len(usable)-heldOut:]
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
		c.Verdict, c.Explanation = VerdictMismatch, "no service time and concurrency keep the queue stable at the rates seen"
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

// judge compares predicted and measured latency, and looks for a reason where they differ.
func (c *Calibration) judge(all, test []Observation, residual float64) {
	off := math.Max(c.LatencyRatio, 1/c.LatencyRatio)
	if off <= latencyTolerance && residual <= math.Log(latencyTolerance) {
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
	above := !(c.LatencyRatio <= 1)
	switch {
	case above && mean(func(o Observation) float64 { return o.Throttled }) > 0.05:
		c.Verdict = VerdictThrottled
	case above && mean(func(o Observation) float64 { return o.RetryShare }) > 0.1:
		c.Verdict = VerdictRetries
	case downstreamLimited(all):
		c.Verdict = VerdictDownstream
	case above && mean(func(o Observation) float64 { return o.Dispersion }) > 2:
		c.Verdict = VerdictCorrelated
	default:
		c.Verdict = VerdictMismatch
	}
	c.Explanation = fmt.Sprintf("measured mean latency is %.2f times the predicted, must be within a factor of %.2f; residuals of the fit are %.0f %%",
		c.LatencyRatio, latencyTolerance, 100*residual)
}

// downstreamLimited looks at the third of the observations with the highest latency: a limit behind the replicas shows
// where their numbers differ by half or more and the throughput does not follow them, an elasticity below 0.3.
func downstreamLimited(observations []Observation) bool {
	slow := slices.Clone(observations)
	slices.SortStableFunc(slow, func(a, b Observation) int {
		switch {
		case a.MeanLatencySeconds > b.MeanLatencySeconds:
			return -1
		case a.MeanLatencySeconds < b.MeanLatencySeconds:
			return 1
		}
		return 0
	})
	slow = slow[:max(len(slow)/3, 1)]
	var x, y, xx, xy float64
	least, most := math.MaxInt, 0
	for _, o := range slow {
		lx, ly := math.Log(float64(o.Replicas)), math.Log(o.RatePerSecond)
		x, y, xx, xy = x+lx, y+ly, xx+lx*lx, xy+lx*ly
		least, most = min(least, o.Replicas), max(most, o.Replicas)
	}
	n := float64(len(slow))
	return len(slow) >= 5 && float64(most) >= 1.5*float64(least) && (n*xy-x*y)/(n*xx-x*x) < 0.3
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Clone(values)
	slices.Sort(s)
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

type calibrationFit struct {
	concurrency int
	service     float64 // seconds
	waitFactor  float64 // (1+SCV)/2
	waitError   float64 // its standard error
	loss        float64
}

// fitConcurrency returns the best fit at k requests per replica.
func fitConcurrency(observations []Observation, k int) calibrationFit {
	var busy, rate float64
	known := 0
	fastest := math.Inf(1)
	for _, o := range observations {
		fastest = math.Min(fastest, o.MeanLatencySeconds)
		if o.Utilization > 0 && o.Utilization <= 1 {
			known++
			busy += o.Utilization * float64(o.Replicas)
			rate += o.RatePerSecond
		}
	}
	if 2*known >= len(observations) {
		return fitWaits(observations, k, float64(k)*busy/rate)
	}
	// Without utilization: the service time is about the least latency at most, a little more since the least of many
	// is low by noise. A grid, then golden section around its best.
	at := func(x float64) calibrationFit { return fitWaits(observations, k, fastest*math.Exp(-x)) }
	const start, end, cell = -0.25, 2.75, 0.125
	best, bestX := at(start), start
	for x := start + cell; x <= end; x += cell {
		if f := at(x); f.loss < best.loss {
			best, bestX = f, x
		}
	}
	low, high := bestX-cell, bestX+cell
	const golden = 0.6180339887498949
	for range 12 { // to a part in 1000
		a, b := high-golden*(high-low), low+golden*(high-low)
		fa, fb := at(a), at(b)
		if fa.loss < fb.loss {
			high = b
		} else {
			low = a
		}
		for _, f := range []calibrationFit{fa, fb} {
			if f.loss < best.loss {
				best = f
			}
		}
	}
	return best
}

// fitWaits fits the factor of the waits at a service time, by relative least squares.
func fitWaits(observations []Observation, k int, service float64) calibrationFit {
	f := calibrationFit{concurrency: k, service: service, waitFactor: 1, waitError: math.Inf(1), loss: math.Inf(1)}
	waits := make([]float64, len(observations))
	var xx, xy float64
	for i, o := range observations {
		waits[i] = f.wait(o)
		if math.IsInf(waits[i], 1) || math.IsNaN(waits[i]) {
			return f
		}
		x, y := waits[i]/o.MeanLatencySeconds, 1-service/o.MeanLatencySeconds
		xx, xy = xx+x*x, xy+x*y
	}
	if xx > 1e-3*float64(len(observations)) { // waits of 3 % of the latency or more, or there is nothing to learn from
		f.waitFactor = math.Min(math.Max(xy/xx, 0.5), 10)
	}
	f.loss = 0
	for i, o := range observations {
		r := math.Log(o.MeanLatencySeconds / (service + f.waitFactor*waits[i]))
		f.loss += r * r
	}
	if xx > 1e-3*float64(len(observations)) {
		f.waitError = math.Sqrt(f.loss / float64(len(observations)) / xx)
	}
	return f
}

func (f calibrationFit) wait(o Observation) float64 {
	return MMc{ArrivalRatePerSecond: o.RatePerSecond, ServiceRatePerSecond: 1 / f.service, Servers: o.Replicas * f.concurrency}.MeanWaitSeconds()
}

func (f calibrationFit) predict(o Observation) float64 { return f.service + f.waitFactor*f.wait(o) }

func (f calibrationFit) report(c *Calibration, fits []calibrationFit, n int) {
	variance := f.loss / float64(n)
	spread := 2 * math.Sqrt(variance/float64(n))
	c.MeanService = Estimate{f.service, f.service * math.Exp(-spread), f.service * math.Exp(spread)}
	k := float64(f.concurrency)
	c.Concurrency = Estimate{k, k, k}
	for _, other := range fits {
		if other.loss <= f.loss+4*variance+1e-12 {
			c.Concurrency.Low = math.Min(c.Concurrency.Low, float64(other.concurrency))
			c.Concurrency.High = math.Max(c.Concurrency.High, float64(other.concurrency))
		}
	}
	scv := 2*f.waitFactor - 1
	c.SCV = Estimate{scv, math.Max(0, scv-4*f.waitError), scv + 4*f.waitError}
}

// Calibrator keeps the observations of a service and calibrates by version. The zero value is ready to use. It is not
// safe for concurrent use.
type Calibrator struct {
	// MaxAge is how long an observation counts; 0 means [DefaultCalibrationAge].
	MaxAge time.Duration

	observations []Observation // of the present version, in order of time
	previous     Calibration   // of the last version that fitted
}

// DefaultCalibrationAge is a week, so that each hour of the week has been seen. Chosen by us.
const DefaultCalibrationAge = 7 * 24 * time.Hour

// maxObservations bounds the memory: a week of intervals of one minute.
const maxObservations = 10_080

// Observe adds an observation. One of another version starts anew and keeps what was known of the old one, if it fitted.
//
// Errors: an observation that is not newer than the last.
func (c *Calibrator) Observe(o Observation) error {
	if n := len(c.observations); n > 0 {
		last := c.observations[n-1]
		if !o.At.After(last.At) {
			return fmt.Errorf("queueing: observation at %v, must be after %v", o.At, last.At)
		}
		if o.Version != last.Version {
			if known := Calibrate(c.observations); known.Verdict == VerdictFits {
				c.previous = known
			}
			c.observations = nil
		} else if n >= maxObservations {
			c.observations = slices.Delete(c.observations, 0, 1)
		}
	}
	c.observations = append(c.observations, o)
	return nil
}

// Calibration returns what is known of the present version from the observations that are not too old.
func (c *Calibrator) Calibration(now time.Time) Calibration {
	age := c.MaxAge
	if age <= 0 {
		age = DefaultCalibrationAge
	}
	first, _ := slices.BinarySearchFunc(c.observations, now.Add(-age), func(o Observation, t time.Time) int { return o.At.Compare(t) })
	return Calibrate(c.observations[first:])
}

// Previous returns the calibration of the last version that fitted before the present one.
func (c *Calibrator) Previous() (Calibration, bool) {
	return c.previous, c.previous.Verdict == VerdictFits
}

// ErrNotCalibrated means that no model of the service is valid, so that a measured capacity should be used instead.
var ErrNotCalibrated = errors.New("the service has no valid model")

// LeastReplicas returns the least replicas that keep a target at a rate by the calibrated model. Until a new version has
// been learned, which ends with the verdict that it fits, it is the larger of what the old model and, as far as there
// is one, the new one need.
//
// Errors: [ErrNotCalibrated] with the verdict; as [LeastReplicas].
func (c *Calibrator) LeastReplicas(now time.Time, arrivalRatePerSecond float64, target Target, maxReplicas int) (int, error) {
	present := c.Calibration(now)
	if present.Verdict == VerdictFits {
		return LeastReplicas(arrivalRatePerSecond, present.Service(), target, maxReplicas)
	}
	if c.previous.Verdict != VerdictFits || present.Verdict != VerdictInsufficient {
		return 0, fmt.Errorf("queueing: %w: %s: %s", ErrNotCalibrated, present.Verdict, present.Explanation)
	}
	need, err := LeastReplicas(arrivalRatePerSecond, c.previous.Service(), target, maxReplicas)
	if err != nil {
		return 0, err
	}
	if early, ok := c.earlyService(); ok {
		n, err := LeastReplicas(arrivalRatePerSecond, early, target, maxReplicas)
		if err != nil {
			return 0, err
		}
		need = max(need, n)
	}
	return need, nil
}

// earlyService guesses the new version from few observations: the old concurrency, and the median latency, which
// includes waits and so errs on the safe side.
func (c *Calibrator) earlyService() (Service, bool) {
	var latencies []float64
	for _, o := range c.observations {
		if o.usable() {
			latencies = append(latencies, o.MeanLatencySeconds)
		}
	}
	s := c.previous.Service()
	s.MeanTime = time.Duration(median(latencies) * float64(time.Second))
	return s, len(latencies) > 0 && s.MeanTime > 0
}
