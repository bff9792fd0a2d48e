package history

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
)

// failure is the outcome of a request that yielded no samples: one of the exported kinds, a text without
// credentials, and whether another attempt may help, at the earliest after some time.
type failure struct {
	kind  error
	text  string
	retry bool
	after time.Duration
}

// classify turns an error of the client library into a failure.
func (e *exchange) classify(err error) *failure {
	var answered *v1.Error
	if errors.As(err, &answered) && e.response != nil {
		return e.classifyAnswer(answered)
	}
	if errors.Is(err, errTooLong) {
		return &failure{kind: ErrBadResponse, text: fmt.Sprintf("longer than %d bytes; if the query returns many series, wrap it in sum(...)", e.maxBytes)}
	}
	// url.Error repeats the URL, whose query string may hold a token.
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	text := e.scrub(err.Error())
	var file *fs.PathError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &file):
		return &failure{kind: ErrUnauthorized, text: text}
	case errors.As(err, &certificate):
		return &failure{kind: ErrUnavailable, text: text} // a certificate does not improve within seconds
	}
	return &failure{kind: ErrUnavailable, text: text, retry: true}
}

// classifyAnswer judges an answer by its status first, since proxies answer with pages of their own.
func (e *exchange) classifyAnswer(err *v1.Error) *failure {
	status := e.response.StatusCode
	withStatus := fmt.Sprintf("status %d (%s), %s", status, http.StatusText(status), e.message())
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return &failure{kind: ErrUnauthorized, text: withStatus}
	case status == http.StatusTooManyRequests || status >= 500:
		return &failure{kind: ErrUnavailable, text: withStatus, retry: true, after: e.retryAfter()}
	case status >= 300 && status < 400:
		return &failure{kind: ErrBadResponse, text: fmt.Sprintf("status %d (%s) to %s; give the final URL, or credentials if that is a login page",
			status, http.StatusText(status), e.location())}
	}
	switch err.Type {
	case v1.ErrBadData, v1.ErrExec:
		return &failure{kind: ErrBadQuery, text: e.message()}
	case v1.ErrTimeout, v1.ErrCanceled, v1.ErrServer, "internal", "unavailable":
		return &failure{kind: ErrUnavailable, text: withStatus, retry: true}
	}
	if status >= 400 {
		return &failure{kind: ErrBadResponse, text: withStatus + "; does the URL lack a path prefix?"}
	}
	return &failure{kind: ErrBadResponse, text: e.excerpt()}
}

// location returns where a redirect leads, without the query string.
func (e *exchange) location() string {
	target, err := e.response.Location()
	if err != nil {
		return "nowhere"
	}
	return e.scrub(displayURL(target))
}
