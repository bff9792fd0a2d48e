package queueing

import "math"

// batchChain is the law of the number present at the starts of batches, one batch being the unit.
type batchChain struct {
	b       int
	starts  []float64 // P(n present and none left behind), n = 0..b; starts[0] = 0
	ends    []float64 // P(X = x) at the ends of batches, x = 0..b
	above   []float64 // V_z, ladder points of the walk at b+1+z
	full    float64   // P(more than b present)
	left    float64   // mean number left behind
	delayed float64   // share of batches whose oldest is younger than the delay when the server is free
	filled  float64   // share of batches that fill up during the delay
	walk    batchWalk
}

// batchSolve watches the chain only where a batch leaves nobody behind. Such a batch of n begins with n present and
// knows nothing of the future; let V be the age of the oldest waiting request at the next end of a batch at which
// X <= b wait, as far as there is one, and N(t) the Poisson arrivals behind it. If V >= d, the maximum delay, X = 1 + N(V)
// start at once. Otherwise those of 1 + N(d) start when the delay is over, or b when they have come. With
// r_n(v) the density of V, idle servers as an atom at 0, the next batch without others behind has the size m < b with
// probability
//
//	K(n, m) = P(V < d) e^(-λd) (λd)^(m-1)/(m-1)! + ∫_d^∞ r_n(v) e^(-λv) (λv)^(m-1)/(m-1)! dv,
//
// the second term being P(X = m) less the integral up to d. Up to the end of the batch itself r_n(v) = λe^(-λ(τ(n)-v)),
// since nobody came before, and the integrals are closed; later ends, whose ages exceed τ(b), matter for delays
// above that only, see [MDBatch.agesBeyondBatch].
func (q MDBatch) batchSolve() batchChain {
	b, lambda, d := q.MaxBatch, q.ArrivalRatePerSecond, q.delay()
	mean := lambda * q.time(float64(b))
	c := batchChain{b: b, walk: newBatchWalk(b, mean, float64(b)-mean)}

	span := poissonSpan(mean)
	pmf, atDelay, early := make([]float64, max(span, b)+1), make([]float64, b), make([]float64, b+1)
	poissonPMF(atDelay, lambda*d)
	ends, entered := make([][]float64, b+1), make([][]float64, b+1)
	for n := 1; n <= b; n++ {
		poissonPMF(pmf, lambda*q.time(float64(n)))
		entered[n] = ladderPoints(pmf[b+1:], c.walk.descent)
		ends[n] = make([]float64, b+1)
		c.walk.fall(ends[n], entered[n])
	}
	ages := q.agesBeyondBatch(c.walk, entered)

	rows := make([]float64, b*b) // K
	delayed, filled := make([]float64, b+1), make([]float64, b+1)
	for n := 1; n <= b; n++ {
		tau := q.time(float64(n))
		poissonPMF(pmf, lambda*tau)
		row := rows[(n-1)*b : n*b] // by m-1
		copy(row, ends[n][1:])
		if d < tau {
			poissonPMF(early, lambda*d)
			delayed[n] = math.Exp(-lambda * (tau - d))
			for m := 1; m < b; m++ {
				row[m-1] += math.Max(pmf[m]-delayed[n]*early[m], 0)
			}
		} else {
			delayed[n] = 1 + ages.visits[n]
		}
		for m := 1; m < b; m++ {
			row[m-1] = math.Max(row[m-1]-ages.sizes[n][m], 0) + delayed[n]*atDelay[m-1]
		}
		row[b-1] += pmf[b]
		for x := range ends[n] {
			ends[n][x] += pmf[x]
		}
		if d > 0 {
			filled[n] = math.Max(sumOf(ends[n][:b])-sumOf(row[:b-1]), 0)
			row[b-1] += filled[n]
		}
	}

	law := stationary(rows, b)
	c.starts, c.ends = make([]float64, b+1), make([]float64, b+1)
	copy(c.starts[1:], law)
	for n := 1; n <= b; n++ {
		p := c.starts[n]
		for x, v := range ends[n] {
			c.ends[x] += p * v
		}
		for len(c.above) < len(entered[n]) {
			c.above = append(c.above, 0)
		}
		for z, v := range entered[n] {
			c.above[z] += p * v
		}
		c.delayed += p * delayed[n]
		c.filled += p * filled[n]
	}
	c.full, c.left = c.walk.above(c.above)
	total := c.full + sumOf(c.starts)
	for _, s := range [][]float64{c.starts, c.ends, c.above} {
		for i := range s {
			s[i] /= total
		}
	}
	c.full, c.left, c.delayed, c.filled = c.full/total, c.left/total, c.delayed/total, c.filled/total
	return c
}

// batchAge is, for each batch of n that leaves nobody behind, the integral over ages from τ(b) to the delay of the ends
// of batches before the next such, and of those ends at which X = m.
type batchAge struct {
	visits []float64   // by n
	sizes  [][]float64 // by n and m
}

