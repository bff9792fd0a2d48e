package queueing

import "math"

// phaseQueue solves an [MPHc] in units of its mean service time.
type phaseQueue struct {
	servers int
	lambda  float64
	service PhaseType
	unit    float64 // seconds per unit
}

func newPhaseQueue(q MPHc) phaseQueue {
	unit := q.Service.Moments().Mean
	service := q.Service
	service.Rate1 *= unit
	service.Rate2 *= unit
	return phaseQueue{servers: q.Servers, lambda: q.ArrivalRatePerSecond * unit, service: service, unit: unit}
}

// solve returns the weights and rates, per second, of P(W > t) = Σ weight e^(-rate t).
func (q phaseQueue) solve() (weights, rates []float64) {
	c := q.servers
	reach, passage := q.climb()
	terms := make([]phaseTerm, c+1)
	// Balance at level c: Σ α_k (v_k H - (λ/x_k) v_k) = 0, H the flow down to c-1 and back up to c.
	system := newSquare(c + 1)
	for k := range terms {
		terms[k] = q.term(k)
		v := terms[k].vector
		for i := 0; i <= c; i++ {
			system.row(i)[k] = -q.lambda / (1 - terms[k].gap) * v[i]
		}
		for i, flow := range q.down(c, v) {
			for j, p := range reach[i] {
				system.row(j)[k] += flow * p
			}
		}
	}
	alpha := system.nullVector()

	level := make([]float64, c+1) // the law at level c
	busy := 0.0                   // and its mass from there on
	weights, rates = make([]float64, c+1), make([]float64, c+1)
	for k, t := range terms {
		for i, v := range t.vector {
			level[i] += alpha[k] * v
		}
		weights[k] = alpha[k] * t.total / t.gap
		rates[k] = q.rate(t.gap) / q.unit
		busy += weights[k]
	}
	total := busy
	for i, flow := range q.down(c, level) {
		total += flow * passage[i]
	}
	for k := range weights {
		weights[k] /= total
	}
	return weights, rates
}

// phaseTerm is one geometric term x^n v of the levels from c on.
type phaseTerm struct {
	gap    float64   // 1 - x
	vector []float64 // v, scaled to a largest weighted component of 1
	total  float64   // Σ v
}

// root returns 1 - x for the root x of term k, the only zero on (0, 1) of
//
//	f(ε) = k η₁ + (c-k) η₂ + λ ε/(1-ε),  x = 1-ε.
func (q phaseQueue) root(k int) float64 {
	f := func(gap float64) float64 {
		larger, smaller := q.eigenvalues(gap)
		up := q.lambda / (1 - gap)
		if k == q.servers { // divide the zero at ε = 0 out: η₁ = μ₁μ₂ε/η₂
			return up + float64(k)*q.service.Rate1*q.service.Rate2/smaller
		}
		return float64(k)*larger + float64(q.servers-k)*smaller + up*gap
	}
	low, high := point{0, f(0)}, point{1, math.Inf(1)}
	for scale := 0.5; low.x == 0 && scale > 0; scale /= 2 { // narrow works to a relative tolerance: leave zero first
		if y := f(scale); y <= 0 {
			low = point{scale, y}
		} else {
			high = point{scale, y}
		}
	}
	if math.IsInf(high.y, 1) {
		for gap := 0.25; ; gap /= 2 {
			y := f(1 - gap)
			if y > 0 {
				high = point{1 - gap, y}
				break
			}
			low = point{1 - gap, y}
		}
	}
	return narrow(f, low, high)
}

// rate is the decay rate of term k, in units of the service rate.
func (q phaseQueue) rate(gap float64) float64 { return q.lambda * gap / (1 - gap) }

// term returns the factor and the vector of term k.
func (q phaseQueue) term(k int) phaseTerm {
	gap := q.root(k)
	larger, smaller := q.eigenvalues(gap)
	p1, p2 := q.eigenvector(gap, larger)
	r1, r2 := q.eigenvector(gap, smaller)
	vector := make([]float64, 1, q.servers+1)
	vector[0] = 1
	for i := range q.servers {
		if i < k {
			vector = timesBinomial(vector, p1, p2)
		} else {
			vector = timesBinomial(vector, r1, r2)
		}
	}
	total := math.Pow(p1+p2, float64(k)) * math.Pow(r1+r2, float64(q.servers-k))
	norm := 0.0
	for _, v := range vector {
		norm = math.Max(norm, math.Abs(v))
	}
	for i := range vector {
		vector[i] /= norm
	}
	return phaseTerm{gap: gap, vector: vector, total: total / norm}
}

