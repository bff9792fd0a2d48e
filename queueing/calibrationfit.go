package queueing

import "math"

type calibrationFit struct {
	concurrency int
	service     float64 // seconds
	waitFactor  float64 // (1+SCV)/2
	waitError   float64 // its standard error
	loss        float64
	utilization bool // was known, so that the service time is not mistaken for waits
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
		f := fitWaits(observations, k, float64(k)*busy/rate)
		f.utilization = true
		return f
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
	c.sureOfSCV = f.utilization && c.Concurrency.Low == c.Concurrency.High && c.SCV.High-c.SCV.Low <= scvCertainty*(1+scv)
}
