package replay

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/queueing"
)

// reactive is the rule of an HPA on the rate; keep replicas if target is 0.
type reactive struct {
	target float64
	keep   int32
	window time.Duration
	exact  bool
}

func (reactive) Name() string          { return "reactive" }
func (p reactive) Settings() []Setting { return []Setting{{"target", p.target}} }
func (p reactive) HPA() (hpa.Config, hpa.Spec) {
	b := &hpa.Behavior{ScaleDown: &hpa.ScalingRules{StabilizationWindow: &p.window}}
	if p.exact {
		b.ScaleUp = &hpa.ScalingRules{Tolerance: new(0.0)}
		b.ScaleDown.Tolerance = new(0.0)
	}
	return hpa.DefaultConfig(), hpa.Spec{Metrics: []hpa.MetricSpec{{Name: "replicas", Type: hpa.External, Target: hpa.AverageValue(1)}}, Behavior: b}
}
func (p reactive) Begin(context.Context, *Environment) (Controller, error) { return p, nil }
func (reactive) Why() string                                               { return "" }
func (p reactive) Metrics(v *View, dst []float64) []float64 {
	if p.target == 0 {
		return append(dst, float64(p.keep))
	}
	if p.exact {
		return append(dst, math.Ceil(v.Rate/p.target))
	}
	return append(dst, v.Rate/p.target)
}

func fixed(n int32) reactive { return reactive{keep: n, exact: true} }

func environment(d time.Duration, initial int32) Environment {
	return Environment{
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Duration: d, Lens: DefaultLens(), Service: slot,
		Target:  queueing.Target{MaxUtilization: 0.8, Response: objective},
		Startup: GammaStartup(time.Minute, 0.1), InitialReplicas: initial, MinReplicas: 1, MaxReplicas: 60,
	}
}

func fluidOf(t testing.TB, env Environment, s arrivals.Schedule, o FluidOptions) *Fluid {
	t.Helper()
	f, err := NewFluid(env, s, o)
	require.NoError(t, err)
	return f
}

// day is a day of minutes between 100 and 500 requests/s, with a rush.
func day(t testing.TB, days int, holes bool) arrivals.Replayed {
	t.Helper()
	trace := arrivals.Trace{Step: time.Minute}
	for i := range days * 24 * 60 {
		rate := 300 - 200*math.Cos(2*math.Pi*float64(i)/(24*60))
		if m := i % 720; m >= 300 && m < 330 {
			rate += 400 * math.Sin(math.Pi*float64(m-300)/30)
		}
		if holes && i%500 >= 480 {
			rate = math.NaN()
		}
		trace.Rate = append(trace.Rate, rate)
	}
	s, err := arrivals.Replay(trace)
	require.NoError(t, err)
	return s
}

// TestConstantLoadIsTheSteadyState: with nothing to scale, a run is the queue of package queueing.
func TestConstantLoadIsTheSteadyState(t *testing.T) {
	for _, c := range []struct {
		service queueing.Service
		n       int32
		rate    float64
		within  float64
	}{
		{slot, 10, 225, 0.005},
		{slot, 10, 240, 0.005},
		{slot, 1, 20, 0.005},
		{queueing.Service{MeanTime: 40 * time.Millisecond, Concurrency: 4}, 3, 280, 0.005},
		{queueing.Service{MeanTime: 2 * time.Second}, 50, 23, 0.02},
		{queueing.Service{MeanTime: 40 * time.Millisecond, SCV: queueing.SCV(2)}, 5, 112, 0.03},
	} {
		env := environment(2*time.Hour, c.n)
		env.Service = c.service
		if c.service.MeanTime > time.Second {
			env.Target.Response.Latency = 15 * time.Second
		}
		r, err := fluidOf(t, env, arrivals.Constant{ArrivalRatePerSecond: c.rate}, FluidOptions{}).Run(t.Context(), fixed(c.n))
		require.NoError(t, err)
		exact := c.service.At(c.rate, int(c.n))
		assert.InDelta(t, c.rate*7200, r.Requests, 1e-6)
		assert.InEpsilon(t, exact.(tailed).ResponseTail(env.Target.Response.Latency.Seconds()), 1-r.Attainment(), c.within, "%+v", c)
		assert.InEpsilon(t, exact.MeanResponseSeconds(), r.MeanResponseSeconds, c.within, "%+v", c)
		assert.InDelta(t, 2*float64(c.n), r.ReplicaHours, 1e-9)
		assert.Equal(t, 120.0, r.Minutes)
		assert.InDelta(t, float64(c.n), r.MeanReplicas(), 1e-9)
	}
}

