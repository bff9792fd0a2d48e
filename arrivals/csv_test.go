package arrivals

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestReadCSV(t *testing.T) {
	perMinute := func(start time.Time, counts ...float64) Trace {
		tr := Trace{Start: start, Step: time.Minute, Rate: counts}
		for i := range counts {
			counts[i] /= 60
		}
		return tr
	}
	zero := time.Unix(0, 0).UTC()
	for name, c := range map[string]struct {
		text    string
		options CSVOptions
		want    Trace
	}{
		"RFC 3339":          {text: "timestamp,value\n2026-03-02T00:00:00Z,60\n2026-03-02T00:01:00Z,120\n", want: minutes(1, 2)},
		"time zone":         {text: "timestamp,value\n2026-03-02T01:00:00+01:00,60\n2026-03-02T00:01:00Z,120\n", want: minutes(1, 2)},
		"integer seconds":   {text: "timestamp,value\n0,60\n60,120\n", want: perMinute(zero, 60, 120)},
		"absent is missing": {text: "timestamp,value\n0,1\n60,2\n240,3\n300,4\n", want: perMinute(zero, 1, 2, nan, nan, 3, 4)},
		"empty is missing":  {text: "timestamp,value\n0,1\n60,\n120,3\n180,\n", want: perMinute(zero, 1, nan, 3, nan)},
		"zero is zero":      {text: "timestamp,value\n0,0\n60,-0\n120,1e1\n", want: perMinute(zero, 0, 0, 10)},
		"BOM and CRLF":      {text: "\ufefftimestamp,value\r\n0,1\r\n60,2\r\n", want: perMinute(zero, 1, 2)},
		"quotes, spaces":    {text: "\"timestamp\", \"value\"\n\"0\" , 1\n\n60,\" 2 \"", want: perMinute(zero, 1, 2)},
		"rate":              {text: "timestamp,value\n0,1\n60,2\n", options: CSVOptions{Unit: UnitRate}, want: Trace{zero, time.Minute, []float64{1, 2}}},
		"scale":             {text: "timestamp,value\n0,1\n60,2\n", options: CSVOptions{Unit: UnitRate, Scale: 10}, want: Trace{zero, time.Minute, []float64{10, 20}}},
		"stated step":       {text: "timestamp,value\n0,1\n120,2\n240,3\n", options: CSVOptions{Step: time.Minute}, want: perMinute(zero, 1, nan, 2, nan, 3)},
		"below a second":    {text: "timestamp,value\n2026-03-02T00:00:00Z,1\n2026-03-02T00:00:00.5Z,2\n", want: Trace{epoch, time.Second / 2, []float64{2, 4}}},
		// Differences of 60 s and 120 s are equally frequent: the smaller is the step, the larger a gap.
		"tie": {text: "timestamp,value\n0,1\n60,2\n180,3\n", want: perMinute(zero, 1, 2, nan, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadCSV(strings.NewReader(c.text), c.options)
			require.NoError(t, err)
			requireEqual(t, c.want, got)
			assert.Equal(t, time.UTC, got.Start.Location())
			assert.False(t, math.Signbit(got.Rate[len(got.Rate)-1]))
		})
	}
}

