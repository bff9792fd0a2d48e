package queueing_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/queueing"
)

// errorStats gathers relative errors of one quantity.
type errorStats struct {
	count    int
	sum, max float64
}

func (s *errorStats) add(got, want float64) {
	e := math.Abs(got/want - 1)
	s.count++
	s.sum += e
	s.max = math.Max(s.max, e)
}

func (s *errorStats) String() string {
	return fmt.Sprintf("%.2f %% (%.2f)", 100*s.sum/float64(s.count), 100*s.max)
}

// TestMGcErrors measures the errors that the documentation of MGc states, against the exact M/PH/c, and holds them.
// Run with -v to print docs/results/queueing.md's table.
func TestMGcErrors(t *testing.T) {
	for _, c := range []struct {
		scv                                                                   float64
		mean, meanMax, probability, probabilityMax, wait, waitMax, resp, rMax float64
	}{
		{0.5, 0.003, 0.011, 0.002, 0.005, 0.002, 0.018, 0.001, 0.002},
		{0.7, 0.003, 0.01, 0.001, 0.002, 0.002, 0.023, 0.001, 0.004},
		{1.5, 0.006, 0.018, 0.001, 0.003, 0.003, 0.046, 0.001, 0.002},
		{2, 0.007, 0.023, 0.001, 0.003, 0.006, 0.102, 0.001, 0.003},
		{3, 0.003, 0.015, 0.002, 0.005, 0.014, 0.16, 0.002, 0.015},
		{4, 0.01, 0.03, 0.004, 0.009, 0.025, 0.192, 0.005, 0.037},
		{10, 0.09, 0.232, 0.009, 0.023, 0.093, 0.455, 0.043, 0.277},
	} {
		if underRace && c.scv != 0.5 && c.scv != 2 && c.scv != 10 {
			continue
		}
		var mean, probability, wait, response errorStats
		for _, servers := range []int{1, 2, 3, 5, 8, 10, 20, 50} {
			for _, rho := range []float64{0.7, 0.8, 0.9, 0.95, 0.98} {
				rate := rho * float64(servers)
				exact := queueing.MPHc{ArrivalRatePerSecond: rate, Service: queueing.PhaseTypeOf(1, c.scv), Servers: servers}.Solve()
				s := queueing.MGc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: servers, SCV: c.scv}.Solve()
				mean.add(s.MeanWaitSeconds(), exact.MeanWaitSeconds())
				probability.add(s.WaitProbability(), exact.WaitProbability())
				for _, p := range []float64{0.95, 0.99} {
					response.add(s.ResponseQuantileSeconds(p), exact.ResponseQuantileSeconds(p))
					if want := exact.WaitQuantileSeconds(p); want > 0.05 {
						wait.add(s.WaitQuantileSeconds(p), want)
					}
				}
			}
		}
		t.Logf("scv %-4v mean wait %v, P(W > 0) %v, wait quantiles %v, response quantiles %v",
			c.scv, &mean, &probability, &wait, &response)
		for i, v := range []struct {
			stats     errorStats
			mean, max float64
		}{
			{mean, c.mean, c.meanMax},
			{probability, c.probability, c.probabilityMax},
			{wait, c.wait, c.waitMax},
			{response, c.resp, c.rMax},
		} {
			assert.LessOrEqual(t, v.stats.sum/float64(v.stats.count), v.mean, "scv %v, quantity %d", c.scv, i)
			assert.LessOrEqual(t, v.stats.max, v.max, "scv %v, quantity %d", c.scv, i)
		}
	}
}

// TestReferenceMGc holds the required accuracy of the mean on the reference file.
func TestReferenceMGc(t *testing.T) {
	byLaw := map[string]*errorStats{}
	for _, r := range referenceRows(t, "mgc_phase.csv") {
		if r.float(t, "rho") < 0.7 || r.float(t, "scv") > 4 {
			continue
		}
		q := queueing.MGc{
			ArrivalRatePerSecond: r.float(t, "lambda"), ServiceRatePerSecond: 1 / r.float(t, "mean_service"),
			Servers: r.int(t, "servers"), SCV: r.float(t, "scv"),
		}
		if byLaw[r["scv"]] == nil {
			byLaw[r["scv"]] = &errorStats{}
		}
		byLaw[r["scv"]].add(q.MeanWaitSeconds(), r.float(t, "mean_wait"))
	}
	for scv, s := range byLaw {
		assert.LessOrEqual(t, s.sum/float64(s.count), 0.01, scv)
		assert.LessOrEqual(t, s.max, 0.03, scv)
	}
}