// agesBeyondBatch integrates over the ages of an oldest request that one batch or more has left behind. If it waits for
// v, mτ(b) < v < (m+1)τ(b), when a batch ends, it is the request number (m+1)b + 1 from the end of the batch before those m+1,
// in the last u = (m+1)τ(b) - v of which nothing but Poisson arrivals happened. So with h_X visits to X at such ends,
// and the batch of n itself, behind which mb + 1 is the number,
//
//	r_n(v) = λ Σ_X h_X P(N(u) = (m+1)b - X) + λ P(N(mτ(b) + τ(n) - v) = mb).
func (q MDBatch) agesBeyondBatch(w batchWalk, entered [][]float64) batchAge {
	b, lambda, whole := q.MaxBatch, q.ArrivalRatePerSecond, q.time(float64(q.MaxBatch))
	until := math.Min(q.delay(), q.fillHorizon())
	ages := batchAge{visits: make([]float64, b+1), sizes: make([][]float64, b+1)}
	for n := range ages.sizes {
		ages.sizes[n] = make([]float64, b)
	}
	renewal := []float64{}
	came, size := make([]float64, poissonSpan(lambda*whole)+1), make([]float64, b-1)
	reach, most := make([]int, b+1), 0 // entries that are not negligible
	for n := 1; n <= b; n++ {
		reach[n] = len(entered[n])
		for reach[n] > 0 && entered[n][reach[n]-1] < negligibleState/float64(b) {
			reach[n]--
		}
		most = max(most, reach[n])
	}
	points := make([]float64, most)
	for m := 1; float64(m)*whole < until && m <= MaxBatchStates/b; m++ {
		for len(renewal) < m*b {
			renewal = w.climb(renewal)
		}
		if m > 2 && sumOf(renewal[(m-2)*b:m*b]) < negligibleState {
			break
		}
		for _, p := range newAgePanels(q.ageBreaks(m, until), lambda, b) {
			for j, weight := range p.rule.weight {
				v := p.at(j)
				weight *= (p.to - p.from) / 2
				low, high := poissonWindow(came, lambda*(float64(m+1)*whole-v))
				poissonPMF(size, lambda*v)
				for z := range points {
					points[z] = 0
					for k := low; k < high && k <= m*b-1-z; k++ {
						points[z] += came[k] * renewal[m*b-1-z-k]
					}
				}
				own := math.Inf(1)
				for n := b; n >= 1; n-- {
					if own >= lambda*negligibleState { // it falls with n
						own = q.ageDensity(n, m, v)
					}
					var density float64
					for z, e := range entered[n][:reach[n]] {
						density += e * points[z]
					}
					density = lambda*density + own
					if density < lambda*negligibleState {
						continue
					}
					density *= weight
					ages.visits[n] += density
					for i, s := range size {
						ages.sizes[n][i+1] += density * s
					}
				}
			}
		}
	}
	return ages
}

// ageDensity is the part of r_n of those who came during the batch of n itself, mτ(b) < v.
func (q MDBatch) ageDensity(n, m int, v float64) float64 {
	before := float64(m)*q.time(float64(q.MaxBatch)) + q.time(float64(n)) - v
	if before < 0 {
		return 0
	}
	return q.ArrivalRatePerSecond * poissonProbability(m*q.MaxBatch, q.ArrivalRatePerSecond*before)
}

// ageBreaks cuts the ages from mτ(b) to (m+1)τ(b), or until a time within, where densities are not smooth.
func (q MDBatch) ageBreaks(m int, until float64) []float64 {
	const smooth = 20 // continuous derivatives
	whole := q.time(float64(q.MaxBatch))
	from, to := float64(m)*whole, float64(m+1)*whole
	breaks := []float64{from}
	for n := 1; n < q.MaxBatch && m*q.MaxBatch < smooth; n++ {
		if at := from + q.time(float64(n)); at < math.Min(until, to) && at > breaks[len(breaks)-1] {
			breaks = append(breaks, at)
		}
	}
	return append(breaks, math.Min(until, to))
}

// stationary returns the stationary law of an n-state transition matrix by the elimination of Grassmann, Taksar and
// Heyman (Operations Research 33, 1985), which subtracts nothing. Rows need not be normalized. A state from which no
// smaller one is reached leaves those without probability.
func stationary(rows []float64, n int) []float64 {
	least := 0
	for k := n - 1; k > 0; k-- {
		pivot := rows[k*n : k*n+k]
		out := sumOf(pivot)
		if out == 0 {
			least = k
			break
		}
		for i := range k {
			row := rows[i*n : i*n+n]
			row[k] /= out
			if f := row[k]; f > 0 {
				for j, v := range pivot {
					row[j] += f * v
				}
			}
		}
	}
	law := make([]float64, n)
	law[least] = 1
	for k := least + 1; k < n; k++ {
		for i := least; i < k; i++ {
			law[k] += law[i] * rows[i*n+k]
		}
	}
	return law
}

func sumOf(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum
}

// negligibleState is the probability below which a state is left out.
const negligibleState = 1e-16

// poissonWindow fills dst[low:high] with the probabilities of a Poisson variable that are not negligible, and leaves the
// rest of dst as it is.
func poissonWindow(dst []float64, mean float64) (low, high int) {
	mode := int(math.Min(mean, float64(len(dst)-1)))
	dst[mode] = poissonProbability(mode, mean)
	low, high = mode, mode+1
	for low > 0 && dst[low] > negligibleState {
		dst[low-1] = dst[low] * float64(low) / mean
		low--
	}
	for high < len(dst) && dst[high-1] > negligibleState {
		dst[high] = dst[high-1] * mean / float64(high)
		high++
	}
	return low, high
}

// poissonSpan returns a number that a Poisson variable exceeds with a probability below 1e-18.
func poissonSpan(mean float64) int { return int(mean+9.5*math.Sqrt(mean)) + 25 }

// poissonPMF fills dst with P(N = 0), P(N = 1), ... of a Poisson variable, outwards from its mode so that nothing that
// matters underflows.
func poissonPMF(dst []float64, mean float64) {
	clear(dst)
	if len(dst) == 0 {
		return
	}
	if mean == 0 {
		dst[0] = 1
		return
	}
	mode := int(math.Min(mean, float64(len(dst)-1)))
	dst[mode] = poissonProbability(mode, mean)
	for j := mode - 1; j >= 0; j-- {
		dst[j] = dst[j+1] * float64(j+1) / mean
	}
	for j := mode + 1; j < len(dst); j++ {
		dst[j] = dst[j-1] * mean / float64(j)
	}
}
