package planner

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/forecast"
)

// ModelAuto lets a backtest on the workload's own history choose the model.
const ModelAuto = "auto"

const (
	// coverageSlack is how far the out-of-sample coverage may lie below the quantile, beyond
	// coverageErrors standard errors of a share of so many forecasts, before the forecast counts as not
	// predictable. Chosen by us: at the default quantile of 0.95 that is about one breach in ten windows,
	// which the reserve of the utilization cap still serves.
	coverageSlack  = 0.03
	coverageErrors = 2
	// minOrigins is the least number of judged forecasts from which a coverage is believed.
	minOrigins = 30
)

// Models lists the names that a model may be asked for by, beside ModelAuto. The seasonal ones exist
// where the season is a whole number of steps and the history holds two of them.
func Models() []string {
	const longEnough = 10 * 7 * 24 // ten weeks of hours
	var names []string
	for _, m := range forecast.Candidates(time.Hour, longEnough, 1) {
		names = append(names, m.Name)
	}
	return names
}

// CheckModel reports a name that is not a model's.
func CheckModel(name string) error {
	if name == ModelAuto || slices.Contains(Models(), name) {
		return nil
	}
	return fmt.Errorf("must be %s or one of %s", ModelAuto, strings.Join(Models(), ", "))
}

// Forecast is a fitted forecast together with the time up to which it has seen data. It belongs to one
// goroutine; the caller keeps it from decision to decision.
type Forecast struct {
	fitted *forecast.Selection
	step   time.Duration
	end    time.Time
	atFit  ForecastInfo // as the fit judged it
	info   ForecastInfo // as it stands
	latest outlook      // what was asked for last
}

// Fit chooses and fits a forecast for the given settings on a history. The name is ModelAuto or one of
// Models. Missing values are missing, not zero. The cost is that of a backtest; Update makes it rare.
func Fit(ctx context.Context, s Settings, model string, h arrivals.Trace) (*Forecast, error) {
	if err := CheckModel(model); err != nil {
		return nil, fmt.Errorf("planner: forecast model %q: %w", model, err)
	}
	end, _, ok := h.LastObserved()
	if !ok {
		return nil, fmt.Errorf("planner: the history from %s to %s holds no data", h.Start.UTC().Format(time.RFC3339), h.End().UTC().Format(time.RFC3339))
	}
	h = h.Slice(h.Start, end)
	auto := forecast.Auto{Horizon: s.Horizon(h.Step), Window: s.LeadSteps(h.Step), Quantile: s.Quantile}
	if model != ModelAuto {
		i := slices.IndexFunc(auto.Models(h.Step, h.Len()), func(n forecast.Named) bool { return n.Name == model })
		if i < 0 {
			return nil, fmt.Errorf("planner: forecast model %s: needs two seasons in whole steps, the history holds %d steps of %s", model, h.Len(), h.Step)
		}
		auto.Candidates = auto.Models(h.Step, h.Len())[i : i+1]
	}
	selection, err := auto.Select(ctx, forecast.Series{Start: h.Start, Step: h.Step, Values: h.Rate})
	if err != nil {
		return nil, err
	}
	f := &Forecast{fitted: selection, step: h.Step, end: end}
	f.info = ForecastInfo{Model: selection.Selected, Why: selection.Why}
	f.info.Predictable = predictable(&f.info, selection.Score, s.Quantile)
	f.atFit = f.info
	return f, nil
}

// predictable judges whether the quantile held out of sample, and says so if it did not.
func predictable(info *ForecastInfo, score forecast.Score, quantile float64) bool {
	if score.Origins < minOrigins || len(score.WindowMax) == 0 {
		info.Why = fmt.Sprintf("too little history to check the forecast out of sample (%d forecasts could be judged, %d are needed): %s",
			score.Origins, minOrigins, info.Why)
		return false
	}
	standardError := math.Sqrt(quantile * (1 - quantile) / float64(score.Origins))
	if c := score.WindowMax[0].Coverage; c < quantile-coverageSlack-coverageErrors*standardError {
		info.Why = fmt.Sprintf("the %s quantile held in only %s of the forecasts judged: %s", percent(quantile), percent(c), info.Why)
		return false
	}
	return true
}

// Info describes the forecast.
func (f *Forecast) Info() ForecastInfo { return f.info }

// End returns the time up to which the forecast has seen data.
func (f *Forecast) End() time.Time { return f.end }

// Update feeds the buckets of a trace that are new, up to its newest observed one; missing ones before
// that count as missing. Buckets that changed after they were fed are not seen again before the next Fit.
func (f *Forecast) Update(h arrivals.Trace) {
	newest, _, ok := h.LastObserved()
	if !ok || h.Step != f.step {
		return
	}
	for ; f.end.Before(newest); f.end = f.end.Add(f.step) {
		y := math.NaN()
		if i, inside := h.Index(f.end); inside {
			y = h.Rate[i]
		}
		f.fitted.Update(y, nil)
	}
	f.info = f.stand()
}

// stand is what the fit made of the forecast, unless what was issued since did not hold. A forecast that
// could not be trusted when it was fitted is not taken up before the next fit.
func (f *Forecast) stand() ForecastInfo {
	info := f.atFit
	standing := f.fitted.Standing()
	if standing.Why != "" {
		info.Why = standing.Why + ": " + info.Why
	}
	info.Predictable = info.Predictable && standing.Predictable
	return info
}

// fill adds the forecast's part to the inputs: quantiles at the levels of the highest rates within the
// lead window and from now on. Several decisions fall on the same steps of the data; they share what it
// makes.
func (f *Forecast) fill(in *Inputs, levels []float64) {
	in.Forecast = f.info
	to := f.stepTo(in.WindowTo)
	if to < 1 {
		return // the window lies before the end of the data: the clocks disagree
	}
	l := &f.latest
	if l.end != f.end || l.to != to || !slices.Equal(l.levels, levels) {
		d := f.fitted.Forecast(to)
		*l = outlook{end: f.end, to: to, levels: slices.Clone(levels), distribution: d, mean: d.Mean(to)}
	}
	in.LeadMax = l.maxima(&l.lead, min(f.stepFrom(in.WindowFrom), to))
	in.HoldMax = l.maxima(&l.hold, min(f.stepFrom(in.Now), to))
	in.Mean = l.mean
}

// outlook is what the forecast says of the steps up to one after the end of the data.
type outlook struct {
	end          time.Time
	to           int
	levels       []float64
	distribution forecast.Distribution
	mean         float64
	lead, hold   window
}

// window holds the quantiles of the highest rate from a step on; from is 0 before they are known.
type window struct {
	from   int
	values []float64
}

// maxima returns the quantiles of the highest rate from a step on.
func (l *outlook) maxima(w *window, from int) Quantiles {
	if w.from != from {
		*w = window{from: from, values: make([]float64, len(l.levels))}
		for i, p := range l.levels {
			w.values[i] = l.distribution.MaxQuantile(from, l.to, p)
		}
	}
	return Quantiles{Levels: l.levels, Values: w.values}
}

// stepFrom returns the step, from 1, of the bucket that holds t; stepTo that of the bucket that ends at
// t or holds it.
func (f *Forecast) stepFrom(t time.Time) int {
	return max(1, int(math.Floor(float64(t.Sub(f.end))/float64(f.step)))+1)
}

func (f *Forecast) stepTo(t time.Time) int {
	return int(math.Ceil(float64(t.Sub(f.end)) / float64(f.step)))
}
