package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/simulator"
)

// study is what a simulation came to, of one process or merged from several. It can be written and read again.
type study struct {
	Scenario string  `json:"scenario"`
	Seed     uint64  `json:"seed"`
	Engine   string  `json:"engine"`
	Latency  float64 `json:"objective_latency_seconds"`
	// Percentile of the objective.
	Percentile     float64 `json:"objective_percentile"`
	ViolationPrice float64 `json:"violation_price"`
	WallSeconds    float64 `json:"wall_seconds"`

	Results []*simulator.Result `json:"results"`

	fluid []fluidRun
	// load is what arrives, for the report; it has no place in a part.
	load *config.Scenario
	fan  *fan
}

// fluidRun is one policy in the engine fluid.
type fluidRun struct {
	*replay.Result
	perReplicaHour float64
	cost           float64
}

func newStudy(c config.Scenario, engine string) *study {
	return &study{
		Scenario: c.Name, Seed: c.Seed, Engine: engine,
		Latency: c.Config.Objective.Latency.Seconds(), Percentile: c.Config.Objective.Percentile, ViolationPrice: c.ViolationPrice,
		load: &c,
	}
}

// playFluid plays every policy in the fluid engine.
func (s *study) playFluid(cmd *cobra.Command, c config.Scenario, show func(float64)) error {
	fluid, err := replay.NewFluid(*c.Environment, c.Config.Arrivals.Schedule, replay.FluidOptions{
		MaxWaiting: max(c.Config.Queue.MaxPerReplica, 0), Timeout: c.Config.Client.Timeout, Grace: c.Config.Termination.Grace,
		Noise:    replay.CountNoise{Dispersion: c.Dispersion, Seed: c.Seed},
		Timeline: true, Reasons: true,
	})
	if err != nil {
		return err
	}
	for what, present := range map[string]bool{
		"retries": c.Config.Client.Retries > 0, "failures and evictions": c.Config.Failures != (simulator.Failures{}),
	} {
		if present {
			fmt.Fprintf(cmd.ErrOrStderr(), "simulate: the engine fluid does not model %s\n", what)
		}
	}
	s.fluid = make([]fluidRun, len(c.Policies))
	var finished atomic.Int64
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, p := range c.Policies {
		group.Go(func() error {
			r, err := fluid.Run(ctx, p)
			if err != nil {
				return err
			}
			s.fluid[i] = fluidRun{Result: r, perReplicaHour: c.Environment.RequestsPerReplicaHour(), cost: r.ReplicaHours * c.Config.ReplicaHourCost}
			show(float64(finished.Add(1)) / float64(len(c.Policies)))
			return nil
		})
	}
	return group.Wait()
}

// outcome is one policy, as tables and JSON show it. Numbers that an engine does not tell are NaN.
type outcome struct {
	name         string
	settings     []replay.Setting
	replications int
	values       map[simulator.Measure]simulator.Interval
	against      map[simulator.Measure]simulator.Interval
	dropped      float64
	timeline     []moment
}

// outcomes summarizes by policy. The first policy is the one that the others are compared with.
func (s *study) outcomes() ([]outcome, error) {
	if s.Engine == engineFluid {
		return s.fluidOutcomes(), nil
	}
	results := s.Results
	if len(results) == 0 {
		return nil, errors.New("no run has finished")
	}
	first := results[0].Index
	for _, r := range results {
		first = min(first, r.Index)
	}
	summaries, err := simulator.Summarize(results, simulator.DefaultConfidence, first)
	if err != nil { // an interrupted study may lack runs to compare with
		if summaries, err = simulator.Summarize(results, simulator.DefaultConfidence, -1); err != nil {
			return nil, err
		}
	}
	out := make([]outcome, len(summaries))
	for i, sum := range summaries {
		o := outcome{name: sum.Policy, settings: sum.Settings, replications: len(sum.Replications), values: sum.Intervals, against: sum.Against}
		for _, r := range sum.Replications {
			o.dropped += float64(r.Failed) / float64(len(sum.Replications))
		}
		o.timeline = eventsTimeline(sum.Replications[0])
		out[i] = o
	}
	return out, nil
}

