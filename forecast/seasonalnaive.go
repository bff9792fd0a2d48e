package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
)

// SeasonalNaive repeats the newest value of the same phase. With several seasons the forecast is
// the mean over them:
//
//	ŷ(t+h) = 1/|S| Σ_{m in S} y(t + h - m·ceil(h/m)),  h = 1, 2, ...
//
// where S is the set of season lengths in steps. A missing value is replaced by the newest present
// value of its phase, and a phase never seen by the newest present value at all.
//
// Fit fails with ErrTooShort when the history does not hold the longest season, the horizon and a
// few values to calibrate on. State and memory are one season per entry of Seasons.
//
// Source: R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 5.2.
type SeasonalNaive struct {
	// Seasons are season lengths in steps, at least one, each at least 2, without repetition.
	Seasons []int
	// Horizon and Window are as in Naive.
	Horizon, Window int
}

// Fit implements Model.
func (m SeasonalNaive) Fit(ctx context.Context, s Series) (Fitted, error) {
	err := s.validate()
	if err := errors.Join(err, validateSeasons(m.Seasons)); err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, m.Horizon, m.Window)
	if err != nil {
		return nil, err
	}
	f := newRepetition(m.Seasons)
	return cal.run(ctx, s.Values, &f, slices.Max(m.Seasons))
}

// point implements pointModel.
func (m SeasonalNaive) point(_ context.Context, s Series) (filter, error) {
	if longest := slices.Max(m.Seasons); len(s.Values) < longest {
		return nil, fmt.Errorf("forecast: need at least one season of %d steps, got %d values: %w", longest, len(s.Values), ErrTooShort)
	}
	f := newRepetition(m.Seasons)
	for _, y := range s.Values {
		f.update(y)
	}
	return &f, nil
}

func validateSeasons(seasons []int) error {
	if len(seasons) == 0 {
		return errors.New("forecast: seasons is empty, want at least one season length in steps")
	}
	for i, m := range seasons {
		if m < 2 {
			return fmt.Errorf("forecast: season %d is %d steps, want at least 2", i, m)
		}
		if slices.Contains(seasons[:i], m) {
			return fmt.Errorf("forecast: season of %d steps is given twice", m)
		}
	}
	return nil
}

// repetition is the filter of SeasonalNaive: the newest value of every phase, per season.
type repetition struct {
	profiles [][]float64
	next     []int // index of the coming step's phase in each profile
	last     float64
}

func newRepetition(seasons []int) repetition {
	f := repetition{next: make([]int, len(seasons))}
	for _, season := range seasons {
		profile := make([]float64, season)
		for i := range profile {
			profile[i] = math.NaN()
		}
		f.profiles = append(f.profiles, profile)
	}
	return f
}

func (f *repetition) update(y float64) {
	missing := y != y
	if !missing {
		f.last = y
	}
	for i, profile := range f.profiles {
		if !missing {
			profile[f.next[i]] = y
		}
		f.next[i]++
		if f.next[i] == len(profile) {
			f.next[i] = 0
		}
	}
}

func (f *repetition) path(dst []float64) {
	for i := range dst {
		dst[i] = 0
	}
	weight := 1 / float64(len(f.profiles))
	for s, profile := range f.profiles {
		k := f.next[s]
		for i := range dst {
			v := profile[k]
			if v != v {
				v = f.last
			}
			dst[i] += weight * v
			if k++; k == len(profile) {
				k = 0
			}
		}
	}
}
