package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
)

// Budget is what may be violated. At least one part must be set, in (0, 1); a part that is 0 asks for nothing.
type Budget struct {
	// Minutes is the share of minutes with load that may be bad.
	Minutes float64
	// Requests is the share of requests that may violate.
	Requests float64
}

func (b Budget) validate() error {
	inside := func(v float64) bool { return v >= 0 && v < 1 }
	if !inside(b.Minutes) || !inside(b.Requests) || b.Minutes+b.Requests == 0 {
		return fmt.Errorf("replay: budget of %g of the minutes and %g of the requests: must be 0 (none) to below 1, not both 0", b.Minutes, b.Requests)
	}
	return nil
}

// kept reports whether a run is within the budget.
func (b Budget) kept(r *Result) bool {
	return (b.Minutes == 0 || r.ViolationRatio() <= b.Minutes) && (b.Requests == 0 || 1-r.Attainment() <= b.Requests)
}

// Oracle is the cheapest plan that was found with the whole load known beforehand, and how much cheaper any could be.
type Oracle struct {
	// Replicas to ask for as each step begins.
	Replicas []int32
	// Result is the plan played through the HPA, like any policy.
	Result *Result
	// Feasible says whether it keeps the budget; if not, it is the plan with the fewest violations found.
	Feasible bool
	// Bound is a number of replica-hours that no policy can undercut that keeps Budget.Requests in this engine: it holds
	// whatever happens between a policy and its replicas. It is NaN without that part of the budget.
	Bound float64
	// Price per violation at which the plan is optimal, in replica-hours per violating request or bad minute.
	Price float64

	step time.Duration
}

// maxPlan bounds the steps times replicas of a plan, two bytes and four each.
const maxPlan = 1 << 27

// Oracle searches the cheapest plan within a budget. For a price w per violation it finds by dynamic programming the
// numbers R_i of ready replicas that minimize
//
//	Σ_i  R_i step + d (R_i - R_{i-1})⁺ + w u_i(R_i),    R_i <= ramp(R_{i-1}),
//
// where d is the mean start-up time, since replicas are paid while they start, ramp what the HPA's default policies allow
// in a sync, and u_i the violations in step i alone; overloaded steps violate wholly, and what they leave behind is not
// seen. Replicas are then asked for so early that a half, nine in ten or all of them are ready in time. Of these plans and
// of the prices down to the lowest, to 5 %, at which one of them keeps the budget when it is played in the engine, it is
// the cheapest that does.
//
// Bound is the largest found, over all prices, of the same minimum less w times the budget, without the ramp, with the
// shortest start-up time, and with u_i for an empty queue when the step begins: each of them can only lower it, and by
// weak duality no policy that keeps the budget costs less.
//
// It takes O(steps × replicas) time and memory per price.
func (f *Fluid) Oracle(ctx context.Context, b Budget) (*Oracle, error) {
	if err := b.validate(); err != nil {
		return nil, err
	}
	most := int(f.env.MaxReplicas)
	if n := f.load.Steps() * (most + 1); n > maxPlan || most > math.MaxInt16 {
		return nil, fmt.Errorf("replay: a plan of %d steps for up to %d replicas: must be at most %d together", f.load.Steps(), most, maxPlan)
	}
	search := newProgram(f, b)
	runner := f.NewRunner()
	var best, least *Oracle
	try := func(price float64) (bool, error) {
		ready, feasible := search.ready(price), false
		for _, lead := range search.leads {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			plan := &Oracle{Replicas: askedFor(ready, lead), Bound: math.NaN(), Price: price, step: f.options.Step}
			r, err := runner.Run(ctx, plan)
			if err != nil {
				return false, err
			}
			plan.Result, plan.Feasible = r, b.kept(r)
			feasible = feasible || plan.Feasible
			if plan.Feasible && (best == nil || r.ReplicaHours < best.Result.ReplicaHours) {
				best = plan
			}
			if least == nil || r.Violating < least.Result.Violating {
				least = plan
			}
		}
		return feasible, nil
	}
	// From a price at which hardly anything is worth it, up by factors, then bisection on the logarithm.
	low, high := 0.0, 1e-9
	for ; high < 1e12; high *= 30 {
		ok, err := try(high)
		if err != nil {
			return nil, err
		}
		if ok {
			break
		}
		low = high
	}
	for low > 0 && high < 1e12 && high/low > 1.05 {
		middle := math.Sqrt(low * high)
		ok, err := try(middle)
		if err != nil {
			return nil, err
		}
		if ok {
			high = middle
		} else {
			low = middle
		}
	}
	if best == nil {
		best = least
	}
	best.Bound = search.bound(b, best.Price)
	return best, nil
}

// Name implements Policy.
func (*Oracle) Name() string { return "oracle" }

// Settings implements Policy.
func (*Oracle) Settings() []Setting { return nil }

