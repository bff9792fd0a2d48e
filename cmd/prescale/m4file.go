package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/prescale/prescale/forecast"
)

// m4Series is one series of the M4 competition.
type m4Series struct {
	id            string
	train, actual []float64
}

// m4Row is one line of an M4 file.
type m4Row struct {
	id     string
	values []float64
}

// readM4 reads lines of the form id,v1,v2,... as the M4 competition publishes them: lines differ in
// length and may end in empty fields; a first line that holds no number is a header.
func readM4(r io.Reader, name string) ([]m4Row, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = -1
	in.ReuseRecord = true
	var rows []m4Row
	seen := map[string]bool{}
	for line := 1; ; line++ {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for len(record) > 1 && strings.TrimSpace(record[len(record)-1]) == "" {
			record = record[:len(record)-1]
		}
		if len(record) < 2 {
			return nil, fmt.Errorf("%s: line %d: want an id and at least one value", name, line)
		}
		row := m4Row{id: record[0], values: make([]float64, 0, len(record)-1)}
		for i, field := range record[1:] {
			v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
			if err != nil && line == 1 && i == 0 {
				row.values = nil
				break
			}
			if err != nil || !(v >= 0 && v <= forecast.MaxValue) {
				return nil, fmt.Errorf("%s: line %d, value %d: %q, want a number from 0 to %g", name, line, i+1, field, forecast.MaxValue)
			}
			row.values = append(row.values, v)
		}
		if row.values == nil {
			continue
		}
		if seen[row.id] {
			return nil, fmt.Errorf("%s: line %d: series %s is given twice", name, line, row.id)
		}
		seen[row.id] = true
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%s: no series", name)
	}
	return rows, nil
}

func readM4File(flag, path string) ([]m4Row, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	defer f.Close() //nolint:errcheck // opened for reading only: nothing can be lost
	rows, err := readM4(f, path)
	if err != nil {
		return nil, usageError{err}
	}
	return rows, nil
}

// m4Set pairs the series of the training file with their actual values: those of the test file, or,
// if there is none, the last values of each training series, which are held out.
func m4Set(trainPath, testPath string) ([]m4Series, error) {
	train, err := readM4File("m4-train", trainPath)
	if err != nil {
		return nil, err
	}
	set := make([]m4Series, len(train))
	if testPath == "" {
		for i, row := range train {
			cut := len(row.values) - m4Horizon
			if cut < 1 {
				return nil, usageError{fmt.Errorf("%s: series %s has %d values, need more than the %d to hold out", trainPath, row.id, len(row.values), m4Horizon)}
			}
			set[i] = m4Series{id: row.id, train: row.values[:cut], actual: row.values[cut:]}
		}
		return set, nil
	}
	test, err := readM4File("m4-test", testPath)
	if err != nil {
		return nil, err
	}
	actual := map[string][]float64{}
	for _, row := range test {
		if len(row.values) != m4Horizon {
			return nil, usageError{fmt.Errorf("%s: series %s has %d values, want %d", testPath, row.id, len(row.values), m4Horizon)}
		}
		actual[row.id] = row.values
	}
	for i, row := range train {
		values, ok := actual[row.id]
		if !ok {
			return nil, usageError{fmt.Errorf("%s: no series %s, which %s holds", testPath, row.id, trainPath)}
		}
		set[i] = m4Series{id: row.id, train: row.values, actual: values}
	}
	return set, nil
}
