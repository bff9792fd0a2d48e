package queueing

import "math"

// MaxSetupServers is the largest number of servers of [MMcSetup]: one solution takes O(c³) time, 0.2 s at the bound.
const MaxSetupServers = 1000

// MMcSetup is an M/M/c queue with setup times (cold starts): a server is switched off the moment it finds nothing to
// do, and every request that waits drives the setup of one server that is off, as far as there are any. Setups are
// exponential and are canceled when they are not needed any more. It is the extreme of scaling to load: what remains
// of the wait is what reacting, without any reserve, costs.
//
// The zero value is invalid. Common to all methods: NaN for arguments that [MMc] does not allow, more than
// [MaxSetupServers] servers, or a mean setup that is negative, infinite or NaN. Without setup it is the MMc queue.
// Means and quantiles are +Inf where λ >= cμ. Quantiles are found by numerical inversion, to 1e-9 of probability, for up to
// [MaxSetupQuantileServers] servers; see [MMcSetup.WaitTail]. Every method solves the queue; [MMcSetup.Solve] keeps the
// solution for several questions.
//
// Source: A. Gandhi, S. Doroudi, M. Harchol-Balter, A. Scheller-Wolf, Exact analysis of the M/M/k/setup class of
// Markov chains via recursive renewal reward, SIGMETRICS 2013 and Queueing Systems 77 (2014) (the model). The solution
// here is ours: matrix-geometric above c, whose rate matrix is triangular, and phase by phase below.
type MMcSetup struct {
	ArrivalRatePerSecond float64 // λ
	ServiceRatePerSecond float64 // μ, of one server
	Servers              int     // c
	MeanSetupSeconds     float64 // from switching on to serving
}

// OfferedLoad returns a = λ/μ in erlangs, which is also the mean number of busy servers of a stable queue.
func (q MMcSetup) OfferedLoad() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.queue().OfferedLoad()
}

// Utilization returns ρ = λ/(cμ), servers switched off included.
func (q MMcSetup) Utilization() float64 {
	if !q.valid() {
		return math.NaN()
	}
	return q.queue().Utilization()
}

// Stable reports whether λ < cμ. It is false for invalid parameters.
func (q MMcSetup) Stable() bool { return q.valid() && q.queue().Stable() }

// WaitProbability returns P(W > 0): 1, since no server is ever on and idle; Erlang C without setup.
func (q MMcSetup) WaitProbability() float64 {
	switch {
	case !q.valid():
		return math.NaN()
	case q.MeanSetupSeconds == 0:
		return q.queue().WaitProbability()
	}
	return 1
}

// MeanWaitSeconds returns the mean time from arrival to the start of service.
func (q MMcSetup) MeanWaitSeconds() float64 { return q.solved(false).MeanWaitSeconds() }

// MeanResponseSeconds returns the mean time from arrival to completion. With one server it is the closed form
// 1/(μ-λ) + E[setup] (P. D. Welch, Operations Research 12 (1964)).
func (q MMcSetup) MeanResponseSeconds() float64 { return q.solved(false).MeanResponseSeconds() }

// MeanQueueLength returns the mean number waiting, λE[W].
func (q MMcSetup) MeanQueueLength() float64 { return q.solved(false).MeanQueueLength() }

// MeanInSystem returns the mean number waiting or in service.
func (q MMcSetup) MeanInSystem() float64 { return q.MeanQueueLength() + q.OfferedLoad() }

// MeanInSetup returns the mean number of servers that are starting, which cost without serving. Where the queue is not
// stable all servers are on and it is 0.
func (q MMcSetup) MeanInSetup() float64 { return q.solved(false).MeanInSetup() }

// SolvedMMcSetup is the steady state of an [MMcSetup], from [MMcSetup.Solve]. It is immutable, and its methods have the
// special cases of those of [MMcSetup].
type SolvedMMcSetup struct {
	queue MMcSetup
	chain bool // state holds the solution, which a queue that is invalid, unstable, idle or without setup does not need
	state setupState
}

// Solve computes the steady state once for several questions.
func (q MMcSetup) Solve() *SolvedMMcSetup { return q.solved(q.Servers <= MaxSetupQuantileServers) }

func (q MMcSetup) solved(keepLaw bool) *SolvedMMcSetup {
	s := &SolvedMMcSetup{queue: q}
	if q.Stable() && q.MeanSetupSeconds > 0 && q.OfferedLoad() > 0 {
		s.chain, s.state = true, q.solve(keepLaw)
	}
	return s
}

// Utilization returns ρ.
func (s *SolvedMMcSetup) Utilization() float64 { return s.queue.Utilization() }

