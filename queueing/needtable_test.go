package queueing_test

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/queueing"
)

var (
	variableService = queueing.Service{MeanTime: 100 * time.Millisecond, SCV: queueing.SCV(4)}
	variableTarget  = queueing.Target{Response: queueing.Quantile{Percentile: 0.95, Latency: 900 * time.Millisecond}, MaxUtilization: 0.95}
)

// TestNeedTableIsExactInAnyOrder asks tables in different orders, one of them from several goroutines, for the same
// rates, and compares with the direct search.
func TestNeedTableIsExactInAnyOrder(t *testing.T) {
	const most = 60
	random := rand.New(rand.NewPCG(1, 2))
	rates := make([]float64, 200)
	for i := range rates {
		rates[i] = 580 * random.Float64()
	}
	forward, err := queueing.NewNeedTable(most, variableService, variableTarget)
	require.NoError(t, err)
	shared, err := queueing.NewNeedTable(most, variableService, variableTarget)
	require.NoError(t, err)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for i := range rates {
				shared.LeastReplicas(rates[(i*(2*worker+1))%len(rates)])
			}
		})
	}
	group.Wait()
	for i, rate := range rates {
		n, enough := forward.LeastReplicas(rate)
		again, _ := shared.LeastReplicas(rate)
		assert.Equal(t, n, again, "%v", rate)
		if i%4 == 0 {
			want, err := queueing.LeastReplicas(rate, variableService, variableTarget, most)
			assert.Equal(t, err == nil, enough, "%v", rate)
			if err == nil {
				assert.Equal(t, want, n, "%v", rate)
			}
		}
	}
	assert.Zero(t, testing.AllocsPerRun(20, func() {
		for _, rate := range rates {
			forward.LeastReplicas(rate)
		}
	}))

	// Rows against the separate search, out of order, and what they say against the look-up.
	for _, n := range []int{40, 1, 17, 60, 18} {
		want, err := queueing.MaxArrivalRate(n, variableService, variableTarget)
		require.NoError(t, err)
		got := forward.MaxArrivalRate(n)
		assert.InEpsilon(t, want, got, 2e-9)
		least, enough := forward.LeastReplicas(got)
		assert.True(t, enough)
		assert.Equal(t, n, least)
		least, _ = forward.LeastReplicas(got * (1 + 1e-8))
		assert.Equal(t, min(n+1, most), least)
	}
	assert.Equal(t, forward.MaxArrivalRate(most), forward.MaxArrivalRate(most+5))
	assert.Zero(t, forward.MaxArrivalRate(-1))
	for _, rate := range []float64{math.NaN(), -1, math.Inf(1), 600} {
		n, enough := forward.LeastReplicas(rate)
		assert.False(t, enough)
		assert.Equal(t, most, n)
	}
	one, enough := forward.LeastReplicas(0)
	assert.True(t, enough)
	assert.Equal(t, 1, one)
}

// TestNeedTableOfModelThatKeepsAnyRate ends without a largest rate: nobody waits where there is no queue.
func TestNeedTableOfModelThatKeepsAnyRate(t *testing.T) {
	service := queueing.Service{MeanTime: time.Second, MaxWaiting: queueing.NoQueue}
	table, err := queueing.NewNeedTable(3, service, queueing.Target{MaxMeanWait: time.Second})
	require.NoError(t, err)
	for _, rate := range []float64{1, 1e10, 1e305} {
		n, enough := table.LeastReplicas(rate)
		assert.True(t, enough)
		assert.Equal(t, 1, n)
	}
	assert.Equal(t, math.Inf(1), table.MaxArrivalRate(2))
}

func BenchmarkNeedTableOfModel(b *testing.B) {
	b.Run("build and first look-up of 1000", func(b *testing.B) {
		for b.Loop() {
			table, err := queueing.NewNeedTable(1000, variableService, variableTarget)
			if err != nil {
				b.Fatal(err)
			}
			table.LeastReplicas(5000)
		}
	})
	b.Run("look-up", func(b *testing.B) {
		table, err := queueing.NewNeedTable(1000, variableService, variableTarget)
		if err != nil {
			b.Fatal(err)
		}
		for i := range 500 {
			table.LeastReplicas(4000 + float64(i))
		}
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			table.LeastReplicas(4000 + float64(i%500))
			i++
		}
	})
}
