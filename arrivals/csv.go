package arrivals

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Unit says what the value column of a CSV file holds.
type Unit string

const (
	// UnitCount is the number of requests in the bucket.
	UnitCount Unit = "count"
	// UnitRate is the mean rate over the bucket in requests per second. A gauge that is proportional to the load
	// is read with this unit and a scale.
	UnitRate Unit = "rate"
)

// CSVOptions says how to read or write a CSV file. The zero value reads counts.
type CSVOptions struct {
	// Name is the file name that errors begin with; "csv" if empty.
	Name string
	// Unit of the value column; UnitCount if empty.
	Unit Unit
	// Scale multiplies every value read and divides every value written; finite and positive, 1 if zero.
	Scale float64
	// Step is the length of a bucket; inferred from the rows if zero.
	Step time.Duration
}

const (
	csvHeader = "timestamp,value"
	// maxLineBytes is generous: a legal row has fewer than 80 bytes.
	maxLineBytes = 64 << 10
	// maxSeconds ends the accepted range of times, 1970-01-01 to 2106-02-07 (what 32 bits hold). Milliseconds
	// mistaken for seconds fall outside, and no difference of two times can overflow a Duration.
	maxSeconds = math.MaxUint32
)

func (o CSVOptions) resolve() (CSVOptions, error) {
	var errs []error
	if o.Name == "" {
		o.Name = "csv"
	}
	switch o.Unit {
	case "":
		o.Unit = UnitCount
	case UnitCount, UnitRate:
	default:
		errs = append(errs, fmt.Errorf("arrivals: unit %q: must be %q or %q", o.Unit, UnitCount, UnitRate))
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if !(o.Scale > 0) || math.IsInf(o.Scale, 1) {
		errs = append(errs, fmt.Errorf("arrivals: scale %v: must be a finite number > 0", o.Scale))
	}
	if o.Step < 0 {
		errs = append(errs, fmt.Errorf("arrivals: step %v: must be positive, or 0 to infer it", o.Step))
	}
	return o, errors.Join(errs...)
}

// rate converts a value of the file into requests per second.
func (o CSVOptions) rate(value float64, step time.Duration) float64 {
	value *= o.Scale
	if o.Unit == UnitCount {
		value /= step.Seconds()
	}
	return value
}

// at begins an error message with the place it is about.
func (o CSVOptions) at(line int) string { return o.Name + ":" + strconv.Itoa(line) + ": " }

// ReadCSV reads a trace from a file with the header "timestamp,value" and one row per bucket.
//
//   - timestamp is the start of the bucket: RFC 3339, or integer seconds since the epoch (or since any origin, for
//     traces without a calendar date), the same kind in every row, between 1970-01-01 and 2106-02-07.
//   - value is a decimal number >= 0 in the given unit. An empty value is a missing bucket.
//
// Rows must be strictly ascending in time and there must be at least two. The step, if not given, is the most
// frequent difference between consecutive rows, the smaller one of equally frequent differences. Every row must lie
// on the grid that starts at the first row; buckets without a row are missing, not zero. A byte order mark, CRLF
// line ends, blank lines, spaces around fields and quoted fields are tolerated.
//
// Errors name file and line, such as:
//
//	load.csv:17: value "-3": must be a number >= 0
//
// The trace is limited to MaxBuckets buckets and every rate to MaxRate. It takes O(rows + buckets) time.
func ReadCSV(r io.Reader, o CSVOptions) (Trace, error) {
	o, err := o.resolve()
	if err != nil {
		return Trace{}, err
	}
	rows, err := readRows(r, o)
	if err != nil {
		return Trace{}, err
	}
	step := o.Step
	if step == 0 {
		step = inferStep(rows)
	}
	return layOnGrid(rows, step, o)
}

// row is one parsed line; at counts nanoseconds since the epoch.
type row struct {
	at    int64
	value float64
	line  int
}

func (r row) time() time.Time { return time.Unix(0, r.at).UTC() }

func readRows(r io.Reader, o CSVOptions) ([]row, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4<<10), maxLineBytes)
	var rows []row
	var header, integers bool
	line := 0
	for lines.Scan() {
		line++
		text := lines.Text()
		if line == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		first, second, err := fields(text)
		if err != nil {
			return nil, fmt.Errorf("%s%w", o.at(line), err)
		}
		if !header {
			if first+","+second != csvHeader {
				return nil, fmt.Errorf("%sheader %s: must be %q", o.at(line), quote(text), csvHeader)
			}
			header = true
			continue
		}
		at, integer, err := parseTimestamp(first)
		if err != nil {
			return nil, fmt.Errorf("%s%w", o.at(line), err)
		}
		if len(rows) == 0 {
			integers = integer
		} else if err := follows(rows[len(rows)-1], at, integer, integers); err != nil {
			return nil, fmt.Errorf("%stimestamp %s: %w", o.at(line), quote(first), err)
		}
		value, err := parseValue(second)
		if err != nil {
			return nil, fmt.Errorf("%s%w", o.at(line), err)
		}
		if len(rows) == MaxBuckets {
			return nil, fmt.Errorf("%smore than %d rows", o.at(line), MaxBuckets)
		}
		rows = append(rows, row{at: at, value: value, line: line})
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%sline longer than %d bytes", o.at(line+1), maxLineBytes)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", o.Name, err)
	case !header:
		return nil, fmt.Errorf("%sfile is empty: must begin with the header %q", o.at(1), csvHeader)
	case len(rows) < 2:
		return nil, fmt.Errorf("%sneed at least 2 rows, got %d", o.at(max(line, 1)), len(rows))
	}
	return rows, nil
}

