package history

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// exchange is one request with its answer. It implements the api.Client of client_golang, so that the Prometheus
// client's own decoder is used while the size of the answer is bounded and status, headers and first bytes stay
// known for the error message. It is used once and by one goroutine.
type exchange struct {
	endpoint      *url.URL
	client        *http.Client
	maxBytes      int64
	secretHeaders []string

	response *http.Response // nil until headers have arrived
	body     []byte
}

var errTooLong = errors.New("answer too long")

// URL implements api.Client.
func (e *exchange) URL(path string, _ map[string]string) *url.URL {
	u := *e.endpoint
	u.Path += path
	return &u
}

// Do implements api.Client.
func (e *exchange) Do(ctx context.Context, request *http.Request) (*http.Response, []byte, error) {
	e.response, e.body = nil, nil
	response, err := e.client.Do(request.WithContext(ctx))
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	e.response = response
	e.body, err = io.ReadAll(io.LimitReader(response.Body, e.maxBytes+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(e.body)) > e.maxBytes {
		return nil, nil, errTooLong
	}
	return response, e.body, nil
}

// serverTime returns the time of the Date header, zero if there is none.
func (e *exchange) serverTime() time.Time {
	if e.response == nil {
		return time.Time{}
	}
	at, err := http.ParseTime(e.response.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// retryAfter returns how long the server asks to wait, 0 if it does not say so in seconds.
func (e *exchange) retryAfter() time.Duration {
	seconds, err := strconv.Atoi(e.response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 || seconds > 3600 {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

// message returns the error text of a Prometheus answer, or the first bytes of anything else.
func (e *exchange) message() string {
	var answer struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(e.body, &answer) == nil && answer.Error != "" {
		return clip(e.scrub(answer.Error))
	}
	return e.excerpt()
}

// excerpt quotes the first bytes of the answer.
func (e *exchange) excerpt() string {
	if len(e.body) == 0 {
		return "an empty answer"
	}
	// Scrubbing before clipping: half a credential must not survive at the cut.
	const scanned, shown = 8 << 10, 200
	text := e.scrub(string(e.body[:min(len(e.body), scanned)]))
	if len(text) > shown {
		return fmt.Sprintf("an answer that begins %q", text[:shown])
	}
	return fmt.Sprintf("the answer %q", text)
}

// scrub removes the credentials that were sent, should a server or a proxy echo them.
func (e *exchange) scrub(text string) string {
	if e.response == nil || e.response.Request == nil {
		return text
	}
	sent := e.response.Request.Header
	var secrets []string
	scheme, credentials, _ := strings.Cut(sent.Get("Authorization"), " ")
	secrets = append(secrets, credentials)
	if scheme == "Basic" {
		decoded, _ := base64.StdEncoding.DecodeString(credentials)
		_, password, _ := strings.Cut(string(decoded), ":")
		secrets = append(secrets, password)
	}
	for _, name := range e.secretHeaders {
		// A tenant named "1" is no secret, and masking it would garble every number.
		if value := sent.Get(name); len(value) >= 8 {
			secrets = append(secrets, value)
		}
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, secretMask)
		}
	}
	return text
}
