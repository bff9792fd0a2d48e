package queueing

import (
	"math"
	"slices"
)

// tabulate fills the tables from the law of X above b.
func (d *BatchLatencies) tabulate(above []float64) {
	q, b := d.server, d.server.MaxBatch
	lambda, whole, delay := q.ArrivalRatePerSecond, q.time(float64(b)), q.delay()
	d.crowded = sumOf(above)
	d.overload = make([]float64, len(above)+1)
	var mass float64
	for i := len(above) - 1; i >= 0; i-- {
		mass += above[i]
		d.overload[i] = d.overload[i+1] + mass
	}

	breaks := q.batchBreaks(len(above))
	var nodes int
	d.panels, nodes = newBatchPanels(breaks, lambda, b)
	density := q.headDensity(d.panels, nodes, d.chain, above)

	// Everything about batches below b, node by node.
	rows := make([][]float64, b+2) // by n; then all and allButOne
	for i := range rows {
		rows[i] = make([]float64, nodes)
	}
	few := make([]float64, b)
	filled, filledBefore := make([]float64, nodes), make([]float64, nodes)
	younger := d.chain.ends[0] // P(V < v)
	d.fillEnd = len(d.panels)
	for i, p := range d.panels {
		if p.from >= delay {
			d.fillEnd = min(d.fillEnd, i)
		}
		inPanel := p.beyond(density, p.from)
		for j := range p.rule.x {
			node, v := p.first+j, p.at(j)
			poissonPMF(few, lambda*v) // φ_n by n-1
			f := density[node]
			var all, allButOne float64
			for n := 1; n < b; n++ {
				y := f * few[n-1]
				rows[n][node] = y
				all += float64(n) * y
				allButOne += y
			}
			if b > 1 {
				allButOne -= rows[b-1][node]
			}
			rows[b][node], rows[b+1][node] = all, allButOne
			if i < d.fillEnd && b > 1 {
				before := younger + inPanel - p.beyond(density, v)
				filled[node] = before * lambda * few[b-2]
				if b > 2 {
					filledBefore[node] = before * lambda * lambda * few[b-3]
				}
			}
		}
		younger += inPanel
	}
	d.waiting = make([]panelIntegral, b)
	for n := 1; n < b; n++ {
		d.waiting[n] = newPanelIntegral(d.panels, rows[n])
	}
	d.all, d.allButOne = newPanelIntegral(d.panels, rows[b]), newPanelIntegral(d.panels, rows[b+1])
	d.filling[0] = newPanelIntegral(d.panels[:d.fillEnd], filled)
	d.filling[1] = newPanelIntegral(d.panels[:d.fillEnd], filledBefore)

	// Where the law of the response time jumps: served at once, or the oldest of a batch that was not filled.
	d.atoms = []float64{q.time(1), whole}
	for n := 1; n < b && delay > 0; n++ {
		d.atoms = append(d.atoms, q.time(float64(n))+delay)
	}
	slices.Sort(d.atoms)
}

// batchBreaks returns the times at which f or what is integrated with it is not smooth: where ages begin and end, the
// delay, and whole batches as long as the queue lasts that long.
func (q MDBatch) batchBreaks(states int) []float64 {
	b := q.MaxBatch
	whole, horizon := q.time(float64(b)), q.fillHorizon()
	breaks := []float64{0}
	for n := 1; n <= b; n++ {
		breaks = append(breaks, q.time(float64(n)))
	}
	end := whole
	for m := 1; m*b < states+b && end < horizon; m++ {
		end = float64(m+1) * whole
		breaks = append(breaks, q.ageBreaks(m, end)...)
	}
	if delay := math.Min(q.delay(), math.Max(horizon, end)); delay > 0 {
		breaks = append(breaks, delay)
	}
	slices.Sort(breaks)
	return slices.Compact(breaks)
}

// headDensity returns f at the nodes. Ages up to τ(b) come from batches that left nobody behind,
//
//	f(v) = Σ_{τ(n)>v} p_n λe^(-λ(τ(n)-v)),
//
// longer ones as in [MDBatch.agesBeyondBatch], from the law above b.
func (q MDBatch) headDensity(panels []batchPanel, nodes int, c batchChain, above []float64) []float64 {
	b, lambda, whole := q.MaxBatch, q.ArrivalRatePerSecond, q.time(float64(q.MaxBatch))
	density := make([]float64, nodes)
	sum, at, next := 0.0, whole, b // Σ_{τ(n)>=at} p_n e^(-λ(τ(n)-at))
	came := make([]float64, poissonSpan(lambda*whole)+1)
	for i := len(panels) - 1; i >= 0; i-- {
		p := panels[i]
		if p.from >= whole {
			batches := math.Floor((p.from/2 + p.to/2) / whole)
			if !(batches*float64(b) < float64(len(above)+b)) { // nobody waits that long, but batches fill for that long
				continue
			}
			m := int(batches)
			for j := range p.rule.x {
				low, high := poissonWindow(came, lambda*(float64(m+1)*whole-p.at(j)))
				low, high = max(low, m*b-len(above)), min(high, m*b)
				for k := low; k < high; k++ {
					density[p.first+j] += lambda * came[k] * above[m*b-1-k] // X = (m+1)b - k
				}
				for n := b; n >= 1; n-- {
					own := q.ageDensity(n, m, p.at(j))
					if own < lambda*negligibleState { // it falls with n
						break
					}
					density[p.first+j] += c.starts[n] * own
				}
			}
			continue
		}
		for next >= 1 && q.time(float64(next)) >= p.to {
			tau := q.time(float64(next))
			sum = sum*math.Exp(-lambda*(at-tau)) + c.starts[next]
			at = tau
			next--
		}
		for j := range p.rule.x {
			density[p.first+j] = lambda * sum * math.Exp(-lambda*(at-p.at(j)))
		}
	}
	return density
}
