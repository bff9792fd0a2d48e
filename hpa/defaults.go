package hpa

import "time"

// The policies of ScalingRules that name none. Source: pkg/apis/autoscaling/v2/defaults.go.
var (
	defaultUpPolicies = []Policy{
		{Type: PodsPolicy, Value: 4, Period: 15 * time.Second},
		{Type: PercentPolicy, Value: 100, Period: 15 * time.Second},
	}
	defaultDownPolicies = []Policy{
		{Type: PercentPolicy, Value: 100, Period: 15 * time.Second},
	}
)

// windows returns the stabilization windows. The default for scaling down is the controller's flag in whole seconds;
// upstream: maybeInitScaleDownStabilizationWindow.
func (b *Behavior) windows(c *Config) (up, down time.Duration) {
	if r := b.ScaleUp; r != nil && r.StabilizationWindow != nil {
		up = *r.StabilizationWindow
	}
	if r := b.ScaleDown; r != nil && r.StabilizationWindow != nil {
		return up, *r.StabilizationWindow
	}
	return up, c.DownscaleStabilization.Truncate(time.Second)
}

// upPolicies returns what applies when scaling up.
func (b *Behavior) upPolicies() (SelectPolicy, []Policy) {
	return b.ScaleUp.policies(defaultUpPolicies)
}

// downPolicies returns what applies when scaling down.
func (b *Behavior) downPolicies() (SelectPolicy, []Policy) {
	return b.ScaleDown.policies(defaultDownPolicies)
}

func (r *ScalingRules) policies(defaults []Policy) (SelectPolicy, []Policy) {
	switch {
	case r == nil:
		return MaxChange, defaults
	case r.Policies == nil:
		return r.Select, defaults
	}
	return r.Select, r.Policies
}
