package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// DefaultBudget is the number of forecasts Auto judges over all candidates: about 400 for each of
// the default ones (chosen by us).
const DefaultBudget = 3000

// selectionFraction is the share of the history, at its end, on which candidates are compared.
const selectionFraction = 0.3

// Auto chooses a model for the series it is given and fits it on all of it.
//
// With Candidates nil that is Blend, itself a combination of experts, unless persistence with pooled
// errors has a pinball loss clearly less (3 %) over the second half of the windows that Blend learned
// from, each judged before it was learned from and by regressions fitted without it. A history too
// short for Blend gets persistence.
//
// Given Candidates are compared by a rolling-origin backtest on the last 30 % of the series. They are
// judged by the pinball loss of the window maximum at one quantile level, the loss that capacity is
// planned by. A more complex candidate must beat a simpler one beyond the noise of the comparison.
// Candidates that need more history are left out; when the history is too short to compare, the
// first candidate that can be fitted is used. Selection.Why says so in all cases.
type Auto struct {
	// Horizon and Window are as in Naive.
	Horizon, Window int
	// Quantile is the level candidates are judged at, in (0, 1); 0 means 0.95.
	Quantile float64
	// Candidates to choose from, simplest first. nil means Blend, with Naive to fall back to. The first
	// is the yardstick of Skill.
	Candidates []Named
	// Budget is the number of forecasts judged over all candidates; 0 means DefaultBudget.
	Budget int
}

// Selection is the model chosen by Auto, fitted. It implements Fitted.
type Selection struct {
	Fitted
	// Selected is the name of the chosen candidate.
	Selected string
	// Why explains the choice in one sentence.
	Why string
	// Scores holds the backtest of every candidate that could be judged, in the order of candidates.
	// Only the window maximum at the level of Auto is judged; empty if the history was too short.
	Scores []Score
	// Score is the chosen candidate's entry of Scores; Origins is 0 if there is none.
	Score Score
	// Skill is 1 - pinball/pinball of the first candidate: 0 if that one was chosen or nothing
	// could be judged. Above 0 the load is predictable beyond it.
	Skill float64

	watch *watch
}

// Fit implements Model. The concrete type is *Selection.
func (a Auto) Fit(ctx context.Context, s Series) (Fitted, error) {
	selection, err := a.Select(ctx, s)
	if err != nil {
		return nil, err // an untyped nil, not a nil *Selection
	}
	return selection, nil
}

// Models returns the models that may be asked for on a series of n values at the step: Candidates, or
// if nil those of the function Candidates, calibrated for the window.
func (a Auto) Models(step time.Duration, n int) []Named {
	if a.Candidates != nil {
		return a.Candidates
	}
	return candidates(step, n, a.Horizon, a.Window)
}

// Select is Fit with the concrete type.
func (a Auto) Select(ctx context.Context, s Series) (*Selection, error) {
	if err := s.validate(); err != nil {
		return nil, err
	}
	p := a.Quantile
	if p == 0 {
		p = 0.95
	}
	if !(p > 0 && p < 1) {
		return nil, fmt.Errorf("forecast: quantile level must lie between 0 and 1, got %v", p)
	}
	if a.Budget < 0 {
		return nil, fmt.Errorf("forecast: budget must not be negative, got %d", a.Budget)
	}
	selection, err := a.choose(ctx, s, p)
	if err != nil {
		return nil, err
	}
	cal, err := newCalibration(s, a.Horizon, a.Window)
	if err != nil {
		return nil, err
	}
	selection.watch = newWatch(s.Step, s.Values, cal.window, p, selection.Score)
	selection.watch.issue(selection.Fitted)
	return selection, nil
}

// choose is Select for a valid series.
func (a Auto) choose(ctx context.Context, s Series, p float64) (*Selection, error) {
	if a.Candidates == nil {
		return a.blend(ctx, s, p)
	}
	models := a.Candidates
	if len(models) == 0 {
		return nil, errors.New("forecast: candidates is empty, want nil or at least one")
	}
	scores, skipped, err := a.compare(ctx, s, models, p)
	if err != nil {
		return nil, err
	}
	return settleOn(ctx, s, models, choose(scores), skipped, p)
}

