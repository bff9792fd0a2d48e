package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/externalmetrics"
)

// flags are the flags of the command.
type flags struct {
	config     string
	prometheus string
	kubeconfig string
	interval   time.Duration
	logLevel   slog.Level
	replayFrom string
	replayRate float64
	server     *externalmetrics.ServerOptions
}

func newFlags() *flags {
	return &flags{interval: config.DefaultInterval, replayRate: 1, server: externalmetrics.NewServerOptions()}
}

func (o *flags) add(f *pflag.FlagSet) {
	f.StringVarP(&o.config, "config", "f", "", "file with one or more PredictiveScalers (required)")
	f.StringVar(&o.prometheus, "prometheus", "", "base URL of the Prometheus server of scalers that name none")
	f.StringVar(&o.kubeconfig, "lister-kubeconfig", "", "kubeconfig of the cluster whose workloads' scale is read; the in-cluster configuration if empty")
	f.DurationVar(&o.interval, "interval", o.interval, "time between two decisions")
	f.TextVar(&o.logLevel, "log-level", slog.LevelInfo, "least level that is logged: DEBUG, INFO, WARN or ERROR")
	f.StringVar(&o.replayFrom, "replay-from", "", "play the past from this instant (RFC 3339) instead of the present; only with CSV arrivals and --standalone")
	f.Float64Var(&o.replayRate, "replay-speed", o.replayRate, "how many times faster than the clock on the wall to play")
	o.server.AddFlags(f)
}

// clock returns the clock of the decisions.
func (o *flags) clock() (externalmetrics.Clock, error) {
	if o.replayFrom == "" {
		return externalmetrics.Clock{}, nil
	}
	start, err := time.Parse(time.RFC3339, o.replayFrom)
	if err != nil {
		return externalmetrics.Clock{}, fmt.Errorf("--replay-from %q: must be RFC 3339, for example 2026-03-04T00:00:00Z", o.replayFrom)
	}
	if !(o.replayRate > 0 && o.replayRate <= 1e6) {
		return externalmetrics.Clock{}, fmt.Errorf("--replay-speed %g: must be above 0 and at most 1e6", o.replayRate)
	}
	if !o.server.Standalone {
		return externalmetrics.Clock{}, errors.New("--replay-from shows the past as if it were now, so it needs --standalone")
	}
	return externalmetrics.ReplayClock(start, time.Now(), o.replayRate), nil
}

// client returns the configuration of the cluster, nil in standalone mode.
func (o *flags) client() (*rest.Config, error) {
	if o.server.Standalone {
		return nil, nil
	}
	c, err := clientcmd.BuildConfigFromFlags("", o.kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("no cluster: %w; give --lister-kubeconfig, or --standalone to do without one", err)
	}
	return c, nil
}

// serve runs the loops and the APIService until the context ends.
func (o *flags) serve(ctx context.Context, logger *slog.Logger) error {
	if o.config == "" {
		return usageError{errors.New("--config is required: a file with PredictiveScalers")}
	}
	if o.interval < time.Second {
		return usageError{fmt.Errorf("--interval %s: must be at least 1s", o.interval)}
	}
	clock, err := o.clock()
	if err != nil {
		return usageError{err}
	}
	if err := o.server.Validate(); err != nil {
		return usageError{err}
	}
	scalers, err := config.ReadScalersFile(o.config)
	if err != nil {
		return usageError{err}
	}
	client, err := o.client()
	if err != nil {
		return usageError{err}
	}
	options := externalmetrics.LoopOptions{Clock: clock, Logger: logger, Fits: make(chan struct{}, runtime.GOMAXPROCS(0))}
	if client != nil {
		if options.Running, err = externalmetrics.NewScaleReader(client); err != nil {
			return err
		}
	}
	loops, err := o.loops(scalers, options)
	if err != nil {
		return usageError{err}
	}
	collector := &externalmetrics.Collector{}
	collector.Set(loops)
	server, err := externalmetrics.NewServer(o.server, client, externalmetrics.NewProvider(clock, loops), collector)
	if err != nil {
		return usageError{err}
	}
	logger.Info("prescale-adapter starts", "version", version, "scalers", len(loops), "interval", o.interval)

	ctx, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	for _, l := range loops {
		group.Go(func() { l.Run(ctx) })
	}
	err = server.Run(ctx)
	cancel()
	group.Wait()
	logger.Info("prescale-adapter stopped")
	return err
}

// loops opens the histories of the scalers.
func (o *flags) loops(scalers []config.Scaler, options externalmetrics.LoopOptions) ([]*externalmetrics.Loop, error) {
	loops := make([]*externalmetrics.Loop, len(scalers))
	for i, s := range scalers {
		if o.replayFrom != "" && !s.Source.Replayable() {
			return nil, fmt.Errorf("%s: PredictiveScaler %s: --replay-from needs CSV arrivals", o.config, s.Key())
		}
		h, err := s.Source.Open(o.prometheus)
		if err != nil {
			return nil, fmt.Errorf("%s: PredictiveScaler %s: %w", o.config, s.Key(), err)
		}
		s.Settings.Interval = o.interval
		loops[i] = externalmetrics.NewLoop(s, h, options)
	}
	return loops, nil
}
