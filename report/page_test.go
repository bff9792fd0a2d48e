package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func pageOf(t rapid.TB, p Page) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, p.WriteHTML(&b))
	return b.String()
}

func TestPageHoldsEverythingAndLoadsNothing(t *testing.T) {
	page := pageOf(t, Page{
		Title: "Promotion", Lead: "It holds.", Footer: "prescale simulate",
		Facts: []Fact{{"Cost", "-61 %", "against a fixed 50"}},
		Sections: []Section{
			{
				Title: "Replicas", Text: []string{"Wanted and ready."},
				Charts: []Chart{
					{
						Title: "Load", X: Axis{Time: true},
						Series: []Series{{Name: "rate", X: []float64{0, 60, 120}, Y: []float64{1, math.NaN(), 3}}},
						Bands:  []Band{{Name: "90 %", X: []float64{0, 60}, Lo: []float64{0, 1}, Hi: []float64{2, 3}}},
						Notes:  []Note{{X: 0, Text: "quiet"}, {X: 60, Text: "the forecast binds"}},
					},
					{Title: "Load", Series: []Series{{Name: "again", X: []float64{0}, Y: []float64{1}}}},
				},
				Table: &Table{Columns: []Column{{"policy", Left}, {"cost", Right}}, Rows: [][]string{{"fixed", "1200"}}},
				Notes: []string{"a note"}, Code: "kind: HorizontalPodAutoscaler",
			},
			{Title: "More", Folded: true, Text: []string{"hidden at first"}},
		},
	})
	for _, want := range []string{
		"<title>Promotion</title>", "It holds.", "-61 %", "<small>against a fixed 50</small>", `<th scope="col" class="n">cost</th>`,
		`<td class="n">1200</td>`, "a note", "kind: HorizontalPodAutoscaler", "<details>", "hidden at first", "prescale simulate",
		`id="chart-1-1-title"`, `id="chart-1-2-title"`, `"y":[1,null,3]`, `"high":[2,3]`, "the forecast binds",
	} {
		assert.Contains(t, page, want)
	}
	for _, loads := range []string{"src=", "href=", "@import", "url(http", "//cdn"} {
		assert.NotContains(t, page, loads)
	}
	assert.Equal(t, 1, strings.Count(page, "@media print"))
	assert.Equal(t, 1, strings.Count(page, ".prescale-chart .paper{"), "one style sheet for all charts")
}

// Whatever the texts are, they stay texts: in HTML, in SVG and in the data of the script.
func TestPageEscapes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		evil := rapid.SampledFrom([]string{`<script>alert(1)</script>`, `</script><b>`, `"><img onerror=x>`, `<!--`, "\x00\u2028", `{{.}}`}).Draw(t, "evil") +
			rapid.String().Draw(t, "text")
		page := pageOf(t, Page{
			Title: evil, Lead: evil, Footer: evil, Facts: []Fact{{evil, evil, evil}},
			Sections: []Section{{
				Title: evil, Text: []string{evil}, Code: evil, Notes: []string{evil},
				Charts: []Chart{{Title: evil, Series: []Series{{Name: evil, X: []float64{1, 2}, Y: []float64{1, 2}}}, Notes: []Note{{1, evil}}}},
				Table:  &Table{Columns: []Column{{evil, Left}}, Rows: [][]string{{evil}}},
			}},
		})
		assert.NotContains(t, page, "<img")
		assert.NotContains(t, page, "alert(1)</script>")
		assert.Equal(t, 2, strings.Count(page, "<script"), "the data of the chart and the script of the page")
		data := regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`).FindStringSubmatch(page)
		require.Len(t, data, 2)
		var decoded chartData
		require.NoError(t, json.Unmarshal([]byte(data[1]), &decoded))
		assert.Equal(t, strings.ToValidUTF8(evil, "\ufffd"), decoded.Lines[0].Name)
	})
}

func TestPageRefusesWhatCannotBeDrawn(t *testing.T) {
	for _, s := range []Section{
		{Title: "bad", Charts: []Chart{{Series: []Series{{Name: "s", X: []float64{1}, Y: nil}}}}},
		{Title: "bad", Charts: []Chart{{Notes: []Note{{X: 2}, {X: 1, Text: "late"}}}}},
		{Title: "bad", Table: &Table{Columns: []Column{{}}, Rows: [][]string{{"a", "b"}}}},
	} {
		var b bytes.Buffer
		err := Page{Sections: []Section{s}}.WriteHTML(&b)
		assert.ErrorContains(t, err, `section "bad"`)
		assert.Zero(t, b.Len())
	}
}

func TestPageThinsWhatThePointerSees(t *testing.T) {
	x := make([]float64, 100_000)
	for i := range x {
		x[i] = float64(i)
	}
	page := pageOf(t, Page{Sections: []Section{{Charts: []Chart{{Series: []Series{{Name: "long", X: x, Y: x}}}}}}})
	assert.Less(t, len(page), 100_000)
}

func TestNumbersAreShort(t *testing.T) {
	for v, want := range map[float64]string{
		1.0 / 3: "0.33333", 1763900000.25: "1763900000", 123456.7: "123457", math.Inf(1): "null", -2: "-2", 1e300: "1e+300", 5e-9: "5e-9",
	} {
		text, err := json.Marshal(number(v))
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
}

func ExamplePage_WriteHTML() {
	page := Page{Title: "What if", Lead: "Ten replicas are enough."}
	var b bytes.Buffer
	if err := page.WriteHTML(&b); err != nil {
		fmt.Println(err)
	}
	fmt.Println(strings.Contains(b.String(), "<h1>What if</h1>"))
	// Output: true
}

// decoding of numbers in tests only.
func (n *number) UnmarshalJSON(text []byte) error {
	var v *float64
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	*n = number(math.NaN())
	if v != nil {
		*n = number(*v)
	}
	return nil
}
