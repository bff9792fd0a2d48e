package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

// buffer is a log that is written and read at the same time.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// noBridge leaves the libraries' logger alone: it is one for the whole process, and some of their
// goroutines outlive a server.
func noBridge(*slog.Logger) {}

func scalerYAML(name, arrivals string) string {
	return fmt.Sprintf(`apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: %s, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}
  minReplicas: 2
  maxReplicas: 100
  arrivals: %s
  service: {mean: 100ms}
---
`, name, name, arrivals)
}

// writeTrace writes a week of ten-minute counts.
func writeTrace(t testing.TB, path string, end time.Time) arrivals.Trace {
	t.Helper()
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: end.Add(-8 * 24 * time.Hour), Step: 10 * time.Minute, Days: 8, Base: 40, DailyAmplitude: 400, Noise: 1, Seed: 1,
	})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, arrivals.WriteCSV(&b, trace, arrivals.CSVOptions{}))
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o600))
	return trace
}

// adapter is the program running in this process, and a client that trusts only its certificate.
type adapter struct {
	base   string
	client *http.Client
	log    *buffer
	stop   func() int
}

func startAdapter(t testing.TB, dir string, args ...string) *adapter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	require.NoError(t, l.Close())
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // it must end in the middle of the test
	a := &adapter{base: fmt.Sprintf("https://127.0.0.1:%d", port), log: &buffer{}}
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{
			"--standalone", "--bind-address", "127.0.0.1",
			"--secure-port", fmt.Sprint(port), "--cert-dir", dir,
		}, args...), io.Discard, a.log, noBridge)
	}()
	a.stop = sync.OnceValue(func() int { cancel(); return <-code })
	t.Cleanup(func() { a.stop() })
	require.Eventually(t, func() bool {
		pem, err := os.ReadFile(filepath.Join(dir, "apiserver.crt"))
		if err != nil {
			return false
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return false
		}
		a.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
		status, _ := a.get(t, "/readyz")
		return status == http.StatusOK
	}, 30*time.Second, 50*time.Millisecond, "the adapter does not get ready")
	return a
}

