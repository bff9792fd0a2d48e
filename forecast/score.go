package forecast

import "math"

// Score is the result of a rolling-origin backtest of one model.
type Score struct {
	// Name is the model's name where it has one.
	Name string
	// Origins is the number of forecasts that were judged.
	Origins int
	// WAPE is Σ|y-ŷ| / Σ|y| over all origins and steps 1..Horizon; NaN if nothing could be judged.
	WAPE float64
	// MASE is the mean of |y-ŷ| divided by the mean of |y(t)-y(t-m)| over the part fitted on, m being
	// the season of the options. NaN where that is 0.
	MASE float64
	// MeanActual is the mean of the values judged: pinball losses divided by it compare across series.
	MeanActual float64
	// Levels judges each step 1..Horizon by itself, WindowMax the maximum over steps 1..Window; one
	// entry per quantile level, in the order asked for.
	Levels    []LevelScore
	WindowMax []LevelScore

	losses []float64 // window pinball loss per origin at the first level, NaN where not judged
}

// LevelScore judges the quantiles of one level.
type LevelScore struct {
	// Quantile is the level, in (0, 1).
	Quantile float64
	// Pinball is the mean pinball loss: p·(y-q) where y > q, else (1-p)·(q-y). Same unit as the values.
	Pinball float64
	// Coverage is the share of values at or below the quantile (one-sided); ideally equal to Quantile.
	Coverage float64
}

// pinball returns the pinball (quantile) loss of the forecast q of the p-quantile against y.
//
// Source: R. Koenker, G. Bassett, Regression Quantiles, Econometrica 46 (1978).
func pinball(y, q, p float64) float64 {
	if y > q {
		return p * (y - q)
	}
	return (1 - p) * (q - y)
}

// levelTally accumulates a LevelScore.
type levelTally struct{ loss, covered, n float64 }

func (t *levelTally) add(y, q, p float64) {
	t.loss += pinball(y, q, p)
	if y <= q {
		t.covered++
	}
	t.n++
}

func (t *levelTally) score(p float64) LevelScore {
	if t.n == 0 {
		return LevelScore{Quantile: p, Pinball: math.NaN(), Coverage: math.NaN()}
	}
	return LevelScore{Quantile: p, Pinball: t.loss / t.n, Coverage: t.covered / t.n}
}
