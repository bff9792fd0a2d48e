package externalmetrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/history"
	"github.com/prescale/prescale/planner"
)

// Running tells how many replicas a workload's scale asks for now.
type Running interface {
	Replicas(ctx context.Context, namespace string, target autoscalingv2.CrossVersionObjectReference) (int32, error)
}

const (
	// fetchTimeout bounds all requests of one refresh; a page of history has its own, shorter timeout.
	fetchTimeout = 2 * time.Minute
	// refetchSteps is how many of the newest buckets are read again at every refresh: late scrapes still
	// change them, and a source can tell an outage from sparse data only by what was before it.
	refetchSteps = 30
	// scaleTimeout bounds a look at the scale of the target.
	scaleTimeout = 10 * time.Second
	// fitRetry is how soon a forecast that could not be fitted is tried again.
	fitRetry = 5 * time.Minute
)

// Snapshot is what a loop has published last.
type Snapshot struct {
	// Recommendation is the last decision; its source is Hold if there is nothing to act on.
	Recommendation planner.Recommendation
	// Trouble is what went wrong at the last refresh, nil if nothing did. The recommendation may still
	// be good, resting on what was read before.
	Trouble error
	// Warnings came with the data.
	Warnings []string
	// Decisions and Failures count since the start, decisions by source.
	Decisions map[planner.Source]uint64
	Failures  uint64
}

// LoopOptions are the surroundings of a loop.
type LoopOptions struct {
	Clock   Clock
	Running Running      // nil if there is no cluster to ask
	Logger  *slog.Logger // required
	// Fits bounds how many forecasts are fitted at once, over all loops that share it.
	Fits chan struct{}
}

// Loop keeps the decision of one scaler up to date.
type Loop struct {
	scaler  config.Scaler
	history config.History
	options LoopOptions
	logger  *slog.Logger
	latest  atomic.Pointer[Snapshot]

	// The rest belongs to Run.
	trace      arrivals.Trace
	running    int32
	state      planner.State
	forecast   *planner.Forecast
	noForecast string
	pending    bool // the first fit has not ended
	fitAfter   time.Time
	trouble    error
	warnings   []string
	decisions  map[planner.Source]uint64
	failures   uint64
}

// NewLoop returns a loop that Run starts.
func NewLoop(s config.Scaler, h config.History, o LoopOptions) *Loop {
	return &Loop{
		scaler: s, history: h, options: o,
		logger:     o.Logger.With("namespace", s.Namespace, "scaler", s.Name),
		running:    -1,
		noForecast: "the forecast is still being fitted", pending: true,
		decisions: map[planner.Source]uint64{},
	}
}

// Scaler returns what the loop decides for.
func (l *Loop) Scaler() config.Scaler { return l.scaler }

// Latest returns what was published last, nil before the first decision. It must not be changed.
func (l *Loop) Latest() *Snapshot { return l.latest.Load() }

// refresh is the result of reading the source once.
type refresh struct {
	result history.Result
	err    error
}

// fit is the result of fitting a forecast.
type fit struct {
	forecast *planner.Forecast
	err      error
}

// Run refreshes and decides at the scaler's interval until the context ends. A slow or dead source
// delays no decision: it only makes the data behind it older. Run returns when all it started has
// ended.
func (l *Loop) Run(ctx context.Context) {
	var (
		refreshed  = make(chan refresh, 1)
		scaled     = make(chan int32, 1)
		fitted     = make(chan fit, 1)
		refreshing = false
		scaling    = false
		fitting    = false
	)
	ticker := time.NewTicker(l.options.Clock.Wall(l.scaler.Settings.Interval))
	defer ticker.Stop()
	// The two reads do not wait for each other: a source that hangs must not hide what runs.
	start := func() (waits bool) {
		if !scaling && l.options.Running != nil {
			scaling = true
			go func() { scaled <- l.readScale(ctx) }()
		}
		if refreshing {
			return false
		}
		refreshing = true
		from, to := l.missing()
		go func() { refreshed <- l.read(ctx, from, to) }()
		return true
	}
	start()
	for {
		select {
		case <-ctx.Done():
			if refreshing {
				<-refreshed
			}
			if scaling {
				<-scaled
			}
			if fitting {
				<-fitted
			}
			return
		case <-ticker.C:
			if start() {
				continue // the decision follows when the data are there
			}
		case r := <-refreshed:
			refreshing = false
			l.absorb(r)
			if scaling && l.Latest() == nil {
				// The first decision must know what runs, or it might give some of it back.
				scaling = false
				l.see(<-scaled)
			}
		case n := <-scaled:
			scaling = false
			l.see(n)
			continue
		case f := <-fitted:
			fitting = false
			l.adopt(f)
		}
		if !fitting && l.wantsFit() {
			fitting = true
			trace := l.trace
			go func() { fitted <- l.fit(ctx, trace) }()
		}
		if ctx.Err() == nil {
			l.decide()
		}
	}
}

// missing returns the period that has not been read yet, with a little overlap.
func (l *Loop) missing() (from, to time.Time) {
	to = l.options.Clock.Now()
	from = to.Add(-l.scaler.History)
	if end, _, ok := l.trace.LastObserved(); ok {
		if known := end.Add(-refetchSteps * l.trace.Step); known.After(from) {
			from = known
		}
	}
	return from, to
}

func (l *Loop) read(ctx context.Context, from, to time.Time) refresh {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	result, err := l.history.Fetch(ctx, from, to)
	return refresh{result, err}
}

