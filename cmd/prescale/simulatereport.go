package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/report"
	"github.com/prescale/prescale/simulator"
)

// mostLines is how many policies one chart over time shows: as many as there are colors.
const mostLines = 6

func (s *study) writeHTML(w io.Writer) error {
	outcomes, err := s.outcomes()
	if err != nil {
		return err
	}
	shown := shownPolicies(outcomes)
	page := report.Page{
		Title:  "What if: " + s.Scenario,
		Lead:   s.lead(outcomes),
		Facts:  s.facts(outcomes),
		Footer: fmt.Sprintf("prescale %s, %s. Engine %s, seed %d, %s simulated in %s.", version, strings.Join(os.Args[1:], " "), s.Engine, s.Seed, requestsText(s.speed()*s.WallSeconds), seconds(s.WallSeconds)),
	}
	table := s.table(outcomes)
	page.Sections = append(page.Sections,
		report.Section{
			Title: "Policies",
			Text: []string{fmt.Sprintf("Bad minutes are those in which fewer than %s of the requests were answered within %s. J adds to the replica-hours "+
				"%g for every replica-hour's worth of requests that violate the objective. All policies met the same requests.",
				percentText(s.Percentile), seconds(s.Latency), s.ViolationPrice)},
			Table: &table,
		},
		report.Section{
			Title:  "Cost against violations",
			Text:   []string{"Down and to the left is better. A line connects the settings of one policy that were swept."},
			Charts: []report.Chart{frontierChart(outcomes)},
		},
	)
	if s.load != nil && len(shown) > 0 {
		page.Sections = append(page.Sections, s.timeSections(shown)...)
	}
	return page.WriteHTML(w)
}

// lead says who keeps the objective at the least cost.
func (s *study) lead(outcomes []outcome) string {
	best := -1
	for i := range outcomes {
		o := &outcomes[i]
		if clairvoyant(o) || !(o.values[simulator.MeasureAttainment].Mean >= s.Percentile) {
			continue
		}
		if best < 0 || o.values[simulator.MeasureCost].Mean < outcomes[best].values[simulator.MeasureCost].Mean {
			best = i
		}
	}
	objective := fmt.Sprintf("%s of the requests within %s", percentText(s.Percentile), seconds(s.Latency))
	if best < 0 {
		return "No policy that can be had answers " + objective + " in this scenario."
	}
	return fmt.Sprintf("Of the policies that answer %s, %s costs the least.", objective, outcomes[best].name)
}

// clairvoyant policies are bounds, not choices.
func clairvoyant(o *outcome) bool { return strings.HasPrefix(o.name, "oracle") }

func (s *study) facts(outcomes []outcome) []report.Fact {
	var facts []report.Fact
	for i := range outcomes {
		o := &outcomes[i]
		if i >= 4 {
			break
		}
		facts = append(facts, report.Fact{
			Name: o.name, Value: percentText(o.values[simulator.MeasureAttainment].Mean),
			Note: short(o.values[simulator.MeasureReplicaHours].Mean) + " replica-hours",
		})
	}
	return facts
}

// shownPolicies leaves out what a sweep made but for its first member, and what has no timeline.
func shownPolicies(outcomes []outcome) []outcome {
	var out []outcome
	seen := map[string]bool{}
	for _, o := range outcomes {
		base := strings.SplitN(o.name, " ", 2)[0]
		if seen[base] || len(o.timeline) == 0 {
			continue
		}
		seen[base] = true
		out = append(out, o)
	}
	return out
}

// frontierChart places every policy by its cost and its bad minutes; members of a sweep are connected.
func frontierChart(outcomes []outcome) report.Chart {
	chart := report.Chart{
		Title: "Bad minutes over cost", Height: 420,
		X: report.Axis{Label: "cost"}, Y: report.Axis{Label: "bad minutes, %"},
	}
	index := map[string]int{}
	for i := range outcomes {
		o := &outcomes[i]
		base := strings.SplitN(o.name, " ", 2)[0]
		at, seen := index[base]
		if !seen {
			at = len(chart.Series)
			index[base] = at
			chart.Series = append(chart.Series, report.Series{Name: base, Dots: true})
		}
		line := &chart.Series[at]
		line.X = append(line.X, o.values[simulator.MeasureCost].Mean)
		line.Y = append(line.Y, 100*o.values[simulator.MeasureViolationRatio].Mean)
	}
	for i := range chart.Series {
		line := &chart.Series[i]
		order := make([]int, len(line.X))
		for j := range order {
			order[j] = j
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case line.X[a] < line.X[b]:
				return -1
			case line.X[a] > line.X[b]:
				return 1
			}
			return 0
		})
		x, y := make([]float64, len(order)), make([]float64, len(order))
		for j, from := range order {
			x[j], y[j] = line.X[from], line.Y[from]
		}
		line.X, line.Y = x, y
	}
	least, most := math.Inf(1), math.Inf(-1)
	for _, line := range chart.Series {
		least, most = min(least, line.X[0]), max(most, line.X[len(line.X)-1])
	}
	if margin := (most - least) / 20; margin > 0 {
		chart.X.From, chart.X.To = max(0, least-margin), most+margin
	}
	return chart
}

