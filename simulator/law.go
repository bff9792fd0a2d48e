package simulator

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/prescale/prescale/queueing"
)

// draw returns one duration in seconds; see [Law].
func (l Law) draw(g *generator) float64 {
	mean := l.Mean.Seconds()
	switch {
	case mean == 0 || l.SCV == 0:
		return mean
	case l.SCV == 1:
		return mean * g.exponential()
	}
	return distuv.Gamma{Alpha: 1 / l.SCV, Beta: 1 / (l.SCV * mean), Src: g}.Rand()
}

// workLaw draws the work of requests in batches: a phase-type law where package queueing has it, else see [Service.SCV].
type workLaw struct {
	mean, scv float64
	phases    queueing.PhaseType
	g         *generator
}

func newWorkLaw(mean, scv float64, g *generator) workLaw {
	return workLaw{mean: mean, scv: scv, phases: queueing.PhaseTypeOf(mean, scv), g: g}
}

// fill draws the work of the next requests in seconds.
func (w *workLaw) fill(dst []float64) {
	switch {
	case w.scv == 0:
		for i := range dst {
			dst[i] = w.mean
		}
	case w.scv == 1:
		w.g.exponentials(dst, w.mean)
	case w.scv < 0.5:
		gamma := distuv.Gamma{Alpha: 1 / w.scv, Beta: 1 / (w.scv * w.mean), Src: w.g}
		for i := range dst {
			dst[i] = gamma.Rand()
		}
	default:
		for i := range dst {
			dst[i] = w.phased()
		}
	}
}

// phased draws from the two phases.
func (w *workLaw) phased() float64 {
	p := &w.phases
	if p.Start < 1 && w.g.unit() >= p.Start {
		return w.g.exponential() / p.Rate2
	}
	x := w.g.exponential() / p.Rate1
	if p.Onward == 1 || p.Onward > 0 && w.g.unit() < p.Onward {
		x += w.g.exponential() / p.Rate2
	}
	return x
}

// pause returns the backoff before the n-th retry, counted from 1: the mean doubles with n and is spread uniformly
// over half to one and a half.
func pause(mean float64, n int, g *generator) float64 {
	return math.Ldexp(mean, n-1) * (0.5 + g.unit())
}