// TestMoreReplicasNeverViolateMore.
func TestMoreReplicasNeverViolateMore(t *testing.T) {
	f := fluidOf(t, environment(24*time.Hour, 10), day(t, 1, false), FluidOptions{})
	before := math.Inf(1)
	for n := int32(2); n <= 40; n += 1 + n/8 {
		env := f.env
		env.InitialReplicas = n
		r, err := (&Fluid{env: env, options: f.options, load: f.load, tails: f.tails}).Run(t.Context(), fixed(n))
		require.NoError(t, err)
		require.LessOrEqual(t, r.Violating, before*(1+1e-9), "%d replicas", n)
		before = r.Violating
	}
	// What is left is the service time itself: P(S > 500 ms) = e^-12.5.
	assert.InEpsilon(t, math.Exp(-12.5), before/(300*86400+2*400*1800*2/math.Pi), 0.05)
}

// TestRunsRepeat: a runner used again, a fresh one, and several at once give the same.
func TestRunsRepeat(t *testing.T) {
	f := fluidOf(t, environment(6*time.Hour, 10), day(t, 1, true), FluidOptions{Timeline: true, Grace: time.Minute})
	policies := []Policy{fixed(20), reactive{target: 15, window: 5 * time.Minute}, reactive{target: 22, window: time.Hour, exact: true}}
	text := func(r *Result) string { return fmt.Sprintf("%+v", *r) }
	var want []string
	for _, p := range policies {
		r, err := f.Run(t.Context(), p)
		require.NoError(t, err)
		want = append(want, text(r))
	}
	runner := f.NewRunner()
	for range 2 {
		for i, p := range policies {
			r, err := runner.Run(t.Context(), p)
			require.NoError(t, err)
			assert.Equal(t, want[i], text(r))
		}
	}
	// Also with tables that nobody has filled yet.
	f = fluidOf(t, f.env, day(t, 1, true), FluidOptions{Timeline: true, Grace: time.Minute})
	var all sync.WaitGroup
	for i, p := range policies {
		all.Go(func() {
			r, err := f.Run(t.Context(), p)
			assert.NoError(t, err)
			assert.Equal(t, want[i], text(r))
		})
	}
	all.Wait()
}

// TestSyncsPutOffChangeNothing compares with a run that makes every pass of the HPA.
func TestSyncsPutOffChangeNothing(t *testing.T) {
	f := fluidOf(t, environment(9*time.Hour, 10), day(t, 1, true), FluidOptions{Timeline: true})
	ctx := t.Context()
	rapid.Check(t, func(t *rapid.T) {
		p := reactive{
			target: rapid.Float64Range(8, 30).Draw(t, "target"),
			window: time.Duration(rapid.IntRange(0, 1800).Draw(t, "window")) * time.Second,
			exact:  rapid.Bool().Draw(t, "exact"),
		}
		lazy, eager := f.NewRunner(), f.NewRunner()
		eager.scaled.eager = true
		a, err := lazy.Run(ctx, p)
		require.NoError(t, err)
		b, err := eager.Run(ctx, p)
		require.NoError(t, err)
		require.Equal(t, b.ReplicaHours, a.ReplicaHours)
		require.Equal(t, b.Violating, a.Violating)
		require.Equal(t, [2]int{b.ScaleUps, b.ScaleDowns}, [2]int{a.ScaleUps, a.ScaleDowns})
		for i := range a.Timeline {
			if a.Timeline[i].Desired != b.Timeline[i].Desired {
				require.Equal(t, b.Timeline[i], a.Timeline[i])
			}
		}
	})
}

