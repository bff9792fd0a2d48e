package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

func TestBacktestWritesAPage(t *testing.T) {
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: 30 * time.Minute, Days: 8, Base: 40, DailyAmplitude: 100, Noise: 1, Seed: 1,
	})
	require.NoError(t, err)
	dir := t.TempDir()
	history, page := filepath.Join(dir, "load.csv"), filepath.Join(dir, "backtest.html")
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	for i, v := range trace.Rate {
		fmt.Fprintf(&b, "%s,%v\n", trace.Time(i).Format(time.RFC3339), v)
	}
	require.NoError(t, os.WriteFile(history, []byte(b.String()), 0o600))

	stdout, stderr, code := command(t, "backtest", "--history", history, "--horizon", "1h", "--window", "1h", "--models", "naive,blend", "-o", "html", "--out", page)
	require.Equal(t, exitDone, code, stderr)
	assert.Empty(t, stdout)
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	for _, want := range []string{"Forecast backtest", "median to quantile 0.99", "Highest rate within 1h0m0s", "naive", "blend *"} {
		assert.Contains(t, string(html), want)
	}
}
