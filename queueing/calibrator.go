package queueing

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Calibrator keeps the observations of a service and calibrates by version. The zero value is ready to use. It is not
// safe for concurrent use.
type Calibrator struct {
	// MaxAge is how long an observation counts; 0 means [DefaultCalibrationAge].
	MaxAge time.Duration

	observations []Observation // of the present version, in order of time
	former       []Observation // of the version before
	previous     Calibration   // of the last version that fitted
}

// DefaultCalibrationAge is a week, so that each hour of the week has been seen. Chosen by us.
const DefaultCalibrationAge = 7 * 24 * time.Hour

// maxObservations bounds the memory: a week of intervals of one minute.
const maxObservations = 10_080

// Observe adds an observation. One of another version starts anew and keeps what was known of the old one, if it fitted.
//
// Errors: an observation that is not newer than the last.
func (c *Calibrator) Observe(o Observation) error {
	if n := len(c.observations); n > 0 {
		last := c.observations[n-1]
		if !o.At.After(last.At) {
			return fmt.Errorf("queueing: observation at %v, must be after %v", o.At, last.At)
		}
		if o.Version != last.Version {
			if known := Calibrate(c.observations); known.Verdict == VerdictFits {
				c.previous = known
			}
			c.former, c.observations = c.observations, nil
		} else if n >= maxObservations {
			c.observations = slices.Delete(c.observations, 0, 1)
		}
	}
	c.observations = append(c.observations, o)
	return nil
}

// Calibration returns what is known of the present version from the observations that are not too old.
func (c *Calibrator) Calibration(now time.Time) Calibration {
	return Calibrate(c.recent(now))
}

// recent returns the observations of the present version that are not too old.
func (c *Calibrator) recent(now time.Time) []Observation {
	age := c.MaxAge
	if age <= 0 {
		age = DefaultCalibrationAge
	}
	first, _ := slices.BinarySearchFunc(c.observations, now.Add(-age), func(o Observation, t time.Time) int { return o.At.Compare(t) })
	return c.observations[first:]
}

// Previous returns the calibration of the last version that fitted before the present one.
func (c *Calibrator) Previous() (Calibration, bool) {
	return c.previous, c.previous.Verdict == VerdictFits
}

// ErrNotCalibrated means that no model of the service is valid, so that a measured capacity should be used instead; see
// [Calibrator.MeasuredCapacity].
var ErrNotCalibrated = errors.New("the service has no valid model")

// LeastReplicas returns the least replicas that keep a target at a rate by the calibrated model. Until a new version has
// been learned, which ends with the verdict that it fits, it is the larger of what the old model and, as far as there
// is one, the new one need.
//
// Errors: [ErrNotCalibrated] with the verdict; as [LeastReplicas].
func (c *Calibrator) LeastReplicas(now time.Time, arrivalRatePerSecond float64, target Target, maxReplicas int) (int, error) {
	present := c.Calibration(now)
	if present.Verdict == VerdictFits {
		return LeastReplicas(arrivalRatePerSecond, present.Service(), target, maxReplicas)
	}
	if c.previous.Verdict != VerdictFits || present.Verdict != VerdictInsufficient {
		return 0, fmt.Errorf("queueing: %w: %s: %s", ErrNotCalibrated, present.Verdict, present.Explanation)
	}
	need, err := LeastReplicas(arrivalRatePerSecond, c.previous.Service(), target, maxReplicas)
	if err != nil {
		return 0, err
	}
	if early, ok := c.earlyService(); ok {
		n, err := LeastReplicas(arrivalRatePerSecond, early, target, maxReplicas)
		if err != nil {
			return 0, err
		}
		need = max(need, n)
	}
	return need, nil
}

// earlyService guesses the new version from few observations: the old concurrency, and the median latency, which
// includes waits and so errs on the safe side.
func (c *Calibrator) earlyService() (Service, bool) {
	var latencies []float64
	for _, o := range c.observations {
		if o.usable() {
			latencies = append(latencies, o.MeanLatencySeconds)
		}
	}
	s := c.previous.Service()
	s.MeanTime = time.Duration(median(latencies) * float64(time.Second))
	return s, len(latencies) > 0 && s.MeanTime > 0
}
