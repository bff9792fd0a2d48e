package externalmetrics

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	autoscalingv2 "k8s.io/api/autoscaling/v2"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/config"
	"github.com/prescale/prescale/history"
	"github.com/prescale/prescale/planner"
)

const scalerYAML = `apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  minReplicas: 2
  maxReplicas: 100
  arrivals: {prometheus: {query: up, history: 96h}}
  forecast: {model: naive} # the quickest to fit: here the loop is tested, not the forecast
  service: {mean: 100ms}
  startup: {mean: 5m}
`

func webScaler(t testing.TB, name string) config.Scaler {
	t.Helper()
	scalers, err := config.ReadScalers(strings.NewReader(strings.ReplaceAll(scalerYAML, "name: web", "name: "+name)), "scalers.yaml")
	require.NoError(t, err)
	return scalers[0]
}

// source is a history that can be broken: it serves a trace up to the fake now.
type source struct {
	trace arrivals.Trace

	behind time.Duration // how far its clock is behind

	mu   sync.Mutex
	err  error
	hang bool
}

func (s *source) set(err error, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.hang = err, hang
}

func (s *source) Fetch(ctx context.Context, from, to time.Time) (history.Result, error) {
	s.mu.Lock()
	err, hang := s.err, s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return history.Result{}, ctx.Err()
	}
	if err != nil {
		return history.Result{}, err
	}
	clock := time.Now().Add(-s.behind)
	if to.After(clock) {
		to = clock
	}
	return history.Result{Trace: s.trace.Slice(from, to), ServerTime: clock}, nil
}

// deployment is a scale that can be changed and broken.
type deployment struct {
	mu       sync.Mutex
	replicas int32
	err      error
}

func (d *deployment) set(n int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replicas = n
}

func (d *deployment) Replicas(context.Context, string, autoscalingv2.CrossVersionObjectReference) (int32, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.replicas, d.err
}

// bubbleTrace is four days before and one day after the start of a synctest bubble, whose clock begins at
// midnight UTC of 2000-01-01.
func bubbleTrace(t testing.TB) arrivals.Trace {
	t.Helper()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(1999, 12, 28, 0, 0, 0, 0, time.UTC), Step: time.Minute, Days: 5, Base: 20, DailyAmplitude: 200, Noise: 1, Seed: 7,
	})
	require.NoError(t, err)
	return trace
}

func loopOptions(running Running) LoopOptions {
	return LoopOptions{Running: running, Logger: slog.New(slog.DiscardHandler), Fits: make(chan struct{}, 1)}
}

// inBubble runs a loop in virtual time.
func inBubble(t *testing.T, h config.History, running Running, play func(t *testing.T, l *Loop)) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(webScaler(t, "web"), h, loopOptions(running))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.Run(ctx); close(done) }()
		synctest.Wait()
		play(t, l)
		cancel()
		<-done
	})
}

func after(d time.Duration) {
	time.Sleep(d) // virtual: the bubble's clock moves on when everybody waits
	synctest.Wait()
}

func TestLoopWalksDownTheLadderAndUpAgain(t *testing.T) {
	src := &source{trace: bubbleTrace(t)}
	web := &deployment{replicas: 9}
	inBubble(t, src, web, func(t *testing.T, l *Loop) {
		after(time.Minute)
		r := l.Latest().Recommendation
		require.Equal(t, planner.SourceForecast, r.Source, r.Reason)
		assert.EqualValues(t, 9, r.CurrentReplicas)
		last := r.DataTime

		src.set(errors.New("connection refused"), false)
		after(2 * time.Minute)
		assert.Equal(t, planner.SourceForecast, l.Latest().Recommendation.Source, "a missed scrape or two changes nothing")
		require.ErrorContains(t, l.Latest().Trouble, "connection refused")

		after(6 * time.Minute)
		r = l.Latest().Recommendation
		assert.Equal(t, planner.SourceLastForecast, r.Source)
		assert.GreaterOrEqual(t, r.Replicas, int32(9), "what runs stays")
		assert.Less(t, r.DataTime.Sub(last), 2*time.Minute, "the timestamp is that of the data, not of the decision")

		after(20 * time.Minute)
		assert.Equal(t, planner.SourceHold, l.Latest().Recommendation.Source)

		src.set(nil, false)
		after(time.Minute)
		assert.Equal(t, planner.SourceForecast, l.Latest().Recommendation.Source)
		assert.NoError(t, l.Latest().Trouble)
	})
}

