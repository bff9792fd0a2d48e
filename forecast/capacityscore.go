package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// CapacityOptions say how quantiles of window maxima are judged. The zero value of a field means its
// default.
type CapacityOptions struct {
	// Windows are the windows judged, in steps, each beginning with the next step; nil means 1.
	Windows []int
	// Quantiles are the levels judged; nil means 0.9, 0.95, 0.99.
	Quantiles []float64
	// TestFraction is the share of the series, at its end, that is judged; 0 means 0.3.
	TestFraction float64
	// Resamples is the number of bootstrap samples behind the intervals; 0 means 1000.
	Resamples int
}

// CapacityScore judges the quantile of one level of the maximum over one window.
type CapacityScore struct {
	// Window is the window in steps, Quantile the level.
	Window   int
	Quantile float64
	// Origins is the number of forecasts judged: one per step whose window holds no missing value.
	Origins int
	// MeanActual is the mean of the maxima; pinball losses divided by it compare across series.
	MeanActual float64
	// Pinball is the mean pinball loss.
	Pinball float64
	// Yardsticks holds the pinball losses of YardstickNames, NaN for those that could not be made at
	// every origin. Best is the index of the least.
	Yardsticks [len4]float64
	Best       int
	// Coverage is the share of maxima at or below the quantile; Low and High bound it with 95 %
	// confidence by a circular block bootstrap, see CapacityBacktest.
	Coverage, Low, High float64
	// Unserved is Σ max(0, y-q) / Σ y and Idle Σ max(0, q-y) / Σ y.
	Unserved, Idle float64
}

// Skill returns 1 - pinball/pinball of the best yardstick: above 0 is better than it.
//
// Special case: NaN if no yardstick could be made or the best one is never wrong.
func (s CapacityScore) Skill() float64 {
	if s.Best < 0 || s.Yardsticks[s.Best] == 0 {
		return math.NaN()
	}
	return 1 - s.Pinball/s.Yardsticks[s.Best]
}

// CapacityBacktest fits the model once on the first part of the series and judges the quantiles of
// window maxima that it gives while it is updated through the rest, at every step, beside simple
// forecasts with rolling conformal errors (YardstickNames). Scores come window by window, then level by
// level, in the order asked for.
//
// The interval of a coverage is that of a circular block bootstrap with blocks of max(3·window, √n)
// origins, since neighboring windows overlap and breaches cluster. Where nothing or everything was
// covered it says nothing, and the exact binomial bound of that many blocks stands in. Its random
// numbers are fixed: equal inputs give equal results.
//
// It returns ctx.Err() when canceled and an error wrapping ErrTooShort when the history is too short.
//
// Source: D. N. Politis, J. P. Romano, A circular block-resampling procedure for stationary data, in
// Exploring the Limits of Bootstrap (1992).
func CapacityBacktest(ctx context.Context, s Series, m Model, o CapacityOptions) ([]CapacityScore, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	o, err := o.resolve()
	if err != nil {
		return nil, err
	}
	n := len(s.Values)
	start := n - int(o.TestFraction*float64(n))
	longest := slices.Max(o.Windows)
	if start < 1 || start+longest > n {
		return nil, fmt.Errorf("forecast: the last %d of %d values hold no window of %d steps: %w", n-start, n, longest, ErrTooShort)
	}
	fitted, err := m.Fit(ctx, s.head(start))
	if err != nil {
		return nil, err
	}
	simple := newYardsticks(s.Step, o.Windows)
	for _, v := range s.Values[:start] {
		simple.update(v)
	}
	tallies := newCapacityTallies(o)
	for i := start; i < n; i++ {
		if (i-start)%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var d Distribution
		for k, w := range o.Windows {
			if i+w > n {
				continue
			}
			y := windowMax(s.Values[i : i+w])
			if y != y {
				continue
			}
			if d == nil {
				d = fitted.Forecast(longest)
			}
			for l, p := range o.Quantiles {
				t := &tallies[k*len(o.Quantiles)+l]
				t.add(y, d.MaxQuantile(1, w, p))
				for j := range t.simple {
					t.simple[j] += pinball(y, simple.quantile(k, j, p), p)
				}
			}
		}
		simple.update(s.Values[i])
		var x []float64
		if len(s.Regressors) > 0 {
			x = s.Regressors[i]
		}
		fitted.Update(s.Values[i], x)
	}
	scores := make([]CapacityScore, len(tallies))
	for i := range tallies {
		if tallies[i].n == 0 {
			return nil, fmt.Errorf("forecast: every window of %d steps in the last %d values has a missing value: %w", tallies[i].window, n-start, ErrTooShort)
		}
		scores[i] = tallies[i].score(o.Resamples)
	}
	return scores, nil
}

