package queueing

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
)

// unlimitedMeans solves the server without limit on b, where each request of a batch has Poisson(λ·perItem)
// successors and each batch Poisson(λ·fixed) more: a branching process with immigration, whose generating function
// P(z) = e^(-λf(1-z)) [P(φ) - p0 (1-φ)], φ = e^(-λa(1-z)), gives p0 = P(X = 0) by iteration from z = 0. The moments are
// closed expressions in p0.
func (q MDBatch) unlimitedMeans() batchMeans {
	lambda, a, f := q.ArrivalRatePerSecond, q.PerItemSeconds, q.FixedSeconds
	la, lf := lambda*a, lambda*f
	empty := unlimitedEmpty(la, lf)
	x := (lf + la*empty) / (1 - la) // E[X]
	n := x + empty                  // n = max(X, 1)
	// E[X²] = E[m + m²], m = λτ(n), and E[n²] = E[X²] + p0.
	square := (lf + la*n + lf*lf + 2*lf*la*n + la*la*empty) / (1 - la*la)
	nn := square + empty
	// Waiting on average over time: those who have come since the batch began, λτ²/2 in all. Little's law makes it a wait.
	cycle := f + a*n + empty/lambda
	return batchMeans{
		utilization: (f + a*n) / cycle,
		batch:       n,
		wait:        (f*f + 2*a*f*n + a*a*nn) / 2 / cycle,
		service:     (f*n + a*nn) / n,
		waiting:     (f + a*n) / cycle,
	}
}

// unlimitedEmpty iterates ε = 1-z from 1 by ε' = 1 - e^(-λaε).
func unlimitedEmpty(la, lf float64) float64 {
	const maxIterations = 1_000_000 // reached for 1-λa < 1e-5, where p0 hardly matters any more
	distance, exponent, sum := 1.0, 0.0, 0.0
	for range maxIterations {
		exponent -= lf * distance
		next := -math.Expm1(-la * distance)
		weight := math.Exp(exponent)
		sum += weight * next
		if weight == 0 || next*(lf+1)/(1-la) < 0x1p-60 {
			break
		}
		distance = next
	}
	return math.Exp(exponent) / (1 + sum)
}

// unlimitedTransform returns P(e^iθ) = Π_j A(z_j) - p0 Σ_i (1-φ(z_i)) Π_{j<=i} A(z_j), A = e^(-λf(1-z)).
func unlimitedTransform(theta, la, lf, empty float64) complex128 {
	const near = 1e-10 // from where 1-φ = λa(1-z) to within rounding
	sine := math.Sin(theta / 2)
	distance := complex(2*sine*sine, -math.Sin(theta)) // 1-z
	var exponent, sum complex128
	for range 1_000_000 {
		exponent -= complex(lf, 0) * distance
		power := complexExp(exponent)
		next := 1 - complexExp(complex(-la, 0)*distance)
		sum += power * next
		distance = next
		if size := math.Hypot(real(distance), imag(distance)); size < near*(1-la) || real(exponent) < -50 {
			exponent -= distance * complex(lf/(1-la), 0)
			sum += power * distance * complex(la/(1-la), 0)
			break
		}
	}
	return complexExp(exponent) - complex(empty, 0)*sum
}

func complexExp(z complex128) complex128 {
	sin, cos := math.Sincos(imag(z))
	e := math.Exp(real(z))
	return complex(e*cos, e*sin)
}

// solveUnlimited finds the law of X and what goes with it.
func (d *BatchLatencies) solveUnlimited() {
	q := d.server
	m := q.unlimitedMeans()
	d.cycle = m.batch / q.ArrivalRatePerSecond
	d.idle = 1 - m.utilization
	if d.law = q.unlimitedLaw(); d.law == nil {
		d.unstable = math.NaN()
	}
}

// unlimitedTail uses that without limit all who arrive during a batch of n form the next, so that its size does not
// depend on when one of them came: the wait w is uniform on (0, τ(n)) and the size is 1 + Poisson(λτ(n)). It returns the
// share of those who wait, and for longer than t in the response or the wait alone.
func (d *BatchLatencies) unlimitedTail(t float64, response bool) float64 {
	q := d.server
	var sum float64
	for x, p := range d.law {
		if p == 0 {
			continue
		}
		tau := q.time(math.Max(float64(x), 1))
		if !response {
			sum += p * math.Max(tau-t, 0)
			continue
		}
		if t >= tau+q.time(float64(1+poissonSpan(q.ArrivalRatePerSecond*tau))) {
			continue
		}
		mean := q.ArrivalRatePerSecond * tau
		low := max(0, int(mean-9.5*math.Sqrt(mean))-25)
		weight := poissonProbability(low, mean)
		var length float64
		for s, last := low+1, 1+poissonSpan(mean); s <= last; s++ {
			length += weight * math.Min(math.Max(q.time(float64(s))+tau-t, 0), tau)
			weight *= mean / float64(s)
		}
		sum += p * length
	}
	return sum / d.cycle
}

// unlimitedLaw inverts the generating function of X, see [MDBatch.unlimitedMeans], on the unit circle. It returns nil
// if X reaches beyond [MaxBatchStates].
func (q MDBatch) unlimitedLaw() []float64 {
	la, lf := q.ArrivalRatePerSecond*q.PerItemSeconds, q.ArrivalRatePerSecond*q.FixedSeconds
	empty := unlimitedEmpty(la, lf)
	mean := (lf + la*empty) / (1 - la)
	deviation := math.Sqrt(mean / (1 - la*la)) // a little above that of X
	span := 64.0
	for span < mean+12*deviation+40/(1-la) {
		span *= 2
	}
	if !(span <= MaxBatchStates) {
		return nil
	}
	n := int(span)
	spectrum := make([]complex128, n/2+1)
	for k := range spectrum {
		spectrum[k] = unlimitedTransform(-2*math.Pi*float64(k)/span, la, lf, empty)
	}
	law := fourier.NewFFT(n).Sequence(nil, spectrum)
	for x := range law {
		law[x] /= span
		if law[x] < 1e-17 { // rounding noise
			law[x] = 0
		}
	}
	return law
}
