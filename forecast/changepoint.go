package forecast

import "math"

const (
	// shiftAlarm is the threshold of the change-point detector: were breaches independent, a false alarm
	// would come once in e^9.2, 10,000 steps, or more rarely.
	shiftAlarm = 9.2
	// often and seldom are the breach probabilities that the detector looks for, as multiples of the
	// nominal one (chosen by us).
	often, seldom = 4, 0.1
	// shiftKeep is the number of errors that outlive a change point: enough for a 0.95 quantile.
	shiftKeep = 128
	// shiftRefill is the number of steps after a change point of which every error is kept.
	shiftRefill = 512
)

// changePoint watches whether values exceed a quantile of level 1-α as often as they should, by two
// cumulative sums of log-likelihood ratios of a breach probability α₁ against α, for α₁ = 4α and α/10:
//
//	S ← max(0, S + b ln(α₁/α) + (1-b) ln((1-α₁)/(1-α))),  b = 1 on a breach, else 0
//
// with an alarm at S >= 9.2. A level shift or a new regime of noise makes one of the sums climb as long
// as the forecast has not followed it; breaches have no unit, so the scale of the errors does not matter.
//
// Source: E. S. Page, Continuous inspection schemes, Biometrika 41 (1954); the mean time e^h between
// false alarms at threshold h: G. Lorden, Procedures for reacting to a change in distribution, The Annals
// of Mathematical Statistics 42 (1971).
type changePoint struct {
	alpha float64
	sums  [2]float64
}

// observe reports whether the breach, or its absence, raises the alarm, and starts again after it.
func (c *changePoint) observe(breach bool) bool {
	for i, ratio := range [...]float64{often, seldom} {
		gain := math.Log((1 - ratio*c.alpha) / (1 - c.alpha))
		if breach {
			gain = math.Log(ratio)
		}
		c.sums[i] = max(0, c.sums[i]+gain)
	}
	if max(c.sums[0], c.sums[1]) < shiftAlarm {
		return false
	}
	c.sums = [2]float64{}
	return true
}

// shift sets aside the errors of before a change point, in every pool. For a while newer ones
// are then taken in at every step, so that the pools fill again soon.
func (f *blended) shift() {
	for _, sp := range f.spans {
		sp.pool.keepNewest(shiftKeep)
		for i := range sp.experts {
			sp.experts[i].pool.keepNewest(shiftKeep)
		}
	}
	f.sinceShift = 0
	f.shifts++
}