// readScale returns what runs, negative if that cannot be read.
func (l *Loop) readScale(ctx context.Context) int32 {
	ctx, cancel := context.WithTimeout(ctx, scaleTimeout)
	defer cancel()
	n, err := l.options.Running.Replicas(ctx, l.scaler.Namespace, l.scaler.Target)
	if err != nil {
		l.logger.Debug("scale of the target not read", "error", err)
		return -1
	}
	return n
}

// absorb takes over what was read. What could not be read leaves everything as it was, only older.
func (l *Loop) absorb(r refresh) {
	if errors.Is(r.err, context.Canceled) {
		return
	}
	l.warnings = r.result.Warnings
	if w := skew(l.options.Clock.Now(), r.result.ServerTime); w != "" {
		l.warnings = append(slices.Clip(l.warnings), w)
	}
	l.fail(r.err)
	if r.err != nil || r.result.Trace.Len() == 0 {
		return
	}
	merged := r.result.Trace
	if l.trace.Len() > 0 {
		var err error
		if merged, err = l.trace.Merge(r.result.Trace); err != nil {
			l.fail(fmt.Errorf("new data do not continue the old: %w", err))
			return
		}
	}
	l.trace = merged.TrimBefore(l.options.Clock.Now().Add(-l.scaler.History))
	if l.forecast != nil {
		l.forecast.Update(l.trace)
	}
}

// skew describes clocks that disagree by more than the planner tolerates, "" if they do not or the
// server did not tell its time.
func skew(now, server time.Time) string {
	d := now.Sub(server)
	switch {
	case server.IsZero() || d.Abs() <= planner.SkewTolerance:
		return ""
	case d > 0:
		return fmt.Sprintf("the clock of the source is %s behind this machine's: data look older than they are", d.Round(time.Second))
	default:
		return fmt.Sprintf("the clock of the source is %s ahead of this machine's: data look newer than they are", d.Abs().Round(time.Second))
	}
}

// see takes over what runs; a negative number, which says that it could not be read, leaves the last one.
func (l *Loop) see(n int32) {
	if n >= 0 {
		l.running = n
	}
}

// fail notes trouble, or its end, and logs when it changes.
func (l *Loop) fail(err error) {
	if err != nil {
		l.failures++
	}
	switch {
	case err != nil && (l.trouble == nil || kind(l.trouble) != kind(err)):
		l.logger.Warn("arrivals not read", "error", err)
	case err == nil && l.trouble != nil:
		l.logger.Info("arrivals read again")
	}
	l.trouble = err
}

// kind tells troubles apart by their cause, since their texts carry times that differ every time.
func kind(err error) string {
	for _, cause := range []error{
		history.ErrNoData, history.ErrSeveralSeries, history.ErrBadQuery, history.ErrUnauthorized, history.ErrUnavailable, history.ErrBadResponse,
	} {
		if errors.Is(err, cause) {
			return cause.Error()
		}
	}
	return err.Error()
}

func (l *Loop) wantsFit() bool {
	_, _, ok := l.trace.LastObserved()
	return ok && !l.options.Clock.Now().Before(l.fitAfter)
}

func (l *Loop) fit(ctx context.Context, trace arrivals.Trace) fit {
	select {
	case l.options.Fits <- struct{}{}:
		defer func() { <-l.options.Fits }()
	case <-ctx.Done():
		return fit{err: ctx.Err()}
	}
	f, err := planner.Fit(ctx, l.scaler.Settings, l.scaler.Model, trace)
	return fit{f, err}
}

// adopt replaces the forecast by a newly fitted one. On failure the old one goes on.
func (l *Loop) adopt(f fit) {
	now := l.options.Clock.Now()
	switch {
	case errors.Is(f.err, context.Canceled):
		return
	case f.err != nil:
		l.fitAfter = now.Add(fitRetry)
		l.noForecast = f.err.Error()
		l.logger.Info("no forecast fitted", "error", f.err)
	default:
		f.forecast.Update(l.trace) // what has arrived since the fit began
		l.forecast, l.noForecast = f.forecast, ""
		info := f.forecast.Info()
		wait := l.scaler.Refit
		if !info.Predictable {
			// A young history is soon long enough; an old one that is not predictable will not be so tomorrow.
			wait = min(wait, max(fitRetry, l.trace.End().Sub(l.trace.Start)/5))
		}
		l.fitAfter = now.Add(wait)
		l.logger.Info("forecast fitted", "model", info.Model, "predictable", info.Predictable, "why", info.Why)
	}
	l.pending = false
}

func (l *Loop) decide() {
	previous := l.latest.Load()
	r, state := planner.Recommend(l.scaler.Settings, planner.Observation{
		Now:             l.options.Clock.Now(),
		Recent:          l.trace,
		Forecast:        l.forecast,
		NoForecast:      l.noForecast,
		Pending:         l.pending,
		CurrentReplicas: l.running,
	}, l.state)
	l.state = state
	l.decisions[r.Source]++
	snapshot := &Snapshot{Recommendation: r, Trouble: l.trouble, Warnings: l.warnings, Failures: l.failures, Decisions: make(map[planner.Source]uint64, len(l.decisions))}
	for source, n := range l.decisions {
		snapshot.Decisions[source] = n
	}
	l.latest.Store(snapshot)

	level := slog.LevelDebug
	if previous == nil || previous.Recommendation.Replicas != r.Replicas || previous.Recommendation.Source != r.Source {
		level = slog.LevelInfo
	}
	l.logger.Log(context.Background(), level, "decided", "recommended", r.Replicas, "current", r.CurrentReplicas,
		"source", r.Source, "binding", r.Binding, "reason", r.Reason)
}
