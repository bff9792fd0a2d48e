package report

import "math"

// point is a position on the drawing, in pixels. After reports that the line is broken before it.
type point struct {
	x, y  float64
	after bool
}

// pointsPerColumn is how many points one pixel column keeps: first, lowest, highest and last, enough to draw the
// same pixels as all of them.
const pointsPerColumn = 4

// linePoints maps a series to pixels, leaves out missing values and thins it to at most four points in each pixel
// column: the first, the lowest, the highest and the last, in their order, so that no peak is lost. A gap between
// two points in the same column is narrower than a pixel and is not drawn.
//
// Source: U. Jugel, Z. Jerzak, G. Hackenbroich, V. Markl, M4: A Visualization-Oriented Time Series Data Aggregation,
// PVLDB 7 (2014), 797-808.
func linePoints(x, y []float64, toX, toY func(float64) float64, columns int) []point {
	points := make([]point, 0, min(len(x), pointsPerColumn*columns))
	broken := false
	thin := len(x) > pointsPerColumn*columns
	var kept [pointsPerColumn]point // of the column in work: first, highest, lowest, last
	var index [pointsPerColumn]int
	column, open := math.Inf(-1), false
	flush := func() {
		if open {
			points = appendInOrder(points, kept, index)
		}
		open = false
	}
	for i := range x {
		if !finite(y[i]) {
			broken = true
			continue
		}
		p := point{x: toX(x[i]), y: toY(y[i]), after: broken}
		broken = false
		if !thin {
			points = append(points, p)
			continue
		}
		if c := math.Floor(p.x); !open || c != column {
			flush()
			column, open = c, true
			kept, index = [pointsPerColumn]point{p, p, p, p}, [pointsPerColumn]int{i, i, i, i}
			continue
		}
		p.after = false
		if p.y < kept[1].y {
			kept[1], index[1] = p, i
		}
		if p.y > kept[2].y {
			kept[2], index[2] = p, i
		}
		kept[3], index[3] = p, i
	}
	flush()
	return points
}

// appendInOrder appends the points of one column by their place in the series, each once.
func appendInOrder(points []point, kept [pointsPerColumn]point, index [pointsPerColumn]int) []point {
	if index[1] > index[2] {
		index[1], index[2] = index[2], index[1]
		kept[1], kept[2] = kept[2], kept[1]
	}
	for i := range kept {
		if i == 0 || index[i] != index[i-1] {
			points = append(points, kept[i])
		}
	}
	return points
}

// edge is one abscissa of a band in pixels.
type edge struct {
	x, lo, hi float64
	after     bool
}

// bandEdges does for a band what linePoints does for a line: in each pixel column it keeps the widest extent, at the
// column's first and last abscissa.
func bandEdges(b Band, toX, toY func(float64) float64, columns int) []edge {
	thin := len(b.X) > pointsPerColumn*columns
	var edges []edge
	broken := false
	for i := range b.X {
		if !finite(b.Lo[i]) || !finite(b.Hi[i]) {
			broken = true
			continue
		}
		e := edge{x: toX(b.X[i]), lo: toY(b.Lo[i]), hi: toY(b.Hi[i]), after: broken}
		broken = false
		n := len(edges)
		if !thin || n == 0 || math.Floor(edges[n-1].x) != math.Floor(e.x) {
			edges = append(edges, e)
			continue
		}
		if n < 2 || math.Floor(edges[n-2].x) != math.Floor(e.x) {
			edges = append(edges, edges[n-1])
			edges[n].after = false
			n++
		}
		first, last := &edges[n-2], &edges[n-1]
		first.lo, first.hi = math.Max(first.lo, e.lo), math.Min(first.hi, e.hi) // pixels grow downwards
		last.x, last.lo, last.hi = e.x, first.lo, first.hi
	}
	return edges
}
