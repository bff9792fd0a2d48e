package harness

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prescale/prescale/arrivals"
)

const (
	// realTrace, relative to the root of the repository, is a production load gauge of 16 days in minutes with a strong
	// day pattern. It is not part of the repository; without it a generated trace takes its place.
	realTrace = "../shared/data/crane_input13_60s.csv"
	// traceVariable, set to "generated", asks for the generated trace although the real one is there.
	traceVariable = "PRESCALE_E2E_TRACE"
	// realTraceScale turns the gauge, which has no unit, into requests per second of a service with tens of replicas.
	// It changes the level only; the shape stays the recorded one.
	realTraceScale = 3
	// comparedDays is how many days have to agree that a rise belongs to the day. A week, so that no weekday is special.
	comparedDays = 7
	// candidateDays is how many of the last days are searched for the moment to replay, so that the history before
	// it stays about two weeks long.
	candidateDays = 3
)

// LoadTrace returns the real trace if it lies beside the repository, else one generated with opening hours and Poisson
// noise, and says which. PRESCALE_E2E_TRACE=generated asks for the latter.
func LoadTrace(repository string) (trace arrivals.Trace, description string, err error) {
	if os.Getenv(traceVariable) == "generated" {
		return generated()
	}
	file, err := os.Open(filepath.Join(repository, realTrace))
	if errors.Is(err, os.ErrNotExist) {
		return generated()
	}
	if err != nil {
		return arrivals.Trace{}, "", err
	}
	defer file.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	trace, err = arrivals.ReadCSV(file, arrivals.CSVOptions{Name: realTrace, Unit: arrivals.UnitRate, Scale: realTraceScale})
	return trace, fmt.Sprintf("%s x %d", filepath.Base(realTrace), realTraceScale), err
}

func generated() (arrivals.Trace, string, error) {
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Days: 16, Base: 100, DailyAmplitude: 300, Noise: 1, Seed: 1,
	})
	return trace, "a generated trace (16 days, opening hours, Poisson noise)", err
}

// Rise is a moment of a trace after which the rate goes up.
type Rise struct {
	// At is the moment, a bucket boundary.
	At time.Time
	// Ratio is the mean rate of the window that begins ahead of At, over the rate at At: the lesser of what happened on
	// that day and of the median of the days before it.
	Ratio float64
}

// SteepestRise finds the moment at which the rate most surely rises within the given time: over the last days of the
// trace it maximizes
//
//	min( g(t), median of g(t - 1 day), ..., g(t - 7 days) ),  g(t) = rate in [t+ahead, t+ahead+window) / rate in [t-3 min, t)
//
// so that the rise is both real on that day and to be expected from the days before. At least remaining of trace
// follows the moment. It takes O(days x Len) time.
func SteepestRise(trace arrivals.Trace, ahead, window, remaining time.Duration) (Rise, error) {
	const day = 24 * time.Hour
	schedule, err := arrivals.Replay(trace)
	if err != nil {
		return Rise{}, err
	}
	mean := func(from, to time.Duration) float64 {
		return (schedule.Cumulative(to) - schedule.Cumulative(from)) / (to - from).Seconds()
	}
	growth := func(t time.Duration) float64 { return mean(t+ahead, t+ahead+window) / mean(t-3*time.Minute, t) }

	last := schedule.Duration() - remaining
	first := last - candidateDays*day
	if first < comparedDays*day+3*time.Minute {
		return Rise{}, fmt.Errorf("trace of %v is too short: need %d days", schedule.Duration(), comparedDays+candidateDays+1)
	}
	var rises []Rise
	for t := first.Truncate(trace.Step); t <= last; t += trace.Step {
		before := make([]float64, comparedDays)
		for d := range before {
			before[d] = growth(t - time.Duration(d+1)*day)
		}
		slices.Sort(before)
		if ratio := min(growth(t), before[comparedDays/2]); !math.IsInf(ratio, 0) {
			rises = append(rises, Rise{At: trace.Start.Add(t), Ratio: ratio})
		}
	}
	return slices.MaxFunc(rises, func(a, b Rise) int { return cmp.Compare(a.Ratio, b.Ratio) }), nil
}
