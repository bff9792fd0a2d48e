package harness

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// MetricName is the external metric that prescale serves.
const MetricName = "prescale-desired-replicas"

// Workload is a Deployment of pods that kwok plays and the HorizontalPodAutoscaler that follows a scaler, all of the
// same name in the namespace default.
type Workload struct {
	Name         string
	Replicas     int32 // to begin with
	Min, Max     int32
	StableBefore time.Duration // scale-down stabilization window
}

// CreateDeployment creates the Deployment and returns when its pods are ready.
func (c *ControlPlane) CreateDeployment(tb testing.TB, w Workload) {
	tb.Helper()
	labels := map[string]string{"app": w.Name}
	_, err := c.Client.AppsV1().Deployments(metav1.NamespaceDefault).Create(c.env.Context, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &w.Replicas,
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					NodeName:   NodeName,
					Containers: []corev1.Container{{Name: "server", Image: "server"}},
				},
			},
		},
	}, metav1.CreateOptions{})
	require.NoError(tb, err)
	c.env.Eventually(tb, fmt.Sprintf("%d pods of Deployment %s are ready", w.Replicas, w.Name), time.Minute, func() error {
		return c.Ready(w.Name, w.Replicas)
	})
}

// Ready returns nil if the Deployment wants, has and reports as ready exactly that many replicas.
func (c *ControlPlane) Ready(name string, replicas int32) error {
	deployment, err := c.Client.AppsV1().Deployments(metav1.NamespaceDefault).Get(c.env.Context, name, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if *deployment.Spec.Replicas != replicas || deployment.Status.Replicas != replicas || deployment.Status.ReadyReplicas != replicas {
		return fmt.Errorf("deployment %s: %d replicas wanted, %d exist, %d ready; expected %d",
			name, *deployment.Spec.Replicas, deployment.Status.Replicas, deployment.Status.ReadyReplicas, replicas)
	}
	return nil
}

// CreateHPA creates the HorizontalPodAutoscaler as prescale's documentation asks for it: the external metric with target
// AverageValue 1, and no tolerance in either direction.
func (c *ControlPlane) CreateHPA(tb testing.TB, w Workload) {
	tb.Helper()
	var (
		one           = resource.MustParse("1")
		exact         = resource.MustParse("0")
		immediately   = int32(0)
		stabilization = int32(w.StableBefore / time.Second)
		widest        = autoscalingv2.MaxChangePolicySelect
	)
	_, err := c.Client.AutoscalingV2().HorizontalPodAutoscalers(metav1.NamespaceDefault).Create(c.env.Context, &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: w.Name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: w.Name},
			MinReplicas:    &w.Min,
			MaxReplicas:    w.Max,
			Metrics: []autoscalingv2.MetricSpec{{
				Type: autoscalingv2.ExternalMetricSourceType,
				External: &autoscalingv2.ExternalMetricSource{
					Metric: autoscalingv2.MetricIdentifier{
						Name:     MetricName,
						Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"scaler": w.Name}},
					},
					Target: autoscalingv2.MetricTarget{Type: autoscalingv2.AverageValueMetricType, AverageValue: &one},
				},
			}},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{
				ScaleUp: &autoscalingv2.HPAScalingRules{
					StabilizationWindowSeconds: &immediately,
					Tolerance:                  &exact,
					SelectPolicy:               &widest,
					Policies: []autoscalingv2.HPAScalingPolicy{
						{Type: autoscalingv2.PodsScalingPolicy, Value: 100, PeriodSeconds: 15},
					},
				},
				ScaleDown: &autoscalingv2.HPAScalingRules{
					StabilizationWindowSeconds: &stabilization,
					Tolerance:                  &exact,
					SelectPolicy:               &widest,
					Policies: []autoscalingv2.HPAScalingPolicy{
						{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
					},
				},
			},
		},
	}, metav1.CreateOptions{})
	require.NoError(tb, err)
}

// HPA returns the current state of a workload's HorizontalPodAutoscaler.
func (c *ControlPlane) HPA(name string) (*autoscalingv2.HorizontalPodAutoscaler, error) {
	return c.Client.AutoscalingV2().HorizontalPodAutoscalers(metav1.NamespaceDefault).Get(c.env.Context, name, metav1.GetOptions{})
}

// SetHPAMin changes minReplicas of a workload's HorizontalPodAutoscaler.
func (c *ControlPlane) SetHPAMin(tb testing.TB, name string, replicas int32) {
	tb.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"minReplicas":%d}}`, replicas)
	_, err := c.Client.AutoscalingV2().HorizontalPodAutoscalers(metav1.NamespaceDefault).Patch(c.env.Context, name, types.MergePatchType, patch, metav1.PatchOptions{})
	require.NoError(tb, err)
}

// ScalingActive returns the HPA condition that says whether it can compute a number, as status and reason.
func ScalingActive(hpa *autoscalingv2.HorizontalPodAutoscaler) (corev1.ConditionStatus, string) {
	for _, condition := range hpa.Status.Conditions {
		if condition.Type == autoscalingv2.ScalingActive {
			return condition.Status, condition.Reason
		}
	}
	return corev1.ConditionUnknown, ""
}
