package replay

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSettingIsReadAsItWasWritten(t *testing.T) {
	for _, s := range []Setting{{"target", 0.7}, {"metric", "rate"}, {"refit", 6 * time.Hour}, {"stabilization", time.Duration(0)}, {"spare", false}} {
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var read Setting
		require.NoError(t, json.Unmarshal(text, &read))
		assert.Equal(t, s, read)
	}
	assert.Error(t, json.Unmarshal([]byte(`{"name": "refit", "duration": "soon"}`), new(Setting)))
}
