package forecast

import (
	"math"
	"testing"
	"time"
)

// FuzzBlend reads every byte as a value, so that short inputs reach far: the first half is fitted on, the
// rest updates.
func FuzzBlend(f *testing.F) {
	extremes := [...]float64{0, math.NaN(), MaxValue, 5e-324, 1e-300, 1, math.Inf(1), -1, 1e300}
	f.Add([]byte{1, 0, 0, 0}, uint8(2))
	f.Add([]byte("a constant, a constant, a constant, a constant, a constant, a constant, a constant, a"), uint8(3))
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x02\x03\x04\x05\x06\x07\x08\x00\x01\x02\x03\x04\x05\x06\x07\x08abcdefghijklmnopqrstuvwxyzzyxwvutsrqponmlkjih"), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, horizon uint8) {
		if len(raw) > 120 {
			raw = raw[:120]
		}
		values := make([]float64, len(raw))
		for i, b := range raw {
			values[i] = float64(b)
			if int(b) < len(extremes) {
				values[i] = extremes[b]
			}
		}
		history := values[:len(values)*2/3]
		for i, v := range history {
			if !(v <= MaxValue && v >= 0) {
				history[i] = math.NaN() // what Update takes for missing
			}
		}
		steps := 1 + int(horizon%4)
		sel, err := Auto{Horizon: steps, Window: min(2, steps)}.Select(t.Context(), series(6*time.Hour, history...))
		if err != nil {
			return
		}
		for _, y := range values[len(history):] {
			sel.Update(y, nil)
		}
		checkDistribution(t, sel.Forecast(steps+2), steps+2)
		if st := sel.Standing(); !(st.Coverage != st.Coverage || (st.Coverage >= 0 && st.Coverage <= 1+1e-9)) || st.Pinball < 0 {
			t.Errorf("standing %+v", st)
		}
	})
}
