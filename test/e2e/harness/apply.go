package harness

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	kustomize "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// fieldManager is the name under which the suite owns fields of the objects it applies.
const fieldManager = "prescale-e2e"

// Overlay builds deploy/base with patches on top of it, as a user's kustomization would, and returns the objects in an
// order in which they can be created.
func Overlay(tb testing.TB, repository string, patches ...kustomize.Patch) []*unstructured.Unstructured {
	tb.Helper()
	// In memory, because kustomize takes no absolute paths and the overlay must not be written into the source tree.
	files := filesys.MakeFsInMemory()
	base := filepath.Join(repository, "deploy", "base")
	require.NoError(tb, fs.WalkDir(os.DirFS(base), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(base, name))
		if err != nil {
			return err
		}
		return files.WriteFile(path.Join("/base", name), content)
	}))
	overlay, err := yaml.Marshal(kustomize.Kustomization{
		TypeMeta:  kustomize.TypeMeta{APIVersion: kustomize.KustomizationVersion, Kind: kustomize.KustomizationKind},
		Resources: []string{"../base"},
		Patches:   patches,
	})
	require.NoError(tb, err)
	require.NoError(tb, files.WriteFile("/overlay/kustomization.yaml", overlay))

	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, "/overlay")
	require.NoError(tb, err, "building deploy/base with the overlay")
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		content, err := resource.Map()
		require.NoError(tb, err)
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects
}

// Patch returns a JSON patch (RFC 6902) of the base's object of that kind and name that sets the values at the paths.
func Patch(tb testing.TB, kind, name string, values map[string]any) kustomize.Patch {
	tb.Helper()
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	var operations []operation
	for path, value := range values {
		// "add" also replaces what is there.
		operations = append(operations, operation{Op: "add", Path: path, Value: value})
	}
	patch, err := json.Marshal(operations)
	require.NoError(tb, err)
	target := &kustomize.Selector{}
	target.Kind, target.Name = kind, name
	return kustomize.Patch{Patch: string(patch), Target: target}
}

// Apply sends the objects by server-side apply, as `kubectl apply --server-side` does.
func (c *ControlPlane) Apply(tb testing.TB, objects ...*unstructured.Unstructured) {
	tb.Helper()
	for _, object := range objects {
		kind := object.GroupVersionKind()
		mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		require.NoError(tb, err)
		// Cluster-wide objects have an empty namespace, which the client takes as none.
		resource := c.Dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
		_, err = resource.Apply(c.env.Context, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true})
		require.NoError(tb, err, "applying %s %s", kind.Kind, object.GetName())
	}
}
