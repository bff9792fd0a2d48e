package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/report"
	"github.com/prescale/prescale/simulator"
)

// simulateOutput is the JSON of prescale simulate.
type simulateOutput struct {
	Scenario          string           `json:"scenario"`
	Seed              uint64           `json:"seed"`
	Engine            string           `json:"engine"`
	Policies          []simulatePolicy `json:"policies"`
	WallSeconds       float64          `json:"wall_seconds"`
	RequestsPerSecond number           `json:"requests_per_second"`
}

// simulatePolicy is one policy. Numbers are means over the replications.
type simulatePolicy struct {
	Name              string            `json:"name"`
	Settings          map[string]any    `json:"settings"`
	Replications      int               `json:"replications"`
	Requests          number            `json:"requests"`
	SLOAttainment     number            `json:"slo_attainment"`
	SLOViolationRatio number            `json:"slo_violation_ratio"`
	LatencySeconds    map[string]number `json:"latency_seconds"`
	ReplicaHours      number            `json:"replica_hours"`
	Cost              number            `json:"cost"`
	Priced            map[string]number `json:"priced_objective"`
	ScaleUps          number            `json:"scale_ups"`
	ScaleDowns        number            `json:"scale_downs"`
	Dropped           number            `json:"dropped"`
	Retries           number            `json:"retries"`
	// Intervals of 95 % confidence, and those of the difference to the first policy on the same random numbers.
	Intervals    map[string][2]number `json:"intervals"`
	AgainstFirst map[string][3]number `json:"against_first,omitempty"`
}

func (s *study) writeJSON(w io.Writer) error {
	outcomes, err := s.outcomes()
	if err != nil {
		return err
	}
	out := simulateOutput{Scenario: s.Scenario, Seed: s.Seed, Engine: s.Engine, WallSeconds: s.WallSeconds, RequestsPerSecond: number(s.speed())}
	for _, o := range outcomes {
		p := simulatePolicy{
			Name: o.name, Settings: map[string]any{}, Replications: o.replications,
			Requests: o.number(simulator.MeasureRequests), SLOAttainment: o.number(simulator.MeasureAttainment),
			SLOViolationRatio: o.number(simulator.MeasureViolationRatio),
			LatencySeconds: map[string]number{
				"mean": o.number(simulator.MeasureMean), "p50": o.number(simulator.MeasureP50), "p95": o.number(simulator.MeasureP95),
				"p99": o.number(simulator.MeasureP99), "p999": o.number(simulator.MeasureP999),
			},
			ReplicaHours: o.number(simulator.MeasureReplicaHours), Cost: o.number(simulator.MeasureCost),
			Priced: map[string]number{
				"3": o.number(simulator.MeasurePriced3), "30": o.number(simulator.MeasurePriced30), "300": o.number(simulator.MeasurePriced300),
			},
			ScaleUps: o.number(simulator.MeasureScaleUps), ScaleDowns: o.number(simulator.MeasureScaleDowns),
			Dropped: number(o.dropped), Retries: o.number(simulator.MeasureRetries),
			Intervals: map[string][2]number{},
		}
		for _, set := range o.settings {
			if d, ok := set.Value.(time.Duration); ok {
				p.Settings[set.Name+"_seconds"] = d.Seconds()
				continue
			}
			p.Settings[set.Name] = set.Value
		}
		for m, v := range o.values {
			p.Intervals[string(m)] = [2]number{number(v.Low), number(v.High)}
		}
		if len(o.against) > 0 {
			p.AgainstFirst = map[string][3]number{}
			for m, v := range o.against {
				p.AgainstFirst[string(m)] = [3]number{number(v.Mean), number(v.Low), number(v.High)}
			}
		}
		out.Policies = append(out.Policies, p)
	}
	return writeJSON(w, out)
}

func (o *outcome) number(m simulator.Measure) number { return number(o.values[m].Mean) }

// speed returns simulated requests per second of wall time.
func (s *study) speed() float64 {
	total := 0.0
	for _, r := range s.Results {
		total += float64(r.Requests)
	}
	for _, r := range s.fluid {
		total += r.Requests
	}
	return total / s.WallSeconds
}

