package planner

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Explain puts a decision, made by Decide from the same settings and inputs, into words: what decided,
// from which numbers, and what the rate now alone would need.
func Explain(s Settings, in Inputs, r Recommendation) string {
	if r.Source == SourceHold {
		return explainHold(s, in)
	}
	var b strings.Builder
	d, _ := r.Demand(r.Binding)
	switch r.Binding {
	case TermForecast:
		b.WriteString(forecastClause(s, in, r))
		fmt.Fprintf(&b, " needs %s", replicas(r.Replicas))
	case TermEnvelope:
		fmt.Fprintf(&b, "the highest rate of the last %s, %s, needs %s", round(s.EnvelopeWindow), rate(d.Rate), replicas(r.Replicas))
	case TermReactive:
		fmt.Fprintf(&b, "the rate now, %s, needs %s", rate(d.Rate), replicas(r.Replicas))
	case TermCalendar:
		_, name := s.calendarAt(in.WindowFrom)
		fmt.Fprintf(&b, "the calendar event %q asks for %s", name, replicas(r.Replicas))
	case TermRunning:
		why := "the data are stale"
		if in.Forecast.Pending {
			why = "the first forecast is still being made"
		}
		fmt.Fprintf(&b, "%s, so %s that run are kept", why, replicas(r.Replicas))
	case TermScaleDown:
		fmt.Fprintf(&b, "%s are kept until %s, since up to %s may still arrive before replicas given back now would be ready again",
			replicas(r.Replicas), clock(in.WindowTo), rate(in.HoldMax.At(s.Quantile)))
	case TermHysteresis:
		fmt.Fprintf(&b, "%s instead of %d are kept, so that a margin of %s over %s remains",
			replicas(r.Replicas), r.Before, percent(s.Hysteresis), rate(r.PlannedRate))
	case TermMinReplicas:
		fmt.Fprintf(&b, "the load needs %s, minReplicas is %d", replicas(r.Unlimited), s.MinReplicas)
	case TermMaxReplicas:
		fmt.Fprintf(&b, "the load needs about %s, maxReplicas allows %d: raise it, or the SLO will be missed", replicas(r.Unlimited), s.MaxReplicas)
	}
	if r.Binding != TermForecast && len(in.LeadMax.Levels) > 0 && r.Source != SourceReactive {
		b.WriteString("; ")
		b.WriteString(forecastClause(s, in, r))
	}
	if r.Source == SourceReactive && in.Forecast.Why != "" && r.Binding != TermRunning {
		fmt.Fprintf(&b, "; no forecast is relied upon: %s", in.Forecast.Why)
	}
	if r.Source == SourceLastForecast {
		fmt.Fprintf(&b, "; the newest data are %s old", round(r.DataAge()))
	}
	if d, ok := r.Demand(TermReactive); ok && r.Binding != TermReactive {
		fmt.Fprintf(&b, "; the rate now, %s, alone would need %d", rate(d.Rate), d.Replicas)
	}
	return b.String()
}

func forecastClause(s Settings, in Inputs, r Recommendation) string {
	clause := fmt.Sprintf("the %s quantile of the highest rate from %s to %s, %s",
		percent(s.Quantile), clock(in.WindowFrom), clock(in.WindowTo), rate(r.ForecastRate))
	if in.Forecast.Model != "" {
		clause += " (" + in.Forecast.Model + ")"
	}
	if r.Binding == TermForecast {
		clause += ","
	}
	return clause
}

func explainHold(s Settings, in Inputs) string {
	age := in.Now.Sub(in.DataTime)
	text := "nothing is recommended: "
	switch _, why := source(&s, &in); why {
	case troubleNoData:
		text += "there are no arrival data yet"
	case troubleSkew:
		text += fmt.Sprintf("the newest data are %s in the future: the clocks of this machine and of the data disagree", round(-age))
	case troubleUnpredictable:
		text += fmt.Sprintf("the newest data are %s old and there is no forecast to go on with", round(age))
	case troubleStale:
		_, hold := s.Ages(in.Step)
		text += fmt.Sprintf("the newest data are %s old, and the last forecast may be used for %s only", round(age), round(hold))
	case troubleNone:
	}
	if in.CurrentReplicas > 0 {
		text += fmt.Sprintf("; the %d replicas that run stay", in.CurrentReplicas)
	}
	return text
}

func replicas(n int32) string {
	if n == 1 {
		return "1 replica"
	}
	return strconv.Itoa(int(n)) + " replicas"
}

// rate formats requests per second with three significant digits, or all digits before the point.
func rate(v float64) string {
	switch {
	case math.IsNaN(v):
		return "an unknown rate"
	case math.Abs(v) >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64) + " req/s"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " req/s"
}

func percent(p float64) string {
	return strconv.FormatFloat(100*p, 'g', 4, 64) + " %"
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// round shortens a duration to what a reader wants to know.
func round(d time.Duration) string {
	unit := time.Second
	if d < 10*time.Second {
		unit = time.Millisecond
	}
	text := d.Round(unit).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