// blend fits Blend, and falls back to Naive.
func (a Auto) blend(ctx context.Context, s Series, p float64) (*Selection, error) {
	naive := Named{Name: "naive", Model: Naive{Horizon: a.Horizon, Window: a.Window}}
	fitted, err := Blend{Horizon: a.Horizon, Window: a.Window, level: p}.Fit(ctx, s)
	switch {
	case errors.Is(err, ErrTooShort):
		return fallBack(ctx, s, []Named{naive})
	case err != nil:
		return nil, err
	}
	f := fitted.(*blended)
	r := f.span(f.window).record
	sel := &Selection{Fitted: fitted, Selected: blendName}
	if r.n == 0 {
		sel.Why = fmt.Sprintf("%s: %d values are too few to judge it", blendName, len(s.Values))
		return sel, nil
	}
	score := func(name string, loss, covered float64) Score {
		return Score{
			Name: name, Origins: int(r.n), WAPE: math.NaN(), MASE: math.NaN(), MeanActual: r.sum / r.weight,
			WindowMax: []LevelScore{{Quantile: p, Pinball: loss / r.weight, Coverage: covered / r.weight}},
		}
	}
	sel.Scores = []Score{score(naive.Name, r.naive, r.naiveCovered), score(blendName, r.loss, r.covered)}
	sel.Score = sel.Scores[1]
	if r.naive > 0 {
		sel.Skill = 1 - r.loss/r.naive
	}
	if r.loss > (1+fallShare)*r.naive {
		sel.Fitted, err = naive.Fit(ctx, s)
		if err != nil {
			return nil, err
		}
		sel.Selected, sel.Score, sel.Skill = naive.Name, sel.Scores[0], 0
	}
	sel.Why = why(sel, naive.Name, nil, p)
	return sel, nil
}

// candidateScore is the score of the candidate at index.
type candidateScore struct {
	Score
	index int
}

// compare backtests the candidates with the same origins. skipped names those that lack history.
func (a Auto) compare(ctx context.Context, s Series, models []Named, p float64) (scores []candidateScore, skipped []string, err error) {
	budget := a.Budget
	if budget == 0 {
		budget = DefaultBudget
	}
	each := max(1, budget/len(models))
	o := BacktestOptions{
		Horizon:      a.Horizon,
		Window:       a.Window,
		TestFraction: selectionFraction,
		Quantiles:    []float64{p},
		Stride:       max(1, int(math.Ceil(selectionFraction*float64(len(s.Values))/float64(each)))),
		windowOnly:   true,
	}
	for i, m := range models {
		score, err := Backtest(ctx, s, m, o)
		switch {
		case errors.Is(err, ErrTooShort):
			skipped = append(skipped, m.Name)
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			return nil, nil, fmt.Errorf("candidate %s: %w", m.Name, err)
		case math.IsNaN(score.WindowMax[0].Pinball):
			skipped = append(skipped, m.Name)
		default:
			scores = append(scores, candidateScore{Score: score, index: i})
		}
	}
	return scores, skipped, nil
}

// choose orders the scores by preference. The best loss comes first, but for simpler candidates
// (earlier ones) that are no worse within the noise.
func choose(scores []candidateScore) []candidateScore {
	order := make([]candidateScore, 0, len(scores))
	rest := append([]candidateScore(nil), scores...)
	for len(rest) > 0 {
		best := cheapest(rest)
		for i := range best {
			if withinNoise(rest[i].Score, rest[best].Score) {
				best = cheapest(rest[:i+1])
				break
			}
		}
		order = append(order, rest[best])
		rest = append(rest[:best], rest[best+1:]...)
	}
	return order
}

// cheapest returns the index of the least loss, the first one of equals.
func cheapest(scores []candidateScore) int {
	best := 0
	for i := range scores {
		if scores[i].WindowMax[0].Pinball < scores[best].WindowMax[0].Pinball {
			best = i
		}
	}
	return best
}

// fallShare is the share of the loss by which persistence must beat Blend to be preferred: Blend goes on
// learning, persistence among its experts, so that a difference within the noise is no reason (chosen by us).
const fallShare = 0.03

