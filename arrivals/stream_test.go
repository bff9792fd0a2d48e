package arrivals

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patterns are schedules of every kind with their lengths.
func patterns(t testing.TB) map[string]Schedule {
	t.Helper()
	trace := Trace{Start: monday, Step: time.Minute, Rate: []float64{20, 35, math.NaN(), 0, 0, 80, 10, 10}}
	replay, err := Replay(trace)
	require.NoError(t, err)
	diurnal := Diurnal{Amplitude: 90, Period: 7 * time.Minute, Peak: 3 * time.Minute}
	flash := FlashCrowd{At: 100 * time.Second, Peak: 200, Rise: 10 * time.Second, Decay: 40 * time.Second}
	trapezoid := Ramp{At: 50 * time.Second, ArrivalRatePerSecond: 60, Rise: 30 * time.Second, Hold: 90 * time.Second, Fall: 80 * time.Second}
	return map[string]Schedule{
		"constant":   Constant{ArrivalRatePerSecond: 50},
		"replay":     replay,
		"diurnal":    diurnal,
		"flash":      Sum{Constant{ArrivalRatePerSecond: 5}, flash},
		"flash only": flash,
		"trapezoid":  trapezoid,
		"step":       Ramp{At: 2 * time.Minute, ArrivalRatePerSecond: 70, Forever: true},
		"sum":        Sum{Constant{ArrivalRatePerSecond: 10}, diurnal, Scaled{Schedule: flash, Factor: 0.5}, trapezoid},
		"compressed": Compressed{Schedule: Sum{diurnal, trapezoid}, Speed: 2.5},
		"repeated":   Repeated{Schedule: trapezoid, Every: 100 * time.Second},
		"unknown":    struct{ Schedule }{Sum{diurnal, Constant{ArrivalRatePerSecond: 3}}},
	}
}

var monday = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

const length = 8 * time.Minute

// Cumulative must be the integral of Rate: Simpson's rule between the milliseconds.
func TestCumulativeIntegratesRate(t *testing.T) {
	for name, s := range patterns(t) {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, s.Cumulative(0))
			assert.Zero(t, s.Cumulative(-time.Hour))
			const step = 20 * time.Millisecond
			sum := 0.0
			for at := time.Duration(0); at < length; at += step {
				// Just inside both ends, where a jump cannot be seen.
				sum += step.Seconds() / 6 * (s.Rate(at) + 4*s.Rate(at+step/2) + s.Rate(at+step-1))
				require.InDelta(t, sum, s.Cumulative(at+step), 1e-3+1e-6*sum, "at %v", at+step)
			}
		})
	}
}

// The time-rescaling theorem: Λ(t(k+1)) - Λ(t(k)) of a non-homogeneous Poisson process are independent exponentials of
// mean 1. Kolmogorov and Smirnov's statistic over 20 seeds; the expected number of p < 0.01 is 0.2.
func TestPoissonStreamPassesTimeRescaling(t *testing.T) {
	for name, s := range patterns(t) {
		t.Run(name, func(t *testing.T) {
			rejected := 0
			for seed := range uint64(20) {
				times := collect(NewStream(s, Poisson, length, rand.New(rand.NewPCG(seed, 1))))
				gaps := make([]float64, 0, len(times))
				before := 0.0
				for _, at := range times {
					now := s.Cumulative(time.Duration(at * 1e9))
					gaps = append(gaps, now-before)
					before = now
				}
				if kolmogorov(gaps) < 0.01 {
					rejected++
				}
			}
			assert.LessOrEqual(t, rejected, 2)
		})
	}
}

func TestStreamIsAscendingAndEnds(t *testing.T) {
	for name, s := range patterns(t) {
		for _, p := range []Process{Poisson, Regular, GammaProcess(4), GammaProcess(0.25), MMPP(0.1, 8, 5*time.Second), Overdispersed(0.5, 10*time.Second)} {
			require.NoError(t, p.Validate())
			times := collect(NewStream(s, p, length, rand.New(rand.NewPCG(7, 7))))
			assert.True(t, slices.IsSorted(times), "%s %+v", name, p)
			require.NotEmpty(t, times, "%s %+v", name, p)
			assert.GreaterOrEqual(t, times[0], 0.0)
			assert.LessOrEqual(t, times[len(times)-1], length.Seconds())
		}
	}
}

func TestRegularStreamIsTheScheduleItself(t *testing.T) {
	times := collect(NewStream(Constant{ArrivalRatePerSecond: 10}, Regular, time.Second, rand.New(rand.NewPCG(1, 1))))
	require.Len(t, times, 10)
	for i, at := range times {
		assert.InDelta(t, 0.05+0.1*float64(i), at, 1e-12)
	}
	ramp := Ramp{ArrivalRatePerSecond: 100, Rise: 2 * time.Second, Forever: true}
	times = collect(NewStream(ramp, Regular, 2*time.Second, rand.New(rand.NewPCG(1, 1))))
	require.Len(t, times, 100)
	for i, at := range times { // Λ(t) = 25 t²
		assert.InDelta(t, math.Sqrt((float64(i)+0.5)/25), at, 2e-9)
	}
}

