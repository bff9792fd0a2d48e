package policy_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// shown is what a test lets a policy see.
type shown struct {
	rate, utilization, backlog, latency float64
	inFlight                            func(from, to time.Duration) float64
}

func (s shown) Offered(_, _ time.Duration) float64     { return s.rate }
func (s shown) Utilization(_, _ time.Duration) float64 { return s.utilization }
func (s shown) Backlog(_, _ time.Duration) float64     { return s.backlog }
func (s shown) Latency(_, _ time.Duration) float64     { return s.latency }
func (s shown) InFlight(from, to time.Duration) float64 {
	return s.inFlight(from, to)
}

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// small is a service of 40 ms in 2 slots, so that a replica serves 40 requests/s at the cap of 0.8.
func small() *replay.Environment {
	return &replay.Environment{
		Start: monday, Duration: 24 * time.Hour, Lens: replay.DefaultLens(),
		Service: queueing.Service{MeanTime: 40 * time.Millisecond, Concurrency: 2},
		Target:  queueing.Target{MaxUtilization: 0.8, Response: queueing.Quantile{Percentile: 0.99, Latency: 500 * time.Millisecond}},
		Startup: replay.GammaStartup(time.Minute, 0.1), InitialReplicas: 4, MinReplicas: 1, MaxReplicas: 100,
	}
}

func begin(t *testing.T, p replay.Policy, env *replay.Environment) replay.Controller {
	t.Helper()
	c, err := p.Begin(t.Context(), env)
	require.NoError(t, err)
	return c
}

// at asks a policy at an instant.
func at(c replay.Controller, now time.Duration, rate float64, g shown) []float64 {
	g.rate = rate
	return c.Metrics(&replay.View{Now: now, Time: monday.Add(now), Visible: now, Rate: rate, SpecReplicas: 4, StatusReplicas: 4, ReadyReplicas: 4, Gauges: g}, nil)
}

func TestReactive(t *testing.T) {
	config, spec := policy.Reactive{Target: 12.5}.HPA()
	assert.Equal(t, hpa.DefaultConfig(), config)
	assert.Equal(t, hpa.Spec{Metrics: []hpa.MetricSpec{{Name: "rate", Type: hpa.External, Target: hpa.AverageValue(12.5)}}}, spec)
	_, spec = policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7, Behavior: policy.Stabilized(time.Minute)}.HPA()
	assert.Equal(t, []hpa.MetricSpec{{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(70)}}, spec.Metrics)
	assert.Equal(t, time.Minute, *spec.Behavior.ScaleDown.StabilizationWindow)

	c := begin(t, policy.Reactive{Target: 12.5}, small())
	assert.Equal(t, []float64{80}, at(c, 0, 80, shown{}))
	assert.Equal(t, "80 requests/s at 12.5 per replica are 7 replicas", c.Why())
	assert.True(t, math.IsNaN(at(c, 0, math.NaN(), shown{})[0]))
	c = begin(t, policy.Reactive{Metric: policy.MetricUtilization, Target: 0.7}, small())
	assert.Empty(t, at(c, 0, 80, shown{}))

	for _, p := range []policy.Reactive{{}, {Target: math.NaN()}, {Metric: "memory", Target: 1}, {Metric: policy.MetricUtilization, Target: 70}} {
		_, err := p.Begin(t.Context(), small())
		assert.Error(t, err, "%+v", p)
	}
}

func TestSquareRoot(t *testing.T) {
	c := begin(t, policy.SquareRoot{Scale: 1.1, Beta: 1.2}, small())
	// 100 requests/s of 40 ms are 4 erlangs: 1.1 × 4 + 1.2 × 2 = 6.8 servers, two of which are a replica.
	assert.InDelta(t, 3.4, at(c, 0, 100, shown{})[0], 1e-12)
	assert.Equal(t, "100 requests/s are 4 erlangs: 1.1 × 4 + 1.2 × √4 servers are 3.4 replicas", c.Why())
}

func TestLinear(t *testing.T) {
	c := begin(t, policy.Linear{PerReplica: 20, Spare: 2, Window: 10 * time.Minute}, small())
	for _, step := range []struct {
		minute     int
		rate, want float64
	}{
		{0, 100, 7}, {1, 300, 17}, {2, 50, 17}, {3, 200, 17}, {11, 60, 17}, // 300 is ten minutes old
		{12, 60, 12}, // 200 is the highest now
		{14, 60, 5}, {15, math.NaN(), 5}, {25, math.NaN(), math.NaN()},
	} {
		got := at(c, time.Duration(step.minute)*time.Minute, step.rate, shown{})[0]
		if math.IsNaN(step.want) {
			assert.True(t, math.IsNaN(got), "minute %d: %v", step.minute, got)
			continue
		}
		assert.InDelta(t, step.want, got, 1e-12, "minute %d", step.minute)
	}
}