func (s *study) writeTable(w io.Writer) error {
	outcomes, err := s.outcomes()
	if err != nil {
		return err
	}
	table := s.table(outcomes)
	fmt.Fprintf(w, "%s: %s, %s of requests within %s\n\n", s.Scenario, s.Engine, percentText(s.Percentile), seconds(s.Latency))
	if err := table.WriteText(w); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nbad min is the share of minutes in which fewer than %s of the requests kept the objective; J is replica-hours and %g for\n"+
		"every replica-hour's worth of violating requests.", percentText(s.Percentile), s.ViolationPrice)
	if s.Engine == engineEvents && len(outcomes) > 0 {
		fmt.Fprintf(w, " ± is half a 95 %% interval over %d replications.", outcomes[0].replications)
	}
	fmt.Fprintf(w, "\n%s simulated requests in %s (%s/s)\n", short(s.speed()*s.WallSeconds), seconds(s.WallSeconds), short(s.speed()))
	return nil
}

// table has a row per policy.
func (s *study) table(outcomes []outcome) report.Table {
	table := report.Table{Columns: []report.Column{
		{Header: "policy"},
		{Header: "SLO kept", Align: report.Right},
		{Header: "bad min", Align: report.Right},
		{Header: "mean", Align: report.Right},
		{Header: "p95", Align: report.Right},
		{Header: "p99", Align: report.Right},
		{Header: "replica-h", Align: report.Right},
		{Header: "cost", Align: report.Right},
		{Header: "vs first", Align: report.Right},
		{Header: "J", Align: report.Right},
		{Header: "up/down", Align: report.Right},
		{Header: "dropped", Align: report.Right},
	}}
	for i := range outcomes {
		o := &outcomes[i]
		first := outcomes[0].values[simulator.MeasureCost].Mean
		versus := "-"
		if cost := o.values[simulator.MeasureCost].Mean; i > 0 && first > 0 {
			versus = fmt.Sprintf("%+.0f %%", 100*(cost/first-1))
		}
		table.Rows = append(table.Rows, []string{
			o.name,
			o.plusMinus(simulator.MeasureAttainment, percentText), o.plusMinus(simulator.MeasureViolationRatio, percentText),
			seconds(o.values[simulator.MeasureMean].Mean), seconds(o.values[simulator.MeasureP95].Mean), seconds(o.values[simulator.MeasureP99].Mean),
			o.plusMinus(simulator.MeasureReplicaHours, short), short(o.values[simulator.MeasureCost].Mean), versus,
			short(o.priced(s.ViolationPrice)),
			short(o.values[simulator.MeasureScaleUps].Mean) + "/" + short(o.values[simulator.MeasureScaleDowns].Mean),
			short(o.dropped),
		})
	}
	return table
}

// priced returns the priced objective, which is linear in the price.
func (o *outcome) priced(price float64) float64 {
	low, high := o.values[simulator.MeasurePriced3].Mean, o.values[simulator.MeasurePriced300].Mean
	return low + (price-3)*(high-low)/(300-3)
}

// plusMinus formats a mean with half its interval, if there is one that shows.
func (o *outcome) plusMinus(m simulator.Measure, format func(float64) string) string {
	v := o.values[m]
	text := format(v.Mean)
	if half := (v.High - v.Low) / 2; half > 0 && format(half) != format(0) {
		text += " ±" + strings.TrimSuffix(format(half), " %")
	}
	return text
}

// percentText formats a ratio; the closer to 1, the more digits.
func percentText(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	decimals := 1
	if v > 0.99 && v < 1 {
		decimals = 2
	}
	if v > 0.9999 && v < 1 {
		decimals = 4
	}
	return strconv.FormatFloat(100*v, 'f', decimals, 64) + " %"
}

// seconds formats a time of any size.
func seconds(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v < 1:
		return strconv.FormatFloat(1000*v, 'g', 3, 64) + "ms"
	case v < 120:
		return strconv.FormatFloat(v, 'g', 3, 64) + "s"
	}
	return time.Duration(v * float64(time.Second)).Round(time.Second).String()
}

// settingsText lists settings for a reader.
func settingsText(settings []replay.Setting) string {
	texts := make([]string, len(settings))
	for i, s := range settings {
		texts[i] = fmt.Sprintf("%s %v", strings.ReplaceAll(s.Name, "_", " "), s.Value)
	}
	return strings.Join(texts, ", ")
}
