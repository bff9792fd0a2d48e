package externalmetrics

import (
	"context"
	"fmt"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/metrics/pkg/apis/external_metrics"
	"sigs.k8s.io/custom-metrics-apiserver/pkg/provider"

	"github.com/prescale/prescale/planner"
)

const (
	// MetricName is the external metric whose value is the number of replicas.
	MetricName = "prescale-desired-replicas"
	// ScalerLabel is the label by which the HPA's selector names the scaler.
	ScalerLabel = "scaler"
)

// stalledIntervals is after how many intervals without a decision a loop counts as stalled.
const stalledIntervals = 4

// Provider answers external metric requests from what the loops published last. It does no I/O, so
// that discovery and answers stay fast whatever happens behind the loops.
type Provider struct {
	clock Clock
	loops map[string]map[string]*Loop // by namespace and name
}

// NewProvider returns a provider of the given loops, whose keys are distinct.
func NewProvider(clock Clock, loops []*Loop) *Provider {
	p := &Provider{clock: clock, loops: map[string]map[string]*Loop{}}
	for _, l := range loops {
		s := l.Scaler()
		if p.loops[s.Namespace] == nil {
			p.loops[s.Namespace] = map[string]*Loop{}
		}
		p.loops[s.Namespace][s.Name] = l
	}
	return p
}

var _ provider.ExternalMetricsProvider = (*Provider)(nil)

// ListAllExternalMetrics names the one metric there is.
func (p *Provider) ListAllExternalMetrics() []provider.ExternalMetricInfo {
	return []provider.ExternalMetricInfo{{Metric: MetricName}}
}

// GetExternalMetric returns the one item of the scaler that the selector names. Errors: 404 for another
// metric or an unknown scaler, 400 for a selector that fits several (the HPA would add them up), 503
// where there is nothing trustworthy.
func (p *Provider) GetExternalMetric(_ context.Context, namespace string, selector labels.Selector, info provider.ExternalMetricInfo) (*external_metrics.ExternalMetricValueList, error) {
	if info.Metric != MetricName {
		return nil, status(http.StatusNotFound, metav1.StatusReasonNotFound, "there is no metric %q: the only one is %s", info.Metric, MetricName)
	}
	loop, err := p.find(namespace, selector)
	if err != nil {
		return nil, err
	}
	snapshot := loop.Latest()
	name := loop.Scaler().Key()
	if snapshot == nil {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("PredictiveScaler %s: the history is still being read", name))
	}
	r := snapshot.Recommendation
	if r.Source == planner.SourceHold {
		message := fmt.Sprintf("PredictiveScaler %s: %s", name, r.Reason)
		if snapshot.Trouble != nil {
			message += ": " + snapshot.Trouble.Error()
		}
		for _, w := range snapshot.Warnings {
			message += "; " + w
		}
		return nil, apierrors.NewServiceUnavailable(message)
	}
	if age, limit := p.clock.Now().Sub(r.At), p.stalledAfter(loop); age > limit {
		return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("PredictiveScaler %s: the last decision is %s old: the decision loop has stalled", name, age.Round(time.Second)))
	}
	return &external_metrics.ExternalMetricValueList{Items: []external_metrics.ExternalMetricValue{{
		MetricName: MetricName,
		MetricLabels: map[string]string{
			ScalerLabel: loop.Scaler().Name,
			"source":    string(r.Source),
			"binding":   string(r.Binding),
		},
		Timestamp: metav1.NewTime(r.DataTime),
		Value:     *resource.NewQuantity(int64(r.Replicas), resource.DecimalSI),
	}}}, nil
}

// stalledAfter is the age of a decision from which it is not served any more. A minute is the least,
// measured on the wall, so that a busy machine does not look like a dead loop.
func (p *Provider) stalledAfter(l *Loop) time.Duration {
	limit := stalledIntervals * l.Scaler().Settings.Interval
	if wall := p.clock.Wall(limit); wall < time.Minute {
		limit = time.Duration(float64(limit) * float64(time.Minute) / float64(wall))
	}
	return limit
}

// find returns the one loop in the namespace whose label fits the selector.
func (p *Provider) find(namespace string, selector labels.Selector) (*Loop, error) {
	scalers := p.loops[namespace]
	if name, exact := selector.RequiresExactMatch(ScalerLabel); exact {
		if l := scalers[name]; l != nil && selector.Matches(labels.Set{ScalerLabel: name}) {
			return l, nil
		}
		return nil, status(http.StatusNotFound, metav1.StatusReasonNotFound, "there is no PredictiveScaler %s/%s", namespace, name)
	}
	var found *Loop
	for name, l := range scalers {
		if !selector.Matches(labels.Set{ScalerLabel: name}) {
			continue
		}
		if found != nil {
			return nil, status(http.StatusBadRequest, metav1.StatusReasonBadRequest,
				"the selector %q fits several PredictiveScalers in namespace %s, and the HPA would add them up: name one with %s=<name>", selector, namespace, ScalerLabel)
		}
		found = l
	}
	if found == nil {
		return nil, status(http.StatusNotFound, metav1.StatusReasonNotFound, "no PredictiveScaler in namespace %s fits the selector %q", namespace, selector)
	}
	return found, nil
}

func status(code int32, reason metav1.StatusReason, format string, args ...any) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{
		Status: metav1.StatusFailure, Code: code, Reason: reason, Message: fmt.Sprintf(format, args...),
	}}
}
