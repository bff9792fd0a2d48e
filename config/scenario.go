package config

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/prescale/prescale/api/v1alpha1"
	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/planner"
	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
	"github.com/prescale/prescale/simulator"
)

// Scenario is a what-if, converted.
type Scenario struct {
	Name string
	Seed uint64
	// Config is what the simulator needs to know but for the policy.
	Config simulator.Config
	// Trace is the recorded load that is played, and empty for patterns.
	Trace arrivals.Trace
	// History is the load before the scenario begins, as far as it is known.
	History arrivals.Trace
	// Environment is what policies are told.
	Environment *replay.Environment
	// Dispersion of the counts of the process; see arrivals.Process.
	Dispersion float64
	// ViolationPrice is the weight of violating requests in the priced objective.
	ViolationPrice float64
	// Policies are in the order of the file; a sweep makes several of one.
	Policies []replay.Policy
	// Predictive is the first one of them that is prescale's own; nil if none is.
	Predictive *policy.Predictive
	// Calendar lists the events known beforehand.
	Calendar []planner.Event
}

// NewScenario converts a defaulted and validated Scenario and reads the traces it names. Relative paths are
// resolved against dir. The errors are *field.Error where a field is to blame; errors.Join holds several.
func NewScenario(s v1alpha1.Scenario, dir string) (Scenario, error) {
	p, spec := s.Spec, field.NewPath("spec")
	out := Scenario{Name: s.Name, Seed: uint64(*p.Seed), ViolationPrice: *p.Cost.Violation}
	load, err := out.readLoad(p, dir)
	if err != nil {
		return Scenario{}, err
	}
	process, err := newProcess(p.Arrivals, out.Trace, out.History)
	if err != nil {
		return Scenario{}, field.Invalid(spec.Child("arrivals", "process"), p.Arrivals.Process, err.Error())
	}
	out.Dispersion = process.Dispersion()
	c := &out.Config
	c.Arrivals = simulator.Arrivals{
		Schedule: load,
		NewStream: func(rng *rand.Rand) (simulator.Stream, error) {
			return arrivals.NewStream(load, process, c.Duration, rng), nil
		},
	}
	c.Service = newSimulatedService(p.Service)
	c.Balancer = simulator.Balancer{
		Kind: simulator.Balancing(p.Balancer.Strategy), Clients: int(*p.Balancer.Clients), Staleness: p.Balancer.Staleness.Duration,
	}
	if n := p.Queue.MaxPerReplica; n != nil {
		c.Queue.MaxPerReplica = int(*n)
		if *n == 0 {
			c.Queue.MaxPerReplica = simulator.NoQueue
		}
	}
	c.Client = simulator.Client{Retries: int(*p.Client.Retries), Backoff: p.Client.Backoff.Duration, CancelOnTimeout: p.Client.CancelOnTimeout}
	if t := p.Client.Timeout; t != nil {
		c.Client.Timeout = t.Duration
	}
	if b := p.Client.RetryBudget; b != nil {
		c.Client.RetryBudget = *b
		if *b == 0 {
			c.Client.Retries = 0
		}
	}
	c.Startup = newSimulatedStartup(p.Startup)
	if m := p.Failures.PodMTBF; m != nil {
		c.Failures.PodMTBF = m.Duration
	}
	if e := p.Failures.SpotEviction; e != nil {
		c.Failures.SpotEvictionsPerHour, c.Failures.SpotNotice = e.Rate, e.Notice.Duration
	}
	c.Termination = simulator.Termination{Grace: p.Termination.Grace.Duration, EndpointLag: p.Termination.EndpointLag.Duration}
	c.Metrics = replay.Lens{
		ScrapeInterval: p.Metrics.ScrapeInterval.Duration, RateWindow: p.Metrics.RateWindow.Duration, Delay: p.Metrics.Delay.Duration,
	}
	c.Replicas = simulator.Replicas{Initial: *p.Replicas.Initial, Min: *p.Replicas.Min, Max: p.Replicas.Max}
	c.Objective = simulator.Objective{Percentile: *p.SLO.Percentile, Latency: p.SLO.Latency.Duration}
	c.ReplicaHourCost = *p.Cost.ReplicaHour

	c.Objective.MaxUtilization = *p.SLO.MaxUtilization
	c.History = out.History
	env, err := c.Environment()
	if err != nil {
		return Scenario{}, err
	}
	out.Environment = env
	maker := policyMaker{scenario: &p, env: env}
	var errs []error
	for i := range p.Policies {
		policies, err := maker.policies(i)
		errs = append(errs, err)
		out.Policies = append(out.Policies, policies...)
	}
	out.Predictive = maker.predictive
	out.Calendar = newCalendar(p.Calendar)
	return out, errors.Join(errs...)
}

