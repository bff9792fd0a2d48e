package history

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	promconfig "github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/prescale/prescale/arrivals"
)

// Prometheus reads an arrival rate through the query_range API of Prometheus, or of anything that speaks it (Thanos,
// Mimir, VictoriaMetrics). It is safe for concurrent use. Close it when done.
type Prometheus struct {
	endpoint *url.URL
	query    string
	step     time.Duration
	timeout  time.Duration
	points   int64
	maxBytes int64
	headers  []string // names of the extra headers, whose values are secrets
	retry    retryPolicy
	client   *http.Client
}

// NewPrometheus validates the options, reads the TLS files and sends nothing. All invalid options are reported
// together.
func NewPrometheus(o PrometheusOptions) (*Prometheus, error) {
	o, endpoint, err := o.resolve()
	if err != nil {
		return nil, err
	}
	config := o.HTTP.client()
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("history: Prometheus: %w", err)
	}
	client, err := promconfig.NewClientFromConfig(config, "prescale_history", promconfig.WithUserAgent("prescale"))
	if err != nil {
		return nil, fmt.Errorf("history: Prometheus: %w", err)
	}
	return &Prometheus{
		endpoint: endpoint,
		query:    o.Query,
		step:     o.Step,
		timeout:  o.Timeout,
		points:   int64(o.MaxPointsPerRequest),
		maxBytes: o.MaxResponseBytes,
		headers:  sortedKeys(o.HTTP.Headers),
		retry:    retryPolicy{retries: max(o.Retries, 0), first: o.Backoff, longest: o.MaxBackoff, jitter: o.Jitter},
		client:   client,
	}, nil
}

// String names the server without credentials.
func (p Prometheus) String() string { return "Prometheus at " + displayURL(p.endpoint) }

// Format implements fmt.Formatter: every verb prints String.
func (p Prometheus) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(p.String())) }

// Close closes idle connections. A later Fetch opens new ones.
func (p *Prometheus) Close() { p.client.CloseIdleConnections() }

// Fetch evaluates the query at every multiple of the step since the Unix epoch, so that pages, refreshes and several
// scalers ask for the same instants. The value at instant t describes the bucket (t-step, t] that ends at t, as
// rate(x[step]) does, so the trace starts one step before the first instant. It holds every bucket that lies wholly
// inside [from, to], including those at its ends for which the server has nothing: these are missing.
//
// As many buckets as the longest range of the query spans are missing on both sides of a hole too, since their windows
// were filled in part; a trace that has values in short runs only keeps them. NaN, infinite and negative samples become missing and are counted in a warning. Warnings of the server (partial
// data of a federated query) are passed on.
//
// Errors wrap ErrNoData, ErrSeveralSeries, ErrBadQuery, ErrUnauthorized, ErrUnavailable or ErrBadResponse, or the
// error of the context; they name the server and show no credential. Network errors, the status 429 and those from
// 500 on are retried. One page that fails fails the whole Fetch, since a hole would look like missing data.
func (p *Prometheus) Fetch(ctx context.Context, from, to time.Time) (Result, error) {
	instants := instantsBetween(from, to, p.step)
	switch {
	case instants.n <= 0:
		return Result{}, p.fail(ErrNoData, fmt.Sprintf("there is no whole step of %v between %s and %s", p.step, formatTime(from), formatTime(to)))
	case instants.n > arrivals.MaxBuckets:
		return Result{}, fmt.Errorf("history: %v: %d steps of %v between %s and %s: must be at most %d",
			p, instants.n, p.step, formatTime(from), formatTime(to), arrivals.MaxBuckets)
	}
	found := newCollector(instants)
	var serverTime time.Time
	for done := int64(0); done < instants.n; done += p.points {
		answer, err := p.fetchPage(ctx, instants.page(done, p.points))
		if !answer.serverTime.IsZero() {
			serverTime = answer.serverTime
		}
		found.warn(answer.warnings)
		if err == nil {
			err = p.collect(found, answer.matrix)
		}
		if err != nil {
			return Result{Warnings: found.allWarnings(), ServerTime: serverTime}, err
		}
	}
	result := Result{Trace: found.trace(), Warnings: found.allWarnings(), ServerTime: serverTime}
	if found.usable == 0 {
		result.Trace = arrivals.Trace{}
		text := fmt.Sprintf("for %s between %s and %s", clip(p.query), formatTime(from), formatTime(to))
		if bad := found.notFinite + found.negative; bad > 0 {
			text += fmt.Sprintf(": all %d samples were NaN, infinite or negative", bad)
		}
		return result, p.fail(ErrNoData, text)
	}
	trimPartial(result.Trace.Rate, windowBuckets(p.query, p.step))
	return result, nil
}

func (p *Prometheus) collect(found *collector, matrix model.Matrix) error {
	if problem := found.add(matrix); problem != nil {
		return p.fail(problem.kind, problem.text)
	}
	return nil
}

// answer is a page of samples, or what is known of a failed request.
type answer struct {
	matrix     model.Matrix
	warnings   []string
	serverTime time.Time
}

// fetchPage asks for one page, again where that may help.
func (p *Prometheus) fetchPage(ctx context.Context, page v1.Range) (answer, error) {
	for attempt := 0; ; attempt++ {
		got, failed := p.ask(ctx, page)
		if failed == nil {
			return got, nil
		}
		if err := ctx.Err(); err != nil {
			return got, p.interrupted(err, failed.text)
		}
		if !failed.retry || attempt >= p.retry.retries {
			if attempt > 0 {
				failed.text = fmt.Sprintf("%s (after %d attempts)", failed.text, attempt+1)
			}
			return got, p.fail(failed.kind, failed.text)
		}
		if err := p.retry.wait(ctx, attempt, failed.after); err != nil {
			return got, p.interrupted(err, failed.text)
		}
	}
}

// ask sends one request.
func (p *Prometheus) ask(ctx context.Context, page v1.Range) (answer, *failure) {
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	ex := &exchange{endpoint: p.endpoint, client: p.client, maxBytes: p.maxBytes, secretHeaders: p.headers}
	// The server is told the limit too, so that it does not go on with what nobody waits for.
	value, warnings, _, err := v1.NewAPI(ex).QueryRange(limited, p.query, page, v1.WithTimeout(p.timeout))
	got := answer{serverTime: ex.serverTime()}
	for _, w := range warnings {
		got.warnings = append(got.warnings, ex.scrub(w))
	}
	if err != nil {
		failed := ex.classify(err)
		if errors.Is(failed.kind, ErrUnavailable) && limited.Err() != nil && ctx.Err() == nil {
			failed = &failure{kind: ErrUnavailable, text: fmt.Sprintf("no answer within %v", p.timeout), retry: true}
		}
		return got, failed
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return got, &failure{kind: ErrBadResponse, text: "no range vector in " + ex.excerpt()}
	}
	got.matrix = matrix
	return got, nil
}

func (p *Prometheus) fail(kind error, text string) error {
	return fmt.Errorf("history: %v: %w: %s", p, kind, text)
}

// interrupted reports the end of the caller's patience. A deadline that passed while the server did not answer is
// also ErrUnavailable; a cancellation says nothing about the server.
func (p *Prometheus) interrupted(err error, last string) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("history: %v: %w: %w; last failure: %s", p, ErrUnavailable, err, last)
	}
	return fmt.Errorf("history: %v: %w", p, err)
}
