package hpa

import "time"

// rules are the ScalingRules of one direction with all defaults filled in.
type rules struct {
	window   time.Duration
	choice   SelectPolicy
	policies []Policy
}

// Source: pkg/apis/autoscaling/v2/defaults.go.
var (
	defaultUpPolicies = []Policy{
		{Type: PodsPolicy, Value: 4, Period: 15 * time.Second},
		{Type: PercentPolicy, Value: 100, Period: 15 * time.Second},
	}
	defaultDownPolicies = []Policy{
		{Type: PercentPolicy, Value: 100, Period: 15 * time.Second},
	}
)

// upRules returns the rules for scaling up.
func (b *Behavior) upRules() rules {
	return resolve(b.ScaleUp, 0, defaultUpPolicies)
}

// downRules returns the rules for scaling down. The default window is the controller's flag in whole
// seconds; upstream: maybeInitScaleDownStabilizationWindow.
func (b *Behavior) downRules(c *Config) rules {
	return resolve(b.ScaleDown, c.DownscaleStabilization.Truncate(time.Second), defaultDownPolicies)
}

func resolve(given *ScalingRules, window time.Duration, policies []Policy) rules {
	r := rules{window: window, policies: policies}
	if given == nil {
		return r
	}
	r.choice = given.Select
	if given.StabilizationWindow != nil {
		r.window = *given.StabilizationWindow
	}
	if given.Policies != nil {
		r.policies = given.Policies
	}
	return r
}
