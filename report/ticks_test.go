package report

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func labels(ticks []tick) (all []string) {
	for _, t := range ticks {
		text := t.label
		if t.note != "" {
			text += "/" + t.note
		}
		all = append(all, text)
	}
	return all
}

func TestNumberTicks(t *testing.T) {
	for _, c := range []struct {
		from, to float64
		most     int
		want     []string
	}{
		{0, 100, 5, []string{"0", "20", "40", "60", "80", "100"}},
		{0, 1, 5, []string{"0", "0.2", "0.4", "0.6", "0.8", "1.0"}},
		{-3, 4, 4, []string{"-2", "0", "2", "4"}},
		{0, 0.003, 3, []string{"0", "0.001", "0.002", "0.003"}},
		{0, 40_000, 4, []string{"0", "10k", "20k", "30k", "40k"}},
		{0, 5_000_000, 5, []string{"0", "1M", "2M", "3M", "4M", "5M"}},
		{0, 3e13, 3, []string{"0", "1e13", "2e13", "3e13"}},
		{0, 2.5e-7, 5, []string{"0", "5e-08", "1e-07", "1.5e-07", "2e-07", "2.5e-07"}},
		{6, 40, 4, []string{"10", "20", "30", "40"}},
	} {
		assert.Equal(t, c.want, labels(numberTicks(span{c.from, c.to}, c.most)), "%v", c)
	}
}

func TestNumberTicksProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(-1e12, 1e12).Draw(t, "from")
		r := span{from, from + math.Pow(10, rapid.Float64Range(-6, 12).Draw(t, "width"))}.open(1)
		most := rapid.IntRange(1, 20).Draw(t, "most")
		ticks := numberTicks(r, most)
		require.LessOrEqual(t, len(ticks), most+1)
		for i, k := range ticks {
			slack := 1e-6 * r.width()
			require.True(t, k.at >= r.from-slack && k.at <= r.to+slack, "%v outside %v", k.at, r)
			if i > 0 {
				require.Greater(t, k.at, ticks[i-1].at)
			}
		}
		wide := widen(r, most)
		require.LessOrEqual(t, wide.from, r.from+1e-6*r.width())
		require.GreaterOrEqual(t, wide.to, r.to-1e-6*r.width())
	})
}

func TestTimeTicks(t *testing.T) {
	at := func(text string) time.Time {
		v, err := time.Parse(time.RFC3339, text)
		require.NoError(t, err)
		return v
	}
	for _, c := range []struct {
		from, to string
		most     int
		want     []string
	}{
		{"2026-03-07T06:00:00Z", "2026-03-08T18:00:00Z", 8, []string{"06:00/Mar 7", "12:00", "18:00", "00:00/Mar 8", "06:00", "12:00", "18:00"}},
		{"2026-03-07T06:00:10Z", "2026-03-07T06:00:31Z", 5, []string{"06:00:10/Mar 7", "06:00:15", "06:00:20", "06:00:25", "06:00:30"}},
		{"2026-03-07T06:01:00Z", "2026-03-07T07:01:00Z", 4, []string{"06:15/Mar 7", "06:30", "06:45", "07:00"}},
		{"2025-12-30T12:00:00Z", "2026-01-02T12:00:00Z", 4, []string{"Dec 31/2025", "Jan 1/2026", "Jan 2"}},
		{"2026-03-01T00:00:00Z", "2026-03-25T00:00:00Z", 5, []string{"Mar 2/2026", "Mar 9", "Mar 16", "Mar 23"}},
		{"2025-11-15T00:00:00Z", "2026-03-15T00:00:00Z", 5, []string{"Dec 2025", "Jan 2026", "Feb 2026", "Mar 2026"}},
		{"1999-06-01T00:00:00Z", "2025-06-01T00:00:00Z", 6, []string{"2000", "2005", "2010", "2015", "2020", "2025"}},
	} {
		got := timeTicks(span{Seconds(at(c.from)), Seconds(at(c.to))}, c.most, time.UTC)
		assert.Equal(t, c.want, labels(got), "%s to %s", c.from, c.to)
	}
}

// TestTimeTicksAcrossClockChange: the days on which clocks are changed have 23 and 25 hours.
func TestTimeTicksAcrossClockChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		berlin = time.FixedZone("CET", 3600) // no zone database on this machine: the shape must hold all the same
	}
	for _, day := range []time.Time{
		time.Date(2026, 3, 29, 0, 0, 0, 0, berlin),  // 23 hours
		time.Date(2026, 10, 25, 0, 0, 0, 0, berlin), // 25 hours
	} {
		ticks := timeTicks(span{Seconds(day), Seconds(day.AddDate(0, 0, 2))}, 60, berlin)
		seen := map[string]int{}
		for i, k := range ticks {
			seen[k.label]++
			if i > 0 {
				require.Greater(t, k.at, ticks[i-1].at)
			}
		}
		assert.Equal(t, 3, seen["00:00"], "midnights stay midnights: %v", labels(ticks))
		assert.GreaterOrEqual(t, seen["12:00"], 2)
	}
}

func TestTimeTicksProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Float64Range(-3e11, 3e11).Draw(t, "from")
		r := span{from, from + math.Pow(10, rapid.Float64Range(0, 12).Draw(t, "width"))}.open(1)
		most := rapid.IntRange(1, 30).Draw(t, "most")
		ticks := timeTicks(r, most, time.UTC)
		for i, k := range ticks {
			require.True(t, k.at >= r.from-1e-3*r.width() && k.at <= r.to+1e-3*r.width())
			if i > 0 {
				require.Greater(t, k.at, ticks[i-1].at)
			}
		}
		require.LessOrEqual(t, len(ticks), most*2+2)
	})
}

// TestThinningKeepsColumnExtremes compares with a plain scan of each pixel column.
func TestThinningKeepsColumnExtremes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const columns = 20
		n := rapid.IntRange(100, 500).Draw(t, "n")
		x, y := make([]float64, n), make([]float64, n)
		lowest, highest := map[float64]float64{}, map[float64]float64{}
		for i := range x {
			x[i] = float64(i) * columns / float64(n)
			y[i] = rapid.OneOf(rapid.Just(math.NaN()), rapid.Float64Range(-9, 9)).Draw(t, "y")
			column := math.Floor(x[i])
			if finite(y[i]) {
				if low, seen := lowest[column]; !seen || y[i] < low {
					lowest[column] = y[i]
				}
				if high, seen := highest[column]; !seen || y[i] > high {
					highest[column] = y[i]
				}
			}
		}
		same := func(v float64) float64 { return v }
		points := linePoints(x, y, same, same, columns)
		require.LessOrEqual(t, len(points), pointsPerColumn*(columns+1))
		gotLow, gotHigh := map[float64]float64{}, map[float64]float64{}
		for i, p := range points {
			column := math.Floor(p.x)
			if i > 0 {
				require.Greater(t, p.x, points[i-1].x, "in order, each once")
			}
			if low, seen := gotLow[column]; !seen || p.y < low {
				gotLow[column] = p.y
			}
			if high, seen := gotHigh[column]; !seen || p.y > high {
				gotHigh[column] = p.y
			}
		}
		require.Equal(t, lowest, gotLow)
		require.Equal(t, highest, gotHigh)

		edges := bandEdges(Band{X: x, Lo: y, Hi: y}, same, same, columns)
		require.LessOrEqual(t, len(edges), pointsPerColumn*(columns+1))
	})
}
