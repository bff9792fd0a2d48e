package forecast

import "context"

// Naive is persistence: every future value equals the newest one,
//
//	ŷ(t+h) = y(t),  h = 1, 2, ...
//
// It needs about two dozen values beyond the horizon and is the fallback and the yardstick for all
// other models. Missing values leave the newest present one in place.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2.
type Naive struct {
	// Horizon is the number of steps ahead that are calibrated; 0 means DefaultHorizon.
	Horizon int
	// Window is the number of steps whose maximum steers the online calibration; 0 means
	// DefaultWindow, or Horizon if that is less.
	Window int
}

// Fit implements Model.
func (m Naive) Fit(ctx context.Context, s Series) (Fitted, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	return cal.run(ctx, s.Values, &persistence{}, 0)
}

// point implements pointModel.
func (Naive) point(_ context.Context, s Series) (filter, error) { //nolint:unparam // pointModel wants it
	f := &persistence{}
	for _, y := range s.Values {
		f.update(y)
	}
	return f, nil
}

// persistence is the filter of Naive.
type persistence struct{ last float64 }

func (f *persistence) update(y float64) {
	if y == y { // not NaN
		f.last = y
	}
}

func (f *persistence) path(dst []float64) {
	for i := range dst {
		dst[i] = f.last
	}
}
