//go:build !race

package queueing_test

const underRace = false
