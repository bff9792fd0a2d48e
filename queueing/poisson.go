package queueing

import "math"

// poissonProbability returns e^-x x^k/k!, k >= 0, x >= 0, to a few units in the last place however large both are.
// It is Loader's saddle-point form
//
//	exp(-δ(k) - D(k, x)) / √(2πk),  D(k, x) = k ln(k/x) + x - k,
//
// where δ is the error of Stirling's formula. No large terms cancel: near k = x the deviance D is summed as a series.
//
// Source: C. Loader, Fast and Accurate Computation of Binomial Probabilities (2000).
func poissonProbability(k int, x float64) float64 {
	switch {
	case x == 0:
		if k == 0 {
			return 1
		}
		return 0
	case k == 0:
		return math.Exp(-x)
	case k < 16:
		return math.Exp(float64(k)*math.Log(x)-x) / factorial(k)
	}
	n := float64(k)
	return math.Exp(-stirlingError(n)-deviance(n, x, n-x)) / math.Sqrt(2*math.Pi*n)
}

func factorial(k int) float64 {
	product := 1.0
	for i := 2; i <= k; i++ {
		product *= float64(i)
	}
	return product
}

// stirlingError is ln n! - ln(√(2πn) (n/e)^n) for n >= 16, where five terms of its asymptotic series reach float64.
func stirlingError(n float64) float64 {
	square := n * n
	return (1.0/12 - (1.0/360-(1.0/1260-(1.0/1680-1.0/1188/square)/square)/square)/square) / n
}

// deviance is k ln(k/x) + x - k, for which a caller may know the difference k - x better than by rounding.
func deviance(k, x, difference float64) float64 {
	if math.Abs(difference) >= 0.1*(k+x) {
		return k*math.Log(k/x) - difference
	}
	v := difference / (k + x)
	sum, term := difference*v, 2*k*v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}

// negligible is the share of a sum of positive terms below which a falling tail of terms is dropped.
const negligible = 0x1p-64

// poissonSum returns Σ_{i=0..last} e^-x x^i/i! w(i) for weights w >= 0 that are log-concave in i, so that the terms
// rise to one peak and fall from it. It sums outward from start, which may lie off the peak but not so far that the
// term underflows there, and takes O(√x) terms where the weights do not widen the peak.
func poissonSum(x float64, start, last int, weight func(i int) float64) float64 {
	if last < 0 {
		return 0
	}
	start = min(max(start, 0), last)
	probability := poissonProbability(start, x)
	first := probability * weight(start)
	sum, previous, p := first, first, probability
	for i := start + 1; i <= last; i++ {
		p *= x / float64(i)
		term := p * weight(i)
		sum += term
		if term <= sum*negligible && term <= previous {
			break
		}
		previous = term
	}
	previous, p = first, probability
	for i := start - 1; i >= 0; i-- {
		p *= float64(i+1) / x
		term := p * weight(i)
		sum += term
		if term <= sum*negligible && term <= previous {
			break
		}
		previous = term
	}
	return sum
}
