package planner

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

var update = flag.Bool("update", false, "rewrite the golden files; read the difference before committing it")

// shopDay is eight days of a shop that opens in the morning: the fixture of all tests with a history.
func shopDay(t testing.TB, days int, step time.Duration) arrivals.Trace {
	t.Helper()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), Step: step, Days: days,
		Base: 40, DailyAmplitude: 400, WeekendFactor: 0.4, Noise: 1, Seed: 1,
	})
	require.NoError(t, err)
	return trace
}

// play decides every step from from to to, as the adapter does: data up to now minus lag are known.
func play(t testing.TB, s Settings, trace arrivals.Trace, from, to time.Time, every, lag time.Duration, outage func(time.Time) bool) []Recommendation {
	t.Helper()
	f, err := Fit(t.Context(), s, ModelAuto, trace.Slice(trace.Start, from))
	require.NoError(t, err)
	var (
		out   []Recommendation
		st    State
		known arrivals.Trace
		r     Recommendation
	)
	for now := from; now.Before(to); now = now.Add(every) {
		if outage == nil || !outage(now) {
			known = trace.Slice(trace.Start, now.Add(-lag))
			f.Update(known)
		}
		r, st = Recommend(s, Observation{Now: now, Recent: known, Forecast: f, CurrentReplicas: st.Replicas}, st)
		out = append(out, r)
	}
	return out
}