// readLoad sets the start, the duration, the trace and the history, and returns the schedule.
func (s *Scenario) readLoad(p v1alpha1.ScenarioSpec, dir string) (arrivals.Schedule, error) {
	spec := field.NewPath("spec")
	s.Config.Start = v1alpha1.DefaultScenarioStart
	if p.Start != nil {
		s.Config.Start = p.Start.UTC()
	}
	if p.Duration != nil {
		s.Config.Duration = p.Duration.Duration
	}
	if h := p.History; h != nil && h.File != "" {
		trace, err := readTrace(resolve(dir, h.File), h.Unit, *h.Scale)
		if err != nil {
			return nil, field.Invalid(spec.Child("history", "file"), h.File, err.Error())
		}
		s.History = trace
	}
	t := p.Arrivals.Trace
	if t == nil {
		s.History = s.History.Slice(s.History.Start, s.Config.Start)
		return newPattern(p.Arrivals.Pattern), s.drawHistory(p)
	}
	path := spec.Child("arrivals", "trace")
	trace, err := readTrace(resolve(dir, t.File), t.Unit, *t.Scale)
	if err != nil {
		return nil, field.Invalid(path.Child("file"), t.File, err.Error())
	}
	from := trace.Start
	if t.From != nil {
		from = t.From.UTC()
	}
	if from.Before(trace.Start) || !from.Before(trace.End()) {
		return nil, field.Invalid(path.Child("from"), from.Format(time.RFC3339), fmt.Sprintf("must lie in the trace, %s to %s",
			trace.Start.UTC().Format(time.RFC3339), trace.End().UTC().Format(time.RFC3339)))
	}
	if p.Start == nil {
		s.Config.Start = from
	}
	if p.History == nil {
		s.History = trace.Slice(trace.Start, from)
	} else {
		s.History = s.History.Slice(s.History.Start, s.Config.Start)
	}
	rest := time.Duration(float64(trace.End().Sub(from)) / *t.Speed)
	switch {
	case s.Config.Duration == 0:
		s.Config.Duration = rest
	case s.Config.Duration > rest:
		return nil, field.Invalid(spec.Child("duration"), s.Config.Duration.String(),
			fmt.Sprintf("must be at most %s, which is what is left of the trace", rest))
	}
	if err := s.drawHistory(p); err != nil {
		return nil, err
	}
	first, _ := trace.Index(from)
	s.Trace = arrivals.Trace{Start: trace.Time(first), Step: trace.Step, Rate: trace.Rate[first:]}
	replayed, err := arrivals.Replay(s.Trace)
	if err != nil {
		return nil, field.Invalid(path.Child("file"), t.File, err.Error())
	}
	if *t.Speed != 1 {
		return arrivals.Compressed{Schedule: replayed, Speed: *t.Speed}, nil
	}
	return replayed, nil
}

// drawHistory draws a history of patterns, if there is one, up to the start.
func (s *Scenario) drawHistory(p v1alpha1.ScenarioSpec) error {
	h := p.History
	if h == nil || len(h.Pattern) == 0 {
		return nil
	}
	process, err := newProcess(p.Arrivals, s.Trace, arrivals.Trace{})
	if err != nil {
		return field.Invalid(field.NewPath("spec", "arrivals", "process"), p.Arrivals.Process, err.Error())
	}
	n := int(h.Duration.Duration / h.Step.Duration)
	length := time.Duration(n) * h.Step.Duration
	past := newPattern(h.Pattern)
	s.History = arrivals.Draw(past, process, s.Config.Start.Add(-length), h.Step.Duration, n, rand.New(rand.NewPCG(s.Seed, historyStream)))
	return nil
}

// historyStream tells the random numbers of the history from those of the simulation.
const historyStream = 0x686973746f7279

func readTrace(path, unit string, scale float64) (arrivals.Trace, error) {
	f, err := os.Open(path)
	if err != nil {
		return arrivals.Trace{}, err
	}
	defer f.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	return arrivals.ReadCSV(f, arrivals.CSVOptions{Name: path, Unit: arrivals.Unit(unit), Scale: scale})
}

// newPattern adds the patterns up.
func newPattern(list []v1alpha1.Pattern) arrivals.Schedule {
	var sum arrivals.Sum
	for _, p := range list {
		sum = append(sum, newSummand(p))
	}
	if len(sum) == 1 {
		return sum[0] // a lone constant is drawn faster than a sum of one
	}
	return sum
}

