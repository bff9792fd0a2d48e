package queueing

import (
	"math"
	"slices"
)

// MaxBatchStates bounds the number of waiting requests up to which the laws of [MDBatch] latencies are computed.
// Queues that need more, those within about 1e-4 of saturation, get NaN.
const MaxBatchStates = 1 << 17

// BatchLatencies is the distribution of wait and response time of an [MDBatch], from [MDBatch.Latencies]. It is immutable
// and safe for concurrent use.
//
// Let V be the age of the oldest waiting request at the end of a batch, f(v) its density per batch, N(t) the Poisson
// arrivals in a time t and φ_n(v) = P(N(v) = n-1). If n < b wait then, and V is at least the maximum delay d, they are
// served at once and n-1 of them came at random times in V, so that per batch
//
//	J_n(w, d) = ∫_max(w,d)^∞ f(v) φ_n(v) (1 + (n-1)(1 - w/v)) dv
//
// requests in batches of n have waited more than w. If V < d those of 1 + N(d) = n wait for d, or b when they have come,
// at a time e with the density P(V < e) λφ_{b-1}(e) on (0, d), again with the others at random in between. What is
// left are requests in batches of b that start at the end of another batch: the first b of those that wait at a time w
// before it, E[min(L_w, b)], a sum over the law of the number at the ends of batches, less Σ_n J_n(w, 0).
type BatchLatencies struct {
	server   MDBatch   // with a limit unless its latency has a form of its own
	unstable float64   // not 0: the answer to everything
	perBatch float64   // mean number of requests
	law      []float64 // of X without limit on b, see [MDBatch.unlimitedLaw]
	idle     float64   // share of requests that are served at once, without limit on b
	cycle    float64   // mean seconds from batch to batch, without limit on b

	chain     batchChain
	overload  []float64 // Σ_{x>a} (x-a) P(X = x), by a-b
	crowded   float64   // P(X > b)
	panels    []batchPanel
	waiting   []panelIntegral // f φ_n, by n
	all       panelIntegral   // Σ n f φ_n
	allButOne panelIntegral   // Σ f φ_n without n = b-1
	filling   [2]panelIntegral
	fillEnd   int // panels before the delay ends
	atoms     []float64
}

// Latencies returns the distribution of wait and response times. It does most of the work, so that quantiles and tails of
// the result are cheap: about 3 ms for b = 64, and under 1 ms for a quantile then.
func (q MDBatch) Latencies() BatchLatencies {
	d := BatchLatencies{server: q}
	switch {
	case !q.valid():
		d.unstable = math.NaN()
		return d
	case !q.Stable():
		d.unstable = math.Inf(1)
		return d
	case q.ArrivalRatePerSecond == 0:
		return d
	case q.MaxBatch == 0 && q.delay() == 0:
		d.solveUnlimited()
		return d
	}
	limited, ok := q.limited()
	if !ok {
		d.unstable = math.NaN()
		return d
	}
	d.server = limited
	d.chain = limited.batchSolve()
	d.perBatch = limited.meansOf(d.chain).batch
	above := d.chain.walk.law(d.chain.above, MaxBatchStates)
	if above == nil && len(d.chain.above) > 0 {
		d.unstable = math.NaN()
		return d
	}
	d.tabulate(above)
	return d
}

// firstWaiting returns E[min(L, b)] per batch, L the number waiting at a time w >= 0 before its end, not counting those
// served by batches that start in between.
func (d *BatchLatencies) firstWaiting(w float64) float64 {
	q, b := d.server, d.server.MaxBatch
	lambda, whole := q.ArrivalRatePerSecond, q.time(float64(b))
	batches := math.Floor(w / whole)
	if !(batches <= float64(len(d.overload))/float64(b)+1) {
		return 0
	}
	m := int(batches)
	var sum float64
	for n := b; n >= 1; n-- {
		since := batches*whole + q.time(float64(n)) - w // the batch of n began
		if since <= 0 {
			break
		}
		sum += d.chain.starts[n] * (meanPoissonAbove(lambda*since, m*b) - meanPoissonAbove(lambda*since, (m+1)*b))
	}
	mean := lambda * math.Max(float64(m+1)*whole-w, 0)
	k := max(int(mean-9.5*math.Sqrt(mean))-25, 0)
	for p, last := poissonProbability(k, mean), poissonSpan(mean); k <= last; k++ {
		a := m*b - k // X above b + a are among them
		sum += p * (d.excess(a) - d.excess(a+b))
		p *= mean / float64(k+1)
	}
	return sum
}

