package forecast

import (
	"fmt"
	"math"
	"time"
)

const (
	// A standing is averaged over a day, but at least watchMemory windows and watchSpans that do not
	// overlap: a shorter memory takes the rush of every morning for a forecast that fails (chosen by us).
	watchMemory = 200
	watchSpans  = 40
	// leastWatched is the number of non-overlapping windows before a verdict.
	leastWatched = 20
	// A forecast stops being relied upon where its coverage lies coverageLost below the level beyond two
	// standard errors, or its loss skillLost above that of persistence, which is what scaling without a
	// forecast goes by; it is taken up again within coverageRegained and skillRegained. The gaps keep the
	// verdict from flapping (chosen by us).
	coverageLost, coverageRegained = 0.03, 0.015
	skillLost, skillRegained       = -0.3, -0.1
)

// Standing says how the quantile of the window maximum has held lately, in forecasts as they were
// issued. Old windows fade.
type Standing struct {
	// Quantile is the level and Window the window in steps.
	Quantile float64
	Window   int
	// Windows is the weight of the windows behind the averages, each counting 1 when new.
	Windows float64
	// Coverage is the share of maxima at or below the quantile, at first as Fit judged it. Pinball is
	// the mean pinball loss and Simple that of the simple forecast of YardstickNames that lost least,
	// since Fit. NaN without windows.
	Coverage, Pinball, Simple float64
	// SinceShift is the number of steps since the last change point, -1 if there was none since Fit.
	SinceShift int
	// Predictable is false while the quantile does not hold or persistence is clearly better, so that
	// scaling by the newest values alone would do no worse; Why says which. A loss to the same window of
	// a day ago shows in Skill alone: what forgoes a forecast cannot use that one either.
	Predictable bool
	Why         string
}

// Skill returns 1 - Pinball/Simple: above 0 is better than the best simple forecast. NaN if no simple
// one could be made, or it was never wrong.
func (s *Standing) Skill() float64 {
	if s.Simple == 0 {
		return math.NaN()
	}
	return 1 - s.Pinball/s.Simple
}

// watch judges forecasts as their windows complete.
type watch struct {
	p       float64
	window  int
	simple  *yardsticks
	issued  []issue // ring of the newest origins
	n       int
	keep    float64 // share of the past that a window leaves
	weight  float64
	covered float64
	prior   float64 // what is left of what Fit judged, part of weight
	loss    float64
	simpler [len4]float64
	judged  [len4]float64
	lost    bool
}

// issue is the quantile issued at an origin beside those of the simple forecasts.
type issue struct {
	q      float64
	simple [len4]float64
}

// newWatch begins at the end of the values, with the coverage that Fit found, if any.
func newWatch(step time.Duration, values []float64, window int, p float64, fit Score) *watch {
	w := &watch{p: p, window: window, simple: newYardsticks(step, []int{window}), issued: make([]issue, window)}
	memory := max(watchMemory, watchSpans*window, int(day/step))
	w.keep = 1 - 1/float64(memory)
	if len(fit.WindowMax) > 0 && fit.Origins > 0 {
		w.prior = float64(min(fit.Origins, memory))
		w.weight = w.prior
		w.covered = w.prior * fit.WindowMax[0].Coverage
	}
	// What simple forecasts remember: a week, and errors enough for a high quantile.
	w.simple.replay(values[max(0, len(values)-len(w.simple.past)-watchMemory*5):])
	for i := range w.issued {
		w.issued[i].q = math.NaN()
	}
	return w
}

// observe takes the next value, NaN if missing, and judges the window that it completes.
func (w *watch) observe(y float64) {
	w.simple.update(y)
	w.n++
	at := &w.issued[w.n%w.window]
	actual := w.simple.complete(w.window)
	if at.q != at.q || actual != actual {
		return
	}
	w.weight = w.keep*w.weight + 1
	w.prior *= w.keep
	w.loss = w.keep*w.loss + pinball(actual, at.q, w.p)
	w.covered *= w.keep
	if actual <= at.q {
		w.covered++
	}
	for j, q := range at.simple {
		w.simpler[j] *= w.keep
		w.judged[j] *= w.keep
		if q == q {
			w.simpler[j] += pinball(actual, q, w.p)
			w.judged[j]++
		}
	}
	w.judge()
}

