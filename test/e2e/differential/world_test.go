package differential

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	scalefake "k8s.io/client-go/scale/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"

	"github.com/prescale/prescale/hpa"
)

const (
	namespace = "default"
	hpaName   = "web"
	rivalName = "rival"
	selector  = "app=web"
)

// world is what surrounds the controller: a target with its pods, and the metrics. The controller reads the scale
// subresource exactly once at the start of each sync, and that is when the model makes its decision from the same world.
type world struct {
	mu    sync.Mutex
	epoch time.Time

	config hpa.Config
	spec   hpa.Spec
	state  hpa.State // of the model

	specReplicas, statusReplicas int32
	pods                         []pod
	made                         int              // pods so far
	loads                        map[string]*load // by metric
	readings                     []hpa.Reading    // with Usage for each of pods, and for pods that are gone
	fault                        hpa.Fault
	badSelector                  bool // the selector cannot be parsed, rather than being empty
	rival                        bool // another autoscaler selects the same pods
	grouped                      bool // the model is given pods that are alike as one
	counted                      bool // the model is given the number of pods, where that is enough

	written   autoscalingv2.HorizontalPodAutoscalerStatus // what the controller last wrote
	updated   *int32                                      // what it scaled to in this sync
	retrying  bool                                        // it is about to read the scale again after a failed update
	events    []string                                    // reasons of SuccessfulRescale events not yet compared
	pending   *pass                                       // the model's decision that is to be compared
	trace     []pass
	different []string // of the last pass in the trace
}

// pass is one sync as the model saw it.
type pass struct {
	Inputs   hpa.Inputs
	Spec     hpa.Spec
	Before   hpa.State
	Decision hpa.Decision
}

func (w *world) now() time.Duration { return time.Since(w.epoch) }

// scaleClient returns the scale subresources of the target and of the rival's target.
func (w *world) scaleClient() *scalefake.FakeScaleClient {
	c := &scalefake.FakeScaleClient{}
	c.AddReactor("get", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if a.(clienttesting.GetAction).GetName() == rivalName {
			return true, scaleOf(rivalName, 3, 3, selector), nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.read()
	})
	c.AddReactor("update", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		scale := a.(clienttesting.UpdateAction).GetObject().(*autoscalingv1.Scale)
		if scale.Name == rivalName {
			return true, scale, nil
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.fault == hpa.ScaleUnwritable {
			w.retrying = true
			return true, nil, errors.New("the scale cannot be written")
		}
		w.specReplicas = scale.Spec.Replicas
		w.updated = new(scale.Spec.Replicas)
		return true, scale, nil
	})
	return c
}

// read answers the read of the scale, and lets the model decide.
func (w *world) read() (bool, runtime.Object, error) {
	sel := selector
	if w.fault == hpa.SelectorInvalid {
		sel = ""
		if w.badSelector {
			sel = "a in ("
		}
	}
	scale := scaleOf(hpaName, w.specReplicas, w.statusReplicas, sel)
	if w.retrying {
		w.retrying = false
		return true, scale, nil
	}
	w.compare()
	w.decide()
	if w.fault == hpa.ScaleUnreadable {
		return true, nil, errors.New("the scale cannot be read")
	}
	return true, scale, nil
}

func scaleOf(name string, specReplicas, statusReplicas int32, selector string) *autoscalingv1.Scale {
	return &autoscalingv1.Scale{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace},
		Spec:       autoscalingv1.ScaleSpec{Replicas: specReplicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: statusReplicas, Selector: selector},
	}
}

// decide makes the model's decision on the world as it is.
func (w *world) decide() {
	in := w.inputs()
	p := pass{Inputs: in, Spec: w.spec, Before: *w.state.Clone()}
	p.Decision = hpa.Sync(w.config, &w.spec, in, &w.state)
	p.Decision.Proposals = append([]hpa.Proposal(nil), p.Decision.Proposals...)
	w.updated = nil
	w.pending = &p
}

