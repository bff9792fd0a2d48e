package simulator

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

// stepwise runs an engine and calls react after every arrival, completion and event of a pod, until an instant.
func stepwise(t *testing.T, e *engine, until float64, react func()) {
	t.Helper()
	for {
		arrival, completion, rare := e.source.next, e.completed.first(), e.agenda.first()
		next := min(arrival, completion, rare)
		if next >= until {
			e.advance(until)
			return
		}
		e.advance(next)
		switch next {
		case completion:
			e.complete()
		case arrival:
			require.NoError(t, e.arrive())
		default:
			require.NoError(t, e.happen(e.agenda.pop()))
		}
		react()
	}
}

// TestSetup holds cold starts to the exact M/M/k/setup queue: every waiting request drives the start of one server,
// which is given up when it is not needed, and a server without work is switched off.
func TestSetup(t *testing.T) {
	t.Parallel()
	const servers, seconds = 4, 8_000.0
	q := queueing.MMcSetup{ArrivalRatePerSecond: 2, ServiceRatePerSecond: 1, Servers: servers, MeanSetupSeconds: 3}
	var inSystem []float64
	for k := range 8 {
		c := queueOf(servers, 0.5, time.Duration(seconds)*time.Second)
		c.Replicas = Replicas{Initial: 0, Max: servers}
		c.Startup.Phases = []Phase{{"setup", Law{3 * time.Second, 1}}}
		c.events = true
		e, err := newEngine(t.Context(), c, nil, ReplicationSeed(1, k))
		require.NoError(t, err)
		stepwise(t, e, seconds, func() {
			for e.idle.len() > 0 {
				e.pods.wanted--
				e.dismiss(e.idle.entries[e.idle.head&uint(len(e.idle.entries)-1)], 0)
			}
			busy := len(e.completed.inService())
			e.scaleTo(min(busy+e.central.waiting, servers))
		})
		inSystem = append(inSystem, e.areas.live/seconds)
	}
	in := newInterval(inSystem, 0.999)
	want := q.MeanResponseSeconds() * 2
	t.Logf("in the system: %v, want %v", in, want)
	require.True(t, in.Low <= want && want <= in.High, "%v, want %v", in, want)
	require.Less(t, in.High-in.Mean, 0.15*want)
}

// TestTransient holds the queue that a step of the load and of the servers leaves to the forward equations.
func TestTransient(t *testing.T) {
	t.Parallel()
	const replications = 600
	instants := []float64{1, 3, 6, 10}
	rate := func(seconds float64) float64 {
		if seconds < 2 {
			return 5
		}
		return 18
	}
	exact, err := queueing.Transient{
		Rate: rate, ServiceRatePerSecond: 1,
		Servers: []queueing.ServerChange{{AtSeconds: 0, Servers: 8}, {AtSeconds: 5, Servers: 20}},
	}.At(instants...)
	require.NoError(t, err)
	counts := make([][]float64, len(instants))
	busy := make([][]float64, len(instants))
	for k := range replications {
		c := queueOf(8, 1, 20*time.Second)
		c.Arrivals = nonstationary(stepUp{low: 5, high: 18, at: 2 * time.Second}, c.Duration)
		c.Replicas.Max = 20
		c.events = true
		e, err := newEngine(t.Context(), c, nil, ReplicationSeed(2, k))
		require.NoError(t, err)
		for i, at := range instants {
			if e.now < 5 && at > 5 {
				stepwise(t, e, 5, func() {})
				e.scaleTo(20)
			}
			stepwise(t, e, at, func() {})
			counts[i] = append(counts[i], e.areas.nowLive)
			all := 0.0
			if e.idle.len() == 0 {
				all = 1
			}
			busy[i] = append(busy[i], all)
		}
	}
	for i, s := range exact {
		for name, x := range map[string]struct {
			values []float64
			want   float64
		}{"in the system": {counts[i], s.MeanInSystem}, "all busy": {busy[i], s.WaitProbability}} {
			in := newInterval(x.values, 0.999)
			t.Logf("%v s, %s: %v, want %v", instants[i], name, in, x.want)
			half := max(in.High-in.Mean, 4*math.Sqrt(x.want/replications)*1e-3)
			require.InDelta(t, x.want, in.Mean, half+1e-3)
		}
	}
}
