package forecast

import "context"

// Naive2 is persistence of the seasonally adjusted series, the yardstick of the M4 competition:
//
//	ŷ(t+h) = s(t+h) y(t) / s(t)
//
// with the indices s of a classical multiplicative decomposition if a season of Season steps is
// significant at the 90 % level, else 1. A series with zeros is decomposed additively. The indices
// are estimated in Fit and rest afterwards; a missing value leaves the newest one in place.
//
// Source: S. Makridakis, E. Spiliotis, V. Assimakopoulos, The M4 Competition: 100,000 time series and
// 61 forecasting methods, International Journal of Forecasting 36 (2020), and its benchmark code.
type Naive2 struct {
	// Season is the season length in steps, at least 2; 0 means no season, which leaves Naive.
	Season int
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Fit implements Model.
func (m Naive2) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := optionalSeason(m.Season); err != nil {
		return nil, err
	}
	return orNil(fitPoint(ctx, s, m, m.Horizon, m.Window, 0))
}

func (m Naive2) point(_ context.Context, s Series) (filter, error) {
	d, x := adjusted(s.Values, m.Season)
	f := &adjustedPersistence{phase: newPhase(d, len(x))}
	for _, v := range x {
		f.persistence.update(v)
	}
	return f, nil
}

// optionalSeason checks a season that may be 0.
func optionalSeason(m int) error {
	if m == 0 {
		return nil
	}
	return validateSeasons([]int{m})
}

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil(c *calibrated, err error) (Fitted, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

// adjustedPersistence is the filter of Naive2.
type adjustedPersistence struct {
	persistence
	phase
}

func (f *adjustedPersistence) update(y float64) {
	f.persistence.update(f.remove(y, f.advance()))
}

func (f *adjustedPersistence) path(dst []float64) {
	f.persistence.path(dst)
	f.restorePath(dst)
}
