package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/simulator"
)

// The engines.
const (
	engineEvents = "events"
	engineFluid  = "fluid"
)

// simulateFlags are those of prescale simulate.
type simulateFlags struct {
	file         string
	policies     []string
	engine       string
	seed         uint64
	replications int
	shard        string
	outFile      string
}

func newSimulate() *cobra.Command {
	var flags simulateFlags
	cmd := &cobra.Command{
		Use:   "simulate -f SCENARIO",
		Short: "What if: latency, SLO and cost of scaling policies under a load",
		Long: `simulate plays a scenario (a load, a service, and policies to scale it) and compares the policies: how many
requests kept the objective, how many replica-hours that took, and what it cost. All policies meet the same requests,
see them through the same metrics and scale through the same HPA, so that differences are theirs.

The engine events simulates every request: queues, balancer, timeouts, retries, cold starts, failures. It repeats the
scenario with other random numbers, and intervals say how far chance goes. The engine fluid computes expected values in
steps of 15 s: weeks take milliseconds, retries and failures are not modeled.

Big sweeps can be divided: run every shard somewhere, then merge the files.`,
		Example: `  prescale simulate -f examples/scenarios/promotion.yaml
  prescale simulate -f promotion.yaml --policies predictive,hpa-rate --replications 20
  prescale simulate -f promotion.yaml -o html --out promotion.html
  prescale simulate -f promotion.yaml --engine fluid -o json
  prescale simulate -f promotion.yaml --shard 0/2 --out part0.json && prescale simulate merge part0.json part1.json`,
		Args: noArgs,
	}
	f := cmd.Flags()
	f.StringVarP(&flags.file, "file", "f", "", "file with a Scenario (required)")
	f.StringSliceVar(&flags.policies, "policies", nil, "play only the policies of these names")
	f.StringVar(&flags.engine, "engine", engineEvents, "events or fluid")
	f.Uint64Var(&flags.seed, "seed", 0, "seed of the random numbers (the scenario's)")
	f.IntVar(&flags.replications, "replications", 3, "how often the engine events repeats the scenario; intervals need two")
	f.StringVar(&flags.shard, "shard", "", "play only the i-th of n parts of the replications, i/n with i from 0, and write a file to merge")
	f.StringVar(&flags.outFile, "out", "", "write to this file instead of standard output")
	out := addOutput(cmd, "table", "json", "html")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := out.check(); err != nil {
			return err
		}
		shard, shards, err := parseShard(flags.shard)
		if err != nil {
			return err
		}
		scenario, err := readScenario(flags.file)
		if err != nil {
			return err
		}
		if cmd.Flags().Changed("seed") {
			scenario.Seed = flags.seed
		}
		if scenario.Policies, err = choosePolicies(scenario.Policies, flags.policies); err != nil {
			return err
		}
		study, runErr := simulate(cmd, scenario, flags, shard, shards)
		if runErr != nil && study == nil {
			return runErr
		}
		if errors.Is(runErr, context.Canceled) {
			fmt.Fprintf(cmd.ErrOrStderr(), "simulate: interrupted: %d of %d runs are finished and shown\n",
				len(study.Results), flags.replications*len(scenario.Policies))
		}
		if out.format == "html" && runErr == nil {
			f, ok, err := forecastFan(cmd.Context(), &scenario)
			if err != nil {
				return err
			}
			if ok {
				study.fan = &f
			}
		}
		if err := writeStudy(cmd, study, out.format, flags.outFile, shards > 0); err != nil {
			return err
		}
		if runErr != nil {
			return errReported
		}
		return nil
	}
	cmd.AddCommand(newSimulateMerge())
	return cmd
}

// simulate plays the scenario. With an error it returns what was finished, or nil.
func simulate(cmd *cobra.Command, scenario config.Scenario, flags simulateFlags, shard, shards int) (*study, error) {
	started := time.Now()
	s := newStudy(scenario, flags.engine)
	show, done := progressBar(cmd.ErrOrStderr(), "simulating")
	defer done()
	switch flags.engine {
	case engineFluid:
		if shards > 0 {
			return nil, usageError{errors.New("--shard: the engine fluid has nothing to divide")}
		}
		if err := s.playFluid(cmd, scenario, show); err != nil {
			return nil, err
		}
	case engineEvents:
		if flags.replications < 1 {
			return nil, usageError{fmt.Errorf("--replications %d: must be at least 1", flags.replications)}
		}
		results, err := simulator.RunAll(cmd.Context(), simulator.Experiment{
			Config: &scenario.Config, Policies: scenario.Policies, Seed: scenario.Seed,
			Replications: flags.replications, Shard: shard, Shards: shards,
			Progress: func(p simulator.Progress) { show(p.Share) },
		})
		s.Results = results
		s.WallSeconds = time.Since(started).Seconds()
		if err != nil && (len(results) == 0 || !errors.Is(err, context.Canceled)) {
			return nil, err
		}
		return s, err
	default:
		return nil, usageError{fmt.Errorf("--engine %q: must be %s or %s", flags.engine, engineEvents, engineFluid)}
	}
	s.WallSeconds = time.Since(started).Seconds()
	return s, nil
}

// readScenario returns the scenario of a file.
func readScenario(path string) (config.Scenario, error) {
	if path == "" {
		return config.Scenario{}, usageError{errors.New("-f is required: a file with a Scenario, for example examples/scenarios/promotion.yaml")}
	}
	s, err := config.ReadScenarioFile(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("-f: %w", err)
		}
		return config.Scenario{}, usageError{err}
	}
	return s, nil
}

// choosePolicies returns the policies of the given names; a name also stands for what its sweep made of it.
func choosePolicies(all []replay.Policy, names []string) ([]replay.Policy, error) {
	if len(names) == 0 {
		return all, nil
	}
	base := func(p replay.Policy) string { return strings.SplitN(p.Name(), " ", 2)[0] }
	var chosen []replay.Policy
	for _, name := range names {
		before := len(chosen)
		for _, p := range all {
			if p.Name() == name || base(p) == name {
				chosen = append(chosen, p)
			}
		}
		if len(chosen) == before {
			var have []string
			for _, p := range all {
				if !slices.Contains(have, base(p)) {
					have = append(have, base(p))
				}
			}
			return nil, usageError{fmt.Errorf("--policies: the scenario has no policy %q, but %s", name, strings.Join(have, ", "))}
		}
	}
	return chosen, nil
}

// parseShard reads i/n; "" is no shard.
func parseShard(text string) (shard, shards int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	i, n, found := strings.Cut(text, "/")
	shard, errI := strconv.Atoi(i)
	shards, errN := strconv.Atoi(n)
	if !found || errI != nil || errN != nil || shards < 1 || shard < 0 || shard >= shards {
		return 0, 0, usageError{fmt.Errorf("--shard %q: must be i/n with i from 0 to n-1, for example 0/4", text)}
	}
	return shard, shards, nil
}

// writeStudy writes the results where they are wanted.
func writeStudy(cmd *cobra.Command, s *study, format, outFile string, part bool) error {
	var b bytes.Buffer
	var err error
	switch {
	case part:
		err = s.writePart(&b)
	case format == "json":
		err = s.writeJSON(&b)
	case format == "html":
		err = s.writeHTML(&b)
	default:
		err = s.writeTable(&b)
	}
	if err != nil {
		return err
	}
	if outFile == "" {
		_, err = cmd.OutOrStdout().Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(outFile, b.Bytes(), 0o644); err != nil { //nolint:gosec // a report is for others to read
		return usageError{fmt.Errorf("--out: %w", err)}
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "simulate: wrote %s\n", outFile)
	return nil
}
