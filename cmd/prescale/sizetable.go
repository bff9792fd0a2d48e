package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/report"
)

// sizeResult is what the command prints as JSON: the sizing and, if asked for, why and what else.
type sizeResult struct {
	Model modelKind `json:"model"`
	queueing.Sizing
	// These shadow fields of the sizing: losses may make the largest rate infinite, and some quantiles are not known,
	// neither of which JSON can say.
	WaitQuantile     number `json:"wait_quantile_seconds"`
	ResponseQuantile number `json:"response_quantile_seconds"`
	MaxArrivalRate   number `json:"max_arrival_rate"`

	ArrivalRate   float64          `json:"arrival_rate,omitempty"` // found for the replicas given
	Backlog       float64          `json:"backlog,omitempty"`
	DrainSeconds  *number          `json:"drain_seconds,omitempty"`
	MeanBatchSize number           `json:"mean_batch_size,omitempty"`
	MeanInSetup   *number          `json:"mean_in_setup,omitempty"` // servers that are starting
	RateStd       float64          `json:"rate_std,omitempty"`
	RateLaw       string           `json:"rate_law,omitempty"`
	Explanation   *sizeExplanation `json:"explanation,omitempty"`
	Knee          int              `json:"knee_replicas,omitempty"`
	Sweep         []sweepPoint     `json:"sweep,omitempty"`
	endless       sweepPoint       // what no number of replicas betters: no wait or, where they must start, as many as the model knows
	kneeNote      string           // where the knee lies if not in the sweep
}

// result is a sizing with what only its model has.
func (q sizeQuestion) result(s queueing.Sizing) sizeResult {
	r := sizeResult{
		Model: q.kind, Sizing: s, WaitQuantile: number(s.WaitQuantileSeconds), ResponseQuantile: number(s.ResponseQuantileSeconds),
		MaxArrivalRate: number(s.MaxArrivalRatePerSecond),
	}
	if q.replicas > 0 {
		r.ArrivalRate = q.rate
	}
	if q.backlog > 0 {
		drain := number(queueing.DrainSeconds(q.backlog, q.rate, q.capacity(s.Replicas)))
		r.Backlog, r.DrainSeconds = q.backlog, &drain
	}
	switch q.kind {
	case modelBatch:
		r.MeanBatchSize = number(q.batch.replica(q.rate, s.Replicas).MeanBatchSize())
	case modelBatchMarkov:
		r.MeanBatchSize = number(q.batch.markovReplica(q.rate, s.Replicas).MeanBatchSize())
	case modelStateDependent:
		r.MeanBatchSize = number(q.batch.continuousReplica(q.rate, s.Replicas).MeanInService())
	case modelSetup:
		starting := number(q.coldStart(q.rate, s.Replicas).MeanInSetup())
		r.MeanInSetup = &starting
	}
	return r
}

// write prints the result in one of the formats.
func (r sizeResult) write(w io.Writer, format string, q sizeQuestion) error {
	switch format {
	case "json":
		return writeJSON(w, r)
	case "svg":
		return r.chart(q).WriteSVG(w)
	}
	table := r.table(q)
	if r.Sweep != nil {
		table = r.sweepTable()
	}
	if err := table.WriteText(w); err != nil {
		return err
	}
	for _, note := range r.outside() {
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	if r.Explanation == nil {
		return nil
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	return r.Explanation.write(w)
}

func (r sizeResult) table(q sizeQuestion) report.Table {
	t := report.Table{Columns: []report.Column{{Header: "quantity"}, {Header: "value", Align: report.Right}}}
	add := func(name, value string) { t.Rows = append(t.Rows, []string{name, value}) }
	add("replicas", strconv.Itoa(r.Replicas))
	if q.kind.byBatch() {
		add("utilization (of the largest throughput)", short(r.Utilization))
		add("mean batch size", short(float64(r.MeanBatchSize)))
	} else {
		add("offered load (erlangs)", short(r.OfferedLoad))
		add("utilization", short(r.Utilization))
	}
	if r.MeanInSetup != nil {
		add("mean number of servers starting", short(float64(*r.MeanInSetup)))
	}
	wait, waiting := "mean wait", "probability of waiting"
	if q.kind == modelSharing {
		wait, waiting = "mean delay by sharing", "probability of sharing on arrival"
	}
	add(waiting, short(r.WaitProbability))
	add(wait, timeCell(r.MeanWaitSeconds))
	add("mean response time", timeCell(r.MeanResponseSeconds))
	if !math.IsNaN(r.ResponseQuantileSeconds) {
		add(percentileName(r.Percentile)+" response time", timeCell(r.ResponseQuantileSeconds))
	}
	if q.target.Wait != (queueing.Quantile{}) {
		add(percentileName(r.Percentile)+" wait", timeCell(r.WaitQuantileSeconds))
	}
	if q.kind.loses() {
		add("probability of being refused", short(r.BlockingProbability))
	}
	if q.kind == modelErlangA {
		add("probability of giving up", short(r.AbandonmentProbability))
	}
	largest := short(r.MaxArrivalRatePerSecond)
	if math.IsInf(r.MaxArrivalRatePerSecond, 1) {
		largest = "any"
	}
	add("largest rate so many carry (requests/s)", largest)
	if r.DrainSeconds != nil {
		add(fmt.Sprintf("time to drain a backlog of %s", short(r.Backlog)), timeCell(float64(*r.DrainSeconds)))
	}
	if q.replicas > 0 {
		add("a higher rate would break", string(r.Binding))
		return t
	}
	add("one less would break", string(r.Binding))
	return t
}

// timeCell is a time in a table, to 10 µs.
func timeCell(seconds float64) string {
	switch {
	case math.IsNaN(seconds):
		return "-"
	case seconds > math.MaxInt64/float64(time.Second):
		return "unstable"
	}
	return time.Duration(seconds * float64(time.Second)).Round(10 * time.Microsecond).String()
}

// percentileName is p99 of 0.99.
func percentileName(p float64) string { return "p" + strconv.FormatFloat(100*p, 'g', 10, 64) }