// WaitProbability returns P(W > 0).
func (s *SolvedMMcSetup) WaitProbability() float64 { return s.queue.WaitProbability() }

// MeanWaitSeconds returns E[W].
func (s *SolvedMMcSetup) MeanWaitSeconds() float64 {
	q := s.queue
	switch {
	case s.chain:
		return s.state.waiting / q.ArrivalRatePerSecond
	case !q.valid():
		return math.NaN()
	case !q.Stable():
		return math.Inf(1)
	case q.MeanSetupSeconds == 0:
		return q.queue().MeanWaitSeconds()
	}
	return q.MeanSetupSeconds // one request, alone
}

// MeanResponseSeconds returns E[T].
func (s *SolvedMMcSetup) MeanResponseSeconds() float64 {
	return s.MeanWaitSeconds() + 1/s.queue.ServiceRatePerSecond
}

// MeanQueueLength returns λE[W].
func (s *SolvedMMcSetup) MeanQueueLength() float64 {
	if s.queue.valid() && s.queue.OfferedLoad() == 0 {
		return 0
	}
	return s.queue.ArrivalRatePerSecond * s.MeanWaitSeconds()
}

// MeanInSetup returns the mean number of servers that are starting.
func (s *SolvedMMcSetup) MeanInSetup() float64 {
	if !s.queue.valid() {
		return math.NaN()
	}
	return s.state.starting
}

func (q MMcSetup) queue() MMc {
	return MMc{ArrivalRatePerSecond: q.ArrivalRatePerSecond, ServiceRatePerSecond: q.ServiceRatePerSecond, Servers: q.Servers}
}

func (q MMcSetup) valid() bool {
	return q.queue().valid() && q.Servers <= MaxSetupServers && q.MeanSetupSeconds >= 0 && !math.IsInf(q.MeanSetupSeconds, 1)
}

type setupState struct {
	waiting  float64     // mean number
	starting float64     // mean number of servers
	total    float64     // of the law, which is not normalized
	law      [][]float64 // by j and n-j up to n = c, if asked for
	rates    setupRates
	columns  [][]float64 // of the matrix of rates, if asked for
}

// solve finds the stationary law of (n, j), n requests in the system of which j are in service. In phase j setups
// complete at the rate s(n) = min(n-j, c-j)/E[setup] and lead to phase j+1; the only way back is a departure from
// (j+1, j+1). The flows between two phases cancel,
//
//	(j+1)μ π(j+1, j+1) = Σ_n s(n) π(n, j),
//
// so that phase j starts from a known π(j, j) and the law of phase j-1, and is a tridiagonal system in n:
//
//	(λ + jμ + s(n)) π(n, j) = λ π(n-1, j) + jμ π(n+1, j) + s'(n) π(n, j-1),  n > j,
//
// s' being the rate of phase j-1. It is closed at n = c by π(c+m, ·) = π(c, ·) R^m. All terms are positive.
func (q MMcSetup) solve(keepLaw bool) setupState {
	c := q.Servers
	servers := float64(c)
	lambda := q.ArrivalRatePerSecond / q.ServiceRatePerSecond // time in units of 1/μ
	setupRate := 1 / (q.MeanSetupSeconds * q.ServiceRatePerSecond)
	r := newSetupRates(c, lambda, setupRate, q.queue().spareRate()/q.ServiceRatePerSecond)

	const rescaleAbove = 0x1p400   // π(0, 0) = 1 may be e^-1000 of the rest
	atTop := make([]float64, c+1)  // π(c, j)
	above := make([]float64, c+1)  // S_j = Σ_{m>=0} π(c+m, j)
	beyond := make([]float64, c+1) // V_j = Σ_{m>=1} m π(c+m, j)
	var total, waiting, starting float64
	var last, current, slope, offset []float64 // by n
	last, current = make([]float64, c+1), make([]float64, c+1)
	slope, offset = make([]float64, c+1), make([]float64, c+1)
	var law [][]float64
	first := 1.0 // π(j, j)
	for j := 0; j <= c; j++ {
		busy := float64(j)
		rate := func(n int) float64 { return float64(min(n, c)-j) * setupRate }
		source := func(n int) float64 { return (rate(n) + setupRate) * last[n] } // min(n,c)-j+1 setups in phase j-1
		if j == 0 {
			source = func(int) float64 { return 0 }
		}
		// π(c+1, j) = R_jj π(c, j) + what phases before bring along.
		var brought float64
		for i := range j {
			brought += atTop[i] * r.matrix[i][j]
		}
		current[j] = first
		if j < c {
			slope[c] = lambda / (lambda + busy + rate(c) - busy*r.matrix[j][j])
			offset[c] = (busy*brought + source(c)) * slope[c] / lambda
			for n := c - 1; n > j; n-- {
				slope[n] = lambda / (lambda + busy + rate(n) - busy*slope[n+1])
				offset[n] = (busy*offset[n+1] + source(n)) * slope[n] / lambda
			}
			for n := j + 1; n <= c; n++ {
				current[n] = slope[n]*current[n-1] + offset[n]
			}
		}
		atTop[j] = current[c]
		if keepLaw {
			law = append(law, append([]float64(nil), current[j:]...))
		}

		// S = π(c) + S R and V = S R + V R; S R is found first, since S - π(c) would cancel.
		shifted := r.matrix[j][j] * current[c] // (S R)_j = (R_jj π(c, j) + Σ_{i<j} S_i R_ij)/(1 - R_jj)
		moved := 0.0
		for i := range j {
			shifted += above[i] * r.matrix[i][j]
			moved += beyond[i] * r.matrix[i][j]
		}
		shifted /= r.complement[j]
		above[j] = current[c] + shifted
		beyond[j] = (shifted + moved) / r.complement[j]

		var flow float64
		for n := j; n < c; n++ {
			total += current[n]
			waiting += float64(n-j) * current[n]
			flow += rate(n) * current[n]
		}
		flow += rate(c) * above[j]
		total += above[j]
		waiting += (servers-busy)*above[j] + beyond[j]
		starting += flow / setupRate
		first = flow / (busy + 1)
		last, current = current, last
		if flow > rescaleAbove {
			for _, s := range append(law, atTop, above, beyond, last) {
				for i := range s {
					s[i] /= rescaleAbove
				}
			}
			total, waiting, starting, first = total/rescaleAbove, waiting/rescaleAbove, starting/rescaleAbove, first/rescaleAbove
		}
	}
	state := setupState{waiting: waiting / total, starting: starting / total, total: total, law: law, rates: r}
	if keepLaw {
		state.columns = r.columns()
	}
	return state
}

