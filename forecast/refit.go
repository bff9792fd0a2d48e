package forecast

import "context"

// fitFilter estimates a filter on values and returns it in its starting state.
type fitFilter func(ctx context.Context, values []float64) (filter, error)

// runRefit fits twice: once on the values before from, to collect the errors of the values after
// that are out of sample, and once on all of them, for the forecasts. The error pool is thus that of
// a model with somewhat less history than the one in use, which errs on the wide side.
func (c calibration) runRefit(ctx context.Context, values []float64, from int, fit fitFilter) (*calibrated, error) {
	early, err := fit(ctx, values[:from])
	if err != nil {
		return nil, err
	}
	cal, err := c.run(ctx, values, early, from)
	if err != nil {
		return nil, err
	}
	f, err := fit(ctx, values)
	if err != nil {
		return nil, err
	}
	for i, y := range values {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		f.update(y)
	}
	cal.filter = f
	return cal, nil
}
