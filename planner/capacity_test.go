package planner

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// exposed is what a service of M/M/c replicas shows in a minute, with 2 % of noise. Above a limit behind it, in requests/s,
// no more is completed, all slots are busy with waiting for it, and latency is ten times what it was.
type exposed struct {
	mean  float64 // seconds of service
	limit float64 // requests/s; 0 for none
	rng   *rand.Rand
}

func (e exposed) at(t time.Time, version string, offered float64, replicas int) queueing.Observation {
	noise := func() float64 { return 1 + 0.02*e.rng.NormFloat64() }
	q := queueing.MMc{ArrivalRatePerSecond: offered, ServiceRatePerSecond: 1 / e.mean, Servers: replicas}
	o := queueing.Observation{
		At: t, Version: version, RatePerSecond: offered, Replicas: replicas, MeanLatencySeconds: q.MeanResponseSeconds() * noise(),
		Utilization: math.Min(q.Utilization()*noise(), 1), RetryShare: math.NaN(), Throttled: math.NaN(), Dispersion: math.NaN(),
	}
	most := float64(replicas) / e.mean
	if e.limit > 0 {
		most = math.Min(most, e.limit)
	}
	if !(offered < 0.98*most) {
		o.RatePerSecond, o.MeanLatencySeconds, o.Utilization = 0.98*most*noise(), 10*e.mean*noise(), 1
	}
	return o
}

func seeded() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// observations of n minutes at loads of 30 to 80 % on 5 to 20 replicas.
func (e exposed) observations(n int, version string, from time.Time) []queueing.Observation {
	var out []queueing.Observation
	for i := range n {
		replicas := 5 + i*7%16
		load := 0.3 + 0.5*float64(i*5%11)/10
		out = append(out, e.at(from.Add(time.Duration(i)*time.Minute), version, load*float64(replicas)/e.mean, replicas))
	}
	return out
}

var quick = queueing.Target{MaxUtilization: 0.8, Response: queueing.Quantile{Percentile: 0.99, Latency: time.Second}}

func configured(t testing.TB) NeedTable {
	t.Helper()
	need, err := NewNeedTable(100, queueing.Service{MeanTime: 100 * time.Millisecond}, quick)
	require.NoError(t, err)
	return need
}

func TestLearnCapacityFits(t *testing.T) {
	c := LearnCapacity(exposed{mean: 0.2, rng: seeded()}.observations(40, "v1", noon), nil, quick)
	require.Equal(t, queueing.VerdictFits, c.Verdict, c.Why)
	valid, known := c.ModelValid()
	assert.True(t, valid && known)
	assert.InEpsilon(t, 5, c.SaturatedRate, 0.03, "1/E[S]")
	need, err := c.NeedTable(configured(t))
	require.NoError(t, err)
	assert.Equal(t, "queueing model", need.Rule())
	assert.EqualValues(t, 100, need.MaxReplicas())
	n, _ := need.Replicas(50)
	want, err := queueing.LeastReplicas(50, c.Service, quick, 100)
	require.NoError(t, err)
	assert.EqualValues(t, want, n)
	assert.Greater(t, n, int32(12), "the service is twice as slow as configured")
}

