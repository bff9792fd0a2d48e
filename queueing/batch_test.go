package queueing_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/integrate/quad"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

func TestReferenceBatchExponential(t *testing.T) {
	for _, r := range referenceRows(t, "batch_exponential.csv") {
		q := queueing.MMBatch{ArrivalRatePerSecond: r.float(t, "lambda"), BatchRatePerSecond: r.float(t, "mu"), MaxBatch: r.int(t, "max_batch")}
		const tolerance = 1e-9 // of the truncated chain; ours is a closed form
		assertClose(t, r.float(t, "mean_wait"), q.MeanWaitSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_latency"), q.MeanResponseSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_batch"), q.MeanBatchSize(), tolerance, r)
		assertClose(t, 1-r.float(t, "prob_idle"), q.Utilization(), tolerance, r)
	}
}

// TestReferenceBatchDeterministic allows 2e-9: the waits of the file are up to 1.5e-9 too long at loads of 0.9 and 0.95.
// TestBatchByWholeChain confirms ours to 1e-11 at such a row.
func TestReferenceBatchDeterministic(t *testing.T) {
	for i, r := range referenceRows(t, "batch_deterministic.csv") {
		if underRace && i%3 != 0 {
			continue
		}
		q := queueing.MDBatch{
			ArrivalRatePerSecond: r.float(t, "lambda"),
			PerItemSeconds:       r.float(t, "alpha"), FixedSeconds: r.float(t, "tau0"),
		}
		if r["max_batch"] != "inf" {
			q.MaxBatch = r.int(t, "max_batch")
		}
		const tolerance = 2e-9
		assertClose(t, r.float(t, "mean_wait"), q.MeanWaitSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_service_latency"), q.MeanServiceSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_latency"), q.MeanResponseSeconds(), tolerance, r)
		assertClose(t, r.float(t, "mean_batch"), q.MeanBatchSize(), tolerance, r)
		assertClose(t, r.float(t, "utilization"), q.Utilization(), tolerance, r)
		if q.MaxBatch != 0 {
			continue
		}
		assert.LessOrEqual(t, q.MeanResponseSeconds(), q.InoueBoundSeconds()*(1+1e-12))
		latencies := q.Latencies()
		for column, p := range map[string]float64{"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99} {
			want := r.float(t, column) // a bracket costs two evaluations, the quantile a dozen
			assert.LessOrEqual(t, latencies.ResponseTail(want*(1+1e-7)), 1-p, "%s %v", column, r)
			assert.GreaterOrEqual(t, latencies.ResponseTail(want*(1-1e-7)), 1-p, "%s %v", column, r)
		}
	}
}

// wholeBatchChain solves the chain of X up to most directly, by Gaussian elimination in the order of Grassmann, Taksar
// and Heyman, and returns the mean wait.
func wholeBatchChain(q queueing.MDBatch, most int) float64 {
	size := func(x int) int { return min(max(x, 1), q.MaxBatch) }
	p := make([][]float64, most)
	for x := range p {
		p[x] = make([]float64, most)
		mean := q.ArrivalRatePerSecond * q.BatchSeconds(size(x))
		term := math.Exp(-mean)
		for y := max(x-q.MaxBatch, 0); y < most; y++ {
			p[x][y] = term
			term *= mean / float64(y-max(x-q.MaxBatch, 0)+1)
		}
	}
	for k := most - 1; k > 0; k-- {
		var out float64
		for _, v := range p[k][:k] {
			out += v
		}
		for i := range k {
			p[i][k] /= out
			for j := range k {
				p[i][j] += p[i][k] * p[k][j]
			}
		}
	}
	law := make([]float64, most)
	law[0] = 1
	cycle := 1/q.ArrivalRatePerSecond + q.BatchSeconds(1)
	wait := q.BatchSeconds(1) * q.BatchSeconds(1) / 2
	for k := 1; k < most; k++ {
		for i := range k {
			law[k] += law[i] * p[i][k]
		}
		tau := q.BatchSeconds(size(k))
		cycle += law[k] * tau
		wait += law[k] * (tau*tau/2 + float64(max(k-q.MaxBatch, 0))*tau/q.ArrivalRatePerSecond)
	}
	return wait / cycle
}

