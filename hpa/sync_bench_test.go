package hpa_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/prescale/prescale/hpa"
)

// BenchmarkSync measures one sync with one external metric in steady state, with a full history: the
// window in the name holds window/15s recommendations.
func BenchmarkSync(b *testing.B) {
	for _, window := range []time.Duration{0, 5 * time.Minute, 30 * time.Minute, time.Hour} {
		for _, behavior := range []bool{false, true} {
			b.Run(fmt.Sprintf("window=%v/behavior=%t", window, behavior), func(b *testing.B) {
				c := hpa.DefaultConfig()
				c.DownscaleStabilization = window
				spec := hpa.Spec{
					MinReplicas: 2, MaxReplicas: 1000,
					Metrics: []hpa.MetricSpec{{Name: "rate", Target: hpa.AverageValue(1)}},
				}
				if behavior {
					spec.Behavior = &hpa.Behavior{ScaleUp: &hpa.ScalingRules{Tolerance: new(0.0)}}
				}
				var st hpa.State
				readings := make([]hpa.Reading, 1)
				in := hpa.Inputs{SpecReplicas: 100, StatusReplicas: 100, Readings: readings}
				sync := func(i int) {
					in.Now += c.SyncPeriod
					readings[0].Value = int64(100_000 + 40_000*(i/8%2)) // 100 and 140 in turn
					d := hpa.Sync(c, &spec, in, &st)
					in.SpecReplicas, in.StatusReplicas = d.Desired, d.Desired
				}
				for i := range 1000 {
					sync(i)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					sync(i)
				}
			})
		}
	}
}
