package forecast

import (
	"math"
	"slices"
	"time"
)

// YardstickNames are the simple forecasts of a window's maximum that capacity forecasts are judged
// against: the newest value, what the same window held a day and a week ago, and the largest of the
// three.
var YardstickNames = []string{"last", "day-ago", "week-ago", "maximum"}

// yardsticks forecasts quantiles of the maximum over 1..w in the four simple ways, for several
// windows w. Each has the same conformal wrapper: the signed errors of the newest 2048 complete
// windows are added to the point forecast, the quantile at level p being the one of rank
// ceil((n+1)p), as in split conformal prediction. A season that the history does not hold, or that is
// no whole number of steps, leaves its yardstick out.
//
// Source: section 2 of V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World
// (inductive conformal prediction); the rolling pool is ours.
type yardsticks struct {
	windows []int
	lags    [2]int    // steps in a day and a week, 0 if not whole
	past    []float64 // ring of values
	n       int       // values seen
	last    float64
	pools   [][len4]errorPool
	ahead   [][]([len4]float64) // per window: ring of the point forecasts of the newest origins
}

const len4 = 4

// newYardsticks expects windows of at least one step and room for a week of values.
func newYardsticks(step time.Duration, windows []int) *yardsticks {
	y := &yardsticks{windows: windows, last: math.NaN()}
	longest := slices.Max(windows)
	room := longest + 1
	for i, season := range []time.Duration{day, week} {
		if m := stepsIn(season, step); m >= longest {
			y.lags[i] = m
			room = max(room, m+longest+1)
		}
	}
	y.past = make([]float64, room)
	y.pools = make([][len4]errorPool, len(windows))
	y.ahead = make([][][len4]float64, len(windows))
	for i, w := range windows {
		y.ahead[i] = make([][len4]float64, w)
	}
	return y
}

// at returns the value k steps before the newest one, NaN if there is none.
func (y *yardsticks) at(k int) float64 {
	if k >= y.n || k >= len(y.past) {
		return math.NaN()
	}
	return y.past[(y.n-1-k)%len(y.past)]
}

// highest returns the largest value present among the w values from k steps ago on, NaN if none is.
func (y *yardsticks) highest(k, w int) float64 {
	m := math.NaN()
	for j := range w {
		if v := y.at(k - j); v > m || m != m {
			m = v
		}
	}
	return m
}

// points returns the point forecasts of the coming w steps, NaN for those that cannot be made.
func (y *yardsticks) points(w int) [len4]float64 {
	p := [len4]float64{y.last, math.NaN(), math.NaN(), y.last}
	for i, lag := range y.lags {
		if lag == 0 || y.n < lag {
			continue
		}
		p[1+i] = y.highest(lag-1, w)
		if p[1+i] > p[3] {
			p[3] = p[1+i]
		}
	}
	return p
}

// update takes the next value, NaN if missing.
func (y *yardsticks) update(v float64) {
	y.past[y.n%len(y.past)] = v
	y.n++
	if v == v {
		y.last = v
	}
	for i, w := range y.windows {
		slot := y.n % w
		if y.n > w {
			if actual := y.complete(w); actual == actual {
				for j, point := range y.ahead[i][slot] {
					if point == point {
						y.pools[i][j].add(actual - point)
					}
				}
			}
		}
		y.ahead[i][slot] = y.points(w)
	}
}

// replay takes in values of the past.
func (y *yardsticks) replay(values []float64) {
	for _, v := range values {
		y.update(v)
	}
}

// complete returns the maximum of the newest w values, NaN if one is missing.
func (y *yardsticks) complete(w int) float64 {
	m := y.at(0)
	for k := 1; k < w; k++ {
		m = max(m, y.at(k))
	}
	return m
}

// quantile returns the quantile of yardstick j for window i; NaN where it cannot be made.
func (y *yardsticks) quantile(i, j int, p float64) float64 {
	point, pool := y.points(y.windows[i])[j], &y.pools[i][j]
	if point != point || len(pool.sorted) < minPaths {
		return math.NaN()
	}
	return max(0, point+pool.sorted[rank(len(pool.sorted), p)])
}
