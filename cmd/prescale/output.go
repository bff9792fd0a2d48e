package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// output is the -o flag of a command.
type output struct {
	format  string
	formats []string
}

// addOutput gives a command the flag -o with the formats it can write; the first is the default.
func addOutput(cmd *cobra.Command, formats ...string) *output {
	o := &output{format: formats[0], formats: formats}
	cmd.Flags().StringVarP(&o.format, "output", "o", o.format, "output format: "+strings.Join(formats, ", "))
	return o
}

func (o *output) check() error {
	if slices.Contains(o.formats, o.format) {
		return nil
	}
	return usageError{fmt.Errorf("--output %q: must be one of %s", o.format, strings.Join(o.formats, ", "))}
}

// writeJSON writes indented JSON.
func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// number is a float that JSON can hold: what is not known is null.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if v := float64(n); math.IsNaN(v) || math.IsInf(v, 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// levelKey is how a quantile level is written as a JSON key or column.
func levelKey(p float64) string { return strconv.FormatFloat(p, 'g', -1, 64) }

// short formats a value for a table: three significant digits, or all digits before the point.
func short(v float64) string {
	switch a := math.Abs(v); {
	case math.IsNaN(v):
		return "-"
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