// inputs returns the world in the form the model takes.
func (w *world) inputs() hpa.Inputs {
	in := hpa.Inputs{
		Now:          w.now(),
		SpecReplicas: w.specReplicas, StatusReplicas: w.statusReplicas,
		Readings: make([]hpa.Reading, len(w.readings)),
		Fault:    w.fault,
	}
	if w.fault == hpa.NoFault && w.rival && len(w.pods) > 0 {
		in.Fault = hpa.SelectorAmbiguous
	}
	for i, r := range w.readings {
		in.Readings[i] = hpa.Reading{Err: r.Err, Value: r.Value, Items: r.Items}
	}
	for i := range w.pods {
		p := w.pods[i].Pod
		if last := len(in.Pods) - 1; w.grouped && last >= 0 && w.alike(i-1, i) {
			in.Pods[last].Count = max(1, in.Pods[last].Count) + 1
			continue
		}
		in.Pods = append(in.Pods, p)
		for j, r := range w.readings {
			if r.Usage != nil {
				in.Readings[j].Usage = append(in.Readings[j].Usage, r.Usage[i])
			}
		}
	}
	for j, r := range w.readings {
		if r.Usage != nil {
			in.Readings[j].Usage = append(in.Readings[j].Usage, r.Usage[len(w.pods):]...)
		}
	}
	if w.counted {
		in.Pods = nil
		for i := range w.pods {
			in.PodCount++
			if w.pods[i].Phase == hpa.Running && w.pods[i].Readiness == hpa.Ready {
				in.ReadyPods++
			}
		}
	}
	return in
}

// alike reports whether two pods are the same to the model, their usage included.
func (w *world) alike(a, b int) bool {
	if w.pods[a].Pod != w.pods[b].Pod {
		return false
	}
	for _, r := range w.readings {
		if r.Usage != nil && r.Usage[a] != r.Usage[b] {
			return false
		}
	}
	return true
}

// The world is the metrics client of the controller.
var _ metrics.MetricsClient = (*world)(nil)

// GetResourceMetric implements metrics.MetricsClient.
func (w *world) GetResourceMetric(_ context.Context, resource corev1.ResourceName, _ string, _ labels.Selector, container string) (metrics.PodMetricsInfo, time.Time, error) {
	kind := hpa.Resource
	if container != "" {
		kind = hpa.ContainerResource
	}
	return w.podMetrics(kind, string(resource))
}

// GetRawMetric implements metrics.MetricsClient.
func (w *world) GetRawMetric(metric, _ string, _, _ labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return w.podMetrics(hpa.Pods, metric)
}

// GetObjectMetric implements metrics.MetricsClient.
func (w *world) GetObjectMetric(metric, _ string, _ *autoscalingv2.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.reading(hpa.Object, metric)
	return r.Value, time.Now(), r.Err
}

// GetExternalMetric implements metrics.MetricsClient.
func (w *world) GetExternalMetric(metric, namespace string, _ labels.Selector) ([]int64, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if namespace != "default" {
		return []int64{3000}, time.Now(), nil // the rival's
	}
	r := w.reading(hpa.External, metric)
	if r.Items != nil {
		return r.Items, time.Now(), r.Err
	}
	return []int64{r.Value}, time.Now(), r.Err
}

func (w *world) podMetrics(kind hpa.MetricType, metric string) (metrics.PodMetricsInfo, time.Time, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.reading(kind, metric)
	if r.Err != nil {
		return nil, time.Time{}, r.Err
	}
	info := metrics.PodMetricsInfo{}
	for i, u := range r.Usage {
		if u.Missing {
			continue
		}
		name := fmt.Sprintf("gone-%d", i)
		if i < len(w.pods) {
			name = w.pods[i].name
		}
		info[name] = metrics.PodMetric{Timestamp: w.epoch.Add(u.At), Window: u.Window, Value: u.Value}
	}
	return info, time.Now(), nil
}

var errUnavailable = errors.New("the metrics API is unavailable")

func (w *world) reading(kind hpa.MetricType, metric string) hpa.Reading {
	for i, m := range w.spec.Metrics {
		if m.Type == kind && m.Name == metric {
			return w.readings[i]
		}
	}
	return hpa.Reading{Err: errUnavailable} // the rival's
}
