package replay

import (
	"encoding/json"
	"time"
)

// settingJSON keeps durations apart from numbers, so that a setting that was written can be read.
type settingJSON struct {
	Name     string  `json:"name"`
	Value    any     `json:"value,omitempty"`
	Duration *string `json:"duration,omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (s Setting) MarshalJSON() ([]byte, error) {
	if d, ok := s.Value.(time.Duration); ok {
		text := d.String()
		return json.Marshal(settingJSON{Name: s.Name, Duration: &text})
	}
	return json.Marshal(settingJSON{Name: s.Name, Value: s.Value})
}

// UnmarshalJSON implements json.Unmarshaler. Numbers come back as float64.
func (s *Setting) UnmarshalJSON(text []byte) error {
	var in settingJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*s = Setting{Name: in.Name, Value: in.Value}
	if in.Duration != nil {
		d, err := time.ParseDuration(*in.Duration)
		if err != nil {
			return err
		}
		s.Value = d
	}
	return nil
}
