package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/prescale/prescale/test/e2e/harness"
)

const (
	// raised is what an operator holds batch at, above its recommendation, when Prometheus is lost.
	raised = 26
	// syncs is how long the HPA is watched to hold: several of its periods of 5 s.
	syncs = 20 * time.Second
)

// prometheusIsLost proves the ladder down: fresh data, then the last forecast floored at what runs, then an error that
// makes the HPA hold. Throughout, no Deployment loses a replica.
//
// The floor is put to the test by batch. An operator holds it at more replicas than recommended, by the HPA's
// minReplicas; once Prometheus is gone the operator lets go, and the HPA, which may scale in at once, has only the
// metric to go by.
func (s *suite) prometheusIsLost(t *testing.T) {
	s.cluster.SetHPAMin(t, "batch", raised)
	s.env.Eventually(t, "batch runs what the operator asks for", time.Minute, func() error { return s.cluster.Ready("batch", raised) })
	n, _, err := s.viewer.Replicas("batch")
	require.NoError(t, err)
	require.Less(t, n, int32(raised), "the recommendation has to be lower for this test to prove anything")

	lost := time.Now()
	s.prometheus.Kill()
	s.timeline.Note("Prometheus was killed; batch runs %d with N=%d", raised, n)

	for _, name := range []string{"web", "batch"} {
		s.env.Eventually(t, name+" is served from the last forecast, floored at what runs", staleAfter+time.Minute, func() error {
			n, item, err := s.viewer.Replicas(name)
			if err != nil {
				return err
			}
			if source := item.MetricLabels["source"]; source != "LastForecast" {
				return fmt.Errorf("source is %s", source)
			}
			running, _ := s.recorder.Replicas(name)
			if n < running {
				return fmt.Errorf("N is %d although %d run", n, running)
			}
			if age := time.Since(item.Timestamp.Time); age < staleAfter-time.Second {
				return fmt.Errorf("the data are said to be %v old", age)
			}
			s.timeline.Note("%s: LastForecast, N=%d, %d run", name, n, running)
			return nil
		})
	}
	s.cluster.SetHPAMin(t, "batch", 1)
	s.timeline.Note("the operator lets go of batch: its HPA may scale in to 1 now")

	for _, name := range []string{"web", "batch"} {
		s.env.Eventually(t, name+" answers 503 and its HPA says so", holdAfter-staleAfter+time.Minute, func() error {
			answer, err := s.viewer.Metric(name)
			if err != nil {
				return err
			}
			if answer.Code != http.StatusServiceUnavailable {
				return fmt.Errorf("the answer is %d %s", answer.Code, answer.Message)
			}
			if err := s.holds(name); err != nil {
				return err
			}
			s.timeline.Note("%s: %d %s", name, answer.Code, answer.Message)
			return nil
		})
	}
	running, _ := s.recorder.Replicas("batch")
	s.env.Throughout(t, "the HPA holds, the adapter is alive and ready without Prometheus", syncs, func() error {
		for _, path := range []string{"/livez", "/readyz"} {
			if err := s.adapter.Probe(path); err != nil {
				return err
			}
		}
		return s.cluster.Ready("batch", running)
	})
	require.Empty(t, s.recorder.ScaleIns(lost), "replicas were taken away while the data were lost")
	s.timeline.Note("no scale-in since Prometheus was lost; all changes: %v", s.recorder.Changes(lost))
}

// prometheusReturns proves that with trustworthy data the number and the HPA recover by themselves, and that the
// scale-in which the loss held back then happens.
//
// The first rates after a gap are too low: Prometheus divides what the few new samples saw by the whole window. They
// must not be taken for a drop of the load.
func (s *suite) prometheusReturns(t *testing.T) {
	back := time.Now()
	s.prometheus.Start(t)
	s.timeline.Note("Prometheus is back")
	for _, name := range []string{"web", "batch"} {
		// The bucket in which Prometheus came back is filled in part and left out, so it takes up to two whole steps.
		s.env.Eventually(t, name+" is recommended from fresh data again", 4*time.Minute, func() error {
			n, item, err := s.viewer.Replicas(name)
			if err != nil {
				return err
			}
			if source := item.MetricLabels["source"]; source != "Forecast" && source != "Reactive" {
				return fmt.Errorf("source is %s", source)
			}
			s.timeline.Note("%s: %s, N=%d", name, item.MetricLabels["source"], n)
			return nil
		})
	}
	s.env.Eventually(t, "the HPA of batch follows down to N", time.Minute, func() error {
		n, _, err := s.viewer.Replicas("batch")
		if err != nil {
			return err
		}
		if n >= raised {
			return fmt.Errorf("N is %d", n)
		}
		return s.cluster.Ready("batch", n)
	})
	need, err := reactiveNeed(batchRateMore)
	require.NoError(t, err)
	for _, change := range s.recorder.ScaleIns(back) {
		assert.Equal(t, "batch", change.Name, "only batch has replicas to give back: %v", change)
		assert.GreaterOrEqual(t, change.To, need, "batch was taken below what its load needs: %v", change)
	}
	s.timeline.Note("changes since Prometheus is back: %v", s.recorder.Changes(back))
}

// adapterIsLost proves that the HPA holds while nobody answers, although the load needs another number, and follows
// again once the adapter is back, which starts without the state it had and must not scale in for that.
func (s *suite) adapterIsLost(t *testing.T) {
	lost := time.Now()
	s.adapter.Kill()
	s.batch.SetRate(batchRateLate)
	s.timeline.Note("the adapter was killed; batch now gets %v requests/s", batchRateLate)
	for _, name := range []string{"web", "batch"} {
		s.env.Eventually(t, "the HPA of "+name+" notices", time.Minute, func() error { return s.holds(name) })
	}
	holding := time.Now()
	before, _ := s.recorder.Replicas("batch")
	s.env.Throughout(t, "the HPA holds without the adapter", syncs, func() error { return s.cluster.Ready("batch", before) })
	assert.Empty(t, s.recorder.Changes(holding), "a Deployment was changed while nobody answered")

	s.adapter.Start(t)
	s.timeline.Note("the adapter is back")
	want, err := reactiveNeed(batchRateLate)
	require.NoError(t, err)
	s.env.Eventually(t, "the HPA follows again", 2*time.Minute, func() error {
		n, _, err := s.viewer.Replicas("batch")
		if err != nil {
			return err
		}
		if n < want {
			return fmt.Errorf("N is %d, the load needs %d", n, want)
		}
		return s.cluster.Ready("batch", n)
	})
	require.Empty(t, s.recorder.ScaleIns(lost), "replicas were taken away around the adapter's restart")
	after, _ := s.recorder.Replicas("batch")
	s.timeline.Note("batch went from %d to %d; no scale-in around the restart", before, after)
}

// holds returns nil if the HPA reports that it cannot get its metric, in which state it changes nothing.
func (s *suite) holds(name string) error {
	hpa, err := s.cluster.HPA(name)
	if err != nil {
		return err
	}
	status, reason := harness.ScalingActive(hpa)
	if status != corev1.ConditionFalse || reason != "FailedGetExternalMetric" {
		return fmt.Errorf("ScalingActive of HPA %s is %s (%s)", name, status, reason)
	}
	return nil
}