// TestLinearKeepsTheMaximum compares the sliding maximum with one that looks at everything.
func TestLinearKeepsTheMaximum(t *testing.T) {
	const window = 7 * time.Minute
	c := begin(t, policy.Linear{PerReplica: 1, Window: window}, small())
	var rates []float64
	state := uint32(1)
	for i := range 3000 {
		state = state*1664525 + 1013904223
		rate := float64(state >> 20)
		if i%100 < 60 { // long falls fill the queue of candidates
			rate = float64(5000 - i%100)
		}
		rates = append(rates, rate)
		got := at(c, time.Duration(i)*15*time.Second, rate, shown{})[0]
		want := 0.0
		for j := max(0, i-int(window/(15*time.Second))); j <= i; j++ {
			want = max(want, rates[j])
		}
		require.Equal(t, want, got, "sample %d", i)
	}
}

// TestKnative plays a surge through the stable and the panic mode. A replica has 2 slots: the target is 1.4 requests.
func TestKnative(t *testing.T) {
	c := begin(t, policy.Knative{}, small())
	inFlight := func(stable, short float64) shown {
		return shown{inFlight: func(from, to time.Duration) float64 {
			if to-from == 6*time.Second {
				return short
			}
			require.Equal(t, time.Minute, to-from)
			return stable
		}}
	}
	for _, step := range []struct {
		name          string
		now           time.Duration
		stable, short float64
		want          float64
	}{
		{"a run begins in panic: nothing is given back", 2 * time.Second, 1, 1, 4},
		{"until a stable window has passed", 62 * time.Second, 5.6, 5.6, 4},
		{"5.7 / 1.4 = 4.07", 64 * time.Second, 5.7, 5.7, 5},
		{"not more than half of the ready are taken away", 66 * time.Second, 0, 0, 2},
		{"8 of 4: panic, 11.1 / 1.4 = 7.9", 68 * time.Second, 6, 11.1, 8},
		{"the stable window may want more", 70 * time.Second, 14, 11.1, 10},
		{"no scale-in while it lasts", 72 * time.Second, 3, 1, 10},
		{"which is a stable window from the last crossing, at 70 s", 130 * time.Second, 3, 1, 10},
		{"then the stable window counts", 131 * time.Second, 3, 1, 3},
	} {
		assert.Equal(t, []float64{step.want}, at(c, step.now, 0, inFlight(step.stable, step.short)), step.name)
	}
	assert.True(t, math.IsNaN(at(c, 140*time.Second, 0, inFlight(math.NaN(), 1))[0]))
	config, _ := policy.Knative{}.HPA()
	assert.Equal(t, 2*time.Second, config.SyncPeriod)
}

// TestSLOLaw: the latency is given relative to an objective of 0.5 s.
func TestSLOLaw(t *testing.T) {
	for _, c := range []struct {
		relative     float64
		ready        int32
		want, number float64
	}{
		{0.5, 10, 10, 10},  // within
		{0.55, 10, 10, 10}, // the bounds belong to it
		{0.40, 10, 10, 10},
		{0.66, 10, 12, 10}, // 10 (0.66/0.55 - 1) = 2
		{0.70, 10, 13, 10}, // 2.7
		{0.70, 7, 10, 10},  // 10 (0.7 × 0.7/0.55 - 1) < 0: what starts is credited
		{9, 10, 37, 10},    // at most 2: 10 (2/0.55 - 1) = 26.4
		{0.30, 10, 8, 10},  // 10 × 0.25 = 2.5
		{0.30, 3, 8, 10},   // without credit
	} {
		ctl := begin(t, policy.SLOLaw{}, small())
		v := replay.View{SpecReplicas: int32(c.number), ReadyReplicas: c.ready, Gauges: shown{latency: 0.5 * c.relative}}
		assert.Equal(t, []float64{c.want}, ctl.Metrics(&v, nil), "%+v", c)
	}
	_, spec := policy.SLOLaw{}.HPA()
	assert.Equal(t, []hpa.Policy{{Type: hpa.PodsPolicy, Value: 1, Period: 2 * time.Minute}}, spec.Behavior.ScaleDown.Policies)
}

// hourly fires at every hour of an odd number.
type hourly struct{}

func (hourly) Next(after time.Time) time.Time {
	next := after.Truncate(time.Hour).Add(time.Hour)
	if next.Hour()%2 == 0 {
		next = next.Add(time.Hour)
	}
	return next
}

type never struct{}

func (never) Next(time.Time) time.Time { return time.Time{} }

type once struct{ at time.Time }

func (o once) Next(after time.Time) time.Time {
	if after.Before(o.at) {
		return o.at
	}
	return time.Time{}
}