// timeSections show the load, all policies side by side, and each of them with its reasons.
func (s *study) timeSections(shown []outcome) []report.Section {
	start := s.load.Config.Start
	axis := report.Axis{Time: true, Label: "time (UTC)"}
	x := func(o *outcome) []float64 {
		at := make([]float64, len(o.timeline))
		for i, m := range o.timeline {
			at[i] = report.Seconds(start.Add(m.at))
		}
		return at
	}
	series := func(o *outcome, name string, step bool, value func(moment) float64) report.Series {
		y := make([]float64, len(o.timeline))
		for i, m := range o.timeline {
			y[i] = value(m)
		}
		return report.Series{Name: name, X: x(o), Y: y, Step: step}
	}

	load := report.Chart{
		Title: "Offered load", X: axis, Y: report.Axis{Label: "requests per second"}, Height: 300,
		Series: []report.Series{series(&shown[0], "arrived", false, func(m moment) float64 { return m.rate }), s.expected(len(shown[0].timeline))},
	}
	for _, e := range s.load.Calendar {
		load.Marks = append(load.Marks, report.Mark{X: report.Seconds(e.From), Label: e.Name})
	}
	if s.fan != nil {
		s.fan.draw(&load)
	}

	ready := report.Chart{Title: "Ready replicas", X: axis, Y: report.Axis{Label: "replicas"}}
	latency := report.Chart{
		Title: "Latency, 99th percentile of each minute", X: axis, Y: report.Axis{Label: "seconds", To: 4 * s.Latency, From: 0},
		References: []report.Reference{{Y: s.Latency, Label: "objective " + seconds(s.Latency)}},
	}
	slow := report.Chart{Title: "Requests that violate the objective", X: axis, Y: report.Axis{Label: "%", From: 0, To: 100}}
	var sections []report.Section
	for i := range shown {
		o := &shown[i]
		if i < mostLines {
			ready.Series = append(ready.Series, series(o, o.name, true, func(m moment) float64 { return m.ready }))
			latency.Series = append(latency.Series, series(o, o.name, false, func(m moment) float64 { return m.p99 }))
			slow.Series = append(slow.Series, series(o, o.name, false, func(m moment) float64 { return 100 * m.slow }))
		}
		sections = append(sections, policySection(s, o, axis, series))
	}
	compared := []report.Chart{ready}
	if slices.ContainsFunc(latency.Series, func(l report.Series) bool { return slices.ContainsFunc(l.Y, func(v float64) bool { return v == v }) }) {
		compared = append(compared, latency)
	}
	compared = append(compared, slow)
	return append([]report.Section{
		{Title: "Load", Charts: []report.Chart{load}},
		{Title: "Side by side", Charts: compared},
	}, sections...)
}

// policySection shows one policy: what it wanted and got, its latencies, and the reason of every decision under the
// pointer.
func policySection(s *study, o *outcome, axis report.Axis, series func(*outcome, string, bool, func(moment) float64) report.Series) report.Section {
	start := s.load.Config.Start
	replicas := report.Chart{
		Title: "Replicas", X: axis, Y: report.Axis{Label: "replicas"}, Height: 300,
		Series: []report.Series{
			series(o, "wanted", true, func(m moment) float64 { return m.wanted }),
			series(o, "ready", true, func(m moment) float64 { return m.ready }),
		},
	}
	last := ""
	for _, m := range o.timeline {
		if m.reason != "" && m.reason != last {
			replicas.Notes = append(replicas.Notes, report.Note{X: report.Seconds(start.Add(m.at)), Text: m.reason})
			last = m.reason
		}
	}
	section := report.Section{Title: o.name, Folded: true, Charts: []report.Chart{replicas}}
	if text := settingsText(o.settings); text != "" {
		section.Text = []string{"Settings: " + text + "."}
	}
	latencies := report.Chart{
		Title: "Latency", X: axis, Y: report.Axis{Label: "seconds"}, Height: 300,
		References: []report.Reference{{Y: s.Latency, Label: "objective " + seconds(s.Latency)}},
		Series: []report.Series{
			series(o, "p50", false, func(m moment) float64 { return m.p50 }),
			series(o, "p95", false, func(m moment) float64 { return m.p95 }),
			series(o, "p99", false, func(m moment) float64 { return m.p99 }),
		},
	}
	if slices.ContainsFunc(latencies.Series[0].Y, func(v float64) bool { return v == v }) {
		section.Charts = append(section.Charts, latencies)
	}
	return section
}

// expected is the schedule's rate, averaged over each point of the timeline.
func (s *study) expected(n int) report.Series {
	schedule, duration := s.load.Config.Arrivals.Schedule, s.load.Config.Duration
	step := duration / time.Duration(max(n, 1))
	out := report.Series{Name: "expected", Dashed: true, Step: true}
	trace := arrivals.Trace{Start: s.load.Config.Start, Step: step}
	for i := range n {
		from := time.Duration(i) * step
		rate := (schedule.Cumulative(from+step) - schedule.Cumulative(from)) / step.Seconds()
		out.X, out.Y = append(out.X, report.Seconds(trace.Time(i))), append(out.Y, math.Max(rate, 0))
	}
	return out
}

func requestsText(n float64) string { return short(n) + " requests" }
