package simulator

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

// probe is a policy that remembers what it sees.
type probe struct {
	policy.Reactive

	seen *[]seen
}

type seen struct {
	at                                               time.Duration
	rate, offered, utilization, inFlight, backlog, p float64
	ready                                            int32
}

func (p probe) Begin(ctx context.Context, env *replay.Environment) (replay.Controller, error) {
	c, err := p.Reactive.Begin(ctx, env)
	return probing{c, p.seen}, err
}

type probing struct {
	replay.Controller

	seen *[]seen
}

func (p probing) Metrics(v *replay.View, dst []float64) []float64 {
	from, to := v.Over(2 * time.Minute)
	*p.seen = append(*p.seen, seen{
		v.Now, v.Rate, v.Offered(from, to), v.Utilization(from, to), v.InFlight(from, to), v.Backlog(from, to), v.Latency(from, to), v.ReadyReplicas,
	})
	return p.Controller.Metrics(v, dst)
}

// TestGauges holds what policies see to theory, and that of the two engines to each other.
func TestGauges(t *testing.T) {
	t.Parallel()
	c := web(pulse{base: 200, high: 200}, 20*time.Minute)
	c.Balancer.Kind = CentralQueue
	c.Metrics = replay.Lens{ScrapeInterval: 15 * time.Second, RateWindow: time.Minute, Delay: 30 * time.Second}
	c.Replicas = Replicas{Initial: 10, Min: 10, Max: 10}
	var fast, slow []seen
	_, err := Run(t.Context(), c, probe{policy.Reactive{Target: 1}, &fast}, 1)
	require.NoError(t, err)
	c.events = true
	_, err = Run(t.Context(), c, probe{policy.Reactive{Target: 1}, &slow}, 1)
	require.NoError(t, err)
	require.Len(t, slow, 80)
	n, sum := 0.0, seen{}
	for i, s := range slow {
		f := fast[i]
		if i < 3 { // two scrapes are visible 45 s after the beginning
			require.True(t, math.IsNaN(s.rate) && math.IsNaN(f.rate) && math.IsNaN(s.p), "%v", s)
			continue
		}
		require.Equal(t, s.rate, f.rate)
		require.Equal(t, s.p, f.p)
		require.InDelta(t, s.utilization, f.utilization, 1e-6)
		require.InDelta(t, s.inFlight, f.inFlight, 1e-6)
		require.InDelta(t, s.backlog, f.backlog, 1e-6)
		n++
		sum.offered += s.offered
		sum.utilization += s.utilization
		sum.inFlight += s.inFlight
		sum.backlog += s.backlog
		sum.p += s.p
	}
	// M/M/10 at 80 %: 8 erlangs, 1.637 waiting; p99 of the response about 0.21 s.
	require.InDelta(t, 200, sum.offered/n, 3)
	require.InDelta(t, 0.8, sum.utilization/n, 0.02)
	require.InDelta(t, 1.637, sum.backlog/n, 0.5)
	require.InDelta(t, 9.637, sum.inFlight/n, 0.5)
	require.InDelta(t, 0.21, sum.p/n, 0.03)
}
