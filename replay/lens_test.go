package replay

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/arrivals"
)

const second = time.Second

func TestMeterShowsTheWindowLate(t *testing.T) {
	m := NewMeter(Lens{ScrapeInterval: 15 * second, RateWindow: time.Minute, Delay: 30 * second}, 0)
	// 10 requests/s for a minute, then 30.
	for at := time.Duration(0); at <= 3*time.Minute; at += 15 * second {
		total := 10 * at.Seconds()
		if at > time.Minute {
			total = 600 + 30*(at-time.Minute).Seconds()
		}
		m.Scrape(at, total)
	}
	for _, c := range []struct {
		now  time.Duration
		want float64
	}{
		{0, math.NaN()},
		{30 * second, math.NaN()}, // one scrape is visible
		{44 * second, math.NaN()},
		{45 * second, 10},
		{90 * second, 10},
		{2 * time.Minute, 20},      // from 30 s to 90 s: half of each
		{130 * second, 1050. / 45}, // 45 s to 90 s: 15 s of 10 and 30 s of 30
		{150 * second, 30},
	} {
		got := m.Rate(c.now)
		if math.IsNaN(c.want) {
			assert.True(t, math.IsNaN(got), "at %s: %v", c.now, got)
			continue
		}
		assert.InDelta(t, c.want, got, 1e-9, "at %s", c.now)
	}
}

func TestMeterForgetsAcrossAHole(t *testing.T) {
	m := NewMeter(Lens{ScrapeInterval: second, RateWindow: 10 * second}, 0)
	m.Scrape(0, 0)
	m.Scrape(second, 5)
	assert.InDelta(t, 5.0, m.Rate(second), 0)
	m.Scrape(2*second, math.NaN())
	assert.True(t, math.IsNaN(m.Rate(2*second)))
	m.Scrape(3*second, 1000)
	assert.True(t, math.IsNaN(m.Rate(3*second)))
	m.Scrape(4*second, 1007)
	assert.InDelta(t, 7.0, m.Rate(4*second), 0)
}

// TestLoadIsAMeterFedAllScrapes: the two ways to look through a lens agree, holes included.
func TestLoadIsAMeterFedAllScrapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rates := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 100), rapid.Just(math.NaN())), 2, 30).Draw(t, "rates")
		trace := arrivals.Trace{Step: time.Minute, Rate: rates}
		if trace.Observed() == 0 {
			t.Skip("no data")
		}
		lens := Lens{
			ScrapeInterval: time.Duration(rapid.IntRange(1, 90).Draw(t, "scrape")) * second,
			Delay:          time.Duration(rapid.IntRange(0, 100).Draw(t, "delay")) * second,
		}
		lens.RateWindow = lens.ScrapeInterval * time.Duration(rapid.IntRange(1, 5).Draw(t, "window"))
		replayed, err := arrivals.Replay(trace)
		require.NoError(t, err)
		load, err := NewLoad(replayed, replayed.Duration(), 15*second, lens, CountNoise{})
		require.NoError(t, err)
		m := NewMeter(lens, 0)
		scraped := 0
		for i := range load.Steps() {
			now := time.Duration(i) * load.Step()
			for ; time.Duration(scraped)*lens.ScrapeInterval <= now; scraped++ {
				m.Scrape(time.Duration(scraped)*lens.ScrapeInterval, load.total[scraped])
			}
			want, got := m.Rate(now), load.Seen(i)
			require.Equal(t, math.IsNaN(want), math.IsNaN(got), "at %s: meter %v, load %v", now, want, got)
			if !math.IsNaN(want) {
				require.InDelta(t, want, got, 1e-9*(1+want), "at %s", now)
			}
		}
	})
}

func TestLensRefusesNonsense(t *testing.T) {
	err := Lens{ScrapeInterval: 0, RateWindow: -1, Delay: -1}.Validate()
	assert.ErrorContains(t, err, "scrape interval 0s: must be above 0s")
	assert.ErrorContains(t, err, "rate window -1ns")
	assert.ErrorContains(t, err, "metric delay -1ns")
	assert.NoError(t, DefaultLens().Validate())
}
