package config

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestExamples reads what the documentation tells people to start from.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	files = append(files, "../deploy/base/scalers.yaml")
	for _, file := range files {
		_, err := ReadScalersFile(file)
		assert.NoError(t, err)
	}
}
