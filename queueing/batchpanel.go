package queueing

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"
)

// batchPanel is a piece of the time axis on which the densities of an [MDBatch] are smooth, with the nodes of its
// quadrature.
type batchPanel struct {
	from, to float64
	first    int // index of the first node
	rule     *legendre
}

// newBatchPanels cuts the time axis at the breaks, rising from 0, and into pieces in which few requests arrive. It also
// returns the number of nodes.
func newBatchPanels(breaks []float64, lambda float64, maxBatch int) (panels []batchPanel, nodes int) {
	extra := 0
	if maxBatch <= 16 { // a few panels can afford more nodes
		extra = 3
	}
	return cutPanels(breaks, lambda, 8, func(arrivals float64) int { return legendreNodes(arrivals) + extra })
}

// newAgePanels are fewer and wider ones for ages beyond a batch, where what is integrated is a polynomial of a
// degree below twice the nodes, or smooth on the scale of the square root of what came in a batch.
func newAgePanels(breaks []float64, lambda float64, maxBatch int) []batchPanel {
	if maxBatch <= 16 {
		panels, _ := newBatchPanels(breaks, lambda, maxBatch)
		return panels
	}
	panels, _ := cutPanels(breaks, lambda, 64, func(arrivals float64) int { return 12 + int(math.Ceil(2*math.Sqrt(arrivals)+0.8*arrivals)) })
	return panels
}

// cutPanels cuts the time axis at the breaks and into pieces of at most so many arrivals, with so many nodes.
func cutPanels(breaks []float64, lambda, arrivalsPerPanel float64, nodesFor func(arrivals float64) int) (panels []batchPanel, nodes int) {
	rules := map[int]*legendre{}
	for i := 1; i < len(breaks); i++ {
		from, to := breaks[i-1], breaks[i]
		arrivals := lambda * (to - from)
		pieces := max(1, int(math.Ceil(arrivals/arrivalsPerPanel)))
		count := nodesFor(arrivals / float64(pieces))
		if count == 26 {
			count++ // the 26-point rule of gonum v0.17.0 is wrong in the second digit
		}
		if rules[count] == nil {
			rules[count] = newLegendre(count)
		}
		width := (to - from) / float64(pieces)
		for k := range pieces {
			end := from + float64(k+1)*width
			if k == pieces-1 {
				end = to
			}
			panels = append(panels, batchPanel{from: from + float64(k)*width, to: end, first: nodes, rule: rules[count]})
			nodes += count
		}
	}
	return panels, nodes
}

// panelAt returns the index of the panel that contains a time, len(panels) if none does.
func panelAt(panels []batchPanel, seconds float64) int {
	i, _ := slices.BinarySearchFunc(panels, seconds, func(p batchPanel, t float64) int {
		if p.to <= t {
			return -1
		}
		return 1
	})
	return i
}

// at returns the node j as a time.
func (p batchPanel) at(j int) float64 { return p.from + (p.to-p.from)*(1+p.rule.x[j])/2 }

// beyond returns the integral from a time to the end of the panel of the polynomial through values at all nodes.
func (p batchPanel) beyond(density []float64, seconds float64) float64 {
	values := density[p.first : p.first+len(p.rule.x)]
	half := (p.to - p.from) / 2
	var sum float64
	if seconds <= p.from {
		for i, v := range values {
			sum += p.rule.weight[i] * v
		}
		return half * sum
	}
	// Σ_j c_j ∫_x^1 P_j, with (2j+1) ∫_x^1 P_j = P_{j-1}(x) - P_{j+1}(x).
	x := math.Min((seconds-p.from)/half-1, 1)
	before, current := 1.0, x // P_0, P_1
	for j := range values {
		var piece float64
		if j == 0 {
			piece = 1 - x
		} else {
			next := ((2*float64(j)+1)*x*current - float64(j)*before) / float64(j+1)
			piece = (before - next) / (2*float64(j) + 1)
			before, current = current, next
		}
		var coefficient float64
		for i, t := range p.rule.transform[j] {
			coefficient += t * values[i]
		}
		sum += coefficient * piece
	}
	return half * sum
}

// panelIntegral is a density at the nodes of panels, with its integrals from the start of each panel to the end of all.
type panelIntegral struct {
	density []float64
	suffix  []float64
}

func newPanelIntegral(panels []batchPanel, density []float64) panelIntegral {
	suffix := make([]float64, len(panels)+1)
	for i := len(panels) - 1; i >= 0; i-- {
		suffix[i] = suffix[i+1] + panels[i].beyond(density, panels[i].from)
	}
	return panelIntegral{density: density, suffix: suffix}
}

// from returns the integral from a time, which panel i contains, to the end of all panels.
func (g panelIntegral) from(panels []batchPanel, i int, seconds float64) float64 {
	if i >= len(panels) || g.density == nil {
		return 0
	}
	return g.suffix[i+1] + panels[i].beyond(g.density, seconds)
}

// legendre is a Gauss-Legendre rule on [-1, 1] with the transform from values to Legendre coefficients.
type legendre struct {
	x, weight []float64
	transform [][]float64
}

// legendreNodes chooses the number of nodes by the arrivals in a panel, the scale on which densities vary: its square
// root, but no less than one request. Chosen by us: the p99.9 of 60
// per batch then agrees with that of the other method, without limit, to 1e-12.
func legendreNodes(arrivals float64) int {
	return 5 + int(math.Ceil(2*math.Sqrt(arrivals)+1.5*arrivals))
}

func newLegendre(n int) *legendre {
	l := &legendre{x: make([]float64, n), weight: make([]float64, n), transform: make([][]float64, n)}
	quad.Legendre{}.FixedLocations(l.x, l.weight, -1, 1)
	slices.Sort(l.x) // ascending; the weights are symmetric
	for j := range n {
		l.transform[j] = make([]float64, n)
	}
	for i, x := range l.x {
		before, current := 0.0, 1.0
		for j := range n {
			l.transform[j][i] = (2*float64(j) + 1) / 2 * l.weight[i] * current
			before, current = current, ((2*float64(j)+1)*x*current-float64(j)*before)/float64(j+1)
		}
	}
	return l
}
