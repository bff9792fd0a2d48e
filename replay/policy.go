package replay

import "time"

// View is what can be seen at one instant. Everything measured has gone through the lens; NaN is unknown.
type View struct {
	// Now is the instant since the run began, Time the same on the calendar.
	Now  time.Duration
	Time time.Time
	// Rate is the offered rate in requests/s, also of what was refused, over the lens's window. Offered is the offered
	// counter since the run began at the last visible scrape, and OfferedAt when that was.
	Rate float64
	// Utilization is the busy share of the slots of the ready replicas, in [0, 1], over the window.
	Utilization float64
	// InFlight is the mean number of requests in the system, waiting or in service, over the window, and Backlog the
	// mean number of those that wait.
	InFlight, Backlog float64
	// Latency is the quantile of the response times in the window, in seconds, at the percentile of the objective.
	Latency float64
	// SpecReplicas is what the scale asks for, StatusReplicas the pods that exist and are not terminating, and
	// ReadyReplicas those of them that serve.
	SpecReplicas, StatusReplicas, ReadyReplicas int32
}

// Policy is a way to scale. It is handed to an engine and may be used by several runs at a time: what changes during a
// run belongs to the Controller.
type Policy interface {
	// Name tells the policy from others in a report.
	Name() string
	// Settings lists what distinguishes it, in the order in which a report shows it.
	Settings() []Setting
	// Begin starts a run.
	Begin(env *Environment) (Controller, error)
}

// Setting is one named value of a policy: a number, a string, or a time.Duration.
type Setting struct {
	Name  string
	Value any
}

// Controller decides for one run. It belongs to one goroutine.
type Controller interface {
	// Metrics appends the values of the external metrics of the policy's HPA, in the order of its spec, and returns
	// the slice. NaN is a metric that cannot be read, upon which the HPA does not scale in. An engine calls it once at
	// every sync of the HPA, in order of time.
	Metrics(v *View, dst []float64) []float64
	// Why explains the values returned last, in words.
	Why() string
}
