package history

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// Defaults of PrometheusOptions.
const (
	// DefaultStep is the resolution the planner works at; chosen by us.
	DefaultStep = time.Minute
	// DefaultTimeout bounds one request; chosen by us, well below the 2 minutes after which Prometheus itself gives
	// up by default.
	DefaultTimeout = 10 * time.Second
	// DefaultRetries follow the first attempt; with the default backoff they span about 1.4 s.
	DefaultRetries = 3
	// DefaultBackoff is the first wait between attempts; it doubles each time.
	DefaultBackoff = 200 * time.Millisecond
	// DefaultMaxBackoff bounds one wait, also one that the server asks for.
	DefaultMaxBackoff = 10 * time.Second
	// DefaultMaxPoints stays below the 11,000 points per series above which Prometheus refuses query_range.
	DefaultMaxPoints = 10_000
	// DefaultMaxResponseBytes is some forty times what one series of DefaultMaxPoints takes.
	DefaultMaxResponseBytes = 16 << 20

	// refusedPoints is the limit of Prometheus, web/api/v1: "exceeded maximum resolution of 11,000 points".
	refusedPoints = 11_000
)

// Secret is a credential that fmt prints as "<secret>" under every verb, and JSON and YAML encoders likewise.
type Secret string

const secretMask = "<secret>"

// Format implements fmt.Formatter.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.mask())) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.mask()), nil }

func (s Secret) mask() string {
	if s == "" {
		return ""
	}
	return secretMask
}

// HTTPOptions says how to reach and convince the server. At most one of bearer token and basic authentication may be
// used. Files are read again for every request (the CA and the client certificate when they change), so that rotated
// credentials take effect.
type HTTPOptions struct {
	BearerToken     Secret
	BearerTokenFile string

	Username     string
	Password     Secret
	PasswordFile string

	// CAFile replaces the system's roots (PEM).
	CAFile string
	// CertFile and KeyFile are the client certificate, given together (PEM).
	CertFile, KeyFile string
	// ServerName overrides the name that the server's certificate must bear.
	ServerName string
	// InsecureSkipVerify accepts any certificate; for tests at most.
	InsecureSkipVerify bool

	// Headers are added to every request, such as X-Scope-OrgID for a tenant. Values are treated as secrets.
	Headers map[string]string
}

// PrometheusOptions configures NewPrometheus. URL and Query are required.
type PrometheusOptions struct {
	// URL of the server, without /api/v1. User and password in it are taken as basic authentication. Proxies are
	// taken from the environment (HTTPS_PROXY, NO_PROXY).
	URL string
	// Query is a PromQL expression that yields one series, an arrival rate in requests per second.
	Query string
	// Step is the bucket length: whole milliseconds, at least 1s; DefaultStep if zero.
	Step time.Duration
	// Timeout bounds every single request; DefaultTimeout if zero.
	Timeout time.Duration
	// Retries is the number of attempts after the first; DefaultRetries if zero, none if negative.
	Retries int
	// Backoff is the wait before the first retry, doubling up to MaxBackoff; defaults if zero.
	Backoff, MaxBackoff time.Duration
	// Jitter returns numbers in [0, 1); each wait is multiplied by 1/2 + Jitter()/2. Nil means no jitter. It must be
	// safe for concurrent use if Fetch is used so.
	Jitter func() float64
	// MaxPointsPerRequest is the page size, at most 11,000; DefaultMaxPoints if zero.
	MaxPointsPerRequest int
	// MaxResponseBytes bounds what is read of one answer; DefaultMaxResponseBytes if zero.
	MaxResponseBytes int64
	// HTTP holds credentials and TLS.
	HTTP HTTPOptions
}

// String describes the options without credentials.
func (o PrometheusOptions) String() string {
	auth := "none"
	switch {
	case o.HTTP.BearerToken != "" || o.HTTP.BearerTokenFile != "":
		auth = "bearer"
	case o.HTTP.usesBasic():
		auth = "basic"
	}
	endpoint, user, err := parseURL(o.URL)
	if err != nil {
		return fmt.Sprintf("prometheus{url: invalid, query: %q, step: %v}", o.Query, o.Step)
	}
	if user != nil {
		auth = "basic"
	}
	return fmt.Sprintf("prometheus{url: %s, query: %q, step: %v, auth: %s}", displayURL(endpoint), o.Query, o.Step, auth)
}

// Format implements fmt.Formatter: every verb prints String, so that no %+v shows a credential.
func (o PrometheusOptions) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(o.String())) }

func (h HTTPOptions) usesBasic() bool {
	return h.Username != "" || h.Password != "" || h.PasswordFile != ""
}

