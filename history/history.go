// Package history reads where past arrivals come from: a Prometheus-compatible server (Prometheus) or a file (CSV).
// Both have the method
//
//	Fetch(ctx context.Context, from, to time.Time) (Result, error)
//
// so that a consumer declares the one-method interface it needs. A trace returned by Fetch holds only whole buckets
// inside [from, to]; what the source does not know is missing (NaN), never zero. The callers decide what missing,
// stale or skewed data means: this package reports the data time (arrivals.Trace.LastObserved) and the clock of the
// server, and does not read the clock itself except to wait between attempts.
package history

import (
	"errors"
	"time"

	"github.com/prescale/prescale/arrivals"
)

// The kinds of failure that callers branch on. Every error of Fetch that has one of these causes wraps it.
var (
	// ErrNoData: the source answered and holds not one usable sample for the time asked.
	ErrNoData = errors.New("no data")
	// ErrSeveralSeries: the query yields more than one series. Wrap it in sum(...).
	ErrSeveralSeries = errors.New("query returns several series")
	// ErrBadQuery: the server understood the request and refuses the query. It is not retried.
	ErrBadQuery = errors.New("query refused")
	// ErrUnauthorized: the credentials are missing, wrong or unreadable. It is not retried.
	ErrUnauthorized = errors.New("not authorized")
	// ErrUnavailable: no usable answer after all attempts: network, TLS, overload, time limit; or the file is gone.
	ErrUnavailable = errors.New("unavailable")
	// ErrBadResponse: something answered that is not a Prometheus API, or not to this question. It is not retried.
	ErrBadResponse = errors.New("not a Prometheus answer")
)

// Result is what Fetch found. Together with an error it carries what was learned before the failure: warnings and
// server time, and no trace.
type Result struct {
	// Trace holds the arrival rate in requests per second.
	Trace arrivals.Trace
	// Warnings are sentences for the user about data that is partial or was left out, in a fixed order.
	Warnings []string
	// ServerTime is the server's clock when it answered last (the Date header, whole seconds), zero if it sent none.
	// Compare it with the local clock to name clock skew.
	ServerTime time.Time
}
