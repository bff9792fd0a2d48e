package queueing

import "math"

// square is a dense square matrix by rows.
type square struct {
	size   int
	values []float64
}

func newSquare(size int) square { return square{size: size, values: make([]float64, size*size)} }

func (m square) row(i int) []float64 { return m.values[i*m.size : (i+1)*m.size] }

// factorMMatrix replaces the matrix by its factors L, with ones on the diagonal, and U. The matrix has no positive
// entries off the diagonal and rows that add up to excess > 0; its diagonal is not read. Each pivot is what its row lacks,
// so that all sums have one sign and every entry keeps its relative accuracy.
//
// Source: W. K. Grassmann, M. I. Taksar, D. P. Heyman, Regenerative analysis and steady state distributions for Markov
// chains, Operations Research 33 (1985), 1107-1116.
func (m square) factorMMatrix(excess float64) {
	sums := make([]float64, m.size)
	for i := range sums {
		sums[i] = excess
	}
	for k := range m.size {
		pivot := m.row(k)
		pivot[k] = sums[k]
		for _, v := range pivot[k+1:] {
			pivot[k] -= v
		}
		inverse := 1 / pivot[k]
		for i := k + 1; i < m.size; i++ {
			row := m.row(i)
			if row[k] == 0 {
				continue
			}
			row[k] *= inverse
			subtract(row[k+1:], row[k], pivot[k+1:])
			sums[i] -= row[k] * sums[k]
		}
	}
}

// solve returns x with LU·x = b, reusing b.
func (m square) solve(b []float64) []float64 {
	for i := range b {
		for k, v := range m.row(i)[:i] {
			b[i] -= v * b[k]
		}
	}
	for i := m.size - 1; i >= 0; i-- {
		row := m.row(i)
		for k := i + 1; k < m.size; k++ {
			b[i] -= row[k] * b[k]
		}
		b[i] /= row[i]
	}
	return b
}

// inverseTimesUp returns (LU)^-1 times the matrix whose row i has stay at i and step at i+1.
func (m square) inverseTimesUp(stay, step float64) [][]float64 {
	width := m.size + 1
	values := make([]float64, m.size*width)
	rows := make([][]float64, m.size)
	for i := range rows {
		rows[i] = values[i*width : (i+1)*width]
		rows[i][i], rows[i][i+1] = stay, step
	}
	for i := range rows { // row i of the right-hand side reaches column i+1
		factors := m.row(i)
		for k := 1; k < i; k += 2 {
			subtractTwo(rows[i], factors[k-1], rows[k-1][:k+2], factors[k], rows[k][:k+2])
		}
		if i%2 == 1 {
			subtract(rows[i], factors[i-1], rows[i-1][:i+1])
		}
	}
	for i := m.size - 1; i >= 0; i-- {
		factors := m.row(i)
		k := i + 1
		for ; k+1 < m.size; k += 2 {
			subtractTwo(rows[i], factors[k], rows[k], factors[k+1], rows[k+1])
		}
		if k < m.size {
			subtract(rows[i], factors[k], rows[k])
		}
		inverse := 1 / factors[i]
		for j := range rows[i] {
			rows[i][j] *= inverse
		}
	}
	return rows
}

// subtract takes factor times other from the start of row.
func subtract(row []float64, factor float64, other []float64) {
	if factor == 0 {
		return
	}
	row = row[:len(other)]
	for i, v := range other {
		row[i] -= factor * v
	}
}

// subtractTwo takes two rows of one length in one pass, which halves the traffic of the row they are taken from.
func subtractTwo(row []float64, factor1 float64, other1 []float64, factor2 float64, other2 []float64) {
	row, other2 = row[:len(other1)], other2[:len(other1)]
	for i, v := range other1 {
		row[i] -= factor1*v + factor2*other2[i]
	}
}

// nullVector returns x with M x = 0 for a matrix of rank size-1, by elimination with complete pivoting after its rows
// and columns are scaled to like size. It overwrites the matrix.
func (m square) nullVector() []float64 {
	n := m.size
	columnScale := make([]float64, n)
	for range 2 {
		for i := range n {
			row := m.row(i)
			largest := 0.0
			for _, v := range row {
				largest = math.Max(largest, math.Abs(v))
			}
			if largest > 0 {
				for j := range row {
					row[j] /= largest
				}
			}
		}
		for j := range n {
			largest := 0.0
			for i := range n {
				largest = math.Max(largest, math.Abs(m.row(i)[j]))
			}
			if largest == 0 {
				largest = 1
			}
			if columnScale[j] == 0 {
				columnScale[j] = 1
			}
			columnScale[j] *= largest
			for i := range n {
				m.row(i)[j] /= largest
			}
		}
	}
	columns := make([]int, n)
	for j := range columns {
		columns[j] = j
	}
	for k := range n - 1 {
		bestI, bestJ, best := k, k, -1.0
		for i := k; i < n; i++ {
			for j, v := range m.row(i)[k:] {
				if math.Abs(v) > best {
					bestI, bestJ, best = i, k+j, math.Abs(v)
				}
			}
		}
		if bestI != k {
			a, b := m.row(k), m.row(bestI)
			for j := range a {
				a[j], b[j] = b[j], a[j]
			}
		}
		if bestJ != k {
			columns[k], columns[bestJ] = columns[bestJ], columns[k]
			for i := range n {
				row := m.row(i)
				row[k], row[bestJ] = row[bestJ], row[k]
			}
		}
		pivot := m.row(k)
		for i := k + 1; i < n; i++ {
			row := m.row(i)
			subtract(row[k+1:], row[k]/pivot[k], pivot[k+1:])
		}
	}
	solution := make([]float64, n)
	solution[n-1] = 1
	for k := n - 2; k >= 0; k-- {
		row := m.row(k)
		sum := 0.0
		for j := k + 1; j < n; j++ {
			sum += row[j] * solution[j]
		}
		solution[k] = -sum / row[k]
	}
	x := make([]float64, n)
	for k, j := range columns {
		x[j] = solution[k] / columnScale[j]
	}
	return x
}