// HPA implements Policy: the default rate policies, and neither dead band nor stabilization.
func (*Oracle) HPA() (hpa.Config, hpa.Spec) {
	rules := func() *hpa.ScalingRules {
		return &hpa.ScalingRules{Tolerance: new(0.0), StabilizationWindow: new(time.Duration)}
	}
	return hpa.DefaultConfig(), hpa.Spec{
		Metrics:  []hpa.MetricSpec{{Name: "replicas", Type: hpa.External, Target: hpa.AverageValue(1)}},
		Behavior: &hpa.Behavior{ScaleUp: rules(), ScaleDown: rules()},
	}
}

// Begin implements Policy.
func (o *Oracle) Begin(context.Context, *Environment) (Controller, error) {
	if len(o.Replicas) == 0 || o.step <= 0 {
		return nil, errors.New("a plan needs steps")
	}
	return &planned{plan: o}, nil
}

type planned struct {
	plan *Oracle
	now  int32
}

// Metrics implements Controller.
func (p *planned) Metrics(v *View, dst []float64) []float64 {
	i := min(int(v.Now/p.plan.step), len(p.plan.Replicas)-1)
	p.now = p.plan.Replicas[i]
	return append(dst, float64(p.now))
}

// Why implements Controller.
func (p *planned) Why() string { return fmt.Sprintf("%d, from the plan that knows the load", p.now) }

// program solves the dynamic program.
type program struct {
	f         *Fluid
	least     int // replicas
	most      int
	leads     []int // steps from start to ready, for a half, nine in ten and all
	violating []float32
	isolated  []float32
	from      []int16 // R_{i-1} of the best plan with R_i
	// cost of the best plan until now by R, and with the next step; candidates is room for fromFewer.
	cost, next []float64
	candidates []int16
}

func newProgram(f *Fluid, b Budget) *program {
	p := &program{f: f, least: int(f.env.MinReplicas), most: int(f.env.MaxReplicas)}
	for _, q := range []float64{0.5, 0.9, 1} {
		lead := int((f.env.Startup.Quantile(q) + f.options.Step - 1) / f.options.Step)
		if n := len(p.leads); n == 0 || p.leads[n-1] < lead {
			p.leads = append(p.leads, lead)
		}
	}
	width := p.most + 1
	p.violating = make([]float32, f.load.Steps()*width)
	if b.Requests > 0 {
		p.isolated = make([]float32, len(p.violating))
	}
	p.from = make([]int16, len(p.violating))
	p.cost, p.next, p.candidates = make([]float64, width), make([]float64, width), make([]int16, 0, width)
	perMinute := float64(time.Minute / f.options.Step)
	for i, lambda := range f.load.rate {
		row := p.violating[i*width : (i+1)*width]
		if i > 0 && lambda == f.load.rate[i-1] {
			copy(row, p.violating[(i-1)*width:i*width])
			if p.isolated != nil {
				copy(p.isolated[i*width:(i+1)*width], p.isolated[(i-1)*width:i*width])
			}
			continue
		}
		if math.IsNaN(lambda) {
			continue // nothing is judged
		}
		requests := lambda * f.options.Step.Seconds()
		for n := range row {
			slow := p.alone(lambda, n)
			if p.isolated != nil {
				p.isolated[i*width+n] = float32(requests * p.fresh(lambda, n) * (1 - 1e-6))
			}
			if b.Minutes > 0 {
				row[n] = float32(p.badMinute(requests*perMinute, slow, lambda, n) / perMinute)
			} else {
				row[n] = float32(requests * slow)
			}
		}
	}
	return p
}

// badMinute is the probability of one if all of it were like this.
func (p *program) badMinute(requests, slow, lambda float64, n int) float64 {
	if slow >= 0.5 {
		return 1
	}
	if slow <= seldom {
		return 0
	}
	m := meter{percentile: p.f.tails.percentile, scv: p.f.env.Service.SCV.Value(), perMinute: 1}
	rho := lambda / (float64(n*p.f.tails.slots) * p.f.tails.rate)
	m.add(0, requests, requests*slow, requests*max(p.f.tails.sure(n, rho)-slow*slow, 0), rho)
	m.flush()
	return m.bad
}

// alone is the share of requests that violate in the steady state; all of them in overload.
func (p *program) alone(lambda float64, n int) float64 {
	rho := lambda / (float64(n*p.f.tails.slots) * p.f.tails.rate)
	if !(rho < 0.995) && lambda > 0 {
		return 1
	}
	if lambda == 0 {
		return 0
	}
	return p.f.tails.slower(n, rho, 0)
}

