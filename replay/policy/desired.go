package policy

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// Exactly returns the behavior with which an HPA follows a number of replicas as it is: no dead band in either
// direction, the default rate policies, and the given stabilization of scale-downs.
func Exactly(stabilization time.Duration) *hpa.Behavior {
	return &hpa.Behavior{
		ScaleUp:   &hpa.ScalingRules{Tolerance: new(0.0)},
		ScaleDown: &hpa.ScalingRules{Tolerance: new(0.0), StabilizationWindow: &stabilization},
	}
}

// Stabilized returns the behavior of an HPA of which only the stabilization of scale-downs is set.
func Stabilized(stabilization time.Duration) *hpa.Behavior {
	return &hpa.Behavior{ScaleDown: &hpa.ScalingRules{StabilizationWindow: &stabilization}}
}

// follows is the HPA that asks for the number of replicas published.
func follows(b *hpa.Behavior, metrics ...string) (hpa.Config, hpa.Spec) {
	spec := hpa.Spec{Behavior: b}
	for _, name := range metrics {
		spec.Metrics = append(spec.Metrics, hpa.MetricSpec{Name: name, Type: hpa.External, Target: hpa.AverageValue(1)})
	}
	return hpa.DefaultConfig(), spec
}

// behaviorSettings lists what a behavior sets, for a report.
func behaviorSettings(b *hpa.Behavior) []replay.Setting {
	if b == nil {
		return nil
	}
	var out []replay.Setting
	direction := func(name string, r *hpa.ScalingRules) {
		if r == nil {
			return
		}
		if r.StabilizationWindow != nil {
			out = append(out, replay.Setting{Name: name + "_stabilization", Value: *r.StabilizationWindow})
		}
		if r.Tolerance != nil {
			out = append(out, replay.Setting{Name: name + "_tolerance", Value: *r.Tolerance})
		}
		if r.Policies != nil {
			var texts []string
			for _, p := range r.Policies {
				texts = append(texts, fmt.Sprintf("%d %s/%s", p.Value, strings.ToLower(p.Type.String()), p.Period))
			}
			out = append(out, replay.Setting{Name: name + "_policies", Value: strings.Join(texts, ", ")})
		}
		if r.Select != hpa.MaxChange {
			out = append(out, replay.Setting{Name: name + "_select", Value: r.Select.String()})
		}
	}
	direction("scale_up", b.ScaleUp)
	direction("scale_down", b.ScaleDown)
	return out
}

// Named gives a policy another name, as where a scenario compares several of one kind.
func Named(name string, p replay.Policy) replay.Policy { return named{p, name} }

type named struct {
	replay.Policy
	name string
}

func (n named) Name() string { return n.name }

// rate formats requests per second.
func rate(v float64) string {
	if math.IsNaN(v) {
		return "an unknown rate"
	}
	return fmt.Sprintf("%.4g requests/s", v)
}

// count formats a number of replicas.
func count(v float64) string {
	if math.IsNaN(v) {
		return "nothing"
	}
	return fmt.Sprintf("%.4g replicas", v)
}
