package planner

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// tenPerSecond is the textbook replica: 10 requests/s, used to at most 0.8.
func tenPerSecond(t testing.TB, maxReplicas int32) Settings {
	t.Helper()
	need, err := NewNeedTable(maxReplicas, queueing.Service{MeanTime: 100 * time.Millisecond}, queueing.Target{MaxUtilization: 0.8})
	require.NoError(t, err)
	s := Settings{
		MinReplicas: 2, MaxReplicas: maxReplicas, Need: need,
		Lead:     LeadTime{Startup: time.Minute, HPASync: 15 * time.Second, Ramp: 15 * time.Second},
		Interval: 15 * time.Second, Quantile: 0.95,
		EnvelopeWindow: 10 * time.Minute, EnvelopeFactor: 1, Drain: time.Minute, Hysteresis: 0.05,
	}
	require.NoError(t, s.Validate())
	return s
}

// explained decides and explains.
func explained(s Settings, in Inputs, st State) (Recommendation, State) {
	r, next := Decide(s, in, st)
	r.Reason = Explain(s, in, r)
	return r, next
}

// rates returns fresh, predictable inputs.
func rates(now, leadMax, holdMax, envelope float64) Inputs {
	return Inputs{
		Now: noon, Step: time.Minute, DataTime: noon.Add(-30 * time.Second), CurrentRate: now, Mean: leadMax,
		WindowFrom: noon.Add(90 * time.Second), WindowTo: noon.Add(105 * time.Second),
		LeadMax:         Quantiles{Levels: []float64{0.95}, Values: []float64{leadMax}},
		HoldMax:         Quantiles{Levels: []float64{0.95}, Values: []float64{holdMax}},
		Envelope:        Maxima{Windows: []time.Duration{10 * time.Minute}, Values: []float64{envelope}},
		Forecast:        ForecastInfo{Model: "naive", Predictable: true},
		CurrentReplicas: -1,
	}
}

// TestTextbookCase is the example of the deployment practice that prescale serves: 10 requests/s per
// replica and 50 offered are stable only above 5 replicas, and 7 keep the utilization at or below 0.8.
func TestTextbookCase(t *testing.T) {
	s := tenPerSecond(t, 50)
	_, stable := s.Need.ResponseQuantile(50, 5, 0.99)
	assert.False(t, stable, "5 replicas")
	_, stable = s.Need.ResponseQuantile(50, 6, 0.99)
	assert.True(t, stable, "6 replicas")

	r, _ := explained(s, rates(50, 50, 50, 50), State{})
	assert.EqualValues(t, 7, r.Replicas)
	assert.InDelta(t, 5.0/7, r.Utilization, 1e-12)
	assert.Greater(t, s.Need.Utilization(50, 6), 0.8)
}

func TestBindingTerm(t *testing.T) {
	s := tenPerSecond(t, 50)
	s.Calendar = []Event{{Name: "sale", From: noon.Add(time.Minute), To: noon.Add(time.Hour), Replicas: 30}}
	noCalendar := tenPerSecond(t, 50)
	for _, c := range []struct {
		name     string
		settings Settings
		in       Inputs
		state    State
		replicas int32
		binding  Term
	}{
		{"the forecast rises above everything", noCalendar, rates(50, 100, 100, 60), State{}, 13, TermForecast},
		{"the recent past was higher than the future", noCalendar, rates(50, 50, 50, 100), State{}, 13, TermEnvelope},
		{"the load is above every forecast", noCalendar, rates(100, 50, 50, math.NaN()), State{}, 13, TermReactive},
		{"an event begins within the lead time", s, rates(50, 60, 60, 60), State{}, 30, TermCalendar},
		{"almost no load", noCalendar, rates(1, 1, 1, 1), State{}, 2, TermMinReplicas},
		{"more than allowed", noCalendar, rates(900, 900, 900, 900), State{}, 50, TermMaxReplicas},
		{"a dip that ends before replicas could be back", noCalendar, rates(50, 50, 80, 50), State{Replicas: 20}, 10, TermScaleDown},
		{"a scale-down that would leave no margin", noCalendar, rates(55, 55, 55, 55), State{Replicas: 8}, 8, TermHysteresis},
		{"a scale-down with margin enough", noCalendar, rates(50, 50, 50, 50), State{Replicas: 8}, 7, TermForecast},
		{"after a fresh start what runs counts as recommended", noCalendar, running(rates(55, 55, 55, 55), 8), State{}, 8, TermHysteresis},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, next := explained(c.settings, c.in, c.state)
			assert.Equal(t, SourceForecast, r.Source)
			assert.Equal(t, c.replicas, r.Replicas, r.Reason)
			assert.Equal(t, c.binding, r.Binding, r.Reason)
			assert.NotEmpty(t, r.Reason)
			assert.Equal(t, State{Replicas: r.Replicas, Source: r.Source, At: noon}, next)
		})
	}
}

