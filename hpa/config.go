package hpa

import "time"

// Config holds the flags of kube-controller-manager that concern the autoscaler.
type Config struct {
	// SyncPeriod is the time from the end of one sync to the next one
	// (--horizontal-pod-autoscaler-sync-period). Sync does not read it; who calls Sync does.
	SyncPeriod time.Duration
	// DownscaleStabilization is how long the highest recommendation counts where the Behavior does not
	// say (--horizontal-pod-autoscaler-downscale-stabilization). With a Behavior, whole seconds count.
	DownscaleStabilization time.Duration
	// CPUInitializationPeriod after the start of a pod, its CPU usage counts only if it is ready and was
	// so over the whole window of the sample (--horizontal-pod-autoscaler-cpu-initialization-period).
	CPUInitializationPeriod time.Duration
	// InitialReadinessDelay after the start of a pod, becoming unready means it was never ready
	// (--horizontal-pod-autoscaler-initial-readiness-delay).
	InitialReadinessDelay time.Duration
	// Tolerance is the dead band around a ratio of 1 where the Behavior does not say
	// (--horizontal-pod-autoscaler-tolerance).
	Tolerance float64
}

// DefaultConfig returns the defaults of kube-controller-manager 1.37.
//
// Source: pkg/controller/podautoscaler/config/v1alpha1/defaults.go.
func DefaultConfig() Config {
	return Config{
		SyncPeriod:              15 * time.Second,
		DownscaleStabilization:  5 * time.Minute,
		CPUInitializationPeriod: 5 * time.Minute,
		InitialReadinessDelay:   30 * time.Second,
		Tolerance:               0.1,
	}
}
