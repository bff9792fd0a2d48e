package simulator

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

// Holes in a trace are bridged so that the queue goes on, and are not judged.
func TestHolesAreSimulatedAndNotJudged(t *testing.T) {
	run := func(rate []float64) *Result {
		replayed, err := arrivals.Replay(arrivals.Trace{Start: time.Unix(0, 0), Step: time.Minute, Rate: rate})
		require.NoError(t, err)
		c := &Config{
			Duration: replayed.Duration(),
			Arrivals: Arrivals{
				Schedule: replayed,
				NewStream: func(rng *rand.Rand) (Stream, error) {
					return arrivals.NewStream(replayed, arrivals.Regular, replayed.Duration(), rng), nil
				},
			},
			Service:   Service{Mean: time.Second},
			Replicas:  Replicas{Initial: 1, Min: 1, Max: 1},
			Objective: Objective{Percentile: 0.99, Latency: 2 * time.Second},
		}
		r, err := Run(t.Context(), c, nil, 1)
		require.NoError(t, err)
		return r
	}
	whole := run([]float64{0.5, 0.5, 5, 0.1, 0.1, 0.1})
	hole := run([]float64{0.5, 0.5, math.NaN(), 0.1, 0.1, 0.1})
	assert.Equal(t, 6, whole.Minutes)
	assert.Equal(t, 5, hole.Minutes)
	assert.Positive(t, whole.BadMinutes)
	assert.Zero(t, hole.BadMinutes)
	assert.Equal(t, 1.0, hole.Attainment)
	assert.Greater(t, hole.Requests, uint64(60+18), "the bridge brings requests too")
}
