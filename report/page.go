package report

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"math"
	"strconv"
	"strings"
)

// Page is a self-contained HTML document: it loads nothing, follows the reader's light or dark scheme, reads on a
// narrow screen, prints, and works without its script, which adds the values under the pointer (or, with the arrow
// keys, under a cursor) to charts and a reader's choice of order to tables.
type Page struct {
	Title string
	// Lead is a paragraph under the title, the answer in two sentences.
	Lead string
	// Facts are shown beside each other under it.
	Facts    []Fact
	Sections []Section
	// Footer says how the page came to be, for example the command.
	Footer string
}

// Fact is one number that matters, with its name and perhaps what it is compared with.
type Fact struct{ Name, Value, Note string }

// Section is a heading and what stands under it, in the order of the fields. All are optional.
type Section struct {
	Title  string
	Text   []string // paragraphs
	Charts []Chart
	Table  *Table
	Notes  []string // a list under the table
	// Code is shown as it is, for example a patch; a button copies it.
	Code string
	// Folded shows the title only until it is clicked.
	Folded bool
}

//go:embed assets/page.css
var pageStyle string

//go:embed assets/page.js
var pageScript string

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>
{{.Style}}</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{- with .Lead}}
<p class="lead">{{.}}</p>
{{- end}}
{{- with .Facts}}
<dl class="facts">
{{- range .}}
<div><dt>{{.Name}}</dt><dd>{{.Value}}{{with .Note}}<small>{{.}}</small>{{end}}</dd></div>
{{- end}}
</dl>
{{- end}}
{{- range .Sections}}
{{- if .Folded}}
<details><summary><h2>{{.Title}}</h2></summary>
{{- else}}
<section>
{{- with .Title}}
<h2>{{.}}</h2>
{{- end}}
{{- end}}
{{- range .Text}}
<p>{{.}}</p>
{{- end}}
{{- range .Charts}}
<figure{{with .Data}} tabindex="0"{{end}}>
{{.SVG}}{{with .Data}}<script type="application/json">{{.}}</script>{{end}}</figure>
{{- end}}
{{- with .Table}}
<div class="scroll"><table>
<thead><tr>{{range .Columns}}<th scope="col"{{if .Right}} class="n"{{end}}>{{.Header}}</th>{{end}}</tr></thead>
<tbody>
{{- range .Rows}}
<tr>{{range .}}<td{{if .Right}} class="n"{{end}}>{{.Text}}</td>{{end}}</tr>
{{- end}}
</tbody></table></div>
{{- end}}
{{- with .Notes}}
<ul>
{{- range .}}
<li>{{.}}</li>
{{- end}}
</ul>
{{- end}}
{{- with .Code}}
<pre><code>{{.}}</code></pre>
{{- end}}
{{- if .Folded}}
</details>
{{- else}}
</section>
{{- end}}
{{- end}}
{{- with .Footer}}
<footer>{{.}}</footer>
{{- end}}
</main>
<script>
{{.Script}}</script>
</body>
</html>
`))

// WriteHTML writes the page. It returns an error for a chart or table that cannot be drawn, before anything is written,
// or the writer's.
func (p Page) WriteHTML(w io.Writer) error {
	view := pageView{
		Title: p.Title, Lead: p.Lead, Facts: p.Facts, Footer: p.Footer,
		// Both are files of this package, not input.
		Style:  template.CSS(pageStyle + styleSheet()), //nolint:gosec // see above
		Script: template.JS(pageScript),                //nolint:gosec // see above
	}
	for i, s := range p.Sections {
		section, err := s.view(i)
		if err != nil {
			return fmt.Errorf("section %q: %w", s.Title, err)
		}
		view.Sections = append(view.Sections, section)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, view); err != nil {
		return fmt.Errorf("report: page %q: %w", p.Title, err)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// What the template sees.
type (
	pageView struct {
		Title, Lead string
		Facts       []Fact
		Sections    []sectionView
		Footer      string
		Style       template.CSS
		Script      template.JS
	}
	sectionView struct {
		Section
		Charts []chartView
		Table  *tableView
	}
	chartView struct {
		SVG  template.HTML
		Data *chartData
	}
	tableView struct {
		Columns []columnView
		Rows    [][]cellView
	}
	columnView struct {
		Header string
		Right  bool
	}
	cellView struct {
		Text  string
		Right bool
	}
)

func (s Section) view(number int) (sectionView, error) {
	v := sectionView{Section: s}
	for i, c := range s.Charts {
		if c.ID == "" {
			c.ID = fmt.Sprintf("chart-%d-%d", number+1, i+1)
		}
		if err := c.validate(); err != nil {
			return v, err
		}
		d := newDrawing(c)
		d.inPage = true
		d.draw()
		// The drawing escapes every string it is given.
		v.Charts = append(v.Charts, chartView{SVG: template.HTML(d.out.String()), Data: d.data()}) //nolint:gosec // see above
	}
	if s.Table == nil {
		return v, nil
	}
	table := &tableView{}
	for _, c := range s.Table.Columns {
		table.Columns = append(table.Columns, columnView{c.Header, c.Align == Right})
	}
	for i, row := range s.Table.Rows {
		if len(row) != len(table.Columns) {
			return v, fmt.Errorf("report: row %d has %d cells, must have %d, one per column", i, len(row), len(table.Columns))
		}
		cells := make([]cellView, len(row))
		for j, text := range row {
			cells[j] = cellView{text, table.Columns[j].Right}
		}
		table.Rows = append(table.Rows, cells)
	}
	v.Table = table
	return v, nil
}

// chartData is what the script needs to tell the values at a position: the plot area in the units of the viewBox, the
// range of X, and the values.
type chartData struct {
	Left   number       `json:"left"`
	Right  number       `json:"right"`
	Top    number       `json:"top"`
	Bottom number       `json:"bottom"`
	From   number       `json:"from"`
	To     number       `json:"to"`
	Time   bool         `json:"time"`
	Label  string       `json:"label"`
	Lines  []seriesData `json:"lines"`
	Notes  []noteData   `json:"notes,omitempty"`
}

type seriesData struct {
	Name  string   `json:"name"`
	Color int      `json:"color"`
	X     []number `json:"x"`
	Y     []number `json:"y"`
	High  []number `json:"high,omitempty"` // of a band; Y is its lower end
	Step  bool     `json:"step,omitempty"`
}

type noteData struct {
	X    number `json:"x"`
	Text string `json:"text"`
}

// mostHoverPoints bounds what a page carries of a series for the pointer: about one value per pixel of a wide screen.
const mostHoverPoints = 2000

// data returns the values of the chart, nil if it has none.
func (d *drawing) data() *chartData {
	if !d.hasData() {
		return nil
	}
	out := &chartData{
		Left: number(d.left), Right: number(d.right), Top: number(d.top), Bottom: number(d.bottom),
		From: number(d.x.from), To: number(d.x.to), Time: d.X.Time, Label: d.X.Label,
	}
	for i, s := range d.Series {
		line := seriesData{Name: s.Name, Color: d.seriesColor[i], Step: s.Step}
		every := stride(len(s.X))
		for j := 0; j < len(s.X); j += every {
			line.X, line.Y = append(line.X, number(s.X[j])), append(line.Y, number(s.Y[j]))
		}
		out.Lines = append(out.Lines, line)
	}
	for i, b := range d.Bands {
		line := seriesData{Name: b.Name, Color: d.bandColor[i]}
		every := stride(len(b.X))
		for j := 0; j < len(b.X); j += every {
			line.X, line.Y, line.High = append(line.X, number(b.X[j])), append(line.Y, number(b.Lo[j])), append(line.High, number(b.Hi[j]))
		}
		out.Lines = append(out.Lines, line)
	}
	for _, n := range d.Notes {
		out.Notes = append(out.Notes, noteData{number(n.X), n.Text})
	}
	return out
}

func stride(n int) int { return max(1, (n+mostHoverPoints-1)/mostHoverPoints) }

// number is written with as many digits as a reader needs (five, and whole seconds of a time); what is no number is
// null.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	v := float64(n)
	if !finite(v) {
		return []byte("null"), nil
	}
	if math.Abs(v) >= 1e5 && math.Abs(v) < 1e15 {
		return strconv.AppendFloat(nil, math.Round(v), 'f', 0, 64), nil
	}
	return json.Marshal(shorten(v))
}

func shorten(v float64) float64 {
	s, err := strconv.ParseFloat(strings.TrimSpace(strconv.FormatFloat(v, 'g', 5, 64)), 64)
	if err != nil {
		return v
	}
	return s
}
