package history

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const hush = "hush-4711-do-not-tell"

func TestCredentialsAreSent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(hush+"\n"), 0o600))
	for name, c := range map[string]struct {
		http HTTPOptions
		user string
		want string
	}{
		"bearer":        {http: HTTPOptions{BearerToken: hush + "\n"}, want: "Bearer " + hush},
		"bearer file":   {http: HTTPOptions{BearerTokenFile: file}, want: "Bearer " + hush},
		"basic":         {http: HTTPOptions{Username: "ann", Password: hush}, want: "ann:" + hush},
		"password file": {http: HTTPOptions{Username: "ann", PasswordFile: file}, want: "ann:" + hush},
		"in the URL":    {user: "ann:" + hush + "@", want: "ann:" + hush},
		"none":          {},
	} {
		t.Run(name, func(t *testing.T) {
			server := newFakeServer(t, func(float64) string { return "1" })
			c.http.Headers = map[string]string{"X-Scope-OrgID": "team-a"}
			p := newPrometheus(t, PrometheusOptions{URL: strings.Replace(server.URL, "://", "://"+c.user, 1), HTTP: c.http})
			_, err := p.Fetch(t.Context(), noon.Add(-time.Hour), noon)
			require.NoError(t, err)
			r := server.requests[0]
			got := r.Header.Get("Authorization")
			if user, password, ok := r.BasicAuth(); ok {
				got = user + ":" + password
			}
			assert.Equal(t, c.want, got)
			assert.Equal(t, "team-a", r.Header.Get("X-Scope-OrgID"))
		})
	}
}

func TestTokenFileIsReadAgain(t *testing.T) {
	server := newFakeServer(t, func(float64) string { return "1" })
	file := filepath.Join(t.TempDir(), "token")
	p := newPrometheus(t, PrometheusOptions{URL: server.URL, HTTP: HTTPOptions{BearerTokenFile: file}})

	_, err := p.Fetch(t.Context(), noon.Add(-time.Hour), noon)
	require.ErrorIs(t, err, ErrUnauthorized)
	require.ErrorContains(t, err, "unable to read authorization credentials")
	assert.Empty(t, server.requests, "nothing is sent without the token, and nothing retried")

	for _, token := range []string{"first", "second"} {
		require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
		_, err := p.Fetch(t.Context(), noon.Add(-time.Hour), noon)
		require.NoError(t, err)
		assert.Equal(t, "Bearer "+token, server.requests[len(server.requests)-1].Header.Get("Authorization"))
	}
}

// tlsServer speaks TLS with the certificate of httptest, which is its own CA and bears the name example.com, and
// returns the path of that CA.
func tlsServer(t *testing.T, clientCertificate bool) (*httptest.Server, string) {
	fake := &fakeServer{value: func(float64) string { return "1" }}
	server := httptest.NewUnstartedServer(http.HandlerFunc(fake.serve))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are what the tests are about
	if clientCertificate {
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	require.NoError(t, os.WriteFile(ca, block, 0o600))
	return server, ca
}

func TestTLS(t *testing.T) {
	server, ca := tlsServer(t, false)
	fetch := func(o HTTPOptions) error {
		_, err := newPrometheus(t, PrometheusOptions{URL: server.URL, HTTP: o}).Fetch(t.Context(), noon.Add(-time.Hour), noon)
		return err
	}
	require.NoError(t, fetch(HTTPOptions{CAFile: ca}))
	require.NoError(t, fetch(HTTPOptions{CAFile: ca, ServerName: "example.com"}))
	require.NoError(t, fetch(HTTPOptions{InsecureSkipVerify: true}))

	err := fetch(HTTPOptions{})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "certificate signed by unknown authority")
	require.NotContains(t, err.Error(), "attempts", "a wrong certificate is not retried")
	err = fetch(HTTPOptions{CAFile: ca, ServerName: "prometheus.svc"})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "prometheus.svc")
}

func TestClientCertificate(t *testing.T) {
	server, ca := tlsServer(t, true)
	o := PrometheusOptions{URL: server.URL, Retries: -1, HTTP: HTTPOptions{CAFile: ca}}
	_, err := newPrometheus(t, o).Fetch(t.Context(), noon.Add(-time.Hour), noon)
	require.ErrorIs(t, err, ErrUnavailable)

	key, err := tlsKey(server)
	require.NoError(t, err)
	o.HTTP.CertFile, o.HTTP.KeyFile = ca, filepath.Join(t.TempDir(), "key.pem")
	require.NoError(t, os.WriteFile(o.HTTP.KeyFile, key, 0o600))
	_, err = newPrometheus(t, o).Fetch(t.Context(), noon.Add(-time.Hour), noon)
	require.NoError(t, err)
}

