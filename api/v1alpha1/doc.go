// Package v1alpha1 holds the configuration types of prescale: the PredictiveScaler, which
// describes one workload and how it is to be scaled ahead of its load, and the Scenario, a file that
// describes a what-if.
//
// The same YAML means the same to kubectl, to the adapter in file mode and to every command.
// The types only carry values, their defaults (the methods Default) and the checks that
// need no other package (the methods Validate); package config turns them into settings.
//
// Durations are written as Go writes them ("90s", "336h"), rates are per second, ratios lie in
// [0, 1] and are plain YAML numbers.
package v1alpha1

// GroupVersion is the apiVersion of every object in this package.
const GroupVersion = "prescale.dev/v1alpha1"

// KindPredictiveScaler is the kind of a PredictiveScaler.
const KindPredictiveScaler = "PredictiveScaler"

// KindScenario is the kind of a Scenario.
const KindScenario = "Scenario"
