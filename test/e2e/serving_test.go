package e2e

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prescale/prescale/test/e2e/harness"
)

// joinIsSeamless proves that the suite's own instrument is sound: what Prometheus scrapes continues what was backfilled
// without a counter reset, without a gap longer than two scrapes, and at the rate of the trace.
func (s *suite) joinIsSeamless(t *testing.T) {
	const allowedGap = 2*harness.ScrapeInterval + time.Second
	for _, job := range []string{"web", "batch"} {
		s.env.Eventually(t, "a few scrapes of "+job+" are stored", time.Minute, func() error {
			up, err := s.prometheus.Scalar(fmt.Sprintf(`count_over_time(up{job=%q}[5m])`, job))
			if err == nil && up < 3 {
				err = fmt.Errorf("%v so far", up)
			}
			return err
		})
		series, err := s.prometheus.Query(fmt.Sprintf(`http_requests_total{job=%q}[10m]`, job))
		require.NoError(t, err)
		require.Len(t, series, 1, "backfill and scrapes of %s have to be one series", job)
		samples := series[0]
		var longest time.Duration
		for i := 1; i < len(samples); i++ {
			require.GreaterOrEqual(t, samples[i].Value, samples[i-1].Value, "the counter of %s is reset at %v", job, samples[i].Time)
			longest = max(longest, samples[i].Time.Sub(samples[i-1].Time))
		}
		require.LessOrEqual(t, longest, allowedGap, "gap in the counter of %s", job)
		s.timeline.Note("%s: %d samples in 10 min in one series, no reset, longest gap %.1fs", job, len(samples), longest.Seconds())
	}
	s.env.Eventually(t, "the rate in Prometheus is that of the trace", time.Minute, func() error {
		rate, err := s.prometheus.Scalar(`sum(rate(http_requests_total{job="web"}[1m]))`)
		if err != nil {
			return err
		}
		// The mean over the window; 1 % covers the extrapolation at its ends.
		now := time.Now()
		want := (s.web.Requests(now) - s.web.Requests(now.Add(-time.Minute))) / 60
		if math.Abs(rate/want-1) > 0.01 {
			return fmt.Errorf("rate is %.1f/s, the trace has %.1f/s", rate, want)
		}
		return nil
	})
}

// servesTheMetric proves the contract of the metric, read by an ordinary user through the aggregation layer: exactly
// one item, a whole number, labels that explain it, and the time of the data rather than of the answer.
func (s *suite) servesTheMetric(t *testing.T) {
	for _, name := range []string{"web", "batch"} {
		// Before the forecast is fitted, a matter of seconds, the recommendation is reactive.
		s.env.Eventually(t, "scaler "+name+" recommends from a forecast", time.Minute, func() error {
			_, item, err := s.viewer.Replicas(name)
			if err == nil && item.MetricLabels["source"] != "Forecast" {
				err = fmt.Errorf("the source is %s", item.MetricLabels["source"])
			}
			return err
		})
		n, item, err := s.viewer.Replicas(name)
		require.NoError(t, err)
		assert.Positive(t, n)
		assert.Equal(t, harness.MetricName, item.MetricName)
		assert.Equal(t, name, item.MetricLabels["scaler"])
		assert.Equal(t, "Forecast", item.MetricLabels["source"])
		assert.NotEmpty(t, item.MetricLabels["binding"])
		age := time.Since(item.Timestamp.Time)
		assert.GreaterOrEqual(t, age, time.Duration(0), "the data cannot be from the future")
		assert.Less(t, age, staleAfter, "fresh data")
		s.timeline.Note("GET %s: N=%d %v, data are %.0fs old", name, n, item.MetricLabels, age.Seconds())
	}

	// The time of the answer would differ between two answers; the time of the data stands still until data arrive.
	s.env.Eventually(t, "two answers carry the same time of data", 30*time.Second, func() error {
		_, first, err := s.viewer.Replicas("web")
		if err != nil {
			return err
		}
		age := time.Since(first.Timestamp.Time)
		if age < 2*time.Second {
			return fmt.Errorf("the data are only %v old", age)
		}
		_, second, err := s.viewer.Replicas("web")
		if err != nil {
			return err
		}
		if !first.Timestamp.Equal(&second.Timestamp) {
			return fmt.Errorf("%v and %v", first.Timestamp, second.Timestamp)
		}
		return nil
	})
}

