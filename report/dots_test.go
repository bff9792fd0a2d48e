package report

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Results on the edge of the plot are whole dots, and what is missing or out of range is none.
func TestDotsStandOutsideTheClip(t *testing.T) {
	c := Chart{
		Series: []Series{{Name: "policy", Dots: true, X: []float64{1, 2, 3, 9}, Y: []float64{0, math.NaN(), 4, 1}}},
		X:      Axis{From: 1, To: 3},
	}
	var b bytes.Buffer
	require.NoError(t, c.WriteSVG(&b))
	_, after, found := strings.Cut(b.String(), "</g>")
	require.True(t, found)
	assert.Equal(t, 2, strings.Count(after, "<circle"))
	assert.Equal(t, 2, strings.Count(b.String(), "<circle"))
}
