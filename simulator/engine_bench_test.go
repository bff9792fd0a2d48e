package simulator

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func benchmarkRun(b *testing.B, c *Config) {
	var requests uint64
	var seed uint64
	b.ReportAllocs()
	for b.Loop() {
		seed++
		r, err := Run(context.Background(), c, nil, seed)
		require.NoError(b, err)
		requests += r.Requests
	}
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds()/1e6, "Mreq/s")
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(requests), "ns/req")
}

func BenchmarkRun(b *testing.B) {
	const duration = 100000 * time.Second
	b.Run("central", func(b *testing.B) { benchmarkRun(b, queueOf(10, 0.9, duration)) })
	b.Run("powerOfTwo", func(b *testing.B) {
		c := queueOf(10, 0.9, duration)
		c.Balancer.Kind = PowerOfTwo
		benchmarkRun(b, c)
	})
	b.Run("powerOfTwoTimeouts", func(b *testing.B) {
		c := queueOf(10, 0.9, duration)
		c.Balancer.Kind = PowerOfTwo
		c.Client = Client{Timeout: 30 * time.Second, Retries: 2, Backoff: time.Second, RetryBudget: 0.1}
		benchmarkRun(b, c)
	})
}
