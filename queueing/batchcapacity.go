package queueing

import (
	"errors"
	"fmt"
	"math"
)

// MaxBatchArrivalRate returns the largest arrival rate, per second, at which the given replicas keep a response time
// quantile. Each replica is a server as described, whose own rate is ignored, and gets a random share of the
// requests. The search brackets the rate and evaluates the exact tail some 15 times, each as costly as
// [MDBatch.Latencies]; it takes the tail to rise with the rate. With a maximum delay it need not, since batches fill
// faster under load: then the largest rate is sought up to which all lower ones keep the target too, on a grid of 64 rates.
//
// Errors: an invalid server or target, replicas out of range, or [ErrImpossibleTarget] if a request alone, after the
// maximum delay, already takes longer than the latency asked for.
func MaxBatchArrivalRate(replicas int, server MDBatch, target Quantile) (float64, error) {
	server.ArrivalRatePerSecond = 0
	var errs []error
	if !server.valid() {
		errs = append(errs, fmt.Errorf("queueing: batch times are %v s per item, %v s fixed and at most %v s delay with at most %d, must be finite, not negative, the first two not both 0, and at most %d (0 for no limit)",
			server.PerItemSeconds, server.FixedSeconds, server.MaxDelaySeconds, server.MaxBatch, MaxBatchLimit))
	}
	if !(target.Percentile > 0 && target.Percentile < 1) {
		errs = append(errs, fmt.Errorf("queueing: Quantile.Percentile is %v, must be in (0, 1)", target.Percentile))
	}
	if replicas < 1 || replicas > MaxServers {
		errs = append(errs, fmt.Errorf("queueing: replicas is %d, must be in 1..%d", replicas, MaxServers))
	}
	latency := target.Latency.Seconds()
	if alone := server.time(1) + server.delay(); len(errs) == 0 && latency < alone {
		errs = append(errs, fmt.Errorf("queueing: Quantile.Latency is %v, must be at least %v s, the maximum delay and the time of a batch of one: %w",
			target.Latency, alone, ErrImpossibleTarget))
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
	start := limit / 2
	top := limit // the least rate known to be too much
	if server.delay() > 0 {
		start, top = firstExcess(excess, limit)
	}
	// Up from the start by halving the distance, down by halving the rate.
	low, high := 0.0, top
	lowExcess, highExcess := -1e3, 1.0
	for rate := start; ; {
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

// firstExcess looks for a rate that is too much while lower ones are not, on 48 rates that rise by a constant factor to a
// quarter of the limit and 16 that rise by a constant step from there. It returns the last that is kept, or the first
// rate if none is, and the one after it, or the limit if all are kept.
func firstExcess(excess func(float64) float64, limit float64) (kept, over float64) {
	const geometric, linear, least = 48, 16, 1e-4
	rate := func(i int) float64 {
		if i < geometric {
			return limit * least * math.Pow(0.25/least, float64(i)/(geometric-1))
		}
		return limit * (0.25 + 0.75*float64(i-geometric+1)/(linear+1))
	}
	for i := range geometric + linear {
		if excess(rate(i)) > 0 {
			return rate(max(i-1, 0)), rate(i)
		}
	}
	return rate(geometric + linear - 1), limit
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
