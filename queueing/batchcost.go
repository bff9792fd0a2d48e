package queueing

import (
	"fmt"
	"math"
)

// BatchObservation is the mean size and time of batches over one interval.
type BatchObservation struct {
	MeanSize, MeanSeconds float64
	Batches               float64 // their number, which weighs the observation
}

// BatchCost is τ(n) = PerItemSeconds·n + FixedSeconds with intervals of two standard errors.
type BatchCost struct {
	PerItemSeconds, FixedSeconds Estimate
	ResidualSeconds              float64 // root mean square of what the line leaves, by the weights
}

// FitBatchCost fits the cost of batches by weighted least squares. Neither part is let below 0; a part that would be is
// set to 0 and the other fitted alone. The line is exact for means of batches of mixed sizes, since it is linear.
//
// Errors: fewer than 3 observations with batches, or sizes that do not differ by a tenth.
func FitBatchCost(observations []BatchObservation) (BatchCost, error) {
	var n, w, x, y, xx, xy, yy float64
	least, most := math.Inf(1), 0.0
	for i, o := range observations {
		if !(o.Batches > 0) {
			continue
		}
		if !(o.MeanSize >= 1 && o.MeanSeconds > 0) || math.IsInf(o.MeanSize+o.MeanSeconds+o.Batches, 1) {
			return BatchCost{}, fmt.Errorf("queueing: batch observation %d has size %v and time %v s, must be at least 1 and above 0", i, o.MeanSize, o.MeanSeconds)
		}
		n++
		w += o.Batches
		x += o.Batches * o.MeanSize
		y += o.Batches * o.MeanSeconds
		least, most = math.Min(least, o.MeanSize), math.Max(most, o.MeanSize)
	}
	if n < 3 || most < 1.1*least {
		return BatchCost{}, fmt.Errorf("queueing: %v batch observations with sizes %v to %v, need 3 that differ by a tenth", n, least, most)
	}
	x, y = x/w, y/w
	for _, o := range observations {
		if o.Batches > 0 {
			dx, dy := o.MeanSize-x, o.MeanSeconds-y
			xx, xy, yy = xx+o.Batches*dx*dx/w, xy+o.Batches*dx*dy/w, yy+o.Batches*dy*dy/w
		}
	}
	slope := xy / xx
	fixed := y - slope*x
	switch {
	case slope < 0:
		slope, fixed = 0, y
	case fixed < 0:
		slope, fixed = (xy+x*y)/(xx+x*x), 0
	}
	bias := y - slope*x - fixed
	residual := math.Max(yy-2*slope*xy+slope*slope*xx, 0) + bias*bias
	slopeError := 2 * math.Sqrt(residual/(n-2)/xx)
	fixedError := 2 * math.Sqrt(residual/(n-2)*(1+x*x/xx))
	return BatchCost{
		PerItemSeconds:  Estimate{slope, math.Max(0, slope-slopeError), slope + slopeError},
		FixedSeconds:    Estimate{fixed, math.Max(0, fixed-fixedError), fixed + fixedError},
		ResidualSeconds: math.Sqrt(residual),
	}, nil
}