// TestStepsDoNotAllocate: a run of three days allocates no more than one of a day.
func TestStepsDoNotAllocate(t *testing.T) {
	allocations := func(days int) float64 {
		f := fluidOf(t, environment(time.Duration(days)*24*time.Hour, 10), day(t, days, false), FluidOptions{})
		r := f.NewRunner()
		p := reactive{target: 15, window: 5 * time.Minute}
		return testing.AllocsPerRun(3, func() {
			_, err := r.Run(t.Context(), p)
			require.NoError(t, err)
		})
	}
	assert.LessOrEqual(t, allocations(3), allocations(1)+2)
}

// TestHolesAreNotJudged: unknown load counts nowhere, and the policy keeps what it had.
func TestHolesAreNotJudged(t *testing.T) {
	trace := arrivals.Trace{Step: time.Minute}
	for i := range 120 {
		rate := 200.0
		if i >= 60 && i < 90 {
			rate = math.NaN()
		}
		trace.Rate = append(trace.Rate, rate)
	}
	s, err := arrivals.Replay(trace)
	require.NoError(t, err)
	r, err := fluidOf(t, environment(2*time.Hour, 15), s, FluidOptions{Timeline: true}).Run(t.Context(), reactive{target: 13.5})
	require.NoError(t, err)
	assert.Equal(t, 90*time.Minute, r.Observed)
	assert.Equal(t, 90.0, r.Minutes)
	assert.InDelta(t, 90*60*200, r.Requests, 1e-6)
	for _, s := range r.Timeline {
		hole := s.At >= 60*time.Minute && s.At < 90*time.Minute
		assert.Equal(t, hole, math.IsNaN(s.Rate), "at %s", s.At)
		assert.Equal(t, int32(15), s.Desired, "at %s", s.At)
		if s.At > time.Hour && s.At < 90*time.Minute+15*time.Second {
			assert.True(t, math.IsNaN(s.Seen), "at %s: %v", s.At, s.Seen)
		}
	}
}

// TestStartupDelaysCapacity: replicas asked for in a step of the load serve a start-up time later.
func TestStartupDelaysCapacity(t *testing.T) {
	trace := arrivals.Trace{Step: time.Minute}
	for i := range 30 {
		rate := 100.0
		if i >= 10 {
			rate = 200
		}
		trace.Rate = append(trace.Rate, rate)
	}
	s, err := arrivals.Replay(trace)
	require.NoError(t, err)
	env := environment(30*time.Minute, 8)
	env.Startup = GammaStartup(2*time.Minute, 0)
	r, err := fluidOf(t, env, s, FluidOptions{Timeline: true}).Run(t.Context(), reactive{target: 12.5, exact: true})
	require.NoError(t, err)
	asked, ready := time.Duration(0), time.Duration(0)
	for _, s := range r.Timeline {
		if s.Desired == 16 && asked == 0 {
			asked = s.At
		}
		if s.Ready == 16 && ready == 0 {
			ready = s.At
		}
	}
	assert.Equal(t, 11*time.Minute, asked, "the rate over a minute has doubled a minute after the load")
	assert.Equal(t, 2*time.Minute, ready-asked)
	// 200/s are exactly what 8 replicas complete, so that a queue of randomness builds up until then.
	assert.Greater(t, r.Violating, 0.0)
}

func TestWarmupSlowsRequests(t *testing.T) {
	env := environment(time.Hour, 4)
	env.MinReplicas = 10 // six are started at once
	run := func(s Startup) *Result {
		env.Startup = s
		r, err := fluidOf(t, env, arrivals.Constant{ArrivalRatePerSecond: 90}, FluidOptions{}).Run(t.Context(), fixed(10))
		require.NoError(t, err)
		return r
	}
	cold := GammaStartup(time.Minute, 0)
	plain := run(cold)
	cold.Warmup, cold.Slowdown = 10*time.Minute, 4
	assert.Greater(t, run(cold).Violating, 2*plain.Violating)
}

func TestBadMinuteIsPoisson(t *testing.T) {
	for _, requests := range []float64{1, 30, 100, 600, 3000, 60000} {
		for _, share := range []float64{1e-6, 0.001, 0.005, 0.009, 0.01, 0.011, 0.02, 0.5} {
			allowed := math.Floor(0.01*requests + 1e-9)
			want := distuv.Poisson{Lambda: requests * share}.Survival(allowed)
			assert.InDelta(t, want, badMinute(requests, requests*share, 1, 0.99), 2e-3, "%g of %g", requests*share, requests)
		}
	}
	assert.Equal(t, 0.0, badMinute(100, 0, 1, 0.99))
	assert.Equal(t, 1.0, badMinute(100, 100, 1, 0.99))
	assert.Equal(t, 1.0, badMinute(0.5, 0.5, 1, 0.99))
}

