package externalmetrics

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"

	"github.com/prescale/prescale/history"
	"github.com/prescale/prescale/planner"
)

// published returns a loop whose last decision is the given one.
func published(t testing.TB, name string, r planner.Recommendation, trouble error) *Loop {
	t.Helper()
	l := NewLoop(webScaler(t, name), &source{}, loopOptions(nil))
	l.latest.Store(&Snapshot{Recommendation: r, Trouble: trouble, Decisions: map[planner.Source]uint64{r.Source: 3}, Failures: 1})
	return l
}

func get(p *Provider, namespace, selector, metric string) (value int64, labelSet map[string]string, timestamp time.Time, err error) {
	s, err := labels.Parse(selector)
	if err != nil {
		return 0, nil, time.Time{}, err
	}
	list, err := p.GetExternalMetric(context.Background(), namespace, s, provider.ExternalMetricInfo{Metric: metric})
	if err != nil {
		return 0, nil, time.Time{}, err
	}
	if len(list.Items) != 1 {
		panic("the HPA adds items up: there must be one")
	}
	item := list.Items[0]
	return item.Value.Value(), item.MetricLabels, item.Timestamp.Time, nil
}

func decided(now time.Time, n int32) planner.Recommendation {
	return planner.Recommendation{
		At: now, DataTime: now.Add(-40 * time.Second), Replicas: n, Source: planner.SourceForecast, Binding: planner.TermEnvelope,
		CurrentReplicas: 12, CurrentRate: 100, ForecastRate: 150, ExpectedRate: 130, Utilization: 0.75, LeadTime: 90 * time.Second,
		Demands: []planner.Demand{{Term: planner.TermForecast, Rate: 150, Replicas: n}},
	}
}

func TestProviderAnswers(t *testing.T) {
	now := time.Now()
	hold := planner.Recommendation{At: now, Source: planner.SourceHold, Reason: "nothing is recommended: there are no arrival data yet"}
	p := NewProvider(Clock{}, []*Loop{
		published(t, "web", decided(now, 20), nil),
		published(t, "api", decided(now, 3), nil),
		published(t, "broken", hold, history.ErrSeveralSeries),
		NewLoop(webScaler(t, "new"), &source{}, loopOptions(nil)),
		published(t, "stuck", decided(now.Add(-10*time.Minute), 20), nil),
	})
	n, labelSet, at, err := get(p, "shop", "scaler=web", MetricName)
	require.NoError(t, err)
	assert.EqualValues(t, 20, n)
	assert.Equal(t, map[string]string{"scaler": "web", "source": "Forecast", "binding": "envelope"}, labelSet)
	assert.WithinDuration(t, now.Add(-40*time.Second), at, 0, "the data's own time")

	for _, c := range []struct {
		name, namespace, selector, metric string
		is                                func(error) bool
		message                           string
	}{
		{"unknown scaler", "shop", "scaler=nobody", MetricName, apierrors.IsNotFound, "there is no PredictiveScaler shop/nobody"},
		{"other namespace", "default", "scaler=web", MetricName, apierrors.IsNotFound, "there is no PredictiveScaler default/web"},
		{"other metric", "shop", "scaler=web", "queue-length", apierrors.IsNotFound, `there is no metric "queue-length"`},
		{"no selector", "shop", "", MetricName, apierrors.IsBadRequest, "name one with scaler=<name>"},
		{"nothing fits", "shop", "scaler in (x,y)", MetricName, apierrors.IsNotFound, "fits the selector"},
		{"a second label", "shop", "scaler=web,team=a", MetricName, apierrors.IsNotFound, "shop/web"},
		{"hold", "shop", "scaler=broken", MetricName, apierrors.IsServiceUnavailable, "no arrival data yet: query returns several series"},
		{"starting", "shop", "scaler=new", MetricName, apierrors.IsServiceUnavailable, "still being read"},
		{"stalled", "shop", "scaler=stuck", MetricName, apierrors.IsServiceUnavailable, "the decision loop has stalled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, _, err := get(p, c.namespace, c.selector, c.metric)
			require.Error(t, err)
			assert.True(t, c.is(err), "%v", err)
			assert.ErrorContains(t, err, c.message)
		})
	}
	n, _, _, err = get(p, "shop", "scaler in (web)", MetricName)
	require.NoError(t, err, "a selector need not be an equality")
	assert.EqualValues(t, 20, n)
	assert.Equal(t, []provider.ExternalMetricInfo{{Metric: MetricName}}, p.ListAllExternalMetrics())
}

func TestReplayClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		c := ReplayClock(start, time.Now(), 100)
		time.Sleep(time.Minute)
		assert.Equal(t, start.Add(100*time.Minute), c.Now().UTC())
		assert.Equal(t, 150*time.Millisecond, c.Wall(15*time.Second))
		assert.Equal(t, time.Millisecond, c.Wall(time.Millisecond), "at least a millisecond")
		assert.WithinDuration(t, time.Now(), Clock{}.Now(), 0)
		assert.Equal(t, time.Second, Clock{}.Wall(time.Second))
	})
}

func TestCollectorLeavesOutWhatIsUnknown(t *testing.T) {
	now := time.UnixMilli(1767225600000)
	c := &Collector{}
	c.Set([]*Loop{
		published(t, "web", decided(now, 20), nil),
		published(t, "broken", planner.Recommendation{At: now, Source: planner.SourceHold, CurrentReplicas: -1}, nil),
		NewLoop(webScaler(t, "new"), &source{}, loopOptions(nil)),
	})
	problems, err := testutil.CollectAndLint(c)
	require.NoError(t, err)
	assert.Empty(t, problems)
	assert.Equal(t, 1, testutil.CollectAndCount(c, "prescale_recommended_replicas"), "Hold has no number")
	assert.Equal(t, 1, testutil.CollectAndCount(c, "prescale_running_replicas"))
	assert.Equal(t, 8, testutil.CollectAndCount(c, "prescale_source"))
}

// BenchmarkProviderGet is one answer, without the HTTP around it.
func BenchmarkProviderGet(b *testing.B) {
	p := NewProvider(Clock{}, []*Loop{published(b, "web", decided(time.Now().Add(time.Hour), 20), nil)})
	selector, err := labels.Parse("scaler=web")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, err := p.GetExternalMetric(b.Context(), "shop", selector, provider.ExternalMetricInfo{Metric: MetricName})
		require.NoError(b, err)
	}
}
