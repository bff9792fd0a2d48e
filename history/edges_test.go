package history

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTrimPartial(t *testing.T) {
	nan := math.NaN()
	for name, c := range map[string]struct{ in, want []float64 }{
		"no hole":                        {[]float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}},
		"an outage":                      {[]float64{9, 9, 3, nan, nan, 6, 9, 9}, []float64{9, 9, nan, nan, nan, nan, 9, 9}},
		"nothing yet at the end":         {[]float64{9, 9, 9, 3, nan}, []float64{9, 9, 9, nan, nan}},
		"nothing yet at the beginning":   {[]float64{nan, 3, 9, 9}, []float64{nan, nan, 9, 9}},
		"every other bucket":             {[]float64{1, nan, 2, nan, 3}, []float64{1, nan, 2, nan, 3}},
		"two in a row":                   {[]float64{nan, 1, 2, nan, 3}, []float64{nan, 1, 2, nan, 3}},
		"three in a row keep the middle": {[]float64{nan, 1, 2, 3, nan}, []float64{nan, nan, 2, nan, nan}},
		"nothing":                        {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := append([]float64(nil), c.in...)
			trimPartial(got)
			assert.Equal(t, len(c.want), len(got))
			for i := range got {
				assert.True(t, got[i] == c.want[i] || math.IsNaN(got[i]) && math.IsNaN(c.want[i]), "bucket %d: got %v, want %v", i, got[i], c.want[i])
			}
		})
	}
}