// apiServiceIsVerified proves that the API server reaches the adapter over verified TLS.
func (s *suite) apiServiceIsVerified(t *testing.T) {
	s.env.Eventually(t, "the APIService is Available", time.Minute, func() error {
		object, err := s.adapter.APIService()
		if err != nil {
			return err
		}
		conditions, _, err := unstructured.NestedSlice(object.Object, "status", "conditions")
		if err != nil {
			return err
		}
		for _, condition := range conditions {
			if c, ok := condition.(map[string]any); ok && c["type"] == "Available" && c["status"] == "True" {
				return nil
			}
		}
		return fmt.Errorf("conditions are %v", conditions)
	})
	object, err := s.adapter.APIService()
	require.NoError(t, err)
	insecure, _, err := unstructured.NestedBool(object.Object, "spec", "insecureSkipTLSVerify")
	require.NoError(t, err)
	assert.False(t, insecure, "insecureSkipTLSVerify")
	encoded, found, err := unstructured.NestedString(object.Object, "spec", "caBundle")
	require.NoError(t, err)
	require.True(t, found, "caBundle is set")
	bundle, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	assert.Contains(t, string(bundle), "BEGIN CERTIFICATE")
	s.timeline.Note("APIService %s is Available with a caBundle of %d bytes", harness.APIServiceName, len(bundle))
}

// rbacIsEnforced proves that a user without a role gets nothing, neither through the API server nor from the adapter's
// own port.
func (s *suite) rbacIsEnforced(t *testing.T) {
	answer, err := s.stranger.Metric("web")
	require.NoError(t, err)
	assert.Equal(t, http.StatusForbidden, answer.Code, answer.Message)
	_, err = s.adapter.Metrics(s.stranger.Token)
	assert.ErrorContains(t, err, "403", "/metrics without a role")
	_, err = s.adapter.Metrics("")
	assert.ErrorContains(t, err, "403", "/metrics without a token")
	metrics, err := s.adapter.Metrics(s.viewer.Token)
	require.NoError(t, err)
	for _, gauge := range []string{"prescale_recommended_replicas", "prescale_arrival_rate", "prescale_forecast_rate", "prescale_data_age_seconds"} {
		_, ok := metrics.Of(gauge, "web")
		assert.True(t, ok, "gauge %s of scaler web", gauge)
	}
	s.timeline.Note("a stranger gets 403 for the metric and for /metrics, the viewer gets both")
}

// wrongScalersAreAlone proves that a scaler which cannot work says why, and that its neighbors do not notice.
func (s *suite) wrongScalersAreAlone(t *testing.T) {
	for _, test := range []struct {
		scaler string
		code   int
		says   string // part of the message
	}{
		{"wrong", http.StatusServiceUnavailable, "parse error"},
		{"several", http.StatusServiceUnavailable, "several series"},
		{"nothing", http.StatusServiceUnavailable, "no data"},
		{"unknown", http.StatusNotFound, "unknown"},
	} {
		s.env.Eventually(t, "scaler "+test.scaler+" reports its error", time.Minute, func() error {
			answer, err := s.viewer.Metric(test.scaler)
			if err != nil {
				return err
			}
			if !assert.ObjectsAreEqual(test.code, answer.Code) || !containsFold(answer.Message, test.says) {
				return fmt.Errorf("got %d %q, want %d with %q", answer.Code, answer.Message, test.code, test.says)
			}
			s.timeline.Note("GET %s: %d %s", test.scaler, answer.Code, answer.Message)
			return nil
		})
	}
	for _, name := range []string{"web", "batch"} {
		_, _, err := s.viewer.Replicas(name)
		assert.NoError(t, err, "scaler %s beside the wrong ones", name)
	}
}
