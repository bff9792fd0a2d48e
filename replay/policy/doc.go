// Package policy holds the ways to scale that prescale compares: its own law, the rules that others use, and bounds that
// nobody can beat. Each is a plain value that an engine of package replay or simulator is handed.
//
// All of them scale through the model of the HorizontalPodAutoscaler in package hpa, also those that in reality have a
// controller of their own: they publish a number of replicas as an external metric with an AverageValue of 1, which
// makes the HPA ask for exactly that number, and state in Behavior how fast it may follow. All see the load through the
// lens of the engine.
//
// The rules follow the sources named at each type, with their constants as defaults. Where one reads a metric that no
// engine measures, the type says what is taken in its place.
package policy
