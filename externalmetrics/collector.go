package externalmetrics

import (
	"math"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prescale/prescale/planner"
)

var scalerLabels = []string{"namespace", "scaler"}

var (
	descReplicas = prometheus.NewDesc("prescale_recommended_replicas",
		"Replicas recommended last; absent while nothing is recommended.", scalerLabels, nil)
	descRunning = prometheus.NewDesc("prescale_running_replicas",
		"Replicas that the scale of the target asked for when it was last read.", scalerLabels, nil)
	descRate = prometheus.NewDesc("prescale_arrival_rate",
		"Newest observed arrival rate, in requests per second.", scalerLabels, nil)
	descForecast = prometheus.NewDesc("prescale_forecast_rate",
		"Planned-for quantile of the highest arrival rate over the lead window, in requests per second.", scalerLabels, nil)
	descExpected = prometheus.NewDesc("prescale_expected_rate",
		"Expected arrival rate at the end of the lead window, in requests per second.", scalerLabels, nil)
	descDemand = prometheus.NewDesc("prescale_demand_replicas",
		"Replicas that one term of the law asks for.", append(scalerLabels[:2:2], "term"), nil)
	descUtilization = prometheus.NewDesc("prescale_planned_utilization_ratio",
		"Expected utilization of the recommended replicas at the planned rate.", scalerLabels, nil)
	descDataAge = prometheus.NewDesc("prescale_data_age_seconds",
		"Age of the newest arrival data at the last decision.", scalerLabels, nil)
	descDecided = prometheus.NewDesc("prescale_decision_timestamp_seconds",
		"Time of the last decision, in seconds since the epoch.", scalerLabels, nil)
	descLead = prometheus.NewDesc("prescale_lead_time_seconds",
		"Time from a decision to ready replicas.", scalerLabels, nil)
	descSource = prometheus.NewDesc("prescale_source",
		"1 for the source of the last decision, 0 for the others.", append(scalerLabels[:2:2], "source"), nil)
	descDecisions = prometheus.NewDesc("prescale_decisions_total",
		"Decisions by source.", append(scalerLabels[:2:2], "source"), nil)
	descFailures = prometheus.NewDesc("prescale_history_failures_total",
		"Attempts to read arrivals that failed.", scalerLabels, nil)
)

var sources = []planner.Source{planner.SourceForecast, planner.SourceReactive, planner.SourceLastForecast, planner.SourceHold}

// Collector publishes the loops' last decisions as Prometheus metrics. Loops can be set once they are
// there, since a metric can be registered only once in a process.
type Collector struct {
	mu    sync.Mutex
	loops []*Loop
}

// Set replaces the loops.
func (c *Collector) Set(loops []*Loop) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops = loops
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descReplicas, descRunning, descRate, descForecast, descExpected, descDemand, descUtilization,
		descDataAge, descDecided, descLead, descSource, descDecisions, descFailures,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. What is not known is absent, not zero.
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	loops := c.loops
	c.mu.Unlock()
	for _, l := range loops {
		if snapshot := l.Latest(); snapshot != nil {
			collect(out, l.Scaler().Namespace, l.Scaler().Name, snapshot)
		}
	}
}

func collect(out chan<- prometheus.Metric, namespace, name string, snapshot *Snapshot) {
	gauge := func(d *prometheus.Desc, v float64, more ...string) {
		if !math.IsNaN(v) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{namespace, name}, more...)...)
		}
	}
	counter := func(d *prometheus.Desc, v uint64, more ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), append([]string{namespace, name}, more...)...)
	}
	r := snapshot.Recommendation
	if r.Source != planner.SourceHold {
		gauge(descReplicas, float64(r.Replicas))
	}
	if r.CurrentReplicas >= 0 {
		gauge(descRunning, float64(r.CurrentReplicas))
	}
	gauge(descRate, r.CurrentRate)
	gauge(descForecast, r.ForecastRate)
	gauge(descExpected, r.ExpectedRate)
	gauge(descUtilization, r.Utilization)
	for _, d := range r.Demands {
		gauge(descDemand, float64(d.Replicas), string(d.Term))
	}
	if !r.DataTime.IsZero() {
		gauge(descDataAge, r.DataAge().Seconds())
	}
	gauge(descDecided, float64(r.At.UnixMilli())/1000)
	gauge(descLead, r.LeadTime.Seconds())
	for _, s := range sources {
		on := 0.0
		if s == r.Source {
			on = 1
		}
		gauge(descSource, on, string(s))
		counter(descDecisions, snapshot.Decisions[s], string(s))
	}
	counter(descFailures, snapshot.Failures)
}