func TestNoCredentialIsShown(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		_, password, _ := r.BasicAuth()
		status := 200
		_, _ = fmt.Sscanf(r.URL.Query().Get("status"), "%d", &status)
		text := fmt.Sprintf("%s %s %s", r.Header.Get("Authorization"), password, r.Header.Get("X-Api-Key"))
		body, _ := json.Marshal(map[string]any{"status": "error", "errorType": "bad_data", "error": text, "warnings": []string{text}})
		if r.URL.Query().Get("plain") != "" {
			body = []byte(strings.Repeat("x", 190) + text) // cut in the middle of a credential
		}
		reply(w, status, string(body))
	}
	url, _ := canned(t, echo)
	for _, auth := range []HTTPOptions{{BearerToken: hush}, {Username: "ann", Password: hush}} {
		auth.Headers = map[string]string{"X-Api-Key": hush}
		for _, query := range []string{"", "status=400", "status=401", "status=404", "status=503", "status=200&plain=1", "status=500&plain=1"} {
			o := PrometheusOptions{URL: url + "?" + query + "&token=" + hush, HTTP: auth}
			got, err := fetchError(t, o)
			text := fmt.Sprint(err, got.Warnings)
			assert.NotContains(t, text, "hush", query)
			assert.NotContains(t, text, "YW5u", "the start of the encoded user and password")
			if query == "status=400" {
				assert.Contains(t, text, "<secret>")
			}
		}
	}

	o := PrometheusOptions{
		URL: "https://ann:" + hush + "@prometheus/x?token=" + hush, Query: "up",
		HTTP: HTTPOptions{BearerToken: hush, Password: hush},
	}
	p, err := NewPrometheus(PrometheusOptions{URL: o.URL, Query: "up"})
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		for _, x := range []any{o, &o, o.HTTP, &o.HTTP, []any{o}, map[string]PrometheusOptions{"a": o}, o.HTTP.BearerToken, p, *p} {
			text := fmt.Sprintf(verb, x)
			assert.NotContains(t, text, "hush", verb)
			assert.NotContains(t, text, fmt.Sprintf("%x", hush), verb)
		}
	}
	assert.Equal(t, `prometheus{url: https://prometheus/x, query: "up", step: 0s, auth: basic}`, o.String())
	assert.Equal(t, "Prometheus at https://prometheus/x", p.String())
	text, err := json.Marshal(o.HTTP)
	require.NoError(t, err)
	assert.NotContains(t, string(text), "hush")
}

func TestOptionsAreValidatedTogether(t *testing.T) {
	_, err := NewPrometheus(PrometheusOptions{
		URL: "http://ann:" + hush + "@host:port", Query: " ", Step: time.Millisecond, Timeout: -1, Backoff: -1,
		MaxPointsPerRequest: 20_000, MaxResponseBytes: -1,
		HTTP: HTTPOptions{
			BearerToken: hush + "\n" + hush, BearerTokenFile: "f", Password: hush, PasswordFile: "f", CertFile: "c",
			Headers: map[string]string{"X-A": hush + "\r\nX-B: 1"},
		},
	})
	require.Error(t, err)
	for _, want := range []string{
		"URL: must be like http://", "query: must not be empty", "step 1ms: must be whole milliseconds and at least 1s",
		"timeout -1ns", "backoff -1ns up to 10s", "20000 points per request: must be in [1, 11000]", "-1 response bytes",
		"bearer token: give either", "basic authentication: give either", "give either a bearer token or basic",
		"user name must not be empty", "client certificate and key: give both or none",
		"bearer token: must hold no control characters", `header "X-A": must have a name and no control characters`,
	} {
		assert.ErrorContains(t, err, want)
	}
	assert.NotContains(t, err.Error(), "hush")

	for _, url := range []string{"", "prometheus:9090", "ftp://host", "http://", "http:host", "/api", "http://h/%zz"} {
		_, err := NewPrometheus(PrometheusOptions{URL: url, Query: "up"})
		assert.ErrorContains(t, err, "URL: must be like", url)
		assert.Equal(t, `prometheus{url: invalid, query: "up", step: 1s}`, PrometheusOptions{URL: url, Query: "up", Step: time.Second}.String())
	}
	_, err = NewPrometheus(PrometheusOptions{URL: "http://ann@host", Query: "up", HTTP: HTTPOptions{Username: "bob"}})
	require.ErrorContains(t, err, "give it once")
	_, err = NewPrometheus(PrometheusOptions{URL: "https://host", Query: "up", HTTP: HTTPOptions{CAFile: "missing.pem"}})
	require.ErrorContains(t, err, "missing.pem")
	_, err = NewPrometheus(PrometheusOptions{URL: "https://host", Query: "up", HTTP: HTTPOptions{Headers: map[string]string{"Authorization": hush}}})
	require.ErrorContains(t, err, `setting header "Authorization" is not allowed`)
	require.NotContains(t, err.Error(), "hush")
}

// tlsKey returns the private key of a test server, which doubles as the client's.
func tlsKey(server *httptest.Server) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}
