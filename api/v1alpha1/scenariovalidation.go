package v1alpha1

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	// maxScenario bounds the simulated time.
	maxScenario = 366 * 24 * time.Hour
	// maxRate bounds rates of patterns, in requests per second; far above any real load.
	maxRate = 1e9
	// maxSweep bounds the combinations that a sweep makes.
	maxSweep = 1000
)

// Validate reports every field that does not make sense, with its value and what is allowed.
// It expects a defaulted object. What lies in the files that it names is checked by who reads them.
func (s *Scenario) Validate() field.ErrorList {
	var errs field.ErrorList
	if s.Name == "" {
		errs = append(errs, field.Required(field.NewPath("metadata", "name"), "the scenario's name heads the results"))
	} else {
		for _, msg := range validation.IsDNS1123Subdomain(s.Name) {
			errs = append(errs, field.Invalid(field.NewPath("metadata", "name"), s.Name, msg))
		}
	}
	p, spec := &s.Spec, field.NewPath("spec")
	switch {
	case p.Duration == nil && p.Arrivals.Trace == nil:
		errs = append(errs, field.Required(spec.Child("duration"), "how long to simulate, for example 24h; only a trace has a length of its own"))
	case p.Duration != nil && (p.Duration.Duration < time.Second || p.Duration.Duration > maxScenario):
		errs = append(errs, field.Invalid(spec.Child("duration"), p.Duration.Duration.String(), fmt.Sprintf("must be 1s to %s", maxScenario)))
	}
	errs = append(errs, p.Arrivals.validate(spec.Child("arrivals"))...)
	if p.History != nil {
		errs = append(errs, p.History.validate(spec.Child("history"))...)
	}
	errs = append(errs, p.Service.validate(spec.Child("service"))...)
	errs = append(errs, p.Balancer.validate(spec.Child("balancer"))...)
	if n := p.Queue.MaxPerReplica; n != nil && (*n < 0 || *n > 1e9) {
		errs = append(errs, field.Invalid(spec.Child("queue", "maxPerReplica"), *n, "must be 0 (nothing waits) to 1e9"))
	}
	errs = append(errs, p.Client.validate(spec.Child("client"))...)
	errs = append(errs, p.Startup.validate(spec.Child("startup"))...)
	errs = append(errs, p.Failures.validate(spec.Child("failures"))...)
	errs = append(errs, within(spec.Child("termination", "grace"), p.Termination.Grace, 0, 24*time.Hour)...)
	errs = append(errs, within(spec.Child("termination", "endpointLag"), p.Termination.EndpointLag, 0, time.Hour)...)
	errs = append(errs, within(spec.Child("metrics", "scrapeInterval"), p.Metrics.ScrapeInterval, time.Second, time.Hour)...)
	errs = append(errs, within(spec.Child("metrics", "rateWindow"), p.Metrics.RateWindow, p.Metrics.ScrapeInterval.Duration, 24*time.Hour)...)
	errs = append(errs, within(spec.Child("metrics", "delay"), p.Metrics.Delay, 0, time.Hour)...)
	errs = append(errs, p.Replicas.validate(spec.Child("replicas"))...)
	errs = append(errs, p.SLO.validate(spec.Child("slo"))...)
	if p.SLO.Latency == nil {
		errs = append(errs, field.Required(spec.Child("slo", "latency"), "the response time that a request must not exceed, for example 500ms"))
	}
	errs = append(errs, positive(spec.Child("cost", "replicaHour"), *p.Cost.ReplicaHour)...)
	errs = append(errs, upTo(spec.Child("cost", "violation"), *p.Cost.Violation, 1e9)...)
	calendar := PredictiveScalerSpec{Calendar: p.Calendar, MaxReplicas: p.Replicas.Max}
	errs = append(errs, calendar.validateCalendar(spec.Child("calendar"))...)
	return append(errs, p.validatePolicies(spec.Child("policies"))...)
}

func (a *ScenarioArrivals) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	switch {
	case a.Trace == nil && len(a.Pattern) == 0:
		errs = append(errs, field.Required(path, "one of trace and pattern"))
	case a.Trace != nil && len(a.Pattern) > 0:
		errs = append(errs, field.Forbidden(path.Child("pattern"), "only one of trace and pattern may be given"))
	}
	if t := a.Trace; t != nil {
		errs = append(errs, validateFile(path.Child("trace"), t.File, t.Unit, *t.Scale)...)
		if !(*t.Speed > 0 && *t.Speed <= 1e6) {
			errs = append(errs, field.Invalid(path.Child("trace", "speed"), *t.Speed, "must be above 0 and at most 1e6"))
		}
	}
	for i := range a.Pattern {
		errs = append(errs, a.Pattern[i].validate(path.Child("pattern").Index(i))...)
	}
	processes := []string{ProcessRegular, ProcessPoisson, ProcessGamma, ProcessMMPP, ProcessOverdispersed}
	if !slices.Contains(processes, a.Process) {
		errs = append(errs, field.NotSupported(path.Child("process"), a.Process, processes))
	}
	return append(errs, a.Burstiness.validate(path.Child("burstiness"), a.Process)...)
}

