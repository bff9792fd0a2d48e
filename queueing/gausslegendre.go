package queueing

import (
	"math"
	"slices"
)

// The positive half of the 20-point Gauss-Legendre rule on [-1, 1].
var (
	gaussNodes = [10]float64{
		0.0765265211334973, 0.2277858511416451, 0.3737060887154195, 0.5108670019508271, 0.6360536807265150,
		0.7463319064601508, 0.8391169718222188, 0.9122344282513259, 0.9639719272779138, 0.9931285991850949,
	}
	gaussWeights = [10]float64{
		0.1527533871307258, 0.1491729864726037, 0.1420961093183820, 0.1316886384491766, 0.1181945319615184,
		0.1019301198172404, 0.0832767415767048, 0.0626720483341091, 0.0406014298003869, 0.0176140071391521,
	}
)

// gaussLegendre integrates f from a to b with 20 points on each side of every break that lies between them.
func gaussLegendre(a, b float64, breaks []float64, f func(float64) float64) float64 {
	edges := []float64{a, b}
	for _, x := range breaks {
		if x > a && x < b {
			edges = append(edges, x)
		}
	}
	slices.Sort(edges)
	sum := 0.0
	for i := 1; i < len(edges); i++ {
		middle, half := (edges[i-1]+edges[i])/2, (edges[i]-edges[i-1])/2
		for k, node := range gaussNodes {
			step := half * node
			sum += half * gaussWeights[k] * (f(middle-step) + f(middle+step))
		}
	}
	return math.Max(sum, 0)
}
