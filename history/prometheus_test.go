package history

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/arrivals"
)

var nan = math.NaN()

func TestFetchAlignsBucketsThatEndAtTheInstants(t *testing.T) {
	server := newFakeServer(t, func(at float64) string { return strconv.FormatFloat(at-float64(noon.Unix()), 'f', -1, 64) })
	p := newPrometheus(t, PrometheusOptions{URL: server.URL + "/", Query: "sum(rate(x[1m]))"})

	// The whole minutes inside begin at 12:01 and end at 12:04; their instants are 12:02, 12:03 and 12:04.
	got, err := p.Fetch(t.Context(), noon.Add(time.Second), noon.Add(4*time.Minute+59*time.Second))
	require.NoError(t, err)
	assert.Equal(t, noon.Add(time.Minute), got.Trace.Start)
	assert.Equal(t, time.Minute, got.Trace.Step)
	assert.Equal(t, []float64{120, 180, 240}, got.Trace.Rate)
	assert.Empty(t, got.Warnings)
	assert.WithinDuration(t, time.Now(), got.ServerTime, time.Minute, "the Date header of the test server")

	require.Len(t, server.requests, 1)
	r := server.requests[0]
	assert.Equal(t, "/api/v1/query_range", r.URL.Path)
	assert.Equal(t, "sum(rate(x[1m]))", r.Form.Get("query"))
	assert.Equal(t, "60", r.Form.Get("step"))
	assert.Equal(t, "10s", r.Form.Get("timeout"))
	assert.Equal(t, "prescale", r.UserAgent())
}

func TestFetchKeepsMissingMissing(t *testing.T) {
	values := map[float64]string{60: "1", 120: "NaN", 180: "+Inf", 240: "-3", 300: "", 360: "-0", 420: "NaN"}
	server := newFakeServer(t, func(at float64) string { return values[at-float64(noon.Unix())] })
	server.warnings = []string{"receive series from 10.0.0.7: connection refused"}
	for _, points := range []int{2, 100} {
		p := newPrometheus(t, PrometheusOptions{URL: server.URL, MaxPointsPerRequest: points})
		got, err := p.Fetch(t.Context(), noon.Add(-time.Minute), noon.Add(8*time.Minute))
		require.NoError(t, err)
		want := arrivals.Trace{Start: noon.Add(-time.Minute), Step: time.Minute, Rate: []float64{nan, 1, nan, nan, nan, nan, 0, nan, nan}}
		require.True(t, want.Equal(got.Trace), "%v", got.Trace)
		assert.Equal(t, []string{
			"receive series from 10.0.0.7: connection refused",
			"3 samples were NaN or infinite and count as missing, the first at 2026-03-02T12:02:00Z",
			"1 samples were negative and count as missing, the first at 2026-03-02T12:04:00Z; an arrival rate comes from rate(...) of a counter",
		}, got.Warnings)
	}
}