func TestReadCSVErrorsNameFileAndLine(t *testing.T) {
	const h = "timestamp,value\n"
	for _, c := range []struct{ text, want string }{
		{"", `load.csv:1: file is empty: must begin with the header "timestamp,value"`},
		{"\n\n", `load.csv:1: file is empty`},
		{"time,count\n", `load.csv:1: header "time,count": must be "timestamp,value"`},
		{"\n\nvalue,timestamp\n", `load.csv:3: header`},
		{"timestamp\n", `load.csv:1: "timestamp": must have 2 fields, got 1`},
		{h, `load.csv:1: need at least 2 rows, got 0`},
		{h + "0,1\n", `load.csv:2: need at least 2 rows, got 1`},
		{h + "0,1\n60,2,3\n", `load.csv:3: "60,2,3": must have 2 fields, got 3`},
		{h + "0,1\n60,-3\n", `load.csv:3: value "-3": must be a number >= 0`},
		{h + "0,NaN\n60,1\n", `load.csv:2: value "NaN": must be a number >= 0`},
		{h + "0,1\n60,+Inf\n", `load.csv:3: value "+Inf"`},
		{h + "0,1\n60,1e999\n", `load.csv:3: value "1e999"`},
		{h + "0,1\n60,0x10\n", `load.csv:3: value "0x10"`},
		{h + "0,1\n60,many\n", `load.csv:3: value "many"`},
		{h + "0,1\n60,1e300\n", `load.csv:3: value 1e+300: makes a rate of 1.66667e+298 requests/s, must be at most 1e+18`},
		{h + "0,1\n0,1\n", `load.csv:3: timestamp "0": duplicate of line 2`},
		{h + "0,1\n60,1\n30,1\n", `load.csv:4: timestamp "30": must be later than the one of line 3`},
		{h + "0,1\n2026-03-02T00:00:00Z,1\n", `load.csv:3: timestamp "2026-03-02T00:00:00Z": must be of the same kind in every row`},
		{h + "yesterday,1\n", `load.csv:2: timestamp "yesterday": must be RFC 3339`},
		{h + ",1\n", `load.csv:2: timestamp "": must be RFC 3339`},
		{h + "1.5,1\n", `load.csv:2: timestamp "1.5": must be RFC 3339`},
		{h + "-60,1\n", `load.csv:2: timestamp "-60": must be >= 0 seconds`},
		{h + "1767225600000,1\n", `load.csv:2: timestamp "1767225600000": must be at most 4294967295 seconds (are these milliseconds?)`},
		{h + "99999999999999999999,1\n", `load.csv:2: timestamp "99999999999999999999": must be at most`},
		{h + "1960-01-01T00:00:00Z,1\n", `load.csv:2: timestamp "1960-01-01T00:00:00Z": must be between 1970-01-01 and 2106-02-07`},
		{h + "0,1\n60,1\n120,1\n170,1\n", `load.csv:5: timestamp 1970-01-01T00:02:50Z: not on the grid of 1m0s that starts at 1970-01-01T00:00:00Z on line 2`},
		{h + "0,1\n1,1\n2,1\n4294967295,1\n", `load.csv:5: timestamp 2106-02-07T06:28:15Z: makes the trace longer than 16777216 buckets of 1s`},
		{h + "0,1\n" + strings.Repeat("6", 70_000), `load.csv:3: line longer than 65536 bytes`},
		{strings.Repeat("x", 100) + ",\n", `load.csv:1: header "` + strings.Repeat("x", 60) + `"...: must be`},
	} {
		_, err := ReadCSV(strings.NewReader(c.text), CSVOptions{Name: "load.csv"})
		if assert.Error(t, err, c.text) {
			assert.True(t, strings.HasPrefix(err.Error(), c.want), "want %s\ngot  %s", c.want, err)
		}
	}
}

func TestCSVOptionsAreValidatedTogether(t *testing.T) {
	_, err := ReadCSV(strings.NewReader(""), CSVOptions{Unit: "percent", Scale: -1, Step: -time.Second})
	require.EqualError(t, err, `arrivals: unit "percent": must be "count" or "rate"
arrivals: scale -1: must be a finite number > 0
arrivals: step -1s: must be positive, or 0 to infer it`)
	_, err = ReadCSV(strings.NewReader(""), CSVOptions{Scale: nan})
	require.ErrorContains(t, err, "scale NaN")
}

func TestReadCSVReturnsTheErrorOfTheReader(t *testing.T) {
	broken := errors.New("disk on fire")
	r := io.MultiReader(strings.NewReader("timestamp,value\n0,1\n60,1\n"), iotest.ErrReader(broken))
	_, err := ReadCSV(r, CSVOptions{Name: "load.csv"})
	require.ErrorIs(t, err, broken)
	require.EqualError(t, err, "load.csv: disk on fire")
}

func TestWriteCSV(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, WriteCSV(&out, minutes(1, nan, 2.5), CSVOptions{}))
	assert.Equal(t, "timestamp,value\n2026-03-02T00:00:00Z,60\n2026-03-02T00:01:00Z,\n2026-03-02T00:02:00Z,150\n", out.String())
}

