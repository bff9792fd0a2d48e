package forecast

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Envelope expects the largest of the newest value and of what the same phase held in each season,
// Slack steps early or late:
//
//	e(t+h) = max( y(t), max over m in S, |j| <= k of y(t + h + j - m·ceil(h/m)) )
//
// It follows scheduled bursts that do not recur to the minute, where an average would be late and
// too low: its errors are mostly negative, and the quantiles calibrated on them are sharp above.
// Mean corrects the path by the mean of the pooled errors. Missing values and limits are as for
// SeasonalNaive; the slack beyond the newest value uses the season before.
type Envelope struct {
	// Seasons are as in SeasonalNaive.
	Seasons []int
	// Slack is the number of steps k by which a burst may come early or late, less than half of the
	// shortest season; 0 is allowed.
	Slack int
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Fit implements Model.
func (m Envelope) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := s.validate()
	err = errors.Join(err, validateSeasons(m.Seasons))
	if err == nil && (m.Slack < 0 || 2*m.Slack >= slices.Min(m.Seasons)) {
		err = fmt.Errorf("forecast: slack must be at least 0 and less than half of the shortest season (%d steps), got %d", slices.Min(m.Seasons), m.Slack)
	}
	if err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	cal.center = true
	f := &envelope{repetition: newRepetition(m.Seasons), slack: m.Slack}
	return cal.run(ctx, s.Values, f, slices.Max(m.Seasons))
}

// envelope is the filter of Envelope.
type envelope struct {
	repetition
	slack int
}

func (f *envelope) path(dst []float64) {
	for i := range dst {
		dst[i] = f.last
	}
	for s, profile := range f.profiles {
		// k is the phase at the near edge of the slack; the far edge is 2·slack further.
		k := f.next[s] - f.slack
		if k < 0 {
			k += len(profile)
		}
		for i := range dst {
			for j := range 2*f.slack + 1 {
				at := k + j
				if at >= len(profile) {
					at -= len(profile)
				}
				if v := profile[at]; v > dst[i] { // false for NaN
					dst[i] = v
				}
			}
			if k++; k == len(profile) {
				k = 0
			}
		}
	}
}