func running(in Inputs, n int32) Inputs {
	in.CurrentReplicas = n
	return in
}

func TestBacklogIsServedWithinTheDrainTime(t *testing.T) {
	in := rates(50, 50, 50, 50)
	in.Backlog = 3000 // 50/s over a minute
	r, _ := explained(tenPerSecond(t, 50), in, State{})
	d, ok := r.Demand(TermReactive)
	require.True(t, ok)
	assert.InDelta(t, 100, d.Rate, 1e-9)
	assert.EqualValues(t, 13, r.Replicas)
}

// TestSource walks down the ladder of trust: nothing on it leads to fewer replicas for want of data.
func TestSource(t *testing.T) {
	s := tenPerSecond(t, 50) // stale after 4 minutes, hold after 19
	for _, c := range []struct {
		name        string
		age         time.Duration
		predictable bool
		running     int32
		state       State
		source      Source
		replicas    int32
	}{
		{"fresh and predictable", time.Minute, true, 5, State{Replicas: 13}, SourceForecast, 13},
		{"fresh, not predictable", time.Minute, false, 5, State{}, SourceReactive, 7},
		{"a little ahead of our clock", -20 * time.Second, true, 5, State{}, SourceForecast, 13},
		{"stale: the forecast goes on", 5 * time.Minute, true, 5, State{Replicas: 13}, SourceLastForecast, 13},
		{"stale: never below what runs", 5 * time.Minute, true, 22, State{Replicas: 13}, SourceLastForecast, 22},
		{"stale: never below what was recommended", 5 * time.Minute, true, -1, State{Replicas: 21}, SourceLastForecast, 21},
		{"stale and not predictable", 5 * time.Minute, false, 22, State{Replicas: 13}, SourceHold, 0},
		{"too old", 20 * time.Minute, true, 22, State{Replicas: 13}, SourceHold, 0},
		{"from the future", -time.Minute, true, 22, State{Replicas: 13}, SourceHold, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := rates(50, 100, 100, 50)
			in.DataTime = noon.Add(-c.age)
			in.Forecast.Predictable = c.predictable
			in.CurrentReplicas = c.running
			r, next := explained(s, in, c.state)
			assert.Equal(t, c.source, r.Source, r.Reason)
			assert.Equal(t, c.replicas, r.Replicas, r.Reason)
			if c.source == SourceHold {
				assert.Equal(t, c.state.Replicas, next.Replicas, "Hold forgets nothing")
				assert.Equal(t, TermNone, r.Binding)
				assert.Empty(t, r.Demands)
			}
		})
	}
	t.Run("a restart gives nothing back while the first forecast is made", func(t *testing.T) {
		in := running(rates(50, math.NaN(), math.NaN(), 50), 22)
		in.LeadMax, in.Forecast = Quantiles{}, ForecastInfo{Pending: true, Why: "it is being fitted"}
		r, _ := explained(s, in, State{})
		assert.Equal(t, SourceReactive, r.Source)
		assert.EqualValues(t, 22, r.Replicas)
		assert.Contains(t, r.Reason, "the first forecast is still being made, so 22 replicas that run are kept")
	})
	t.Run("no data at all", func(t *testing.T) {
		r, _ := explained(s, Inputs{Now: noon, CurrentRate: math.NaN(), Mean: math.NaN(), CurrentReplicas: 4}, State{})
		assert.Equal(t, SourceHold, r.Source)
		assert.Zero(t, r.Replicas)
		assert.Contains(t, r.Reason, "the 4 replicas that run stay")
	})
}

func TestReasonNamesTheNumbers(t *testing.T) {
	in := rates(50, 100, 100, 60)
	r, _ := explained(tenPerSecond(t, 50), in, State{})
	assert.Equal(t, "the 95 % quantile of the highest rate from 12:01:30 to 12:01:45, 100 req/s (naive), needs 13 replicas; the rate now, 50 req/s, alone would need 7", r.Reason)
	in.Forecast = ForecastInfo{Why: "the history holds two hours only"}
	r, _ = explained(tenPerSecond(t, 50), in, State{})
	assert.Equal(t, "the highest rate of the last 10m, 60 req/s, needs 8 replicas; no forecast is relied upon: the history holds two hours only; the rate now, 50 req/s, alone would need 7", r.Reason)
}

