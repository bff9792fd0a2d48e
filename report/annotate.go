package report

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// legendEntry is one name in the legend, placed.
type legendEntry struct {
	name   string
	x, y   float64 // left end of the sample, baseline of the text
	color  int
	band   bool
	dashed bool
}

// newLegend places the names in rows that begin at the given corner. A chart of one nameless line needs none.
func (d *drawing) newLegend(left, top, right float64) []legendEntry {
	var entries []legendEntry
	x, y := left, top+fontSize
	add := func(e legendEntry) {
		if e.name == "" {
			return
		}
		e.name = fit(e.name, right-left-swatch-8, fontSize)
		width := swatch + 8 + textWidth(e.name, fontSize)
		if x > left && x+width > right {
			x, y = left, y+lineHeight
		}
		e.x, e.y = x, y
		x += width + legendGap
		entries = append(entries, e)
	}
	for i, s := range d.Series {
		add(legendEntry{name: s.Name, color: d.seriesColor[i], dashed: s.Dashed})
	}
	for i, b := range d.Bands {
		add(legendEntry{name: b.Name, color: d.bandColor[i], band: true})
	}
	return entries
}

func (d *drawing) drawLegend() {
	for _, e := range d.legend {
		switch {
		case e.band:
			d.out.printf(`<rect class="band f%d" x="%s" y="%s" width="%s" height="10" rx="2"/>`+"\n",
				e.color, pixels(e.x), pixels(e.y-9), pixels(swatch))
		default:
			class := fmt.Sprintf("line s%d", e.color)
			if e.dashed {
				class += " dashed"
			}
			d.out.line(class, e.x+1, e.y-4, e.x+swatch-1, e.y-4)
		}
		d.out.text(e.x+swatch+8, e.y, "name", "", e.name)
	}
}

// drawMarks draws the vertical lines. Labels stand at the top to the right of their line where there is room,
// else to the left, each in the first row in which it meets no other.
func (d *drawing) drawMarks() {
	marks := slices.Clone(d.Marks)
	slices.SortStableFunc(marks, func(a, b Mark) int {
		switch {
		case a.X < b.X:
			return -1
		case a.X > b.X:
			return 1
		}
		return 0
	})
	var rows []float64 // the right end of what each row holds
	for _, m := range marks {
		if m.X < d.x.from || m.X > d.x.to {
			continue
		}
		x := math.Round(d.toX(m.X)) + 0.5
		d.out.line("mark", x, d.top, x, d.bottom)
		label := fit(m.Label, (d.right-d.left)/2, fontSize)
		width := textWidth(label, fontSize)
		left, anchor, at := x+5, "start", x+5
		if x+5+width > d.right {
			left, anchor, at = x-5-width, "end", x-5
		}
		row := 0
		for row < len(rows) && rows[row] > left {
			row++
		}
		if row == len(rows) {
			rows = append(rows, 0)
		}
		rows[row] = left + width + 8
		y := math.Min(d.top+fontSize+float64(row)*lineHeight, d.bottom-4)
		d.out.text(at, y, "halo", anchor, label)
	}
}

// drawReferenceLabels names the horizontal lines above their right end.
func (d *drawing) drawReferenceLabels() {
	for _, r := range d.References {
		if r.Y < d.y.from || r.Y > d.y.to {
			continue
		}
		y := d.toY(r.Y) - 5
		if y < d.top+fontSize {
			y = d.toY(r.Y) + fontSize + 3
		}
		d.out.text(d.right-4, y, "name halo", "end", fit(r.Label, (d.right-d.left)*0.6, fontSize))
	}
}

// describe returns the description given, or says what the chart shows and between which values.
func (d *drawing) describe() string {
	if d.Description != "" {
		return d.Description
	}
	var parts []string
	x := span{emptySpan.from, emptySpan.to}
	for _, s := range d.Series {
		y := emptySpan
		for i, v := range s.Y {
			y.include(v)
			x.include(s.X[i])
		}
		name := s.Name
		if name == "" {
			name = "line"
		}
		if y.empty() {
			parts = append(parts, name+" without data")
		} else {
			parts = append(parts, fmt.Sprintf("%s between %.4g and %.4g", name, y.from, y.to))
		}
	}
	for _, b := range d.Bands {
		if b.Name != "" {
			parts = append(parts, "band "+b.Name)
		}
	}
	text := "Line chart"
	if d.Y.Label != "" {
		text += " of " + d.Y.Label
	}
	switch {
	case x.empty():
	case d.X.Time:
		at := func(v float64) string { return time.Unix(int64(v), 0).In(d.X.Location).Format(time.RFC3339) }
		text += fmt.Sprintf(" from %s to %s", at(x.from), at(x.to))
	default:
		text += fmt.Sprintf(" over %s from %.4g to %.4g", fallback(d.X.Label, "X"), x.from, x.to)
	}
	if len(parts) == 0 {
		return text + ": no data."
	}
	return text + ": " + strings.Join(parts, "; ") + "."
}

func fallback(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
