package differential

import (
	"strconv"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	autoscalingdefaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"

	"github.com/prescale/prescale/hpa"
)

// containerName is the container that ContainerResource metrics look at.
const containerName = "a"

// object returns the autoscaler as a user would write it, with the defaults that the API server fills in.
func object(name string, s *hpa.Spec) *autoscalingv2.HorizontalPodAutoscaler {
	o := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Generation: 1},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{Kind: "Deployment", Name: name, APIVersion: "apps/v1"},
			MinReplicas:    new(s.MinReplicas),
			MaxReplicas:    s.MaxReplicas,
		},
	}
	for _, m := range s.Metrics {
		o.Spec.Metrics = append(o.Spec.Metrics, metricSpec(m))
	}
	if s.Behavior != nil {
		o.Spec.Behavior = &autoscalingv2.HorizontalPodAutoscalerBehavior{
			ScaleUp:   scalingRules(s.Behavior.ScaleUp),
			ScaleDown: scalingRules(s.Behavior.ScaleDown),
		}
	}
	autoscalingdefaults.SetDefaults_HorizontalPodAutoscaler(o)
	return o
}

func metricSpec(m hpa.MetricSpec) autoscalingv2.MetricSpec {
	s := autoscalingv2.MetricSpec{Type: autoscalingv2.MetricSourceType(m.Type.String())}
	id := autoscalingv2.MetricIdentifier{Name: m.Name}
	target := metricTarget(m.Target)
	switch m.Type {
	case hpa.External:
		s.External = &autoscalingv2.ExternalMetricSource{Metric: id, Target: target}
	case hpa.Object:
		s.Object = &autoscalingv2.ObjectMetricSource{
			Metric: id, Target: target,
			DescribedObject: autoscalingv2.CrossVersionObjectReference{Kind: "Service", Name: "web", APIVersion: "v1"},
		}
	case hpa.Pods:
		s.Pods = &autoscalingv2.PodsMetricSource{Metric: id, Target: target}
	case hpa.Resource:
		s.Resource = &autoscalingv2.ResourceMetricSource{Name: corev1.ResourceName(m.Name), Target: target}
	case hpa.ContainerResource:
		s.ContainerResource = &autoscalingv2.ContainerResourceMetricSource{
			Name: corev1.ResourceName(m.Name), Container: containerName, Target: target,
		}
	}
	return s
}

func metricTarget(t hpa.Target) autoscalingv2.MetricTarget {
	o := autoscalingv2.MetricTarget{Type: autoscalingv2.MetricTargetType(t.Type.String())}
	switch t.Type {
	case hpa.AverageValueTarget:
		o.AverageValue = resource.NewMilliQuantity(t.Milli, resource.DecimalSI)
	case hpa.ValueTarget:
		o.Value = resource.NewMilliQuantity(t.Milli, resource.DecimalSI)
	case hpa.UtilizationTarget:
		o.AverageUtilization = new(t.Percent)
	}
	return o
}

func scalingRules(r *hpa.ScalingRules) *autoscalingv2.HPAScalingRules {
	if r == nil {
		return nil
	}
	o := &autoscalingv2.HPAScalingRules{}
	if r.StabilizationWindow != nil {
		o.StabilizationWindowSeconds = new(int32(*r.StabilizationWindow / time.Second))
	}
	if r.Select != hpa.MaxChange {
		o.SelectPolicy = new(autoscalingv2.ScalingPolicySelect(r.Select.String()))
	}
	for _, p := range r.Policies {
		o.Policies = append(o.Policies, autoscalingv2.HPAScalingPolicy{
			Type:  autoscalingv2.HPAScalingPolicyType(p.Type.String()),
			Value: p.Value, PeriodSeconds: int32(p.Period / time.Second),
		})
	}
	if r.Tolerance != nil {
		o.Tolerance = new(resource.MustParse(strconv.FormatFloat(*r.Tolerance, 'f', -1, 64)))
	}
	return o
}

// pod is a pod of the target, with a name and the requests of its containers.
type pod struct {
	hpa.Pod
	name       string
	containers []container
}

// container states its requests in thousandths; negative is none.
type container struct {
	name     string
	requests map[string]int64
}

// request returns what the pod requests of a resource, or one container of it, as the model takes it.
func (p *pod) request(kind hpa.MetricType, resource string) int64 {
	sum, found := int64(0), false
	for _, c := range p.containers {
		if kind == hpa.ContainerResource && c.name != containerName {
			continue
		}
		found = true
		if c.requests[resource] < 0 {
			return -1
		}
		sum += c.requests[resource]
	}
	if !found {
		return -1
	}
	return sum
}

var (
	phases = map[hpa.Phase]corev1.PodPhase{
		hpa.Running: corev1.PodRunning, hpa.Pending: corev1.PodPending, hpa.Succeeded: corev1.PodSucceeded,
		hpa.Failed: corev1.PodFailed, hpa.PhaseUnknown: corev1.PodUnknown,
	}
	readiness = map[hpa.Readiness]corev1.ConditionStatus{
		hpa.Ready: corev1.ConditionTrue, hpa.Unready: corev1.ConditionFalse, hpa.ReadinessUnknown: corev1.ConditionUnknown,
	}
)

// object returns the pod as the API has it.
func (p *pod) object(epoch time.Time) *corev1.Pod {
	o := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: p.name, Namespace: namespace, Labels: map[string]string{"app": "web"}},
		Status:     corev1.PodStatus{Phase: phases[p.Phase]},
	}
	if p.Deleted {
		o.DeletionTimestamp = new(metav1.NewTime(epoch))
	}
	if !p.NotStarted {
		o.Status.StartTime = new(metav1.NewTime(epoch.Add(p.Start)))
	}
	if p.Readiness != hpa.NoReadiness {
		o.Status.Conditions = []corev1.PodCondition{{
			Type: corev1.PodReady, Status: readiness[p.Readiness],
			LastTransitionTime: metav1.NewTime(epoch.Add(p.ReadySince)),
		}}
	}
	for _, c := range p.containers {
		list := corev1.ResourceList{}
		for name, request := range c.requests {
			if request >= 0 {
				list[corev1.ResourceName(name)] = *resource.NewMilliQuantity(request, resource.DecimalSI)
			}
		}
		o.Spec.Containers = append(o.Spec.Containers, corev1.Container{
			Name: c.name, Resources: corev1.ResourceRequirements{Requests: list},
		})
	}
	return o
}
