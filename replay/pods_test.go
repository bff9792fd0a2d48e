package replay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPodsStartAndLeave(t *testing.T) {
	p := newPods(Startup{Delays: []time.Duration{time.Minute}, Warmup: 30 * time.Second, Slowdown: 2}, 15*time.Second)
	p.reset(3)
	p.begin(0)
	p.scale(5)
	assert.Equal(t, [2]int32{3, 2}, [2]int32{p.ready, p.starting})
	for i := 1; i < 4; i++ {
		p.begin(i)
		assert.Equal(t, int32(3), p.ready)
	}
	p.scale(6) // one more, ready a minute later
	p.begin(4)
	assert.Equal(t, [3]int32{5, 1, 2}, [3]int32{p.ready, p.starting, p.warming})
	assert.InDelta(t, 3+2*0.5, p.servers(1), 1e-12)
	p.scale(4) // the one that starts, and one of the youngest
	assert.Equal(t, [3]int32{4, 0, 1}, [3]int32{p.ready, p.starting, p.warming})
	p.begin(5)
	p.begin(6)
	assert.Equal(t, int32(0), p.warming)
	p.begin(7)
	assert.Equal(t, [2]int32{4, 0}, [2]int32{p.ready, p.starting}, "the one taken away never gets ready")
}

func TestPodsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPods(GammaStartup(time.Duration(rapid.IntRange(0, 600).Draw(t, "mean"))*time.Second, 0.5), 15*time.Second)
		p.reset(rapid.Int32Range(0, 20).Draw(t, "initial"))
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			p.begin(i)
			if rapid.Bool().Draw(t, "change") {
				n := rapid.Int32Range(0, 50).Draw(t, "replicas")
				p.scale(n)
				require.Equal(t, n, p.ready+p.starting)
			}
			due, young := int32(0), int32(0)
			for _, d := range p.due {
				require.GreaterOrEqual(t, d, int32(0))
				due += d
			}
			for _, y := range p.young {
				require.GreaterOrEqual(t, y, int32(0))
				young += y
			}
			require.Equal(t, p.starting, due)
			require.LessOrEqual(t, young, p.ready)
			list, usage := p.list(nil, nil, 500, true, time.Minute)
			require.Len(t, usage, len(list))
			count := int32(0)
			for _, pod := range list {
				count += pod.Count
			}
			require.Equal(t, p.ready+p.starting, count)
		}
	})
}

func TestStartupQuantiles(t *testing.T) {
	s := GammaStartup(time.Minute, 0.1)
	require.NoError(t, s.Validate())
	assert.InDelta(t, 60, s.Mean().Seconds(), 0.3)
	// R 4: qgamma(c(0.5, 0.9), shape = 10, scale = 6) = 58.01, 85.2; the quantiles kept are those at (i+1/2)/64.
	assert.InDelta(t, 58.0, s.Quantile(0.5).Seconds(), 1)
	assert.InDelta(t, 85.2, s.Quantile(0.9).Seconds(), 2)
	sum, n := time.Duration(0), 200
	for k := range n {
		sum += s.Nth(k)
	}
	assert.InDelta(t, 60, (sum / time.Duration(n)).Seconds(), 1)
	assert.Equal(t, time.Minute, GammaStartup(time.Minute, 0).Nth(7))
	assert.Zero(t, Startup{}.Nth(7))
	m := MeasuredStartup([]time.Duration{3, 1, 2})
	assert.Equal(t, []time.Duration{1, 2, 3}, m.Delays)
	assert.Equal(t, time.Duration(2), m.Quantile(0.5))
	assert.Equal(t, time.Duration(3), m.Quantile(0.9))
	assert.ErrorContains(t, Startup{Delays: []time.Duration{2, 1}, Warmup: -1, Slowdown: 0.5}.Validate(), "slowdown 0.5")
}
