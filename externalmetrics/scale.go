package externalmetrics

import (
	"context"
	"fmt"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
)

// ScaleReader reads the scale subresource of workloads of any kind that has one.
type ScaleReader struct {
	mapper *restmapper.DeferredDiscoveryRESTMapper
	scales scale.ScalesGetter
}

// NewScaleReader returns a reader for a cluster; it connects when first used.
func NewScaleReader(client *rest.Config) (*ScaleReader, error) {
	found, err := discovery.NewDiscoveryClientForConfig(client)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(found))
	scales, err := scale.NewForConfig(client, mapper, dynamic.LegacyAPIPathResolverFunc, scale.NewDiscoveryScaleKindResolver(found))
	if err != nil {
		return nil, err
	}
	return &ScaleReader{mapper: mapper, scales: scales}, nil
}

var _ Running = (*ScaleReader)(nil)

// Replicas returns the number of replicas that the target's scale asks for (spec.replicas).
func (r *ScaleReader) Replicas(ctx context.Context, namespace string, target autoscalingv2.CrossVersionObjectReference) (int32, error) {
	version, err := schema.ParseGroupVersion(target.APIVersion)
	if err != nil {
		return 0, fmt.Errorf("scaleTargetRef.apiVersion %q: %w", target.APIVersion, err)
	}
	mapping, err := r.mapper.RESTMapping(schema.GroupKind{Group: version.Group, Kind: target.Kind}, version.Version)
	if err != nil {
		r.mapper.Reset() // the kind may have been installed since
		return 0, err
	}
	got, err := r.scales.Scales(namespace).Get(ctx, mapping.Resource.GroupResource(), target.Name, metav1.GetOptions{})
	if err != nil {
		return 0, err
	}
	return got.Spec.Replicas, nil
}
