package simulator

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prescale/prescale/replay"
)

// Interval is a mean over independent replications with a confidence interval.
type Interval struct {
	Mean, Low, High float64
}

// newInterval returns the mean of independent values with its Student t interval,
//
//	mean ± t(n-1, (1+confidence)/2) s/√n.
//
// It is exact for normal values and good for means over a run of many requests. Low and High are NaN for fewer than two
// values: one replication says nothing about chance.
func newInterval(values []float64, confidence float64) Interval {
	n := float64(len(values))
	mean := stat.Mean(values, nil)
	if n < 2 {
		return Interval{mean, math.NaN(), math.NaN()}
	}
	t := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile((1 + confidence) / 2)
	half := t * stat.StdDev(values, nil) / math.Sqrt(n)
	return Interval{mean, mean - half, mean + half}
}

// DefaultConfidence is the usual level of confidence intervals.
const DefaultConfidence = 0.95

// Measure names a number of a Result that can be averaged over replications.
type Measure string

// The measures. Latencies are in seconds, of answered requests; each replication gives one value, also for quantiles,
// so that intervals hold for what one run of the same length would show.
const (
	MeasureRequests       Measure = "requests"
	MeasureFailed         Measure = "failed"
	MeasureRetries        Measure = "retries"
	MeasureAttainment     Measure = "slo_attainment"
	MeasureViolationRatio Measure = "slo_violation_ratio"
	MeasureMean           Measure = "latency_mean"
	MeasureP50            Measure = "latency_p50"
	MeasureP95            Measure = "latency_p95"
	MeasureP99            Measure = "latency_p99"
	MeasureP999           Measure = "latency_p999"
	MeasureReplicaHours   Measure = "replica_hours"
	MeasureCost           Measure = "cost"
	MeasureScaleUps       Measure = "scale_ups"
	MeasureScaleDowns     Measure = "scale_downs"
	// The priced objectives at 3, 30 and 300; see [Result.Priced].
	MeasurePriced3   Measure = "priced_3"
	MeasurePriced30  Measure = "priced_30"
	MeasurePriced300 Measure = "priced_300"
)

// Measures lists all measures in the order of a table.
func Measures() []Measure {
	return []Measure{
		MeasureRequests, MeasureFailed, MeasureRetries, MeasureAttainment, MeasureViolationRatio,
		MeasureMean, MeasureP50, MeasureP95, MeasureP99, MeasureP999,
		MeasureReplicaHours, MeasureCost, MeasureScaleUps, MeasureScaleDowns,
		MeasurePriced3, MeasurePriced30, MeasurePriced300,
	}
}

// Measure returns one of the numbers; NaN for an unknown name.
func (r *Result) Measure(m Measure) float64 {
	switch m {
	case MeasureRequests:
		return float64(r.Requests)
	case MeasureFailed:
		return float64(r.Failed)
	case MeasureRetries:
		return float64(r.Retries)
	case MeasureAttainment:
		return r.Attainment
	case MeasureViolationRatio:
		return r.ViolationRatio
	case MeasureMean:
		return r.Latency.Mean()
	case MeasureP50:
		return r.Latency.Quantile(0.5)
	case MeasureP95:
		return r.Latency.Quantile(0.95)
	case MeasureP99:
		return r.Latency.Quantile(0.99)
	case MeasureP999:
		return r.Latency.Quantile(0.999)
	case MeasureReplicaHours:
		return r.ReplicaHours
	case MeasureCost:
		return r.Cost
	case MeasureScaleUps:
		return float64(r.ScaleUps)
	case MeasureScaleDowns:
		return float64(r.ScaleDowns)
	case MeasurePriced3:
		return r.Priced(3)
	case MeasurePriced30:
		return r.Priced(30)
	case MeasurePriced300:
		return r.Priced(300)
	}
	return math.NaN()
}

// Summary is one policy over all its replications.
type Summary struct {
	Index    int
	Policy   string
	Settings []replay.Setting
	// Replications are its runs, in order.
	Replications []*Result
	// Latency pools the answered requests of all of them.
	Latency Histogram
	// Intervals holds every measure.
	Intervals map[Measure]Interval
	// Against is the paired difference to the policy the summary was asked to compare with, this one minus that
	// one, over the replications that both have: with common random numbers much of the chance cancels. It is nil
	// for that policy itself.
	Against map[Measure]Interval
}

// Summarize groups results, from one process or the shards of several, by policy, with confidence intervals and the
// paired differences to the policy with index baseline, or none if that is negative.
//
// Errors: a confidence outside (0, 1), two results of the same policy and replication.
func Summarize(results []*Result, confidence float64, baseline int) ([]Summary, error) {
	if !(confidence > 0 && confidence < 1) {
		return nil, fmt.Errorf("simulator: confidence is %v, must lie between 0 and 1", confidence)
	}
	sorted := slices.Clone(results)
	slices.SortStableFunc(sorted, func(a, b *Result) int {
		if a.Index != b.Index {
			return a.Index - b.Index
		}
		return a.Replication - b.Replication
	})
	var summaries []Summary
	base := map[int]*Result{}
	for i, r := range sorted {
		if i == 0 || sorted[i-1].Index != r.Index {
			summaries = append(summaries, Summary{Index: r.Index, Policy: r.Policy, Settings: r.Settings})
		} else if sorted[i-1].Replication == r.Replication {
			return nil, fmt.Errorf("simulator: two results of policy %d (%s), replication %d", r.Index, r.Policy, r.Replication)
		}
		s := &summaries[len(summaries)-1]
		s.Replications = append(s.Replications, r)
		s.Latency.Add(&r.Latency)
		if r.Index == baseline {
			base[r.Replication] = r
		}
	}
	for i := range summaries {
		s := &summaries[i]
		s.Intervals = intervals(s.Replications, confidence, (*Result).Measure)
		if baseline < 0 || s.Index == baseline {
			continue
		}
		var pairs []*Result
		for _, r := range s.Replications {
			if base[r.Replication] != nil {
				pairs = append(pairs, r)
			}
		}
		if len(pairs) > 0 {
			s.Against = intervals(pairs, confidence, func(r *Result, m Measure) float64 {
				return r.Measure(m) - base[r.Replication].Measure(m)
			})
		}
	}
	return summaries, nil
}

func intervals(results []*Result, confidence float64, measure func(*Result, Measure) float64) map[Measure]Interval {
	all := make(map[Measure]Interval)
	values := make([]float64, len(results))
	for _, m := range Measures() {
		for i, r := range results {
			values[i] = measure(r, m)
		}
		all[m] = newInterval(values, confidence)
	}
	return all
}
