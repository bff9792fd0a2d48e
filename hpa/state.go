package hpa

import (
	"slices"
	"time"
)

// State is what the controller keeps of one autoscaler between syncs. The zero State is that of an autoscaler just
// created. It can be written as JSON and read again into a zero State. Between syncs with the same State, only its methods
// may change it.
type State struct {
	// Conditions are kept in the status of the object.
	Conditions Conditions

	// The rest is kept in the memory of the controller, in no particular order: it reuses the places of
	// entries too old to matter, so that the memory stays bounded.

	// Recommendations are those from before stabilization.
	Recommendations []Recommendation
	// ScaleUps and ScaleDowns are the changes made, kept only while there is a Behavior.
	ScaleUps, ScaleDowns []ScaleEvent

	history   history    // derived from Recommendations
	proposals []Proposal // lent to the Decision
}

// Recommendation is a past recommendation.
type Recommendation struct {
	At       time.Duration
	Replicas int32
}

// ScaleEvent is a past change of the number of replicas.
type ScaleEvent struct {
	At time.Duration
	// Change is how many replicas were added or removed.
	Change int32
	// Outdated is set when no policy looked back so far, so that the place may be reused.
	Outdated bool
}

// Clone returns a copy that shares nothing with st.
func (st *State) Clone() *State {
	c := *st
	c.Recommendations = slices.Clone(st.Recommendations)
	c.ScaleUps = slices.Clone(st.ScaleUps)
	c.ScaleDowns = slices.Clone(st.ScaleDowns)
	c.history = history{}
	c.proposals = nil
	return &c
}

// RestartController forgets what the controller keeps in memory, as when it is restarted or another
// replica of it becomes the leader. The first sync after it seeds the history with the replicas asked
// for at that time, so that nothing is scaled down below them for the length of the stabilization.
func (st *State) RestartController() {
	st.Recommendations = st.Recommendations[:0]
	st.ScaleUps = st.ScaleUps[:0]
	st.ScaleDowns = st.ScaleDowns[:0]
	st.history.forget()
}

// Reset makes st that of an autoscaler just created, and keeps its memory for reuse.
func (st *State) Reset() {
	st.RestartController()
	st.Conditions = Conditions{}
}
