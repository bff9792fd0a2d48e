package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/report"
)

// maxSweep bounds the rows of a sweep, chosen by us: more than a chart has pixels for.
const maxSweep = 1000

// The knee: a response quantile, or the mean where the model tells no quantile, within kneeSlack of endless replicas, and
// losses below kneeLoss. Both chosen by us.
const (
	kneeSlack = 0.10
	kneeLoss  = 0.01
)

// sweepPoint is the steady state of one number of replicas. What has none is null.
type sweepPoint struct {
	Replicas                int     `json:"replicas"`
	Stable                  bool    `json:"stable"`
	Utilization             number  `json:"utilization"`
	WaitProbability         number  `json:"wait_probability"`
	MeanWaitSeconds         number  `json:"mean_wait_seconds"`
	MeanResponseSeconds     number  `json:"mean_response_seconds"`
	ResponseQuantileSeconds number  `json:"response_quantile_seconds"`
	BlockingProbability     *number `json:"blocking_probability,omitempty"`
	AbandonmentProbability  *number `json:"abandonment_probability,omitempty"`
}

// parseSweep reads replicas=FROM..TO.
func (q sizeQuestion) parseSweep(text string) (from, to int, err error) {
	_, most := q.queue()
	name, span, _ := strings.Cut(text, "=")
	low, high, _ := strings.Cut(span, "..")
	from, lowErr := strconv.Atoi(low)
	to, highErr := strconv.Atoi(high)
	switch {
	case name != "replicas" || lowErr != nil || highErr != nil:
		return 0, 0, fmt.Errorf("--sweep %q: must be a range of replicas such as replicas=1..40", text)
	case from < 1 || to < from:
		return 0, 0, fmt.Errorf("--sweep %q: must begin at 1 or more and not fall", text)
	case to > q.limit:
		return 0, 0, fmt.Errorf("--sweep %q: ends above --max-replicas, which is %d", text, q.limit)
	case to > most:
		return 0, 0, fmt.Errorf("--sweep %q: --model %s is known for at most %d replicas", text, q.kind, most)
	case to-from >= maxSweep:
		return 0, 0, fmt.Errorf("--sweep %q: shows %d numbers of replicas, must be at most %d", text, to-from+1, maxSweep)
	}
	return from, to, nil
}

// sweep adds the steady state of each number of replicas in the range, and the knee if it lies there.
func (r *sizeResult) sweep(q sizeQuestion, from, to int) {
	model, most := q.queue()
	quantiles := true
	if known := queueing.MaxSetupQuantileServers / max(q.service.Concurrency, 1); q.kind == modelSetup {
		// Quantiles of all replicas shown, or of none: a curve must not change what it shows.
		if quantiles = to <= known; quantiles {
			most = known
		}
	}
	at := func(n int) sweepPoint { return newSweepPoint(n, model.At(q.rate, n), r.Percentile, quantiles) }
	if q.kind == modelSetup {
		r.endless = at(most)
	} else {
		r.endless = newSweepPoint(1, model.At(0, 1), r.Percentile, quantiles)
	}
	near := (1 + kneeSlack) * r.endless.response()
	r.Sweep = []sweepPoint{}
	for n := from; n <= to; n++ {
		p := at(n)
		if r.Knee == 0 && p.beyondKnee(near) {
			r.Knee = n
		}
		r.Sweep = append(r.Sweep, p)
	}
	switch {
	case r.Knee == 0:
		r.kneeNote = "the knee lies above this range"
	case r.Knee == from && from > 1:
		// Nothing says that the edge of the range is the knee, so look one below it.
		if at(from - 1).beyondKnee(near) {
			r.Knee, r.kneeNote = 0, "the knee lies below this range"
		}
	}
}

// outside says which of the answers the sweep does not show.
func (r sizeResult) outside() []string {
	n := len(r.Sweep)
	if n == 0 {
		return nil
	}
	var notes []string
	if r.Replicas < r.Sweep[0].Replicas || r.Replicas > r.Sweep[n-1].Replicas {
		notes = append(notes, fmt.Sprintf("least for the target: %d replicas, outside this range", r.Replicas))
	}
	if r.kneeNote != "" {
		notes = append(notes, r.kneeNote)
	}
	return notes
}

func newSweepPoint(replicas int, s queueing.SteadyState, percentile float64, quantile bool) sweepPoint {
	mean := s.MeanWaitSeconds()
	p := sweepPoint{
		Replicas:                replicas,
		Stable:                  !math.IsNaN(mean) && !math.IsInf(mean, 1),
		Utilization:             number(s.Utilization()),
		WaitProbability:         number(s.WaitProbability()),
		MeanWaitSeconds:         number(mean),
		MeanResponseSeconds:     number(s.MeanResponseSeconds()),
		ResponseQuantileSeconds: number(math.NaN()),
	}
	if quantile {
		p.ResponseQuantileSeconds = number(s.ResponseQuantileSeconds(percentile))
	}
	if b, ok := s.(interface{ BlockingProbability() float64 }); ok {
		v := number(b.BlockingProbability())
		p.BlockingProbability = &v
	}
	if a, ok := s.(interface{ AbandonmentProbability() float64 }); ok {
		v := number(a.AbandonmentProbability())
		p.AbandonmentProbability = &v
	}
	return p
}