func TestLoopDecidesWhileTheSourceHangs(t *testing.T) {
	src := &source{trace: bubbleTrace(t)}
	web := &deployment{replicas: 9}
	inBubble(t, src, web, func(t *testing.T, l *Loop) {
		after(time.Minute)
		src.set(nil, true)
		after(time.Minute)
		web.set(12)
		after(10 * time.Minute)
		r := l.Latest().Recommendation
		assert.Equal(t, planner.SourceLastForecast, r.Source)
		assert.Less(t, time.Since(r.At), time.Minute, "decisions go on")
		assert.EqualValues(t, 12, r.CurrentReplicas, "and what runs is still seen")
		require.ErrorIs(t, l.Latest().Trouble, context.DeadlineExceeded)
	})
}

func TestLoopHoldsUntilItHasHistory(t *testing.T) {
	src := &source{trace: bubbleTrace(t), err: history.ErrSeveralSeries}
	inBubble(t, src, &deployment{err: errors.New("forbidden")}, func(t *testing.T, l *Loop) {
		after(time.Hour)
		s := l.Latest()
		assert.Equal(t, planner.SourceHold, s.Recommendation.Source)
		assert.EqualValues(t, -1, s.Recommendation.CurrentReplicas, "what cannot be read is unknown, not zero")
		require.ErrorIs(t, s.Trouble, history.ErrSeveralSeries)
		assert.Positive(t, s.Failures)
		assert.Positive(t, s.Decisions[planner.SourceHold])
	})
}

func TestLoopIsReactiveWithoutEnoughHistory(t *testing.T) {
	trace := bubbleTrace(t)
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	src := &source{trace: trace.Slice(now.Add(-5*time.Minute), trace.End())}
	inBubble(t, src, nil, func(t *testing.T, l *Loop) {
		after(time.Minute)
		r := l.Latest().Recommendation
		assert.Equal(t, planner.SourceReactive, r.Source)
		assert.Contains(t, r.Reason, "no forecast is relied upon")
		after(5 * time.Hour) // the forecast is tried again as history grows
		assert.Equal(t, planner.SourceForecast, l.Latest().Recommendation.Source, l.Latest().Recommendation.Why)
	})
}

func TestLoopKeepsMemoryBounded(t *testing.T) {
	src := &source{trace: bubbleTrace(t)}
	inBubble(t, src, nil, func(_ *testing.T, l *Loop) { after(10 * time.Hour) })
	synctest.Test(t, func(t *testing.T) {
		l := NewLoop(webScaler(t, "web"), src, loopOptions(nil))
		for range 3 {
			from, to := l.missing()
			l.absorb(l.read(t.Context(), from, to))
			assert.LessOrEqual(t, l.trace.Len(), int(l.scaler.History/time.Minute))
			time.Sleep(3 * time.Hour)
		}
	})
}

func TestSkewIsNamed(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	assert.Empty(t, skew(now, time.Time{}), "a server that does not tell its time")
	assert.Empty(t, skew(now, now.Add(-5*time.Second)))
	assert.Equal(t, "the clock of the source is 10m0s behind this machine's: data look older than they are", skew(now, now.Add(-10*time.Minute)))
	assert.Equal(t, "the clock of the source is 45s ahead of this machine's: data look newer than they are", skew(now, now.Add(45*time.Second)))

	// A source whose clock is behind serves data that look stale; the answer says why.
	synctest.Test(t, func(t *testing.T) {
		src := &source{trace: bubbleTrace(t), behind: time.Hour}
		l := NewLoop(webScaler(t, "web"), src, loopOptions(nil))
		from, to := l.missing()
		l.absorb(l.read(t.Context(), from, to))
		l.decide()
		_, _, _, err := get(NewProvider(Clock{}, []*Loop{l}), "shop", "scaler=web", MetricName)
		require.ErrorContains(t, err, "the newest data are 1h old")
		require.ErrorContains(t, err, "the clock of the source is 1h0m0s behind")
	})
}

func TestLoopGivesNothingBackAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := loopOptions(&deployment{replicas: 40})
		o.Fits <- struct{}{} // somebody else is fitting
		l := NewLoop(webScaler(t, "web"), &source{trace: bubbleTrace(t)}, o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { l.Run(ctx); close(done) }()
		after(5 * time.Minute)
		r := l.Latest().Recommendation
		assert.Equal(t, planner.SourceReactive, r.Source)
		assert.EqualValues(t, 40, r.Replicas, r.Reason)
		<-o.Fits
		after(time.Minute)
		r = l.Latest().Recommendation
		assert.Equal(t, planner.SourceForecast, r.Source)
		assert.Less(t, r.Replicas, int32(40))
		cancel()
		<-done
	})
}