// Every process has the schedule's mean, and the variance-to-mean ratio of counts that its formula gives.
func TestProcessMoments(t *testing.T) {
	const rate, window = 40.0, 10 * time.Second
	mean := rate * window.Seconds()
	// MMPP, Fischer and Meier-Hellstern (1993): with rates r1, r2, shares p1, p2 and relaxation rate σ = 1/E1 + 1/E2,
	// Var N(t) = mean + 2 p1 p2 (r1-r2)² (t/σ - (1 - exp(-σt))/σ²).
	low := rate / (1 + 0.2*3)
	sigma := 1/2.0 + 1/8.0
	mmpp := 2 * 0.2 * 0.8 * 9 * low * low * (window.Seconds()/sigma - (1-math.Exp(-sigma*window.Seconds()))/(sigma*sigma))
	for _, tt := range []struct {
		process  Process
		variance float64
	}{
		{Poisson, mean},
		{GammaProcess(4), 4 * mean},       // asymptotically scv × mean
		{GammaProcess(0.25), mean * 0.25}, // the same
		{Overdispersed(0.05, window), mean + 0.05*mean*mean},
		{MMPP(0.2, 4, 2*time.Second), mean + mmpp},
	} {
		const windows = 1500
		counts := make([]float64, windows)
		s := NewStream(Constant{ArrivalRatePerSecond: rate}, tt.process, windows*window, rand.New(rand.NewPCG(3, 9)))
		for _, at := range collect(s) {
			counts[min(int(at/window.Seconds()), windows-1)]++
		}
		m, v := 0.0, 0.0
		for _, c := range counts {
			m += c / windows
		}
		for _, c := range counts {
			v += (c - m) * (c - m) / (windows - 1)
		}
		standardError := math.Sqrt(tt.variance / windows)
		// Counts of neighboring windows of the MMPP depend on each other; five rather than four standard errors.
		assert.InDelta(t, mean, m, 5*standardError*1.5, "%+v", tt.process)
		assert.InEpsilon(t, tt.variance, v, 0.16, "%+v", tt.process)
	}
}

func TestProcessValidate(t *testing.T) {
	for _, tt := range []struct {
		process Process
		want    string
	}{
		{GammaProcess(-1), "scv of intervals -1: must be in [1e-6, 1000]"},
		{MMPP(0, 2, time.Second), "share of time at the high rate 0: must lie between 0 and 1"},
		{MMPP(0.1, 0.5, time.Second), "ratio of the high to the low rate 0.5: must be in [1, 1e6]"},
		{MMPP(0.1, 2, 0), "length of a period 0s: must be at least 1ms"},
		{Overdispersed(math.NaN(), time.Second), "relative variance NaN: must be in (0, 1000]"},
		{Process{Modulation: Modulation{Kind: 9, Every: time.Second}}, "modulation of kind 9: unknown"},
	} {
		assert.ErrorContains(t, tt.process.Validate(), tt.want)
	}
}

func TestFitDispersion(t *testing.T) {
	schedule := Sum{Constant{ArrivalRatePerSecond: 3}, Diurnal{Amplitude: 6, Period: 24 * time.Hour, Peak: 12 * time.Hour}}
	for _, v := range []float64{0, 0.01, 0.2} {
		process := Poisson
		if v > 0 {
			process = Overdispersed(v, time.Minute)
		}
		trace := Trace{Start: monday, Step: time.Minute, Rate: make([]float64, 3*24*60)}
		for _, at := range collect(NewStream(schedule, process, 72*time.Hour, rand.New(rand.NewPCG(5, 5)))) {
			trace.Rate[min(int(at/60), len(trace.Rate)-1)] += 1.0 / 60
		}
		trace.Rate[100], trace.Rate[2000] = math.NaN(), math.NaN()
		assert.InDelta(t, v, FitDispersion(trace), 0.1*v+5e-4)
	}
	assert.Zero(t, FitDispersion(Trace{}))
	assert.Zero(t, FitDispersion(Trace{Step: time.Minute, Rate: []float64{1, math.NaN(), 3}}))
}

func TestStreamDoesNotAllocate(t *testing.T) {
	for name, s := range patterns(t) {
		stream := NewStream(s, Poisson, time.Hour, rand.New(rand.NewPCG(1, 1)))
		buffer := make([]float64, 16)
		assert.Zero(t, testing.AllocsPerRun(100, func() { stream.Fill(buffer) }), name)
	}
}

func ExampleNewStream() {
	// A quiet service with a campaign after one second.
	load := Sum{Constant{ArrivalRatePerSecond: 2}, Ramp{At: time.Second, ArrivalRatePerSecond: 8, Hold: time.Second}}
	stream := NewStream(load, Regular, 3*time.Second, rand.New(rand.NewPCG(1, 1)))
	times := make([]float64, 100)
	times = times[:stream.Fill(times)]
	fmt.Println(len(times), "requests, the first three at", times[0], times[1], times[2])
	// Output: 14 requests, the first three at 0.25 0.75 1.05
}

