// Package report draws results: [Chart] is a line-and-band chart written as SVG, [Table] an aligned table for the
// terminal. Both are plain values; the same value gives the same bytes.
//
// Missing data is NaN and is drawn as a gap, never as zero. Times are float64 seconds since the Unix epoch, as
// [Seconds] gives them, so that a chart over time and one over, say, replicas are the same type.
package report

import (
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// Chart is a line-and-band chart. The zero value draws an empty frame; all fields are optional.
//
// The SVG scales to the width it is given (viewBox), carries a title and description for screen readers, uses colors that
// stay apart for color-blind readers and follows the reader's light or dark scheme. Series longer than the drawing
// has pixels are thinned so that every peak stays visible.
type Chart struct {
	Title string
	// Description is read out by screen readers. If empty it is composed from the series and their ranges.
	Description string
	X, Y        Axis
	Bands       []Band
	Series      []Series
	Marks       []Mark
	References  []Reference
	// Notes explain stretches of X, each from its X to the next one's. A Page shows the one under the pointer; a picture has
	// no room for them.
	Notes []Note
	// Width and Height in CSS pixels at natural size; 0 means DefaultWidth and DefaultHeight.
	Width, Height int
	// ID distinguishes the elements that a chart must name when several stand in one HTML page. If empty it is derived
	// from title and labels, which is enough unless two charts share them.
	ID string
}

// Natural size of a chart, chosen by us: the text column of a page and a little over two to one.
const (
	DefaultWidth  = 880
	DefaultHeight = 400
	minSize       = 120
	maxSize       = 10_000
)

// Axis describes one direction of a chart.
type Axis struct {
	Label string
	// Time shows values as times, in Location (nil means UTC). It has no effect on the Y axis.
	Time     bool
	Location *time.Location
	// From and To fix the range; both zero means that it follows the data. A Y axis that follows data without negative
	// values starts at zero.
	From, To float64
}

// Series is one line through the points (X[i], Y[i]), X not falling. A Y that is NaN or infinite breaks the line.
type Series struct {
	Name   string
	X, Y   []float64
	Step   bool // the value holds until the next X, as a replica count does
	Dashed bool
	Dots   bool // marks every point, as where points are results and the line only connects them
}

// Band is the area between Lo and Hi over X, for example a prediction interval. It breaks where either is NaN or
// infinite.
type Band struct {
	Name      string
	X, Lo, Hi []float64
	// Of is the name of the series whose color the band takes; otherwise it gets one of its own.
	Of string
}

// Mark is a vertical line, for example "now" or a deployment.
type Mark struct {
	X     float64
	Label string
}

// Reference is a horizontal line, for example a latency objective.
type Reference struct {
	Y     float64
	Label string
}

// Note is a text that holds from X on, for example the reason of a decision.
type Note struct {
	X    float64
	Text string
}

// Seconds returns a time as a chart takes it: seconds since the Unix epoch.
func Seconds(t time.Time) float64 {
	return float64(t.Unix()) + float64(t.Nanosecond())/1e9
}

// TimeGrid returns n times from start on, step apart, as a chart takes them.
func TimeGrid(start time.Time, step time.Duration, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = Seconds(start.Add(time.Duration(i) * step))
	}
	return x
}

// WriteSVG writes the chart as a self-contained SVG document, which may also be placed inline in HTML. It returns an
// error for data that cannot be drawn (lengths that differ, X that falls or is not finite, a size out of range) before
// anything is written, or the writer's.
func (c Chart) WriteSVG(w io.Writer) error {
	if err := c.validate(); err != nil {
		return err
	}
	d := newDrawing(c)
	d.draw()
	_, err := w.Write(d.out.Bytes())
	return err
}

// largest is the largest magnitude that is drawn; beyond it, sums of squares of ranges could overflow.
const largest = 1e150

func (c Chart) validate() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("report: "+format, args...)) }
	for _, s := range c.Series {
		if len(s.X) != len(s.Y) {
			fail("series %q has %d X and %d Y, must be as many", s.Name, len(s.X), len(s.Y))
		}
		errs = append(errs, validX("series", s.Name, s.X), validY("series", s.Name, s.Y))
	}
	for _, b := range c.Bands {
		if len(b.X) != len(b.Lo) || len(b.X) != len(b.Hi) {
			fail("band %q has %d X, %d Lo and %d Hi, must be as many", b.Name, len(b.X), len(b.Lo), len(b.Hi))
		}
		errs = append(errs, validX("band", b.Name, b.X), validY("band", b.Name, b.Lo), validY("band", b.Name, b.Hi))
	}
	for _, m := range c.Marks {
		if !(math.Abs(m.X) <= largest) {
			fail("mark %q is at X %v, must be finite", m.Label, m.X)
		}
	}
	for i, n := range c.Notes {
		if !(math.Abs(n.X) <= largest) || (i > 0 && n.X < c.Notes[i-1].X) {
			fail("note %q is at X %v, must be finite and not before the one before", n.Text, n.X)
		}
	}
	for _, r := range c.References {
		if !(math.Abs(r.Y) <= largest) {
			fail("reference %q is at Y %v, must be finite", r.Label, r.Y)
		}
	}
	for _, a := range []struct {
		name string
		Axis
	}{{"X", c.X}, {"Y", c.Y}} {
		if a.fixed() && !(a.From < a.To && math.Abs(a.From) <= largest && math.Abs(a.To) <= largest) {
			fail("%s axis goes from %v to %v, must rise", a.name, a.From, a.To)
		}
	}
	for _, size := range []struct {
		name  string
		value int
	}{{"Width", c.Width}, {"Height", c.Height}} {
		if size.value != 0 && (size.value < minSize || size.value > maxSize) {
			fail("%s is %d, must be in %d..%d, or 0 for the default", size.name, size.value, minSize, maxSize)
		}
	}
	return errors.Join(errs...)
}

func (a Axis) fixed() bool { return a.From != 0 || a.To != 0 }

func validX(kind, name string, x []float64) error {
	for i, v := range x {
		if !(math.Abs(v) <= largest) {
			return fmt.Errorf("report: %s %q has X[%d] = %v, must be finite", kind, name, i, v)
		}
		if i > 0 && v < x[i-1] {
			return fmt.Errorf("report: %s %q has X[%d] = %v after %v, must not fall", kind, name, i, v, x[i-1])
		}
	}
	return nil
}

func validY(kind, name string, y []float64) error {
	for i, v := range y {
		if finite(v) && math.Abs(v) > largest {
			return fmt.Errorf("report: %s %q has Y[%d] = %v, must be within ±%g, or NaN for missing", kind, name, i, v, largest)
		}
	}
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
