package queueing_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// Computed for this project with 50 decimal digits by the plain recurrence I(k) = 1 + (k/a) I(k-1) from I(0) = 1 and
// printed to 17 digits. Rows reach from the deep tail over ρ -> 1 to overload, and from 1 to 100,000 servers.
var erlangTable = []struct {
	servers        int
	load           float64
	blocking, wait float64
}{
	{1, 0.5, 0.33333333333333333, 0.5},
	{2, 1, 0.2, 0.33333333333333333},
	{5, 4, 0.19906687402799378, 0.55411255411255411},
	{10, 12.5, 0.32195142211777477, 1},
	{100, 80, 0.0039920286045531975, 0.019646426634359511},
	{100, 99.99, 0.075643152658657347, 0.99877949472954481},
	{140, 1.25, 7.8600214286673718e-229, 7.93083243252924e-229},
	{500, 150.25, 1.1697307215995094e-111, 1.6722383439592701e-111},
	{1000, 0.5, 0, 0}, // 1.4e-2869: below float64
	{1000, 300, 1.6914763368978181e-221, 2.416394766996883e-221},
	{1000, 900, 5.9298626701462239e-5, 0.00059266996637878122},
	{1000, 1000, 0.024811917646160408, 1},
	{1000, 5000, 0.80004996878315329, 1},
	{20000, 19900, 0.0028804217540221174, 0.36618542591115486},
	{100000, 89000, 2.1921745472052745e-287, 1.992885952004795e-286},
	{100000, 99000, 8.2257755985042223e-6, 0.0008219082374107954},
	{100000, 99999.5, 0.0025157218586192017, 0.99802142141886061},
	{100000, 110000, 0.090999801051759342, 1},
}

func TestErlangTable(t *testing.T) {
	for _, c := range erlangTable {
		assertClose(t, c.blocking, queueing.BlockingProbability(c.load, c.servers), referenceTolerance, "blocking", c)
		assertClose(t, c.wait, queueing.WaitProbability(c.load, c.servers), referenceTolerance, "wait", c)
	}
}

func TestErlangSpecialValues(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	for _, c := range []struct {
		load           float64
		servers        int
		blocking, wait float64
	}{
		{0, 0, 1, nan},
		{2, 0, 1, nan},
		{0, 1, 0, 0},
		{0, 7, 0, 0},
		{inf, 3, 1, 1},
		{-1, 3, nan, nan},
		{nan, 3, nan, nan},
		{1, -1, nan, nan},
		{1, queueing.MaxServers + 1, nan, nan},
		{5, 5, 3125.0 / 10970, 1}, // a = c: 5^5 over the sum of 5^k 5!/k!
		{1e-320, 1, 1e-320, 1e-320},
		{1e-320, 2, 0, 0},
		{1e-160, 2, 5e-321, 5e-321},         // a²/2, subnormal
		{1e-107, 3, 1e-321 / 6, 1e-321 / 6}, // a³/6,
	} {
		same := func(want, got float64, name string) {
			if math.IsNaN(want) {
				assert.True(t, math.IsNaN(got), "%s of %v: got %v, want NaN", name, c, got)
				return
			}
			assertClose(t, want, got, 1e-14, name, c)
		}
		same(c.blocking, queueing.BlockingProbability(c.load, c.servers), "blocking")
		same(c.wait, queueing.WaitProbability(c.load, c.servers), "wait")
	}
	// B(c, c) ~ √(2/(πc)) as c grows.
	assert.InEpsilon(t, math.Sqrt(2/(math.Pi*queueing.MaxServers)),
		queueing.BlockingProbability(queueing.MaxServers, queueing.MaxServers), 1e-4)
}

// naiveBlocking is the textbook sum, each term from the one before.
func naiveBlocking(load float64, servers int) float64 {
	term, sum := 1.0, 1.0
	for k := 1; k <= servers; k++ {
		term *= load / float64(k)
		sum += term
	}
	return term / sum
}

// plainBlocking is the recurrence from zero servers, without the late start and the rescaling.
func plainBlocking(load float64, servers int) float64 {
	inverse := 1.0
	for k := 1; k <= servers; k++ {
		inverse = 1 + float64(k)/load*inverse
	}
	return 1 / inverse
}

func TestBlockingMatchesNaiveSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 60).Draw(t, "servers")
		load := rapid.Float64Range(0.01, 120).Draw(t, "load")
		assertClose(t, naiveBlocking(load, servers), queueing.BlockingProbability(load, servers), 1e-13, load, servers)
	})
}

// TestBlockingMatchesPlainRecurrence shows that the late start costs no digits: the bound allows for the rounding of
// the plain recurrence itself.
func TestBlockingMatchesPlainRecurrence(t *testing.T) {
	for _, servers := range []int{100, 1000, 10_000, 100_000} {
		for _, utilization := range []float64{0.85, 0.9, 0.95, 0.99, 0.999, 1, 1.01, 1.1, 2} {
			load := utilization * float64(servers)
			plain := plainBlocking(load, servers)
			if plain > 0x1p-400 {
				assertClose(t, plain, queueing.BlockingProbability(load, servers), 2e-13, servers, utilization)
			}
		}
	}
}

func TestWaitProbabilityProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		servers := rapid.IntRange(1, 3000).Draw(t, "servers")
		utilization := rapid.Float64Range(0.001, 0.9999).Draw(t, "utilization")
		load := utilization * float64(servers)
		wait := queueing.WaitProbability(load, servers)
		const slack = 1 + 1e-12
		assert.True(t, wait >= 0 && wait <= 1)
		assert.LessOrEqual(t, wait, queueing.WaitProbability(load*1.0001, servers)*slack, "rises with load")
		assert.GreaterOrEqual(t, wait*slack, queueing.WaitProbability(load, servers+1), "falls with servers")
		assert.GreaterOrEqual(t, wait*slack, queueing.BlockingProbability(load, servers), "C >= B")
		assert.InDelta(t, utilization, queueing.WaitProbability(utilization, 1), 0, "C = ρ at c = 1")
	})
}

func ExampleWaitProbability() {
	// 4 erlangs offered to 5 servers.
	fmt.Printf("Erlang B %.4f, Erlang C %.4f\n", queueing.BlockingProbability(4, 5), queueing.WaitProbability(4, 5))
	// Output: Erlang B 0.1991, Erlang C 0.5541
}

func BenchmarkWaitProbability(b *testing.B) {
	for _, servers := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("servers=%d", servers), func(b *testing.B) {
			for b.Loop() {
				queueing.WaitProbability(0.97*float64(servers), servers)
			}
		})
	}
}