func (s *study) fluidOutcomes() []outcome {
	out := make([]outcome, len(s.fluid))
	for i, r := range s.fluid {
		single := func(v float64) simulator.Interval {
			return simulator.Interval{Mean: v, Low: math.NaN(), High: math.NaN()}
		}
		unknown := single(math.NaN())
		out[i] = outcome{
			name: r.Policy, settings: r.Settings, replications: 1, dropped: r.Lost,
			values: map[simulator.Measure]simulator.Interval{
				simulator.MeasureRequests: single(r.Requests), simulator.MeasureFailed: single(r.Lost), simulator.MeasureRetries: unknown,
				simulator.MeasureAttainment: single(r.Attainment()), simulator.MeasureViolationRatio: single(r.ViolationRatio()),
				simulator.MeasureMean: single(r.MeanResponseSeconds),
				simulator.MeasureP50:  unknown, simulator.MeasureP95: unknown, simulator.MeasureP99: unknown, simulator.MeasureP999: unknown,
				simulator.MeasureReplicaHours: single(r.ReplicaHours), simulator.MeasureCost: single(r.cost),
				simulator.MeasureScaleUps: single(float64(r.ScaleUps)), simulator.MeasureScaleDowns: single(float64(r.ScaleDowns)),
				simulator.MeasurePriced3:   single(r.Objective(3, r.perReplicaHour)),
				simulator.MeasurePriced30:  single(r.Objective(30, r.perReplicaHour)),
				simulator.MeasurePriced300: single(r.Objective(300, r.perReplicaHour)),
			},
			timeline: fluidTimeline(r.Timeline),
		}
	}
	return out
}

// writePart writes a part for simulate merge.
func (s *study) writePart(w io.Writer) error {
	return json.NewEncoder(w).Encode(s)
}

func newSimulateMerge() *cobra.Command {
	var outFile string
	cmd := &cobra.Command{
		Use:   "merge PART...",
		Short: "Bring the parts of a simulation together that ran as shards",
		Example: `  prescale simulate merge part*.json
  prescale simulate merge part*.json -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("%s needs the files that simulate --shard wrote", cmd.CommandPath())}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&outFile, "out", "", "write to this file instead of standard output")
	out := addOutput(cmd, "table", "json", "html")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := out.check(); err != nil {
			return err
		}
		merged, err := mergeParts(args)
		if err != nil {
			return usageError{err}
		}
		return writeStudy(cmd, merged, out.format, outFile, false)
	}
	return cmd
}

// mergeParts reads parts of the same simulation.
func mergeParts(files []string) (*study, error) {
	var merged *study
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var part study
		if err := json.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("%s: is no part of a simulation: %w", name, err)
		}
		if part.Scenario == "" || part.Engine == "" {
			return nil, fmt.Errorf("%s: is no part of a simulation: write one with simulate --shard", name)
		}
		if merged == nil {
			merged = &part
			continue
		}
		if part.Scenario != merged.Scenario || part.Seed != merged.Seed || part.Latency != merged.Latency || part.Percentile != merged.Percentile {
			return nil, fmt.Errorf("%s: is part of scenario %s with seed %d, not of %s with seed %d", name, part.Scenario, part.Seed, merged.Scenario, merged.Seed)
		}
		merged.Results = append(merged.Results, part.Results...)
		merged.WallSeconds = max(merged.WallSeconds, part.WallSeconds)
	}
	return merged, nil
}

// moment is one point of a timeline.
type moment struct {
	at                     time.Duration
	rate                   float64
	wanted, running, ready float64
	p50, p95, p99          float64
	slow                   float64 // share of violating requests
	reason                 string
}

func eventsTimeline(r *simulator.Result) []moment {
	out := make([]moment, len(r.Timeline))
	for i, m := range r.Timeline {
		out[i] = moment{
			at: m.At, rate: float64(m.Requests) / 60, wanted: float64(m.Wanted), running: float64(m.Running), ready: float64(m.Ready),
			p50: m.P50, p95: m.P95, p99: m.P99, slow: float64(m.Violations) / float64(m.Requests), reason: m.Reason,
		}
	}
	return out
}

func fluidTimeline(samples []replay.Sample) []moment {
	out := make([]moment, len(samples))
	unknown := math.NaN()
	for i, m := range samples {
		out[i] = moment{
			at: m.At, rate: m.Rate, wanted: float64(m.Desired), running: float64(m.Starting + m.Ready), ready: float64(m.Ready),
			p50: unknown, p95: unknown, p99: unknown, slow: m.Slow, reason: m.Why,
		}
	}
	return out
}
