package simulator

import (
	"math/bits"
	"math/rand/v2"
)

// purpose names a stream of random numbers. Each has its own, so that a change of one model leaves the draws of the
// others alone and policies share what does not depend on them.
type purpose uint64

const (
	arrivalTimes purpose = iota + 1
	serviceTimes
	balancing
	startups
	failing
	retrying
	impatience
)

// generator is xoshiro256++, a rand.Source of 256 bits of state. Its own type, rather than a *rand.Rand over a PCG,
// lets the batch loops keep the state in registers, which makes an exponential draw two to four times as fast.
//
// Source: D. Blackman, S. Vigna, Scrambled linear pseudorandom number generators, ACM Transactions on Mathematical
// Software 47 (2021).
type generator struct{ a, b, c, d uint64 }

// newGenerator seeds a stream from a seed and its purpose through SplitMix64, as the authors of xoshiro recommend.
func newGenerator(seed uint64, p purpose) *generator {
	state := mix(seed) ^ mix(uint64(p)*0xd1342543de82ef95)
	next := func() uint64 { state += 0x9e3779b97f4a7c15; return mix(state) }
	return &generator{next(), next(), next(), next()}
}

// mix is the finalizer of SplitMix64, a bijection.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// ReplicationSeed returns the seed of one replication of an experiment: equal for all policies, so that they share
// random numbers, and unrelated between replications.
func ReplicationSeed(seed uint64, replication int) uint64 {
	return mix(mix(seed) + uint64(replication)*0x9e3779b97f4a7c15)
}

// Uint64 returns 64 random bits.
func (g *generator) Uint64() uint64 {
	r := bits.RotateLeft64(g.a+g.d, 23) + g.a
	t := g.b << 17
	g.c ^= g.a
	g.d ^= g.b
	g.b ^= g.c
	g.a ^= g.d
	g.c ^= t
	g.d = bits.RotateLeft64(g.d, 45)
	return r
}

// unit returns a number in [0, 1) of 53 random bits.
func (g *generator) unit() float64 { return float64(g.Uint64()>>11) * 0x1p-53 }

// below returns a number in [0, n), for 0 < n < 2³². Its bias is below n/2⁶⁴.
func (g *generator) below(n int) int {
	high, _ := bits.Mul64(g.Uint64(), uint64(n))
	return int(high)
}

func (g *generator) rand() *rand.Rand { return rand.New(g) }
