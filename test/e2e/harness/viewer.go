package harness

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	externalmetrics "k8s.io/metrics/pkg/apis/external_metrics/v1beta1"
)

// Viewer is an ordinary user of the cluster, a service account in the namespace default.
type Viewer struct {
	// Token authenticates it anywhere.
	Token string

	env    *Environment
	client rest.Interface
}

// CreateViewer creates a service account and, if allowed, lets it read the metric in its namespace and /metrics of
// the adapter, and nothing else.
func (c *ControlPlane) CreateViewer(tb testing.TB, name string, allowed bool) *Viewer {
	tb.Helper()
	meta := metav1.ObjectMeta{Name: name}
	_, err := c.Client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Create(c.env.Context, &corev1.ServiceAccount{ObjectMeta: meta}, metav1.CreateOptions{})
	require.NoError(tb, err)
	if allowed {
		subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Namespace: metav1.NamespaceDefault, Name: name}}
		rbac := c.Client.RbacV1()
		_, err = rbac.Roles(metav1.NamespaceDefault).Create(c.env.Context, &rbacv1.Role{
			ObjectMeta: meta,
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{externalmetrics.GroupName}, Resources: []string{MetricName}, Verbs: []string{"get", "list"}}},
		}, metav1.CreateOptions{})
		require.NoError(tb, err)
		_, err = rbac.RoleBindings(metav1.NamespaceDefault).Create(c.env.Context, &rbacv1.RoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
			Subjects:   subjects,
		}, metav1.CreateOptions{})
		require.NoError(tb, err)
		_, err = rbac.ClusterRoles().Create(c.env.Context, &rbacv1.ClusterRole{
			ObjectMeta: meta,
			Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
		}, metav1.CreateOptions{})
		require.NoError(tb, err)
		_, err = rbac.ClusterRoleBindings().Create(c.env.Context, &rbacv1.ClusterRoleBinding{
			ObjectMeta: meta,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   subjects,
		}, metav1.CreateOptions{})
		require.NoError(tb, err)
	}
	token := c.Token(tb, metav1.NamespaceDefault, name)
	client, err := kubernetes.NewForConfig(c.TokenConfig(token))
	require.NoError(tb, err)
	return &Viewer{Token: token, env: c.env, client: client.Discovery().RESTClient()}
}

// Answer is what the API server returned for a metric, whether a value or an error.
type Answer struct {
	// Code is the HTTP status; Message the error's text if it is not 200.
	Code    int
	Message string
	// Items are the metric's values.
	Items []externalmetrics.ExternalMetricValue
}

// Metric reads the recommendation of a scaler through the aggregation layer.
func (v *Viewer) Metric(scaler string) (Answer, error) {
	var answer Answer
	body, err := v.client.Get().
		AbsPath("/apis", externalmetrics.SchemeGroupVersion.String(), "namespaces", metav1.NamespaceDefault, MetricName).
		Param("labelSelector", "scaler="+scaler).
		Do(v.env.Context).StatusCode(&answer.Code).Raw()
	if answer.Code == http.StatusOK {
		var list externalmetrics.ExternalMetricValueList
		err = json.Unmarshal(body, &list)
		answer.Items = list.Items
		return answer, err
	}
	if answer.Code == 0 {
		return answer, err
	}
	var status metav1.Status
	if json.Unmarshal(body, &status) == nil && status.Message != "" {
		answer.Message = status.Message
	} else {
		answer.Message = string(body)
	}
	return answer, nil
}

// Replicas reads the recommendation of a scaler and returns an error unless it is exactly one whole number.
func (v *Viewer) Replicas(scaler string) (int32, externalmetrics.ExternalMetricValue, error) {
	answer, err := v.Metric(scaler)
	if err != nil {
		return 0, externalmetrics.ExternalMetricValue{}, err
	}
	if answer.Code != http.StatusOK {
		return 0, externalmetrics.ExternalMetricValue{}, fmt.Errorf("scaler %s: %d %s", scaler, answer.Code, answer.Message)
	}
	if len(answer.Items) != 1 {
		return 0, externalmetrics.ExternalMetricValue{}, fmt.Errorf("scaler %s: %d items, want exactly 1 (the HPA adds them up)", scaler, len(answer.Items))
	}
	item := answer.Items[0]
	if item.Value.MilliValue()%1000 != 0 {
		return 0, item, fmt.Errorf("scaler %s: value %s is not a whole number", scaler, item.Value.String())
	}
	return int32(item.Value.Value()), item, nil
}
