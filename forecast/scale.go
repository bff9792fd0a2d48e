package forecast

import (
	"math"
	"slices"
)

const (
	levelSpan = 15.0 // steps the local level looks back, about (chosen by us)
	volSpan   = 20.0 // the same for the local volatility
	phaseDays = 4.0  // days over which the volatility of a phase of day is averaged, at least,
	phaseSpan = 20.0 // and the least number of errors in that average
	maxBins   = 24   // bins of the day for that

	// Bounds of each feature relative to its average; wider ones cost pinball loss at 0.99 (measured).
	lowRatio, highRatio = 0.2, 10.0

	// exponentCost is the share of the loss that a full exponent must save (chosen by us).
	exponentCost = 0.05
)

// features describe how uncertain a moment is, each relative to its average over the calibration:
// the local level, the local volatility (mean absolute one-step error), and the volatility usual
// for the phase of day of the coming window (its
// most volatile bin). They are logarithms.
type features [3]float64

// errorScale says by how much errors are larger at one moment than at another:
//
//	scale = level^a · volatility^b · phaseVolatility^c
//
// The exponents (a, b, c), each 0, 1/2 or 1, are chosen out of sample by pinball loss, see choose.
// All zero means plain pooled errors.
type errorScale struct {
	exponents features

	level, vol           float64 // local averages
	levelWeight          float64 // sum of weights behind level, for its start
	volWeight            float64
	meanLevel, meanVol   float64 // averages over everything seen in Fit
	levelCount, volCount float64

	bins   []float64 // mean absolute one-step error per bin of the day
	counts []float64
	perBin float64
	day    int
	phase  int // phase of day of the coming step
	window int
}

func newErrorScale(c calibration) errorScale {
	s := errorScale{day: c.day, window: c.window}
	if c.day >= 4 {
		n := min(maxBins, c.day)
		s.bins, s.counts = make([]float64, n), make([]float64, n)
		s.perBin = float64(c.day) / float64(n)
		s.phase = c.dayPhase % c.day
	}
	return s
}

func (s *errorScale) bin(ahead int) int {
	return int(float64((s.phase+ahead)%s.day) / s.perBin)
}

// observe takes the one-step error of the coming step, before advance.
func (s *errorScale) observe(e float64) {
	e = math.Abs(e)
	s.volWeight += (1 - s.volWeight) / volSpan
	s.vol += (e - s.vol) / (volSpan * s.volWeight)
	s.volCount++
	s.meanVol += (e - s.meanVol) / s.volCount
	if s.day >= 4 {
		b := s.bin(0)
		s.counts[b]++
		s.bins[b] += (e - s.bins[b]) / min(s.counts[b], max(phaseSpan, phaseDays*s.perBin))
	}
}

// advance moves the clock one step and follows the level.
func (s *errorScale) advance(y float64) {
	if y == y {
		s.levelWeight += (1 - s.levelWeight) / levelSpan
		s.level += (y - s.level) / (levelSpan * s.levelWeight)
		s.levelCount++
		s.meanLevel += (y - s.meanLevel) / s.levelCount
	}
	if s.day > 0 {
		s.phase = (s.phase + 1) % s.day
	}
}

// features returns the features of a forecast made now.
func (s *errorScale) features() features {
	var f features
	f[0] = logRatio(s.level, s.meanLevel)
	f[1] = logRatio(s.vol, s.meanVol)
	if s.day >= 4 {
		// The most volatile bin that the window touches: one noisy step makes a noisy maximum.
		largest := 0.0
		last := s.bin(min(s.window, s.day) - 1)
		for b := s.bin(0); ; b = (b + 1) % len(s.bins) {
			largest = max(largest, s.bins[b])
			if b == last {
				break
			}
		}
		if largest > 0 {
			f[2] = logRatio(largest, s.meanVol)
		}
	}
	return f
}

func logRatio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return math.Log(min(max(a/b, lowRatio), highRatio))
}

// at returns the scale of a moment, positive.
func (s *errorScale) at(f features) float64 {
	x := s.exponents[0]*f[0] + s.exponents[1]*f[1] + s.exponents[2]*f[2]
	if x == 0 {
		return 1
	}
	return math.Exp(x)
}

// scaleLevels are the quantile levels whose pinball loss chooses the exponents.
var scaleLevels = []float64{0.9, 0.95, 0.99}

// choose picks the exponents with the least pinball loss of the window maximum when the quantiles
// of one half of the errors are applied to the other half, both ways. Every exponent must earn its
// cost over no scaling at all. It is a no-op on fewer than 40 windows.
func (s *errorScale) choose(windows []windowError) {
	const most = 3000
	stride := (len(windows) + most - 1) / most
	if len(windows) < 40 {
		return
	}
	sample := make([]windowError, 0, most)
	for i := 0; i < len(windows); i += stride {
		sample = append(sample, windows[i])
	}
	half := len(sample) / 2
	scratch := make([]float64, 0, half+1)
	scales := make([]float64, len(sample))
	best := math.Inf(1)
	var chosen features
	for _, a := range []float64{0, 0.5, 1} {
		for _, b := range []float64{0, 0.5, 1} {
			for _, c := range []float64{0, 0.5, 1} {
				s.exponents = features{a, b, c}
				for i, w := range sample {
					scales[i] = s.at(w.at)
				}
				loss := crossPinball(sample[:half], sample[half:], scales[:half], scales[half:], scratch) +
					crossPinball(sample[half:], sample[:half], scales[half:], scales[:half], scratch)
				loss *= 1 + exponentCost*(a+b+c)
				if loss < best {
					best, chosen = loss, s.exponents
				}
			}
		}
	}
	s.exponents = chosen
}

// crossPinball is the loss on the test windows of scaled quantiles of the training windows, with
// the levels weighted to count alike.
func crossPinball(train, test []windowError, trainScale, testScale, scratch []float64) float64 {
	z := scratch[:0]
	for i, w := range train {
		z = append(z, w.err/trainScale[i])
	}
	slices.Sort(z)
	total := 0.0
	for _, p := range scaleLevels {
		q := z[rank(len(z), p)]
		loss := 0.0
		for i, w := range test {
			loss += pinball(w.err, q*testScale[i], p)
		}
		total += loss / (1 - p)
	}
	return total
}
