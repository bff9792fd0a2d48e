package queueing_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// Computed for this project with 50 decimal digits, μ = 1: Erlang C by the plain recurrence, the wait by its closed
// form, the response time by bisection of P(T > t) = e^-t [1 + C(1-e^-δt)/δ], δ = c-1-a. The second to fifth rows
// have δ = 0 or nearly so; the sixth and the last but two have δ < 0.
var mmcTable = []struct {
	servers                       int
	load                          float64
	wait, mean                    float64
	wait50, wait99, wait999       float64
	response50, response99, re999 float64
}{
	{1, 0.9375, 0.9375, 15.0, 10.057738550757986, 72.650106637608309, 109.49146812551304, 11.090354888959125, 73.682722975809448, 110.52408446371418},
	{2, 1, 0.33333333333333333, 0.33333333333333333, 0.0, 3.5065578973199808, 5.8091429903140265, 0.97441160518992912, 5.6659606837929962, 8.2275100076444863},
	{2, 1.000000001, 0.33333333388888894, 0.3333333342222223, 0.0, 3.5065579024932058, 5.8091429977898368, 0.97441160589553372, 5.6659606871187144, 8.227510012294541},
	{2, 0.999999999, 0.33333333277777779, 0.33333333244444447, 0.0, 3.5065578921467564, 5.809142982838217, 0.9744116044843246, 5.6659606804672784, 8.2275100029944321},
	{5, 4, 0.55411255411255411, 0.55411255411255411, 0.10275973395776893, 4.0147827393859141, 6.3173678323799598, 1.2043949235801967, 6.0796625245082633, 8.6659419774673089},
	{5, 4.9375, 0.96882444651270976, 15.501191144203356, 10.58360523689324, 73.175973323743562, 110.01733481164829, 11.616211932248306, 74.208589661944701, 111.04995114984943},
	{10, 9.5, 0.82558557812569864, 1.6511711562513973, 1.0029696555940647, 8.8270156664503551, 13.432185852438446, 2.0907717072403028, 10.208515979533792, 14.818002358034837},
	{50, 49, 0.83826319014389164, 0.83826319014389164, 0.5167240221345453, 4.4287470275626905, 6.7313321205567362, 1.5116902541828921, 6.4644138627787222, 9.0587776572128983},
	{1000, 998, 0.92355430571995538, 0.46177715285997769, 0.30681075186643697, 2.2628222545805096, 3.4141148010775324, 1.1893015980422719, 5.2568394125202517, 7.5616802559055822},
	{20000, 19900, 0.36618542591115486, 0.0036618542591115486, 0.0, 0.036005547402871506, 0.059031398332811963, 0.69683919934914606, 4.6088622047772912, 6.9114472977713369},
	{100000, 99990, 0.96096542829972441, 0.096096542829972441, 0.065333033518686868, 0.45653533406150139, 0.68679384336090595, 0.79452093162959435, 4.7066196061030967, 7.0092046990971424},
}

func TestMMcTable(t *testing.T) {
	for _, c := range mmcTable {
		for _, mu := range []float64{1, 0.25, 1024} { // powers of two, so that scaling time is exact
			q := queueing.MMc{ArrivalRatePerSecond: c.load * mu, ServiceRatePerSecond: mu, Servers: c.servers}
			for _, v := range []struct{ want, got float64 }{
				{c.wait, q.WaitProbability()},
				{c.mean / mu, q.MeanWaitSeconds()},
				{(c.mean + 1) / mu, q.MeanResponseSeconds()},
				{c.load, q.OfferedLoad()},
				{c.wait50 / mu, q.WaitQuantileSeconds(0.5)},
				{c.wait99 / mu, q.WaitQuantileSeconds(0.99)},
				{c.wait999 / mu, q.WaitQuantileSeconds(0.999)},
				{c.response50 / mu, q.ResponseQuantileSeconds(0.5)},
				{c.response99 / mu, q.ResponseQuantileSeconds(0.99)},
				{c.re999 / mu, q.ResponseQuantileSeconds(0.999)},
			} {
				assertClose(t, v.want, v.got, referenceTolerance, q)
			}
		}
	}
}

func TestMMcSpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	all := func(q queueing.MMc) []float64 {
		return []float64{
			q.WaitProbability(), q.MeanWaitSeconds(), q.MeanResponseSeconds(), q.MeanQueueLength(), q.MeanInSystem(),
			q.WaitTail(1), q.ResponseTail(1), q.WaitQuantileSeconds(0.9), q.ResponseQuantileSeconds(0.9),
		}
	}
	for _, q := range []queueing.MMc{
		{},
		{ArrivalRatePerSecond: -1, ServiceRatePerSecond: 1, Servers: 2},
		{ArrivalRatePerSecond: nan, ServiceRatePerSecond: 1, Servers: 2},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 0, Servers: 2},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: nan, Servers: 2},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: inf, Servers: 2},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 1, Servers: 0},
		{ArrivalRatePerSecond: 1, ServiceRatePerSecond: 1, Servers: queueing.MaxServers + 1},
	} {
		assert.False(t, q.Stable())
		for i, v := range append(all(q), q.OfferedLoad(), q.Utilization()) {
			assert.True(t, math.IsNaN(v), "%+v: result %d is %v, want NaN", q, i, v)
		}
	}
	for _, rate := range []float64{2, 3, inf} {
		q := queueing.MMc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: 2}
		assert.False(t, q.Stable())
		assert.Equal(t, []float64{1, inf, inf, inf, inf, 1, 1, inf, inf}, all(q), "%+v", q)
		assert.InDelta(t, 1, q.WaitTail(inf), 0)
	}
	idle := queueing.MMc{ServiceRatePerSecond: 2, Servers: 3}
	assert.InDeltaSlice(t, []float64{0, 0, 0.5, 0, 0, 0, math.Exp(-2), 0, math.Log(10) / 2}, all(idle), 1e-15)

	q := queueing.MMc{ArrivalRatePerSecond: 1.5, ServiceRatePerSecond: 1, Servers: 2}
	for _, c := range []struct {
		name      string
		want, got float64
	}{
		{"wait tail before 0", 1, q.WaitTail(-1)},
		{"wait tail at 0", q.WaitProbability(), q.WaitTail(0)},
		{"wait tail at infinity", 0, q.WaitTail(inf)},
		{"response tail at 0", 1, q.ResponseTail(0)},
		{"response tail before 0", 1, q.ResponseTail(-1)},
		{"response tail at infinity", 0, q.ResponseTail(inf)},
		{"wait quantile at 0", 0, q.WaitQuantileSeconds(0)},
		{"wait quantile at 1", inf, q.WaitQuantileSeconds(1)},
		{"wait quantile at 1 of an idle queue", 0, idle.WaitQuantileSeconds(1)},
		{"response quantile at 0", 0, q.ResponseQuantileSeconds(0)},
		{"response quantile at 1", inf, q.ResponseQuantileSeconds(1)},
	} {
		assert.Equal(t, c.want, c.got, c.name)
	}
	for _, p := range []float64{-0.1, 1.1, nan} {
		assert.True(t, math.IsNaN(q.WaitQuantileSeconds(p)))
		assert.True(t, math.IsNaN(q.ResponseQuantileSeconds(p)))
	}
	assert.True(t, math.IsNaN(q.WaitTail(nan)))
	assert.True(t, math.IsNaN(q.ResponseTail(nan)))
}

// drawQueue draws a stable queue, near saturation or at the degenerate load c-1 more often than chance would.
func drawQueue(t *rapid.T) queueing.MMc {
	servers := rapid.IntRange(1, 2000).Draw(t, "servers")
	c := float64(servers)
	mu := rapid.Float64Range(1e-3, 1e4).Draw(t, "service rate")
	load := c * rapid.Float64Range(0.001, 0.99).Draw(t, "utilization")
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 0:
		load = c * (1 - rapid.Float64Range(1e-6, 1e-2).Draw(t, "spare"))
	case 1:
		load = math.Max(c-1+rapid.Float64Range(-1e-9, 1e-9).Draw(t, "distance"), 0.1*c)
	}
	return queueing.MMc{ArrivalRatePerSecond: load * mu, ServiceRatePerSecond: mu, Servers: servers}
}

func TestMMcProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawQueue(t)
		assertClose(t, q.ArrivalRatePerSecond*q.MeanResponseSeconds(), q.MeanInSystem(), 1e-12, "L = λT")
		assertClose(t, q.ArrivalRatePerSecond*q.MeanWaitSeconds(), q.MeanQueueLength(), 1e-12, "Lq = λW")

		p := rapid.Float64Range(0.01, 0.9999).Draw(t, "p")
		if wait := q.WaitQuantileSeconds(p); wait > 0 {
			assertClose(t, 1-p, q.WaitTail(wait), 1e-11, "wait tail at its quantile")
		} else {
			assert.LessOrEqual(t, q.WaitProbability(), (1-p)*(1+1e-12))
		}
		response := q.ResponseQuantileSeconds(p)
		assertClose(t, 1-p, q.ResponseTail(response), 1e-11, "response tail at its quantile")
		assert.GreaterOrEqual(t, response*(1+1e-12), q.WaitQuantileSeconds(p), "T >= W")
		assert.GreaterOrEqual(t, response*q.ServiceRatePerSecond*(1+1e-12), -math.Log1p(-p), "T >= S")

		later := response * rapid.Float64Range(1, 50).Draw(t, "later")
		assert.LessOrEqual(t, q.ResponseTail(later), q.ResponseTail(response)*(1+1e-12), "the tail falls")
	})
}

// TestResponseTailIsConvolution integrates P(T > t) = P(W > t) + ∫ P(S > t-w) dP(W <= w) numerically, which knows
// nothing of the closed form.
func TestResponseTailIsConvolution(t *testing.T) {
	for _, q := range []queueing.MMc{
		{ArrivalRatePerSecond: 3.2, ServiceRatePerSecond: 1, Servers: 4}, // a > c-1
		{ArrivalRatePerSecond: 3, ServiceRatePerSecond: 1, Servers: 4},   // a = c-1
		{ArrivalRatePerSecond: 2.1, ServiceRatePerSecond: 1, Servers: 4}, // a < c-1
	} {
		for _, x := range []float64{0.1, 1, 5} {
			const steps = 2000 // Simpson's rule: an error below 1e-12 here
			h := x / steps
			integrand := func(w float64) float64 {
				spare := float64(q.Servers) - q.OfferedLoad()
				return math.Exp(-(x - w)) * spare * q.WaitTail(w)
			}
			sum := integrand(0) + integrand(x)
			for i := 1; i < steps; i++ {
				sum += float64(2+2*(i%2)) * integrand(float64(i)*h)
			}
			want := q.WaitTail(x) + (1-q.WaitProbability())*math.Exp(-x) + sum*h/3
			assertClose(t, want, q.ResponseTail(x), 1e-11, q, x)
		}
	}
}

func ExampleMMc() {
	q := queueing.MMc{ArrivalRatePerSecond: 50, ServiceRatePerSecond: 10, Servers: 7}
	fmt.Printf("utilization %.3f\n", q.Utilization())
	fmt.Printf("an arrival waits with probability %.3f, %.1f ms on average\n", q.WaitProbability(), 1000*q.MeanWaitSeconds())
	fmt.Printf("p99 response %.0f ms\n", 1000*q.ResponseQuantileSeconds(0.99))
	// Output:
	// utilization 0.714
	// an arrival waits with probability 0.324, 16.2 ms on average
	// p99 response 488 ms
}

func ExampleMMc_singleServer() {
	q := queueing.MMc{ArrivalRatePerSecond: 8, ServiceRatePerSecond: 10, Servers: 1}
	fmt.Printf("mean response %.2f s, median %.4f s\n", q.MeanResponseSeconds(), q.ResponseQuantileSeconds(0.5))
	// Output: mean response 0.50 s, median 0.3466 s
}

func BenchmarkResponseQuantile(b *testing.B) {
	for _, servers := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			q := queueing.MMc{ArrivalRatePerSecond: 0.97 * float64(servers), ServiceRatePerSecond: 1, Servers: servers}
			for b.Loop() {
				q.ResponseQuantileSeconds(0.99)
			}
		})
	}
}
