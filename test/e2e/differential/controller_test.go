package differential

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"

	"github.com/prescale/prescale/hpa"
)

// outcome is what running a timeline showed.
type outcome struct {
	trace     []pass
	different []string // in the last pass of the trace
}

// run plays the timeline until the first difference.
func run(t *testing.T, line *timeline) (out outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			epoch: time.Now(), config: line.Config, spec: line.Spec,
			specReplicas: line.Replicas, statusReplicas: line.Replicas,
			grouped: line.Grouped, counted: line.Counted, loads: map[string]*load{},
		}
		c := &cluster{world: w, client: fake.NewSimpleClientset(object(hpaName, &w.spec))}
		c.react()
		w.evolvePods(line, stream(line.Seed, "first pods"))
		w.measure(line, line.Seed)
		c.start(t)
		synced := 0
		for _, seed := range line.Steps {
			// Between two syncs.
			time.Sleep(line.Config.SyncPeriod / 2)
			synctest.Wait()
			specChanged, restart := w.step(line, seed)
			c.apply(t, specChanged)
			if restart {
				c.stop()
				w.state.RestartController()
				c.start(t)
			}
			w.roundTrip(t)
			time.Sleep(line.Config.SyncPeriod - line.Config.SyncPeriod/2)
			synctest.Wait()
			w.mu.Lock()
			w.compare()
			w.mu.Unlock()
			if len(w.different) > 0 {
				break
			}
			synced++
			if len(w.trace) <= synced { // one from the start
				t.Errorf("seed %d: %d syncs in %d periods", line.Seed, len(w.trace), synced)
				break
			}
		}
		c.stop()
		if got := time.Since(w.epoch); got > time.Duration(len(line.Steps)+1)*line.Config.SyncPeriod {
			t.Errorf("seed %d: time %v", line.Seed, got)
		}
		out = outcome{trace: w.trace, different: w.different}
	})
	return out
}

// roundTrip writes the state of the model as JSON and reads it again.
func (w *world) roundTrip(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.trace)%10 != 0 {
		return
	}
	data, err := json.Marshal(w.state)
	if err != nil {
		t.Error(err)
	}
	w.state = hpa.State{}
	if err := json.Unmarshal(data, &w.state); err != nil {
		t.Error(err)
	}
}

// cluster is a fake API server with the real controller.
type cluster struct {
	world  *world
	client *fake.Clientset
	pods   cache.Indexer // of the running controller
	rival  bool          // exists
	stop   func()
}

// react records what the controller writes.
func (c *cluster) react() {
	w := c.world
	c.client.PrependReactor("update", "horizontalpodautoscalers", func(a clienttesting.Action) (bool, runtime.Object, error) {
		o := a.(clienttesting.UpdateAction).GetObject().(*autoscalingv2.HorizontalPodAutoscaler)
		if a.GetSubresource() == "status" && o.Name == hpaName {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.written = *o.Status.DeepCopy()
		}
		return false, nil, nil
	})
	c.client.PrependReactor("create", "events", func(a clienttesting.Action) (bool, runtime.Object, error) {
		e := a.(clienttesting.CreateAction).GetObject().(*corev1.Event)
		if _, reason, found := strings.Cut(e.Message, "; reason: "); found && e.Reason == "SuccessfulRescale" && e.InvolvedObject.Name == hpaName {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, reason)
		}
		return true, e, nil
	})
}

// start starts the controller. Its first sync is done when start returns.
func (c *cluster) start(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	factory := informers.NewSharedInformerFactory(c.client, 0)
	pods := factory.Core().V1().Pods()
	deployment := schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{deployment.GroupVersion()})
	mapper.Add(deployment, meta.RESTScopeNamespace)
	config := c.world.config
	controller := podautoscaler.NewHorizontalController(ctx,
		c.client.CoreV1(), c.world.scaleClient(), c.client.AutoscalingV2(), mapper, c.world,
		factory.Autoscaling().V2().HorizontalPodAutoscalers(), pods,
		config.SyncPeriod, config.DownscaleStabilization, config.Tolerance,
		config.CPUInitializationPeriod, config.InitialReadinessDelay)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	c.pods = pods.Informer().GetIndexer()
	c.replacePods(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		controller.Run(ctx, 1)
	}()
	synctest.Wait()
	c.stop = func() {
		cancel()
		<-done
		factory.Shutdown()
		synctest.Wait()
	}
}

// replacePods puts the pods of the world into the cache of the controller.
func (c *cluster) replacePods(t *testing.T) {
	objects := make([]any, 0, len(c.world.pods))
	for i := range c.world.pods {
		objects = append(objects, c.world.pods[i].object(c.world.epoch))
	}
	if err := c.pods.Replace(objects, ""); err != nil {
		t.Error(err)
	}
}

// apply tells the API server what has changed in the world.
func (c *cluster) apply(t *testing.T, specChanged bool) {
	c.replacePods(t)
	client := c.client.AutoscalingV2().HorizontalPodAutoscalers(namespace)
	if c.world.rival != c.rival {
		c.rival = c.world.rival
		var err error
		if c.rival {
			spec := hpa.Spec{MinReplicas: 1, MaxReplicas: 10, Metrics: []hpa.MetricSpec{{Name: "rivals", Target: hpa.AverageValue(1)}}}
			_, err = client.Create(t.Context(), object(rivalName, &spec), metav1.CreateOptions{})
		} else {
			err = client.Delete(t.Context(), rivalName, metav1.DeleteOptions{})
		}
		if err != nil {
			t.Error(err)
		}
	}
	if specChanged {
		o, err := client.Get(t.Context(), hpaName, metav1.GetOptions{})
		if err != nil {
			t.Error(err)
			return
		}
		o = o.DeepCopy()
		o.Spec = object(hpaName, &c.world.spec).Spec
		o.Generation++
		if _, err := client.Update(t.Context(), o, metav1.UpdateOptions{}); err != nil {
			t.Error(err)
		}
	}
	synctest.Wait()
}