// Where the model does not fit, need(rate) is the rate over what a replica carries at the utilization cap.
func TestLearnCapacityMeasures(t *testing.T) {
	seen := exposed{mean: 0.1, rng: seeded()}.observations(40, "v1", noon)
	for i := range seen {
		if i%2 == 1 { // every other minute the kernel throttles: latency is three times what the load explains
			seen[i].MeanLatencySeconds *= 3
		}
		seen[i].Throttled = 0.3
	}
	c := LearnCapacity(seen, nil, quick)
	require.NotEqual(t, queueing.VerdictFits, c.Verdict)
	require.NotEqual(t, queueing.VerdictInsufficient, c.Verdict)
	need, err := c.NeedTable(configured(t))
	require.NoError(t, err)
	assert.Equal(t, "measured capacity", need.Rule())
	for _, rate := range []float64{0, 1, 50, 400} {
		n, within := need.Replicas(rate)
		assert.True(t, within)
		assert.EqualValues(t, max(1, math.Ceil(rate/(c.SaturatedRate*0.8))), n)
	}
	assert.InEpsilon(t, 10, c.SaturatedRate, 0.03)
	assert.InEpsilon(t, 8*c.SaturatedRate/10, need.MaxRate(1), 1e-12)
	assert.InEpsilon(t, 50/(7*c.SaturatedRate), need.Utilization(50, 7), 1e-12)
	_, ok := need.ResponseQuantile(50, 7, 0.99)
	assert.False(t, ok, "a measured capacity tells no latency")
	n, within := need.Replicas(1e6)
	assert.False(t, within)
	assert.Greater(t, n, int32(100))

	seen = exposed{mean: 0.1, rng: seeded()}.observations(60, "v1", noon)
	for i := range seen { // without utilization: what was seen to be fast enough, where higher loads are slow for no known reason
		seen[i].Utilization = math.NaN()
		if o := &seen[i]; o.RatePerSecond/float64(o.Replicas) > 7 {
			o.MeanLatencySeconds *= 4
		}
	}
	c = LearnCapacity(seen, nil, queueing.Target{MaxMeanResponse: 250 * time.Millisecond})
	assert.Zero(t, c.SaturatedRate)
	assert.Positive(t, c.SustainedRate)
	assert.LessOrEqual(t, c.SustainedRate, 8.1, "loads were up to 80 %")
	assert.True(t, c.SustainedMost)
	assert.Equal(t, c.SustainedRate, c.ReplicaRate(0.8))
}

func TestLearnCapacityFindsTheDownstreamLimit(t *testing.T) {
	e := exposed{mean: 0.1, limit: 80, rng: seeded()}
	var seen []queueing.Observation
	for i := range 60 {
		replicas := 4 + i%20
		seen = append(seen, e.at(noon.Add(time.Duration(i)*time.Minute), "v1", 8*float64(replicas), replicas))
	}
	c := LearnCapacity(seen, nil, quick)
	require.Equal(t, queueing.VerdictDownstream, c.Verdict, c.Why)
	assert.InEpsilon(t, 80, c.LimitRate, 0.05)
	assert.InDelta(t, 10, c.LimitReplicas, 1)
	assert.InEpsilon(t, 10, c.SaturatedRate, 0.05, "slots that wait for others are not what a replica can do")

	// The limit goes: the same replicas complete more.
	for i := range 6 {
		seen = append(seen, exposed{mean: 0.1, rng: seeded()}.at(noon.Add(time.Duration(60+i)*time.Minute), "v1", 190, 23))
	}
	assert.Zero(t, LearnCapacity(seen, nil, quick).LimitReplicas)
}

// A new version starts anew, and until it is learned the larger need of both counts.
func TestLearnCapacityOfANewVersion(t *testing.T) {
	old := exposed{mean: 0.1, rng: seeded()}.observations(40, "v1", noon)
	for _, c := range []struct {
		name string
		mean float64 // of the new version
		want func(before, after int32) int32
	}{
		{"slower", 0.3, func(_, after int32) int32 { return after }},
		{"faster", 0.05, func(before, _ int32) int32 { return before }},
	} {
		t.Run(c.name, func(t *testing.T) {
			young := exposed{mean: c.mean, rng: seeded()}.observations(6, "v2", noon.Add(time.Hour))
			got := LearnCapacity(append(old[:len(old):len(old)], young...), nil, quick)
			require.Equal(t, queueing.VerdictInsufficient, got.Verdict)
			require.NotNil(t, got.Previous)
			assert.Equal(t, queueing.VerdictFits, got.Previous.Verdict)
			need, err := got.NeedTable(configured(t))
			require.NoError(t, err)
			before, err := got.Previous.NeedTable(configured(t))
			require.NoError(t, err)
			after, err := NewMeasuredNeedTable(100, got.SaturatedRate, 0.8)
			require.NoError(t, err)
			nBefore, _ := before.Replicas(100)
			nAfter, _ := after.Replicas(100)
			n, _ := need.Replicas(100)
			assert.Equal(t, c.want(nBefore, nAfter), n)
			assert.Equal(t, "larger of two versions", need.Rule())

			learned := LearnCapacity(append(old[:len(old):len(old)], exposed{mean: c.mean, rng: seeded()}.observations(40, "v2", noon.Add(time.Hour))...), nil, quick)
			assert.Equal(t, queueing.VerdictFits, learned.Verdict)
			assert.Nil(t, learned.Previous)
		})
	}
}

