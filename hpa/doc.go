// Package hpa computes what the HorizontalPodAutoscaler controller of Kubernetes 1.37 computes, as a pure function: state
// and metrics in, the decision and its reasons out.
//
//	var st hpa.State
//	d := hpa.Sync(hpa.DefaultConfig(), &spec, hpa.Inputs{Now: now, SpecReplicas: 5, StatusReplicas: 5, Readings: readings}, &st)
//	if d.Rescale { replicas = d.Desired }
//
// One Sync is one pass of the controller over one HorizontalPodAutoscaler. What the controller keeps between two passes, in
// its memory and in the status of the object, is the State. A decision is made in the order of upstream: the replicas that
// each metric asks for, the highest of them, stabilization, rate policies, minimum and maximum.
//
// It is the same arithmetic as upstream's, down to the type of every intermediate value: integers are thousandths where
// upstream takes MilliValue(), and int64 and int32 overflow where upstream's do. That includes what looks like a mistake,
// such as a negative external metric with a target of type AverageValue asking for all replicas there are. A conversion of
// a float beyond the integer's range is left to the processor, as it is in upstream.
// The package is compared with the real controller, sync by sync, on random autoscalers: see Differential in test/e2e.
//
// Time is a time.Duration since any fixed moment, the same for all times given to one State: since the start of a
// simulation, say, or t.Sub(epoch) for wall clock times. It must not run backward.
//
// # What is left out
//
// The autoscaler's rules are here, the delays of its surroundings are not: that a sync happens every [Config.SyncPeriod]
// after the end of the last one, that the object comes from a cache, that pods take time to start. Kubernetes before 1.35
// ignores the tolerances of Behavior, and before 1.37 does not scale to zero; leave them unset to model it.
//
// Source: Kubernetes v1.37.2, pkg/controller/podautoscaler/horizontal.go and replica_calculator.go (the functions are named
// where they are computed), pkg/apis/autoscaling/v2/defaults.go, pkg/apis/autoscaling/validation/validation.go.
package hpa
