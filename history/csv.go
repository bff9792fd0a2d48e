package history

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prescale/prescale/arrivals"
)

// CSV serves a file in the format of arrivals.ReadCSV. It reads the file again when its size or modification time has
// changed, so that a job may replace it. It is safe for concurrent use.
type CSV struct {
	path    string
	options arrivals.CSVOptions

	mu       sync.Mutex
	trace    arrivals.Trace
	size     int64
	modified time.Time
}

// NewCSV reads the file at once, so that a bad file is reported at the start. Errors begin with options.Name, or
// with the base name of the path if that is empty.
func NewCSV(path string, options arrivals.CSVOptions) (*CSV, error) {
	if options.Name == "" {
		options.Name = filepath.Base(path)
	}
	c := &CSV{path: path, options: options}
	if _, err := c.current(); err != nil {
		return nil, err
	}
	return c, nil
}

// Fetch returns the buckets of the file that lie wholly inside [from, to]; in particular none that ends after to.
// The trace is shorter than [from, to] where the file is. Errors are ErrNoData, ErrUnavailable if the file cannot be
// read any more, or the errors of arrivals.ReadCSV.
func (c *CSV) Fetch(ctx context.Context, from, to time.Time) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("history: %s: %w", c.options.Name, err)
	}
	trace, err := c.current()
	if err != nil {
		return Result{}, err
	}
	found := trace.Slice(from, to)
	if found.Observed() == 0 {
		return Result{}, fmt.Errorf("history: %s: %w between %s and %s; the file spans %s to %s", c.options.Name, ErrNoData,
			formatTime(from), formatTime(to), formatTime(trace.Start), formatTime(trace.End()))
	}
	return Result{Trace: found}, nil
}

// current returns the trace of the file as it is now.
func (c *CSV) current() (arrivals.Trace, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	file, err := os.Open(c.path)
	if err != nil {
		return arrivals.Trace{}, c.unavailable(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return arrivals.Trace{}, c.unavailable(err)
	}
	if c.trace.Len() > 0 && info.Size() == c.size && info.ModTime().Equal(c.modified) {
		return c.trace, nil
	}
	trace, err := arrivals.ReadCSV(file, c.options)
	if err != nil {
		return arrivals.Trace{}, fmt.Errorf("history: %w", err)
	}
	c.trace, c.size, c.modified = trace, info.Size(), info.ModTime()
	return trace, nil
}

func (c *CSV) unavailable(err error) error {
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err // the name is given already, the whole path says no more
	}
	return fmt.Errorf("history: %s: %w: %w", c.options.Name, ErrUnavailable, err)
}

func formatTime(at time.Time) string { return at.UTC().Format(time.RFC3339) }
