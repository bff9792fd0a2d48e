package queueing

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBatchPanelsIntegratePolynomials wants every rule that panels choose to be exact up to the degree that it should be,
// since one of the tables behind them is not.
func TestBatchPanelsIntegratePolynomials(t *testing.T) {
	seen := map[int]bool{}
	for arrivals := 0.05; arrivals < 70; arrivals += 0.05 {
		for _, maxBatch := range []int{8, 64} {
			panels, _ := newBatchPanels([]float64{0, 1}, arrivals, maxBatch)
			for _, p := range append(panels, newAgePanels([]float64{0, 1}, arrivals, maxBatch)...) {
				n := len(p.rule.x)
				if seen[n] {
					continue
				}
				seen[n] = true
				for degree := 0; degree < 2*n; degree += 2 {
					var sum float64
					for i, x := range p.rule.x {
						sum += p.rule.weight[i] * math.Pow(x, float64(degree))
					}
					require.InDelta(t, 2/float64(degree+1), sum, 1e-13, "%d nodes, degree %d", n, degree)
				}
			}
		}
	}
	assert.True(t, seen[27])
	assert.False(t, seen[26])
}
