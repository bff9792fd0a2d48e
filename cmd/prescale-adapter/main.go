// Command prescale-adapter serves the recommendations of PredictiveScalers as external metrics.
//
// In file mode, the only one so far, the scalers are read from a file:
//
//	prescale-adapter --config scalers.yaml --prometheus http://prometheus:9090
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr, bridgeLibraries)
	stop()
	os.Exit(code)
}

// usageError marks what the user can mend on the command line or in the configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// bridgeLibraries sends what the Kubernetes libraries log to the program's own log. They have one
// logger for the process, which must be set before any of them runs.
func bridgeLibraries(logger *slog.Logger) { klog.SetLogger(logr.FromSlogHandler(logger.Handler())) }

// run is the whole program. It hands its log to bridge, and returns the exit code: 0 stopped as asked,
// 1 failed, 2 wrong usage or configuration.
func run(ctx context.Context, args []string, stdout, stderr io.Writer, bridge func(*slog.Logger)) int {
	cmd := newCommand(bridge)
	cmd.SetArgs(args)
	cmd.SetOut(stdout)
	cmd.SetErr(stderr)
	err := cmd.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "prescale-adapter: %v\n", err)
	if usage := (usageError{}); errors.As(err, &usage) {
		return 2
	}
	return 1
}

func newCommand(bridge func(*slog.Logger)) *cobra.Command {
	o := newFlags()
	cmd := &cobra.Command{
		Use:   "prescale-adapter --config scalers.yaml",
		Short: "Serve replica recommendations as Kubernetes external metrics",
		Long: `prescale-adapter reads PredictiveScalers from a file, forecasts their arrivals, decides how many
replicas each workload needs by the time they can be ready, and serves that number as the external
metric prescale-desired-replicas, for a HorizontalPodAutoscaler with target AverageValue 1.`,
		Example: `  # In a cluster, scalers in a ConfigMap:
  prescale-adapter --config /etc/prescale/scalers.yaml --prometheus http://prometheus.monitoring:9090

  # On your own machine, without a cluster:
  prescale-adapter --config scalers.yaml --standalone --bind-address 127.0.0.1 --secure-port 6443
  curl -k 'https://127.0.0.1:6443/apis/external.metrics.k8s.io/v1beta1/namespaces/default/prescale-desired-replicas?labelSelector=scaler%3Dweb'`,
		Version:       version,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: o.logLevel}))
			bridge(logger)
			return o.serve(cmd.Context(), logger)
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w; prescale-adapter --help lists the flags", err)}
	})
	o.add(cmd.Flags())
	return cmd
}
