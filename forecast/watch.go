package forecast

import (
	"fmt"
	"math"
	"time"
)

const (
	// watchMemory is the least number of windows over which a standing is averaged, and watchSpans the
	// least number of non-overlapping ones (chosen by us: some hours at one-minute steps).
	watchMemory = 200
	watchSpans  = 40
	// leastWatched is the number of non-overlapping windows before a verdict.
	leastWatched = 10
	// A forecast stops being relied upon where its coverage lies coverageLost below the level beyond two
	// standard errors, or its loss skillLost above that of the best simple forecast; it is taken up
	// again within coverageRegained and skillRegained. The gaps keep the verdict from flapping (chosen
	// by us).
	coverageLost, coverageRegained = 0.03, 0.015
	skillLost, skillRegained       = -0.3, -0.1
)

// Standing says how the quantile of the window maximum has held lately, in forecasts as they were
// issued. Old windows fade.
type Standing struct {
	// Quantile is the level and Window the window in steps.
	Quantile float64
	Window   int
	// Windows is the number of windows behind the averages, 0 before the first is complete.
	Windows float64
	// Coverage is the share of maxima at or below the quantile, Pinball the mean pinball loss, and
	// Simple that of the simple forecast of YardstickNames that lost least; NaN without windows.
	Coverage, Pinball, Simple float64
	// SinceShift is the number of steps since the last change point, -1 if there was none since Fit.
	SinceShift int
	// Predictable is false while the quantile does not hold or a simple forecast is clearly better;
	// Why says which.
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
	weight  float64
	covered float64
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

// newWatch begins at the end of the values.
func newWatch(step time.Duration, values []float64, window int, p float64) *watch {
	w := &watch{p: p, window: window, simple: newYardsticks(step, []int{window}), issued: make([]issue, window)}
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
	keep := 1 - 1/max(watchMemory, float64(watchSpans*w.window))
	w.weight = keep*w.weight + 1
	w.loss = keep*w.loss + pinball(actual, at.q, w.p)
	w.covered *= keep
	if actual <= at.q {
		w.covered++
	}
	for j, q := range at.simple {
		w.simpler[j] *= keep
		w.judged[j] *= keep
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
		if 2*w.judged[j] > w.weight {
			if mean := loss / w.judged[j]; !(mean >= best) {
				best = mean
			}
		}
	}
	return best
}

// judge moves the verdict.
func (w *watch) judge() {
	apart := w.weight / float64(w.window) // overlapping windows say little that is new
	if apart < leastWatched {
		return
	}
	coverage, loss, simple := w.covered/w.weight, w.loss/w.weight, w.bestSimple()
	standardError := math.Sqrt(w.p * (1 - w.p) / apart)
	low, skill := w.p-coverageLost-2*standardError, skillLost
	if w.lost {
		low, skill = w.p-coverageRegained-standardError, skillRegained
	}
	fails := coverage < low
	worse := simple > 0 && loss > (1-skill)*simple
	w.lost = fails || worse
}

// sentence says why the forecast is not relied upon.
func (w *watch) sentence() string {
	coverage, loss, simple := w.covered/w.weight, w.loss/w.weight, w.bestSimple()
	if coverage < w.p-coverageRegained {
		return fmt.Sprintf("the %v quantile held in only %.3f of the latest windows", w.p, coverage)
	}
	return fmt.Sprintf("the pinball loss of the latest windows is %.0f%% above that of the best simple forecast", 100*(loss/simple-1))
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
	if w.weight > 0 {
		st.Coverage, st.Pinball, st.Simple = w.covered/w.weight, w.loss/w.weight, w.bestSimple()
	}
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