// TestGoldenTimelines compares whole mornings of decisions with reviewed ones.
func TestGoldenTimelines(t *testing.T) {
	trace := shopDay(t, 9, 5*time.Minute)
	day := trace.Start.Add(8 * 24 * time.Hour)
	s := tenPerSecond(t, 200)
	s.Lead.Startup = 10 * time.Minute
	for _, c := range []struct {
		name     string
		from, to time.Duration
		outage   func(time.Time) bool
	}{
		{"morning", 6 * time.Hour, 12 * time.Hour, nil},
		{"outage", 7 * time.Hour, 10 * time.Hour, func(now time.Time) bool {
			h := now.Sub(day)
			return h >= 8*time.Hour && h < 9*time.Hour
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			fmt.Fprintln(&b, "time   data   rate  forecast  replicas  source        binding")
			for i, r := range play(t, s, trace, day.Add(c.from), day.Add(c.to), time.Minute, time.Minute, c.outage) {
				if i%5 == 0 {
					fmt.Fprintf(&b, "%s  %s  %4.0f  %8.0f  %8d  %-12s  %s\n", r.At.Format("15:04"), r.DataTime.Format("15:04"), r.CurrentRate, r.ForecastRate, r.Replicas, r.Source, r.Binding)
				}
			}
			golden(t, c.name+".golden", b.Bytes())
		})
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test ./planner -update to write it")
	assert.Equal(t, string(want), string(got))
}

func TestForecastLeadsTheRise(t *testing.T) {
	trace := shopDay(t, 9, 5*time.Minute)
	day := trace.Start.Add(8 * 24 * time.Hour)
	s := tenPerSecond(t, 200)
	s.Lead.Startup = 10 * time.Minute
	late, total := 0, 0
	for _, r := range play(t, s, trace, day.Add(6*time.Hour), day.Add(12*time.Hour), time.Minute, time.Minute, nil) {
		i, ok := trace.Index(r.WindowFrom)
		require.True(t, ok)
		need, _ := s.Need.Replicas(trace.Rate[i])
		total++
		if r.Replicas < need {
			late++
		}
	}
	assert.Less(t, float64(late)/float64(total), 0.1, "%d of %d decisions were too low for the load they were for", late, total)
}

func TestFitRefuses(t *testing.T) {
	s := tenPerSecond(t, 50)
	trace := shopDay(t, 3, 5*time.Minute)
	_, err := Fit(t.Context(), s, "prophet", trace)
	require.ErrorContains(t, err, "must be auto or one of naive,")
	_, err = Fit(t.Context(), s, "holt-winters-1w", trace)
	require.ErrorContains(t, err, "needs two seasons")
	_, err = Fit(t.Context(), s, ModelAuto, arrivals.Trace{Start: noon, Step: time.Minute})
	require.ErrorContains(t, err, "holds no data")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Fit(ctx, s, ModelAuto, trace)
	require.ErrorIs(t, err, context.Canceled)
}

func TestUpdateFeedsEveryBucketOnce(t *testing.T) {
	trace := shopDay(t, 3, time.Minute)
	cut := trace.Start.Add(2 * 24 * time.Hour)
	s := tenPerSecond(t, 50)
	one, err := Fit(t.Context(), s, "naive", trace.Slice(trace.Start, cut))
	require.NoError(t, err)
	other, err := Fit(t.Context(), s, "naive", trace.Slice(trace.Start, cut))
	require.NoError(t, err)
	one.Update(trace)
	for end := cut; !end.After(trace.End()); end = end.Add(7 * time.Minute) {
		other.Update(trace.Slice(cut.Add(-time.Hour), end)) // overlapping pieces
	}
	other.Update(trace)
	assert.Equal(t, trace.End(), one.End())
	assert.Equal(t, one.End(), other.End())
	in := Observation{Now: trace.End(), Recent: trace, CurrentReplicas: -1}
	in.Forecast = one
	first := Observe(s, in)
	in.Forecast = other
	assert.Equal(t, first, Observe(s, in))
}

func TestLeadWindowFollowsTheAgeOfTheData(t *testing.T) {
	trace := shopDay(t, 3, time.Minute)
	f, err := Fit(t.Context(), tenPerSecond(t, 50), "naive", trace)
	require.NoError(t, err)
	end := trace.End()
	for _, c := range []struct {
		at       time.Duration
		from, to int
	}{
		{0, 1, 0}, // an empty window ends where it begins
		{time.Second, 1, 1},
		{time.Minute, 2, 1},
		{90 * time.Second, 2, 2},
		{-time.Minute, 1, -1},
	} {
		assert.Equal(t, c.from, f.stepFrom(end.Add(c.at)), "from %s", c.at)
		assert.Equal(t, c.to, f.stepTo(end.Add(c.at)), "to %s", c.at)
	}
}

// BenchmarkRecommend is one decision with 14 days of one-minute history, as the adapter makes it every
// 15 seconds: the forecast is fitted already and takes up one new bucket.
func BenchmarkRecommend(b *testing.B) {
	trace := shopDay(b, 15, time.Minute)
	s := tenPerSecond(b, 200)
	cut := trace.Start.Add(14 * 24 * time.Hour)
	f, err := Fit(b.Context(), s, ModelAuto, trace.Slice(trace.Start, cut))
	require.NoError(b, err)
	now, st := cut, State{}
	b.ReportAllocs()
	for b.Loop() {
		if now = now.Add(time.Minute); now.After(trace.End()) {
			b.StopTimer()
			now = cut
			f, err = Fit(b.Context(), s, ModelAuto, trace.Slice(trace.Start, cut))
			require.NoError(b, err)
			b.StartTimer()
		}
		known := trace.Slice(now.Add(-14*24*time.Hour), now)
		f.Update(known)
		_, st = Recommend(s, Observation{Now: now, Recent: known, Forecast: f, CurrentReplicas: -1}, st)
	}
}

// BenchmarkFit chooses and fits a forecast on 14 days of one-minute history, as the adapter does every
// few hours.
func BenchmarkFit(b *testing.B) {
	trace := shopDay(b, 14, time.Minute)
	s := tenPerSecond(b, 200)
	for b.Loop() {
		_, err := Fit(b.Context(), s, ModelAuto, trace)
		require.NoError(b, err)
	}
}

// BenchmarkDecide is the pure half alone, what a replay pays per step and setting.
func BenchmarkDecide(b *testing.B) {
	s := tenPerSecond(b, 200)
	in, st := rates(500, 700, 720, 600), State{Replicas: 60}
	b.ReportAllocs()
	for b.Loop() {
		_, st = Decide(s, in, st)
	}
}

// BenchmarkDecideInto is BenchmarkDecide as a replay does it.
func BenchmarkDecideInto(b *testing.B) {
	s := tenPerSecond(b, 200)
	in, st := rates(500, 700, 720, 600), State{Replicas: 60}
	var r Recommendation
	b.ReportAllocs()
	for b.Loop() {
		st = DecideInto(&r, &s, &in, st)
	}
}
