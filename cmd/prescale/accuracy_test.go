package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAccuracyJudgesAFolder(t *testing.T) {
	dir := t.TempDir()
	var b strings.Builder
	b.WriteString("timestamp,value\n")
	for i := range 600 {
		v := 100 + 10*(i%24) + i*7%13
		if i%100 == 50 {
			v = 0 // a hole, since the median is far above 30
		}
		fmt.Fprintf(&b, "%d,%d\n", i*3600, v)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hourly.csv"), []byte(b.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other.csv"), []byte("a,b\n1,2\n"), 0o600))
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"accuracy", "--data", dir, "-o", "json"}, &stdout, &stderr)
	require.Equal(t, exitDone, code, stderr.String())
	var got accuracyOutput
	require.NoError(t, json.Unmarshal(stdout.Bytes(), &got))
	require.Len(t, got.Rows, 3)
	assert.Equal(t, "hourly", got.Rows[0].Trace)
	assert.Equal(t, 7200.0, got.Rows[0].WindowSeconds)
	assert.Equal(t, 3, got.Summary.Rows)
	assert.Equal(t, map[string]string{"other.csv": errNoTrace.Error()}, got.Skipped)

	stdout.Reset()
	require.Equal(t, exitDone, run(t.Context(), []string{"accuracy", "--data", dir, "-o", "markdown"}, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "| hourly | 2h0m0s | 0.95 |")
	for _, args := range [][]string{{"accuracy"}, {"accuracy", "--data", t.TempDir()}, {"accuracy", "--data", dir, "--of-first", "2"}} {
		assert.Equal(t, exitUsage, run(t.Context(), args, &stdout, &stderr), args)
	}
}