// eigenvalues of S + (1-ε) s⁰α. Its determinant is μ₁μ₂ε, which gives the larger eigenvalue without cancellation.
func (q phaseQueue) eigenvalues(gap float64) (larger, smaller float64) {
	m := q.generator(gap)
	root := math.Hypot(m[0]-m[3], 2*math.Sqrt(m[1]*m[2]))
	smaller = (m[0] + m[3] - root) / 2
	return q.service.Rate1 * q.service.Rate2 * gap / smaller, smaller
}

// eigenvector is the left eigenvector, scaled to absolute values that add up to 1.
func (q phaseQueue) eigenvector(gap, eigenvalue float64) (first, second float64) {
	m := q.generator(gap)
	first, second = m[2], eigenvalue-m[0]
	if a, b := eigenvalue-m[3], m[1]; math.Abs(a)+math.Abs(b) > math.Abs(first)+math.Abs(second) {
		first, second = a, b
	}
	norm := math.Abs(first) + math.Abs(second)
	return first / norm, second / norm
}

// generator is S + (1-ε) s⁰α by rows.
func (q phaseQueue) generator(gap float64) [4]float64 {
	s, x := q.service, 1-gap
	end1 := s.Rate1 * (1 - s.Onward)
	return [4]float64{
		-s.Rate1 + x*end1*s.Start, s.Rate1*s.Onward + x*end1*(1-s.Start),
		x * s.Rate2 * s.Start, -s.Rate2 + x*s.Rate2*(1-s.Start),
	}
}

// timesBinomial multiplies a polynomial, lowest power first, by second + first·w.
func timesBinomial(polynomial []float64, first, second float64) []float64 {
	n := len(polynomial)
	polynomial = append(polynomial, 0)
	for i := n; i > 0; i-- {
		polynomial[i] = polynomial[i]*second + polynomial[i-1]*first
	}
	polynomial[0] *= second
	return polynomial
}

// climb returns two things about the way from level c-1 up to c, by its phase at the start: the law of the phase on
// reaching c, and the mean time until then, most of which may be spent far below. It rises level by level: -T_n, minus
// the generator of the levels up to n seen only while at n, is an M-matrix whose rows add up to λ, and
//
//	-T_n reach_n = up_n,  -T_n passage_n = 1 + down_n passage_(n-1).
func (q phaseQueue) climb() (reach [][]float64, passage []float64) {
	s := q.service
	for n := range q.servers {
		m := newSquare(n + 1)
		time := make([]float64, n+1)
		for i := 0; i <= n; i++ {
			row := m.row(i)
			time[i] = 1
			in1, in2 := float64(i)*s.Rate1, float64(n-i)*s.Rate2
			if i > 0 {
				row[i-1] -= in1 * s.Onward
				subtract(row, in1*(1-s.Onward), reach[i-1])
				time[i] += in1 * (1 - s.Onward) * passage[i-1]
			}
			if i < n {
				subtract(row, in2, reach[i])
				time[i] += in2 * passage[i]
			}
		}
		m.factorMMatrix(q.lambda)
		passage = m.solve(time)
		reach = m.inverseTimesUp(q.lambda*(1-s.Start), q.lambda*s.Start)
		// Each row is a law. An error in its sum would grow by n/λ at every further level.
		for _, row := range reach {
			sum := 0.0
			for _, p := range row {
				sum += p
			}
			for j := range row {
				row[j] /= sum
			}
		}
	}
	return reach, passage
}

// down is the flow from a law at level n <= c into the phases of level n-1.
func (q phaseQueue) down(n int, law []float64) []float64 {
	flow := make([]float64, n)
	for i, p := range law {
		if i > 0 {
			flow[i-1] += p * float64(i) * q.service.Rate1 * (1 - q.service.Onward)
		}
		if i < n {
			flow[i] += p * float64(n-i) * q.service.Rate2
		}
	}
	return flow
}
