package queueing_test

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

// referenceTolerance is the relative error allowed against values known to 17 digits. The largest seen is 7e-15 for
// probabilities, means and response quantiles, and 5e-14 for waits whose ln(C/(1-p)) is near zero.
const referenceTolerance = 1e-12

// row is one line of a reference file, by column name.
type row map[string]string

func (r row) float(t *testing.T, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil && v != 0 { // values below the float64 range parse as 0 with an error
		require.NoError(t, err)
	}
	return v
}

func (r row) int(t *testing.T, column string) int {
	t.Helper()
	v, err := strconv.Atoi(r[column])
	require.NoError(t, err)
	return v
}

func (r row) seconds(t *testing.T, column string) time.Duration {
	t.Helper()
	return time.Duration(math.Round(r.float(t, column) * 1e9))
}

// referenceRows reads a file of the reference collection that may stand beside the repository. Where it does not, the
// values typed into this package's tests cover the same functions.
func referenceRows(t *testing.T, name string) []row {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "..", "shared", "reference", "queueing", name))
	if os.IsNotExist(err) {
		t.Logf("no %s beside the repository: typed values only", name)
		return nil
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	lines, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	require.NotEmpty(t, lines)
	var rows []row
	for _, fields := range lines[1:] {
		r := row{}
		for i, column := range lines[0] {
			r[column] = fields[i]
		}
		rows = append(rows, r)
	}
	return rows
}

// assertClose compares within a relative tolerance; below the normal float64 range, within one subnormal step.
func assertClose(t assert.TestingT, want, got, tolerance float64, context ...any) {
	if got == want || math.Abs(got-want) <= tolerance*math.Abs(want) || math.Abs(got-want) <= math.SmallestNonzeroFloat64 {
		recordError(t, want, got)
		return
	}
	assert.Fail(t, "not close", "%v: got %.17g, want %.17g, relative error %.2g", context, got, want, math.Abs(got/want-1))
}

// largestErrors holds the largest relative error by test, and how many values it is of.
var largestErrors = map[string]*struct {
	error float64
	count int
}{}

// recordError makes a verbose run of a test against references print its largest error, for docs/results/queueing.md.
func recordError(t assert.TestingT, want, got float64) {
	test, ok := t.(*testing.T)
	if !ok || !strings.HasPrefix(test.Name(), "TestReference") {
		return
	}
	largest := largestErrors[test.Name()]
	if largest == nil {
		largest = &struct {
			error float64
			count int
		}{}
		largestErrors[test.Name()] = largest
		test.Cleanup(func() {
			test.Logf("largest relative error %.1e over %d values", largest.error, largest.count)
			delete(largestErrors, test.Name())
		})
	}
	largest.count++
	if math.Abs(got-want) > math.SmallestNonzeroFloat64 {
		largest.error = math.Max(largest.error, math.Abs(got/want-1))
	}
}

func TestReferenceErlang(t *testing.T) {
	for _, r := range referenceRows(t, "erlang_b.csv") {
		assertClose(t, r.float(t, "blocking"),
			queueing.BlockingProbability(r.float(t, "offered_load"), r.int(t, "servers")), referenceTolerance, "blocking", r)
	}
	for _, r := range referenceRows(t, "erlang_c.csv") {
		assertClose(t, r.float(t, "prob_wait"),
			queueing.WaitProbability(r.float(t, "offered_load"), r.int(t, "servers")), referenceTolerance, "wait", r)
	}
}

func TestReferenceMMc(t *testing.T) {
	for _, r := range referenceRows(t, "mmc.csv") {
		q := queueing.MMc{
			ArrivalRatePerSecond: r.float(t, "lambda"),
			ServiceRatePerSecond: r.float(t, "mu"),
			Servers:              r.int(t, "servers"),
		}
		for column, got := range map[string]float64{
			"rho":            q.Utilization(),
			"prob_wait":      q.WaitProbability(),
			"mean_wait":      q.MeanWaitSeconds(),
			"mean_response":  q.MeanResponseSeconds(),
			"mean_queue":     q.MeanQueueLength(),
			"mean_in_system": q.MeanInSystem(),
		} {
			assertClose(t, r.float(t, column), got, referenceTolerance, column, r)
		}
		for suffix, p := range map[string]float64{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999} {
			assertClose(t, r.float(t, "wait_"+suffix), q.WaitQuantileSeconds(p), referenceTolerance, "wait_"+suffix, r)
			assertClose(t, r.float(t, "response_"+suffix), q.ResponseQuantileSeconds(p), referenceTolerance, "response_"+suffix, r)
		}
	}
}

// TestReferenceMM1 checks the M/M/1 rows of the M/G/1 file: those with exponential service.
func TestReferenceMM1(t *testing.T) {
	for _, r := range referenceRows(t, "mg1_pk.csv") {
		if r["service"] != "exponential" {
			continue
		}
		q := queueing.MMc{
			ArrivalRatePerSecond: r.float(t, "lambda"),
			ServiceRatePerSecond: 1 / r.float(t, "mean_service"),
			Servers:              1,
		}
		assertClose(t, r.float(t, "mean_wait"), q.MeanWaitSeconds(), referenceTolerance, r)
		assertClose(t, r.float(t, "mean_response_fcfs"), q.MeanResponseSeconds(), referenceTolerance, r)
		assertClose(t, r.float(t, "mean_queue"), q.MeanQueueLength(), referenceTolerance, r)
	}
}
