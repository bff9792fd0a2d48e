package arrivals

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
)

// WriteCSV writes t in the format that ReadCSV reads, with RFC 3339 timestamps in UTC and one row per bucket;
// a missing bucket has an empty value. Of the options it uses Unit and Scale, and Name for errors; Step must be zero
// or the step of the trace.
//
// A trace that ReadCSV returned comes back bit for bit when written and read with the same unit and scale. Any other
// trace comes back exactly with UnitRate and scale 1, and otherwise within a few units in the last place, since a
// rate need not be a floating-point number divided by the step.
//
// It is an error if t is not valid, has fewer than 2 buckets or lies outside the times that ReadCSV accepts.
func WriteCSV(w io.Writer, t Trace, o CSVOptions) error {
	o, err := o.resolve()
	if err != nil {
		return err
	}
	if err := t.Validate(); err != nil {
		return err
	}
	switch {
	case o.Step != 0 && o.Step != t.Step:
		return fmt.Errorf("arrivals: step %v: must be 0 or the step of the trace, %v", o.Step, t.Step)
	case t.Len() < 2:
		return fmt.Errorf("arrivals: write a trace of %d buckets: must have at least 2", t.Len())
	case t.Start.Unix() < 0 || t.Time(t.Len()-1).Unix() > maxSeconds || t.Time(t.Len()-1).Before(t.Start):
		return fmt.Errorf("arrivals: write a trace from %s to %s: must lie between 1970-01-01 and 2106-02-07",
			formatTime(t.Start), formatTime(t.End()))
	}
	out := bufio.NewWriter(w)
	_, _ = out.WriteString(csvHeader + "\n") // a bufio.Writer keeps its first error for Flush
	var buf []byte
	for i, rate := range t.Rate {
		buf = append(buf[:0], formatTime(t.Time(i))...)
		buf = append(buf, ',')
		if !math.IsNaN(rate) {
			value := o.value(rate, t)
			if math.IsInf(value, 1) {
				return fmt.Errorf("arrivals: bucket %d: rate %v with scale %v: value overflows", i, rate, o.Scale)
			}
			buf = strconv.AppendFloat(buf, value, 'f', -1, 64)
		}
		buf = append(buf, '\n')
		_, _ = out.Write(buf)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("%s: %w", o.Name, err)
	}
	return nil
}

// value is the inverse of CSVOptions.rate. Multiplying back rounds, so it looks among the neighbors for a value that
// reads as exactly this rate, a whole number first: counts stay counts. Four roundings separate the value from the
// rate and back, hence the width of the search.
func (o CSVOptions) value(rate float64, t Trace) float64 {
	value := rate
	if o.Unit == UnitCount {
		value *= t.Step.Seconds()
	}
	value /= o.Scale
	if whole := math.Round(value); o.rate(whole, t.Step) == rate {
		return whole
	}
	up, down := value, value
	for range 6 {
		if o.rate(up, t.Step) == rate {
			return up
		}
		if down >= 0 && o.rate(down, t.Step) == rate {
			return down
		}
		up, down = math.Nextafter(up, math.Inf(1)), math.Nextafter(down, math.Inf(-1))
	}
	return value
}
