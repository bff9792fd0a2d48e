package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/hpa"
)

// FluidOptions of the fluid engine. The zero value is a good choice.
type FluidOptions struct {
	// Step is the length of a step; it must divide a minute. 0 means 15 s.
	Step time.Duration
	// MaxWaiting is how many requests may wait per replica before further ones are refused; 0 means no limit.
	MaxWaiting int
	// Timeout is how long a client waits before it gives up, and its request leaves the queue; 0 means for ever.
	Timeout time.Duration
	// Grace bounds how long a replica that is taken away drains; it is paid for that long, or for one mean service time
	// if that is shorter.
	Grace time.Duration
	// Noise of the counts that the lens shows. The queue knows the noise of Poisson arrivals anyway.
	Noise CountNoise
	// Timeline asks for a sample per step, Reasons for the policy's words in each.
	Timeline, Reasons bool
}

// Fluid is the fluid engine for one load, prepared once and then shared by all policies that are to be compared. Its
// methods may be called by several goroutines.
type Fluid struct {
	env     Environment
	options FluidOptions
	load    *Load
	tails   *Tails
}

// subSteps is into how many a step is divided while a queue builds up or drains.
const subSteps = 5

// nearlyFull is the utilization from which it is.
const nearlyFull = 0.95

// NewFluid prepares the load of the environment's duration.
func NewFluid(env Environment, s arrivals.Schedule, o FluidOptions) (*Fluid, error) {
	if o.Step == 0 {
		o.Step = 15 * time.Second
	}
	err := env.Validate()
	if o.MaxWaiting < 0 || o.Timeout < 0 || o.Grace < 0 {
		err = errors.Join(err, fmt.Errorf("replay: queue of %d per replica, timeout %s and grace %s: must not be negative", o.MaxWaiting, o.Timeout, o.Grace))
	}
	if err != nil {
		return nil, err
	}
	load, err := NewLoad(s, env.Duration, o.Step, env.Lens, o.Noise)
	if err != nil {
		return nil, err
	}
	tails, err := NewTails(env.Service, env.Target.Response, max(env.MaxReplicas, env.InitialReplicas))
	if err != nil {
		return nil, err
	}
	return &Fluid{env: *env.WithFuture(s), options: o, load: load, tails: tails}, nil
}

// Environment is what policies are told.
func (f *Fluid) Environment() *Environment { return &f.env }

// Load is the load in steps.
func (f *Fluid) Load() *Load { return f.load }

// Run plays the load against a policy.
func (f *Fluid) Run(ctx context.Context, p Policy) (*Result, error) { return f.NewRunner().Run(ctx, p) }

// Runner runs one policy after the other with the same memory. It belongs to one goroutine.
type Runner struct {
	*Fluid
	pods  *pods
	queue queue
	// The integrals of gauges until each step begins, in seconds.
	busy, slots, inSystem, backlog, latency, weight []float64
	scaled                                          scaler
	// decayStep and decaySub are e^(-μ t) for a step and a part of it.
	decayStep, decaySub float64
}

// NewRunner returns a runner with memory of its own.
func (f *Fluid) NewRunner() *Runner {
	n := f.load.Steps() + 1
	r := &Runner{
		Fluid: f, pods: newPods(f.env.Startup, f.options.Step),
		busy: make([]float64, n), slots: make([]float64, n), inSystem: make([]float64, n), backlog: make([]float64, n),
	}
	r.queue = queue{tails: f.tails, room: math.Inf(1), patience: math.Inf(1)}
	if f.options.MaxWaiting > 0 {
		r.queue.room = float64(f.options.MaxWaiting)
	}
	if f.options.Timeout > 0 {
		r.queue.patience = f.options.Timeout.Seconds()
	}
	seconds := f.options.Step.Seconds()
	r.decayStep, r.decaySub = math.Exp(-f.tails.rate*seconds), math.Exp(-f.tails.rate*seconds/subSteps)
	return r
}

