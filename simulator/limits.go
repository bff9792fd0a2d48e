package simulator

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/prescale/prescale/queueing"
)

// Estimate is what a replication is expected to need at most.
type Estimate struct {
	// Requests is the expected number of requests, without retries.
	Requests float64
	// Bytes is the memory for the requests in flight, the replicas and the minutes.
	Bytes float64
}

// Estimate returns what one replication of a valid configuration is expected to need. The requests in flight are those
// that a fluid queue of the maximum of replicas holds at its worst, or what the queues can hold, if that is less;
// retries, and requests that wait for replicas to start, come on top.
func (c *Config) Estimate() Estimate {
	s := c.resolve()
	replicas := float64(max(c.Replicas.Max, c.Replicas.Initial))
	servers := replicas * float64(s.concurrency)
	inFlight := c.peakBacklog() + servers*float64(max(s.maxBatch, 1))
	if s.maxWaiting != unbounded {
		inFlight = min(inFlight, replicas*float64(s.maxWaiting)+servers*float64(max(s.maxBatch, 1)))
	}
	perReplica := float64(unsafe.Sizeof(pod{})) + 8*float64(s.clients)
	return Estimate{
		Requests: c.Arrivals.Schedule.Cumulative(c.Duration),
		Bytes:    inFlight*callBytes + replicas*perReplica + float64(s.minutes)*float64(unsafe.Sizeof(Minute{})),
	}
}

// backlogSteps is the number of steps of the fluid queue.
const backlogSteps = 2000

// peakBacklog returns the most requests that wait if the maximum of replicas serve throughout.
func (c *Config) peakBacklog() float64 {
	step := max(c.Duration/backlogSteps, time.Second)
	capacity := float64(max(c.Replicas.Max, c.Replicas.Initial)) * c.ratePerReplica(1)
	var rates, capacities []float64
	for at := time.Duration(0); at < c.Duration; at += step {
		until := min(at+step, c.Duration)
		rates = append(rates, (c.Arrivals.Schedule.Cumulative(until)-c.Arrivals.Schedule.Cumulative(at))/step.Seconds())
		capacities = append(capacities, capacity)
	}
	backlog, err := queueing.FluidBacklog(rates, capacities, step.Seconds(), 0)
	if err != nil {
		return 0 // a schedule without rates; Cumulative has no number either
	}
	peak := 0.0
	for _, b := range backlog {
		peak = max(peak, b)
	}
	return peak
}

// affordable refuses a configuration that is expected to need more than its limits.
func (c *Config) affordable() error {
	most, bytes := c.Limits.MaxRequests, c.Limits.MaxBytes
	if most == 0 {
		most = DefaultMaxRequests
	}
	if bytes == 0 {
		bytes = DefaultMaxBytes
	}
	e := c.Estimate()
	if !(e.Requests <= most) {
		return fmt.Errorf("simulator: %.3g requests are expected in %s, must be at most %.3g: shorten or scale the load down, or raise Limits.MaxRequests",
			e.Requests, c.Duration, most)
	}
	if !(e.Bytes <= float64(bytes)) {
		return fmt.Errorf("simulator: the run is expected to need %.3g MB, must be at most %.3g: bound the queue, allow more replicas, or raise Limits.MaxBytes",
			e.Bytes/1e6, float64(bytes)/1e6)
	}
	return nil
}
