package forecast

import (
	"fmt"
	"math"
	"strings"
)

// component is how a trend or a season enters the mean, or an error the observation.
type component uint8

const (
	absent component = iota
	additive
	multiplicative
)

// etsForm is a form of exponential smoothing, written as in ETS(error, trend, season).
type etsForm struct {
	err, trend, season component
	damped             bool
}

func (f etsForm) String() string {
	letter := [...]string{absent: "N", additive: "A", multiplicative: "M"}
	damped := ""
	if f.damped {
		damped = "d"
	}
	return letter[f.err] + letter[f.trend] + damped + letter[f.season]
}

// etsForms lists the forms that the pattern allows, simplest first. A pattern is the name of a form in
// which Z stands for any component; "" is ZZZ. Automatic choice leaves out multiplicative trends
// unless wanted, additive errors with multiplicative seasons or trends (numerically unstable, the
// source says in section 8.6), and whatever is multiplicative where the data are not all positive.
func etsForms(pattern string, season, positive, multiplicativeTrend bool) ([]etsForm, error) {
	if pattern == "" {
		pattern = "ZZZ"
	}
	wantsDamped := len(pattern) == 4 && pattern[2] == 'd'
	if len(pattern) != 3 && !wantsDamped || !strings.ContainsRune("AMZ", rune(pattern[0])) ||
		!strings.ContainsRune("NAMZ", rune(pattern[1])) || !strings.ContainsRune("NAMZ", rune(pattern[len(pattern)-1])) ||
		wantsDamped && pattern[1] == 'N' {
		return nil, fmt.Errorf("forecast: form %q: want three letters for error (A, M, Z), trend (N, A, Ad, M, Md, Z) and season (N, A, M, Z), such as MAdM", pattern)
	}
	last := pattern[len(pattern)-1]
	if !season && (last == 'A' || last == 'M') {
		return nil, fmt.Errorf("forecast: form %q needs a season, got none", pattern)
	}
	allows := func(letter byte, c component) bool { return letter == 'Z' || letter == "NAM"[c] }
	var forms []etsForm
	for _, s := range []component{absent, additive, multiplicative} {
		for _, t := range []component{absent, additive, multiplicative} {
			for _, damped := range []bool{false, true} {
				for _, e := range []component{additive, multiplicative} {
					f := etsForm{err: e, trend: t, season: s, damped: damped}
					switch {
					case damped && t == absent, s != absent && !season,
						!allows(pattern[0], e), !allows(pattern[1], t), !allows(last, s),
						wantsDamped && !damped, pattern[1] != 'Z' && !wantsDamped && damped:
						continue
					}
					free := strings.Contains(pattern, "Z")
					if free && (t == multiplicative && !multiplicativeTrend && pattern[1] == 'Z' ||
						e == additive && (t == multiplicative || s == multiplicative)) {
						continue
					}
					if !positive && (e == multiplicative || t == multiplicative || s == multiplicative) {
						continue
					}
					forms = append(forms, f)
				}
			}
		}
	}
	if len(forms) == 0 {
		return nil, fmt.Errorf("forecast: form %q is multiplicative, which needs values above zero throughout", pattern)
	}
	return forms, nil
}

// etsParameters are the smoothing parameters.
type etsParameters struct{ alpha, beta, gamma, phi float64 }

// etsState is the filter of ETS.
type etsState struct {
	etsForm
	etsParameters
	level, trend float64
	season       []float64
	next         int     // phase of the coming step
	floor        float64 // least factor or level that is divided by
}

// base returns the mean of the coming step without its season, and the trend in it.
func (f *etsState) base() (base, trend float64) {
	switch f.etsForm.trend {
	case additive:
		trend = f.phi * f.trend
		return f.level + trend, trend
	case multiplicative:
		trend = f.trend
		if f.damped {
			trend = math.Pow(trend, f.phi)
		}
		return f.level * trend, trend
	default:
		return f.level, 0
	}
}

// mean returns the mean of a step from its base and seasonal term.
func (f *etsState) mean(base, season float64) float64 {
	switch f.etsForm.season {
	case additive:
		return base + season
	case multiplicative:
		return base * season
	default:
		return base
	}
}

func (f *etsState) update(y float64) { f.advance(y) }

// advance takes a value and returns the mean expected of it before.
func (f *etsState) advance(y float64) float64 {
	base, trend := f.base()
	phase := f.next
	if f.next++; f.next == len(f.season) {
		f.next = 0
	}
	season := f.season[phase]
	mean := f.mean(base, season)
	if y != y {
		f.level, f.trend = base, trend
		return mean
	}
	// Additive and multiplicative errors lead to the same updates: an error in proportion to the mean
	// is multiplied by the mean again. They differ in the likelihood.
	r := y - mean
	ofLevel := r // the error in units of the level
	switch f.etsForm.season {
	case additive:
		f.season[phase] = season + f.gamma*r
	case multiplicative:
		ofLevel = r / max(season, f.floor)
		f.season[phase] = max(season+f.gamma*r/max(base, f.floor), f.floor)
	}
	switch f.etsForm.trend {
	case additive:
		f.trend = trend + f.beta*ofLevel
	case multiplicative:
		f.trend = min(max(trend+f.beta*ofLevel/max(f.level, f.floor), 0.5), 2)
	}
	f.level = base + f.alpha*ofLevel
	return mean
}

func (f *etsState) path(dst []float64) {
	state := *f // the season is only read
	k := f.next
	for i := range dst {
		base, trend := state.base()
		dst[i] = state.mean(base, f.season[k])
		state.level, state.trend = base, trend
		if k++; k == len(f.season) {
			k = 0
		}
	}
}
