package forecast

import "math"

// deviation is what a pattern leaves over: a first-order autoregression observed through noise.
//
//	v(t) = ρ v(t-1) + α (d(t) - ρ v(t-1)),   d̂(t+h) = ρ^h v(t)
//
// 0 <= ρ < 1 and 0 < α <= 1; α = 1 is a plain AR(1). A missing d lets v fade.
type deviation struct{ alpha, rho, value float64 }

func (v *deviation) update(d float64) {
	v.value *= v.rho
	if d == d {
		v.value += v.alpha * (d - v.value)
	}
}

// deviationAlphas and deviationRhos are the values tried; neighbors differ little.
var (
	deviationAlphas = [...]float64{0.05, 0.1, 0.2, 0.4, 0.7, 1}
	deviationRhos   = [...]float64{0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999}
)

// mostDeviations bounds the newest deviations that parameters are fitted on.
const mostDeviations = 20_000

// fitDeviation returns the parameters with the least mean absolute error over the leads, in the state
// after d. It takes O(n) time per pair of parameters.
func fitDeviation(d []float64, leads []int) deviation {
	d = d[max(0, len(d)-mostDeviations):]
	states := make([]float64, len(d))
	best, least := deviation{alpha: 1}, math.Inf(1)
	for _, alpha := range deviationAlphas {
		for _, rho := range deviationRhos {
			v := deviation{alpha: alpha, rho: rho}
			for t, x := range d {
				v.update(x)
				states[t] = v.value
			}
			loss := 0.0
			for _, h := range leads {
				factor := math.Pow(rho, float64(h))
				for t := h; t < len(d); t++ {
					if e := math.Abs(d[t] - factor*states[t-h]); e == e {
						loss += e
					}
				}
			}
			if loss < least {
				best, least = v, loss
			}
		}
	}
	return best
}

// leadsUpTo are the leads that a deviation is fitted for.
func leadsUpTo(horizon int) []int {
	return distinct([]int{1, (horizon + 2) / 3, horizon})
}