func BenchmarkStreamFill(b *testing.B) {
	buffer := make([]float64, 1024)
	for name, s := range map[string]Schedule{
		"constant": Constant{ArrivalRatePerSecond: 1000},
		"diurnal":  Sum{Constant{ArrivalRatePerSecond: 1000}, Diurnal{Amplitude: 2000, Period: 24 * time.Hour}},
	} {
		b.Run(name, func(b *testing.B) {
			stream := NewStream(s, Poisson, endless, rand.New(rand.NewPCG(1, 1)))
			n := 0
			for b.Loop() {
				n += stream.Fill(buffer)
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(n), "ns/arrival")
		})
	}
	b.Run("gamma", func(b *testing.B) {
		stream := NewStream(Constant{ArrivalRatePerSecond: 1000}, GammaProcess(4), endless, rand.New(rand.NewPCG(1, 1)))
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n += stream.Fill(buffer)
		}
		b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(n), "ns/arrival")
	})
}

// collect reads a stream to its end.
func collect(s *Stream) []float64 {
	var times []float64
	buffer := make([]float64, 1000)
	for {
		n := s.Fill(buffer)
		if n == 0 {
			return times
		}
		times = append(times, buffer[:n]...)
	}
}

// kolmogorov returns the p-value of the hypothesis that x are exponential of mean 1, by the asymptotic
// distribution with Stephens's (1970) correction for finite samples.
func kolmogorov(x []float64) float64 {
	slices.Sort(x)
	n := float64(len(x))
	d := 0.0
	for i, v := range x {
		f := -math.Expm1(-v)
		d = max(d, f-float64(i)/n, float64(i+1)/n-f)
	}
	z := d * (math.Sqrt(n) + 0.12 + 0.11/math.Sqrt(n))
	p := 0.0
	for k := 1.0; k < 100; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*z*z)
	}
	return p
}

// The counts of a Poisson process, drawn bucket by bucket, have the mean and the variance of the arrivals.
func TestDrawPoissonCounts(t *testing.T) {
	schedule := Sum{Constant{ArrivalRatePerSecond: 2}, Diurnal{Amplitude: 6, Period: time.Hour, Peak: time.Minute}}
	const n = 20_000
	trace := Draw(schedule, Poisson, monday, time.Minute, n, rand.New(rand.NewPCG(8, 8)))
	chi, total := 0.0, 0.0
	for i, rate := range trace.Rate {
		mean := schedule.Cumulative(time.Duration(i+1)*time.Minute) - schedule.Cumulative(time.Duration(i)*time.Minute)
		chi += (rate*60 - mean) * (rate*60 - mean) / mean
		total += rate * 60
	}
	assert.InDelta(t, n, chi, 5*math.Sqrt(2*n))
	expected := schedule.Cumulative(n * time.Minute)
	assert.InDelta(t, expected, total, 5*math.Sqrt(expected))

	// The same moments as those of counted arrivals, also where arrivals are not drawn one by one.
	const buckets = 1200
	for _, tt := range []struct {
		process  Process
		variance float64 // of a count, over its mean
	}{
		{GammaProcess(4), 4},
		{Overdispersed(0.01, time.Minute), 1 + 0.01*600},
		{MMPP(0.2, 4, 2*time.Second), 0},
	} {
		trace := Draw(Constant{ArrivalRatePerSecond: 10}, tt.process, monday, time.Minute, buckets, rand.New(rand.NewPCG(4, 8)))
		m, v := moments(trace)
		stream := NewStream(Constant{ArrivalRatePerSecond: 10}, tt.process, buckets*time.Minute, rand.New(rand.NewPCG(5, 8)))
		wantMean, wantVariance := moments(count(stream, monday, time.Minute, buckets))
		if tt.variance > 0 {
			assert.InEpsilon(t, tt.variance, v/m, 0.15, "%+v", tt.process)
		}
		assert.InEpsilon(t, wantMean, m, 0.02, "%+v", tt.process)
		assert.InEpsilon(t, wantVariance, v, 0.2, "%+v", tt.process)
	}
	regular := Draw(Constant{ArrivalRatePerSecond: 3}, Regular, monday, time.Second, 5, rand.New(rand.NewPCG(1, 1)))
	assert.Equal(t, []float64{3, 3, 3, 3, 3}, regular.Rate)
}

// moments returns mean and variance of the counts of a trace.
func moments(t Trace) (mean, variance float64) {
	n := float64(t.Len())
	for _, r := range t.Rate {
		mean += r * t.Step.Seconds() / n
	}
	for _, r := range t.Rate {
		d := r*t.Step.Seconds() - mean
		variance += d * d / (n - 1)
	}
	return mean, variance
}