// setupRates is the matrix R of the levels above c, upper triangular since phases only rise there.
type setupRates struct {
	matrix     [][]float64
	complement []float64 // 1 - R_jj
}

// newSetupRates solves λI - R·diag(d) + R·shift + R²·diag(j) = 0, d_j = λ + j + s_j, s_j = (c-j)·setupRate, for its
// least solution. The diagonal are roots of quadratics and the rest follows column by column:
//
//	R_il (λ/R_ll - l R_ii) = R_i,l-1 s_{l-1} + l Σ_{i<m<l} R_im R_ml.
func newSetupRates(c int, lambda, setupRate, spare float64) setupRates {
	r := setupRates{matrix: make([][]float64, c+1), complement: make([]float64, c+1)}
	for j := range c + 1 {
		r.matrix[j] = make([]float64, c+1)
		busy, s := float64(j), float64(c-j)*setupRate
		drift := lambda - busy
		// Roots of busy·r² - d·r + λ = 0 and of the same in 1-r, each without cancellation.
		d := lambda + busy + s
		r.matrix[j][j] = 2 * lambda / (d + math.Sqrt(drift*drift+2*(lambda+busy)*s+s*s))
		b := drift + s
		root := math.Sqrt(b*b + 4*busy*s)
		if b >= 0 {
			r.complement[j] = 2 * s / (b + root)
		} else {
			r.complement[j] = (root - b) / (2 * busy)
		}
	}
	r.matrix[c][c], r.complement[c] = lambda/float64(c), spare/float64(c)
	column := make([]float64, c+1) // R_ml by m, beside the rows for the cache
	for l := 1; l <= c; l++ {
		busy := float64(l)
		for i := l - 1; i >= 0; i-- {
			row := r.matrix[i]
			sum := row[l-1] * float64(c-l+1) * setupRate
			var paths float64
			for m := i + 1; m < l; m++ {
				paths += row[m] * column[m]
			}
			denominator := lambda/r.matrix[l][l] - busy*row[i]
			if l == c {
				denominator = busy * r.complement[i]
			}
			row[l] = (sum + busy*paths) / denominator
			column[i] = row[l]
		}
		column[l] = 0
	}
	return r
}

// columns returns R by columns, above the diagonal.
func (r setupRates) columns() [][]float64 {
	columns := make([][]float64, len(r.matrix))
	for i := range columns {
		columns[i] = make([]float64, i)
		for l := range i {
			columns[i][l] = r.matrix[l][i]
		}
	}
	return columns
}
