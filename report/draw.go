package report

import (
	"fmt"
	"hash/fnv"
	"math"
	"strings"
	"time"
)

// Distances in pixels.
const (
	margin       = 16.0
	fontSize     = 12.0
	titleSize    = 16.0
	lineHeight   = 18.0
	tickGap      = 8.0  // between the frame and its tick labels
	swatch       = 22.0 // legend sample
	legendGap    = 20.0
	yTickSpacing = 42.0 // least distance of horizontal grid lines
	xTickSpacing = 84.0 // least distance of time and number labels
)

// drawing is one chart on its way to SVG: the layout, then the elements from back to front.
type drawing struct {
	Chart
	out           writer
	id            string
	width, height float64
	x, y          span
	xTicks        []tick
	yTicks        []tick
	left, right   float64 // the plot area in pixels
	top, bottom   float64
	legend        []legendEntry
	seriesColor   []int
	bandColor     []int
	inPage        bool // the page holds the style sheet, once for all charts
}

func newDrawing(c Chart) *drawing {
	d := &drawing{Chart: c, id: c.ID, width: DefaultWidth, height: DefaultHeight}
	if c.Width != 0 {
		d.width = float64(c.Width)
	}
	if c.Height != 0 {
		d.height = float64(c.Height)
	}
	if d.X.Location == nil {
		d.X.Location = time.UTC
	}
	if d.id == "" {
		h := fnv.New32a()
		_, _ = h.Write([]byte(c.Title + "\x00" + c.X.Label + "\x00" + c.Y.Label)) // a hash does not fail
		d.id = fmt.Sprintf("chart-%08x", h.Sum32())
	}
	d.colors()
	d.ranges()
	d.layout()
	return d
}

// colors gives each series the next color and each band that of its series, or the next one.
func (d *drawing) colors() {
	byName := map[string]int{}
	next := 0
	for i, s := range d.Series {
		d.seriesColor = append(d.seriesColor, i%paletteSize+1)
		if _, seen := byName[s.Name]; !seen {
			byName[s.Name] = i%paletteSize + 1
		}
		next = i + 1
	}
	for _, b := range d.Bands {
		color, found := byName[b.Of]
		if !found || b.Of == "" {
			color = next%paletteSize + 1
			next++
		}
		d.bandColor = append(d.bandColor, color)
	}
}

// ranges finds what the axes span.
func (d *drawing) ranges() {
	d.x, d.y = emptySpan, emptySpan
	for _, s := range d.Series {
		for i := range s.X {
			d.x.include(s.X[i])
			d.y.include(s.Y[i])
		}
	}
	for _, b := range d.Bands {
		for i := range b.X {
			d.x.include(b.X[i])
			d.y.include(b.Lo[i])
			d.y.include(b.Hi[i])
		}
	}
	for _, m := range d.Marks {
		d.x.include(m.X)
	}
	for _, r := range d.References {
		d.y.include(r.Y)
	}
	d.x = d.X.resolve(d.x)
	if d.X.Time && d.x.width() < 2 {
		d.x = span{d.x.from - 30, d.x.to + 30}
	}
	d.x = d.x.open(0.5)
	if !d.Y.fixed() && d.y.from > 0 && !d.y.empty() {
		d.y.from = 0
	}
	d.y = d.Y.resolve(d.y)
	if d.y == (span{}) {
		d.y.to = 1
	}
	d.y = d.y.open(math.Abs(d.y.from) / 2)
}

// resolve returns the fixed range, else the one of the data, else a unit.
func (a Axis) resolve(data span) span {
	switch {
	case a.fixed():
		return span{a.From, a.To}
	case data.empty():
		return span{0, 1}
	}
	return data
}