func newSummand(p v1alpha1.Pattern) arrivals.Schedule {
	repeated := func(s arrivals.Schedule, every *metav1.Duration) arrivals.Schedule {
		if every == nil {
			return s
		}
		return arrivals.Repeated{Schedule: s, Every: every.Duration}
	}
	switch {
	case p.Diurnal != nil:
		return arrivals.Diurnal{Amplitude: p.Diurnal.Amplitude, Period: p.Diurnal.Period.Duration, Peak: p.Diurnal.Peak.Duration}
	case p.FlashCrowd != nil:
		f := p.FlashCrowd
		return repeated(arrivals.FlashCrowd{At: f.At.Duration, Peak: f.Peak, Rise: f.Rise.Duration, Decay: f.Decay.Duration}, f.Every)
	case p.Step != nil:
		step := arrivals.Ramp{At: p.Step.At.Duration, ArrivalRatePerSecond: p.Step.Rate, Forever: p.Step.For == nil}
		if p.Step.For != nil {
			step.Hold = p.Step.For.Duration
		}
		return repeated(step, p.Step.Every)
	case p.Ramp != nil:
		ramp := arrivals.Ramp{At: p.Ramp.At.Duration, ArrivalRatePerSecond: p.Ramp.Rate, Rise: p.Ramp.Rise.Duration, Forever: p.Ramp.Hold == nil}
		if p.Ramp.Hold != nil {
			ramp.Hold, ramp.Fall = p.Ramp.Hold.Duration, p.Ramp.Fall.Duration
		}
		return repeated(ramp, p.Ramp.Every)
	}
	return arrivals.Constant{ArrivalRatePerSecond: p.Constant.Rate}
}

// newProcess converts the process. Where the variance of an overdispersed one is left out, the trace tells it, else
// the history.
func newProcess(a v1alpha1.ScenarioArrivals, trace, past arrivals.Trace) (arrivals.Process, error) {
	b := a.Burstiness
	switch a.Process {
	case v1alpha1.ProcessRegular:
		return arrivals.Regular, nil
	case v1alpha1.ProcessGamma:
		return arrivals.GammaProcess(*b.SCV), nil
	case v1alpha1.ProcessMMPP:
		return arrivals.MMPP(*b.Share, *b.Ratio, b.Period.Duration), nil
	case v1alpha1.ProcessOverdispersed:
		source := trace
		if source.Len() == 0 {
			source = past
		}
		period := time.Minute
		if source.Step > 0 {
			period = source.Step
		}
		if b.Period != nil {
			period = b.Period.Duration
		}
		if b.RelativeVariance != nil {
			return arrivals.Overdispersed(*b.RelativeVariance, period), nil
		}
		if source.Len() == 0 {
			return arrivals.Process{}, errors.New("needs burstiness.relativeVariance, or a trace or a history to fit it from")
		}
		v := arrivals.FitDispersion(source)
		if v == 0 { // no more than Poisson's scatter
			return arrivals.Poisson, nil
		}
		return arrivals.Overdispersed(v, period), nil
	}
	return arrivals.Poisson, nil
}

func newSimulatedService(s v1alpha1.ScenarioService) simulator.Service {
	out := simulator.Service{SCV: *s.SCV, Concurrency: int(*s.Concurrency)}
	if b := s.Batching; b != nil {
		out.Batching = &simulator.Batching{
			MaxBatch: int(b.MaxBatch), MaxDelay: b.MaxDelay.Duration, Fixed: b.Fixed.Duration, PerItem: b.PerItem.Duration,
		}
		return out
	}
	out.Mean = s.Mean.Duration
	return out
}

func newSimulatedStartup(s v1alpha1.ScenarioStartup) simulator.Startup {
	var out simulator.Startup
	if w := s.Warmup; w != nil {
		out.WarmUp, out.Slowdown = w.Duration.Duration, w.Slowdown
	}
	if s.Phases == nil {
		out.Phases = []simulator.Phase{{Name: "start-up", Law: simulator.Law{Mean: s.Mean.Duration, SCV: *s.SCV}}}
		return out
	}
	phases := s.Phases
	for _, p := range []struct {
		name  string
		phase *v1alpha1.Phase
	}{{"schedule", phases.Schedule}, {"pull", phases.Pull}, {"load", phases.Load}, {"readiness", phases.Readiness}} {
		if p.phase != nil {
			out.Phases = append(out.Phases, simulator.Phase{Name: p.name, Law: simulator.Law{Mean: p.phase.Mean.Duration, SCV: *p.phase.SCV}})
		}
	}
	if n := phases.Node; n != nil {
		out.Node = &simulator.NodeSupply{FreeProbability: n.Free, Provision: simulator.Law{Mean: n.Provision.Mean.Duration, SCV: *n.Provision.SCV}}
		if n.Quota != nil {
			out.Node.Quota = int(*n.Quota)
		}
	}
	return out
}