// meanPoissonAbove returns E[(N-k)⁺] of a Poisson variable, k >= 0.
func meanPoissonAbove(mean float64, k int) float64 {
	if k == 0 {
		return mean
	}
	last := poissonSpan(mean)
	if last < k {
		return 0
	}
	n := max(k, int(mean-9.5*math.Sqrt(mean))-25) + 1
	var sum float64
	for p := poissonProbability(n, mean); n <= last; n++ {
		sum += float64(n-k) * p
		p *= mean / float64(n+1)
	}
	return sum
}

// excess returns Σ_{x>b+a} (x-b-a) P(X = x) over x > b.
func (d *BatchLatencies) excess(a int) float64 {
	switch {
	case a < 0:
		return d.overload[0] + float64(-a)*d.crowded
	case a < len(d.overload):
		return d.overload[a]
	}
	return 0
}

// ResponseTail returns P(T > t), t in seconds; 1 if t < 0 or the queue is not stable, NaN if t is NaN.
func (d BatchLatencies) ResponseTail(seconds float64) float64 {
	q := d.server
	switch {
	case math.IsNaN(seconds) || math.IsNaN(d.unstable):
		return math.NaN()
	case seconds < 0 || d.unstable != 0:
		return 1
	case q.ArrivalRatePerSecond == 0:
		return boolean(q.time(1)+q.delay() > seconds)
	case d.law != nil:
		return math.Min(d.idle*boolean(q.time(1) > seconds)+d.unlimitedTail(seconds, true), 1)
	}
	return d.tail(func(n int) float64 { return seconds - q.time(float64(n)) })
}

// WaitTail returns P(W > t), t in seconds; 1 if t < 0 or the queue is not stable, NaN if t is NaN.
func (d BatchLatencies) WaitTail(seconds float64) float64 {
	switch {
	case math.IsNaN(seconds) || math.IsNaN(d.unstable):
		return math.NaN()
	case seconds < 0 || d.unstable != 0:
		return 1
	case d.server.ArrivalRatePerSecond == 0:
		return boolean(d.server.delay() > seconds)
	case d.law != nil:
		return math.Min(d.unlimitedTail(seconds, false), 1)
	}
	return d.tail(func(int) float64 { return seconds })
}

// tail returns the share of requests in batches of n that wait more than w(n), over all n.
func (d *BatchLatencies) tail(wait func(n int) float64) float64 {
	q, b := d.server, d.server.MaxBatch
	lambda, delay := q.ArrivalRatePerSecond, q.delay()
	var late float64
	atDelay := make([]float64, b)
	poissonPMF(atDelay, lambda*delay)
	for n := 1; n < b; n++ {
		w, k := wait(n), float64(n)
		if w < 0 {
			late += k * d.chain.starts[n]
			continue
		}
		from := math.Max(w, delay)
		i := panelAt(d.panels, from)
		late += k * d.waiting[n].from(d.panels, i, from)
		if n > 1 {
			late -= w * lambda * d.waiting[n-1].from(d.panels, i, from)
		}
		if w < delay {
			late += d.chain.delayed * atDelay[n-1] * (1 + (k-1)*(1-w/delay))
		}
	}
	w := wait(b)
	if w < 0 {
		late += float64(b) * (d.chain.starts[b] + d.chain.full)
	} else {
		i := panelAt(d.panels, w)
		late += d.firstWaiting(w) - d.all.from(d.panels, i, w) + w*lambda*d.allButOne.from(d.panels, i, w)
		if w < delay {
			late += float64(b-1)*d.filling[0].from(d.panels[:d.fillEnd], i, w) - w*d.filling[1].from(d.panels[:d.fillEnd], i, w)
		}
	}
	return math.Min(math.Max(late/d.perBatch, 0), 1) // rounding leaves some 1e-16 of either sign
}