// TestBadMinuteIsNegativeBinomial compares with the sum of its probabilities.
func TestBadMinuteIsNegativeBinomial(t *testing.T) {
	for _, requests := range []float64{30, 600, 3000} {
		for _, mean := range []float64{0.01, 0.5, 5, 40} {
			if mean > requests/3 {
				continue
			}
			for _, d := range []float64{1.5, 10, 100} {
				size, sum := mean/(d-1), 0.0
				for k := 0.0; k <= math.Floor(0.01*requests+1e-9); k++ {
					a, _ := math.Lgamma(k + size)
					b, _ := math.Lgamma(size)
					c, _ := math.Lgamma(k + 1)
					sum += math.Exp(a - b - c - size*math.Log(d) + k*math.Log1p(-1/d))
				}
				assert.InDelta(t, 1-sum, badMinute(requests, mean, d, 0.99), 1e-9, "%g of %g, dispersion %g", mean, requests, d)
			}
		}
	}
	assert.InDelta(t, 10+0.9*1.9*100, clusterDispersion(0.9, 1), 1e-9)
}

// TestNoiseIsWhatTheLensShows: the rate seen has the standard error of a Poisson count over the window, the same in every
// run; the load itself has none.
func TestNoiseIsWhatTheLensShows(t *testing.T) {
	load, err := NewLoad(arrivals.Constant{ArrivalRatePerSecond: 50}, 24*time.Hour, 15*time.Second, DefaultLens(), CountNoise{Dispersion: 1, Seed: 3})
	require.NoError(t, err)
	sum, squares, n := 0.0, 0.0, 0.0
	for i := 4; i < load.Steps(); i++ {
		require.Equal(t, 50.0, load.Rate(i))
		sum += load.Seen(i) - 50
		squares += (load.Seen(i) - 50) * (load.Seen(i) - 50)
		n++
	}
	assert.InDelta(t, 0, sum/n, 0.1)
	assert.InEpsilon(t, math.Sqrt(50./60), math.Sqrt(squares/n), 0.05)
	again, err := NewLoad(arrivals.Constant{ArrivalRatePerSecond: 50}, 24*time.Hour, 15*time.Second, DefaultLens(), CountNoise{Dispersion: 1, Seed: 3})
	require.NoError(t, err)
	assert.Equal(t, load.total, again.total)
	_, err = NewLoad(arrivals.Constant{}, time.Hour, 15*time.Second, DefaultLens(), CountNoise{Dispersion: -1})
	assert.ErrorContains(t, err, "dispersion of counts -1")
}

func TestFluidRefuses(t *testing.T) {
	_, err := NewFluid(Environment{}, arrivals.Constant{}, FluidOptions{MaxWaiting: -1})
	for _, text := range []string{"duration 0s", "maximum of 0 replicas", "scrape interval 0s", "mean service time 0s", "queue of -1 per replica"} {
		assert.ErrorContains(t, err, text)
	}
	env := environment(time.Hour, 1)
	_, err = NewFluid(env, arrivals.Constant{ArrivalRatePerSecond: 1}, FluidOptions{Step: 7 * time.Second})
	assert.ErrorContains(t, err, "step 7s: must divide a minute")
	_, err = NewFluid(env, arrivals.Constant{ArrivalRatePerSecond: math.Inf(1)}, FluidOptions{})
	assert.ErrorContains(t, err, "must be in [0, 1e+18]")
	env.History = arrivals.Trace{Start: env.Start, Step: time.Minute, Rate: []float64{1}}
	_, err = NewFluid(env, arrivals.Constant{ArrivalRatePerSecond: 1}, FluidOptions{})
	assert.ErrorContains(t, err, "must end before the run begins")
	env.History = arrivals.Trace{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = fluidOf(t, env, arrivals.Constant{ArrivalRatePerSecond: 1}, FluidOptions{}).Run(ctx, fixed(1))
	assert.ErrorIs(t, err, context.Canceled)
}