// fields splits a row in two and strips spaces and a pair of quotes from each field.
func fields(text string) (first, second string, err error) {
	first, second, ok := strings.Cut(text, ",")
	if !ok || strings.Contains(second, ",") {
		return "", "", fmt.Errorf("%s: must have 2 fields, got %d", quote(text), strings.Count(text, ",")+1)
	}
	return unquote(first), unquote(second), nil
}

func unquote(field string) string {
	field = strings.TrimSpace(field)
	if len(field) >= 2 && field[0] == '"' && field[len(field)-1] == '"' {
		field = strings.TrimSpace(field[1 : len(field)-1])
	}
	return field
}

// follows checks a row against the one before it.
func follows(last row, at int64, integer, integers bool) error {
	switch {
	case integer != integers:
		return errors.New("must be of the same kind in every row, either RFC 3339 or integer seconds")
	case at == last.at:
		return fmt.Errorf("duplicate of line %d", last.line)
	case at < last.at:
		return fmt.Errorf("must be later than the one of line %d", last.line)
	}
	return nil
}

// parseTimestamp returns nanoseconds since the epoch and whether the text was an integer number of seconds.
func parseTimestamp(text string) (at int64, integer bool, err error) {
	if integer = isInteger(text); integer {
		seconds, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil || seconds > maxSeconds:
			return 0, true, fmt.Errorf("timestamp %s: must be at most %d seconds (are these milliseconds?)", quote(text), int64(maxSeconds))
		case seconds < 0:
			return 0, true, fmt.Errorf("timestamp %s: must be >= 0 seconds", quote(text))
		}
		return seconds * int64(time.Second), true, nil
	}
	parsed, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, false, fmt.Errorf("timestamp %s: must be RFC 3339 (2006-01-02T15:04:05Z) or integer seconds", quote(text))
	}
	if seconds := parsed.Unix(); seconds < 0 || seconds > maxSeconds {
		return 0, false, fmt.Errorf("timestamp %s: must be between 1970-01-01 and 2106-02-07", quote(text))
	}
	return parsed.UnixNano(), false, nil
}

func isInteger(text string) bool {
	text = strings.TrimPrefix(text, "-")
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// parseValue returns NaN, missing, for an empty field.
func parseValue(text string) (float64, error) {
	if text == "" {
		return math.NaN(), nil
	}
	value, err := strconv.ParseFloat(text, 64)
	// ParseFloat also reads hexadecimal and NaN, which no exporter of counts means.
	if err != nil || !(value >= 0) || math.IsInf(value, 1) || strings.ContainsAny(text, "xX_") {
		return 0, fmt.Errorf("value %s: must be a number >= 0", quote(text))
	}
	return math.Abs(value), nil // -0 becomes 0
}

// inferStep returns the most frequent difference; ties go to the smaller one, as the larger are gaps.
func inferStep(rows []row) time.Duration {
	count := make(map[int64]int)
	for i := 1; i < len(rows); i++ {
		count[rows[i].at-rows[i-1].at]++
	}
	var best int64
	for d, n := range count {
		if n > count[best] || (n == count[best] && d < best) {
			best = d
		}
	}
	return time.Duration(best)
}

// layOnGrid puts every row into its bucket and leaves the others missing.
func layOnGrid(rows []row, step time.Duration, o CSVOptions) (Trace, error) {
	first := rows[0]
	for _, r := range rows {
		offset := time.Duration(r.at - first.at)
		if offset%step != 0 {
			return Trace{}, fmt.Errorf("%stimestamp %s: not on the grid of %v that starts at %s on line %d "+
				"(state the step if the buckets have another length)",
				o.at(r.line), formatTime(r.time()), step, formatTime(first.time()), first.line)
		}
		if offset/step >= MaxBuckets {
			return Trace{}, fmt.Errorf("%stimestamp %s: makes the trace longer than %d buckets of %v from %s on line %d",
				o.at(r.line), formatTime(r.time()), MaxBuckets, step, formatTime(first.time()), first.line)
		}
	}
	last := time.Duration(rows[len(rows)-1].at - first.at)
	t := Trace{Start: first.time(), Step: step, Rate: make([]float64, last/step+1)}
	for i := range t.Rate {
		t.Rate[i] = math.NaN()
	}
	for _, r := range rows {
		rate := o.rate(r.value, step)
		if rate > MaxRate {
			return Trace{}, fmt.Errorf("%svalue %v: makes a rate of %.6g requests/s, must be at most %g", o.at(r.line), r.value, rate, MaxRate)
		}
		t.Rate[time.Duration(r.at-first.at)/step] = rate
	}
	return t, nil
}

// quote shows a text of the file without flooding the message.
func quote(text string) string {
	const limit = 60
	if len(text) > limit {
		return strconv.Quote(text[:limit]) + "..."
	}
	return strconv.Quote(text)
}