// WaitQuantileSeconds returns the least t with P(W > t) <= 1-p; +Inf if p = 1 and there are arrivals, since the wait is
// not bounded; NaN if p is outside [0, 1].
func (d BatchLatencies) WaitQuantileSeconds(p float64) float64 {
	switch {
	case !(p >= 0 && p <= 1) || math.IsNaN(d.unstable):
		return math.NaN()
	case d.unstable != 0:
		return d.unstable
	case d.server.ArrivalRatePerSecond == 0:
		return d.server.delay() * boolean(p > 0)
	}
	return d.quantile(d.WaitTail, p, 0, []float64{0, d.server.delay()})
}

// ResponseQuantileSeconds returns the least t with P(T > t) <= 1-p; +Inf if p = 1 and there are arrivals, since the wait
// is not bounded; NaN if p is outside [0, 1].
func (d BatchLatencies) ResponseQuantileSeconds(p float64) float64 {
	one := d.server.time(1)
	switch {
	case !(p >= 0 && p <= 1) || math.IsNaN(d.unstable):
		return math.NaN()
	case d.unstable != 0:
		return d.unstable
	case p == 0:
		return one // the fastest there is
	case d.server.ArrivalRatePerSecond == 0:
		return one + d.server.delay()
	}
	atoms := d.atoms
	if d.law != nil {
		atoms = []float64{one}
	}
	return d.quantile(d.ResponseTail, p, one, atoms)
}

// quantile searches between the atoms, where the tail is continuous.
func (d *BatchLatencies) quantile(tail func(float64) float64, p, least float64, atoms []float64) float64 {
	const near = 0x1p-50 // atoms are sums of two times, and tails take one of them off again
	if p == 1 {
		return math.Inf(1)
	}
	kept := func(t float64) bool { return tail(t) <= 1-p }
	i, _ := slices.BinarySearchFunc(atoms, true, func(atom float64, _ bool) int {
		if kept(atom * (1 + near)) {
			return 1
		}
		return -1
	})
	low := least
	if i > 0 {
		low = math.Max(low, atoms[i-1]*(1+near))
	}
	switch {
	case i == len(atoms):
		return low + quantileOfTail(func(x float64) float64 { return tail(low + x) }, p, d.server.time(1))
	case !kept(atoms[i] * (1 - near)):
		return atoms[i]
	case kept(low):
		return low
	}
	target, high := math.Log1p(-p), atoms[i]*(1-near)
	short := func(t float64) float64 { return target - math.Log(tail(t)) }
	return narrow(short, point{low, short(low)}, point{high, math.Min(math.Max(short(high), 0x1p-60), math.MaxFloat64)})
}

// ResponseTail returns P(T > t), as [BatchLatencies.ResponseTail] of [MDBatch.Latencies].
func (q MDBatch) ResponseTail(seconds float64) float64 { return q.Latencies().ResponseTail(seconds) }

// WaitTail returns P(W > t), as [BatchLatencies.WaitTail] of [MDBatch.Latencies].
func (q MDBatch) WaitTail(seconds float64) float64 { return q.Latencies().WaitTail(seconds) }

// ResponseQuantileSeconds returns the p-quantile of the response time, as that of [MDBatch.Latencies].
func (q MDBatch) ResponseQuantileSeconds(p float64) float64 {
	return q.Latencies().ResponseQuantileSeconds(p)
}

// WaitQuantileSeconds returns the p-quantile of the wait, as that of [MDBatch.Latencies].
func (q MDBatch) WaitQuantileSeconds(p float64) float64 { return q.Latencies().WaitQuantileSeconds(p) }

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
