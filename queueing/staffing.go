package queueing

import (
	"fmt"
	"math"
	"time"
)

// StaffingMethod names a way to size for a rate that varies.
type StaffingMethod string

const (
	// StaffModifiedOfferedLoad sizes the stationary queue for the offered load m(t) of [OfferedLoadAt], the larger of
	// those at both ends of an interval. It is the best of the three. Measured on sinusoidal rates
	// around 30 and 100 erlangs, amplitudes of 20 and 50 % and periods of 6 and 24 service times, with 96 intervals to
	// a period: the wait probability at any time differs by at most 0.017 from what the same servers give in a
	// steady state at m(t), and never exceeds the target of 0.2; whole servers keep it up to 0.075 below, since one less
	// would exceed it.
	// Source:
	// O. B. Jennings, A. Mandelbaum, W. A. Massey, W. Whitt, Management Science 42 (1996).
	StaffModifiedOfferedLoad StaffingMethod = "mol"
	// StaffNearestOfferedLoad takes, of the least replicas that keep a bound on the wait probability at m(t) in the middle of an
	// interval and one less, those whose wait probability is nearer to the bound. It is for a target to be met on average
	// rather than kept: whole servers then miss it by half a step on either side. The target must have MaxWaitProbability
	// and nothing else. Measured on the same rates, the wait probability stays within 0.013 to 0.021 of the target of
	// 0.2 at 100 erlangs, and 0.022 to 0.0301 at 30, where one server makes up to 0.074: at the two intervals above 0.03 the
	// steady state at m(t) has 0.236 with 24 servers and 0.162 with 25, so that no whole number is within 0.03 there.
	StaffNearestOfferedLoad StaffingMethod = "mol_nearest"
	// StaffLaggedSIPP sizes for the mean rate of the interval shifted back by a mean service time. Source: L. Green,
	// P. Kolesar, J. Soares, Operations Research 49 (2001).
	StaffLaggedSIPP StaffingMethod = "lagged_sipp"
	// StaffPointwise sizes for the rate of the moment (pointwise stationary approximation), the larger of those at
	// both ends. It is a baseline, right only where the rate hardly changes during a service.
	StaffPointwise StaffingMethod = "psa"
)

// Staffing returns the least replicas for each of the intervals of the given length from time 0 on that keep a target
// while the rate varies, by the stationary M/M/c queue at the load that the method chooses. The rate is a function of
// seconds, and must be defined before 0 as well.
//
// Errors: as [LeastReplicas], with the interval; an unknown method, or a target it does not know; no interval, or one that
// is not positive.
func Staffing(method StaffingMethod, rate func(seconds float64) float64, intervals int, step time.Duration,
	service Service, target Target, maxReplicas int,
) ([]int, error) {
	if intervals < 1 || step <= 0 {
		return nil, fmt.Errorf("queueing: %d intervals of %v, must be at least 1 and above 0", intervals, step)
	}
	if nearest := (Target{MaxWaitProbability: target.MaxWaitProbability}); method == StaffNearestOfferedLoad &&
		(target != nearest || target.MaxWaitProbability == 0) {
		return nil, fmt.Errorf("queueing: staffing method %q needs a target of MaxWaitProbability and nothing else", method)
	}
	mean := service.MeanTime.Seconds()
	law := ServiceLaw{MeanSeconds: mean, SCV: 1}
	width := step.Seconds()
	replicas := make([]int, intervals)
	for i := range replicas {
		from, to := float64(i)*width, float64(i+1)*width
		var effective float64
		switch method {
		case StaffModifiedOfferedLoad:
			effective = math.Max(OfferedLoadAt(rate, law, from), OfferedLoadAt(rate, law, to)) / mean
		case StaffNearestOfferedLoad:
			effective = OfferedLoadAt(rate, law, from/2+to/2) / mean
		case StaffLaggedSIPP:
			effective = integrate(func(u float64) float64 { return rate(from - mean + u) }, width) / width
		case StaffPointwise:
			effective = math.Max(rate(from), rate(to))
		default:
			return nil, fmt.Errorf("queueing: staffing method is %q, must be %s, %s, %s or %s", method,
				StaffModifiedOfferedLoad, StaffNearestOfferedLoad, StaffLaggedSIPP, StaffPointwise)
		}
		n, err := LeastReplicas(effective, service, target, maxReplicas)
		if err != nil {
			return nil, fmt.Errorf("interval %d: %w", i, err)
		}
		if method == StaffNearestOfferedLoad && n > 1 {
			above := service.Model(effective, n-1).WaitProbability() - target.MaxWaitProbability
			if below := target.MaxWaitProbability - service.Model(effective, n).WaitProbability(); above < below {
				n--
			}
		}
		replicas[i] = n
	}
	return replicas, nil
}
