package queueing

import "math"

type batchMeans struct {
	utilization, batch, wait, service float64
	waiting                           float64 // P(W > 0)
}

// means returns the means of a stable queue, else a value to return instead, as [MMc] does.
func (q MDBatch) means(ifUnstable float64) (batchMeans, float64) {
	switch {
	case !q.valid():
		return batchMeans{}, math.NaN()
	case !q.Stable():
		return batchMeans{}, ifUnstable
	case q.ArrivalRatePerSecond == 0:
		m := batchMeans{batch: 1, service: q.time(1), wait: q.delay()}
		if m.wait > 0 {
			m.waiting = 1
		}
		return m, 0
	case q.MaxBatch == 0 && q.delay() == 0:
		return q.unlimitedMeans(), 0
	}
	q, ok := q.limited()
	if !ok {
		return batchMeans{}, math.NaN()
	}
	return q.meansOf(q.batchSolve()), 0
}

// meansOf uses that the time from one start of a batch to the next brings n requests on average, E[T] = E[n]/λ, and
// that the number L waiting grows by arrivals only, so that E[L²] at its end, before the batch leaves, exceeds that at its
// start by E ∫ (2L+1)λ dt: with l left behind the integral of L over it is (E[n² + 2nl] - E[n])/(2λ), and Little's law
// makes it a wait.
func (q MDBatch) meansOf(c batchChain) batchMeans {
	var size, time, sizeTime, pairs float64
	for n, p := range c.starts {
		k := float64(n)
		tau := q.time(k)
		size += p * k
		time += p * tau
		sizeTime += p * k * tau
		pairs += p * k * (k - 1)
	}
	b := float64(c.b)
	tau := q.time(b)
	size += c.full * b
	time += c.full * tau
	sizeTime += c.full * b * tau
	pairs += c.full*b*(b-1) + 2*b*c.left
	atOnce := c.ends[0] / size // who finds the server idle
	if q.delay() > 0 {
		atOnce = c.filled / size // who completes a batch
	}
	return batchMeans{
		utilization: q.ArrivalRatePerSecond * time / size,
		batch:       size,
		wait:        pairs / size / (2 * q.ArrivalRatePerSecond),
		service:     sizeTime / size,
		waiting:     math.Max(1-atOnce, 0),
	}
}

// limited gives a server without limit on b, whose delay makes it wait, the limit above which batches are negligible.
// The second result is false if that is above [MaxBatchLimit].
func (q MDBatch) limited() (MDBatch, bool) {
	if q.MaxBatch > 0 {
		return q, true
	}
	// As if each batch took the delay too.
	la, lf := q.ArrivalRatePerSecond*q.PerItemSeconds, q.ArrivalRatePerSecond*(q.FixedSeconds+q.delay())
	mean := (lf + la) / (1 - la)
	most := mean + 9.5*math.Sqrt((mean+1)/(1-la*la)) + 25/(1-la)
	if !(most <= MaxBatchLimit) {
		return q, false
	}
	q.MaxBatch = int(most)
	return q, true
}

// delay is the time for which a batch that is not full waits; a batch of one always is.
func (q MDBatch) delay() float64 {
	if q.MaxBatch == 1 {
		return 0
	}
	return q.MaxDelaySeconds
}

// fillHorizon is a time within which b requests come but for a probability below 1e-15.
func (q MDBatch) fillHorizon() float64 {
	const deviations = 8
	root := (deviations + math.Sqrt(deviations*deviations+4*float64(q.MaxBatch))) / 2 // of x - 8√x = b
	return root * root / q.ArrivalRatePerSecond
}
