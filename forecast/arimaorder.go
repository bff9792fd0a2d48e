package forecast

import (
	"context"
	"math"
)

const (
	maxOrder         = 5    // of p and q, as in auto.arima
	maxSeasonalOrder = 2    // of P and Q, likewise
	maxLongOrder     = 1    // of the factors of the long season (chosen by us)
	strongSeason     = 0.64 // seasonal strength from which D = 1, likewise
	kpssCritical     = 0.463
	searchIterations = 5
	finalIterations  = 30
)

// searchOrders walks through orders from a few starts to neighbors with lower AICc, until none is
// lower or the budget of evaluations is spent; then the best model is fitted to convergence. seasons
// are those of the factors, 0 for one that is not used.
//
// Source: R. J. Hyndman, Y. Khandakar, Automatic time series forecasting: the forecast package for
// R, Journal of Statistical Software 27(3) (2008), section 3.2, steps 1 and 2, except that the
// corrected AIC is that of the conditional sum of squares, that the total order is unbounded, that
// a neighbor starts from the parameters of the model before, and that there is a second season.
func searchOrders(ctx context.Context, f *armaFitter, seasons [factors]int, mean bool, evaluations int) (*arma, error) {
	zero := &arma{seasons: seasons}
	best := zero
	bestScore := math.Inf(1)
	seen := map[armaOrder]bool{} // only looked up, never ranged over
	limits := [factors]int{maxOrder, maxSeasonalOrder, maxLongOrder}
	try := func(from *arma, o armaOrder) (bool, error) {
		for i, limit := range limits {
			if seasons[i] == 0 {
				limit = 0
			}
			if min(o.ar[i], o.ma[i]) < 0 || max(o.ar[i], o.ma[i]) > limit {
				return false, nil
			}
		}
		if seen[o] || f.used >= evaluations {
			return false, nil
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		seen[o] = true
		a := from.resized(o)
		if f.n < float64(3*len(a.par)+minPaths) {
			return false, nil
		}
		if score := f.aicc(a, f.fit(a, searchIterations)); score < bestScore {
			best, bestScore = a, score
			return true, nil
		}
		return false, nil
	}
	// seasonal drops the orders of factors that are not used.
	seasonal := func(o armaOrder) armaOrder {
		for i, m := range seasons {
			if m == 0 {
				o.ar[i], o.ma[i] = 0, 0
			}
		}
		return o
	}
	ar := seasonal(armaOrder{ar: [factors]int{2, 1, 1}})
	start := zero.resized(ar)
	f.fit(start, 2)
	for _, o := range []armaOrder{
		{mean: mean},
		{ar: [factors]int{1, 1, 1}, mean: mean},
		{ma: [factors]int{1, 1, 1}, mean: mean},
		{ar: ar.ar, ma: [factors]int{2, 1, 1}, mean: mean},
	} {
		from := zero
		if o.ma[0] == 2 {
			// Autoregressive parameters first: from zero both sides of the model look alike.
			from = start
		}
		if _, err := try(from, seasonal(o)); err != nil {
			return nil, err
		}
	}
	for moved := true; moved; {
		moved = false
		center := best
		for _, o := range center.neighbors(mean) {
			better, err := try(center, o)
			if err != nil {
				return nil, err
			}
			if better {
				moved = true
				break
			}
		}
	}
	f.fit(best, finalIterations)
	return best, nil
}

// neighbors returns the orders one step away, the seasonal factors first: one side of a factor, or
// both, changed by one, or the mean dropped or taken in. Some are out of range.
func (o armaOrder) neighbors(mean bool) []armaOrder {
	var list []armaOrder
	for _, i := range []int{2, 1, 0} {
		for _, d := range [][2]int{{-1, 0}, {0, -1}, {1, 0}, {0, 1}, {-1, -1}, {1, 1}, {-1, 1}, {1, -1}} {
			n := o
			n.ar[i] += d[0]
			n.ma[i] += d[1]
			list = append(list, n)
		}
	}
	if mean {
		n := o
		n.mean = !n.mean
		list = append(list, n)
	}
	return list
}

// aicc is the corrected information criterion of Hurvich and Tsai for a sum of squares, the variance counting as a parameter.
func (f *armaFitter) aicc(a *arma, sum float64) float64 {
	k := float64(len(a.par) + 1)
	if sum <= 0 || f.n <= k+1 {
		return math.Inf(-1)
	}
	return f.n*math.Log(sum/f.n) + 2*k + 2*k*(k+1)/(f.n-k-1)
}

// seasonalStrength is max(0, 1 - var(R)/var(S+R)) for the profile S of m phases and the remainder R
// about a centered moving average over one season: 0 for none, 1 for a season that repeats exactly.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section
// 4.3, with a classical decomposition instead of STL.
func seasonalStrength(z []float64, m int) float64 {
	detrended := make([]float64, 0, len(z))
	half := m / 2
	for t := half; t+half < len(z); t++ {
		sum := 0.0
		for j := t - half; j <= t+half; j++ {
			w := 1.0
			if m%2 == 0 && (j == t-half || j == t+half) {
				w = 0.5
			}
			sum += w * z[j]
		}
		detrended = append(detrended, z[t]-sum/float64(m))
	}
	if len(detrended) < 2*m {
		return 0
	}
	profile := phaseMeans(detrended, m)
	rest := make([]float64, len(detrended))
	for t, v := range detrended {
		rest[t] = v - profile[t%m]
	}
	total := variance(detrended)
	if total == 0 {
		return 0
	}
	return max(0, 1-variance(rest)/total)
}

func variance(z []float64) float64 {
	mean := presentMean(z)
	sum := 0.0
	for _, v := range z {
		sum += (v - mean) * (v - mean)
	}
	return sum / float64(len(z))
}

// needsDifference reports whether the KPSS test rejects level stationarity at 5 % (critical value
// 0.463), with Bartlett weights up to the lag 4(n/100)^(1/4), but at least one season: fewer find unit roots in
// every series that is smooth from step to step.
//
// Source: D. Kwiatkowski, P. C. B. Phillips, P. Schmidt, Y. Shin, Testing the null hypothesis of
// stationarity against the alternative of a unit root, Journal of Econometrics 54 (1992), table 1.
func needsDifference(z []float64, season int) bool {
	n := len(z)
	if n < 10 {
		return false
	}
	mean := presentMean(z)
	sum, squares := 0.0, 0.0
	for _, v := range z {
		sum += v - mean
		squares += sum / float64(n) * (sum / float64(n))
	}
	longRun := variance(z)
	lags := min(max(int(4*math.Pow(float64(n)/100, 0.25)), season), n/4)
	for lag := 1; lag <= lags; lag++ {
		c := 0.0
		for t := lag; t < n; t++ {
			c += (z[t] - mean) * (z[t-lag] - mean) / float64(n)
		}
		longRun += 2 * (1 - float64(lag)/float64(lags+1)) * c
	}
	return longRun > 0 && squares > kpssCritical*longRun
}