// The experimental model of continuous batching is judged as it is, and refused where its gate fails.
func TestLearnCapacityOfAGivenModel(t *testing.T) {
	model := func(slowdown float64) queueing.Model {
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			completions := make([]float64, 16)
			for n := range completions {
				completions[n] = float64(n+1) / (1 + slowdown*float64(n+1))
			}
			return continuous{queueing.StateDependent{ArrivalRatePerSecond: rate / float64(replicas), CompletionRatesPerSecond: completions, Capacity: 64}}
		})
	}
	served := model(0.02)
	var seen []queueing.Observation
	for i := range 20 {
		replicas, rate := 2+i%4, 4*float64(2+i%4)*(0.5+0.5*float64(i%3))
		seen = append(seen, queueing.Observation{
			At: noon.Add(time.Duration(i) * time.Minute), RatePerSecond: rate, Replicas: replicas, MeanLatencySeconds: served.At(rate, replicas).MeanResponseSeconds(),
			Utilization: math.NaN(), RetryShare: math.NaN(), Throttled: math.NaN(), Dispersion: math.NaN(),
		})
	}
	target := queueing.Target{MaxUtilization: 0.9, MaxMeanResponse: 3 * time.Second}
	table, err := NewNeedTableOf(20, served, target)
	require.NoError(t, err)
	n, _ := table.Replicas(30)
	want, err := queueing.LeastReplicasOf(30, served, target, 20)
	require.NoError(t, err)
	assert.EqualValues(t, want, n)
	assert.InDelta(t, served.At(30, int(n)).Utilization(), table.Utilization(30, n), 0)

	c := LearnCapacity(seen, served, target)
	assert.Equal(t, queueing.VerdictFits, c.Verdict)
	need, err := c.NeedTable(table)
	require.NoError(t, err)
	assert.Equal(t, "queueing model", need.Rule())
	again, _ := need.Replicas(30)
	assert.Equal(t, n, again)

	c = LearnCapacity(seen, model(0.002), target)
	assert.Equal(t, queueing.VerdictFits, c.Verdict, "within the tolerance")
	c = LearnCapacity(seen, model(0.2), target)
	assert.Equal(t, queueing.VerdictMismatch, c.Verdict)
	need, err = c.NeedTable(table)
	require.NoError(t, err)
	assert.Equal(t, "measured capacity", need.Rule())
	s := tenPerSecond(t, 50)
	s.Need = need
	in := rates(30, 30, 30, 30)
	in.Capacity = &c
	r, _ := explained(s, in, State{})
	assert.Contains(t, r.Reason, "the queueing model is not for this service (mismatch: ")
	assert.Equal(t, queueing.VerdictInsufficient, LearnCapacity(seen[:3], served, target).Verdict)
}

type continuous struct{ queueing.StateDependent }

func (s continuous) Utilization() float64 {
	return s.ArrivalRatePerSecond / s.CompletionRatesPerSecond[len(s.CompletionRatesPerSecond)-1]
}
func (continuous) ResponseQuantileSeconds(float64) float64 { return math.NaN() }

