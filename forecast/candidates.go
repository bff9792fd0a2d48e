package forecast

import (
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Candidates returns the models worth trying on a history of n values at the step, simplest first:
// persistence and damped trend; then, for the day and the week, where the history holds at least
// two of them and they are a whole number of steps, seasonal naive, envelope and Holt-Winters. Names
// are stable: "naive", "holt", "seasonal-naive-1d", "envelope-1d", "holt-winters-1d", and the latter
// three with "1w". The weekly envelope includes the day. Last comes "blend", which combines the ideas
// of the others for window maxima.
//
// The models are calibrated for horizon steps (0 means DefaultHorizon) and the default window.
func Candidates(step time.Duration, n, horizon int) []Named {
	return candidates(step, n, horizon, 0)
}

func candidates(step time.Duration, n, horizon, window int) []Named {
	var seasons []int
	named := []Named{
		{Name: "naive", Model: Naive{Horizon: horizon, Window: window}},
		{Name: "holt", Model: HoltWinters{Horizon: horizon, Window: window}},
	}
	for _, season := range []struct {
		suffix string
		length time.Duration
	}{{"1d", day}, {"1w", week}} {
		m := stepsIn(season.length, step)
		if m < 2 || n < 2*m {
			continue
		}
		seasons = append(seasons, m)
		named = append(named,
			Named{
				Name:  "seasonal-naive-" + season.suffix,
				Model: SeasonalNaive{Seasons: []int{m}, Horizon: horizon, Window: window},
			},
			Named{
				Name:  "envelope-" + season.suffix,
				Model: Envelope{Seasons: slices.Clone(seasons), Horizon: horizon, Window: window},
			},
			Named{
				Name:  "holt-winters-" + season.suffix,
				Model: HoltWinters{Season: m, Horizon: horizon, Window: window},
			})
	}
	return append(named, Named{Name: blendName, Model: Blend{Horizon: horizon, Window: window}})
}

const blendName = "blend"
