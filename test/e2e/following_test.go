package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/prescale/prescale/test/e2e/harness"
)

// hpaFollowsTheForecast proves the main job: the real HPA brings the Deployment to exactly the recommended number, its
// pods become ready, and the number is more than the present rate alone would need. The present need is computed here
// from Prometheus and queueing theory, not taken from the adapter.
func (s *suite) hpaFollowsTheForecast(t *testing.T) {
	s.cluster.CreateHPA(t, harness.Workload{Name: "web", Min: 1, Max: maxReplicas, StableBefore: 5 * time.Minute})
	s.env.Eventually(t, "Deployment web has exactly the recommended replicas, more than the present rate needs", 90*time.Second, func() error {
		n, item, err := s.viewer.Replicas("web")
		if err != nil {
			return err
		}
		if err := s.cluster.Ready("web", n); err != nil {
			return err
		}
		hpa, err := s.cluster.HPA("web")
		if err != nil {
			return err
		}
		if hpa.Status.DesiredReplicas != n {
			return fmt.Errorf("the HPA wants %d, the metric says %d", hpa.Status.DesiredReplicas, n)
		}
		rate, err := s.prometheus.Scalar(`sum(rate(http_requests_total{job="web"}[1m]))`)
		if err != nil {
			return err
		}
		need, err := reactiveNeed(rate)
		if err != nil {
			return err
		}
		if n <= need {
			return fmt.Errorf("N=%d is not more than the %d replicas that the present %.1f requests/s need", n, need, rate)
		}
		if source := item.MetricLabels["source"]; source != "Forecast" {
			return fmt.Errorf("the source is %s", source)
		}
		later := s.web.Rate(time.Now().Add(startup))
		laterNeed, err := reactiveNeed(later)
		if err != nil {
			return err
		}
		s.timeline.Note("the HPA scaled web to %d = N; the present %.1f requests/s need %d, the %.1f requests/s of the trace in %v will need %d",
			n, rate, need, later, startup, laterNeed)
		return nil
	})
}

// hpaFollowsOneMore proves that a change of one replica is followed where the default tolerance of 10 % would ignore
// it: the rate of batch is moved across the boundary between 20 and 21 replicas.
func (s *suite) hpaFollowsOneMore(t *testing.T) {
	s.cluster.CreateHPA(t, harness.Workload{Name: "batch", Min: 1, Max: maxReplicas})
	follows := func(want int32) {
		s.env.Eventually(t, fmt.Sprintf("N of batch is %d and the HPA follows", want), 90*time.Second, func() error {
			n, _, err := s.viewer.Replicas("batch")
			if err != nil {
				return err
			}
			if n != want {
				return fmt.Errorf("N is %d", n)
			}
			hpa, err := s.cluster.HPA("batch")
			if err != nil {
				return err
			}
			if status, reason := harness.ScalingActive(hpa); status != corev1.ConditionTrue {
				return fmt.Errorf("ScalingActive is %s (%s)", status, reason)
			}
			return s.cluster.Ready("batch", want)
		})
		s.timeline.Note("batch runs %d replicas", want)
	}
	follows(20)
	before := time.Now()
	s.batch.SetRate(batchRateMore)
	s.timeline.Note("batch now gets %v instead of %v requests/s", batchRateMore, batchRate)
	follows(21)
	var changes []harness.Change
	for _, change := range s.recorder.Changes(before) {
		if change.Name == "batch" {
			changes = append(changes, change)
		}
	}
	require.Len(t, changes, 1, "one change of batch, by one replica")
	require.Equal(t, int32(20), changes[0].From)
	require.Equal(t, int32(21), changes[0].To)
}

// containsFold reports whether text contains part, whatever the case.
func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
