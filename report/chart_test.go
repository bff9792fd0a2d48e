package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	nan   = math.NaN()
	start = time.Date(2026, 3, 7, 20, 0, 0, 0, time.UTC)
)

// forecastChart is small and uses everything: a gap, a forecast with its band, a step line, a mark, a reference.
func forecastChart() report.Chart {
	x := report.TimeGrid(start, time.Hour, 8)
	return report.Chart{
		Title: "Rate & forecast <checkout>",
		X:     report.Axis{Label: "time (UTC)", Time: true},
		Y:     report.Axis{Label: "requests per second"},
		Series: []report.Series{
			{Name: "observed", X: x[:5], Y: []float64{120, 180, nan, 310, 290}},
			{Name: "forecast", X: x[4:], Y: []float64{290, 330, 420, 380}, Dashed: true},
			{Name: "capacity", X: x, Y: []float64{200, 200, 300, 400, 400, 500, 500, 500}, Step: true},
		},
		Bands: []report.Band{{
			Name: "90 % prediction interval", Of: "forecast", X: x[4:],
			Lo: []float64{290, 300, 350, 290}, Hi: []float64{290, 370, 500, 490},
		}},
		Marks:      []report.Mark{{X: x[4], Label: "now"}},
		References: []report.Reference{{Y: 450, Label: "limit of 9 replicas"}},
		Width:      640, Height: 320,
	}
}

func render(t require.TestingT, c report.Chart) string {
	var out bytes.Buffer
	require.NoError(t, c.WriteSVG(&out))
	return out.String()
}

// texts parses the SVG as strict XML and returns the character data of all elements of a kind.
func texts(t require.TestingT, svg, element string) []string {
	var found []string
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == element {
			var text string
			require.NoError(t, decoder.DecodeElement(&text, &e))
			found = append(found, text)
		}
	}
}

func TestGolden(t *testing.T) {
	x := []float64{6, 7, 8, 9, 10, 12, 14, 16, 20}
	for name, c := range map[string]report.Chart{
		"forecast": forecastChart(),
		"replicas": {
			Title:      "p99 response time",
			X:          report.Axis{Label: "replicas"},
			Y:          report.Axis{Label: "seconds", From: 0, To: 1},
			Series:     []report.Series{{Name: "p99", X: x, Y: []float64{math.Inf(1), 0.96, 0.61, 0.52, 0.49, 0.47, 0.463, 0.461, 0.461}}},
			Marks:      []report.Mark{{X: 8, Label: "knee"}},
			References: []report.Reference{{Y: 0.5, Label: "objective"}},
		},
		"empty": {Title: "Nothing yet", Width: 300, Height: 200},
	} {
		t.Run(name, func(t *testing.T) {
			got := render(t, c)
			path := filepath.Join("testdata", name+".svg")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, string(want), got, "run with -update and look at the picture if the change is meant")
		})
	}
}

func TestTextIsEscaped(t *testing.T) {
	c := forecastChart()
	hostile := `</text><script>alert("1")</script>&'` + "\x00\xff"
	c.Title, c.X.Label, c.Y.Label, c.ID, c.Description = hostile, hostile, hostile, hostile, hostile
	c.Series[0].Name, c.Bands[0].Name, c.Marks[0].Label, c.References[0].Label = hostile, hostile, hostile, hostile
	svg := render(t, c)
	assert.NotContains(t, svg, "<script")
	assert.Empty(t, texts(t, svg, "script"))
	assert.Equal(t, []string{strings.ToValidUTF8(strings.ReplaceAll(hostile, "\x00", "\uFFFD"), "\uFFFD")}, texts(t, svg, "title"))
}

func TestScreenReaders(t *testing.T) {
	svg := render(t, forecastChart())
	assert.Contains(t, svg, `role="img"`)
	assert.Equal(t, []string{"Rate & forecast <checkout>"}, texts(t, svg, "title"))
	assert.Equal(t, []string{
		"Line chart of requests per second from 2026-03-07T20:00:00Z to 2026-03-08T03:00:00Z: observed between 120 and 310; " +
			"forecast between 290 and 420; capacity between 200 and 500; band 90 % prediction interval.",
	}, texts(t, svg, "desc"))
	c := forecastChart()
	c.Description = "as said"
	assert.Equal(t, []string{"as said"}, texts(t, render(t, c), "desc"))
}

