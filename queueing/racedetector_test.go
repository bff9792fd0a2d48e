//go:build race

package queueing_test

// underRace thins out cells that only repeat arithmetic, which the race detector slows tenfold.
const underRace = true
