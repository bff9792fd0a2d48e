// Package replay plays a workload's load against a scaling policy, weeks in milliseconds: what replicas it would have
// had, what they would have cost, and which share of its requests would have been too slow.
//
// It holds the boundary that every engine shares. A [Policy] is handed to an engine from outside; no engine knows one
// by name. A policy sees the load only through a [Lens], as scraped counters over a window, late, which an engine hands
// it as a [View]; what it may know beforehand is in an [Environment]. It answers with metric values, and they become
// replicas through package hpa, the same for all policies. Package replay/policy holds the policies.
//
// The engine of this package is a fluid one: [Run] follows mean flows at the steps of the HPA's sync period, with the
// tails of package queueing around them. Package simulator follows single requests instead. docs/models/replay.md
// states the equations and their limits.
//
// The package has no clock, goroutine, randomness, logger, file or network: equal inputs give equal bytes.
package replay