func TestCron(t *testing.T) {
	p := policy.Cron{Entries: []policy.CronEntry{
		{Schedule: hourly{}, Text: "0 1-23/2 * * *", Replicas: 10},
		{Schedule: once{monday.Add(2 * time.Hour)}, Text: "0 2 2 3 *", Replicas: 30},
		{Schedule: once{monday.Add(5 * time.Hour)}, Text: "0 5 2 3 *", Replicas: 7},
		{Schedule: never{}, Text: "0 0 31 2 *", Replicas: 1},
	}}
	c := begin(t, p, small())
	assert.Equal(t, []float64{10}, at(c, 0, 0, shown{}), "fired at 23:00 the day before")
	assert.Contains(t, c.Why(), "2026-03-01T23:00:00Z")
	assert.Equal(t, []float64{10}, at(c, 2*time.Hour-1, 0, shown{}))
	assert.Equal(t, []float64{30}, at(c, 2*time.Hour, 0, shown{}))
	assert.Equal(t, []float64{10}, at(c, 3*time.Hour, 0, shown{}))
	assert.Equal(t, []float64{10}, at(c, 5*time.Hour, 0, shown{}), "of two at once the higher")
	c = begin(t, policy.Cron{Entries: p.Entries[3:]}, small())
	assert.Equal(t, []float64{4}, at(c, 0, 0, shown{}), "nothing has fired: the initial replicas")
	_, err := policy.Cron{}.Begin(t.Context(), small())
	assert.Error(t, err)
}

func TestSeasonalNaive(t *testing.T) {
	env := small()
	env.History = arrivals.Trace{Start: monday.Add(-7 * 24 * time.Hour), Step: time.Minute, Rate: make([]float64, 7*24*60)}
	for i := range env.History.Rate {
		env.History.Rate[i] = 40
	}
	env.History.Rate[29], env.History.Rate[30] = 200, 400 // in the half hour from now, and after it
	c := begin(t, policy.SeasonalNaive{Headroom: 1.2}, env)
	got := at(c, 0, 80, shown{})
	assert.InDeltaSlice(t, []float64{1.2 * 200 / 40, 2}, got, 1e-9)
	assert.InDeltaSlice(t, []float64{1.2 * 400 / 40, 2}, at(c, time.Minute, 80, shown{}), 1e-9)
	assert.InDeltaSlice(t, []float64{1.2 * 40 / 40, 2}, at(c, time.Hour, 80, shown{}), 1e-9)
	env.History = arrivals.Trace{}
	c = begin(t, policy.SeasonalNaive{}, env)
	assert.InDeltaSlice(t, []float64{0, 2}, at(c, 0, 80, shown{}), 1e-9, "no last week")
}

// TestHoltWinters: a season of four, twice, and one sample; the numbers are worked out by hand.
func TestHoltWinters(t *testing.T) {
	p := policy.HoltWinters{Target: 1, Season: 4 * time.Minute, Alpha: 0.5, Beta: 0.5, Gamma: 0.5}
	c := begin(t, p, small())
	for i, n := range []float64{10, 20, 30, 20, 14, 24, 34, 24} {
		got := at(c, time.Duration(i)*time.Minute, n, shown{})
		want := 0.0
		if i == 7 {
			// Means 20 and 24, so b = 1 per sample; the level at the end is 24 + 1.5 = 25.5, and the season of the next
			// sample 10 - 20 = -10: 25.5 + 1 - 10 = 16.5, rounded up.
			want = 17
		}
		assert.Equal(t, []float64{n, want}, got, "sample %d", i)
	}
	// 18: l = (18+10)/2 + (25.5+1)/2 = 27.25, b = (27.25-25.5)/2 + 1/2 = 1.375; next 27.25 + 1.375 + 0 = 28.6.
	assert.Equal(t, []float64{18, 29}, at(c, 8*time.Minute, 18, shown{}))
	for _, p := range []policy.HoltWinters{{Alpha: 2}, {Season: time.Hour, Interval: 7 * time.Minute}, {Target: math.Inf(1)}} {
		_, err := p.Begin(t.Context(), small())
		assert.Error(t, err, "%+v", p)
	}
}

func TestFixedAndNames(t *testing.T) {
	p := policy.Named("floor", policy.Fixed{Replicas: 7})
	assert.Equal(t, "floor", p.Name())
	c := begin(t, p, small())
	assert.Equal(t, []float64{7}, at(c, 0, math.NaN(), shown{}))
	assert.Equal(t, "always 7", c.Why())
	_, err := policy.Fixed{Replicas: -1}.Begin(t.Context(), small())
	assert.Error(t, err)
	names := map[string]bool{}
	for _, p := range []replay.Policy{
		policy.Fixed{},
		policy.Reactive{},
		policy.SquareRoot{},
		policy.Linear{},
		policy.Knative{},
		policy.SLOLaw{},
		policy.Cron{},
		policy.SeasonalNaive{},
		policy.HoltWinters{},
		policy.Predictive{},
		policy.Oracle{},
	} {
		assert.False(t, names[p.Name()], p.Name())
		names[p.Name()] = true
		p.Settings()
		_, spec := p.HPA()
		spec.MinReplicas, spec.MaxReplicas = 1, 10
		if len(spec.Metrics) > 0 && spec.Metrics[0].Target.Milli != 0 {
			assert.NoError(t, spec.Validate(), p.Name())
		}
	}
}
