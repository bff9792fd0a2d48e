package forecast

import "math"

// SMAPE is the symmetric mean absolute percentage error of the M4 competition,
//
//	100/h Σ 2 |y - ŷ| / (|y| + |ŷ|)
//
// between 0 and 200. A step where both are zero counts as 0; steps whose actual value is missing do
// not count. It is NaN if nothing can be judged. It favors forecasts that are too high.
//
// Source: S. Makridakis, E. Spiliotis, V. Assimakopoulos, The M4 Competition, International Journal of
// Forecasting 36 (2020).
func SMAPE(actual, forecast []float64) float64 {
	sum, n := 0.0, 0.0
	for i, y := range actual {
		if y != y {
			continue
		}
		n++
		if size := math.Abs(y) + math.Abs(forecast[i]); size > 0 {
			sum += 200 * math.Abs(y-forecast[i]) / size
		}
	}
	return sum / n
}

// MASE is the mean absolute error divided by SeasonalChange of the values before. Missing actual
// values do not count.
//
// Source: R. J. Hyndman, A. B. Koehler, Another look at measures of forecast accuracy, International
// Journal of Forecasting 22 (2006).
func MASE(before, actual, forecast []float64, season int) float64 {
	sum, n := 0.0, 0.0
	for i, y := range actual {
		if y == y {
			sum += math.Abs(y - forecast[i])
			n++
		}
	}
	return sum / n / SeasonalChange(before, season)
}

// MSIS is the mean scaled interval score of prediction intervals that should hold a value with
// probability 1-alpha,
//
//	1/h Σ ( u - l + 2/α (l - y)⁺ + 2/α (y - u)⁺ )
//
// divided by SeasonalChange of the values before. Missing actual values do not count.
//
// Source: S. Makridakis, E. Spiliotis, V. Assimakopoulos, The M4 Competition, International Journal of
// Forecasting 36 (2020); the score is that of T. Gneiting, A. E. Raftery, Strictly Proper Scoring Rules,
// Prediction, and Estimation, Journal of the American Statistical Association 102 (2007), section 6.2.
func MSIS(before, actual, lower, upper []float64, season int, alpha float64) float64 {
	sum, n := 0.0, 0.0
	for i, y := range actual {
		if y != y {
			continue
		}
		n++
		sum += upper[i] - lower[i] + 2/alpha*(max(lower[i]-y, 0)+max(y-upper[i], 0))
	}
	return sum / n / SeasonalChange(before, season)
}

// SeasonalChange is the mean of |y(t) - y(t-m)| over the values, the in-sample error of seasonal
// naive that scales MASE and MSIS; NaN if no pair is present.
func SeasonalChange(values []float64, season int) float64 { return meanChange(values, season) }

// OWA is the overall weighted average of the M4 competition: the mean of sMAPE and of MASE, each
// over all series of a set and divided by that of Naive2 on the same set.
func OWA(smape, mase, naive2SMAPE, naive2MASE float64) float64 {
	return (smape/naive2SMAPE + mase/naive2MASE) / 2
}