// beyondKnee reports whether the response quantile is near that of endless replicas, and little is lost.
func (p sweepPoint) beyondKnee(near float64) bool {
	return p.lost() < kneeLoss && p.response() <= near
}

// response is the quantile of the response time, or its mean if the model tells no quantile.
func (p sweepPoint) response() float64 {
	if v := float64(p.ResponseQuantileSeconds); !math.IsNaN(v) {
		return v
	}
	return float64(p.MeanResponseSeconds)
}

// lost is the share of requests refused or given up.
func (p sweepPoint) lost() float64 {
	switch {
	case p.BlockingProbability != nil:
		return float64(*p.BlockingProbability)
	case p.AbandonmentProbability != nil:
		return float64(*p.AbandonmentProbability)
	}
	return 0
}

func (r sizeResult) sweepTable() report.Table {
	right := func(header string) report.Column { return report.Column{Header: header, Align: report.Right} }
	t := report.Table{Columns: []report.Column{
		right("replicas"), right("utilization"), right("P(wait)"), right("mean wait"), right(r.responseName() + " response"),
	}}
	lossy := false
	switch p := r.Sweep[0]; {
	case p.BlockingProbability != nil:
		t.Columns, lossy = append(t.Columns, right("P(refused)")), true
	case p.AbandonmentProbability != nil:
		t.Columns, lossy = append(t.Columns, right("P(giving up)")), true
	}
	t.Columns = append(t.Columns, report.Column{Header: "note"})
	for _, p := range r.Sweep {
		row := []string{
			strconv.Itoa(p.Replicas), short(float64(p.Utilization)), short(float64(p.WaitProbability)),
			timeCell(float64(p.MeanWaitSeconds)), timeCell(p.response()),
		}
		if !p.Stable {
			row = []string{row[0], row[1], "-", "-", "-"}
		}
		if lossy {
			row = append(row, short(p.lost()))
		}
		t.Rows = append(t.Rows, append(row, r.note(p)))
	}
	return t
}

// responseName says which response time the sweep shows.
func (r sizeResult) responseName() string {
	if math.IsNaN(float64(r.endless.ResponseQuantileSeconds)) {
		return "mean"
	}
	return percentileName(r.Percentile)
}

// note is what a row of the sweep is remarkable for.
func (r sizeResult) note(p sweepPoint) string {
	var notes []string
	if !p.Stable {
		notes = append(notes, "unstable: more arrive than can be served")
	}
	if p.Replicas == r.Replicas {
		notes = append(notes, "least for the target")
	}
	if p.Replicas == r.Knee {
		notes = append(notes, "knee")
	}
	return strings.Join(notes, ", ")
}

// chart draws the response quantile against replicas. The axis ends well above the objective and the service time, since
// near saturation the curve goes to infinity.
func (r sizeResult) chart(q sizeQuestion) report.Chart {
	name := percentileName(r.Percentile)
	quantiles := !math.IsNaN(float64(r.endless.ResponseQuantileSeconds))
	if !quantiles {
		name = "mean"
	}
	quantile := report.Series{Name: name + " response time"}
	mean := report.Series{Name: "mean response time", Dashed: true}
	highest := 0.0
	for _, p := range r.Sweep {
		x, y := float64(p.Replicas), p.response()
		quantile.X, quantile.Y = append(quantile.X, x), append(quantile.Y, y)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, float64(p.MeanResponseSeconds))
		if !math.IsNaN(y) && !math.IsInf(y, 1) {
			highest = math.Max(highest, y)
		}
	}
	limit := q.target.Response.Latency
	if !quantiles {
		limit = q.target.MaxMeanResponse
	}
	series, objective := []report.Series{quantile, mean}, limit.Seconds()
	if !quantiles {
		series = series[:1]
	}
	c := report.Chart{
		Title:  fmt.Sprintf("%s response time of %s requests/s", name, short(q.rate)),
		X:      report.Axis{Label: "replicas"},
		Y:      report.Axis{Label: "seconds"},
		Series: series,
	}
	if most := math.Max(4*r.endless.response(), 2*objective); highest > most {
		c.Y.To = most
	}
	if objective > 0 {
		c.References = []report.Reference{{Y: objective, Label: fmt.Sprintf("objective %v", limit)}}
	}
	inside := func(n int) bool { return n >= r.Sweep[0].Replicas && n <= r.Sweep[len(r.Sweep)-1].Replicas }
	switch {
	case r.Knee == r.Replicas:
		c.Marks = []report.Mark{{X: float64(r.Knee), Label: fmt.Sprintf("target and knee: %d", r.Knee)}}
		return c
	case inside(r.Replicas):
		c.Marks = append(c.Marks, report.Mark{X: float64(r.Replicas), Label: fmt.Sprintf("target: %d", r.Replicas)})
	}
	if r.Knee > 0 {
		c.Marks = append(c.Marks, report.Mark{X: float64(r.Knee), Label: fmt.Sprintf("knee: %d", r.Knee)})
	}
	return c
}
