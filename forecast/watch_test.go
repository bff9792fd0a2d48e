package forecast

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// follow updates a selection of half-hourly values and returns the standing after each.
func follow(t *testing.T, history, future []float64) []Standing {
	t.Helper()
	sel, err := Auto{Horizon: 4, Window: 2}.Select(t.Context(), series(30*time.Minute, history...))
	require.NoError(t, err)
	standings := make([]Standing, len(future))
	for i, y := range future {
		sel.Update(y, nil)
		standings[i] = sel.Standing()
	}
	return standings
}

func noisyDays(seed uint64, n int, noise func(i int) float64, level func(i int) float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	values := daily(n, 48, 0, 1)
	for i := range values {
		values[i] = max(0, level(i)*(values[i]+noise(i)*rng.NormFloat64()))
	}
	return values
}

func always(v float64) func(int) float64 { return func(int) float64 { return v } }

func from(start int, before, after float64) func(int) float64 {
	return func(i int) float64 {
		if i < start {
			return before
		}
		return after
	}
}

func TestStandingOfASteadyLoad(t *testing.T) {
	const history = 20 * 48
	values := noisyDays(1, history+20*48, always(5), always(1))
	last := Standing{}
	for _, st := range follow(t, values[:history], values[history:]) {
		assert.True(t, st.Predictable, st.Why)
		last = st
	}
	assert.Equal(t, 0.95, last.Quantile)
	assert.Equal(t, 2, last.Window)
	assert.InDelta(t, 0.95, last.Coverage, 0.05)
	assert.Greater(t, last.Skill(), 0.0)
	assert.Equal(t, -1, last.SinceShift, "no change point without a change")
	assert.Empty(t, last.Why)
}

func TestLevelShiftIsFollowed(t *testing.T) {
	// Everything triples at once. Coverage must come back within days, and with it the verdict.
	const history = 20 * 48
	values := noisyDays(2, history+20*48, always(5), from(history+48, 1, 3))
	standings := follow(t, values[:history], values[history:])
	last := standings[len(standings)-1]
	assert.True(t, last.Predictable, last.Why)
	assert.InDelta(t, 0.95, last.Coverage, 0.06)
}

func TestNewRegimeOfNoiseIsAChangePoint(t *testing.T) {
	const history = 20 * 48
	values := noisyDays(3, history+10*48, from(history+48, 2, 40), always(1))
	standings := follow(t, values[:history], values[history:])
	first := -1
	for i, st := range standings {
		if st.SinceShift >= 0 {
			first = i
			assert.Contains(t, st.Why, "the errors changed")
			break
		}
	}
	require.GreaterOrEqual(t, first, 48, "seen only after it began")
	assert.Less(t, first, 48+96, "and within two days")
	last := standings[len(standings)-1]
	assert.InDelta(t, 0.95, last.Coverage, 0.06)
}

func TestDriftKeepsItsCoverage(t *testing.T) {
	const history = 20 * 48
	values := noisyDays(4, history+20*48, always(5), func(i int) float64 { return 1 + max(0, float64(i-history))/480 })
	standings := follow(t, values[:history], values[history:])
	last := standings[len(standings)-1]
	assert.True(t, last.Predictable, last.Why)
	assert.InDelta(t, 0.95, last.Coverage, 0.06)
}

func TestVerdictHasHysteresis(t *testing.T) {
	w := newWatch(time.Hour, nil, 1, 0.95, Score{Origins: 1000, WindowMax: []LevelScore{{Quantile: 0.95, Coverage: 0.95}}})
	play := func(n int, breach func(i int) bool) (turns int) {
		for i := range n {
			was := w.lost
			w.issued[0] = issue{q: 10, simple: [len4]float64{nan, nan, nan, nan}}
			y := 5.0
			if breach(i) {
				y = 15
			}
			w.observe(y)
			if w.lost != was {
				turns++
			}
		}
		return turns
	}
	assert.Zero(t, play(1000, func(i int) bool { return i%20 == 0 }), "nominal")
	assert.Equal(t, 1, play(400, func(i int) bool { return i%4 == 0 }), "a quarter above")
	assert.True(t, w.lost)
	assert.Contains(t, w.sentence(), "the 0.95 quantile held in only 0.7")
	assert.Equal(t, 1, play(2000, func(i int) bool { return i%20 == 0 }), "nominal again")
	assert.False(t, w.lost)
}

func TestChangePointSums(t *testing.T) {
	// ln 4 a breach: seven in a row are 9.7. Without any, ln(0.995/0.95) a step: 9.2 after 199.
	c := changePoint{alpha: 0.05}
	for range 6 {
		assert.False(t, c.observe(true))
	}
	assert.True(t, c.observe(true))
	for range 198 {
		assert.False(t, c.observe(false))
	}
	assert.True(t, c.observe(false))
	// At the nominal rate no alarm, though chance would raise one in 10,000 steps or so.
	rng := rand.New(rand.NewPCG(5, 5))
	alarms := 0
	for range 20_000 {
		if c.observe(rng.Float64() < 0.05) {
			alarms++
		}
	}
	assert.LessOrEqual(t, alarms, 2)
}

func TestKeepNewestErrors(t *testing.T) {
	p := newErrorPool()
	for i := range poolSize + 5 {
		p.add(float64((i * 7) % 1000))
	}
	p.keepNewest(3)
	n := poolSize + 5
	want := []float64{float64((n - 3) * 7 % 1000), float64((n - 2) * 7 % 1000), float64((n - 1) * 7 % 1000)}
	assert.Equal(t, want, p.ring)
	assert.ElementsMatch(t, want, p.sorted)
	assert.IsIncreasing(t, p.sorted)
	p.add(-1)
	assert.Equal(t, -1.0, p.sorted[0])
}

func TestSelectionUpdateDoesNotAllocate(t *testing.T) {
	values := daily(20*48, 48, 5, 1)
	sel, err := Auto{Horizon: 8, Window: 3}.Select(t.Context(), series(30*time.Minute, values...))
	require.NoError(t, err)
	require.Equal(t, blendName, sel.Selected)
	i := 0
	assert.Zero(t, testing.AllocsPerRun(300, func() {
		sel.Update(values[i%len(values)], nil)
		i++
	}))
}