// issue remembers what is forecast now.
func (w *watch) issue(f Fitted) {
	at := &w.issued[w.n%w.window]
	at.q = math.NaN()
	switch f := f.(type) {
	case *blended:
		at.q = f.issued(w.p)
	default: // costs a whole forecast
		if w.n%w.window == 0 {
			at.q = f.Forecast(w.window).MaxQuantile(1, w.window, w.p)
		}
	}
	for j := range at.simple {
		at.simple[j] = w.simple.quantile(0, j, w.p)
	}
}

// bestSimple returns the least mean loss of a simple forecast that could be made most of the time.
func (w *watch) bestSimple() float64 {
	best := math.NaN()
	for j, loss := range w.simpler {
		if 2*w.judged[j] > w.weight-w.prior {
			if mean := loss / w.judged[j]; !(mean >= best) {
				best = mean
			}
		}
	}
	return best
}

// persistence returns the mean loss of the first simple forecast, NaN if it could not be made.
func (w *watch) persistence() float64 { return w.simpler[0] / w.judged[0] }

// means returns the averages, NaN without windows.
func (w *watch) means() (coverage, loss, simple float64) {
	return w.covered / w.weight, w.loss / (w.weight - w.prior), w.bestSimple()
}

// judge moves the verdict.
func (w *watch) judge() {
	coverage, loss, _ := w.means()
	span := float64(w.window) // overlapping windows say little that is new
	apart := w.weight / span
	if w.weight-w.prior < leastWatched*span {
		return
	}
	standardError := math.Sqrt(w.p * (1 - w.p) / apart)
	low, skill := w.p-coverageLost-2*standardError, skillLost
	if w.lost {
		low, skill = w.p-coverageRegained-standardError, skillRegained
	}
	fails := coverage < low
	worse := loss > (1-skill)*w.persistence() && w.persistence() > 0
	w.lost = fails || worse
}

// sentence says why the forecast is not relied upon.
func (w *watch) sentence() string {
	coverage, loss, _ := w.means()
	if coverage < w.p-coverageRegained {
		return fmt.Sprintf("the %v quantile held in only %.3f of the latest windows", w.p, coverage)
	}
	return fmt.Sprintf("the pinball loss of the latest windows is %.0f%% above that of persistence", 100*(loss/w.persistence()-1))
}

// Standing returns how the forecasts made since Fit have held.
func (s *Selection) Standing() Standing {
	st := Standing{Coverage: math.NaN(), Pinball: math.NaN(), Simple: math.NaN(), SinceShift: -1, Predictable: true}
	if f, ok := s.Fitted.(*blended); ok && f.shifts > 0 {
		st.SinceShift = f.sinceShift
	}
	w := s.watch
	if w == nil {
		return st
	}
	st.Quantile, st.Window, st.Windows, st.Predictable = w.p, w.window, w.weight, !w.lost
	st.Coverage, st.Pinball, st.Simple = w.means()
	if w.lost {
		st.Why = w.sentence()
	}
	if st.SinceShift >= 0 {
		if st.Why != "" {
			st.Why += "; "
		}
		st.Why += fmt.Sprintf("the errors changed %d steps ago, older ones are set aside", st.SinceShift)
	}
	return st
}

// Update implements Fitted, and keeps the Standing.
func (s *Selection) Update(y float64, x []float64) {
	if s.watch != nil {
		s.watch.observe(usable(y))
	}
	s.Fitted.Update(y, x)
	if s.watch != nil {
		s.watch.issue(s.Fitted)
	}
}
