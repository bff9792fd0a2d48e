package queueing

import (
	"errors"
	"fmt"
	"math"
)

// MaxBatchArrivalRate returns the largest arrival rate, per second, at which the given replicas keep a response time
// quantile. Each replica is a server as described, whose own rate is ignored, and gets a random share of the
// requests. The search brackets the rate and evaluates the exact tail some 15 times, each as costly as
// [MDBatch.Latencies]; it takes the tail to rise with the rate.
//
// Errors: an invalid server or target, replicas out of range, or [ErrImpossibleTarget] if a batch of one already takes
// longer than the latency asked for.
func MaxBatchArrivalRate(replicas int, server MDBatch, target Quantile) (float64, error) {
	server.ArrivalRatePerSecond = 0
	var errs []error
	if !server.valid() {
		errs = append(errs, fmt.Errorf("queueing: batch times are %v s per item and %v s fixed with at most %d, must be finite, not negative, not both 0, and at most %d (0 for no limit)",
			server.PerItemSeconds, server.FixedSeconds, server.MaxBatch, MaxBatchLimit))
	}
	if !(target.Percentile > 0 && target.Percentile < 1) {
		errs = append(errs, fmt.Errorf("queueing: Quantile.Percentile is %v, must be in (0, 1)", target.Percentile))
	}
	if replicas < 1 || replicas > MaxServers {
		errs = append(errs, fmt.Errorf("queueing: replicas is %d, must be in 1..%d", replicas, MaxServers))
	}
	latency := target.Latency.Seconds()
	if len(errs) == 0 && latency < server.time(1) {
		errs = append(errs, fmt.Errorf("queueing: Quantile.Latency is %v, must be at least %v s, the time of a batch of one: %w",
			target.Latency, server.time(1), ErrImpossibleTarget))
	}
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	limit := server.MaxArrivalRatePerSecond()
	if math.IsInf(limit, 1) { // no limit and no cost per item: a wait and a batch take up to 2·fixed, at any rate
		limit = 1e6 / server.FixedSeconds
	}
	miss := math.Log1p(-target.Percentile)
	excess := func(rate float64) float64 {
		server.ArrivalRatePerSecond = rate
		tail := server.ResponseTail(latency)
		if math.IsNaN(tail) { // too close to saturation to be computed
			return 1
		}
		return math.Max(math.Log(tail), -1e3) - miss
	}
	// Up from half of the limit by halving the distance, down by halving the rate.
	low, high := 0.0, limit
	lowExcess, highExcess := -1e3, 1.0
	for rate := limit / 2; ; {
		y := excess(rate)
		if y <= 0 {
			low, lowExcess = rate, y
			rate = high - (high-low)/2
			if high < limit || limit-low < 1e-3*limit {
				break
			}
		} else {
			high, highExcess = rate, y
			rate /= 2
			if low > 0 || rate < limit*0x1p-60 {
				break
			}
		}
	}
	// A part in 10^10 is finer than any use and spares half of the steps to the last digit.
	for range 60 {
		if high-low <= 1e-10*high {
			break
		}
		middle := low + (high-low)*math.Min(math.Max(lowExcess/(lowExcess-highExcess), 0.02), 0.98)
		if y := excess(middle); y <= 0 {
			low, lowExcess = middle, y
			highExcess /= 2 // Illinois
		} else {
			high, highExcess = middle, y
			lowExcess /= 2
		}
	}
	return low * float64(replicas), nil
}

// LeastBatchReplicas returns the least number of replicas that keep a response time quantile at an arrival rate, each
// with a random share of the requests.
//
// Errors: as [MaxBatchArrivalRate], an invalid rate, or [ErrMaxReplicas].
func LeastBatchReplicas(arrivalRatePerSecond float64, server MDBatch, target Quantile, maxReplicas int) (int, error) {
	if !(arrivalRatePerSecond >= 0) || math.IsInf(arrivalRatePerSecond, 1) {
		return 0, fmt.Errorf("queueing: arrival rate is %v per second, must be finite and not negative", arrivalRatePerSecond)
	}
	if maxReplicas < 1 || maxReplicas > MaxServers {
		return 0, fmt.Errorf("queueing: maxReplicas is %d, must be in 1..%d", maxReplicas, MaxServers)
	}
	each, err := MaxBatchArrivalRate(1, server, target)
	if err != nil {
		return 0, err
	}
	replicas := math.Max(1, math.Ceil(arrivalRatePerSecond/each))
	if !(replicas <= float64(maxReplicas)) {
		return 0, fmt.Errorf("queueing: %v requests per second at %v per replica: %w: maxReplicas is %d",
			arrivalRatePerSecond, each, ErrMaxReplicas, maxReplicas)
	}
	return int(replicas), nil
}
