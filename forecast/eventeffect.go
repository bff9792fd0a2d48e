package forecast

import (
	"math"
	"slices"
)

const (
	// mostPast is the number of newest occurrences an event is learned from.
	mostPast = 16
	// expectedSpread is the standard deviation of the logarithm of a multiplier that the caller expects,
	// unknownSpread that of a multiplier of which nothing is known before the first occurrence (chosen by us).
	expectedSpread, unknownSpread = 0.25, 1.5
	// betweenSpread is the standard deviation of the logarithm from one occurrence to the next as it is
	// believed to be with the weight of betweenWeight occurrences (chosen by us).
	betweenSpread, betweenWeight = 0.2, 3.0
	// withinSpread is that from step to step of one occurrence, where none has been seen.
	withinSpread = 0.1
	// mostWithin bounds a step's deviation in that, a factor of four.
	mostWithin = 1.4
)

// effect is what is known of an event's multiplier M. Its logarithm is taken as normal:
//
//	log M_j = θ + N(0, s²) for occurrence j,   θ ~ N(log expected, τ²)
//	s² = (3·0.2² + Σ (log M_j - θ̂)²) / (3 + n - 1)
//	θ | M_1..M_n: mean w θ̂ + (1-w) log expected, w = n / (n + s²/τ²), variance s² / (n + s²/τ²)
//
// with θ̂ the mean of the logarithms, each moved to within three robust standard deviations of their
// median. τ is 0.25 where the caller expects a multiplier, else 1.5 around 1: a single occurrence then
// counts nearly in full. This is the usual normal model with a normal prior, its variance shrunk.
type effect struct {
	expected     float64   // 0: unknown
	past, within []float64 // per occurrence: log multiplier; mean squared deviation of its steps
}

func (e *effect) add(logMultiplier, within float64) {
	if len(e.past) == mostPast {
		e.past, e.within = slices.Delete(e.past, 0, 1), slices.Delete(e.within, 0, 1)
	}
	e.past = append(e.past, boundLog(logMultiplier))
	e.within = append(e.within, within)
}

// known reports whether anything is.
func (e *effect) known() bool { return e.expected > 0 || len(e.past) > 0 }

// predict returns mean and variance of the logarithm of the next occurrence's multiplier.
func (e *effect) predict() (mean, variance float64) {
	prior, tau2 := 0.0, unknownSpread*unknownSpread
	if e.expected > 0 {
		prior, tau2 = math.Log(e.expected), expectedSpread*expectedSpread
	}
	s2 := betweenSpread * betweenSpread
	n := float64(len(e.past))
	if n == 0 {
		return prior, s2 + tau2
	}
	sorted := slices.Sorted(slices.Values(e.past))
	median := sorted[len(sorted)/2]
	sizes := make([]float64, 0, mostPast)
	for _, v := range sorted {
		sizes = append(sizes, math.Abs(v-median))
	}
	limit := 3 * max(betweenSpread, 1.48*selectRank(sizes, len(sizes)/2))
	sum, squares := 0.0, 0.0
	for _, v := range sorted {
		sum += min(max(v, median-limit), median+limit)
	}
	center := sum / n
	for _, v := range sorted {
		d := min(max(v, median-limit), median+limit) - center
		squares += d * d
	}
	s2 = (betweenWeight*s2 + squares) / (betweenWeight + n - 1)
	weight := n / (n + s2/tau2)
	return weight*center + (1-weight)*prior, s2 + s2/(n+s2/tau2)
}

// stepVariance is the variance of a step's logarithm around that of its occurrence.
func (e *effect) stepVariance() float64 {
	sum := withinSpread * withinSpread
	for _, v := range e.within {
		sum += v
	}
	return max(sum/float64(1+len(e.within)), leastWithin*leastWithin)
}

const leastWithin = 0.02

// freedom is the number of degrees of freedom of the spread, see widening.
func (e *effect) freedom() float64 { return betweenWeight + float64(len(e.past)) }

// boundLog bounds the logarithm of a multiplier; that of zero is the least.
func boundLog(v float64) float64 {
	return min(max(v, math.Log(leastMultiplier)), math.Log(mostMultiplier))
}

// ordinaryLoad estimates what a series would have been without events, from both sides.
type ordinaryLoad struct {
	values    []float64
	ordinary  []bool // no event, and present
	day, week int
}

const (
	nearCycles = 3  // weeks or days looked at on either side
	leastFlank = 12 // ordinary steps on either side that give the level, at least,
	mostFlank  = 96 // and at most (chosen by us)
	mostLift   = 5.0
)

// shape returns the median of the same phase in weeks near by, else days, NaN where there is none.
func (l *ordinaryLoad) shape(t int) float64 {
	var near [2 * nearCycles]float64
	for _, m := range []int{l.week, l.day} {
		n := 0
		for j := 1; m > 0 && j <= nearCycles; j++ {
			for _, at := range []int{t - j*m, t + j*m} {
				if at >= 0 && at < len(l.values) && l.ordinary[at] {
					near[n] = l.values[at]
					n++
				}
			}
		}
		if n > 0 {
			return medianOf(near[:n])
		}
	}
	return math.NaN()
}

// fill puts the load without events of the steps from..to-1 into dst: the shape times the ratio of the
// ordinary steps before and after to theirs; where there is no shape, the mean of those steps.
func (l *ordinaryLoad) fill(dst []float64, from, to int) {
	flank := min(max(to-from, leastFlank), mostFlank)
	actual, expected, mean, n := 0.0, 0.0, 0.0, 0.0
	look := func(t, direction int) {
		for seen, tried := 0, 0; seen < flank && tried < 3*flank && t >= 0 && t < len(l.values); t, tried = t+direction, tried+1 {
			if !l.ordinary[t] {
				continue
			}
			seen++
			n++
			mean += (l.values[t] - mean) / n
			if c := l.shape(t); c == c {
				actual += l.values[t]
				expected += c
			}
		}
	}
	look(from-1, -1)
	look(to, 1)
	lift := 1.0
	if expected > 0 {
		lift = min(max(actual/expected, 1/mostLift), mostLift)
	}
	for t := from; t < to; t++ {
		c := l.shape(t)
		switch {
		case c == c:
			dst[t-from] = lift * c
		case n > 0:
			dst[t-from] = mean
		default:
			dst[t-from] = math.NaN()
		}
	}
}

// medianOf reorders x; of an even number it returns the mean of the middle two.
func medianOf(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return x[(n-1)/2]/2 + x[n/2]/2
}