func (a *adapter) get(t testing.TB, path string) (int, string) {
	t.Helper()
	response, err := a.client.Get(a.base + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(body)
}

const metricPath = "/apis/external.metrics.k8s.io/v1beta1/namespaces/shop/prescale-desired-replicas?labelSelector=scaler%3D"

// TestAdapterServes runs the real API server: one scaler over a file, one over a Prometheus that is not
// there, one over a Prometheus that refuses the query. There is one such test, since the library's
// metrics can be registered once in a process.
func TestAdapterServes(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"parse error: unexpected <by>"}`)
	}))
	defer refusing.Close()
	dir := t.TempDir()
	// The file reaches into the future, of which nothing may be seen.
	end := time.Now().Truncate(24 * time.Hour).Add(48 * time.Hour)
	trace := writeTrace(t, filepath.Join(dir, "load.csv"), end)
	config := filepath.Join(dir, "scalers.yaml")
	require.NoError(t, os.WriteFile(config, []byte(
		scalerYAML("web", "{csv: {file: load.csv}}")+
			scalerYAML("gone", "{prometheus: {url: 'http://127.0.0.1:1', query: up}}")+
			scalerYAML("wrong", "{prometheus: {url: '"+refusing.URL+"', query: 'sum('}}")), 0o600))
	a := startAdapter(t, dir, "--config", config, "--interval", "1s")

	t.Run("a forecast with the time of its data", func(t *testing.T) {
		var list struct {
			Items []struct {
				Value        string
				Timestamp    time.Time
				MetricLabels map[string]string
			}
		}
		require.Eventually(t, func() bool {
			status, body := a.get(t, metricPath+"web")
			if status != http.StatusOK {
				return false
			}
			require.NoError(t, json.Unmarshal([]byte(body), &list))
			return list.Items[0].MetricLabels["source"] == "Forecast"
		}, 30*time.Second, 20*time.Millisecond, "log: %s", a.log)
		require.Len(t, list.Items, 1)
		i, ok := trace.Index(list.Items[0].Timestamp.Add(-trace.Step))
		require.True(t, ok, "the timestamp %s is the end of a bucket of the trace", list.Items[0].Timestamp)
		assert.Equal(t, trace.Time(i).Add(trace.Step), list.Items[0].Timestamp.UTC())
		assert.WithinDuration(t, time.Now(), list.Items[0].Timestamp, trace.Step+time.Minute)
	})
	t.Run("errors of one scaler are its own", func(t *testing.T) {
		status, body := a.get(t, metricPath+"nobody")
		assert.Equal(t, http.StatusNotFound, status, body)
		assert.Eventually(t, func() bool {
			status, body := a.get(t, metricPath+"wrong")
			return status == http.StatusServiceUnavailable && strings.Contains(body, "parse error: unexpected")
		}, 30*time.Second, 20*time.Millisecond)
		assert.Eventually(t, func() bool {
			status, body := a.get(t, metricPath+"gone")
			return status == http.StatusServiceUnavailable && strings.Contains(body, "connection refused")
		}, 30*time.Second, 20*time.Millisecond)
		status, body = a.get(t, metricPath+"web")
		assert.Equal(t, http.StatusOK, status, body)
	})
	t.Run("discovery and readiness need no source", func(t *testing.T) {
		for _, path := range []string{"/readyz", "/livez", "/apis/external.metrics.k8s.io/v1beta1"} {
			status, body := a.get(t, path)
			assert.Equal(t, http.StatusOK, status, body)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		status, body := a.get(t, "/metrics")
		assert.Equal(t, http.StatusOK, status)
		assert.Contains(t, body, `prescale_recommended_replicas{namespace="shop",scaler="web"}`)
		assert.NotContains(t, body, `prescale_recommended_replicas{namespace="shop",scaler="gone"}`)
		assert.Contains(t, body, "metrics_apiserver_metric_freshness_seconds")
	})
	assert.Zero(t, a.stop(), a.log)
}

// TestAdapterRefuses shows what a mistake leads to: exit code 2 and what to do.
func TestAdapterRefuses(t *testing.T) {
	dir := t.TempDir()
	writeTrace(t, filepath.Join(dir, "load.csv"), time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC))
	t.Chdir(dir)
	for name, text := range map[string]string{
		"good.yaml":       scalerYAML("web", "{csv: {file: load.csv}}"),
		"bad.yaml":        strings.Replace(scalerYAML("web", "{csv: {file: load.csv}}"), "maxReplicas", "maxReplica", 1),
		"nofile.yaml":     scalerYAML("web", "{csv: {file: nowhere.csv}}"),
		"prometheus.yaml": scalerYAML("web", "{prometheus: {query: up}}"),
	} {
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	}
	require.NoError(t, os.WriteFile("file", nil, 0o600))
	for _, c := range []struct{ args, want string }{
		{"", "--config is required"},
		{"--config good.yaml --nonsense", "unknown flag: --nonsense"},
		{"--config nowhere.yaml --standalone --bind-address 127.0.0.1", "no such file"},
		{"--config bad.yaml --standalone --bind-address 127.0.0.1", "bad.yaml:7: spec.maxReplica: unknown field"},
		{"--config nofile.yaml --standalone --bind-address 127.0.0.1", "PredictiveScaler shop/web: history: nowhere.csv: unavailable"},
		{"--config prometheus.yaml --standalone --bind-address 127.0.0.1", "or the flag --prometheus"},
		{"--config good.yaml --standalone", "--bind-address must be a loopback address"},
		{"--config good.yaml --interval 1ms", "--interval 1ms: must be at least 1s"},
		{"--config good.yaml --replay-from now --standalone --bind-address 127.0.0.1", "must be RFC 3339"},
		{"--config good.yaml --replay-from 2026-03-08T00:00:00Z", "needs --standalone"},
		{"--config prometheus.yaml --prometheus http://127.0.0.1:1 --replay-from 2026-03-08T00:00:00Z --standalone --bind-address 127.0.0.1", "--replay-from needs CSV arrivals"},
		{"--config good.yaml --lister-kubeconfig nowhere", "no cluster"},
		{"--config good.yaml --standalone --bind-address 127.0.0.1 --secure-port 6443 --cert-dir file/certs", "--cert-dir must be writable"},
	} {
		t.Run(c.args, func(t *testing.T) {
			log := &buffer{}
			assert.Equal(t, 2, run(t.Context(), strings.Fields(c.args), io.Discard, log, noBridge))
			assert.Contains(t, log.String(), c.want)
		})
	}
}

// BenchmarkGet is one read of the metric over TLS, as the aggregation layer does it on a connection kept
// alive.
func BenchmarkGet(b *testing.B) {
	dir := b.TempDir()
	writeTrace(b, filepath.Join(dir, "load.csv"), time.Now().Truncate(24*time.Hour).Add(48*time.Hour))
	config := filepath.Join(dir, "scalers.yaml")
	require.NoError(b, os.WriteFile(config, []byte(scalerYAML("web", "{csv: {file: load.csv}}")), 0o600))
	a := startAdapter(b, dir, "--config", config, "--log-level", "ERROR")
	require.Eventually(b, func() bool {
		status, _ := a.get(b, metricPath+"web")
		return status == http.StatusOK
	}, 30*time.Second, 20*time.Millisecond)
	for b.Loop() {
		status, body := a.get(b, metricPath+"web")
		require.Equal(b, http.StatusOK, status, body)
	}
	a.stop()
}