func TestDownstreamLimitStopsTheRise(t *testing.T) {
	s := tenPerSecond(t, 50)
	limit := &Capacity{Verdict: queueing.VerdictDownstream, Why: "latency is 3 times the predicted", LimitReplicas: 9, LimitRate: 85}
	for _, c := range []struct {
		name     string
		in       Inputs
		state    State
		capacity *Capacity
		calendar int32
		replicas int32
		binding  Term
	}{
		{"need below the limit", rates(50, 50, 50, 50), State{}, limit, 0, 7, TermForecast},
		{"need above it", rates(100, 200, 200, 50), State{Replicas: 7}, limit, 0, 9, TermDownstream},
		{"what runs stays", rates(100, 200, 200, 50), State{Replicas: 12}, limit, 0, 12, TermDownstream},
		{"after the peak it is given back", rates(50, 50, 50, 50), State{Replicas: 12}, limit, 0, 7, TermForecast},
		{"a calendar floor is a person's word", rates(100, 200, 200, 50), State{Replicas: 7}, limit, 15, 15, TermDownstream},
		{"another verdict limits nothing", rates(100, 200, 200, 50), State{}, &Capacity{Verdict: queueing.VerdictRetries, LimitReplicas: 9}, 0, 25, TermForecast},
		{"a limit that has gone", rates(100, 200, 200, 50), State{}, &Capacity{Verdict: queueing.VerdictDownstream}, 0, 25, TermForecast},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s
			if c.calendar > 0 {
				s.Calendar = []Event{{Name: "sale", From: noon.Add(-time.Hour), To: noon.Add(time.Hour), Replicas: c.calendar}}
			}
			c.in.Capacity = c.capacity
			r, _ := explained(s, c.in, c.state)
			assert.Equal(t, c.replicas, r.Replicas, r.Reason)
			assert.Equal(t, c.binding, r.Binding, r.Reason)
		})
	}
	in := rates(100, 200, 200, 50)
	in.Capacity = limit
	r, _ := explained(s, in, State{Replicas: 7})
	assert.Equal(t, "the load needs about 25 replicas, but a part behind the replicas is the limit: 9 of them reached 85 req/s and more brought no more throughput, so 9 are not exceeded; "+
		"the 95 % quantile of the highest rate from 12:01:30 to 12:01:45, 200 req/s (naive); the rate now, 100 req/s, alone would need 13; "+
		"the queueing model is not for this service (downstream limit: latency is 3 times the predicted), needs are by queueing model", r.Reason)
	out, err := json.Marshal(r)
	require.NoError(t, err)
	for _, part := range []string{`"capacity_model_valid":false`, `"verdict":"downstream_limit"`, `"limit_replicas":9`, `"binding":"downstream"`} {
		assert.Contains(t, string(out), part)
	}
}

func TestNewMeasuredNeedTableRefuses(t *testing.T) {
	for want, err := range map[string]error{
		"need table of 0 replicas":            second(NewMeasuredNeedTable(0, 10, 0.8)),
		"measured capacity of 0 requests/s":   second(NewMeasuredNeedTable(5, 0, 0.8)),
		"measured capacity of NaN requests/s": second(NewMeasuredNeedTable(5, math.NaN(), 0.8)),
		"maximum utilization 1.2":             second(NewMeasuredNeedTable(5, 10, 1.2)),
	} {
		require.ErrorContains(t, err, want)
	}
	need, err := NewMeasuredNeedTable(5, 10, 0.8)
	require.NoError(t, err)
	n, ok := need.Replicas(math.NaN())
	assert.Zero(t, n)
	assert.False(t, ok)
	n, _ = need.Replicas(-1)
	assert.EqualValues(t, 1, n)
	n, _ = need.Replicas(24)
	assert.EqualValues(t, 3, n, "a whole multiple needs no more")
}

func second(_ NeedTable, err error) error { return err }

// The larger of two tables is what its name says, for any rate.
func TestLargerNeedTable(t *testing.T) {
	model := configured(t)
	measured, err := NewMeasuredNeedTable(60, 9, 0.7)
	require.NoError(t, err)
	both := model.Larger(measured)
	assert.EqualValues(t, 60, both.MaxReplicas())
	three := both.Larger(model)
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(0, 900).Draw(t, "rate")
		a, inA := model.Replicas(rate)
		b, inB := measured.Replicas(rate)
		n, within := both.Replicas(rate)
		assert.Equal(t, max(a, b), n)
		assert.Equal(t, inA && inB, within)
		again, _ := three.Replicas(rate)
		assert.Equal(t, n, again)
		assert.InDelta(t, math.Max(model.Utilization(rate, n), measured.Utilization(rate, n)), both.Utilization(rate, n), 0)
		if within {
			assert.GreaterOrEqual(t, both.MaxRate(n), rate*(1-1e-12))
		}
	})
}