func (h *ScenarioHistory) validate(path *field.Path) field.ErrorList {
	if len(h.Pattern) == 0 {
		var errs field.ErrorList
		if h.Duration != nil {
			errs = append(errs, field.Forbidden(path.Child("duration"), "only a history of patterns has one; a file is read whole"))
		}
		if h.Step != nil {
			errs = append(errs, field.Forbidden(path.Child("step"), "only a history of patterns has one; that of a file is in its timestamps"))
		}
		return append(errs, validateFile(path, h.File, h.Unit, *h.Scale)...)
	}
	var errs field.ErrorList
	if h.File != "" {
		errs = append(errs, field.Forbidden(path.Child("pattern"), "only one of file and pattern may be given"))
	}
	for i := range h.Pattern {
		errs = append(errs, h.Pattern[i].validate(path.Child("pattern").Index(i))...)
	}
	errs = append(errs, within(path.Child("step"), h.Step, time.Second, time.Hour)...)
	if len(errs) == 0 {
		errs = append(errs, within(path.Child("duration"), h.Duration, 10*h.Step.Duration, maxScenario)...)
	}
	return errs
}

func (b *Burstiness) validate(path *field.Path, process string) field.ErrorList {
	var errs field.ErrorList
	only := func(name string, set bool, of ...string) bool {
		if set && !slices.Contains(of, process) {
			errs = append(errs, field.Forbidden(path.Child(name), fmt.Sprintf("is a parameter of the process %s, not of %s", strings.Join(of, " and "), process)))
			return false
		}
		return set
	}
	if only("scv", b.SCV != nil, ProcessGamma) && !(*b.SCV >= 1e-6 && *b.SCV <= 1000) {
		errs = append(errs, field.Invalid(path.Child("scv"), *b.SCV, "must be 1e-6 to 1000"))
	}
	if only("share", b.Share != nil, ProcessMMPP) {
		errs = append(errs, openUnit(path.Child("share"), *b.Share)...)
	}
	if only("ratio", b.Ratio != nil, ProcessMMPP) && !(*b.Ratio >= 1 && *b.Ratio <= 1e6) {
		errs = append(errs, field.Invalid(path.Child("ratio"), *b.Ratio, "must be 1 to 1e6"))
	}
	if only("period", b.Period != nil, ProcessMMPP, ProcessOverdispersed) {
		errs = append(errs, within(path.Child("period"), b.Period, time.Millisecond, maxScenario)...)
	}
	if only("relativeVariance", b.RelativeVariance != nil, ProcessOverdispersed) && !(*b.RelativeVariance > 0 && *b.RelativeVariance <= 1000) {
		errs = append(errs, field.Invalid(path.Child("relativeVariance"), *b.RelativeVariance, "must be above 0 and at most 1000"))
	}
	return errs
}

