package hpa_test

import (
	"fmt"
	"time"

	"github.com/prescale/prescale/hpa"
)

// The dead band of 10 percent holds back one replica more from 10 replicas on, unless the autoscaler sets a tolerance.
func ExampleSync() {
	spec := hpa.Spec{
		MinReplicas: 2, MaxReplicas: 50,
		Metrics: []hpa.MetricSpec{{Name: "prescale-desired-replicas", Target: hpa.AverageValue(1)}},
	}
	in := hpa.Inputs{SpecReplicas: 20, StatusReplicas: 20, Readings: []hpa.Reading{hpa.NewReading(21)}}
	var st hpa.State
	fmt.Println(hpa.Sync(hpa.DefaultConfig(), &spec, in, &st))

	spec.Behavior = &hpa.Behavior{ScaleUp: &hpa.ScalingRules{Tolerance: new(0.0)}}
	in.Now += 15 * time.Second
	fmt.Println(hpa.Sync(hpa.DefaultConfig(), &spec, in, &st))
	// Output:
	// 20 replicas: within tolerance
	// 20 -> 21 replicas
}

// A metric falls to a quarter: the recommendations of the last five minutes keep the replicas, and what happens then is
// up to the policies.
func ExampleSync_scaleDown() {
	spec := hpa.Spec{
		MinReplicas: 2, MaxReplicas: 50,
		Metrics: []hpa.MetricSpec{{Name: "rate", Target: hpa.AverageValue(100)}},
		Behavior: &hpa.Behavior{ScaleDown: &hpa.ScalingRules{
			Policies: []hpa.Policy{{Type: hpa.PercentPolicy, Value: 50, Period: time.Minute}},
		}},
	}
	c := hpa.DefaultConfig()
	var st hpa.State
	replicas := int32(20)
	last := ""
	for t := time.Duration(0); t <= 8*time.Minute; t += c.SyncPeriod {
		load := 2000.0
		if t > 0 {
			load = 500
		}
		d := hpa.Sync(c, &spec, hpa.Inputs{
			Now: t, SpecReplicas: replicas, StatusReplicas: replicas, Readings: []hpa.Reading{hpa.NewReading(load)},
		}, &st)
		replicas = d.Desired
		if s := d.String(); s != last {
			fmt.Println(t, s)
			last = s
		}
	}
	// Output:
	// 0s 20 replicas
	// 15s 20 replicas, wanted 5: stabilized by recent recommendations
	// 5m0s 20 -> 10 replicas, wanted 5: limited by the rate policies
	// 5m15s 10 replicas, wanted 5: limited by the rate policies
	// 6m0s 10 -> 5 replicas
	// 6m15s 5 replicas
}

// One that scales on CPU sees pods that start as idle while it scales up, so that it does not overshoot.
func ExampleSync_utilization() {
	spec := hpa.Spec{
		MinReplicas: 1, MaxReplicas: 50,
		Metrics: []hpa.MetricSpec{{Name: "cpu", Type: hpa.Resource, Target: hpa.Utilization(50)}},
	}
	now := time.Hour
	in := hpa.Inputs{
		Now: now, SpecReplicas: 6, StatusReplicas: 6,
		Pods: []hpa.Pod{
			{Count: 4, Readiness: hpa.Ready}, // started long ago, at 0
			{Count: 2, Phase: hpa.Pending},
		},
		Readings: []hpa.Reading{{Usage: []hpa.Usage{
			{Value: 450, Request: 500, At: now, Window: 30 * time.Second},
			{Missing: true, Request: 500},
		}}},
	}
	var st hpa.State
	d := hpa.Sync(hpa.DefaultConfig(), &spec, in, &st)
	fmt.Println(d)
	fmt.Printf("%d%% in use, ratio %.2f\n", d.Proposals[0].Percent, d.Proposals[0].Ratio)
	// Output:
	// 6 -> 8 replicas
	// 90% in use, ratio 1.20
}