func TestBatchByWholeChain(t *testing.T) {
	for i, q := range []queueing.MDBatch{
		{ArrivalRatePerSecond: 1.40740740740741, PerItemSeconds: 0.05, FixedSeconds: 5, MaxBatch: 8}, // load 0.95
		{ArrivalRatePerSecond: 0.4, PerItemSeconds: 1, FixedSeconds: 1, MaxBatch: 2},
		{ArrivalRatePerSecond: 20, PerItemSeconds: 0.01, FixedSeconds: 0.5, MaxBatch: 32},
	} {
		assertClose(t, wholeBatchChain(q, []int{300, 100, 120}[i]), q.MeanWaitSeconds(), 1e-11, q)
	}
}

// simulateBatches returns sorted response times and the mean wait of a direct simulation.
func simulateBatches(q queueing.MDBatch, requests int) (responses []float64, meanWait float64) {
	random := rand.New(rand.NewPCG(7, 11))
	arrivals := make([]float64, requests)
	var now float64
	for i := range arrivals {
		now += random.ExpFloat64() / q.ArrivalRatePerSecond
		arrivals[i] = now
	}
	responses = make([]float64, 0, requests)
	var free float64
	for i := 0; i < requests; {
		start := arrivals[i] + q.MaxDelaySeconds // the delay of the oldest is over
		if last := i + q.MaxBatch - 1; q.MaxBatch > 0 && last < requests {
			start = math.Min(start, arrivals[last]) // or the batch is full
		}
		start = math.Max(free, start)
		n := 1
		for i+n < requests && arrivals[i+n] <= start && (q.MaxBatch == 0 || n < q.MaxBatch) {
			n++
		}
		free = start + q.BatchSeconds(n)
		for ; n > 0; n-- {
			responses = append(responses, free-arrivals[i])
			meanWait += (start - arrivals[i]) / float64(requests)
			i++
		}
	}
	slices.Sort(responses)
	return responses, meanWait
}

// TestBatchQuantilesBySimulation compares tails at 4 standard errors; waits are correlated over batches, hence the
// factor, chosen by us.
func TestBatchQuantilesBySimulation(t *testing.T) {
	const requests, factor = 100_000, 4
	for _, q := range []queueing.MDBatch{
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxBatch: 4},
		{ArrivalRatePerSecond: 10, PerItemSeconds: 0.05, FixedSeconds: 0.2, MaxBatch: 8},
		{ArrivalRatePerSecond: 6, PerItemSeconds: 0.1, FixedSeconds: 0.2},
		{ArrivalRatePerSecond: 2, PerItemSeconds: 0, FixedSeconds: 0.7, MaxBatch: 3},
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxBatch: 4, MaxDelaySeconds: 0.1},
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxBatch: 4, MaxDelaySeconds: 0.45}, // beyond τ(1)
		{ArrivalRatePerSecond: 8, PerItemSeconds: 0.05, FixedSeconds: 0.2, MaxBatch: 8, MaxDelaySeconds: 1.5}, // beyond 2τ(8)
		{ArrivalRatePerSecond: 6, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxDelaySeconds: 0.3},
		{ArrivalRatePerSecond: 2, PerItemSeconds: 0.2, FixedSeconds: 0, MaxBatch: 2, MaxDelaySeconds: 3},
	} {
		responses, meanWait := simulateBatches(q, requests)
		latencies := q.Latencies()
		assert.InEpsilon(t, meanWait, q.MeanWaitSeconds(), 0.03, "%+v", q)
		for _, p := range []float64{0.1, 0.3, 0.5, 0.9, 0.99} {
			seen := responses[int(p*requests)]
			tolerance := 4 * factor * math.Sqrt(p*(1-p)/requests)
			// On both sides, since those served at once or after the whole delay are atoms.
			assert.LessOrEqual(t, latencies.ResponseTail(seen*(1+1e-9)), 1-p+tolerance, "%+v p=%v", q, p)
			assert.GreaterOrEqual(t, latencies.ResponseTail(seen*(1-1e-9)), 1-p-tolerance, "%+v p=%v", q, p)
		}
	}
}

