package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/prescale/prescale/arrivals"
)

// historyFlags name a CSV file of past arrivals.
type historyFlags struct {
	file, unit string
	scale      float64
	step       time.Duration
}

func addHistory(cmd *cobra.Command) *historyFlags {
	h := &historyFlags{}
	f := cmd.Flags()
	f.StringVar(&h.file, "history", "", "CSV file of past arrivals with the header timestamp,value")
	f.StringVar(&h.unit, "unit", string(arrivals.UnitCount), "what a value of the file is: count (requests in the bucket) or rate (requests per second)")
	f.Float64Var(&h.scale, "scale", 1, "multiply every value of the file")
	f.DurationVar(&h.step, "step", 0, "bucket length of the file; inferred if not given")
	return h
}

// read returns the file's trace.
func (h *historyFlags) read() (arrivals.Trace, error) {
	if h.file == "" {
		return arrivals.Trace{}, usageError{errors.New("--history is required: a CSV file with the header timestamp,value")}
	}
	f, err := os.Open(h.file)
	if err != nil {
		return arrivals.Trace{}, usageError{fmt.Errorf("--history: %w", err)}
	}
	defer f.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	trace, err := arrivals.ReadCSV(f, arrivals.CSVOptions{Name: h.file, Unit: arrivals.Unit(h.unit), Scale: h.scale, Step: h.step})
	if err != nil {
		return arrivals.Trace{}, usageError{err}
	}
	if trace.Observed() == 0 {
		return arrivals.Trace{}, usageError{fmt.Errorf("%s: every value is missing", h.file)}
	}
	return trace.TrimMissing(), nil
}

// steps turns a duration of a flag into whole steps, rounding up.
func steps(flag string, d, step time.Duration) (int, error) {
	if d < step {
		return 0, usageError{fmt.Errorf("--%s %s: must be at least one step of the history, %s", flag, d, step)}
	}
	n := int((d + step - 1) / step)
	if n > maxSteps {
		return 0, usageError{fmt.Errorf("--%s %s: is %d steps of %s, must be at most %d", flag, d, n, step, maxSteps)}
	}
	return n, nil
}

// maxSteps bounds how far ahead a forecast may reach: its error paths cost memory for every step.
const maxSteps = 2000

// canceled turns the error of an interrupted computation into one that needs no words.
func canceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return errReported
	}
	return err
}
