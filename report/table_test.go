package report_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/prescale/prescale/report"
)

func ExampleTable_WriteText() {
	table := report.Table{
		Columns: []report.Column{{Header: "MODEL"}, {Header: "WAPE", Align: report.Right}, {Header: "COVERAGE", Align: report.Right}},
		Rows: [][]string{
			{"seasonal naive", "11.2 %", "0.91"},
			{"Holt-Winters", "9.8 %", "0.895"},
		},
	}
	if err := table.WriteText(os.Stdout); err != nil {
		panic(err)
	}
	// Output:
	// MODEL             WAPE  COVERAGE
	// seasonal naive  11.2 %      0.91
	// Holt-Winters     9.8 %     0.895
}

func TestTableText(t *testing.T) {
	text := func(table report.Table) string {
		var out bytes.Buffer
		require.NoError(t, table.WriteText(&out))
		return out.String()
	}
	columns := []report.Column{{Header: "größe"}, {Header: "n", Align: report.Right}, {Header: "note"}}
	assert.Equal(t, "größe  n  note\n", text(report.Table{Columns: columns}))
	assert.Equal(t, "\n", text(report.Table{}))
	assert.Equal(t, "größe   n  note\nµ      12\n        3  a b  [31mred\n",
		text(report.Table{Columns: columns, Rows: [][]string{{"µ", "12", ""}, {"", "3", "a\nb \x1b[31mred"}}}),
		"characters, not bytes, are counted; nothing trails; control characters become spaces")

	var out bytes.Buffer
	require.ErrorContains(t, report.Table{Columns: columns, Rows: [][]string{{"a", "b", "c"}, {"a"}}}.WriteText(&out),
		"report: row 1 has 1 cells, must have 3, one per column")
	assert.Zero(t, out.Len())
	require.ErrorIs(t, report.Table{Columns: columns}.WriteText(brokenWriter{}), errBroken)
}

func TestTableLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 5).Draw(t, "columns")
		table := report.Table{Columns: make([]report.Column, columns)}
		for range rapid.IntRange(0, 6).Draw(t, "rows") {
			table.Rows = append(table.Rows, rapid.SliceOfN(rapid.String(), columns, columns).Draw(t, "row"))
		}
		var out bytes.Buffer
		require.NoError(t, table.WriteText(&out))
		require.Equal(t, len(table.Rows)+1, strings.Count(out.String(), "\n"), "one line per row, whatever the cells hold")
	})
}
