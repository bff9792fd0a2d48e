package simulator

import (
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/replay"
)

// Result is one replication under one policy. It holds plain numbers and can be written as JSON and read again, which
// is how the parts of a sweep that ran on several machines come together.
type Result struct {
	// Policy and Settings name what scaled, Index its place among the policies of the experiment; Replication and Seed
	// tell which random numbers it met.
	Index       int              `json:"index"`
	Policy      string           `json:"policy"`
	Settings    []replay.Setting `json:"settings,omitempty"`
	Replication int              `json:"replication"`
	Seed        uint64           `json:"seed"`
	// Recursion says that the fast path computed it.
	Recursion bool `json:"recursion,omitempty"`

	// Requests is the number of requests that arrived: Answered ones got an answer, Failed ones gave up after the last
	// attempt. Violations failed or took longer than the objective, in minutes whose load was recorded: what bridges a hole
	// in a trace is simulated and not judged.
	Requests   uint64 `json:"requests"`
	Answered   uint64 `json:"answered"`
	Failed     uint64 `json:"failed"`
	Violations uint64 `json:"violations"`
	// Retries is how many attempts followed a failed one. The rest says why attempts failed: the client's timeout, a full
	// queue or no replica, too long a wait in a queue, and a replica lost with them.
	Retries  uint64 `json:"retries"`
	TimedOut uint64 `json:"timed_out"`
	Refused  uint64 `json:"refused"`
	Expired  uint64 `json:"expired"`
	Lost     uint64 `json:"lost"`
	// Abandoned is how many calls were served to the end although their client had gone.
	Abandoned uint64 `json:"abandoned"`

	// Latency holds the times of answered requests from first sending to answer, all attempts and pauses included.
	Latency Histogram `json:"latency"`
	// Served is how many calls came into service, Waited how many of them had to wait, and MeanWait their mean wait in
	// seconds, zeros included.
	Served   uint64  `json:"served"`
	Waited   uint64  `json:"waited"`
	MeanWait float64 `json:"mean_wait_seconds"`

	// Attainment is the share of requests that do not violate, NaN without any. A minute with load is bad if its
	// attainment is below the percentile of the objective; ViolationRatio is BadMinutes / Minutes. A request counts
	// for the minute of its arrival. Minutes whose load was not recorded count in neither.
	Attainment     float64 `json:"slo_attainment"`
	Minutes        int     `json:"minutes"`
	BadMinutes     int     `json:"bad_minutes"`
	ViolationRatio float64 `json:"slo_violation_ratio"`

	// ReplicaHours counts pods from their creation until they are gone. Cost is in the unit of ReplicaHourCost.
	ReplicaHours float64 `json:"replica_hours"`
	Cost         float64 `json:"cost"`
	// RequestsPerReplicaHour is what one replica answers in an hour at the utilization cap; see [Result.Priced].
	RequestsPerReplicaHour float64 `json:"requests_per_replica_hour"`
	// ScaleUps and ScaleDowns count changes of the number wanted.
	ScaleUps   int `json:"scale_ups"`
	ScaleDowns int `json:"scale_downs"`
	// PodsFailed and PodsEvicted count lost capacity.
	PodsFailed  int `json:"pods_failed"`
	PodsEvicted int `json:"pods_evicted"`

	// Events is how many events were simulated, arrivals included.
	Events uint64 `json:"events"`

	Timeline []Minute `json:"timeline,omitempty"`
}

// Minute is one minute of a run. Latencies are those of the requests answered in it, NaN without any; requests and
// violations are those that arrived in it.
type Minute struct {
	At         time.Duration `json:"at"` // its beginning, since the start
	Requests   uint32        `json:"requests"`
	Violations uint32        `json:"violations"`
	// Wanted, Running and Ready are the replicas asked for, the pods that exist and those that serve, at its end.
	Wanted  int32 `json:"wanted"`
	Running int32 `json:"running"`
	Ready   int32 `json:"ready"`
	// P50, P95 and P99 are quantiles of the latency in seconds.
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	// Reason is why the policy last asked for what it did.
	Reason string `json:"reason,omitempty"`
}

// Priced returns the priced objective at w replica-hours for every replica-hour's worth of violating requests:
//
//	J(w) = replica-hours + w × violating requests / requests per replica-hour at the utilization cap
func (r *Result) Priced(w float64) float64 {
	same := replay.Result{ReplicaHours: r.ReplicaHours, Violating: float64(r.Violations)}
	return same.Objective(w, r.RequestsPerReplicaHour)
}

// result sums a finished run up.
func (e *engine) result(config *Config, seed uint64) *Result {
	t := &e.tally
	e.pods.account(e.c.duration)
	waits := t.waits
	if e.fast != nil {
		waits = e.fast.waits
	}
	r := &Result{
		Seed:      seed,
		Recursion: e.fast != nil,
		Requests:  t.requests, Answered: t.latency.Count, Failed: t.failures,
		Retries: t.retries, TimedOut: t.timedOut, Refused: t.refused, Expired: t.expired, Lost: t.lost,
		Latency: t.latency,
		Served:  t.served, Waited: t.waited, MeanWait: waits / float64(t.served), Abandoned: t.abandoned,
		ReplicaHours:           e.pods.podSeconds / 3600,
		RequestsPerReplicaHour: 3600 * config.ratePerReplica(config.maxUtilization()),
		ScaleUps:               e.policies.ups, ScaleDowns: e.policies.downs,
		PodsFailed: e.pods.failed, PodsEvicted: e.pods.evicted,
		Events:   e.events,
		Timeline: t.timeline,
	}
	r.Cost = r.ReplicaHours * config.ReplicaHourCost
	r.score(config.Objective.Percentile, t.violators, recorded(config.Arrivals.Schedule))
	return r
}

// recorded tells of a minute whether its load was recorded, where the schedule can tell: what bridges a hole in a trace is
// invented, and is not judged.
func recorded(s arrivals.Schedule) func(time.Duration) bool {
	trace, ok := s.(interface{ Observed(time.Duration) bool })
	if !ok {
		return func(time.Duration) bool { return true }
	}
	const last = time.Minute - 1
	return func(minute time.Duration) bool {
		return trace.Observed(minute) && trace.Observed(minute+last/2) && trace.Observed(minute+last)
	}
}

// score judges the minutes.
func (r *Result) score(percentile float64, violators []uint32, recorded func(time.Duration) bool) {
	var judged uint64
	for i := range r.Timeline {
		m := &r.Timeline[i]
		m.Violations = violators[i]
		if m.Requests == 0 || !recorded(m.At) {
			continue
		}
		judged += uint64(m.Requests)
		r.Violations += uint64(m.Violations)
		r.Minutes++
		// The tolerance keeps 99 of 100 from falling below 0.99 by rounding.
		if float64(m.Requests-m.Violations) < percentile*float64(m.Requests)*(1-1e-12) {
			r.BadMinutes++
		}
	}
	r.Attainment = float64(judged-r.Violations) / float64(judged)
	r.ViolationRatio = float64(r.BadMinutes) / float64(r.Minutes)
}

// ratePerReplica returns what a replica answers per second at a utilization.
func (c *Config) ratePerReplica(utilization float64) float64 {
	env := replay.Environment{Service: c.service(), Target: queueing.Target{MaxUtilization: utilization}}
	return env.RatePerReplica()
}