// Run plays the load against a policy.
func (r *Runner) Run(ctx context.Context, p Policy) (*Result, error) {
	controller, err := p.Begin(ctx, &r.env)
	if err != nil {
		return nil, fmt.Errorf("replay: policy %s: %w", p.Name(), err)
	}
	config, spec := p.HPA()
	if err := r.scaled.begin(&r.env, controller, config, spec); err != nil {
		return nil, fmt.Errorf("replay: policy %s: %w", p.Name(), err)
	}
	r.pods.reset(r.env.InitialReplicas)
	r.queue.reset()
	r.latency, r.weight = r.latency[:0], r.weight[:0]
	out := &Result{Policy: p.Name(), Settings: p.Settings(), PeakReplicas: r.env.InitialReplicas}
	if r.options.Timeline {
		out.Timeline = make([]Sample, 0, r.load.Steps())
	}
	m := meter{percentile: r.env.Target.Response.Percentile, scv: r.env.Service.SCV.Value(), perMinute: int(time.Minute / r.options.Step)}
	gauges := gauges{r: r}
	view := View{Gauges: &gauges}
	drain := min(r.options.Grace, r.env.Service.MeanTime)
	if r.options.Grace == 0 {
		drain = 0
	}
	seconds := r.options.Step.Seconds()

	for i := range r.load.rate {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		r.pods.begin(i)
		gauges.now = i
		view.Now = time.Duration(i) * r.options.Step
		if change, due := r.scaled.sync(r, &view); due && change != 0 {
			if change > 0 {
				out.ScaleUps++
			} else {
				out.ScaleDowns++
				out.ReplicaHours += float64(-change) * drain.Hours()
			}
			r.pods.scale(r.scaled.desired)
			out.PeakReplicas = max(out.PeakReplicas, r.scaled.desired)
		}
		lambda := r.load.rate[i]
		known := !math.IsNaN(lambda)
		var step flow
		if known {
			step = r.flow(lambda, seconds)
			requests := lambda * seconds
			violating := min(requests, step.lost+step.slow*max(requests-step.lost, 0))
			m.add(i, requests, violating, step.clustered*max(requests-step.lost, 0), r.queue.utilization)
			out.Requests += requests
			out.Violating += violating
			out.Lost += step.lost
			out.Observed += r.options.Step
			out.ReplicaHours += float64(r.pods.ready+r.pods.starting) * seconds / 3600
			out.MeanResponseSeconds += step.inSystem * seconds
		} else {
			r.queue.reset()
		}
		r.gauge(i, step, seconds)
		if r.options.Timeline {
			out.Timeline = append(out.Timeline, r.sample(i, view.Now, step))
		}
	}
	m.flush()
	out.Minutes, out.BadMinutes = m.minutes, m.bad
	out.MeanResponseSeconds /= out.Requests
	return out, nil
}

// flow lets a step flow, in parts while a queue builds up or drains. The mean number in the system is that over the step.
func (r *Runner) flow(lambda, seconds float64) flow {
	c := capacity{replicas: int(r.pods.ready), servers: r.pods.servers(r.tails.slots)}
	q := &r.queue
	step, same := q.goOn(lambda, c)
	if same {
		// Nothing to work out.
	} else if q.fluid <= c.servers && lambda < nearlyFull*c.servers*r.tails.rate && q.utilization < nearlyFull {
		step = q.advance(lambda, c, seconds, r.decayStep)
	} else {
		step = flow{}
		for range subSteps {
			part := q.advance(lambda, c, seconds/subSteps, r.decaySub)
			step.slow += part.slow / subSteps
			step.clustered += part.clustered / subSteps
			step.lost += part.lost
			step.busy += part.busy / subSteps
			step.inSystem += part.inSystem / subSteps
			step.backlog = part.backlog
		}
	}
	if r.pods.warming > 0 {
		step.slow = r.slowPods(step.slow, c)
	}
	return step
}

// slowPods adds the requests that are too slow because a replica that warms up serves them: it takes its share of them,
// and each takes longer by the slowdown.
func (r *Runner) slowPods(slow float64, c capacity) float64 {
	slowdown := r.env.Startup.slowdown()
	share := float64(r.pods.warming) * float64(r.tails.slots) / slowdown / c.servers
	wait := max(0, r.queue.fluid-c.servers) / (c.servers * r.tails.rate)
	law := serviceLaw(r.env.Service)
	return lerp(slow, max(slow, law.Tail((r.tails.latency-wait)/slowdown)), share)
}

