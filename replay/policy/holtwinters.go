package policy

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/prescale/prescale/hpa"
	"github.com/prescale/prescale/replay"
)

// HoltWinters is the Predictive Horizontal Pod Autoscaler: additive Holt-Winters smoothing with fixed parameters over the
// numbers of replicas that a reactive rule would have asked for, one step ahead. The HPA takes the higher of the
// reactive number and the predicted one, rounded up. With n(t) the reactive number of a sample and m samples a season:
//
//	level    l(t) = α (n(t) - s(t-m)) + (1-α) (l(t-1) + b(t-1))
//	trend    b(t) = β (l(t) - l(t-1)) + (1-β) b(t-1)
//	season   s(t) = γ (n(t) - l(t)) + (1-γ) s(t-m)
//	next     l(t) + b(t) + s(t+1-m)
//
// The first two seasons give the start: l is the mean of the first, b the difference of the two means per sample, and s
// the deviations of the first from its mean. Until then, nothing is predicted. Upstream fits the start anew at every
// run (statsmodels, "estimated") and lets the user choose multiplicative terms.
//
// Source: jthomperoo/predictive-horizontal-pod-autoscaler, algorithms/holt_winters/holt_winters.py; the recursion:
// R. J. Hyndman, G. Athanasopoulos, Forecasting: Principles and Practice (3rd ed.), section 8.3.
type HoltWinters struct {
	// Target of the reactive rule: requests/s per replica; 0 means the utilization cap.
	Target float64
	// Season is the length of a season, 0 means a day, and Interval that between samples, 0 means a minute; the season
	// must be a whole number of them.
	Season, Interval time.Duration
	// Alpha, Beta and Gamma in (0, 1]; 0 means 0.3, 0.01 and 0.3, chosen by us: upstream has no defaults.
	Alpha, Beta, Gamma float64
	// Behavior is as in SquareRoot.
	Behavior *hpa.Behavior
}

func (p HoltWinters) withDefaults() HoltWinters {
	or := func(v *float64, def float64) {
		if *v == 0 {
			*v = def
		}
	}
	or(&p.Alpha, 0.3)
	or(&p.Beta, 0.01)
	or(&p.Gamma, 0.3)
	if p.Season == 0 {
		p.Season = 24 * time.Hour
	}
	if p.Interval == 0 {
		p.Interval = time.Minute
	}
	return p
}

// Name implements replay.Policy.
func (HoltWinters) Name() string { return "holt-winters" }

// Settings implements replay.Policy.
func (p HoltWinters) Settings() []replay.Setting {
	p = p.withDefaults()
	return append([]replay.Setting{
		{Name: "target", Value: p.Target},
		{Name: "season", Value: p.Season},
		{Name: "interval", Value: p.Interval},
		{Name: "alpha", Value: p.Alpha},
		{Name: "beta", Value: p.Beta},
		{Name: "gamma", Value: p.Gamma},
	}, behaviorSettings(p.Behavior)...)
}

// HPA implements replay.Policy.
func (p HoltWinters) HPA() (hpa.Config, hpa.Spec) {
	return follows(orDefault(p.Behavior), "replicas-now", "replicas-predicted")
}

// maxSeason bounds the memory of a season.
const maxSeason = 1 << 20

// Begin implements replay.Policy. The history stands for what was asked for before the run.
func (p HoltWinters) Begin(_ context.Context, env *replay.Environment) (replay.Controller, error) {
	p = p.withDefaults()
	if p.Target == 0 {
		p.Target = env.RatePerReplica()
	}
	for _, v := range []float64{p.Alpha, p.Beta, p.Gamma} {
		if !(v > 0 && v <= 1) {
			return nil, fmt.Errorf("alpha %g, beta %g and gamma %g: must be above 0 and at most 1", p.Alpha, p.Beta, p.Gamma)
		}
	}
	if !(p.Target > 0) || math.IsInf(p.Target, 1) {
		return nil, fmt.Errorf("target %g: must be above 0", p.Target)
	}
	if p.Interval < 0 || p.Season < 2*p.Interval || p.Season%p.Interval != 0 || p.Season/p.Interval > maxSeason {
		return nil, fmt.Errorf("season %s: must be 2 to %d intervals of %s", p.Season, maxSeason, p.Interval)
	}
	c := &holtWinters{p: p, smooth: smoothing{alpha: p.Alpha, beta: p.Beta, gamma: p.Gamma, season: make([]float64, p.Season/p.Interval)}, ahead: math.NaN()}
	for at := env.Start.Add(-4 * p.Season); at.Before(env.Start); at = at.Add(p.Interval) {
		if i, ok := env.History.Index(at); ok {
			c.sample(env.History.Rate[i])
		}
	}
	return c, nil
}

type holtWinters struct {
	p      HoltWinters
	smooth smoothing
	next   time.Duration // of the next sample
	now    float64       // reactive replicas
	ahead  float64       // predicted ones
}

// sample takes the reactive number for a rate; an unknown one repeats the last.
func (c *holtWinters) sample(rate float64) {
	if n := math.Ceil(rate / c.p.Target); !math.IsNaN(n) {
		c.now = n
	}
	c.ahead = c.smooth.add(c.now)
}

// Metrics implements replay.Controller.
func (c *holtWinters) Metrics(v *replay.View, dst []float64) []float64 {
	for c.next <= v.Now {
		c.sample(v.Rate)
		c.next += c.p.Interval
	}
	if math.IsNaN(c.ahead) {
		return append(dst, v.Rate/c.p.Target, 0)
	}
	return append(dst, v.Rate/c.p.Target, max(math.Ceil(c.ahead), 0))
}

// Why implements replay.Controller.
func (c *holtWinters) Why() string {
	if math.IsNaN(c.ahead) {
		return fmt.Sprintf("%s now; two seasons of %s are not there yet", count(c.now), c.p.Season)
	}
	return fmt.Sprintf("%s now, %s predicted", count(c.now), count(c.ahead))
}

// smoothing is the recursion.
type smoothing struct {
	alpha, beta, gamma float64
	level, trend       float64
	season             []float64
	n                  int // samples taken
	sum                float64
}

// add takes a sample and returns the forecast of the next, NaN before the end of the second season.
func (s *smoothing) add(y float64) float64 {
	m := len(s.season)
	i := s.n % m
	s.n++
	switch {
	case s.n <= m: // the first season is kept as it is
		s.season[i] = y
		s.level += y / float64(m)
		return math.NaN()
	case s.n <= 2*m:
		s.sum += y
		if s.n < 2*m {
			return math.NaN()
		}
		s.begin()
	default:
		before := s.level
		s.level = s.alpha*(y-s.season[i]) + (1-s.alpha)*(s.level+s.trend)
		s.trend = s.beta*(s.level-before) + (1-s.beta)*s.trend
		s.season[i] = s.gamma*(y-s.level) + (1-s.gamma)*s.season[i]
	}
	return s.level + s.trend + s.season[s.n%m]
}

// begin makes the start of two seasons.
func (s *smoothing) begin() {
	m := float64(len(s.season))
	first, second := s.level, s.sum/m
	for i := range s.season {
		s.season[i] -= first
	}
	s.trend = (second - first) / m
	// The mean of a season belongs to its middle; this is its end.
	s.level = second + s.trend*(m-1)/2
}
