package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/prescale/prescale/queueing"
)

const (
	// startup is how long the pods of workload web are said to take until they are ready: a large model on a node that
	// has to be provisioned first. It is what the forecast has to look ahead, and long enough for the daily rise of the
	// trace to show.
	startup = 15 * time.Minute
	// step is the resolution at which web is forecast, and the rate window of its query.
	step = time.Minute
	// staleAfter and holdAfter, short so that the suite can wait for them. Data of a one-minute grid are up to a
	// minute and a scrape old even when all is well.
	staleAfter = 80 * time.Second
	holdAfter  = 130 * time.Second

	maxReplicas    = 100
	serviceTime    = 100 * time.Millisecond
	latency        = time.Second
	percentile     = 0.99
	maxUtilization = 0.8
)

const (
	// batchRate and batchRateMore, in requests per second, lie on both sides of the rate that 20 replicas can take at
	// 100 ms a request and a utilization of 0.8, which is 160. They are close together, so that even a forecaster that
	// takes the step for the beginning of a trend finds less than the 168 that 21 replicas can take.
	batchRate     = 158
	batchRateMore = 162
	// batchRateLate needs 25 replicas.
	batchRateLate = 198
)

// scaler describes one PredictiveScaler of the suite; what they share is in its yaml method.
type scaler struct {
	name, query   string
	step, history time.Duration
	startup       time.Duration
}

// scalers are all that the adapter is given. Three of them ask nonsense, each in its own way.
var scalers = []scaler{
	{name: "web", query: `sum(rate(http_requests_total{job="web"}[1m]))`, step: step, history: 14 * 24 * time.Hour, startup: startup},
	{name: "batch", query: `sum(rate(http_requests_total{job="batch"}[30s]))`, step: 15 * time.Second, history: 6 * time.Hour, startup: 30 * time.Second},
	{name: "wrong", query: `sum(rate(http_requests_total{job="web"}[1m])`, step: step, history: time.Hour, startup: startup},
	{name: "several", query: `rate(http_requests_total[1m])`, step: step, history: time.Hour, startup: startup},
	{name: "nothing", query: `sum(rate(misspelled_requests_total[1m]))`, step: step, history: time.Hour, startup: startup},
}

// scalersYAML returns the file for the adapter's --config.
func scalersYAML() string {
	documents := make([]string, len(scalers))
	for i, s := range scalers {
		documents[i] = s.yaml()
	}
	return strings.Join(documents, "---\n")
}

func (s scaler) yaml() string {
	return fmt.Sprintf(`apiVersion: prescale.dev/v1alpha1
kind: PredictiveScaler
metadata: {name: %[1]s, namespace: default}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %[1]s}
  minReplicas: 2
  maxReplicas: %[6]d
  arrivals: {prometheus: {query: '%[2]s', step: %[3]s, history: %[4]s}}
  service: {mean: %[7]s}
  slo: {latency: %[8]s, percentile: %[9]g, maxUtilization: %[10]g}
  startup: {mean: %[5]s}
  forecast: {quantile: 0.95}
  envelope: {window: 1m}
  freshness: {staleAfter: %[11]s, holdAfter: %[12]s}
`, s.name, s.query, s.step, s.history, s.startup, maxReplicas, serviceTime, latency, percentile, maxUtilization, staleAfter, holdAfter)
}

// reactiveNeed returns how many replicas a rate needs now, by queueing theory alone: what an autoscaler without a
// forecast would ask for.
func reactiveNeed(ratePerSecond float64) (int32, error) {
	n, err := queueing.LeastReplicas(ratePerSecond, queueing.Service{MeanTime: serviceTime}, queueing.Target{
		MaxUtilization: maxUtilization,
		Response:       queueing.Quantile{Percentile: percentile, Latency: latency},
	}, maxReplicas)
	return int32(n), err
}