// TestGoldenCapacity plays two stories with the capacity learned every five minutes from what the service exposes: a
// database behind it that carries 120 requests/s at two peaks of 200, and a rollout of a version that is twice as slow.
func TestGoldenCapacity(t *testing.T) {
	for _, story := range []struct {
		name    string
		rate    func(minute int) float64
		service func(minute int) (exposed, string)
		minutes int
	}{
		{"downstream", func(m int) float64 {
			return 40 + 160*math.Exp(-math.Pow(float64(m-60)/20, 2)) + 160*math.Exp(-math.Pow(float64(m-190)/20, 2))
		}, func(int) (exposed, string) { return exposed{mean: 0.1, limit: 120}, "v1" }, 250},
		{"rollout", func(int) float64 { return 80 }, func(m int) (exposed, string) {
			if m >= 60 {
				return exposed{mean: 0.2}, "v2"
			}
			return exposed{mean: 0.1}, "v1"
		}, 120},
	} {
		t.Run(story.name, func(t *testing.T) {
			s := tenPerSecond(t, 60)
			s.EnvelopeWindow = 0
			table := s.Need
			var (
				b    bytes.Buffer
				st   State
				seen []queueing.Observation
				c    *Capacity
			)
			rng := seeded()
			fmt.Fprintln(&b, "minute  offered  served  replicas  binding     verdict            rule")
			for m := range story.minutes {
				offered := story.rate(m)
				in := rates(offered, offered*1.1, offered*1.1, math.NaN())
				in.Now, in.DataTime = noon.Add(time.Duration(m)*time.Minute), noon.Add(time.Duration(m)*time.Minute)
				in.Capacity = c
				var r Recommendation
				r, st = Decide(s, in, st)
				service, version := story.service(m)
				service.rng = rng
				o := service.at(in.Now, version, offered, int(r.Replicas))
				seen = append(seen, o)
				if m%5 == 4 {
					learned := LearnCapacity(seen, nil, queueing.Target{MaxUtilization: 0.8})
					need, err := learned.NeedTable(table)
					require.NoError(t, err)
					c, s.Need = &learned, need
				}
				if m%5 == 0 {
					verdict := "-"
					if c != nil {
						verdict = string(c.Verdict)
					}
					fmt.Fprintf(&b, "%6d  %7.0f  %6.0f  %8d  %-10s  %-17s  %s\n", m, offered, o.RatePerSecond, r.Replicas, r.Binding, verdict, s.Need.Rule())
				}
			}
			golden(t, "capacity-"+story.name+".golden", []byte(strings.ReplaceAll(b.String(), "  \n", "\n")))
		})
	}
}

// BenchmarkLearnCapacity is what a caller pays every few minutes, on a day of one-minute observations.
func BenchmarkLearnCapacity(b *testing.B) {
	seen := exposed{mean: 0.1, rng: seeded()}.observations(1440, "v1", noon)
	b.ReportAllocs()
	for b.Loop() {
		LearnCapacity(seen, nil, quick)
	}
}

// BenchmarkDecideWithCapacity is BenchmarkDecide with a measured capacity and a limit.
func BenchmarkDecideWithCapacity(b *testing.B) {
	s := tenPerSecond(b, 200)
	need, err := NewMeasuredNeedTable(200, 9, 0.8)
	require.NoError(b, err)
	s.Need = s.Need.Larger(need)
	in, st := rates(500, 700, 720, 600), State{Replicas: 60}
	in.Capacity = &Capacity{Verdict: queueing.VerdictDownstream, LimitReplicas: 70, LimitRate: 600}
	b.ReportAllocs()
	for b.Loop() {
		_, st = Decide(s, in, st)
	}
}