// layout places the plot area between title, legend, labels and ticks.
func (d *drawing) layout() {
	top := margin
	if d.Title != "" {
		top += titleSize + 10
	}
	d.legend = d.newLegend(margin, top, d.width-margin)
	if n := len(d.legend); n > 0 {
		top = d.legend[n-1].y + lineHeight
	}
	top += 6
	if d.Y.Label != "" {
		top += lineHeight
	}
	bottom := d.height - margin - tickGap - fontSize
	if d.X.Time {
		bottom -= fontSize + 4 // dates
	}
	if d.X.Label != "" {
		bottom -= lineHeight
	}
	d.top, d.bottom = top, math.Max(bottom, top+20)

	mostY := max(int((d.bottom-d.top)/yTickSpacing), 2)
	if !d.Y.fixed() {
		d.y = widen(d.y, mostY)
	}
	d.yTicks = numberTicks(d.y, mostY)
	labels := 0.0
	for _, t := range d.yTicks {
		labels = math.Max(labels, textWidth(t.label, fontSize))
	}
	d.left = margin + math.Ceil(labels) + tickGap
	d.right = math.Max(d.width-margin-8, d.left+20)
	mostX := max(int((d.right-d.left)/xTickSpacing), 2)
	if d.X.Time {
		d.xTicks = timeTicks(d.x, mostX, d.X.Location)
	} else {
		d.xTicks = numberTicks(d.x, mostX)
	}
}

func (d *drawing) toX(v float64) float64 {
	return d.left + (v-d.x.from)/d.x.width()*(d.right-d.left)
}

func (d *drawing) toY(v float64) float64 {
	return d.bottom - (v-d.y.from)/d.y.width()*(d.bottom-d.top)
}

func (d *drawing) columns() int { return int(math.Ceil(d.right - d.left)) }