// TestBatchWaitTailIntegratesToMean ties the law of the wait, found from the age of the oldest request, to its mean,
// found from the numbers at the ends of batches, by Gauss-Legendre quadrature between the times at which the law bends.
func TestBatchWaitTailIntegratesToMean(t *testing.T) {
	const nodes = 14
	x, weight := make([]float64, nodes), make([]float64, nodes)
	quad.Legendre{}.FixedLocations(x, weight, 0, 1)
	for _, q := range []queueing.MDBatch{
		{ArrivalRatePerSecond: 2.5, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxBatch: 3},
		{ArrivalRatePerSecond: 2.5, PerItemSeconds: 0.1, FixedSeconds: 0.2, MaxBatch: 3, MaxDelaySeconds: 0.17},
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.3, MaxBatch: 6, MaxDelaySeconds: 0.8},
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.3, MaxBatch: 6, MaxDelaySeconds: 2},
		{ArrivalRatePerSecond: 5, PerItemSeconds: 0.1, FixedSeconds: 0.3, MaxBatch: 12, MaxDelaySeconds: 20},
		{ArrivalRatePerSecond: 0.01, PerItemSeconds: 0.1, FixedSeconds: 0.3, MaxBatch: 12, MaxDelaySeconds: 2},
	} {
		d := q.Latencies()
		end := d.WaitQuantileSeconds(1 - 1e-13)
		bends := []float64{0, math.Min(q.MaxDelaySeconds, end), end}
		for k := range 8 {
			for n := 0; n < q.MaxBatch; n++ {
				bends = append(bends, math.Min(q.BatchSeconds(n+1)+float64(k)*q.BatchSeconds(q.MaxBatch), end))
			}
		}
		for at := 0.0; at < end; at += 4 / q.ArrivalRatePerSecond {
			bends = append(bends, at)
		}
		slices.Sort(bends)
		var sum float64
		for i := 1; i < len(bends); i++ {
			width := bends[i] - bends[i-1]
			for j := range x {
				sum += weight[j] * width * d.WaitTail(bends[i-1]+width*x[j])
			}
		}
		assertClose(t, q.MeanWaitSeconds(), sum, 1e-9, q)
		assertClose(t, q.WaitProbability(), d.WaitTail(0), 1e-12, q)
	}
}

// TestBatchTailsIntegrateToMeans ties the tabulated latency to the mean, which is found without it.
func TestBatchTailsIntegrateToMeans(t *testing.T) {
	for _, q := range []queueing.MDBatch{
		{ArrivalRatePerSecond: 0.7, PerItemSeconds: 0.3, FixedSeconds: 0.7, MaxBatch: 1},
		{ArrivalRatePerSecond: 1.5, PerItemSeconds: 0.3, FixedSeconds: 1, MaxBatch: 8},
		{ArrivalRatePerSecond: 4, PerItemSeconds: 0.05, FixedSeconds: 5, MaxBatch: 40},
		{ArrivalRatePerSecond: 2, PerItemSeconds: 0.3, FixedSeconds: 1},
	} {
		d := q.Latencies()
		assertClose(t, 1, d.ResponseTail(0), 1e-12, q)
		const steps = 400
		width := d.ResponseQuantileSeconds(1-1e-10) / steps
		var sum float64
		for k := range steps {
			sum += d.ResponseTail((float64(k)+0.5)*width) * width
		}
		// The midpoint rule sees the atom of those served at once to within half a step.
		assert.InDelta(t, q.MeanResponseSeconds(), sum, width/2+1e-6*sum, "%+v", q)
	}
}

