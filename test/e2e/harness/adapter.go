package harness

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Names in deploy/base.
const (
	AdapterNamespace = "prescale-system"
	AdapterName      = "prescale-adapter"
	APIServiceName   = "v1beta1.external.metrics.k8s.io"
)

// decisionInterval is how often the adapter decides in the suite. Chosen by us: as often as data arrive.
const decisionInterval = ScrapeInterval

// Adapter is prescale-adapter, running beside the cluster as the pod of deploy/base would in it: under the same service
// account, reached through the same Service and APIService.
type Adapter struct {
	env     *Environment
	cluster *ControlPlane
	program string
	args    []string
	url     string
	ca      *x509.CertPool
	process *Process
}

// BuildAdapter compiles the adapter from the tree under test, as it is shipped (without cgo), and returns the program's
// path.
func BuildAdapter(tb testing.TB, env *Environment) string {
	tb.Helper()
	program := env.Path("bin", "prescale-adapter")
	build := exec.CommandContext(env.Context, "go", "build", "-buildvcs=false", "-o", program, "./cmd/prescale-adapter")
	build.Dir = env.Repository
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	output, err := build.CombinedOutput()
	require.NoError(tb, err, "go build ./cmd/prescale-adapter:\n%s", output)
	return program
}

// InstallAdapter applies deploy/base through an overlay that fits this cluster, and prepares the adapter to run with the
// scalers in the given YAML and the rights of its service account. Start runs it.
func InstallAdapter(tb testing.TB, env *Environment, cluster *ControlPlane, program, prometheusURL, scalers string) *Adapter {
	tb.Helper()
	port := env.FreePorts(1)[0]
	ca := NewAuthority(tb, "prescale-e2e-adapter")
	// The API server connects to the Service's address but expects the Service's name.
	serving := ca.Server(fmt.Sprintf("%s.%s.svc", AdapterName, AdapterNamespace))
	cluster.Apply(tb, Overlay(tb, env.Repository,
		// No kube-proxy runs here; the API server itself resolves an external name and takes the port of the APIService.
		Patch(tb, "Service", AdapterName, map[string]any{"/spec": map[string]any{
			"type": "ExternalName", "externalName": "localhost",
			"ports": []any{map[string]any{"name": "https", "port": port, "protocol": "TCP"}},
		}}),
		Patch(tb, "APIService", APIServiceName, map[string]any{
			"/spec/service/port": port,
			"/spec/caBundle":     ca.Certificate, // JSON writes bytes in base64, as the field wants them
		}),
		// The process under test takes the place of the pod.
		Patch(tb, "Deployment", AdapterName, map[string]any{"/spec/replicas": 0}),
	)...)

	// The kubelet would hand the pod such a token, so that what RBAC forbids to the service account fails here too.
	token := cluster.Token(tb, AdapterNamespace, AdapterName)
	kubeconfig := cluster.WriteKubeconfig(tb, AdapterName, cluster.TokenConfig(token))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca.Certificate)
	return &Adapter{
		env:     env,
		cluster: cluster,
		program: program,
		args: []string{
			"--config=" + env.WriteFile("scalers.yaml", []byte(scalers)),
			"--prometheus=" + prometheusURL,
			"--interval=" + decisionInterval.String(),
			"--bind-address=127.0.0.1",
			fmt.Sprintf("--secure-port=%d", port),
			"--tls-cert-file=" + env.WriteFile("pki/adapter.crt", serving.Certificate),
			"--tls-private-key-file=" + env.WriteFile("pki/adapter.key", serving.Key),
			"--cert-dir=" + env.Path("adapter"),
			"--lister-kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
		},
		url: loopback("https", port),
		ca:  pool,
	}
}

// Start runs the adapter, again after Kill, and returns when it says that it is ready.
func (a *Adapter) Start(tb testing.TB) {
	tb.Helper()
	a.process = a.env.Start(tb, "prescale-adapter", a.program, a.args...)
	a.env.Eventually(tb, "prescale-adapter is ready", time.Minute, func() error { return a.Probe("/readyz") })
}

// Kill ends the adapter as a lost node would.
func (a *Adapter) Kill() { a.process.Kill() }

// Probe asks the adapter's own port for a path without credentials, as the kubelet does.
func (a *Adapter) Probe(path string) error {
	response, err := a.get(a.env.Context, path, "")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, response.Status)
	}
	return nil
}

// Metrics reads prescale's gauges from the adapter's /metrics with the token given, which has to allow it.
func (a *Adapter) Metrics(token string) (Metrics, error) {
	response, err := a.get(a.env.Context, "/metrics", token)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics answers %s", response.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return nil, err
	}
	metrics := make(Metrics)
	for name, family := range families {
		if !strings.HasPrefix(name, "prescale_") {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := make(map[string]string)
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if metric.GetGauge() != nil {
				metrics[name] = append(metrics[name], Gauge{Labels: labels, Value: metric.GetGauge().GetValue()})
			}
		}
	}
	return metrics, nil
}

// get sends the request to the adapter itself, past the API server, and checks its certificate by the Service's name.
func (a *Adapter) get(ctx context.Context, path, token string) (*http.Response, error) {
	client := http.Client{
		Timeout: 5 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			TLSClientConfig:   &tls.Config{RootCAs: a.ca, ServerName: fmt.Sprintf("%s.%s.svc", AdapterName, AdapterNamespace)},
		},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+path, nil)
	if err != nil {
		return nil, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return client.Do(request)
}

// Metrics holds the gauges of the adapter by name.
type Metrics map[string][]Gauge

// Gauge is one series of a gauge.
type Gauge struct {
	Labels map[string]string
	Value  float64
}

// Of returns the value of a gauge for one scaler, and whether there is one.
func (m Metrics) Of(name, scaler string) (float64, bool) {
	for _, gauge := range m[name] {
		if gauge.Labels["scaler"] == scaler {
			return gauge.Value, true
		}
	}
	return 0, false
}

// Source returns the source of a scaler's current recommendation, or "".
func (m Metrics) Source(scaler string) string {
	for _, gauge := range m["prescale_source"] {
		if gauge.Labels["scaler"] == scaler && gauge.Value == 1 {
			return gauge.Labels["source"]
		}
	}
	return ""
}

// APIService returns the object that registers the adapter with the API server.
func (a *Adapter) APIService() (*unstructured.Unstructured, error) {
	resource := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	return a.cluster.Dynamic.Resource(resource).Get(a.env.Context, APIServiceName, metav1.GetOptions{})
}

// Token returns a token of a service account, as the kubelet would ask for on behalf of a pod.
func (c *ControlPlane) Token(tb testing.TB, namespace, serviceAccount string) string {
	tb.Helper()
	lifetime := int64(time.Hour / time.Second)
	request, err := c.Client.CoreV1().ServiceAccounts(namespace).CreateToken(c.env.Context, serviceAccount,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &lifetime}}, metav1.CreateOptions{})
	require.NoError(tb, err, "token for service account %s", serviceAccount)
	return request.Status.Token
}
