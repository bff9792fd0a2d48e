package simulator

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/prescale/prescale/replay"
	"github.com/prescale/prescale/replay/policy"
)

func benchmarkRun(b *testing.B, c *Config) { benchmarkPolicy(b, c, nil) }

func benchmarkPolicy(b *testing.B, c *Config, p replay.Policy) {
	var requests uint64
	var seed uint64
	before := cpuSeconds()
	b.ReportAllocs()
	for b.Loop() {
		seed++
		r, err := Run(b.Context(), c, p, seed)
		require.NoError(b, err)
		requests += r.Requests
	}
	// By processor time, so that what else runs on the machine does not count.
	cpu := cpuSeconds() - before
	b.ReportMetric(float64(requests)/cpu/1e6, "Mreq/s")
	b.ReportMetric(cpu*1e9/float64(requests), "ns/req")
}

// cpuSeconds returns the processor time that this process has used.
func cpuSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func BenchmarkRun(b *testing.B) {
	// An M/M/10-like load: 225 requests per second of 40 ms each, over an hour and a quarter.
	const duration = 4500 * time.Second
	queueOf := func(n int32, rho float64, duration time.Duration) *Config {
		c := queueOf(n, rho, duration)
		c.Arrivals = poisson(rho*float64(n)*25, duration)
		c.Service.Mean = 40 * time.Millisecond
		c.Objective.Latency = 200 * time.Millisecond
		return c
	}
	b.Run("central", func(b *testing.B) { benchmarkRun(b, queueOf(10, 0.9, duration)) })
	b.Run("powerOfTwo", func(b *testing.B) {
		c := queueOf(10, 0.9, duration)
		c.Balancer.Kind = PowerOfTwo
		benchmarkRun(b, c)
	})
	b.Run("powerOfTwoTimeouts", func(b *testing.B) {
		c := queueOf(10, 0.9, duration)
		c.Balancer.Kind = PowerOfTwo
		c.Client = Client{Timeout: time.Second, Retries: 2, Backoff: 100 * time.Millisecond, RetryBudget: 0.1}
		benchmarkRun(b, c)
	})
	b.Run("full", func(b *testing.B) {
		c := queueOf(10, 0.9, duration)
		c.Balancer.Kind = PowerOfTwo
		c.Queue.MaxPerReplica = 100
		c.Client = Client{Timeout: time.Second, Retries: 2, Backoff: 100 * time.Millisecond, RetryBudget: 0.1}
		c.Startup = Startup{Phases: []Phase{{"load", Law{30 * time.Second, 0.1}}}, WarmUp: 30 * time.Second, Slowdown: 2}
		c.Termination.Grace = 30 * time.Second
		c.Replicas = Replicas{Initial: 11, Min: 2, Max: 40}
		benchmarkPolicy(b, c, policy.Reactive{Target: 20})
	})
}