func TestBatchReductions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rho := rapid.Float64Range(0.01, 0.98).Draw(t, "rho")
		mu := rapid.Float64Range(0.1, 10).Draw(t, "mu")
		b := rapid.IntRange(1, 20).Draw(t, "b")
		p := rapid.Float64Range(0.01, 0.999).Draw(t, "p")
		one := queueing.MMc{ArrivalRatePerSecond: rho * mu, ServiceRatePerSecond: mu, Servers: 1}
		single := queueing.MMBatch{ArrivalRatePerSecond: rho * mu, BatchRatePerSecond: mu, MaxBatch: 1}
		assertClose(t, one.MeanWaitSeconds(), single.MeanWaitSeconds(), 1e-11)
		assertClose(t, one.ResponseQuantileSeconds(p), single.ResponseQuantileSeconds(p), 1e-10)

		// M/D/1: Pollaczek and Khinchine.
		constant := queueing.MDBatch{ArrivalRatePerSecond: rho * mu, FixedSeconds: 1 / mu, MaxBatch: 1}
		assertClose(t, rho/(2*mu*(1-rho)), constant.MeanWaitSeconds(), 1e-11)

		// More room in a batch shortens waits, and no limit is the end of that.
		some := queueing.MDBatch{ArrivalRatePerSecond: rho, PerItemSeconds: 0.2, FixedSeconds: 0.8, MaxBatch: b}
		more := some
		more.MaxBatch++
		assert.LessOrEqual(t, more.MeanWaitSeconds(), some.MeanWaitSeconds()*(1+1e-12))
		more.MaxBatch = 0
		assert.LessOrEqual(t, more.MeanWaitSeconds(), some.MeanWaitSeconds()*(1+1e-12))
		some.MaxBatch = 60
		assertClose(t, more.MeanResponseSeconds(), some.MeanResponseSeconds(), 1e-11)
		assertClose(t, more.ResponseQuantileSeconds(p), some.ResponseQuantileSeconds(p), 1e-8)
		more.ArrivalRatePerSecond *= 1.01
		assert.Greater(t, more.MeanResponseSeconds(), some.MeanResponseSeconds())
	})
}

func TestMaxBatchArrivalRate(t *testing.T) {
	server := queueing.MDBatch{PerItemSeconds: 0.005, FixedSeconds: 0.02, MaxBatch: 16}
	target := queueing.Quantile{Percentile: 0.99, Latency: 150 * time.Millisecond}
	rate, err := queueing.MaxBatchArrivalRate(3, server, target)
	require.NoError(t, err)
	server.ArrivalRatePerSecond = rate / 3
	assertClose(t, 0.15, server.ResponseQuantileSeconds(0.99), 1e-8)
	assert.Less(t, rate/3, server.MaxArrivalRatePerSecond())

	n, err := queueing.LeastBatchReplicas(rate*0.999999, server, target, 10)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	n, err = queueing.LeastBatchReplicas(rate*1.000001, server, target, 10)
	require.NoError(t, err)
	assert.Equal(t, 4, n)
	_, err = queueing.LeastBatchReplicas(rate, server, target, 2)
	require.ErrorIs(t, err, queueing.ErrMaxReplicas)

	target.Latency = 24 * time.Millisecond
	_, err = queueing.MaxBatchArrivalRate(1, server, target)
	require.ErrorIs(t, err, queueing.ErrImpossibleTarget)
	_, err = queueing.MaxBatchArrivalRate(0, queueing.MDBatch{MaxBatch: -1}, queueing.Quantile{Percentile: 2})
	require.ErrorContains(t, err, "replicas is 0")
	require.ErrorContains(t, err, "Percentile is 2")
}

func TestBatchSpecialValues(t *testing.T) {
	nan := math.NaN()
	for _, q := range []queueing.MDBatch{
		{},
		{ArrivalRatePerSecond: 1},
		{ArrivalRatePerSecond: nan, FixedSeconds: 1},
		{FixedSeconds: -1, PerItemSeconds: 3},
		{FixedSeconds: math.Inf(1)},
		{FixedSeconds: 1, MaxBatch: -1},
		{FixedSeconds: 1, MaxDelaySeconds: -1},
		{FixedSeconds: 1, MaxDelaySeconds: nan},
		{FixedSeconds: 1, MaxBatch: queueing.MaxBatchLimit + 1},
	} {
		for _, v := range []float64{q.MeanWaitSeconds(), q.Utilization(), q.MeanBatchSize(), q.ResponseTail(1), q.ResponseQuantileSeconds(0.5), q.MaxArrivalRatePerSecond()} {
			assert.True(t, math.IsNaN(v), "%+v: %v", q, v)
		}
	}
	q := queueing.MDBatch{ArrivalRatePerSecond: 2, PerItemSeconds: 0.3, FixedSeconds: 0.4, MaxBatch: 2}
	assert.False(t, q.Stable())
	assert.Equal(t, math.Inf(1), q.MeanResponseSeconds())
	assert.Equal(t, math.Inf(1), q.ResponseQuantileSeconds(0.5))
	assert.Equal(t, 2.0, q.MeanBatchSize())
	q.ArrivalRatePerSecond = 0
	assert.Equal(t, 0.7, q.MeanResponseSeconds())
	assert.Equal(t, 0.7, q.ResponseQuantileSeconds(0.99))
	assert.Zero(t, queueing.MMBatch{BatchRatePerSecond: 1}.MeanWaitSeconds())
	assert.True(t, math.IsNaN(queueing.MMBatch{}.MeanWaitSeconds()))
	assert.Equal(t, math.Inf(1), queueing.MMBatch{ArrivalRatePerSecond: 3, BatchRatePerSecond: 1, MaxBatch: 3}.MeanWaitSeconds())
	unlimited := queueing.MMBatch{ArrivalRatePerSecond: 3, BatchRatePerSecond: 1}
	large := queueing.MMBatch{ArrivalRatePerSecond: 3, BatchRatePerSecond: 1, MaxBatch: 1000}
	assertClose(t, unlimited.MeanWaitSeconds(), large.MeanWaitSeconds(), 1e-12)
	assertClose(t, unlimited.ResponseQuantileSeconds(0.99), large.ResponseQuantileSeconds(0.99), 1e-12)
}

