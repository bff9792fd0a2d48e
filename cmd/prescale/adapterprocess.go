package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// adapterProcess is a prescale-adapter that runs as our child and plays the past.
type adapterProcess struct {
	command *exec.Cmd
	done    chan struct{}
	stderr  *bytes.Buffer // read only after done
	base    string
	cert    string
	client  *http.Client
	speed   float64
}

// findAdapter returns the path of the adapter program.
func findAdapter(path string) (string, error) {
	if path != "" {
		return exec.LookPath(path)
	}
	const name = "prescale-adapter"
	if self, err := os.Executable(); err == nil {
		if beside := filepath.Join(filepath.Dir(self), name); isFile(beside) {
			return beside, nil
		}
	}
	found, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("%s is neither beside prescale nor in PATH: run make build, or give --adapter", name)
	}
	return found, nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// startAdapter starts the adapter on a free port. Its end ends with ours: it is stopped when the context
// ends, by stop, and (on Linux) when this process dies.
func startAdapter(ctx context.Context, program, config, dir string, from time.Time, speed float64) (*adapterProcess, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	a := &adapterProcess{
		done: make(chan struct{}), stderr: &bytes.Buffer{}, speed: speed,
		base: "https://127.0.0.1:" + strconv.Itoa(port),
		cert: filepath.Join(dir, "apiserver.crt"),
	}
	a.command = exec.CommandContext(ctx, program, "--config", config, "--standalone",
		"--bind-address", "127.0.0.1", "--secure-port", strconv.Itoa(port), "--cert-dir", dir,
		"--interval", "1m", "--log-level", "WARN",
		"--replay-from", from.UTC().Format(time.RFC3339), "--replay-speed", strconv.FormatFloat(speed, 'g', -1, 64))
	a.command.Stderr = a.stderr
	a.command.Cancel = func() error { return a.command.Process.Signal(os.Interrupt) }
	a.command.WaitDelay = 10 * time.Second
	dieWithParent(a.command)
	started := make(chan error)
	go func() {
		// The kernel ties the child's life to the thread that made it, so the thread stays until then.
		runtime.LockOSThread()
		err := a.command.Start()
		started <- err
		if err == nil {
			_ = a.command.Wait() // what it said tells more than how it ended
		}
		close(a.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	return a, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close() //nolint:errcheck // it was opened only to learn a free port
	return l.Addr().(*net.TCPAddr).Port, nil
}

// stop ends the adapter and waits for it.
func (a *adapterProcess) stop() {
	_ = a.command.Process.Signal(os.Interrupt) // it may have ended already
	select {
	case <-a.done:
	case <-time.After(a.command.WaitDelay):
		_ = a.command.Process.Kill()
		<-a.done
	}
}

// explain adds what the adapter said, if it has ended by itself.
func (a *adapterProcess) explain(err error) error {
	select {
	case <-a.done:
		return fmt.Errorf("%w; the adapter ended and said:\n%s", err, a.stderr.String())
	default:
		return err
	}
}

// pause waits for a stretch of played time.
func (a *adapterProcess) pause(ctx context.Context, played time.Duration) error {
	select {
	case <-time.After(time.Duration(float64(played) / a.speed)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.done:
		return errors.New("the adapter has ended")
	}
}

// sample is one look at the adapter.
type sample struct {
	at                 time.Time // of the decision
	raw                string    // the external metric as JSON
	replicas, reactive int       // recommended; needed by the rate now alone
	rate, forecast     float64   // requests/s
	source, binding    string
}

// await samples until the adapter answers. What fails before is the adapter still starting.
func (a *adapterProcess) await(ctx context.Context) (sample, error) {
	deadline := time.Now().Add(time.Minute)
	for {
		s, err := a.sample(ctx)
		if err == nil {
			return s, nil
		}
		if time.Now().After(deadline) {
			return sample{}, fmt.Errorf("the adapter gave no answer within a minute: %w", err)
		}
		if err := a.pause(ctx, time.Duration(a.speed*float64(50*time.Millisecond))); err != nil {
			return sample{}, err
		}
	}
}

// sample asks the external-metrics API for the number and the metrics endpoint for what led to it.
func (a *adapterProcess) sample(ctx context.Context) (sample, error) {
	query := url.Values{"labelSelector": {"scaler=web"}}
	body, err := a.get(ctx, "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/prescale-desired-replicas?"+query.Encode())
	if err != nil {
		return sample{}, err
	}
	var list struct {
		Items []struct {
			MetricLabels map[string]string `json:"metricLabels"`
			Value        string            `json:"value"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return sample{}, fmt.Errorf("the external-metrics API answered no JSON: %w", err)
	}
	if len(list.Items) != 1 {
		return sample{}, fmt.Errorf("the external-metrics API answered %d items, want 1", len(list.Items))
	}
	s := sample{source: list.Items[0].MetricLabels["source"], binding: list.Items[0].MetricLabels["binding"]}
	if s.replicas, err = strconv.Atoi(list.Items[0].Value); err != nil {
		return sample{}, fmt.Errorf("the value of the metric: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "  "); err != nil {
		return sample{}, err
	}
	s.raw = pretty.String()
	return s, a.gauges(ctx, &s)
}

// gauges fills in what the metrics endpoint tells.
func (a *adapterProcess) gauges(ctx context.Context, s *sample) error {
	body, err := a.get(ctx, "/metrics")
	if err != nil {
		return err
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(onlyOurs(body)))
	if err != nil {
		return fmt.Errorf("the metrics endpoint: %w", err)
	}
	value := func(name, term string) float64 {
		for _, m := range families[name].GetMetric() {
			for _, l := range m.GetLabel() {
				if term != "" && l.GetName() == "term" && l.GetValue() == term {
					return m.GetGauge().GetValue()
				}
			}
			if term == "" {
				return m.GetGauge().GetValue()
			}
		}
		return 0
	}
	s.at = time.UnixMilli(int64(1000 * value("prescale_decision_timestamp_seconds", "")))
	s.rate, s.forecast = value("prescale_arrival_rate", ""), value("prescale_forecast_rate", "")
	s.reactive = int(value("prescale_demand_replicas", "reactive"))
	return nil
}

// onlyOurs leaves out the many metrics of the API server library, which nobody reads here.
func onlyOurs(body []byte) []byte {
	var b strings.Builder
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "prescale_") {
			b.WriteString(line)
		}
	}
	return []byte(b.String())
}

// get fetches a path over TLS, trusting only the certificate that the adapter has made for itself.
func (a *adapterProcess) get(ctx context.Context, path string) ([]byte, error) {
	if a.client == nil {
		pem, err := os.ReadFile(a.cert)
		if err != nil {
			return nil, fmt.Errorf("the adapter has made no certificate yet: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", a.cert)
		}
		a.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", path, response.Status, strings.TrimSpace(string(body)))
	}
	return body, nil
}
