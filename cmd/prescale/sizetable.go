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

	MeanBatchSize number           `json:"mean_batch_size,omitempty"`
	RateStd       float64          `json:"rate_std,omitempty"`
	RateLaw       string           `json:"rate_law,omitempty"`
	Explanation   *sizeExplanation `json:"explanation,omitempty"`
	Knee          int              `json:"knee_replicas,omitempty"`
	Sweep         []sweepPoint     `json:"sweep,omitempty"`
	kneeNote      string           // where the knee lies if not in the sweep
}

func newSizeResult(kind modelKind, s queueing.Sizing) sizeResult {
	return sizeResult{
		Model: kind, Sizing: s, WaitQuantile: number(s.WaitQuantileSeconds), ResponseQuantile: number(s.ResponseQuantileSeconds),
		MaxArrivalRate: number(s.MaxArrivalRatePerSecond),
	}
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
	if q.kind == modelBatch {
		add("utilization (of the largest throughput)", short(r.Utilization))
		add("mean batch size", short(float64(r.MeanBatchSize)))
	} else {
		add("offered load (erlangs)", short(r.OfferedLoad))
		add("utilization", short(r.Utilization))
	}
	add("probability of waiting", short(r.WaitProbability))
	add("mean wait", timeCell(r.MeanWaitSeconds))
	add("mean response time", timeCell(r.MeanResponseSeconds))
	add(percentileName(r.Percentile)+" response time", timeCell(r.ResponseQuantileSeconds))
	if q.target.Wait != (queueing.Quantile{}) {
		add(percentileName(r.Percentile)+" wait", timeCell(r.WaitQuantileSeconds))
	}
	if q.kind == modelMMcK {
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
