package simulator

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// scaler is the metric pipeline, the policy behind it and its HPA.
type scaler struct {
	policy     replay.Controller // nil without a policy
	lens       replay.Lens
	flags      hpa.Config
	spec       hpa.Spec
	state      hpa.State
	resources  bool // a metric of the spec is read off the pods
	start      time.Time
	scrapes    int
	syncs      int
	ups, downs int

	offered, busy, slots, live, waiting *replay.Meter
	latencies                           latencyGauge

	// Lent to every sync.
	values   []float64
	readings []hpa.Reading
	pods     []hpa.Pod
	usage    []hpa.Usage
	working  []*replay.Meter // busy servers of the pod at each place of the fleet
	serials  []uint32        // whose they are
	rest     []float64
}

// remembered is how far back gauges answer beyond the window of the lens.
const remembered = time.Hour

func newScaler(ctx context.Context, config *Config, policy replay.Policy) (scaler, error) {
	lens := config.lens()
	s := scaler{lens: lens, start: config.Start}
	if policy == nil {
		return s, nil
	}
	s.flags, s.spec = policy.HPA()
	s.spec.MinReplicas, s.spec.MaxReplicas = config.Replicas.Min, config.Replicas.Max
	if err := s.spec.Validate(); err != nil {
		return s, fmt.Errorf("simulator: policy %s: %w", policy.Name(), err)
	}
	if s.flags.SyncPeriod <= 0 {
		return s, fmt.Errorf("simulator: policy %s: sync period is %s, must be above 0s", policy.Name(), s.flags.SyncPeriod)
	}
	env, err := config.Environment()
	if err != nil {
		return s, err
	}
	if s.policy, err = policy.Begin(ctx, env); err != nil {
		return s, fmt.Errorf("simulator: policy %s: %w", policy.Name(), err)
	}
	for i := range s.spec.Metrics {
		switch s.spec.Metrics[i].Type {
		case hpa.External, hpa.Object:
		case hpa.Resource, hpa.ContainerResource:
			s.resources = true
		default:
			return s, fmt.Errorf("simulator: policy %s: metric %s is of type %s, must be External or Resource",
				policy.Name(), s.spec.Metrics[i].Name, s.spec.Metrics[i].Type)
		}
	}
	s.readings = make([]hpa.Reading, len(s.spec.Metrics))
	meter := func() *replay.Meter { return replay.NewMeter(lens, remembered) }
	s.offered, s.busy, s.slots, s.live, s.waiting = meter(), meter(), meter(), meter(), meter()
	s.latencies = newLatencyGauge(lens, config.Objective.Percentile)
	return s, nil
}

// begin plans the first scrape and the first sync behind it, both when the run begins.
func (s *scaler) begin(e *engine) {
	if s.policy == nil {
		return
	}
	e.agenda.plan(0, scrapeDue, 0, 0)
	e.agenda.plan(0, syncDue, 0, 0)
}

// instant returns the n-th multiple of a period.
func (s *scaler) instant(n int, period time.Duration) time.Duration { return time.Duration(n) * period }

// scrape feeds the meters.
func (s *scaler) scrape(e *engine) {
	at := s.instant(s.scrapes, s.lens.ScrapeInterval)
	s.offered.Scrape(at, float64(e.tally.requests+e.tally.retries))
	s.busy.Scrape(at, e.areas.busy)
	s.slots.Scrape(at, e.areas.slots)
	s.live.Scrape(at, e.areas.live)
	s.waiting.Scrape(at, e.areas.waiting)
	s.latencies.scrape(at, &e.tally.recent)
	if s.resources {
		s.scrapePods(e, at)
	}
	s.scrapes++
	if next := s.instant(s.scrapes, s.lens.ScrapeInterval).Seconds(); next < e.c.duration {
		e.agenda.plan(next, scrapeDue, 0, 0)
	}
}

// scrapePods feeds one meter per pod with the time its servers have worked.
func (s *scaler) scrapePods(e *engine, at time.Duration) {
	for len(s.working) < len(e.pods.all) {
		s.working = append(s.working, replay.NewMeter(s.lens, 0))
		s.serials = append(s.serials, 0)
		s.rest = append(s.rest, 0)
	}
	clear(s.rest)
	for _, done := range e.completed.inService() {
		s.rest[e.calls.all[done.call].replica] += math.Float64frombits(done.at) - e.now
	}
	for r := range e.pods.all {
		p := &e.pods.all[r]
		if s.serials[r] != p.serial {
			s.serials[r] = p.serial
			s.working[r].Scrape(at, math.NaN())
		}
		if p.state > pending {
			s.working[r].Scrape(at, p.busySeconds-s.rest[r])
		}
	}
}