func TestWriteCSVRefuses(t *testing.T) {
	for want, c := range map[string]struct {
		trace   Trace
		options CSVOptions
	}{
		"must have at least 2":       {trace: minutes(1)},
		"rate -1":                    {trace: minutes(1, -1)},
		"must be 0 or the step":      {trace: minutes(1, 2), options: CSVOptions{Step: time.Hour}},
		"must lie between 1970":      {trace: minutes(1, 2).Shift(-200 * 365 * 24 * time.Hour)},
		`unit "x"`:                   {trace: minutes(1, 2), options: CSVOptions{Unit: "x"}},
		"scale 1e-320: value overfl": {trace: minutes(1, 2), options: CSVOptions{Scale: 1e-320}},
	} {
		require.ErrorContains(t, WriteCSV(io.Discard, c.trace, c.options), want)
	}
	full := errors.New("disk full")
	require.ErrorIs(t, WriteCSV(failingWriter{full}, minutes(1, 2), CSVOptions{}), full)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// TestCSVRoundTrip checks the promise of WriteCSV: what was read comes back bit for bit, anything else within
// 8 units in the last place (2^-49), and with plain rates exactly.
func TestCSVRoundTrip(t *testing.T) {
	const tol = 0x1p-49
	rapid.Check(t, func(t *rapid.T) {
		tr := drawTrace(t)
		o := CSVOptions{
			Unit:  rapid.SampledFrom([]Unit{UnitCount, UnitRate}).Draw(t, "unit"),
			Scale: rapid.OneOf(rapid.Just(1.0), rapid.Float64Range(1e-3, 1e3)).Draw(t, "scale"),
			Step:  tr.Step,
		}
		read := rewrite(t, tr, o)
		require.Equal(t, tr.Len(), read.Len())
		for i, r := range tr.Rate {
			if math.IsNaN(r) {
				require.True(t, math.IsNaN(read.Rate[i]))
				continue
			}
			require.InDelta(t, r, read.Rate[i], r*tol)
		}
		if o.Unit == UnitRate && o.Scale == 1 {
			requireEqual(t, tr, read)
		}
		requireEqual(t, read, rewrite(t, read, o))
	})
}

func rewrite(t require.TestingT, tr Trace, o CSVOptions) Trace {
	var file bytes.Buffer
	require.NoError(t, WriteCSV(&file, tr, o))
	read, err := ReadCSV(&file, o)
	require.NoError(t, err)
	return read
}

func TestCountsStayCounts(t *testing.T) {
	var file strings.Builder
	file.WriteString("timestamp,value\n")
	for i := range 5000 {
		fmt.Fprintf(&file, "%s,%d\n", formatTime(epoch.Add(time.Duration(i)*7*time.Second)), i*i)
	}
	tr, err := ReadCSV(strings.NewReader(file.String()), CSVOptions{})
	require.NoError(t, err)
	var again strings.Builder
	require.NoError(t, WriteCSV(&again, tr, CSVOptions{}))
	require.Equal(t, file.String(), again.String())
}

// FuzzReadCSV: no input panics, and what is accepted is a valid trace that survives being written and read.
func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"timestamp,value\n0,60\n60,120\n180,\n",
		"\ufefftimestamp,value\r\n2026-03-02T00:00:00Z,1\r\n2026-03-02T00:00:00.5+01:00,2.5e-3\r\n",
		"\"timestamp\",\"value\"\n\"0\",\"1\"\n\"1\",\"-0\"\n",
		"timestamp,value\n0,1\n1,1\n2,1\n4294967295,1\n",
		"timestamp,value\n0,5e-324\n4294967295,1.7976931348623157e308\n",
		"timestamp,value\n1.5,1\n-1,nan\n",
		"timestamp,value\n0,\n7,3\n14,\n",
		",,\n\x00",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, text string, rates bool) {
		o := CSVOptions{}
		if rates {
			o.Unit = UnitRate
		}
		tr, err := ReadCSV(strings.NewReader(text), o)
		if err != nil {
			return
		}
		require.NoError(t, tr.Validate())
		require.LessOrEqual(t, tr.Len(), MaxBuckets)
		if tr.Len() > 1<<12 {
			return // sparse but legal; writing millions of rows only slows the search
		}
		o.Step = tr.Step // a trace of mostly missing buckets may show another most frequent difference
		requireEqual(t, tr, rewrite(t, tr, o))
	})
}

func BenchmarkReadCSV(b *testing.B) {
	for _, days := range []int{1, 14} {
		tr, err := Synthetic(SyntheticOptions{Start: epoch, Days: days, Noise: 1})
		require.NoError(b, err)
		var file bytes.Buffer
		require.NoError(b, WriteCSV(&file, tr, CSVOptions{}))
		b.Run(fmt.Sprintf("buckets=%d", tr.Len()), func(b *testing.B) {
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				if _, err := ReadCSV(bytes.NewReader(file.Bytes()), CSVOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