func TestQuantilesAt(t *testing.T) {
	q := Quantiles{Levels: []float64{0.5, 0.9, 0.99}, Values: []float64{10, 20, 40}}
	for p, want := range map[float64]float64{0.1: 10, 0.5: 10, 0.7: 15, 0.9: 20, 0.945: 30, 0.99: 40, 0.999: 40} {
		assert.InDelta(t, want, q.At(p), 1e-9, "level %g", p)
	}
	assert.True(t, math.IsNaN(Quantiles{}.At(0.5)))
}

func TestMaximaOver(t *testing.T) {
	m := Maxima{Windows: []time.Duration{time.Minute, time.Hour}, Values: []float64{3, 7}}
	assert.Equal(t, 3.0, m.Over(time.Minute))
	assert.Equal(t, 7.0, m.Over(2*time.Minute))
	assert.Equal(t, 7.0, m.Over(2*time.Hour))
	assert.True(t, math.IsNaN(m.Over(0)))
	assert.True(t, math.IsNaN(Maxima{}.Over(time.Hour)))
}

// anyInputs draws inputs of every kind, also the senseless ones that a broken source could bring.
func anyInputs(t *rapid.T) (Inputs, State) {
	rate := rapid.OneOf(rapid.Float64Range(0, 700), rapid.Just(math.NaN()), rapid.Float64Range(0, 1e9))
	lead := rate.Draw(t, "leadMax")
	in := rates(rate.Draw(t, "now"), lead, rate.Draw(t, "holdMax"), rate.Draw(t, "envelope"))
	in.DataTime = noon.Add(-time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(t, "age")))
	if rapid.Bool().Draw(t, "no data") {
		in.DataTime = time.Time{}
	}
	in.Forecast.Predictable = rapid.Bool().Draw(t, "predictable")
	in.CurrentReplicas = rapid.Int32Range(-1, 60).Draw(t, "running")
	return in, State{Replicas: rapid.Int32Range(0, 50).Draw(t, "before")}
}

func TestDecideProperties(t *testing.T) {
	s := tenPerSecond(t, 50)
	rapid.Check(t, func(t *rapid.T) {
		in, st := anyInputs(t)
		r, next := explained(s, in, st)

		again, nextAgain := explained(s, in, st)
		first, err := json.Marshal(r)
		require.NoError(t, err)
		second, _ := json.Marshal(again)
		assert.Equal(t, string(first), string(second), "the same inputs give the same bytes")
		assert.Equal(t, next, nextAgain)

		if r.Source == SourceHold {
			assert.Zero(t, r.Replicas)
			assert.Equal(t, st.Replicas, next.Replicas)
			return
		}
		assert.GreaterOrEqual(t, r.Replicas, s.MinReplicas)
		assert.LessOrEqual(t, r.Replicas, s.MaxReplicas)
		assert.NotEmpty(t, r.Reason)
		if need, _ := s.Need.Replicas(in.CurrentRate); r.Source != SourceLastForecast {
			assert.GreaterOrEqual(t, r.Replicas, min(need, s.MaxReplicas), "the reactive floor is always on")
		}
		if r.Source == SourceLastForecast {
			assert.GreaterOrEqual(t, r.Replicas, min(max(in.CurrentReplicas, st.Replicas), s.MaxReplicas), "stale data give nothing back")
		}
	})
}

// TestMoreLoadNeverMeansFewerReplicas raises one rate at a time.
func TestMoreLoadNeverMeansFewerReplicas(t *testing.T) {
	s := tenPerSecond(t, 50)
	rapid.Check(t, func(t *rapid.T) {
		var v [4]float64
		for i := range v {
			v[i] = rapid.Float64Range(0, 600).Draw(t, "rate")
		}
		st := State{Replicas: rapid.Int32Range(0, 50).Draw(t, "before")}
		low, _ := Decide(s, rates(v[0], v[1], math.Max(v[1], v[2]), v[3]), st)
		v[rapid.IntRange(0, 3).Draw(t, "which")] *= 1 + rapid.Float64Range(0, 2).Draw(t, "more")
		high, _ := Decide(s, rates(v[0], v[1], math.Max(v[1], v[2]), v[3]), st)
		assert.GreaterOrEqual(t, high.Replicas, low.Replicas)
	})
}

func TestSettingsValidateReportsAll(t *testing.T) {
	err := Settings{MinReplicas: 0, MaxReplicas: -1, Quantile: 1, Hysteresis: -1, Drain: -1}.Validate()
	for _, part := range []string{"minimum of 0", "maximum of -1", "quantile 1", "hysteresis -1", "interval 0s", "drain time"} {
		assert.ErrorContains(t, err, part)
	}
}
