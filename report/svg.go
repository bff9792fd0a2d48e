package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// paletteSize is the number of series colors; further series repeat them.
const paletteSize = 6

// The colors of series. The hues follow the Okabe-Ito palette, whose colors stay apart for all common kinds of color
// blindness, darkened on white and lightened on dark until each has a contrast of at least 4.5:1 against the
// background; WCAG 2.2, 1.4.11, asks for 3:1.
var (
	lightPalette = [paletteSize]string{"#0072b2", "#c8500a", "#00805c", "#a3478a", "#8a6500", "#4a5560"}
	darkPalette  = [paletteSize]string{"#56b4e9", "#ff9350", "#2fc79b", "#e59acb", "#e8c14a", "#b4bcc6"}
)

// rules are the styles of everything but the series. Each color stands twice: the plain value serves renderers without
// CSS variables; the variable follows the reader's scheme and may be overridden by a page.
const rules = `.prescale-chart .paper{fill:#fff;fill:var(--paper)}
.prescale-chart text{fill:#59636e;fill:var(--muted)}
.prescale-chart .title{font-size:16px;font-weight:600}
.prescale-chart .title,.prescale-chart .name{fill:#1f2328;fill:var(--ink)}
.prescale-chart .tick{font-variant-numeric:tabular-nums}
.prescale-chart .halo{stroke:#fff;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.prescale-chart .grid{stroke:#e4e7eb;stroke:var(--grid);stroke-width:1}
.prescale-chart .axis{stroke:#8c959f;stroke:var(--axis);stroke-width:1}
.prescale-chart .mark{stroke:#59636e;stroke:var(--muted);stroke-width:1;stroke-dasharray:2 3}
.prescale-chart .reference{stroke:#1f2328;stroke:var(--ink);stroke-width:1;stroke-dasharray:6 4}
.prescale-chart .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.prescale-chart .dense{stroke-width:1.25}
.prescale-chart .dashed{stroke-dasharray:7 5}
.prescale-chart .band{fill-opacity:.2;stroke:none}
`

// styleSheet returns the style element's text: the variables of both schemes, the rules and the series colors.
func styleSheet() string {
	variables := func(base string, palette [paletteSize]string) string {
		for i, c := range palette {
			base += fmt.Sprintf("--c%d:%s;", i+1, c)
		}
		return base
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n.prescale-chart{%sfont:12px system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n",
		variables("--paper:#fff;--ink:#1f2328;--muted:#59636e;--grid:#e4e7eb;--axis:#8c959f;", lightPalette))
	fmt.Fprintf(&b, "@media screen and (prefers-color-scheme:dark){.prescale-chart{%s}}\n",
		variables("--paper:#12161c;--ink:#e6e9ed;--muted:#9aa4b0;--grid:#262d36;--axis:#6b7684;", darkPalette))
	b.WriteString(rules)
	for i, c := range lightPalette {
		fmt.Fprintf(&b, ".prescale-chart .s%d{stroke:%s;stroke:var(--c%d)}\n.prescale-chart .f%d{fill:%s;fill:var(--c%d)}\n",
			i+1, c, i+1, i+1, c, i+1)
	}
	return b.String()
}

// writer builds SVG text. Everything that comes from outside goes through escape.
type writer struct{ bytes.Buffer }

func (w *writer) printf(format string, args ...any) { fmt.Fprintf(&w.Buffer, format, args...) }

// text writes a text element, unless the text is empty. An empty anchor means that the text begins at x.
func (w *writer) text(x, y float64, class, anchor, s string) {
	if s == "" {
		return
	}
	w.printf(`<text x="%s" y="%s" class="%s"`, pixels(x), pixels(y), class)
	if anchor != "" {
		w.printf(` text-anchor="%s"`, anchor)
	}
	w.printf(">%s</text>\n", escape(s))
}

func (w *writer) line(class string, x1, y1, x2, y2 float64) {
	w.printf(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>`+"\n", class, pixels(x1), pixels(y1), pixels(x2), pixels(y2))
}

// escape makes any string character data or an attribute value: markup is quoted, and what XML cannot hold
// becomes U+FFFD.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s)) // a bytes.Buffer does not fail
	return b.String()
}

// pixels writes a coordinate to a tenth of a pixel. Coordinates far outside the drawing, which a fixed range can cause,
// are cut off where renderers with 32-bit arithmetic still cope.
func pixels(v float64) string {
	const far = 1e6
	v = math.Round(math.Min(math.Max(v, -far), far)*10) / 10
	if v == 0 {
		v = 0 // no minus sign
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// textWidth estimates the width of a text. Average letters of the fonts asked for are 0.56 em wide.
func textWidth(s string, fontSize float64) float64 {
	return 0.56 * fontSize * float64(utf8.RuneCountInString(s))
}

// fit cuts a text to about the given width.
func fit(s string, width, fontSize float64) string {
	most := int(width / (0.56 * fontSize))
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	runes := []rune(s)
	return string(runes[:max(most-1, 0)]) + "…"
}
