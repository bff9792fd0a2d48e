package simulator

import (
	"encoding/json"
	"math"
)

// number is a float64 whose NaN is null in JSON, which has no other way to say it.
type number float64

// MarshalJSON writes the number, or null for NaN and infinities.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// UnmarshalJSON reads null as NaN.
func (n *number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}

type plainMinute Minute

type jsonMinute struct {
	plainMinute

	P50 number `json:"p50"`
	P95 number `json:"p95"`
	P99 number `json:"p99"`
}

// MarshalJSON writes NaN as null.
func (m Minute) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonMinute{plainMinute(m), number(m.P50), number(m.P95), number(m.P99)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Minute) UnmarshalJSON(text []byte) error {
	var j jsonMinute
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*m = Minute(j.plainMinute)
	m.P50, m.P95, m.P99 = float64(j.P50), float64(j.P95), float64(j.P99)
	return nil
}

type plainResult Result

type jsonResult struct {
	plainResult

	MeanWait       number `json:"mean_wait_seconds"`
	Attainment     number `json:"slo_attainment"`
	ViolationRatio number `json:"slo_violation_ratio"`
}

// MarshalJSON writes NaN as null.
func (r Result) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonResult{plainResult(r), number(r.MeanWait), number(r.Attainment), number(r.ViolationRatio)})
}

// UnmarshalJSON reads what MarshalJSON writes. The values of settings come back as JSON has them.
func (r *Result) UnmarshalJSON(text []byte) error {
	var j jsonResult
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	*r = Result(j.plainResult)
	r.MeanWait, r.Attainment, r.ViolationRatio = float64(j.MeanWait), float64(j.Attainment), float64(j.ViolationRatio)
	return nil
}