func TestSchemes(t *testing.T) {
	svg := render(t, forecastChart())
	assert.Contains(t, svg, "prefers-color-scheme:dark")
	assert.Contains(t, svg, "viewBox=\"0 0 640 320\"")
}

// lineShapes returns the path data of lines and the number of dots.
func lineShapes(svg string) (paths []string, dots int) {
	for line := range strings.Lines(svg) {
		if strings.HasPrefix(line, `<path class="line`) {
			paths = append(paths, strings.Split(line, `"`)[3])
		}
		if strings.HasPrefix(line, "<circle") {
			dots++
		}
	}
	return paths, dots
}

func TestGapsAndSinglePoints(t *testing.T) {
	for _, c := range []struct {
		name         string
		y            []float64
		moves, lines int
		dots         int
	}{
		{"whole", []float64{1, 2, 3, 4}, 1, 3, 0},
		{"gap", []float64{1, 2, nan, 3, 4}, 2, 2, 0},
		{"gap of infinity", []float64{1, 2, math.Inf(1), 3, 4}, 2, 2, 0},
		{"gap at the ends", []float64{nan, 1, 2, nan}, 1, 1, 0},
		{"alone between gaps", []float64{1, nan, 2, nan, 3, 4}, 1, 1, 2},
		{"single", []float64{5}, 0, 0, 1},
		{"all missing", []float64{nan, nan}, 0, 0, 0},
		{"none", nil, 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			svg := render(t, report.Chart{Series: []report.Series{{X: report.TimeGrid(start, time.Second, len(c.y)), Y: c.y}}})
			paths, dots := lineShapes(svg)
			path := strings.Join(paths, "")
			assert.Equal(t, c.moves, strings.Count(path, "M"))
			assert.Equal(t, c.lines, strings.Count(path, "L"))
			assert.Equal(t, c.dots, dots)
			assert.Equal(t, c.moves+c.dots == 0, strings.Contains(svg, "no data"))
		})
	}
}

func TestStepLine(t *testing.T) {
	paths, _ := lineShapes(render(t, report.Chart{Series: []report.Series{{X: []float64{0, 1, 2}, Y: []float64{1, 3, 2}, Step: true}}}))
	require.Len(t, paths, 1)
	assert.Equal(t, "MHVHV", strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, paths[0]))
}

// TestLongSeriesKeepPeaks hides single spikes in 200,000 points and wants each of them in the drawing.
func TestLongSeriesKeepPeaks(t *testing.T) {
	const n = 200_000
	x, y := make([]float64, n), make([]float64, n)
	for i := range x {
		x[i], y[i] = float64(i), 10
	}
	y[23_456], y[177_777], y[100_000] = 20, 0, nan
	svg := render(t, report.Chart{Y: report.Axis{From: 0, To: 20}, Series: []report.Series{{X: x, Y: y}}})
	paths, _ := lineShapes(svg)
	require.Len(t, paths, 1)
	assert.Less(t, len(svg), 100_000, "thinned to the pixels")
	lowest, highest := math.Inf(1), math.Inf(-1)
	for field := range strings.FieldsFuncSeq(paths[0], func(r rune) bool { return r == 'M' || r == 'L' }) {
		var px, py float64
		_, err := fmt.Sscan(field, &px, &py)
		require.NoError(t, err)
		lowest, highest = math.Min(lowest, py), math.Max(highest, py)
	}
	middle := (lowest + highest) / 2
	assert.Greater(t, highest-lowest, 200.0, "both spikes reach the frame")
	assert.Contains(t, paths[0], fmt.Sprintf(" %g", math.Round(middle*10)/10), "the level between them")
}

