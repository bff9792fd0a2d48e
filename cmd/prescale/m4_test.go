package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadM4(t *testing.T) {
	rows, err := readM4(strings.NewReader("\"id\",\"V1\",\"V2\"\n\"H1\",\"1\",\"2.5\",\"\"\nH2,3,,\n"), "f.csv")
	require.NoError(t, err)
	assert.Equal(t, []m4Row{{"H1", []float64{1, 2.5}}, {"H2", []float64{3}}}, rows)
	for in, want := range map[string]string{
		"":               "f.csv: no series",
		"id,V1\n":        "f.csv: no series",
		"H1\n":           "f.csv: line 1: want an id and at least one value",
		"H1,1\nH2,x\n":   `f.csv: line 2, value 1: "x", want a number from 0 to`,
		"H1,1,-3\n":      `f.csv: line 1, value 2: "-3"`,
		"H1,1,NaN\n":     `value 2: "NaN"`,
		"H1,1,,2\n":      `value 2: ""`,
		"H1,1\nH1,2\n":   "f.csv: line 2: series H1 is given twice",
		"H1,1\n\"H2,1\n": "f.csv: parse error on line 2",
	} {
		_, err := readM4(strings.NewReader(in), "f.csv")
		assert.ErrorContains(t, err, want, in)
	}
}

func FuzzReadM4(f *testing.F) {
	f.Add("H1,1,2\nH2,3\n")
	f.Add("id,V1\n\"H1\",\"1e3\",\n")
	f.Fuzz(func(t *testing.T, in string) {
		rows, err := readM4(strings.NewReader(in), "f.csv")
		if err != nil {
			return
		}
		for _, row := range rows {
			for _, v := range row.values {
				if !(v >= 0 && !math.IsInf(v, 1)) {
					t.Fatalf("series %q holds %v", row.id, v)
				}
			}
		}
	})
}

// m4Files writes two hourly series of three weeks and the two days after.
func m4Files(t *testing.T, dir string) {
	t.Helper()
	var train, test strings.Builder
	for id := range 2 {
		fmt.Fprintf(&train, "S%d", id+1)
		fmt.Fprintf(&test, "S%d", id+1)
		for i := range 21*24 + m4Horizon {
			v := 100 + 40*math.Sin(2*math.Pi*float64(i)/24) + float64((i*i*(id+3))%11) + 20*float64(i/24%7/5)
			if i < 21*24 {
				fmt.Fprintf(&train, ",%.2f", v)
			} else {
				fmt.Fprintf(&test, ",%.2f", v)
			}
		}
		train.WriteByte('\n')
		test.WriteByte('\n')
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m4-train.csv"), []byte(train.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "m4-test.csv"), []byte(test.String()), 0o600))
}

func TestM4DoesNotDependOnTheNumberOfCores(t *testing.T) {
	dir := t.TempDir()
	m4Files(t, dir)
	t.Chdir(dir)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first m4Output
	for i, cores := range []int{1, 4} {
		runtime.GOMAXPROCS(cores)
		stdout, stderr, code := command(t, "backtest", "--m4-train", "m4-train.csv", "--m4-test", "m4-test.csv", "-o", "json")
		require.Zero(t, code, stderr)
		var out m4Output
		require.NoError(t, json.Unmarshal([]byte(stdout), &out))
		assert.Positive(t, out.Seconds)
		out.Seconds, out.Models[0].Seconds = 0, 0
		if i == 0 {
			first = out
			assert.Equal(t, "auto", out.Name)
			assert.Equal(t, 2, out.Series)
			assert.Less(t, float64(out.OWA), 1.0)
			assert.Zero(t, out.FellBack)
			continue
		}
		assert.Equal(t, first, out)
	}
}
