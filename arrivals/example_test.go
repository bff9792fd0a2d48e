package arrivals_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prescale/prescale/arrivals"
)

func ExampleReadCSV() {
	file := `timestamp,value
2026-03-02T08:00:00Z,600
2026-03-02T08:01:00Z,660
2026-03-02T08:03:00Z,900
`
	trace, err := arrivals.ReadCSV(strings.NewReader(file), arrivals.CSVOptions{Name: "load.csv"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trace.Step, trace.Rate)
	end, rate, _ := trace.LastObserved()
	fmt.Println("data time", end.Format(time.TimeOnly), "at", rate, "requests/s")

	_, err = arrivals.ReadCSV(strings.NewReader(file+"2026-03-02T08:04:00Z,-3\n"), arrivals.CSVOptions{Name: "load.csv"})
	fmt.Println(err)
	// Output:
	// 1m0s [10 11 NaN 15]
	// data time 08:04:00 at 15 requests/s
	// load.csv:5: value "-3": must be a number >= 0
}

func ExampleReplay() {
	trace, err := arrivals.Synthetic(arrivals.SyntheticOptions{
		Start: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Days: 1,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	load, err := arrivals.Replay(trace)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, at := range []time.Duration{4 * time.Hour, 8 * time.Hour, 12 * time.Hour} {
		fmt.Printf("%-8v %5.1f requests/s, %9.0f requests so far\n", at, load.Rate(at), load.Cumulative(at))
	}
	// Output:
	// 4h0m0s    20.0 requests/s,    288000 requests so far
	// 8h0m0s    71.8 requests/s,    604383 requests so far
	// 12h0m0s  120.0 requests/s,   2304000 requests so far
}

func ExampleWriteCSV() {
	trace := arrivals.Trace{
		Start: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Step: time.Minute, Rate: []float64{10, 11.5},
	}
	if err := arrivals.WriteCSV(os.Stdout, trace, arrivals.CSVOptions{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// timestamp,value
	// 2026-03-02T08:00:00Z,600
	// 2026-03-02T08:01:00Z,690
}
