package main

import (
	"encoding/json"
	"encoding/xml"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

func TestSizeSweepChart(t *testing.T) {
	out, stderr, code := command(t, "size", "--arrival-rate", "50", "--service-time", "100ms", "--latency", "600ms",
		"--sweep", "replicas=1..40", "-o", "svg")
	require.Zero(t, code, stderr)
	require.NoError(t, xml.Unmarshal([]byte(out), new(struct{})))
	for _, label := range []string{"p99 response time", "objective 600ms", "target and knee: 7"} {
		assert.Contains(t, out, label)
	}
}

// The knee by its definition, of the formula rather than of the sweep.
func TestSizeSweepKnee(t *testing.T) {
	out, _, code := command(t, "size", "--arrival-rate", "900", "--service-time", "100ms", "--sweep", "replicas=80..130", "-o", "json")
	require.Zero(t, code)
	var r struct {
		Knee  int `json:"knee_replicas"`
		Sweep []struct {
			Replicas int
			Stable   bool
			Response *float64 `json:"response_quantile_seconds"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(out), &r))
	require.Len(t, r.Sweep, 51)
	for _, p := range r.Sweep {
		assert.Equal(t, p.Replicas > 90, p.Stable)
		assert.Equal(t, p.Stable, p.Response != nil)
	}
	within := func(replicas int) bool {
		q := queueing.MMc{ArrivalRatePerSecond: 900, ServiceRatePerSecond: 10, Servers: replicas}
		return q.ResponseQuantileSeconds(0.99) <= 1.1*-math.Log1p(-0.99)/10
	}
	assert.True(t, within(r.Knee))
	assert.False(t, within(r.Knee-1))
}

// A knee before the range is not reported at its edge.
func TestSizeSweepBeyondKnee(t *testing.T) {
	out, _, code := command(t, "size", "--arrival-rate", "50", "--service-time", "100ms", "--sweep", "replicas=20..22")
	require.Zero(t, code)
	assert.Contains(t, out, "the knee lies below this range")
	assert.Contains(t, out, "least for the target: 7 replicas, outside this range")
}

// A knee at the edge of the range is reported there, and one above it is said to be there.
func TestSizeSweepKneeAtEdge(t *testing.T) {
	sweep := func(span string) string {
		out, _, code := command(t, "size", "--arrival-rate", "50", "--service-time", "100ms", "--sweep", "replicas="+span)
		require.Zero(t, code)
		return out
	}
	assert.Contains(t, sweep("7..9"), "least for the target, knee\n")
	assert.Contains(t, sweep("1..6"), "the knee lies above this range")
}

func TestErrorMGcSaysWhereItWasMeasured(t *testing.T) {
	queue := func(rate float64, servers int) queueing.MMc {
		return queueing.MMc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: servers}
	}
	for _, c := range []struct {
		queue queueing.MMc
		scv   float64
		exact bool
		want  string
		not   string
	}{
		{queue(8, 10), 1, true, "edges", "measured"},
		{queue(8, 10), 0, true, "edges", "measured"},
		{queue(8, 10), 2.1, false, "measured at SCV 2,", "not measured"},
		{queue(80, 100), 4, false, "not measured at c = 100", "SCV 4,;"},
		{queue(2, 10), 0.2, false, "not measured at SCV 0.2, ρ = 0.2", "exact"},
		{queue(0.8, 1), 20, false, "not measured at SCV 20; the mean of one server is exact", "c ="},
	} {
		exact, note := errorMGc(c.queue, c.scv)
		assert.Equal(t, c.exact, exact, note)
		assert.Contains(t, note, c.want)
		assert.NotContains(t, note, c.not)
	}
}

// Every model answers in JSON at no load, at little and at much of it, and its sweep does.
func TestSizeJSONAtAnyRate(t *testing.T) {
	for _, shape := range []string{
		"--service-time 100ms", "--service-time 100ms --service-scv 0", "--service-time 100ms --service-scv 0.3", "--service-time 100ms --service-scv 4",
		"--service-time 100ms --arrival-scv 2", "--service-time 100ms --arrival-scv 0 --service-scv 0", "--service-time 100ms --patience 1s",
		"--service-time 100ms --queue-limit 0", "--service-time 100ms --queue-limit 5", "--service-time 1ns --concurrency 7",
		"--batch-max 8 --batch-fixed 10ms --batch-per-item 2ms", "--batch-max 0 --batch-fixed 10ms --batch-per-item 0s", "--batch-max 1 --batch-per-item 2ms",
		"--batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --batch-max-delay 5ms",
		"--service-time 100ms --model random --service-scv 2 --concurrency 2", "--service-time 100ms --model round-robin", "--service-time 100ms --choices 3",
		"--service-time 100ms --model ps", "--service-time 100ms --setup-time 1s --concurrency 40", "--service-time 10us --model mphc --service-scv 2",
		"--model batch-exponential --batch-max 8 --batch-fixed 10ms", "--model batch-exponential --batch-max 0 --batch-fixed 10ms",
		"--model state-dependent --batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --queue-limit 20",
		"--service-time 100ms --model mminf", "--service-time 100ms --model mg1 --service-scv 3",
		"--service-time 100ms --rate-std 1 --latency 2s", "--service-time 100ms --rate-std 30 --rate-law gamma --latency 2s",
	} {
		for _, rate := range []string{"0", "1e-12", "3", "2000"} {
			args := strings.Fields("size --explain -o json --sweep replicas=1..3 --arrival-rate " + rate + " " + shape)
			out, stderr, code := command(t, args...)
			if !assert.Zero(t, code, "%v: %s", args, stderr) {
				continue
			}
			var r struct {
				Replicas    int
				Sweep       []sweepPoint
				Explanation sizeExplanation
			}
			require.NoError(t, json.Unmarshal([]byte(out), &r), "%v", args)
			assert.Positive(t, r.Replicas)
			assert.Len(t, r.Sweep, 3)
			assert.NotEmpty(t, r.Explanation.Source)
		}
	}
}

// What a balancer costs: the less it knows, the longer the waits. The limit law of power-of-d is too good for few replicas.
func TestSizeBalancersInOrder(t *testing.T) {
	wait := func(model string) float64 {
		out, stderr, code := command(t, "size", "--arrival-rate", "20", "--service-time", "100ms", "--model", model, "--sweep", "replicas=3..3", "-o", "json")
		require.Zero(t, code, stderr)
		var r struct{ Sweep []sweepPoint }
		require.NoError(t, json.Unmarshal([]byte(out), &r))
		return float64(r.Sweep[0].MeanWaitSeconds)
	}
	assert.Less(t, wait("central"), wait("jsq"))
	assert.Less(t, wait("jsq"), wait("round-robin"))
	assert.Less(t, wait("round-robin"), wait("random"))
	assert.InEpsilon(t, wait("random"), wait("ps"), 1e-12, "M/M/1 in either order")
	assert.InEpsilon(t, wait("mmc"), wait("central"), 1e-12)
}

// Every model that has a flag in its rule accepts it, and says which models do where it does not.
func TestSizeModelRules(t *testing.T) {
	values := map[string]string{
		"service-time": "100ms", "concurrency": "2", "service-scv": "0.7", "arrival-scv": "2", "patience": "1s", "queue-limit": "3", "choices": "3",
		"setup-time": "1s", "batch-max": "4", "batch-fixed": "5ms", "batch-per-item": "1ms", "batch-max-delay": "3ms",
	}
	for _, r := range modelRules {
		args := []string{"size", "--model", string(r.kind), "--arrival-rate", "9"}
		for _, flag := range slices.Concat(r.needs, r.takes) {
			if r.kind != modelMDc || flag != "service-scv" {
				args = append(args, "--"+flag, values[flag])
			}
		}
		_, stderr, code := command(t, args...)
		assert.Zero(t, code, "%v: %s", args, stderr)
		for _, flag := range shapeFlags {
			if !slices.Contains(r.needs, flag) && !slices.Contains(r.takes, flag) {
				_, stderr, code := command(t, append(slices.Clone(args), "--"+flag, values[flag])...)
				assert.Equal(t, exitUsage, code, "%s with --%s", r.kind, flag)
				assert.Contains(t, stderr, "--"+flag)
			}
		}
		for _, flag := range r.lacks {
			_, stderr, code := command(t, append(slices.Clone(args), "--"+flag, map[bool]string{true: "0.5", false: "9s"}[flag == "max-wait-probability"])...)
			assert.Equal(t, exitUsage, code, "%s with --%s", r.kind, flag)
			assert.Contains(t, stderr, "; use --")
		}
	}
}

// A gamma law of small spread is nearly normal, and the replicas rise with the spread.
func TestSizeRateSpread(t *testing.T) {
	least := func(deviation float64, law string) int {
		n, err := queueing.LeastReplicasForDistribution(rateSpread{deviation, law}.distribution(500),
			queueing.Service{MeanTime: 100_000_000}, queueing.Target{Response: queueing.Quantile{Percentile: 0.99, Latency: 600_000_000}}, 1000)
		require.NoError(t, err)
		return n
	}
	assert.InDelta(t, least(10, lawNormal), least(10, lawGamma), 1)
	assert.Less(t, least(10, lawNormal), least(50, lawNormal))
	assert.Less(t, least(200, lawNormal), least(200, lawGamma), "gamma has the longer upper tail")
}

// The largest rate of a number of replicas and the least replicas of a rate are each other's inverse, for every model.
func TestSizeReplicasInverse(t *testing.T) {
	for _, shape := range []string{
		"--service-time 100ms --latency 900ms", "--service-time 100ms --latency 1500ms --service-scv 4", "--service-time 100ms --model round-robin --latency 900ms",
		"--service-time 100ms --model mg1 --service-scv 0.3 --mean-response 150ms", "--service-time 100ms --model mminf --max-wait-probability 0.05",
		"--service-time 100ms --setup-time 30s --latency 60s", "--service-time 100ms --queue-limit 5 --max-blocking 0.01",
		"--batch-max 8 --batch-fixed 10ms --batch-per-item 2ms --latency 60ms", "--service-time 100ms --concurrency 3 --model mphc --service-scv 2",
	} {
		type answer struct {
			Replicas int
			Rate     float64 `json:"arrival_rate"`
			Max      float64 `json:"max_arrival_rate"`
			Binding  queueing.Constraint
		}
		ask := func(args string) (r answer) {
			out, stderr, code := command(t, strings.Fields("size -o json "+args+" "+shape)...)
			require.Zero(t, code, "%s %s: %s", args, shape, stderr)
			require.NoError(t, json.Unmarshal([]byte(out), &r))
			return r
		}
		found := ask("--replicas 4")
		assert.Equal(t, 4, found.Replicas)
		assert.Equal(t, found.Max, found.Rate)
		rate := func(v float64) string { return "--arrival-rate " + strconv.FormatFloat(v, 'g', 17, 64) }
		assert.Equal(t, 4, ask(rate(found.Rate*(1-1e-9))).Replicas, shape)
		more := ask(rate(found.Rate * (1 + 1e-6)))
		assert.Equal(t, 5, more.Replicas, shape)
		assert.Equal(t, more.Binding, found.Binding, shape)
	}
}
