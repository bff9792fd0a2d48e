package config

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/history"
)

// Source is where the arrivals of a scaler are read from.
type Source struct {
	prometheus *v1alpha1.PrometheusSource
	csv        *v1alpha1.CSVSource
	dir        string
}

// History reads past arrivals; package history has the implementations.
type History interface {
	Fetch(ctx context.Context, from, to time.Time) (history.Result, error)
}

func newSource(a v1alpha1.Arrivals, dir string) Source {
	return Source{prometheus: a.Prometheus, csv: a.CSV, dir: dir}
}

// Replayable reports whether the source holds the past only, so that it can be played back.
func (s Source) Replayable() bool { return s.csv != nil }

// Open prepares the source. A CSV file is read at once; a server is first asked by Fetch. The URL is
// that of a Prometheus server for sources that name none.
func (s Source) Open(defaultURL string) (History, error) {
	if s.csv != nil {
		o := arrivals.CSVOptions{Unit: arrivals.Unit(s.csv.Unit), Scale: *s.csv.Scale}
		if s.csv.Step != nil {
			o.Step = s.csv.Step.Duration
		}
		return history.NewCSV(resolve(s.dir, s.csv.File), o)
	}
	p := s.prometheus
	o := history.PrometheusOptions{
		URL: p.URL, Query: p.Query, Step: p.Step.Duration, Timeout: p.Timeout.Duration,
		// Scalers that fail together must not all try again together. No result depends on it.
		Jitter: rand.Float64,
		HTTP:   history.HTTPOptions{BearerTokenFile: resolve(s.dir, p.BearerTokenFile), Headers: p.Headers},
	}
	if o.URL == "" {
		o.URL = defaultURL
	}
	if o.URL == "" {
		return nil, errors.New("spec.arrivals.prometheus.url: give it, or the flag --prometheus")
	}
	if b := p.BasicAuth; b != nil {
		o.HTTP.Username, o.HTTP.PasswordFile = b.Username, resolve(s.dir, b.PasswordFile)
	}
	if t := p.TLS; t != nil {
		o.HTTP.CAFile, o.HTTP.ServerName, o.HTTP.InsecureSkipVerify = resolve(s.dir, t.CAFile), t.ServerName, t.InsecureSkipVerify
		o.HTTP.CertFile, o.HTTP.KeyFile = resolve(s.dir, t.CertFile), resolve(s.dir, t.KeyFile)
	}
	return history.NewPrometheus(o)
}

// history returns how far back the forecast may look.
func (s Source) history() time.Duration {
	if s.csv != nil {
		return s.csv.History.Duration
	}
	return s.prometheus.History.Duration
}