// TestAnyPageSizeGivesTheSameResult compares pages of every size with one request for all.
func TestAnyPageSizeGivesTheSameResult(t *testing.T) {
	server := newFakeServer(t, func(at float64) string {
		switch k := int64(at*1000) / 1500; { // a fixed pattern of holes and bad samples
		case k%7 == 3:
			return ""
		case k%11 == 5:
			return "NaN"
		case k%13 == 6:
			return "-1"
		default:
			return strconv.FormatInt(k%1000, 10)
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		step := rapid.SampledFrom([]time.Duration{time.Second, 1500 * time.Millisecond, 15 * time.Second, time.Minute}).Draw(r, "step")
		from := noon.Add(time.Duration(rapid.Int64Range(-1e12, 1e12).Draw(r, "from")))
		// At least 4 whole steps, so that one sample is good.
		to := from.Add(5*step + time.Duration(rapid.Int64Range(0, int64(60*step)).Draw(r, "span")))
		fetch := func(points int) Result {
			p := newPrometheus(t, PrometheusOptions{URL: server.URL, Step: step, MaxPointsPerRequest: points})
			defer p.Close()
			got, err := p.Fetch(t.Context(), from, to)
			require.NoError(r, err)
			got.ServerTime = time.Time{}
			return got
		}
		whole := fetch(0)
		paged := fetch(rapid.IntRange(1, 70).Draw(r, "points"))
		require.True(r, whole.Trace.Equal(paged.Trace))
		require.Equal(r, whole.Warnings, paged.Warnings)
		require.False(r, whole.Trace.Start.Before(from))
		require.False(r, whole.Trace.End().After(to))
		require.Less(r, whole.Trace.Start.Sub(from), step)
		require.Less(r, to.Sub(whole.Trace.End()), step)
		require.Zero(r, whole.Trace.Start.UnixMilli()%step.Milliseconds())
	})
}

func TestLongHistoriesStayBelowThePointLimit(t *testing.T) {
	server := newFakeServer(t, func(float64) string { return "1" })
	for points, requests := range map[int]int{0: 5, 11_000: 4, 1_000: 41} {
		p := newPrometheus(t, PrometheusOptions{URL: server.URL, MaxPointsPerRequest: points})
		server.requests = nil
		got, err := p.Fetch(t.Context(), noon.AddDate(0, 0, -28), noon)
		require.NoError(t, err)
		assert.Equal(t, 28*24*60, got.Trace.Observed())
		assert.Len(t, server.requests, requests)
	}
}

func TestServerWarningsAreBounded(t *testing.T) {
	server := newFakeServer(t, func(float64) string { return "1" })
	for i := range 100 {
		server.warnings = append(server.warnings, fmt.Sprintf("store %d is down", i))
	}
	got, err := newPrometheus(t, PrometheusOptions{URL: server.URL}).Fetch(t.Context(), noon.Add(-time.Hour), noon)
	require.NoError(t, err)
	require.Len(t, got.Warnings, 11)
	assert.Equal(t, "90 further warnings of the server", got.Warnings[10])
}

func TestNoData(t *testing.T) {
	server := newFakeServer(t, func(float64) string { return "" })
	server.warnings = []string{"partial"}
	got, err := fetchError(t, PrometheusOptions{URL: server.URL, Query: "sum(rate(nope[1m]))"})
	require.ErrorIs(t, err, ErrNoData)
	assert.Equal(t, "history: Prometheus at "+server.URL+": no data: for sum(rate(nope[1m])) between 2026-03-02T11:55:00Z and 2026-03-02T12:00:00Z", err.Error())
	assert.Equal(t, []string{"partial"}, got.Warnings)
	assert.False(t, got.ServerTime.IsZero(), "skew can be named when there is no data")

	bad := newFakeServer(t, func(float64) string { return "NaN" })
	_, err = fetchError(t, PrometheusOptions{URL: bad.URL})
	require.ErrorIs(t, err, ErrNoData)
	require.ErrorContains(t, err, "all 5 samples were NaN, infinite or negative")

	p := newPrometheus(t, PrometheusOptions{URL: bad.URL})
	_, err = p.Fetch(t.Context(), noon.Add(time.Second), noon.Add(time.Minute+59*time.Second))
	require.ErrorIs(t, err, ErrNoData)
	require.ErrorContains(t, err, "there is no whole step of 1m0s between")
	_, err = p.Fetch(t.Context(), noon, noon.Add(-time.Hour))
	require.ErrorIs(t, err, ErrNoData)
	_, err = p.Fetch(t.Context(), time.Time{}, noon)
	require.ErrorContains(t, err, "must be at most 16777216")
}

func TestSeveralSeries(t *testing.T) {
	series := func(name string) string {
		return fmt.Sprintf(`{"metric":{"pod":%q},"values":[[%d,"1"]]}`, name, noon.Unix())
	}
	success := func(series ...string) string {
		return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
	}
	url, requests := canned(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, 200, success(series("c"), series("a"), series("b")))
	})
	_, err := fetchError(t, PrometheusOptions{URL: url})
	require.ErrorIs(t, err, ErrSeveralSeries)
	assert.Equal(t, `history: Prometheus at `+url+`: query returns several series: 3, such as {pod="a"} and {pod="b"}; wrap the query in sum(...) or select one`, err.Error())
	assert.Equal(t, 1, requests())

	// One series per page, but not the same one.
	server := newFakeServer(t, func(float64) string { return "" })
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		reply(w, 200, success(fmt.Sprintf(`{"metric":{"pod":%q},"values":[[%s,"1"]]}`, r.Form.Get("start"), r.Form.Get("start"))))
	})
	_, err = fetchError(t, PrometheusOptions{URL: server.URL, MaxPointsPerRequest: 1})
	require.ErrorIs(t, err, ErrSeveralSeries)
	require.ErrorContains(t, err, `several over time, such as {pod="1772452560"} and {pod="1772452620"}`)
}

func TestFetchHonorsItsContext(t *testing.T) {
	arrived := make(chan struct{}, 1)
	release := make(chan struct{})
	url, _ := canned(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	t.Run("canceled while waiting for an answer", func(t *testing.T) {
		p := newPrometheus(t, PrometheusOptions{URL: url, Timeout: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-arrived
			cancel()
		}()
		_, err := p.Fetch(ctx, noon.Add(-time.Hour), noon)
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, ErrUnavailable)
	})
	t.Run("deadline while waiting for an answer", func(t *testing.T) {
		p := newPrometheus(t, PrometheusOptions{URL: url, Timeout: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := p.Fetch(ctx, noon.Add(-time.Hour), noon)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, ErrUnavailable)
	})
	t.Run("canceled between attempts", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		busy, requests := canned(t, func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 503, "")
			cancel()
		})
		p := newPrometheus(t, PrometheusOptions{URL: busy, Backoff: time.Hour, MaxBackoff: time.Hour})
		_, err := p.Fetch(ctx, noon.Add(-time.Hour), noon)
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 1, requests())
	})
}

func BenchmarkFetch(b *testing.B) {
	server := newFakeServer(b, func(float64) string { return "123.456" })
	for _, days := range []int{1, 14} {
		b.Run(fmt.Sprintf("minutes=%d", days*1440), func(b *testing.B) {
			p, err := NewPrometheus(PrometheusOptions{URL: server.URL, Query: "x"})
			require.NoError(b, err)
			defer p.Close()
			for b.Loop() {
				if _, err := p.Fetch(b.Context(), noon.AddDate(0, 0, -days), noon); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
