package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pollInterval is how often a condition is looked at. Chosen by us: short against the 5 s of HPA sync and scrapes.
const pollInterval = 250 * time.Millisecond

// Eventually waits until condition returns nil and fails the test with its last error when that takes longer than
// timeout. It fails at once when a process of the suite has died or the user interrupts.
func (e *Environment) Eventually(tb testing.TB, what string, timeout time.Duration, condition func() error) {
	tb.Helper()
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		require.NoError(tb, e.failure(), "while waiting until %s", what)
		select {
		case <-ticker.C:
		case <-deadline.C:
			require.FailNow(tb, "waited in vain", "not within %v: %s: %v", timeout, what, err)
		case <-e.Context.Done():
			require.FailNow(tb, "interrupted", "while waiting until %s: %v", what, err)
		}
	}
}

// Throughout watches that condition keeps returning nil for the whole period and fails the test when it does not. It
// is an observation, not a pause: use it only to claim that something does not happen.
func (e *Environment) Throughout(tb testing.TB, what string, period time.Duration, condition func() error) {
	tb.Helper()
	end := time.NewTimer(period)
	defer end.Stop()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		require.NoError(tb, condition(), "for %v: %s", period, what)
		require.NoError(tb, e.failure(), "while watching that %s", what)
		select {
		case <-ticker.C:
		case <-end.C:
			return
		case <-e.Context.Done():
			require.FailNow(tb, "interrupted", "while watching that %s", what)
		}
	}
}
