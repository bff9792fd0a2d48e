package history

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/arrivals"
)

const threeMinutes = "timestamp,value\n2026-03-02T12:00:00Z,60\n2026-03-02T12:01:00Z,120\n2026-03-02T12:02:00Z,180\n"

func writeFile(t *testing.T, path, text string, modified time.Time) {
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, os.Chtimes(path, modified, modified))
}

func TestCSVKnowsNoFuture(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load.csv")
	writeFile(t, path, threeMinutes, noon)
	c, err := NewCSV(path, arrivals.CSVOptions{})
	require.NoError(t, err)
	got, err := c.Fetch(t.Context(), noon.AddDate(0, 0, -1), noon.Add(2*time.Minute+59*time.Second))
	require.NoError(t, err)
	assert.Equal(t, []float64{1, 2}, got.Trace.Rate, "the third bucket ends after the time asked")
	assert.Equal(t, noon, got.Trace.Start)
	assert.True(t, got.ServerTime.IsZero())

	_, err = c.Fetch(t.Context(), noon.AddDate(0, 0, -2), noon.AddDate(0, 0, -1))
	require.ErrorIs(t, err, ErrNoData)
	require.EqualError(t, err, "history: load.csv: no data between 2026-02-28T12:00:00Z and 2026-03-01T12:00:00Z; "+
		"the file spans 2026-03-02T12:00:00Z to 2026-03-02T12:03:00Z")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Fetch(ctx, noon, noon.Add(time.Hour))
	require.ErrorIs(t, err, context.Canceled)
}

func TestCSVFollowsItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load.csv")
	writeFile(t, path, threeMinutes, noon)
	c, err := NewCSV(path, arrivals.CSVOptions{})
	require.NoError(t, err)
	length := func() int {
		got, err := c.Fetch(t.Context(), noon, noon.Add(time.Hour))
		require.NoError(t, err)
		return got.Trace.Len()
	}
	assert.Equal(t, 3, length())
	writeFile(t, path, threeMinutes+"2026-03-02T12:03:00Z,240\n", noon.Add(time.Minute))
	assert.Equal(t, 4, length())

	writeFile(t, path, threeMinutes+"half a ro", noon.Add(2*time.Minute))
	_, err = c.Fetch(t.Context(), noon, noon.Add(time.Hour))
	require.EqualError(t, err, `history: load.csv:5: "half a ro": must have 2 fields, got 1`)
	writeFile(t, path, threeMinutes, noon.Add(3*time.Minute))
	assert.Equal(t, 3, length())

	require.NoError(t, os.Remove(path))
	_, err = c.Fetch(t.Context(), noon, noon.Add(time.Hour))
	require.ErrorIs(t, err, ErrUnavailable)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.EqualError(t, err, "history: load.csv: unavailable: no such file or directory")
}

func TestNewCSVReportsABadFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "load.csv")
	_, err := NewCSV(path, arrivals.CSVOptions{})
	require.ErrorIs(t, err, ErrUnavailable)
	writeFile(t, path, "timestamp,value\n0,1\n60,-3\n", noon)
	_, err = NewCSV(path, arrivals.CSVOptions{Name: "data/load.csv"})
	require.EqualError(t, err, `history: data/load.csv:3: value "-3": must be a number >= 0`)
}
