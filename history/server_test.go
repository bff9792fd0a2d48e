package history

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// fakeServer answers query_range as Prometheus does: at every instant it returns value(instant in seconds), and "" is
// no sample. It enforces the limit on points and records what it was asked.
type fakeServer struct {
	*httptest.Server
	value    func(at float64) string
	warnings []string

	mu       sync.Mutex
	requests []*http.Request
}

func newFakeServer(t testing.TB, value func(at float64) string) *fakeServer {
	f := &fakeServer{value: value}
	f.Server = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	start, end, step := number(r, "start"), number(r, "end"), number(r, "step")
	if (end-start)/step > 11000 {
		reply(w, 400, `{"status":"error","errorType":"bad_data","error":"exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)"}`)
		return
	}
	var samples []string
	for k := range int(math.Round((end-start)/step)) + 1 {
		at := start + float64(k)*step
		if v := f.value(at); v != "" {
			samples = append(samples, fmt.Sprintf(`[%s,"%s"]`, strconv.FormatFloat(at, 'f', -1, 64), v))
		}
	}
	result := ""
	if len(samples) > 0 {
		result = `{"metric":{"job":"web"},"values":[` + strings.Join(samples, ",") + `]}`
	}
	warnings, _ := json.Marshal(f.warnings)
	reply(w, 200, `{"status":"success","data":{"resultType":"matrix","result":[`+result+`]},"warnings":`+string(warnings)+`}`)
}

func number(r *http.Request, name string) float64 {
	x, _ := strconv.ParseFloat(r.Form.Get(name), 64)
	return x
}

func reply(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

// canned is a server that gives the same answer every time and counts the requests.
func canned(t *testing.T, handler http.HandlerFunc) (url string, requests func() int) {
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

// newPrometheus fills in what the tests do not care about; retries wait about a millisecond.
func newPrometheus(t *testing.T, o PrometheusOptions) *Prometheus {
	if o.Query == "" {
		o.Query = "sum(rate(http_requests_total[1m]))"
	}
	if o.Backoff == 0 {
		o.Backoff, o.MaxBackoff = time.Millisecond, 2*time.Millisecond
	}
	p, err := NewPrometheus(o)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func fetchError(t *testing.T, o PrometheusOptions) (Result, error) {
	got, err := newPrometheus(t, o).Fetch(t.Context(), noon.Add(-5*time.Minute), noon)
	require.Error(t, err)
	assert.Zero(t, got.Trace.Len(), "no trace with an error")
	return got, err
}