func (o CapacityOptions) resolve() (CapacityOptions, error) {
	var errs []error
	if o.Windows == nil {
		o.Windows = []int{1}
	}
	if o.Quantiles == nil {
		o.Quantiles = []float64{0.9, 0.95, 0.99}
	}
	if o.TestFraction == 0 {
		o.TestFraction = 0.3
	}
	if o.Resamples == 0 {
		o.Resamples = 1000
	}
	if len(o.Windows) == 0 {
		errs = append(errs, errors.New("forecast: windows is empty, want nil or at least one"))
	}
	for _, w := range o.Windows {
		if w < 1 {
			errs = append(errs, fmt.Errorf("forecast: window must be at least 1 step, got %d", w))
		}
	}
	for _, p := range o.Quantiles {
		if !(p > 0 && p < 1) {
			errs = append(errs, fmt.Errorf("forecast: quantile level must lie between 0 and 1, got %v", p))
		}
	}
	if !(o.TestFraction > 0 && o.TestFraction < 1) {
		errs = append(errs, fmt.Errorf("forecast: test fraction must lie between 0 and 1, got %v", o.TestFraction))
	}
	if o.Resamples < 0 {
		errs = append(errs, fmt.Errorf("forecast: resamples must not be negative, got %d", o.Resamples))
	}
	return o, errors.Join(errs...)
}

// capacityTally accumulates a CapacityScore.
type capacityTally struct {
	window                    int
	p                         float64
	n                         float64
	sum, loss, unserved, idle float64
	simple                    [len4]float64
	covered                   []bool
}

func newCapacityTallies(o CapacityOptions) []capacityTally {
	var tallies []capacityTally
	for _, w := range o.Windows {
		for _, p := range o.Quantiles {
			tallies = append(tallies, capacityTally{window: w, p: p})
		}
	}
	return tallies
}

func (t *capacityTally) add(y, q float64) {
	t.n++
	t.sum += y
	t.loss += pinball(y, q, t.p)
	t.unserved += max(0, y-q)
	t.idle += max(0, q-y)
	t.covered = append(t.covered, y <= q)
}

func (t *capacityTally) score(resamples int) CapacityScore {
	s := CapacityScore{
		Window: t.window, Quantile: t.p, Origins: int(t.n), MeanActual: t.sum / t.n,
		Pinball: t.loss / t.n, Best: -1, Unserved: t.unserved / t.sum, Idle: t.idle / t.sum,
	}
	for j, loss := range t.simple {
		s.Yardsticks[j] = loss / t.n
		if s.Best < 0 && loss == loss || s.Best >= 0 && s.Yardsticks[j] < s.Yardsticks[s.Best] {
			s.Best = j
		}
	}
	s.Coverage, s.Low, s.High = blockBootstrap(t.covered, 3*t.window, resamples)
	return s
}

// leastBlocks is the number of blocks below which a bootstrap says little (chosen by us).
const leastBlocks = 10

// clopperPearson returns the exact 95 % interval of a share seen in n independent trials, n not
// necessarily whole.
//
// Source: C. J. Clopper, E. S. Pearson, The use of confidence or fiducial limits illustrated in the
// case of the binomial, Biometrika 26 (1934), in its form by quantiles of the beta distribution.
func clopperPearson(share, n float64) (low, high float64) {
	hits := share * n
	high = 1
	if hits > 0 {
		low = distuv.Beta{Alpha: hits, Beta: n - hits + 1}.Quantile(0.025)
	}
	if hits < n {
		high = distuv.Beta{Alpha: hits + 1, Beta: n - hits}.Quantile(0.975)
	}
	return low, high
}

// blockBootstrap returns the share of true and its 95 % percentile interval.
func blockBootstrap(hits []bool, least, resamples int) (share, low, high float64) {
	n := len(hits)
	block := min(n, max(least, int(math.Ceil(math.Sqrt(float64(n))))))
	sums := make([]int, 2*n+1) // prefix sums around the circle
	for i := range 2 * n {
		sums[i+1] = sums[i]
		if hits[i%n] {
			sums[i+1]++
		}
	}
	share = float64(sums[n]) / float64(n)
	blocks := (n + block - 1) / block
	if blocks < leastBlocks || sums[n] == 0 || sums[n] == n {
		low, high = clopperPearson(share, float64(n)/float64(block))
		return share, low, high
	}
	rng := rand.New(rand.NewPCG(uint64(n), uint64(block)))
	shares := make([]float64, resamples)
	for r := range shares {
		total := 0
		for range blocks {
			from := rng.IntN(n)
			total += sums[from+block] - sums[from]
		}
		shares[r] = float64(total) / float64(blocks*block)
	}
	slices.Sort(shares)
	return share, shares[int(0.025*float64(resamples))], shares[min(resamples-1, int(0.975*float64(resamples)))]
}