// gauge integrates what can be measured of a step.
func (r *Runner) gauge(i int, step flow, seconds float64) {
	r.busy[i+1] = r.busy[i] + step.busy*seconds
	r.slots[i+1] = r.slots[i] + float64(r.pods.ready)*float64(r.tails.slots)*seconds
	r.inSystem[i+1] = r.inSystem[i] + step.inSystem*seconds
	r.backlog[i+1] = r.backlog[i] + max(0, step.inSystem-step.busy)*seconds
	if r.scaled.latency {
		r.recordLatency(i)
	}
}

func (r *Runner) sample(i int, at time.Duration, step flow) Sample {
	s := Sample{
		At: at, Rate: r.load.rate[i], Seen: r.load.seen[i],
		Desired: r.scaled.desired, Starting: r.pods.starting, Ready: r.pods.ready,
		Slow: step.slow, Backlog: step.backlog, InSystem: step.inSystem, Metric: math.NaN(),
	}
	if len(r.scaled.values) > 0 {
		s.Metric = r.scaled.values[0]
	}
	if r.options.Reasons {
		s.Why = r.scaled.controller.Why()
	}
	return s
}

// meter judges minutes.
type meter struct {
	percentile, scv     float64
	perMinute           int
	requests, violating float64
	excess              float64 // of the variance of the violating over their mean
	minutes, bad        float64
}

// add counts a step, with the variance over time of the number that is to be expected of its requests, at a utilization.
func (m *meter) add(i int, requests, violating, clustered, utilization float64) {
	if i%m.perMinute == 0 {
		m.flush()
	}
	m.requests += requests
	m.violating += violating
	if clustered > 1e-9*requests {
		m.excess += clusterWeight * clustered * (clusterDispersion(utilization, m.scv) - 1)
	}
}

func (m *meter) flush() {
	if m.requests > 0 {
		m.minutes++
		dispersion := 1.0
		if m.excess > 0 {
			// A cluster ends with the minute at the latest.
			dispersion = min(1+m.excess/m.violating, m.requests)
		}
		m.bad += badMinute(m.requests, m.violating, dispersion, m.percentile)
	}
	m.requests, m.violating, m.excess = 0, 0, 0
}

var errPodMetrics = errors.New("the fluid engine reads External metrics and the Resource cpu only")

// scaler turns the values of a policy into replicas through the HPA.
type scaler struct {
	env        *Environment
	controller Controller
	config     hpa.Config
	spec       hpa.Spec
	state      hpa.State
	next       time.Duration // of the next sync
	desired    int32
	latency    bool // a policy has asked for it

	values   []float64
	readings []hpa.Reading
	pods     []hpa.Pod
	usage    []hpa.Usage
	resource bool

	// A sync that changes nothing, with all numbers as before, need not be made: see sync.
	last    []float64
	inputs  hpa.Inputs
	idle    bool // the last pass changed nothing
	atRest  bool // and proposed just what there was
	skipped bool
	eager   bool // makes every pass, for tests
	// Scale-downs are held at least for hold after the last recommendation that was no scale-down, at held.
	hold, held time.Duration
}

func (s *scaler) begin(env *Environment, c Controller, config hpa.Config, spec hpa.Spec) error {
	spec.MinReplicas, spec.MaxReplicas = env.MinReplicas, env.MaxReplicas
	s.env, s.controller, s.config, s.spec = env, c, config, spec
	s.state.Reset()
	s.next, s.desired, s.idle, s.skipped, s.latency = 0, env.InitialReplicas, false, false, false
	s.held, s.hold = 0, config.DownscaleStabilization
	if b := spec.Behavior; b != nil && b.ScaleDown != nil && b.ScaleDown.StabilizationWindow != nil {
		s.hold = *b.ScaleDown.StabilizationWindow
	}
	s.hold = s.hold.Truncate(time.Second)
	s.resource = false
	for i := range spec.Metrics {
		switch m := &spec.Metrics[i]; {
		case m.Type == hpa.Resource && m.Name == "cpu":
			s.resource = true
		case m.Type != hpa.External:
			return fmt.Errorf("metric %s of type %s: %w", m.Name, m.Type, errPodMetrics)
		}
	}
	s.readings = append(s.readings[:0], make([]hpa.Reading, len(spec.Metrics))...)
	return s.spec.Validate()
}