func TestMGcReductions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := queueing.MMc{ServiceRatePerSecond: rapid.Float64Range(0.1, 10).Draw(t, "mu"), Servers: rapid.IntRange(1, 40).Draw(t, "c")}
		rho := rapid.Float64Range(0.1, 0.999).Draw(t, "rho")
		m.ArrivalRatePerSecond = rho * float64(m.Servers) * m.ServiceRatePerSecond
		p := rapid.Float64Range(0.5, 0.999).Draw(t, "p")
		q := queueing.MGc{m.ArrivalRatePerSecond, m.ServiceRatePerSecond, m.Servers, 1}
		assertClose(t, m.MeanWaitSeconds(), q.MeanWaitSeconds(), 0)
		assertClose(t, m.ResponseQuantileSeconds(p), q.ResponseQuantileSeconds(p), 0)
		q.SCV = 0
		assertClose(t, queueing.MDc(m).MeanWaitSeconds(), q.MeanWaitSeconds(), 1e-14)
		assertClose(t, queueing.MDc(m).WaitQuantileSeconds(p), q.WaitQuantileSeconds(p), 1e-14)
		assertClose(t, queueing.MDc(m).ResponseTail(1.5/m.ServiceRatePerSecond), q.ResponseTail(1.5/m.ServiceRatePerSecond), 1e-14)

		q.SCV = rapid.Float64Range(0.01, 20).Draw(t, "scv")
		s := q.Solve()
		if q.Servers == 1 {
			g := queueing.MG1{q.ArrivalRatePerSecond, queueing.ServiceMoments{
				Mean: 1 / q.ServiceRatePerSecond, Second: (1 + q.SCV) / (q.ServiceRatePerSecond * q.ServiceRatePerSecond),
			}}
			assertClose(t, g.MeanWaitSeconds(), s.MeanWaitSeconds(), 1e-8, "Pollaczek-Khinchine")
		}
		if wait := s.WaitQuantileSeconds(p); wait > 1e-6*s.MeanWaitSeconds() && s.WaitTail(wait) < s.WaitProbability() {
			assertClose(t, 1-p, s.WaitTail(wait), 1e-6, "wait tail at its quantile")
		}
		response := s.ResponseQuantileSeconds(p)
		assertClose(t, 1-p, s.ResponseTail(response), 1e-8, "response tail at its quantile")
		assert.GreaterOrEqual(t, response*(1+2e-3), s.WaitQuantileSeconds(p))
		more := q
		more.SCV *= 1.1
		assert.GreaterOrEqual(t, more.MeanWaitSeconds(), s.MeanWaitSeconds(), "rises with SCV")
	})
}

func ExampleMGc() {
	for _, scv := range []float64{0, 1, 4} {
		q := queueing.MGc{ArrivalRatePerSecond: 90, ServiceRatePerSecond: 10, Servers: 10, SCV: scv}.Solve()
		fmt.Printf("SCV %v: mean wait %.0f ms, p99 response %.0f ms\n", scv, 1000*q.MeanWaitSeconds(), 1000*q.ResponseQuantileSeconds(0.99))
	}
	// Output:
	// SCV 0: mean wait 34 ms, p99 response 307 ms
	// SCV 1: mean wait 67 ms, p99 response 625 ms
	// SCV 4: mean wait 154 ms, p99 response 1454 ms
}

func BenchmarkMGc(b *testing.B) {
	for _, servers := range []int{10, 200} {
		for _, scv := range []float64{0.3, 0.7, 4} {
			b.Run(fmt.Sprintf("servers=%d/scv=%v", servers, scv), func(b *testing.B) {
				q := queueing.MGc{0.9 * float64(servers), 1, servers, scv}
				for b.Loop() {
					q.ResponseQuantileSeconds(0.99)
				}
			})
		}
	}
}
