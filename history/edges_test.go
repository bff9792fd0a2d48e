package history

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTrimPartial(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct {
		k        int
		in, want []float64
	}{
		"no hole":                      {1, []float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}},
		"an outage":                    {1, []float64{9, 9, 3, nan, nan, 6, 9, 9}, []float64{9, 9, nan, nan, nan, nan, 9, 9}},
		"the first value after one":    {1, []float64{9, 9, 9, 3, nan, 6}, []float64{9, 9, 9, nan, nan, nan}},
		"a window of three buckets":    {3, []float64{9, 9, 9, 9, 9, 9, 6, 3, 1, nan, 1, 3, 6, 9}, []float64{9, 9, 9, 9, 9, 9, nan, nan, nan, nan, nan, nan, nan, 9}},
		"nothing yet at the end":       {1, []float64{9, 9, 9, 3, nan}, []float64{9, 9, 9, nan, nan}},
		"nothing yet at the beginning": {1, []float64{nan, 3, 9, 9}, []float64{nan, nan, 9, 9}},
		"every other bucket":           {1, []float64{1, nan, 2, nan, 3}, []float64{1, nan, 2, nan, 3}},
		"two in a row":                 {1, []float64{nan, 1, 2, nan, 3}, []float64{nan, 1, 2, nan, 3}},
		"nothing":                      {1, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := append([]float64(nil), c.in...)
			trimPartial(got, c.k)
			assert.Equal(t, len(c.want), len(got))
			for i := range got {
				assert.True(t, got[i] == c.want[i] || math.IsNaN(got[i]) && math.IsNaN(c.want[i]), "bucket %d: got %v, want %v", i, got[i], c.want[i])
			}
		})
	}
}

func TestWindowBuckets(t *testing.T) {
	for query, want := range map[string]int{
		`sum(rate(http_requests_total{job="web"}[1m]))`:                         1,
		`sum(rate(http_requests_total[5m]))`:                                    5,
		`sum(rate(http_requests_total[90s]))`:                                   2,
		`max_over_time(sum(rate(a[2m]))[10m:1m])`:                               10,
		`sum(rate(http_requests_total{code=~"[45]..",path=~"/[a-z]+"}[1m30s]))`: 2,
		`web:requests:rate`:                                                     1,
		`rate(a[15s])`:                                                          1,
	} {
		assert.Equal(t, want, windowBuckets(query, time.Minute), query)
	}
}