func FuzzMDBatch(f *testing.F) {
	f.Add(0.9, 0.1, 0.2, 0.0, 8, 0.99)
	f.Add(1e-300, 1e300, 1e-300, 0.0, 0, 0.5)
	f.Add(0.9999999, 1.0, 0.0, 0.0, 1, 0.5)
	f.Add(3.0, 0.2, 0.0, 1e9, 8, 0.9)
	f.Add(3.0, 0.1, 0.1, 0.3, 0, 0.9)
	f.Add(1e-9, 1e-9, 0.0, 1e300, 3, 0.9)
	f.Add(1e-12, 0.1, 1.0, 5.0, 5, 1e-9)
	f.Fuzz(func(t *testing.T, lambda, item, fixed, delay float64, b int, p float64) {
		q := queueing.MDBatch{ArrivalRatePerSecond: lambda, PerItemSeconds: item, FixedSeconds: fixed, MaxDelaySeconds: delay, MaxBatch: b % 20}
		assert.False(t, q.MeanWaitSeconds() < 0)
		l := q.Latencies()
		tail := l.ResponseTail(p)
		assert.False(t, tail < 0 || tail > 1 || l.WaitTail(p) > tail+1e-9)
		assert.False(t, l.ResponseQuantileSeconds(p) < q.BatchSeconds(1))
		assert.False(t, l.WaitQuantileSeconds(p) < 0)
		m := queueing.MMBatch{ArrivalRatePerSecond: lambda, BatchRatePerSecond: item, MaxBatch: b}
		assert.False(t, m.MeanWaitSeconds() < 0)
		assert.False(t, m.ResponseQuantileSeconds(p) < 0)
	})
}

func ExampleMDBatch() {
	server := queueing.MDBatch{ArrivalRatePerSecond: 100, PerItemSeconds: 0.005, FixedSeconds: 0.02, MaxBatch: 16}
	fmt.Printf("saturates at %.0f/s, busy %.0f %%, batches of %.1f, p99 %.0f ms\n", server.MaxArrivalRatePerSecond(),
		100*server.Utilization(), server.MeanBatchSize(), 1000*server.ResponseQuantileSeconds(0.99))
	// Output: saturates at 160/s, busy 99 %, batches of 4.1, p99 127 ms
}

func BenchmarkMDBatchQuantile(b *testing.B) {
	for _, size := range []int{8, 32, 64} {
		for _, delay := range []float64{0, 0.5, 2} { // of a full batch
			q := queueing.MDBatch{PerItemSeconds: 0.1438, FixedSeconds: 1.8874, MaxBatch: size}
			q.ArrivalRatePerSecond = 0.9 * q.MaxArrivalRatePerSecond()
			q.MaxDelaySeconds = delay * q.BatchSeconds(size)
			b.Run(fmt.Sprintf("maxBatch=%d/delay=%v", size, delay), func(b *testing.B) {
				for b.Loop() {
					q.ResponseQuantileSeconds(0.99)
				}
			})
		}
	}
}
