package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

func TestSteepestRiseFindsTheMorning(t *testing.T) {
	start := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{Start: start, Days: 16, Base: 100, DailyAmplitude: 300})
	require.NoError(t, err)
	rise, err := SteepestRise(trace, 15*time.Minute, 5*time.Minute, time.Hour)
	require.NoError(t, err)
	// Opening hours begin at 8:00, when the rise is half done; the steepest relative growth lies before that.
	sinceMidnight := rise.At.Sub(rise.At.Truncate(24 * time.Hour))
	assert.Greater(t, sinceMidnight, 7*time.Hour)
	assert.Less(t, sinceMidnight, 8*time.Hour)
	assert.GreaterOrEqual(t, rise.At.Sub(start), 12*24*time.Hour, "most of the trace is history")
	assert.LessOrEqual(t, rise.At, trace.End().Add(-time.Hour), "enough of the trace is left to replay")
	assert.Greater(t, rise.Ratio, 1.2)
}

func TestSteepestRiseIgnoresWhatHappensOnce(t *testing.T) {
	trace := arrivals.Trace{Start: time.Unix(0, 0), Step: time.Minute, Rate: make([]float64, 16*24*60)}
	for i := range trace.Rate {
		trace.Rate[i] = 100
	}
	for i := 14*24*60 + 600; i < 14*24*60+630; i++ {
		trace.Rate[i] = 1000 // a burst that no other day has
	}
	rise, err := SteepestRise(trace, 15*time.Minute, 5*time.Minute, time.Hour)
	require.NoError(t, err)
	assert.InDelta(t, 1, rise.Ratio, 1e-9)
}

func TestSteepestRiseNeedsDays(t *testing.T) {
	trace := arrivals.Trace{Start: time.Unix(0, 0), Step: time.Hour, Rate: make([]float64, 100)}
	_, err := SteepestRise(trace, 15*time.Minute, 5*time.Minute, time.Hour)
	assert.ErrorContains(t, err, "too short: need 11 days")
}

func TestLoadTraceAlwaysHasOne(t *testing.T) {
	trace, description, err := LoadTrace(t.TempDir())
	require.NoError(t, err)
	assert.Contains(t, description, "generated")
	assert.Equal(t, 16*24*time.Hour, trace.End().Sub(trace.Start))
}

func TestCountersNeverDecrease(t *testing.T) {
	now := time.Now()
	steered := NewSteered(now.Add(-time.Hour), 10)
	assert.InDelta(t, 36000, steered.Requests(now), 1e-6)
	before := steered.Requests(time.Now())
	steered.SetRate(0)
	after := steered.Requests(time.Now())
	assert.GreaterOrEqual(t, after, before)
	assert.Equal(t, after, steered.Requests(time.Now().Add(time.Hour)), "rate 0 adds nothing")

	trace := arrivals.Trace{Start: time.Unix(0, 0), Step: time.Minute, Rate: []float64{1, 2, 3}}
	replayed, err := ReplayAt(trace, trace.Time(1), now)
	require.NoError(t, err)
	assert.Zero(t, replayed.Requests(now.Add(-time.Hour)))
	assert.InDelta(t, 60, replayed.Requests(now), 1e-9, "a minute at 1/s")
	assert.InDelta(t, 360, replayed.Requests(now.Add(time.Hour)), 1e-9, "the whole trace, and no more after its end")
}
