package differential

import (
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/prescale/prescale/hpa"
)

// compare compares the decision of the model that is pending, if any, with what the controller did in the same sync.
func (w *world) compare() {
	if w.pending == nil || len(w.different) > 0 {
		return
	}
	p := w.pending
	w.pending = nil
	w.trace = append(w.trace, *p)
	d := &p.Decision
	differ := func(what string, got, want any) {
		if got != want {
			w.different = append(w.different, fmt.Sprintf("%s: hpa %v, controller %v", what, got, want))
		}
	}

	differ("rescale", d.Rescale, w.updated != nil)
	if w.updated != nil {
		differ("desired", d.Desired, *w.updated)
	}
	differ("AbleToScale", text(d.Conditions.AbleToScale), w.condition(autoscalingv2.AbleToScale))
	differ("ScalingActive", text(d.Conditions.ScalingActive), w.condition(autoscalingv2.ScalingActive))
	differ("ScalingLimited", text(d.Conditions.ScalingLimited), w.condition(autoscalingv2.ScalingLimited))
	differ("ScaledToZero", text(d.Conditions.ScaledToZero), w.condition(autoscalingv2.ScaledToZero))
	if p.Inputs.Fault == hpa.ScaleUnreadable {
		return // nothing else is written
	}
	differ("status.currentReplicas", d.From, w.written.CurrentReplicas)
	if able := d.Conditions.AbleToScale.Reason; !d.Blocked && able != hpa.FailedUpdateScale &&
		p.Inputs.Fault != hpa.SelectorInvalid && p.Inputs.Fault != hpa.SelectorAmbiguous {
		differ("status.desiredReplicas", d.Desired, w.written.DesiredReplicas)
	}
	differ("number of metrics in the status", len(d.Proposals), len(w.written.CurrentMetrics))
	for i := range min(len(d.Proposals), len(w.written.CurrentMetrics)) {
		proposal := &d.Proposals[i]
		got := ""
		if proposal.Failure == hpa.NoFailure {
			got = current(p.Spec.Metrics[i].Target.Type, proposal)
		}
		differ(fmt.Sprintf("current value of metric %d", i), got, reported(w.written.CurrentMetrics[i]))
	}
	// Some events are dropped by the recorder's spam filter.
	for _, event := range w.events {
		differ("reason of the event", cause(&p.Spec, d), event)
	}
	w.events = nil
}

func (w *world) condition(kind autoscalingv2.HorizontalPodAutoscalerConditionType) string {
	for _, c := range w.written.Conditions {
		if c.Type == kind {
			return string(c.Status) + " " + c.Reason
		}
	}
	return "unset"
}

func text(c hpa.Condition) string {
	if c.Status == hpa.Unset {
		return "unset"
	}
	return c.Status.String() + " " + c.Reason.String()
}

// current returns the current value of a metric as the status of the autoscaler would show it.
func current(target hpa.TargetType, p *hpa.Proposal) string {
	value := resource.NewMilliQuantity(p.Current, resource.DecimalSI).MilliValue()
	switch target {
	case hpa.ValueTarget:
		return fmt.Sprintf("value %dm", value)
	case hpa.UtilizationTarget:
		return fmt.Sprintf("%d%% average %dm", p.Percent, value)
	}
	return fmt.Sprintf("average %dm", value)
}

// reported returns the current value of a metric in the status, "" if it was not computed.
func reported(s autoscalingv2.MetricStatus) string {
	var v autoscalingv2.MetricValueStatus
	switch {
	case s.External != nil:
		v = s.External.Current
	case s.Object != nil:
		v = s.Object.Current
	case s.Pods != nil:
		v = s.Pods.Current
	case s.Resource != nil:
		v = s.Resource.Current
	case s.ContainerResource != nil:
		v = s.ContainerResource.Current
	default:
		return ""
	}
	out := ""
	if v.AverageUtilization != nil {
		out = fmt.Sprintf("%d%% ", *v.AverageUtilization)
	}
	if v.Value != nil {
		out += fmt.Sprintf("value %dm", v.Value.MilliValue())
	}
	if v.AverageValue != nil {
		out += fmt.Sprintf("average %dm", v.AverageValue.MilliValue())
	}
	return out
}

// cause returns the reason of upstream's event, with the name of the metric as upstream writes it.
func cause(s *hpa.Spec, d *hpa.Decision) string {
	if d.Cause != hpa.AboveTarget {
		return d.Cause.String()
	}
	m := s.Metrics[d.Metric]
	name := ""
	switch {
	case m.Type == hpa.External, m.Type == hpa.Object && m.Target.Type == hpa.AverageValueTarget:
		name = fmt.Sprintf("external metric %s(nil)", m.Name)
	case m.Type == hpa.Object:
		name = "Service metric " + m.Name
	case m.Type == hpa.Pods:
		name = "pods metric " + m.Name
	case m.Target.Type == hpa.AverageValueTarget:
		name = m.Name + " resource"
	case m.Type == hpa.ContainerResource:
		name = m.Name + " container resource utilization (percentage of request)"
	default:
		name = m.Name + " resource utilization (percentage of request)"
	}
	return name + " above target"
}
