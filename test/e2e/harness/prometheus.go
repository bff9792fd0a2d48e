package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// ScrapeInterval is how often Prometheus reads the exporter: two scrapes fit into the shortest rate window used.
	ScrapeInterval = 5 * time.Second
	// CoarseStep is the distance of samples in the distant past. It gives a one-minute rate four samples to rest on, at
	// a third of the data that the scrape interval would make. Where it meets samples a scrape interval apart, Prometheus
	// underrates for a window (it extrapolates by the mean distance), so the recent past needs the latter.
	CoarseStep = 15 * time.Second
	// blockRange is the span of one block of Prometheus' storage, aligned to the epoch.
	blockRange = 2 * time.Hour
	// backfillChunk is the span handed to promtool at once, a multiple of blockRange so that no two blocks overlap.
	// promtool reads its whole input once per block, so days in one file would cost quadratic time.
	backfillChunk = 12 * blockRange
)

// Prometheus is a Prometheus server whose data outlive its process.
type Prometheus struct {
	URL string

	env      *Environment
	port     int
	config   string
	data     string
	counters map[string]Counter
	filled   time.Time // the backfill reaches up to here
	process  *Process
}

// NewPrometheus prepares a server that scrapes each counter as a job of that name from the exporter.
func NewPrometheus(tb testing.TB, env *Environment, exporter string, counters map[string]Counter) *Prometheus {
	tb.Helper()
	var config strings.Builder
	fmt.Fprintf(&config, "global: {scrape_interval: %v, scrape_timeout: %v}\nscrape_configs:\n", ScrapeInterval, ScrapeInterval)
	for _, job := range slices.Sorted(maps.Keys(counters)) {
		// The fixed instance makes scraped and backfilled samples one series.
		fmt.Fprintf(&config, "  - job_name: %[1]s\n    metrics_path: /%[1]s/metrics\n    static_configs: [{targets: ['%[2]s'], labels: {instance: %[1]s}}]\n", job, exporter)
	}
	port := env.FreePorts(1)[0]
	return &Prometheus{
		URL:      loopback("http", port),
		env:      env,
		port:     port,
		config:   env.WriteFile("prometheus.yaml", []byte(config.String())),
		data:     env.Path("prometheus"),
		counters: counters,
	}
}

// Backfill writes the counters' past as blocks, with samples that far apart, from where the last call ended up to the
// given time. The server must not run. Only the last call may end inside a block, since blocks must not overlap: see
// BlockStart. It may end a little in the future: the server refuses scrapes from before the end of its blocks, and so
// joins the two without a gap whenever it comes up in the meantime.
func (p *Prometheus) Backfill(tb testing.TB, until time.Time, step time.Duration) {
	tb.Helper()
	require.Nil(tb, p.process, "blocks are written before Prometheus starts")
	from := p.filled
	if from.IsZero() {
		from = until
		for _, counter := range p.counters {
			if counter.Start().Before(from) {
				from = counter.Start()
			}
		}
	}
	for chunk := from; chunk.Before(until); {
		end := chunk.Truncate(backfillChunk).Add(backfillChunk)
		if end.After(until) {
			end = until
		}
		p.createBlocks(tb, chunk, end, step)
		chunk = end
	}
	p.filled = until
}

// BlockStart returns the start of the block that holds the given time.
func BlockStart(at time.Time) time.Time { return at.Truncate(blockRange) }

// createBlocks turns the samples in [from, to) into blocks.
func (p *Prometheus) createBlocks(tb testing.TB, from, to time.Time, step time.Duration) {
	tb.Helper()
	path := p.env.Path("backfill.om")
	file, err := os.Create(path)
	require.NoError(tb, err)
	w := bufio.NewWriter(file)
	fmt.Fprintf(w, "# TYPE %[1]s counter\n# HELP %[1]s Requests that arrived.\n", strings.TrimSuffix(counterName, "_total"))
	for _, job := range slices.Sorted(maps.Keys(p.counters)) {
		counter := p.counters[job]
		// Sample times are multiples of the step, so that chunks join without a doubled or missing sample.
		for at := from.Add(step - 1).Truncate(step); at.Before(to); at = at.Add(step) {
			if !at.Before(counter.Start()) {
				fmt.Fprintf(w, "%s{instance=%q,job=%q} %s %d\n", counterName, job, job, count(counter, at), at.Unix())
			}
		}
	}
	fmt.Fprintln(w, "# EOF")
	require.NoError(tb, w.Flush())
	require.NoError(tb, file.Close())
	output, err := exec.CommandContext(p.env.Context, "promtool", "tsdb", "create-blocks-from", "--quiet", "openmetrics", path, p.data).CombinedOutput()
	require.NoError(tb, err, "promtool: %s", output)
	require.NoError(tb, os.Remove(path))
}

// Start runs the server, again after Kill, and returns when it answers queries.
func (p *Prometheus) Start(tb testing.TB) {
	tb.Helper()
	p.process = p.env.Start(tb, "prometheus", "prometheus",
		"--config.file="+p.config,
		"--storage.tsdb.path="+p.data,
		"--storage.tsdb.retention.time=60d",
		// Blocks of the backfill stay as they are: merging two weeks of them would take the CPU from the test.
		"--storage.tsdb.max-block-duration="+blockRange.String(),
		fmt.Sprintf("--web.listen-address=127.0.0.1:%d", p.port),
		"--log.level=warn",
	)
	p.env.Eventually(tb, "Prometheus is ready", time.Minute, func() error {
		response, err := http.Get(p.URL + "/-/ready")
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status is %s", response.Status)
		}
		return nil
	})
}

// Kill ends the server as a lost node would.
func (p *Prometheus) Kill() { p.process.Kill() }

// Sample is one value of a series.
type Sample struct {
	Time  time.Time
	Value float64
}

// Query evaluates an expression now and returns one list of samples per resulting series: a single sample for an
// instant vector, the raw samples for a range selector such as x[5m].
func (p *Prometheus) Query(expression string) ([][]Sample, error) {
	response, err := http.Get(p.URL + "/api/v1/query?" + url.Values{"query": {expression}}.Encode())
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct {
				Value  *point
				Values []point
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", body, err)
	}
	if answer.Status != "success" {
		return nil, errors.New(answer.Error)
	}
	var series [][]Sample
	for _, result := range answer.Data.Result {
		if result.Value != nil {
			result.Values = append(result.Values, *result.Value)
		}
		samples := make([]Sample, len(result.Values))
		for i, value := range result.Values {
			samples[i] = Sample(value)
		}
		series = append(series, samples)
	}
	return series, nil
}

// Scalar evaluates an expression that yields one series now and returns its value.
func (p *Prometheus) Scalar(expression string) (float64, error) {
	series, err := p.Query(expression)
	if err != nil {
		return 0, err
	}
	if len(series) != 1 || len(series[0]) != 1 {
		return 0, fmt.Errorf("%s yields %d series, want 1", expression, len(series))
	}
	return series[0][0].Value, nil
}

// point is a sample as Prometheus' API writes it: [seconds, "value"].
type point Sample

func (p *point) UnmarshalJSON(data []byte) error {
	var seconds json.Number
	var value string
	if err := json.Unmarshal(data, &[]any{&seconds, &value}); err != nil {
		return err
	}
	at, err := seconds.Float64()
	if err != nil {
		return err
	}
	p.Time = time.UnixMilli(int64(at*1000 + 0.5))
	p.Value, err = strconv.ParseFloat(value, 64)
	return err
}
