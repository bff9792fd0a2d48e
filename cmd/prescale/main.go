// Command prescale sizes, forecasts and explains: everything that needs no cluster.
//
//	prescale size       replicas for a rate, by queueing formulas
//	prescale forecast   the rate ahead, with quantiles, from a history
//	prescale backtest   how good the forecasts would have been
//	prescale recommend  one decision, explained
//	prescale simulate   what-if: latency, SLO and cost of scaling policies under a load
//	prescale validate   check configuration files
//	prescale demo       the whole thing on this machine, in half a minute
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// Exit codes, a contract with scripts.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// usageError marks what the user can mend: the command line, or the input.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// errReported ends a command with exit code 1 when everything has been said already.
var errReported = errors.New("reported")

// run is the whole program; it returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "prescale: %v\n", err)
	}
	if usage := (usageError{}); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "prescale",
		Short: "Size Kubernetes workloads before their load arrives",
		Long: `prescale forecasts the request rate of a service from its history and turns the forecast into
replicas with queueing formulas, so that a latency objective holds before the load arrives.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		// Without a subcommand the help is shown; a word that is none is an error.
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError{fmt.Errorf("unknown command %q; %s --help lists the commands", args[0], cmd.Name())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; %s --help lists the flags", err, cmd.CommandPath())}
	})
	root.AddCommand(newSize(), newForecast(), newBacktest(), newAccuracy(), newRecommend(), newSimulate(), newValidate(), newDemo())
	return root
}

// noArgs refuses positional arguments as wrong usage.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no arguments, got %q", cmd.CommandPath(), args)}
	}
	return nil
}