func TestErrors(t *testing.T) {
	x := []float64{1, 2}
	for _, c := range []struct {
		chart report.Chart
		want  []string
	}{
		{report.Chart{Series: []report.Series{{Name: "a", X: x, Y: x[:1]}}}, []string{`report: series "a" has 2 X and 1 Y, must be as many`}},
		{report.Chart{Series: []report.Series{{Name: "a", X: []float64{2, 1}, Y: x}}}, []string{`report: series "a" has X[1] = 1 after 2, must not fall`}},
		{report.Chart{Series: []report.Series{{Name: "a", X: []float64{nan, 1}, Y: x}}}, []string{`report: series "a" has X[0] = NaN, must be finite`}},
		{report.Chart{Series: []report.Series{{Name: "a", X: x, Y: []float64{1, 1e200}}}}, []string{`report: series "a" has Y[1] = 1e+200`}},
		{report.Chart{Bands: []report.Band{{Name: "b", X: x, Lo: x, Hi: nil}}}, []string{`report: band "b" has 2 X, 2 Lo and 0 Hi`}},
		{report.Chart{Marks: []report.Mark{{X: nan, Label: "m"}}}, []string{`report: mark "m" is at X NaN`}},
		{report.Chart{References: []report.Reference{{Y: math.Inf(1), Label: "r"}}}, []string{`report: reference "r" is at Y +Inf`}},
		{report.Chart{Y: report.Axis{From: 3, To: 2}, Width: 5, Height: 1 << 20}, []string{
			"report: Y axis goes from 3 to 2, must rise",
			"report: Width is 5, must be in 120..10000, or 0 for the default",
			"report: Height is 1048576, must be in 120..10000",
		}},
	} {
		var out bytes.Buffer
		err := c.chart.WriteSVG(&out)
		require.Error(t, err)
		for _, want := range c.want {
			require.ErrorContains(t, err, want)
		}
		assert.Zero(t, out.Len(), "nothing is written before an error")
	}
	require.ErrorIs(t, forecastChart().WriteSVG(brokenWriter{}), errBroken)
}

var errBroken = errors.New("broken pipe")

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errBroken }

// TestAnythingDraws feeds values of all sizes: well-formed XML, the same bytes twice, no coordinate that is not a number.
func TestAnythingDraws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Just(nan), rapid.Just(0.0), rapid.Float64Range(-10, 10), rapid.Float64Range(-1e150, 1e150),
			rapid.Float64Range(-1e-300, 1e-300), rapid.Float64Range(1e17, 1e17+64))
		line := func(name string) (x, y []float64) {
			n := rapid.IntRange(0, 12).Draw(t, "n")
			at := rapid.OneOf(rapid.Float64Range(-5, 5), rapid.Float64Range(-1e150, 1e150), rapid.Float64Range(1.7e9, 1.8e9)).Draw(t, "at")
			for range n {
				x = append(x, at)
				at += rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1), rapid.Float64Range(0, 1e9)).Draw(t, "step")
				y = append(y, value.Draw(t, name))
			}
			return x, y
		}
		x, y := line("y")
		bx, lo := line("lo")
		c := report.Chart{
			Title:  rapid.String().Draw(t, "title"),
			X:      report.Axis{Time: rapid.Bool().Draw(t, "time"), Label: "x"},
			Y:      report.Axis{Label: rapid.String().Draw(t, "label")},
			Series: []report.Series{{Name: rapid.String().Draw(t, "name"), X: x, Y: y, Step: rapid.Bool().Draw(t, "step line")}},
			Bands:  []report.Band{{Name: "band", X: bx, Lo: lo, Hi: lo}},
			Width:  rapid.SampledFrom([]int{0, 120, 1000}).Draw(t, "width"),
			Height: rapid.SampledFrom([]int{0, 120, 1000}).Draw(t, "height"),
		}
		svg := render(t, c)
		require.Equal(t, svg, render(t, c))
		require.Len(t, texts(t, svg, "title"), 1)
		require.NotContains(t, strings.SplitN(svg, "</style>", 2)[1], `="NaN`)
		for line := range strings.Lines(svg) {
			if strings.HasPrefix(line, "<path") || strings.HasPrefix(line, "<line") || strings.HasPrefix(line, "<circle") {
				require.NotContains(t, line, "NaN")
				require.NotContains(t, line, "Inf")
			}
		}
		require.Less(t, len(svg), 100_000)
	})
}

func ExampleChart_WriteSVG() {
	chart := report.Chart{
		Title:  "Request rate",
		X:      report.Axis{Time: true},
		Series: []report.Series{{Name: "observed", X: report.TimeGrid(start, time.Minute, 3), Y: []float64{41, nan, 44}}},
	}
	var svg bytes.Buffer
	if err := chart.WriteSVG(&svg); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.HasPrefix(svg.String(), "<svg"))
	// Output: true
}

func BenchmarkWriteSVG(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("points=%d", n), func(b *testing.B) {
			x, y := report.TimeGrid(start, time.Minute, n), make([]float64, n)
			for i := range y {
				y[i] = 100 + 50*math.Sin(float64(i)/200) + float64(i*7919%13)
			}
			c := report.Chart{X: report.Axis{Time: true}, Series: []report.Series{{X: x, Y: y}}}
			for b.Loop() {
				if err := c.WriteSVG(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
