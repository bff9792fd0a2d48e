package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/prescale/prescale/api/v1alpha1"
)

// expand returns the policies that a sweep stands for: every combination of values, the first field (by name)
// varying slowest. Each is named after the policy and its values. Without a sweep it is the policy itself.
func expand(p v1alpha1.ScenarioPolicy, path *field.Path) ([]v1alpha1.ScenarioPolicy, error) {
	if len(p.Sweep) == 0 {
		return []v1alpha1.ScenarioPolicy{p}, nil
	}
	fields := slices.Sorted(maps.Keys(p.Sweep))
	sweep := p.Sweep
	p.Sweep = nil
	out := []v1alpha1.ScenarioPolicy{p}
	for _, name := range fields {
		var next []v1alpha1.ScenarioPolicy
		for _, base := range out {
			for i, value := range sweep[name] {
				q, err := with(base, name, value)
				if err != nil {
					return nil, field.Invalid(path.Child("sweep").Child(name).Index(i), value.String(), err.Error())
				}
				q.Name = fmt.Sprintf("%s %s=%s", base.Name, name, value)
				next = append(next, q)
			}
		}
		out = next
	}
	return out, nil
}

// with returns the policy with one field of its kind set. A field inside another is named with dots, such as
// forecast.quantile.
func with(p v1alpha1.ScenarioPolicy, name string, value v1alpha1.SweepValue) (v1alpha1.ScenarioPolicy, error) {
	kind := p.Kind()
	text, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return p, err
	}
	node, ok := tree[kind].(map[string]any)
	if !ok {
		return p, fmt.Errorf("the kind %s has no fields", kind)
	}
	steps := strings.Split(name, ".")
	for _, step := range steps[:len(steps)-1] {
		inner, ok := node[step].(map[string]any)
		if !ok {
			return p, fmt.Errorf("%s has no field %s", kind, name)
		}
		node = inner
	}
	node[steps[len(steps)-1]] = value
	if text, err = json.Marshal(tree); err != nil {
		return p, err
	}
	var out v1alpha1.ScenarioPolicy
	unknown, err := kjson.UnmarshalStrict(text, &out)
	switch {
	case err != nil:
		return p, fmt.Errorf("%s.%s: %w", kind, name, err)
	case len(unknown) > 0:
		return p, fmt.Errorf("%s has no field %s", kind, name)
	}
	return out, nil
}
