package harness

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
)

// Change is one change of a Deployment's spec.replicas.
type Change struct {
	Time     time.Time
	Name     string
	From, To int32
}

// String prints a change for a reader of the log.
func (c Change) String() string {
	return fmt.Sprintf("%s %s %d -> %d", c.Time.Format(time.TimeOnly), c.Name, c.From, c.To)
}

// Recorder watches the Deployments of the namespace default and records every change of spec.replicas. A watch delivers
// each stored version of an object, so a scale-in that is undone a moment later is seen too.
type Recorder struct {
	mu      sync.Mutex
	current map[string]int32
	changes []Change
}

// StartRecorder begins to watch and returns when the present state is known.
func StartRecorder(tb testing.TB, env *Environment, cluster *ControlPlane) *Recorder {
	tb.Helper()
	r := &Recorder{current: make(map[string]int32)}
	factory := informers.NewSharedInformerFactoryWithOptions(cluster.Client, 0, informers.WithNamespace(metav1.NamespaceDefault))
	informer := factory.Apps().V1().Deployments().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    r.record,
		UpdateFunc: func(_, object any) { r.record(object) },
	})
	require.NoError(tb, err)
	factory.Start(env.Context.Done())
	require.True(tb, cache.WaitForCacheSync(env.Context.Done(), informer.HasSynced))
	return r
}

func (r *Recorder) record(object any) {
	deployment, ok := object.(*appsv1.Deployment)
	if !ok || deployment.Spec.Replicas == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	to := *deployment.Spec.Replicas
	if from, known := r.current[deployment.Name]; known && from != to {
		r.changes = append(r.changes, Change{Time: time.Now(), Name: deployment.Name, From: from, To: to})
	}
	r.current[deployment.Name] = to
}

// Replicas returns spec.replicas of a Deployment, and whether it exists.
func (r *Recorder) Replicas(name string) (int32, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	replicas, ok := r.current[name]
	return replicas, ok
}

// Changes returns the changes recorded since the given time, the oldest first.
func (r *Recorder) Changes(since time.Time) []Change {
	r.mu.Lock()
	defer r.mu.Unlock()
	var changes []Change
	for _, change := range r.changes {
		if !change.Time.Before(since) {
			changes = append(changes, change)
		}
	}
	return changes
}

// ScaleIns returns those changes since the given time that took replicas away.
func (r *Recorder) ScaleIns(since time.Time) []Change {
	var downs []Change
	for _, change := range r.Changes(since) {
		if change.To < change.From {
			downs = append(downs, change)
		}
	}
	return downs
}