func (p *Pattern) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	var kinds []string
	if c := p.Constant; c != nil {
		kinds = append(kinds, "constant")
		errs = append(errs, upTo(path.Child("constant", "rate"), c.Rate, maxRate)...)
	}
	if d := p.Diurnal; d != nil {
		kinds = append(kinds, "diurnal")
		errs = append(errs, upTo(path.Child("diurnal", "amplitude"), d.Amplitude, maxRate)...)
		if d.Period != nil { // an object with two kinds is not defaulted
			errs = append(errs, within(path.Child("diurnal", "period"), d.Period, time.Second, maxScenario)...)
			errs = append(errs, within(path.Child("diurnal", "peak"), d.Peak, 0, d.Period.Duration)...)
		}
	}
	if f := p.FlashCrowd; f != nil {
		kinds = append(kinds, "flashCrowd")
		errs = append(errs, within(path.Child("flashCrowd", "every"), f.Every, time.Second, maxScenario)...)
		errs = append(errs, within(path.Child("flashCrowd", "at"), &f.At, 0, maxScenario)...)
		errs = append(errs, upTo(path.Child("flashCrowd", "peak"), f.Peak, maxRate)...)
		errs = append(errs, within(path.Child("flashCrowd", "rise"), f.Rise, 0, maxScenario)...)
		errs = append(errs, within(path.Child("flashCrowd", "decay"), f.Decay, time.Millisecond, maxScenario)...)
	}
	if s := p.Step; s != nil {
		kinds = append(kinds, "step")
		errs = append(errs, within(path.Child("step", "every"), s.Every, time.Second, maxScenario)...)
		errs = append(errs, within(path.Child("step", "at"), &s.At, 0, maxScenario)...)
		errs = append(errs, upTo(path.Child("step", "rate"), s.Rate, maxRate)...)
		errs = append(errs, within(path.Child("step", "for"), s.For, 0, maxScenario)...)
	}
	if r := p.Ramp; r != nil {
		kinds = append(kinds, "ramp")
		errs = append(errs, within(path.Child("ramp", "every"), r.Every, time.Second, maxScenario)...)
		errs = append(errs, within(path.Child("ramp", "at"), &r.At, 0, maxScenario)...)
		errs = append(errs, upTo(path.Child("ramp", "rate"), r.Rate, maxRate)...)
		errs = append(errs, within(path.Child("ramp", "rise"), &r.Rise, 0, maxScenario)...)
		errs = append(errs, within(path.Child("ramp", "hold"), r.Hold, 0, maxScenario)...)
		errs = append(errs, within(path.Child("ramp", "fall"), r.Fall, 0, maxScenario)...)
		if r.Fall != nil && r.Hold == nil {
			errs = append(errs, field.Required(path.Child("ramp", "hold"), "how long the plateau lasts before the fall"))
		}
	}
	return append(errs, oneOf(path, kinds, "constant, diurnal, flashCrowd, step and ramp")...)
}

// oneOf reports an object that is to have exactly one kind.
func oneOf(path *field.Path, kinds []string, allowed string) field.ErrorList {
	switch len(kinds) {
	case 1:
		return nil
	case 0:
		return field.ErrorList{field.Required(path, "one of "+allowed)}
	}
	return field.ErrorList{field.Forbidden(path.Child(kinds[1]), fmt.Sprintf("%s is given already: exactly one of %s", kinds[0], allowed))}
}

func (s *ScenarioService) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	errs = append(errs, upTo(path.Child("scv"), *s.SCV, 10)...)
	if c := *s.Concurrency; c < 1 || c > 10000 {
		errs = append(errs, field.Invalid(path.Child("concurrency"), c, "must be 1 to 10000"))
	}
	b := s.Batching
	switch {
	case s.Mean == nil && b == nil:
		return append(errs, field.Required(path, "mean, the time one request takes on a replica, or batching"))
	case s.Mean != nil && b != nil:
		return append(errs, field.Forbidden(path.Child("mean"), "batching replaces it: fixed and perItem are the cost of a batch"))
	case b == nil:
		return append(errs, within(path.Child("mean"), s.Mean, time.Microsecond, 24*time.Hour)...)
	}
	path = path.Child("batching")
	if b.MaxBatch < 1 || b.MaxBatch > 4096 {
		errs = append(errs, field.Invalid(path.Child("maxBatch"), b.MaxBatch, "must be 1 to 4096"))
	}
	errs = append(errs, within(path.Child("maxDelay"), b.MaxDelay, 0, time.Hour)...)
	errs = append(errs, within(path.Child("fixed"), &b.Fixed, 0, 24*time.Hour)...)
	errs = append(errs, within(path.Child("perItem"), &b.PerItem, 0, 24*time.Hour)...)
	if b.Fixed.Duration+b.PerItem.Duration <= 0 {
		errs = append(errs, field.Invalid(path.Child("perItem"), b.PerItem.Duration.String(), "fixed and perItem must not both be 0s"))
	}
	return errs
}

func (b *Balancer) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	strategies := []string{BalanceRandom, BalanceRoundRobin, BalancePowerOfTwo, BalanceLeastRequest, BalanceCentralQueue}
	if !slices.Contains(strategies, b.Strategy) {
		errs = append(errs, field.NotSupported(path, b.Strategy, strategies))
	}
	errs = append(errs, within(path.Child("staleness"), b.Staleness, 0, time.Hour)...)
	if c := *b.Clients; c < 1 || c > 100000 {
		errs = append(errs, field.Invalid(path.Child("clients"), c, "must be 1 to 100000"))
	}
	return errs
}

func (c *ScenarioClient) validate(path *field.Path) field.ErrorList {
	errs := within(path.Child("timeout"), c.Timeout, time.Millisecond, 24*time.Hour)
	if r := *c.Retries; r < 0 || r > 100 {
		errs = append(errs, field.Invalid(path.Child("retries"), r, "must be 0 to 100"))
	}
	errs = append(errs, within(path.Child("backoff"), c.Backoff, 0, time.Hour)...)
	if b := c.RetryBudget; b != nil {
		errs = append(errs, upTo(path.Child("retryBudget"), *b, 10)...)
	}
	return errs
}