// resolve fills in defaults and reports every problem together. No message shows a credential.
func (o PrometheusOptions) resolve() (PrometheusOptions, *url.URL, error) {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("history: Prometheus: "+format, args...))
		}
	}
	endpoint, user, err := parseURL(o.URL)
	if err != nil {
		errs = append(errs, err)
	}
	if user != nil {
		check(!o.HTTP.usesBasic(), "URL holds a user, and so do the options: give it once")
		password, _ := user.Password()
		o.HTTP.Username, o.HTTP.Password = user.Username(), Secret(password)
	}
	defaultTo(&o.Step, DefaultStep)
	defaultTo(&o.Timeout, DefaultTimeout)
	defaultTo(&o.Retries, DefaultRetries)
	defaultTo(&o.Backoff, DefaultBackoff)
	defaultTo(&o.MaxBackoff, DefaultMaxBackoff)
	defaultTo(&o.MaxPointsPerRequest, DefaultMaxPoints)
	defaultTo(&o.MaxResponseBytes, DefaultMaxResponseBytes)
	check(strings.TrimSpace(o.Query) != "", "query: must not be empty")
	check(o.Step >= time.Second && o.Step%time.Millisecond == 0, "step %v: must be whole milliseconds and at least 1s", o.Step)
	check(o.Timeout > 0, "timeout %v: must be positive", o.Timeout)
	check(o.Backoff > 0 && o.MaxBackoff >= o.Backoff, "backoff %v up to %v: must be positive and in this order", o.Backoff, o.MaxBackoff)
	check(o.MaxPointsPerRequest >= 1 && o.MaxPointsPerRequest <= refusedPoints,
		"%d points per request: must be in [1, %d], beyond which Prometheus refuses", o.MaxPointsPerRequest, refusedPoints)
	check(o.MaxResponseBytes > 0, "%d response bytes: must be positive", o.MaxResponseBytes)
	o.HTTP.validate(check)
	return o, endpoint, errors.Join(errs...)
}

func (h HTTPOptions) validate(check func(ok bool, format string, args ...any)) {
	bearer := h.BearerToken != "" || h.BearerTokenFile != ""
	check(h.BearerToken == "" || h.BearerTokenFile == "", "bearer token: give either the token or a file")
	check(h.Password == "" || h.PasswordFile == "", "basic authentication: give either the password or a file")
	check(!bearer || !h.usesBasic(), "give either a bearer token or basic authentication")
	check(!h.usesBasic() || h.Username != "", "basic authentication: user name must not be empty")
	check((h.CertFile == "") == (h.KeyFile == ""), "client certificate and key: give both or none")
	check(printable(strings.TrimSpace(string(h.BearerToken))), "bearer token: must hold no control characters")
	for _, name := range sortedKeys(h.Headers) {
		check(name != "" && printable(h.Headers[name]), "header %q: must have a name and no control characters in its value", name)
	}
}

// client turns the options into those of the Prometheus client libraries. Redirects are not followed: a query API
// that redirects is a login page or a wrong scheme, and the error can say so.
func (h HTTPOptions) client() promconfig.HTTPClientConfig {
	c := promconfig.HTTPClientConfig{
		EnableHTTP2: true,
		ProxyConfig: promconfig.ProxyConfig{ProxyFromEnvironment: true},
		TLSConfig: promconfig.TLSConfig{
			CAFile: h.CAFile, CertFile: h.CertFile, KeyFile: h.KeyFile,
			ServerName: h.ServerName, InsecureSkipVerify: h.InsecureSkipVerify,
		},
	}
	if h.BearerToken != "" || h.BearerTokenFile != "" {
		c.Authorization = &promconfig.Authorization{
			Type:            "Bearer",
			Credentials:     promconfig.Secret(strings.TrimSpace(string(h.BearerToken))),
			CredentialsFile: h.BearerTokenFile,
		}
	}
	if h.usesBasic() {
		c.BasicAuth = &promconfig.BasicAuth{
			Username: h.Username, Password: promconfig.Secret(h.Password), PasswordFile: h.PasswordFile,
		}
	}
	if len(h.Headers) > 0 {
		c.HTTPHeaders = &promconfig.Headers{Headers: make(map[string]promconfig.Header, len(h.Headers))}
		for name, value := range h.Headers {
			c.HTTPHeaders.Headers[name] = promconfig.Header{Secrets: []promconfig.Secret{promconfig.Secret(value)}}
		}
	}
	return c
}

// parseURL splits user and password off. Its error does not show the URL, which may hold a password.
func parseURL(text string) (*url.URL, *url.Userinfo, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.Opaque != "" {
		return nil, nil, errors.New("history: Prometheus: URL: must be like http://prometheus.monitoring.svc:9090 " +
			"(the value is not shown, as it may hold a password)")
	}
	user := u.User
	u.User, u.Fragment = nil, ""
	u.Path, u.RawPath = strings.TrimRight(u.Path, "/"), ""
	return u, user, nil
}

// displayURL leaves out the query string too, where some gateways put a token.
func displayURL(u *url.URL) string { return u.Scheme + "://" + u.Host + u.Path }

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func defaultTo[T comparable](x *T, value T) {
	var zero T
	if *x == zero {
		*x = value
	}
}