// fresh is the share that violates in a step that begins with nothing in the system.
func (p *program) fresh(lambda float64, n int) float64 {
	q := queue{tails: p.f.tails, room: math.Inf(1), patience: math.Inf(1)}
	c := capacity{replicas: n, servers: float64(n * p.f.tails.slots)}
	seconds := p.f.options.Step.Seconds() / subSteps
	decay := math.Exp(-p.f.tails.rate * seconds)
	slow := 0.0
	for range subSteps {
		slow += q.advance(lambda, c, seconds, decay).slow / subSteps
	}
	return slow
}

// ready returns the cheapest numbers of ready replicas at a price.
func (p *program) ready(price float64) []int32 {
	p.solve(p.violating, price, p.f.env.Startup.Mean().Hours(), p.leads[len(p.leads)-1], true)
	steps, width := p.f.load.Steps(), p.most+1
	ready := make([]int32, steps)
	n := argmin(p.cost)
	for i := steps - 1; i >= 0; i-- {
		ready[i] = int32(n)
		n = int(p.from[i*width+n])
	}
	return ready
}

// askedFor returns what to ask for: the most that will be ready within the lead.
func askedFor(ready []int32, lead int) []int32 {
	out := make([]int32, len(ready))
	for i := range out {
		for j := i; j <= min(i+lead, len(ready)-1); j++ {
			out[i] = max(out[i], ready[j])
		}
	}
	return out
}

// bound returns the largest dual value around a price, in replica-hours.
func (p *program) bound(b Budget, price float64) float64 {
	if p.isolated == nil {
		return math.NaN()
	}
	requests := 0.0
	for _, lambda := range p.f.load.rate {
		if !math.IsNaN(lambda) {
			requests += lambda * p.f.options.Step.Seconds()
		}
	}
	// As pods rounds it.
	first := int((p.f.env.Startup.Quantile(0) + p.f.options.Step/2) / p.f.options.Step)
	start := float64(first) * p.f.options.Step.Hours()
	if p.f.load.ObservedSteps() < p.f.load.Steps() {
		start = 0 // replicas that start in a hole cost nothing
	}
	value := func(w float64) float64 {
		return p.solve(p.isolated, w, start, first, false) - w*b.Requests*requests
	}
	// It is concave in the price; the best one is near that of the plan.
	best, at := 0.0, price
	for k := -4; k <= 4; k++ {
		w := price * math.Pow(2, float64(k))
		if v := value(w); v > best {
			best, at = v, w
		}
	}
	return max(best, value(at*math.Sqrt2), value(at/math.Sqrt2))
}

// solve runs the program forward and returns its minimum: at a price per violation, with a cost in hours to start a
// replica, of which none can be added in the first steps, and with the ramp or without.
func (p *program) solve(violating []float32, price, start float64, first int, ramp bool) float64 {
	width, step := p.most+1, p.f.options.Step.Hours()
	initial := int(p.f.env.InitialReplicas)
	for n := range p.cost {
		p.cost[n] = math.Inf(1)
	}
	p.cost[min(initial, p.most)] = 0
	for i, lambda := range p.f.load.rate {
		hours := step
		if math.IsNaN(lambda) {
			hours = 0
		}
		u, from := violating[i*width:(i+1)*width], p.from[i*width:(i+1)*width]
		// From more or as many: the least of the costs above.
		above, aboveAt := math.Inf(1), p.most
		for n := p.most; n >= 0; n-- {
			if p.cost[n] < above {
				above, aboveAt = p.cost[n], n
			}
			p.next[n], from[n] = above, int16(aboveAt)
		}
		if i >= first {
			p.fromFewer(from, start, ramp)
		}
		for n := range p.next {
			// Fewer than the minimum are ready only while the rest of it starts.
			p.next[n] += hours*float64(max(n, p.least)) + price*float64(u[n])
		}
		p.cost, p.next = p.next, p.cost
	}
	lowest := math.Inf(1)
	for _, c := range p.cost {
		lowest = min(lowest, c)
	}
	return lowest
}

// fromFewer considers coming from fewer replicas, of which the ramp allows a range: the least of a window that slides up
// with n, kept as a queue of candidates of which each costs more than the one before.
func (p *program) fromFewer(from []int16, start float64, ramp bool) {
	candidates := p.candidates[:0]
	for n := 1; n <= p.most; n++ {
		m := n - 1
		c := p.cost[m] - start*float64(m)
		for k := len(candidates); k > 0 && p.cost[candidates[k-1]]-start*float64(candidates[k-1]) >= c; k-- {
			candidates = candidates[:k-1]
		}
		candidates = append(candidates, int16(m))
		for ramp && int(candidates[0]) < min((n+1)/2, n-4) {
			candidates = candidates[1:]
		}
		m = int(candidates[0])
		if c := p.cost[m] + start*float64(n-m); c < p.next[n] {
			p.next[n], from[n] = c, int16(m)
		}
	}
}

func argmin(values []float64) int {
	at := 0
	for i, v := range values {
		if v < values[at] {
			at = i
		}
	}
	return at
}
