package harness

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const repository = "../../.."

func TestOverlayPatchesTheBase(t *testing.T) {
	objects := Overlay(t, repository,
		Patch(t, "APIService", APIServiceName, map[string]any{"/spec/caBundle": []byte("certificate")}),
		Patch(t, "Deployment", AdapterName, map[string]any{"/spec/replicas": 0}),
	)
	byKind := make(map[string]*unstructured.Unstructured)
	for _, object := range objects {
		byKind[object.GetKind()] = object
	}
	require.Equal(t, "Namespace", objects[0].GetKind(), "what everything else lives in comes first")

	bundle, _, err := unstructured.NestedString(byKind["APIService"].Object, "spec", "caBundle")
	require.NoError(t, err)
	assert.Equal(t, "Y2VydGlmaWNhdGU=", bundle, "base64, as the field of type bytes wants it")
	_, found, err := unstructured.NestedBool(byKind["APIService"].Object, "spec", "insecureSkipTLSVerify")
	require.NoError(t, err)
	assert.False(t, found, "TLS is verified")

	replicas, _, err := unstructured.NestedFieldNoCopy(byKind["Deployment"].Object, "spec", "replicas")
	require.NoError(t, err)
	assert.EqualValues(t, 0, replicas)
	assert.Equal(t, "kube-system", byKind["RoleBinding"].GetNamespace(), "the binding that only works there")
	assert.Equal(t, AdapterNamespace, byKind["ConfigMap"].GetNamespace())
}