// sync lets the policy measure and the HPA decide.
func (s *scaler) sync(e *engine) error {
	now := s.instant(s.syncs, s.flags.SyncPeriod)
	s.syncs++
	if next := s.instant(s.syncs, s.flags.SyncPeriod).Seconds(); next < e.c.duration {
		e.agenda.plan(next, syncDue, 0, 0)
	}
	view := replay.View{
		Now: now, Time: s.start.Add(now), Visible: now - s.lens.Delay,
		Rate:         s.offered.Rate(now),
		SpecReplicas: int32(e.pods.wanted), StatusReplicas: int32(e.pods.active), ReadyReplicas: int32(e.pods.ready),
		Gauges: s,
	}
	s.values = s.policy.Metrics(&view, s.values[:0])
	in := hpa.Inputs{
		Now: now, SpecReplicas: view.SpecReplicas, StatusReplicas: view.StatusReplicas,
		PodCount: view.StatusReplicas, ReadyPods: view.ReadyReplicas, Readings: s.readings,
	}
	if s.resources {
		s.measurePods(e, now)
		in.Pods = s.pods
	}
	k := 0
	for i := range s.spec.Metrics {
		switch s.spec.Metrics[i].Type {
		case hpa.External, hpa.Object:
			if k >= len(s.values) {
				return fmt.Errorf("simulator: the policy gave %d metrics at %s, its autoscaler reads more", len(s.values), now)
			}
			s.readings[i] = hpa.NewReading(s.values[k])
			k++
		default:
			s.readings[i] = hpa.Reading{Usage: s.usage}
		}
	}
	d := hpa.Sync(s.flags, &s.spec, in, &s.state)
	e.tally.reason = s.policy.Why()
	if d.Rescale && d.Desired != d.From {
		if d.Desired > d.From {
			s.ups++
		} else {
			s.downs++
		}
		e.scaleTo(int(d.Desired))
	}
	return nil
}

// measurePods shows the HPA the pods and how busy their servers were.
func (s *scaler) measurePods(e *engine, now time.Duration) {
	s.pods, s.usage = s.pods[:0], s.usage[:0]
	request := hpa.Milli(float64(e.c.concurrency))
	for r := range e.pods.all {
		p := &e.pods.all[r]
		pod := hpa.Pod{Readiness: hpa.Unready}
		u := hpa.Usage{Missing: true, Request: request, At: now - s.lens.Delay, Window: s.lens.RateWindow}
		switch p.state {
		case gone:
			continue
		case pending:
			pod.Phase, pod.NotStarted = hpa.Pending, true
		case starting:
			pod.Start, pod.ReadySince = since(p.placed), since(p.placed)
		case ready:
			pod.Readiness, pod.Start, pod.ReadySince = hpa.Ready, since(p.placed), since(p.readyAt)
		case draining:
			pod.Deleted, pod.Readiness, pod.Start, pod.ReadySince = true, hpa.Ready, since(p.placed), since(p.readyAt)
		}
		if r < len(s.working) && s.serials[r] == p.serial {
			if rate := s.working[r].Rate(now); !math.IsNaN(rate) {
				u.Missing, u.Value = false, hpa.Milli(rate)
			}
		}
		s.pods = append(s.pods, pod)
		s.usage = append(s.usage, u)
	}
}

func since(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// Offered, Utilization, InFlight, Backlog and Latency are the gauges of a View.
func (s *scaler) Offered(from, to time.Duration) float64 {
	return s.offered.Between(from, s.visible(to))
}

func (s *scaler) Utilization(from, to time.Duration) float64 {
	to = s.visible(to)
	return min(s.busy.Between(from, to)/s.slots.Between(from, to), 1)
}

func (s *scaler) InFlight(from, to time.Duration) float64 { return s.live.Between(from, s.visible(to)) }

func (s *scaler) Backlog(from, to time.Duration) float64 {
	return s.waiting.Between(from, s.visible(to))
}

func (s *scaler) Latency(from, to time.Duration) float64 {
	return s.latencies.quantile(from, s.visible(to))
}

// visible bounds an instant by the lens.
func (s *scaler) visible(to time.Duration) time.Duration {
	return min(to, s.instant(s.syncs-1, s.flags.SyncPeriod)-s.lens.Delay)
}
