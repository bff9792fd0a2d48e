package forecast

import (
	"math"
	"slices"
)

// adaptiveAlphas are the upper tail probabilities whose realized frequency is tracked.
var adaptiveAlphas = [...]float64{0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005}

const (
	// adaptGain is the relative change of a tail probability after one breach. Windows overlap, so
	// that one event counts several times. Measured on eleven real traces: gains of 0.02 to 0.05
	// differ little, no adaptation costs 2 % of pinball loss on average and 50 % on the worst trace.
	adaptGain = 0.03
	// A working tail probability stays within these multiples of its nominal one. A lower bound of
	// 0.1 costs pinball loss at 0.99, where it asks for quantiles beyond the sample (measured).
	adaptLow, adaptHigh = 0.2, 1.5
)

// adaptive corrects quantile levels online, after adaptive conformal inference. For each nominal
// tail probability α it keeps a working one α', and after every window maximum sets
//
//	log α' += g (α - breach)
//
// with breach 1 if the maximum lay above the quantile at 1-α' and else 0. In the long run breaches
// then occur with frequency α, whatever the drift, as long as α' stays inside its bounds. The
// original adds g(α - breach) to α' itself; in the logarithm the correction is alike for all α.
//
// Source: I. Gibbs, E. Candès, Adaptive Conformal Inference Under Distribution Shift, NeurIPS 2021.
type adaptive struct {
	logRatio [len(adaptiveAlphas)]float64 // log(α'/α)
	sorted   []float64                    // scaled window errors in order
	ring     []float64                    // the same by age
	oldest   int
}

func newAdaptive() adaptive {
	return adaptive{
		sorted: make([]float64, 0, poolSize),
		ring:   make([]float64, 0, poolSize),
	}
}

// observe takes a scaled window error, judges the working levels by it, and keeps it if asked to.
// It takes O(log n) comparisons and a shift of at most poolSize numbers.
func (a *adaptive) observe(z float64, keep bool) {
	if len(a.sorted) >= minPaths {
		above := len(a.sorted) - upperBound(a.sorted, z) // kept errors larger than z
		// Ties count as half, so that integer data do not look like breaches or their absence.
		ties := upperBound(a.sorted, z) - lowerBound(a.sorted, z)
		tail := (float64(above) + 0.5*float64(ties)) / float64(len(a.sorted))
		for i, alpha := range adaptiveAlphas {
			d := alpha
			if tail < alpha*math.Exp(a.logRatio[i]) {
				d--
			}
			a.logRatio[i] = min(max(a.logRatio[i]+adaptGain*d, math.Log(adaptLow)), math.Log(adaptHigh))
		}
	}
	if keep {
		a.keep(z)
	}
}

func (a *adaptive) keep(z float64) {
	if len(a.ring) == poolSize {
		i := lowerBound(a.sorted, a.ring[a.oldest])
		a.sorted = slices.Delete(a.sorted, i, i+1)
		a.ring[a.oldest] = z
		a.oldest = (a.oldest + 1) % poolSize
	} else {
		a.ring = append(a.ring, z)
	}
	a.sorted = slices.Insert(a.sorted, upperBound(a.sorted, z), z)
}

// lowerBound returns the number of elements less than z, upperBound those not greater.
func lowerBound(sorted []float64, z float64) int {
	i, _ := slices.BinarySearch(sorted, z)
	return i
}

func upperBound(sorted []float64, z float64) int {
	lo, hi := 0, len(sorted)
	for lo < hi {
		mid := (lo + hi) / 2
		if sorted[mid] <= z {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// levelMap maps a nominal level to the working one.
type levelMap [len(adaptiveAlphas)]float64 // log α' per nominal α, decreasing

// ratios returns the map that holds now. Working probabilities are put in order, largest first, so
// that quantiles cannot cross.
func (a *adaptive) ratios() levelMap {
	var m levelMap
	for i, alpha := range adaptiveAlphas {
		m[i] = math.Log(alpha) + a.logRatio[i]
		if i > 0 {
			m[i] = min(m[i], m[i-1])
		}
	}
	return m
}

// tail returns the working tail probability for the quantile level p: interpolated linearly in log
// α between the tracked ones, with the last ratio kept beyond. Levels of 1/2 and less are left
// alone up to the point where they would cross.
func (m *levelMap) tail(p float64) float64 {
	alpha := 1 - p
	x := math.Log(alpha)
	last := len(adaptiveAlphas) - 1
	if alpha >= adaptiveAlphas[0] {
		return max(alpha, math.Exp(m[0]))
	}
	for i := 1; i <= last; i++ {
		if alpha >= adaptiveAlphas[i] {
			x0, x1 := math.Log(adaptiveAlphas[i-1]), math.Log(adaptiveAlphas[i])
			w := (x - x0) / (x1 - x0)
			return math.Exp(m[i-1] + w*(m[i]-m[i-1]))
		}
	}
	return alpha * math.Exp(m[last]) / adaptiveAlphas[last]
}