func (s *ScenarioStartup) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	phase := func(name string, p *Phase) {
		if p != nil {
			errs = append(errs, within(path.Child("phases", name, "mean"), &p.Mean, 0, 24*time.Hour)...)
			errs = append(errs, upTo(path.Child("phases", name, "scv"), *p.SCV, 100)...)
		}
	}
	if s.Phases == nil {
		errs = append(errs, within(path.Child("mean"), s.Mean, 0, 24*time.Hour)...)
		errs = append(errs, upTo(path.Child("scv"), *s.SCV, 100)...)
	} else {
		if s.Mean != nil || s.SCV != nil {
			errs = append(errs, field.Forbidden(path.Child("mean"), "phases replaces mean and scv"))
		}
		phase("schedule", s.Phases.Schedule)
		phase("pull", s.Phases.Pull)
		phase("load", s.Phases.Load)
		phase("readiness", s.Phases.Readiness)
		if n := s.Phases.Node; n != nil {
			node := path.Child("phases", "node")
			errs = append(errs, within(node.Child("provision", "mean"), &n.Provision.Mean, 0, 24*time.Hour)...)
			errs = append(errs, upTo(node.Child("provision", "scv"), *n.Provision.SCV, 100)...)
			errs = append(errs, upTo(node.Child("free"), n.Free, 1)...)
			if n.Quota != nil && *n.Quota < 1 {
				errs = append(errs, field.Invalid(node.Child("quota"), *n.Quota, "must be at least 1"))
			}
		}
	}
	if w := s.Warmup; w != nil {
		errs = append(errs, within(path.Child("warmup", "duration"), &w.Duration, 0, 24*time.Hour)...)
		if !(w.Slowdown >= 1 && w.Slowdown <= 1000) {
			errs = append(errs, field.Invalid(path.Child("warmup", "slowdown"), w.Slowdown, "must be 1 (none) to 1000"))
		}
	}
	return errs
}

func (f *ScenarioFailures) validate(path *field.Path) field.ErrorList {
	errs := within(path.Child("podMTBF"), f.PodMTBF, time.Second, 100*maxScenario)
	if e := f.SpotEviction; e != nil {
		errs = append(errs, upTo(path.Child("spotEviction", "rate"), e.Rate, 3600)...)
		errs = append(errs, within(path.Child("spotEviction", "notice"), e.Notice, 0, time.Hour)...)
	}
	return errs
}

func (r *ScenarioReplicas) validate(path *field.Path) field.ErrorList {
	var errs field.ErrorList
	if *r.Min < 0 {
		errs = append(errs, field.Invalid(path.Child("min"), *r.Min, "must be at least 0"))
	}
	switch {
	case r.Max == 0:
		errs = append(errs, field.Required(path.Child("max"), "the most replicas that any policy may ask for"))
	case r.Max > MaxReplicasLimit || r.Max < max(1, *r.Min):
		errs = append(errs, field.Invalid(path.Child("max"), r.Max, fmt.Sprintf("must be %d to %d", max(1, *r.Min), MaxReplicasLimit)))
	case *r.Initial < *r.Min || *r.Initial > r.Max:
		errs = append(errs, field.Invalid(path.Child("initial"), *r.Initial, fmt.Sprintf("must be %d to %d, as min and max say", *r.Min, r.Max)))
	}
	return errs
}

// validateFile checks a reference to a trace.
func validateFile(path *field.Path, file, unit string, scale float64) field.ErrorList {
	var errs field.ErrorList
	if file == "" {
		errs = append(errs, field.Required(path.Child("file"), "a CSV file with the header timestamp,value"))
	}
	if unit != UnitCount && unit != UnitRate {
		errs = append(errs, field.NotSupported(path.Child("unit"), unit, []string{UnitCount, UnitRate}))
	}
	return append(errs, positive(path.Child("scale"), scale)...)
}

func within(path *field.Path, d *metav1.Duration, low, high time.Duration) field.ErrorList {
	if d == nil || (d.Duration >= low && d.Duration <= high) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, d.Duration.String(), fmt.Sprintf("must be %s to %s", low, high))}
}

// finiteAbove reports a number that is not above low, or not finite.
func finiteAbove(path *field.Path, v *float64, low float64) field.ErrorList {
	if v == nil || (*v > low && !math.IsInf(*v, 1)) {
		return nil
	}
	return field.ErrorList{field.Invalid(path, *v, fmt.Sprintf("must be above %g", low))}
}
