package history

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOutcomes(t *testing.T) {
	const retries = 2
	for name, c := range map[string]struct {
		status   int
		body     string
		kind     error
		text     string
		requests int
	}{
		"parse error": {
			400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:10: parse error: unclosed left parenthesis"}`,
			ErrBadQuery, `query refused: invalid parameter "query": 1:10: parse error: unclosed left parenthesis`, 1,
		},
		"execution error": {
			422, `{"status":"error","errorType":"execution","error":"multiple matches for labels: many-to-one matching must be explicit"}`,
			ErrBadQuery, "multiple matches for labels", 1,
		},
		"error with status 200": {200, `{"status":"error","errorType":"bad_data","error":"nope"}`, ErrBadQuery, "nope", 1},
		"unauthorized":          {401, "Unauthorized\n", ErrUnauthorized, `not authorized: status 401 (Unauthorized), the answer "Unauthorized\n"`, 1},
		// The client library repeats a 403 as GET, for servers that allow only that.
		"forbidden":       {403, `{"error":"no tenant"}`, ErrUnauthorized, "status 403 (Forbidden), no tenant", 2},
		"too many":        {429, "slow down", ErrUnavailable, `status 429 (Too Many Requests), the answer "slow down" (after 3 attempts)`, 1 + retries},
		"internal":        {500, `{"status":"error","errorType":"internal","error":"disk"}`, ErrUnavailable, "disk (after 3 attempts)", 1 + retries},
		"bad gateway":     {502, "<html>bad gateway</html>", ErrUnavailable, "<html>bad gateway</html>", 1 + retries},
		"query timeout":   {503, `{"status":"error","errorType":"timeout","error":"query timed out in expression evaluation"}`, ErrUnavailable, "query timed out", 1 + retries},
		"timeout as 422":  {422, `{"status":"error","errorType":"timeout","error":"query timed out"}`, ErrUnavailable, "query timed out", 1 + retries},
		"not found":       {404, "404 page not found", ErrBadResponse, `"404 page not found"; does the URL lack a path prefix?`, 1},
		"proxy's own 400": {400, "<html>The plain HTTP request was sent to HTTPS port</html>", ErrBadResponse, "The plain HTTP request", 1},
		"a login page":    {200, "<!doctype html><title>Sign in</title>", ErrBadResponse, `not a Prometheus answer: the answer "<!doctype html><title>Sign in</title>"`, 1},
		"a long page":     {200, strings.Repeat("x", 5000), ErrBadResponse, `an answer that begins "` + strings.Repeat("x", 200) + `"`, 1},
		"empty":           {200, "", ErrBadResponse, "an empty answer", 1},
		"other JSON":      {200, `{"hello":"world"}`, ErrBadResponse, `{\"hello\":\"world\"}`, 1},
		"a vector":        {200, `{"status":"success","data":{"resultType":"vector","result":[]}}`, ErrBadResponse, "no range vector in the answer", 1},
		"broken JSON":     {200, `{"status":"success","data":{"resultType":"matrix","result":[{"met`, ErrBadResponse, `\"matrix\"`, 1},
		"wrong instants":  {200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1"]]}]}}`, ErrBadResponse, "sample at 1970-01-01T00:00:01Z, which was not asked for", 1},
		"histograms": {
			200, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"histograms":[[1772452800,{"count":"1","sum":"1","buckets":[]}]]}]}}`,
			ErrBadQuery, "histogram_count(...)", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, requests := canned(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, c.status, c.body) })
			got, err := fetchError(t, PrometheusOptions{URL: url, Retries: retries})
			require.ErrorIs(t, err, c.kind)
			require.ErrorContains(t, err, "history: Prometheus at "+url+": ")
			require.ErrorContains(t, err, c.text)
			assert.Equal(t, c.requests, requests())
			assert.False(t, got.ServerTime.IsZero())
			for _, other := range []error{ErrNoData, ErrSeveralSeries, ErrBadQuery, ErrUnauthorized, ErrUnavailable, ErrBadResponse} {
				assert.Equal(t, errors.Is(other, c.kind), errors.Is(err, other), "one kind only, not %v", other)
			}
		})
	}
}

func TestRecoversWithinItsRetries(t *testing.T) {
	server := newFakeServer(t, func(float64) string { return "7" })
	good := server.Config.Handler
	var n atomic.Int32
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1:
			panic(http.ErrAbortHandler) // the connection breaks without an answer
		case 2:
			reply(w, 503, "starting")
		case 3:
			w.Header().Set("Content-Length", "1000") // the connection breaks within the answer
			reply(w, 200, `{"status":`)
		default:
			good.ServeHTTP(w, r)
		}
	})
	got, err := newPrometheus(t, PrometheusOptions{URL: server.URL}).Fetch(t.Context(), noon.Add(-time.Minute), noon)
	require.NoError(t, err)
	assert.Equal(t, []float64{7}, got.Trace.Rate)
	assert.EqualValues(t, 4, n.Load())
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := fetchError(t, PrometheusOptions{URL: server.URL + "/prom?token=hush", Retries: -1})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "history: Prometheus at "+server.URL+"/prom: unavailable: dial tcp ")
	require.NotContains(t, err.Error(), "attempts")
	require.NotContains(t, err.Error(), "hush")
}

func TestSlowServerIsUnavailableNotTheCallersDeadline(t *testing.T) {
	release := make(chan struct{})
	url, requests := canned(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	_, err := fetchError(t, PrometheusOptions{URL: url, Timeout: 10 * time.Millisecond, Retries: 1})
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorContains(t, err, "no answer within 10ms (after 2 attempts)")
	require.NotErrorIs(t, err, context.DeadlineExceeded)
	assert.LessOrEqual(t, requests(), 2)
}

func TestAnswersAreBounded(t *testing.T) {
	url, requests := canned(t, func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, strings.Repeat(" ", 1001)) })
	_, err := fetchError(t, PrometheusOptions{URL: url, MaxResponseBytes: 1000})
	require.ErrorIs(t, err, ErrBadResponse)
	require.ErrorContains(t, err, "longer than 1000 bytes; if the query returns many series, wrap it in sum(...)")
	assert.Equal(t, 1, requests())
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	url, requests := canned(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://login.example.com/start?state=hush", http.StatusFound)
	})
	_, err := fetchError(t, PrometheusOptions{URL: url, HTTP: HTTPOptions{BearerToken: "s3cret-token"}})
	require.ErrorIs(t, err, ErrBadResponse)
	require.ErrorContains(t, err, "status 302 (Found) to https://login.example.com/start; give the final URL")
	require.NotContains(t, err.Error(), "hush")
	assert.Equal(t, 1, requests())
}

func TestBackoff(t *testing.T) {
	r := retryPolicy{first: time.Second, longest: 5 * time.Second}
	for retry, want := range []time.Duration{1, 2, 4, 5, 5} {
		assert.Equal(t, want*time.Second, r.delay(retry, 0))
	}
	assert.Equal(t, 3*time.Second, r.delay(0, 3*time.Second), "Retry-After")
	assert.Equal(t, 5*time.Second, r.delay(0, time.Hour), "Retry-After, bounded")
	r.jitter = func() float64 { return 0 }
	assert.Equal(t, time.Second, r.delay(1, 0))
	r.jitter = func() float64 { return 0.5 }
	assert.Equal(t, 1500*time.Millisecond, r.delay(1, 0))
}

func TestRetryAfterIsRead(t *testing.T) {
	for text, want := range map[string]time.Duration{"2": 2 * time.Second, "": 0, "-1": 0, "soon": 0, "99999": 0} {
		e := &exchange{response: &http.Response{Header: http.Header{"Retry-After": {text}}}}
		assert.Equal(t, want, e.retryAfter(), text)
	}
}