func (d *drawing) draw() {
	w := &d.out
	w.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="prescale-chart" role="img" aria-labelledby="%s-title %s-desc" `+
		`viewBox="0 0 %s %s" width="%s" height="%s" style="max-width:100%%;height:auto">`+"\n",
		escape(d.id), escape(d.id), pixels(d.width), pixels(d.height), pixels(d.width), pixels(d.height))
	title := d.Title
	if title == "" {
		title = "Chart"
	}
	w.printf("<title id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n",
		escape(d.id), escape(title), escape(d.id), escape(d.describe()))
	if !d.inPage {
		w.printf("<style>%s</style>\n", styleSheet())
	}
	w.printf(`<clipPath id="%s-clip"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath>`+"\n",
		escape(d.id), pixels(d.left), pixels(d.top-2), pixels(d.right-d.left+2), pixels(d.bottom-d.top+4))
	w.printf(`<rect class="paper" width="%s" height="%s"/>`+"\n", pixels(d.width), pixels(d.height))
	if d.Title != "" {
		w.text(margin, margin+titleSize-2, "title", "", fit(d.Title, d.width-2*margin, titleSize))
	}
	d.drawLegend()
	d.drawAxes()
	w.printf(`<g clip-path="url(#%s-clip)">`+"\n", escape(d.id))
	for i, b := range d.Bands {
		d.drawBand(b, d.bandColor[i])
	}
	for _, r := range d.References {
		w.line("reference", d.left, d.toY(r.Y), d.right, d.toY(r.Y))
	}
	for i, s := range d.Series {
		d.drawSeries(s, d.seriesColor[i])
	}
	w.printf("</g>\n")
	for i, s := range d.Series {
		if s.Dots {
			d.drawDots(s, d.seriesColor[i])
		}
	}
	d.drawMarks()
	d.drawReferenceLabels()
	w.printf("</svg>\n")
}

func (d *drawing) drawAxes() {
	w := &d.out
	w.text(margin, d.top-10, "label", "", fit(d.Y.Label, d.width-2*margin, fontSize))
	for _, t := range d.yTicks {
		y := math.Round(d.toY(t.at)) + 0.5 // crisp on whole pixels
		w.line("grid", d.left, y, d.right, y)
		w.text(d.left-tickGap, y+4, "tick", "end", t.label)
	}
	for _, t := range d.xTicks {
		x := math.Round(d.toX(t.at)) + 0.5
		w.line("axis", x, d.bottom+0.5, x, d.bottom+5.5)
		w.text(x, d.bottom+tickGap+fontSize, "tick", "middle", t.label)
		w.text(x, d.bottom+tickGap+2*fontSize+4, "tick", "middle", t.note)
	}
	base := math.Round(d.bottom) + 0.5
	w.line("axis", d.left, base, d.right, base)
	w.text((d.left+d.right)/2, d.height-margin+4, "label", "middle", fit(d.X.Label, d.width-2*margin, fontSize))
	if !d.hasData() {
		w.text((d.left+d.right)/2, (d.top+d.bottom)/2, "label halo", "middle", "no data")
	}
}

func (d *drawing) drawSeries(s Series, color int) {
	points := linePoints(s.X, s.Y, d.toX, d.toY, d.columns())
	if len(points) == 0 {
		return
	}
	var path strings.Builder
	var dots []point
	for i, p := range points {
		starts := i == 0 || p.after
		ends := i == len(points)-1 || points[i+1].after
		switch {
		case starts && ends:
			dots = append(dots, p)
		case starts:
			path.WriteString("M" + pixels(p.x) + " " + pixels(p.y))
		case s.Step:
			path.WriteString("H" + pixels(p.x) + "V" + pixels(p.y))
		default:
			path.WriteString("L" + pixels(p.x) + " " + pixels(p.y))
		}
	}
	class := fmt.Sprintf("line s%d", color)
	if len(points) > d.columns() {
		class += " dense"
	}
	if s.Dashed {
		class += " dashed"
	}
	if path.Len() > 0 {
		d.out.printf(`<path class="%s" d="%s"/>`+"\n", class, path.String())
	}
	if s.Dots {
		return // see drawDots
	}
	for _, p := range dots { // a value between two gaps has no line to stand on
		d.out.printf(`<circle class="f%d" cx="%s" cy="%s" r="2.5"/>`+"\n", color, pixels(p.x), pixels(p.y))
	}
}

// drawDots marks every point of the range, whole also where it lies on the edge.
func (d *drawing) drawDots(s Series, color int) {
	for i, x := range s.X {
		if y := s.Y[i]; finite(y) && x >= d.x.from && x <= d.x.to && y >= d.y.from && y <= d.y.to {
			d.out.printf(`<circle class="f%d" cx="%s" cy="%s" r="4"/>`+"\n", color, pixels(d.toX(x)), pixels(d.toY(y)))
		}
	}
}

func (d *drawing) drawBand(b Band, color int) {
	edges := bandEdges(b, d.toX, d.toY, d.columns())
	var path strings.Builder
	for start := 0; start < len(edges); {
		end := start + 1
		for end < len(edges) && !edges[end].after {
			end++
		}
		part := edges[start:end]
		if len(part) == 1 { // a single value is drawn a pixel wide
			only := part[0]
			part = []edge{{x: only.x - 0.5, lo: only.lo, hi: only.hi}, {x: only.x + 0.5, lo: only.lo, hi: only.hi}}
		}
		for i, e := range part {
			command := "L"
			if i == 0 {
				command = "M"
			}
			path.WriteString(command + pixels(e.x) + " " + pixels(e.hi))
		}
		for i := len(part) - 1; i >= 0; i-- {
			path.WriteString("L" + pixels(part[i].x) + " " + pixels(part[i].lo))
		}
		path.WriteString("Z")
		start = end
	}
	if path.Len() > 0 {
		d.out.printf(`<path class="band f%d" d="%s"/>`+"\n", color, path.String())
	}
}

func (d *drawing) hasData() bool {
	for _, s := range d.Series {
		for _, y := range s.Y {
			if finite(y) {
				return true
			}
		}
	}
	for _, b := range d.Bands {
		for i := range b.X {
			if finite(b.Lo[i]) && finite(b.Hi[i]) {
				return true
			}
		}
	}
	return false
}
