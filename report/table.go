package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Align is the alignment of a table column.
type Align int

// Text reads from the left; numbers of equal decimals compare from the right.
const (
	Left Align = iota
	Right
)

// Column is the heading of a table column and the alignment of its cells.
type Column struct {
	Header string
	Align  Align
}

// Table is a table of formatted cells.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// columnGap separates columns in text, as kubectl does it, one wider than a word space so that cells may hold some.
const columnGap = "  "

// WriteText writes the table for a terminal: columns as wide as their widest cell, counted in characters, no
// trailing blanks, one line per row. Control characters, line breaks and terminal escapes included, become spaces. It
// returns an error if a row has not one cell per column, before anything is written, or the writer's.
func (t Table) WriteText(w io.Writer) error {
	lines := make([][]string, 0, len(t.Rows)+1)
	headers := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		headers[i] = c.Header
	}
	lines = append(lines, printable(headers))
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("report: row %d has %d cells, must have %d, one per column", i, len(row), len(t.Columns))
		}
		lines = append(lines, printable(row))
	}

	widths := make([]int, len(t.Columns))
	for _, line := range lines {
		for i, cell := range line {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out bytes.Buffer
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			if i > 0 {
				text.WriteString(columnGap)
			}
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.Columns[i].Align == Right {
				text.WriteString(padding + cell)
			} else {
				text.WriteString(cell + padding)
			}
		}
		out.WriteString(strings.TrimRight(text.String(), " "))
		out.WriteByte('\n')
	}
	_, err := w.Write(out.Bytes())
	return err
}

func printable(cells []string) []string {
	clean := make([]string, len(cells))
	for i, cell := range cells {
		clean[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, cell)
	}
	return clean
}