// sync makes a pass of the HPA if one is due, and returns by how much it changed what is asked for.
//
// A pass over the same numbers as the last one, which changed nothing, would change nothing either, if it proposed just
// what there is, which lies between the lowest and the highest recommendation in any window, or if it proposed fewer and
// the window of scale-downs still holds a recommendation that did not. All it would do is to record that. So it is put
// off, and the last pass put off is made up for before the next real one: whichever window holds one of them then holds
// that one as well, and they recommended the same.
func (s *scaler) sync(r *Runner, v *View) (change int32, due bool) {
	if v.Now < s.next {
		return 0, false
	}
	s.next += s.config.SyncPeriod
	if s.next <= v.Now {
		s.next = v.Now + 1 // as often as there are steps
	}
	v.Time = s.env.Start.Add(v.Now)
	v.Visible = v.Now - s.env.Lens.Delay
	v.Rate = r.load.seen[r.pods.now]
	v.SpecReplicas, v.StatusReplicas, v.ReadyReplicas = s.desired, r.pods.starting+r.pods.ready, r.pods.ready
	s.values = s.controller.Metrics(v, s.values[:0])

	in := hpa.Inputs{Now: v.Now, SpecReplicas: s.desired, StatusReplicas: v.StatusReplicas, PodCount: v.StatusReplicas, ReadyPods: v.ReadyReplicas}
	if s.idle && !s.eager && (s.atRest || v.Now-s.held < s.hold) && s.same(&in) {
		s.inputs.Now, s.skipped = v.Now, true
		return 0, true
	}
	if s.skipped {
		s.inputs.Readings = s.readings
		hpa.Sync(s.config, &s.spec, s.inputs, &s.state)
		s.skipped = false
	}
	s.last = append(s.last[:0], s.values...)
	s.read(r, v, &in)
	d := hpa.Sync(s.config, &s.spec, in, &s.state)
	s.inputs = in
	if d.Proposed >= d.From && !d.Blocked {
		s.held = v.Now
	}
	s.atRest = d.Proposed == d.From
	s.idle = !s.resource && !d.Rescale && !d.Blocked && d.Proposed <= d.From && d.Stabilized == d.From
	s.desired = d.Desired
	return d.Desired - d.From, true
}

// same reports whether all that the HPA looks at is as it was at the last pass.
func (s *scaler) same(in *hpa.Inputs) bool {
	if in.SpecReplicas != s.inputs.SpecReplicas || in.StatusReplicas != s.inputs.StatusReplicas || in.ReadyPods != s.inputs.ReadyPods {
		return false
	}
	for i, v := range s.values {
		if v != s.last[i] {
			return false
		}
	}
	return true
}

// read fills in the readings of all metrics.
func (s *scaler) read(r *Runner, v *View, in *hpa.Inputs) {
	external := 0
	for i := range s.spec.Metrics {
		if s.spec.Metrics[i].Type == hpa.External {
			value := math.NaN()
			if external < len(s.values) {
				value = s.values[external]
			}
			s.readings[i] = hpa.NewReading(value)
			external++
			continue
		}
		utilization := v.Utilization(v.Over(s.env.Lens.RateWindow))
		milli := int64(0)
		if !math.IsNaN(utilization) {
			milli = hpa.Milli(utilization)
		}
		s.pods, s.usage = r.pods.list(s.pods[:0], s.usage[:0], milli, !math.IsNaN(utilization), s.env.Lens.RateWindow)
		in.Pods = s.pods
		s.readings[i] = hpa.Reading{Usage: s.usage}
	}
	in.Readings = s.readings
}
