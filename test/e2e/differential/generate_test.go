package differential

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/prescale/prescale/hpa"
)

// timeline is a random autoscaler and what happens around it, one step per sync period. Each step has a seed of its own,
// so that steps and metrics can be left out and the rest stays as it is.
type timeline struct {
	Seed     uint64
	Config   hpa.Config
	Spec     hpa.Spec
	Replicas int32 // at the start
	Steps    []uint64

	Unrest  float64 // how often what is rare happens, 0 for never
	Grouped bool    // pods are alike and given to the model as groups
	Counted bool    // the model is given the number of pods only, if that is enough
}

// stream returns randomness for one purpose.
func stream(seed uint64, purpose string) *rand.Rand {
	h := seed
	for _, b := range []byte(purpose) {
		h = (h ^ uint64(b)) * 1099511628211 // FNV-1a
	}
	return rand.New(rand.NewPCG(seed, h))
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// newTimeline draws a timeline.
func newTimeline(seed uint64) *timeline {
	r := stream(seed, "timeline")
	t := &timeline{
		Seed: seed,
		Config: hpa.Config{
			SyncPeriod:              pick(r, 15*time.Second, 15*time.Second, 5*time.Second, 30*time.Second),
			DownscaleStabilization:  pick(r, 5*time.Minute, 5*time.Minute, 0, time.Minute, 90500*time.Millisecond, 15*time.Second),
			CPUInitializationPeriod: pick(r, 5*time.Minute, 2*time.Minute, 0),
			InitialReadinessDelay:   pick(r, 30*time.Second, 10*time.Second, 0),
			Tolerance:               pick(r, 0.1, 0.1, 0, 0.2, 0.05),
		},
		Unrest:  pick(r, 0, 0.3, 1, 1, 2),
		Grouped: chance(r, 0.3),
	}
	t.Spec.Metrics = randomMetrics(r)
	needsPods := slices.ContainsFunc(t.Spec.Metrics, looksAtPods)
	t.Counted = chance(r, 0.5) && !slices.ContainsFunc(t.Spec.Metrics, hasUsage)
	randomBounds(r, &t.Spec, needsPods)
	t.Spec.Behavior = randomBehavior(r)
	t.Replicas = t.Spec.MinReplicas + r.Int32N(min(t.Spec.MaxReplicas-t.Spec.MinReplicas, 30)+1)
	for range 20 + r.IntN(60) {
		t.Steps = append(t.Steps, r.Uint64())
	}
	return t
}

// hasUsage reports whether the metric is an average over pods.
func hasUsage(m hpa.MetricSpec) bool { return m.Type != hpa.External && m.Type != hpa.Object }

// looksAtPods reports whether the pods matter to the metric.
func looksAtPods(m hpa.MetricSpec) bool { return hasUsage(m) || m.Target.Type == hpa.ValueTarget }

func randomMetrics(r *rand.Rand) []hpa.MetricSpec {
	var metrics []hpa.MetricSpec
	for i := range pick(r, 1, 1, 1, 2, 2, 3, 4) {
		m := hpa.MetricSpec{
			Name: fmt.Sprintf("m%d", i),
			Type: pick(r, hpa.External, hpa.External, hpa.External, hpa.Object, hpa.Pods, hpa.Resource, hpa.Resource, hpa.ContainerResource),
		}
		if m.Type == hpa.Resource || m.Type == hpa.ContainerResource {
			m.Name = pick(r, "cpu", "cpu", "memory")
		}
		if slices.ContainsFunc(metrics, func(o hpa.MetricSpec) bool { return o.Name == m.Name && o.Type == m.Type }) {
			continue
		}
		m.Target = randomTarget(r, m)
		metrics = append(metrics, m)
	}
	return metrics
}

func randomTarget(r *rand.Rand, m hpa.MetricSpec) hpa.Target {
	milli := pick[int64](r, 1, 500, 1000, 1000, 7300, 100_000, 1_000_000_007)
	switch {
	case m.Type == hpa.Pods:
		return hpa.Target{Type: hpa.AverageValueTarget, Milli: milli}
	case hasUsage(m) && chance(r, 0.7):
		return hpa.Utilization(pick[int32](r, 1, 50, 80, 80, 100, 150))
	case m.Name == "memory":
		return hpa.Target{Type: hpa.AverageValueTarget, Milli: 200 << 20 * 1000}
	case m.Name == "cpu":
		return hpa.Target{Type: hpa.AverageValueTarget, Milli: pick[int64](r, 1, 100, 500)}
	}
	return hpa.Target{Type: pick(r, hpa.AverageValueTarget, hpa.AverageValueTarget, hpa.ValueTarget), Milli: milli}
}

func randomBounds(r *rand.Rand, s *hpa.Spec, needsPods bool) {
	s.MinReplicas = pick[int32](r, 1, 1, 2, 5)
	if slices.ContainsFunc(s.Metrics, func(m hpa.MetricSpec) bool { return !hasUsage(m) }) && chance(r, 0.35) {
		s.MinReplicas = 0
	}
	s.MaxReplicas = s.MinReplicas + pick[int32](r, 1, 3, 10, 25)
	if !needsPods {
		s.MaxReplicas = s.MinReplicas + pick[int32](r, 1, 3, 10, 60, 1000, 1_000_000_000) // twice as many is still an int32
	}
}

func randomBehavior(r *rand.Rand) *hpa.Behavior {
	if chance(r, 0.35) {
		return nil
	}
	return &hpa.Behavior{ScaleUp: randomRules(r), ScaleDown: randomRules(r)}
}

func randomRules(r *rand.Rand) *hpa.ScalingRules {
	if chance(r, 0.25) {
		return nil
	}
	rules := &hpa.ScalingRules{Select: pick(r, hpa.MaxChange, hpa.MaxChange, hpa.MinChange, hpa.Disabled)}
	if chance(r, 0.6) {
		rules.StabilizationWindow = new(time.Second * pick[time.Duration](r, 0, 1, 15, 30, 60, 100, 120, 300, 600, 3600))
	}
	if chance(r, 0.6) {
		for range 1 + r.IntN(3) {
			p := hpa.Policy{Type: hpa.PodsPolicy, Value: pick[int32](r, 1, 2, 4, 10)}
			if chance(r, 0.5) {
				p = hpa.Policy{Type: hpa.PercentPolicy, Value: pick[int32](r, 1, 10, 50, 100, 900)}
			}
			p.Period = time.Second * pick[time.Duration](r, 5, 15, 30, 60, 100, 120, 300, 1800)
			rules.Policies = append(rules.Policies, p)
		}
	}
	if chance(r, 0.5) {
		// As the controller reads it.
		tolerance := resource.MustParse(pick(r, "0", "0", "0.05", "0.1", "0.333", "1", "10m", "2"))
		rules.Tolerance = new(tolerance.AsApproximateFloat64())
	}
	return rules
}

// load is what one metric measures until it is drawn again.
type load struct {
	ratio    float64 // to the target, however many replicas there are
	replicas float64 // or the replicas that the load would be right for, if not 0
	err      bool
}

// ratioFor returns the ratio to the target with so many replicas.
func (l *load) ratioFor(replicas int) float64 {
	if l.replicas != 0 && replicas > 0 {
		return l.replicas / float64(replicas)
	}
	return l.ratio
}

// step lets the world go on by one step: everything that may happen between two syncs. It returns what
// the controller must be told.
func (w *world) step(t *timeline, seed uint64) (specChanged, restart bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := stream(seed, "events")

	w.fault, w.badSelector = hpa.NoFault, chance(r, 0.5)
	if chance(r, 0.04*t.Unrest) {
		w.fault = pick(r, hpa.ScaleUnreadable, hpa.ScaleUnwritable, hpa.ScaleUnwritable, hpa.SelectorInvalid)
	}
	if chance(r, 0.02*t.Unrest) {
		w.rival = !w.rival
	} else if w.rival && chance(r, 0.4) {
		w.rival = false
	}
	if w.rival {
		w.fault = hpa.NoFault // Inputs take one fault
	}
	restart = chance(r, 0.015*t.Unrest)
	if specChanged = chance(r, 0.03*t.Unrest); specChanged {
		w.changeSpec(r)
	}
	if chance(r, 0.03*t.Unrest) { // someone scales by hand
		replicas := pick(r, 0, 1, int64(w.spec.MinReplicas), int64(w.spec.MaxReplicas), int64(w.spec.MaxReplicas)+5,
			int64(w.specReplicas)/2, int64(w.specReplicas)+3)
		w.specReplicas = int32(min(replicas, math.MaxInt32))
	}
	if chance(r, 0.7) {
		w.statusReplicas = w.specReplicas
	} else {
		w.statusReplicas = int32((int64(w.statusReplicas) + int64(w.specReplicas) + 1) / 2)
	}
	if chance(r, 0.01*t.Unrest) {
		w.statusReplicas = 0 // none could be made yet
	}
	w.evolvePods(t, stream(seed, "pods"))
	w.measure(t, seed)
	return specChanged, restart
}

// changeSpec changes something of the autoscaler, as its owner might.
func (w *world) changeSpec(r *rand.Rand) {
	s := w.spec
	s.Metrics = slices.Clone(s.Metrics)
	if chance(r, 0.3) {
		i := r.IntN(len(s.Metrics))
		s.Metrics[i].Target = randomTarget(r, s.Metrics[i])
	}
	if chance(r, 0.4) {
		randomBounds(r, &s, slices.ContainsFunc(s.Metrics, looksAtPods))
	}
	if chance(r, 0.6) {
		s.Behavior = randomBehavior(r)
	}
	w.spec = s
}

// evolvePods moves the pods towards the number there should be, and each of them through its life.
func (w *world) evolvePods(t *timeline, r *rand.Rand) {
	now := w.now()
	want := int(min(w.statusReplicas, 35))
	if !slices.ContainsFunc(w.spec.Metrics, looksAtPods) {
		want = min(want, 2)
	}
	if chance(r, 0.05*t.Unrest) {
		want += 2 // the selector matches others as well
	}
	w.pods = slices.DeleteFunc(w.pods, func(p pod) bool { return p.Deleted && chance(r, 0.7) })
	for alive := len(w.pods); alive > want; alive-- {
		if i := r.IntN(len(w.pods)); chance(r, 0.5) {
			w.pods[i].Deleted = true
		} else {
			w.pods = slices.Delete(w.pods, i, i+1)
		}
	}
	for len(w.pods) < want {
		w.made++
		p := pod{name: fmt.Sprintf("web-%d", w.made), Pod: hpa.Pod{Phase: hpa.Pending, NotStarted: chance(r, 0.5)}}
		request := map[string]int64{"cpu": 500, "memory": 256 << 20 * 1000}
		if !t.Grouped {
			request["cpu"] = pick[int64](r, 500, 250, 1000)
		}
		for _, resource := range []string{"cpu", "memory"} {
			if chance(r, 0.003*t.Unrest) {
				request[resource] = pick[int64](r, -1, 0)
			}
		}
		p.containers = []container{{containerName, request}}
		if !t.Grouped && chance(r, 0.3) {
			p.containers = append(p.containers, container{"sidecar", map[string]int64{"cpu": 100, "memory": 32 << 20 * 1000}})
		}
		if chance(r, 0.002*t.Unrest) {
			p.containers[0].name = "other"
		}
		if len(w.trace) == 0 || t.Grouped && chance(r, 0.5) { // at work from the start
			p.Phase, p.Readiness, p.NotStarted = hpa.Running, hpa.Ready, false
		}
		p.Start, p.ReadySince = now, now
		w.pods = append(w.pods, p)
	}
	for i := range w.pods {
		p := &w.pods[i]
		switch {
		case p.Phase == hpa.Pending:
			if chance(r, 0.6) {
				p.Phase, p.NotStarted = hpa.Running, chance(r, 0.02*t.Unrest)
				p.Readiness = pick(r, hpa.Unready, hpa.Ready, hpa.NoReadiness)
				p.Start = now - time.Duration(r.IntN(20))*time.Second
				p.ReadySince = now - time.Duration(r.IntN(10))*time.Second
				if chance(r, 0.3) { // right at a limit
					p.ReadySince = p.Start + t.Config.InitialReadinessDelay
				}
			}
		case p.Readiness != hpa.Ready && chance(r, 0.5):
			p.Readiness, p.ReadySince = hpa.Ready, now-time.Duration(r.IntN(15))*time.Second
		case chance(r, 0.02*t.Unrest):
			p.Readiness, p.ReadySince = pick(r, hpa.Unready, hpa.Unready, hpa.ReadinessUnknown), now
		case chance(r, 0.01*t.Unrest):
			p.Phase = pick(r, hpa.Failed, hpa.Succeeded, hpa.PhaseUnknown)
		}
	}
	if t.Grouped { // those alike stand together
		slices.SortStableFunc(w.pods, func(a, b pod) int {
			return int(a.Phase)*8 + int(a.Readiness) - int(b.Phase)*8 - int(b.Readiness)
		})
	}
}

// measure draws new readings for all metrics.
func (w *world) measure(t *timeline, seed uint64) {
	w.readings = make([]hpa.Reading, len(w.spec.Metrics))
	for i, m := range w.spec.Metrics {
		key := m.Type.String() + m.Name
		r := stream(seed, key)
		l, found := w.loads[key]
		if !found || chance(r, 0.2) {
			l = &load{ratio: w.randomRatio(r, t), err: chance(r, 0.12*t.Unrest)}
			if chance(r, 0.7) {
				l.replicas = l.ratio * float64(max(1, w.statusReplicas))
				if chance(r, 0.6) {
					l.replicas = 1.2 * r.Float64() * float64(min(w.spec.MaxReplicas, 100))
				}
			}
			w.loads[key] = l
		}
		reading := &w.readings[i]
		if l.err {
			reading.Err = errUnavailable
			continue
		}
		switch {
		case hasUsage(m):
			reading.Usage = w.randomUsage(r, t, m, l.ratioFor(len(w.pods)))
		case m.Target.Type == hpa.ValueTarget:
			reading.Value = whole(float64(m.Target.Milli) * l.ratioFor(int(w.statusReplicas)))
		default:
			replicas := int(max(1, w.statusReplicas))
			reading.Value = whole(float64(m.Target.Milli) * float64(replicas) * l.ratioFor(replicas))
		}
		if m.Type == hpa.External && chance(r, 0.2) {
			reading.Items = split(r, t, reading.Value)
		}
	}
}

// whole rounds to an integer within what a metric may be.
func whole(f float64) int64 { return int64(math.Round(min(f, 9e18))) }

// randomRatio draws where a metric stands: often right at an end of the dead band.
func (w *world) randomRatio(r *rand.Rand, t *timeline) float64 {
	tolerance := pick(r, t.Config.Tolerance, 0.05, 0.1)
	switch r.IntN(8) {
	case 0:
		return 1 + tolerance
	case 1:
		return 1 - tolerance
	case 2:
		if w.spec.MinReplicas == 0 {
			return 0
		}
		return pick(r, 0, 0.001, 1, 1)
	case 3:
		return pick(r, 0.5, 2, 3, 10)
	case 4:
		if t.Unrest > 0 {
			return pick(r, 1e4, 1e9, 1e15, -0.5)
		}
	}
	return math.Exp(0.6 * r.NormFloat64())
}

// split makes several items of one value.
func split(r *rand.Rand, t *timeline, value int64) []int64 {
	if chance(r, 0.1*t.Unrest) {
		return pick(r, []int64{math.MaxInt64, 5}, []int64{math.MaxInt64 - 3, 2}, []int64{-5, 10}, []int64{10, -15, 20}, []int64{0})
	}
	part := value / 3
	return []int64{part, value - part}
}

// randomUsage draws the usage of every pod, and of some that are gone.
func (w *world) randomUsage(r *rand.Rand, t *timeline, m hpa.MetricSpec, ratio float64) []hpa.Usage {
	now := w.now()
	window := pick(r, 15*time.Second, 30*time.Second, time.Minute)
	age := time.Duration(r.IntN(30)) * time.Second
	draw := func(p *pod) hpa.Usage {
		u := hpa.Usage{At: now - age, Window: window}
		target := float64(m.Target.Milli)
		if p != nil {
			u.Request = p.request(m.Type, m.Name)
			if chance(r, 0.2) && !t.Grouped { // right at a limit
				u.At = p.ReadySince + window
			}
		}
		if m.Target.Type == hpa.UtilizationTarget {
			target = float64(max(0, u.Request)) * float64(m.Target.Percent) / 100
		}
		u.Value = int64(math.Ceil(min(target*ratio, 1e15)))
		if !t.Grouped {
			u.Value = int64(float64(u.Value) * (0.7 + 0.6*r.Float64()))
		}
		u.Missing = chance(r, 0.04*t.Unrest) || (p != nil && p.Phase == hpa.Pending && chance(r, 0.8))
		return u
	}
	usage := make([]hpa.Usage, 0, len(w.pods)+1)
	for i := range w.pods {
		usage = append(usage, draw(&w.pods[i]))
	}
	if chance(r, 0.03*t.Unrest) {
		usage = append(usage, draw(nil))
	}
	return usage
}
