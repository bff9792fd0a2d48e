package replay

import (
	"context"
	"time"

	"github.com/prescale/prescale/hpa"
)

// View is what can be seen at one instant. Everything measured has gone through the lens; NaN is unknown.
type View struct {
	// Now is the instant since the run began, Time the same on the calendar.
	Now  time.Duration
	Time time.Time
	// Visible is the instant up to which scrapes are visible: Now - Lens.Delay.
	Visible time.Duration
	// Rate is the offered rate in requests/s, also of what was refused, over the lens's window.
	Rate float64
	// SpecReplicas is what the scale asks for, StatusReplicas the pods that exist and are not terminating, and
	// ReadyReplicas those of them that serve.
	SpecReplicas, StatusReplicas, ReadyReplicas int32
	// Gauges answer what else was measured, and over other windows.
	Gauges
}

// Over returns the ends of the last window that is visible.
func (v *View) Over(window time.Duration) (from, to time.Duration) {
	return v.Visible - window, v.Visible
}

// Gauges answer for the time from the first to the last scrape in [from, to], as far as it is visible, in times since the
// run began. They are NaN without two such scrapes. An engine need not remember more than the hour before; asked for
// what it has forgotten, it answers for what is left. They answer during the call of Controller.Metrics only.
type Gauges interface {
	// Offered is the mean offered rate in requests/s, also of what was refused.
	Offered(from, to time.Duration) float64
	// Utilization is the mean busy share of the slots of ready replicas, in [0, 1].
	Utilization(from, to time.Duration) float64
	// InFlight is the mean number of requests in the system, waiting or in service, and Backlog that of those that
	// wait.
	InFlight(from, to time.Duration) float64
	Backlog(from, to time.Duration) float64
	// Latency is the quantile of the response times at the percentile of the objective, in seconds.
	Latency(from, to time.Duration) float64
}

// Policy is a way to scale. It is handed to an engine and may be used by several runs at a time: what changes during a
// run belongs to the Controller.
type Policy interface {
	// Name tells the policy from others in a report.
	Name() string
	// Settings lists what distinguishes it, in the order in which a report shows it.
	Settings() []Setting
	// HPA returns the autoscaler through which the policy scales: the flags of its controller, and its spec. The engine
	// sets the spec's MinReplicas and MaxReplicas, reads Resource metrics off the pods and syncs every SyncPeriod, or as
	// often as it can.
	HPA() (hpa.Config, hpa.Spec)
	// Begin starts a run. The context ends long computations of the whole run.
	Begin(ctx context.Context, env *Environment) (Controller, error)
}

// Setting is one named value of a policy: a number, a string, a bool or a time.Duration.
type Setting struct {
	Name  string
	Value any
}

// Controller decides for one run. It belongs to one goroutine.
type Controller interface {
	// Metrics appends the values of the External metrics of the policy's HPA, in the order of its spec, and returns the
	// slice. NaN is a metric that cannot be read, upon which the HPA does not scale in. An engine calls it once at every
	// sync of the HPA, in order of time.
	Metrics(v *View, dst []float64) []float64
	// Why explains the values returned last, in words.
	Why() string
}