const (
	noiseBatches = 20   // batches of neighboring origins, for the standard error
	noiseErrors  = 0.5  // standard errors of the difference that a better model must win by
	noiseShare   = 0.01 // and the share of the loss
)

// withinNoise reports whether the simpler model is no worse than the better one beyond the noise:
// by at most 1 % of the loss or half a standard error of the mean paired difference, which is taken
// from batch means, since losses of neighboring origins depend on each other.
func withinNoise(simple, better Score) bool {
	gap := simple.WindowMax[0].Pinball - better.WindowMax[0].Pinball
	if gap <= noiseShare*simple.WindowMax[0].Pinball {
		return true
	}
	var diff []float64
	for i := range min(len(simple.losses), len(better.losses)) {
		if d := simple.losses[i] - better.losses[i]; d == d {
			diff = append(diff, d)
		}
	}
	if len(diff) < 2*noiseBatches {
		return false
	}
	mean, m2 := 0.0, 0.0
	for b := range noiseBatches {
		lo, hi := b*len(diff)/noiseBatches, (b+1)*len(diff)/noiseBatches
		sum := 0.0
		for _, d := range diff[lo:hi] {
			sum += d
		}
		x := sum / float64(hi-lo)
		delta := x - mean
		mean += delta / float64(b+1)
		m2 += delta * (x - mean)
	}
	standardError := math.Sqrt(m2 / (noiseBatches - 1) / noiseBatches)
	return gap <= noiseErrors*standardError
}

// settleOn fits the first candidate in order of preference that can be fitted on the whole series;
// without any score, the first of all.
func settleOn(ctx context.Context, s Series, models []Named, order []candidateScore, skipped []string, p float64) (*Selection, error) {
	if len(order) == 0 {
		return fallBack(ctx, s, models)
	}
	best := order[0]
	fitted, err := models[best.index].Fit(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("candidate %s: %w", best.Name, err)
	}
	sel := &Selection{Fitted: fitted, Selected: best.Name, Score: best.Score, Scores: make([]Score, len(order))}
	var first *Score
	byIndex := slices.Clone(order)
	slices.SortFunc(byIndex, func(a, b candidateScore) int { return a.index - b.index })
	for i, c := range byIndex {
		sel.Scores[i] = c.Score
	}
	if byIndex[0].index == 0 {
		first = &sel.Scores[0]
	}
	if first != nil && first.WindowMax[0].Pinball > 0 {
		sel.Skill = 1 - best.WindowMax[0].Pinball/first.WindowMax[0].Pinball
	}
	sel.Why = why(sel, models[0].Name, skipped, p)
	return sel, nil
}

// why writes the sentence of a comparison.
func why(sel *Selection, first string, skipped []string, p float64) string {
	var b strings.Builder
	w := sel.Score.WindowMax[0]
	fmt.Fprintf(&b, "%s: pinball loss of the window maximum at %v is %.4g", sel.Selected, p, w.Pinball)
	switch {
	case sel.Selected == first && len(sel.Scores) > 1:
		b.WriteString(", which no other candidate beats beyond noise")
	case sel.Selected == first:
		b.WriteString(", the only candidate that could be judged")
	default:
		fmt.Fprintf(&b, ", %.0f%% below %s", 100*sel.Skill, first)
	}
	fmt.Fprintf(&b, "; one-sided coverage %.3f over %d origins", w.Coverage, sel.Score.Origins)
	if len(skipped) > 0 {
		fmt.Fprintf(&b, "; history too short for %s", strings.Join(skipped, ", "))
	}
	return b.String()
}

// fallBack fits the first candidate that can be fitted, without a comparison.
func fallBack(ctx context.Context, s Series, models []Named) (*Selection, error) {
	var errs []error
	for _, m := range models {
		fitted, err := m.Fit(ctx, s)
		switch {
		case err == nil:
			return &Selection{
				Fitted:   fitted,
				Selected: m.Name,
				Why:      fmt.Sprintf("%s: %d values are too few to compare candidates", m.Name, len(s.Values)),
			}, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		}
		errs = append(errs, fmt.Errorf("candidate %s: %w", m.Name, err))
	}
	return nil, errors.Join(errs...)
}
