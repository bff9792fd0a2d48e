package simulator

import (
	"math"
	"math/bits"
)

// The ziggurat for the density e^-x: 256 layers of equal area, the base one with the tail beyond zigguratEdge.
//
// Source: G. Marsaglia, W. W. Tsang, The ziggurat method for generating random variables, Journal of Statistical
// Software 5(8) (2000), here with 53 random bits per draw and the layer from other bits than the abscissa.
const (
	zigguratLayers = 256
	zigguratEdge   = 7.69711747013104972
	zigguratArea   = 3.9496598225815571993e-3
)

// layer i spans [0, width·2⁵³) and its inner part, wholly below the density, the first inner/2⁵³ of it; height is the
// density at its right edge.
type layer struct {
	inner  uint64
	width  float64
	height float64
}

var ziggurat = buildZiggurat()

func buildZiggurat() *[zigguratLayers]layer {
	var z [zigguratLayers]layer
	edge := zigguratEdge
	base := zigguratArea / math.Exp(-edge)
	z[0] = layer{inner: uint64(edge / base * (1 << 53)), width: base / (1 << 53), height: 1}
	z[zigguratLayers-1].width, z[zigguratLayers-1].height = edge/(1<<53), math.Exp(-edge)
	for i := zigguratLayers - 2; i >= 1; i-- {
		next := -math.Log(zigguratArea/edge + math.Exp(-edge))
		z[i+1].inner = uint64(next / edge * (1 << 53))
		z[i].width, z[i].height = next/(1<<53), math.Exp(-next)
		edge = next
	}
	return &z
}

// exponentials fills dst with draws of the exponential law of a mean.
func (g *generator) exponentials(dst []float64, mean float64) {
	a, b, c, d := g.a, g.b, g.c, g.d
	for k := range dst {
		// Uint64, written out: the state stays in registers.
		r := bits.RotateLeft64(a+d, 23) + a
		t := b << 17
		c ^= a
		d ^= b
		b ^= c
		a ^= d
		c ^= t
		d = bits.RotateLeft64(d, 45)

		l := &ziggurat[r&(zigguratLayers-1)]
		if j := r >> 11; j < l.inner {
			dst[k] = float64(j) * l.width * mean
			continue
		}
		*g = generator{a, b, c, d}
		dst[k] = g.rejected(r) * mean
		a, b, c, d = g.a, g.b, g.c, g.d
	}
	*g = generator{a, b, c, d}
}

// exponential returns one draw of the exponential law of mean 1.
func (g *generator) exponential() float64 {
	r := g.Uint64()
	l := &ziggurat[r&(zigguratLayers-1)]
	if j := r >> 11; j < l.inner {
		return float64(j) * l.width
	}
	return g.rejected(r)
}

// rejected goes on with the bits r that fell outside the inner part of their layer, in one draw of a hundred.
func (g *generator) rejected(r uint64) float64 {
	for {
		i, j := r&(zigguratLayers-1), r>>11
		x := float64(j) * ziggurat[i].width
		switch {
		case j < ziggurat[i].inner:
			return x
		case i == 0:
			// The tail is exponential again, by its lack of memory.
			return zigguratEdge - math.Log(1-g.unit())
		case ziggurat[i].height+g.unit()*(ziggurat[i-1].height-ziggurat[i].height) < math.Exp(-x):
			return x
		}
		r = g.Uint64()
	}
}
