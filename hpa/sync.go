package hpa

// Sync makes one pass of the controller: it returns the decision and updates the state.
//
// It takes time linear in the number of metrics, of pods for metrics that look at pods, and of recent changes where rate
// policies matter, whatever the length of the stabilization windows. It allocates only until the slices of the state have
// grown to what the windows hold, and when the windows change.
//
// Upstream: reconcileAutoscaler.
func Sync(c Config, s *Spec, in Inputs, st *State) (d Decision) {
	d.decide(&c, s, &in, st)
	d.Conditions = st.Conditions
	return d
}

// decide fills in the decision, all but the conditions, which it leaves in the state.
func (d *Decision) decide(c *Config, s *Spec, in *Inputs, st *State) {
	current := in.SpecReplicas
	*d = Decision{From: current, Desired: current, Proposed: current, Stabilized: current, Limited: current, Metric: -1}
	if in.Fault == ScaleUnreadable {
		st.Conditions.AbleToScale = Condition{False, FailedGetScale}
		return
	}
	st.Conditions.AbleToScale = Condition{True, SucceededGetScale}
	if len(st.Recommendations) == 0 {
		st.Recommendations = append(st.Recommendations, Recommendation{in.Now, current})
	}

	scaledToZero := st.Conditions.ScaledToZero.Status == True
	switch {
	case current == 0:
		// Who else scaled it to zero meant to switch the autoscaler off.
		if !scaledToZero || (s.MinReplicas == 0 && !s.scalesFromZero()) {
			st.Conditions.ScalingActive = Condition{False, ScalingDisabled}
			return
		}
	case current > s.MaxReplicas:
		d.jump(s, in, st, s.MaxReplicas, AboveMax)
		return
	case current < s.MinReplicas:
		d.jump(s, in, st, s.MinReplicas, BelowMin)
		return
	}

	if !d.propose(c, s, in, st) {
		return
	}
	if d.Proposed > current {
		d.Cause = AboveTarget
	} else if d.Proposed < current {
		d.Cause = BelowTarget
	}
	if s.Behavior == nil {
		d.Stabilized = st.stabilize(c, in.Now, d.Proposed)
		st.Conditions.AbleToScale = ableToScale(d.Stabilized != d.Proposed, ScaleDownStabilized)
		d.Limited, st.Conditions.ScalingLimited.Reason = limit(s, current, d.Stabilized)
	} else {
		up, down := s.Behavior.windows(c)
		d.Stabilized = st.stabilizeBothWays(in.Now, up, down, current, d.Proposed)
		reason := ScaleUpStabilized
		if d.Proposed < current {
			reason = ScaleDownStabilized
		}
		st.Conditions.AbleToScale = ableToScale(d.Stabilized != d.Proposed, reason)
		d.Limited, st.Conditions.ScalingLimited.Reason = st.limitRate(in.Now, s, current, d.Stabilized)
	}
	st.Conditions.ScalingLimited.Status = True
	if d.Limited == d.Stabilized {
		st.Conditions.ScalingLimited.Status = False
	}
	// The minimum was raised while the target was scaled to zero.
	if current == 0 && d.Limited < s.MinReplicas {
		d.Limited = s.MinReplicas
		if d.Cause == NoCause {
			d.Cause = BelowMin
		}
	}
	if d.Limited == current {
		d.Cause = NoCause
		return
	}
	d.rescale(s, in, st)
}

// jump changes replicas that are outside minimum and maximum, whatever the metrics say.
func (d *Decision) jump(s *Spec, in *Inputs, st *State, to int32, cause Cause) {
	d.Proposed, d.Stabilized, d.Limited, d.Cause = to, to, to, cause
	d.rescale(s, in, st)
}

// rescale changes the number of replicas to d.Limited.
func (d *Decision) rescale(s *Spec, in *Inputs, st *State) {
	if in.Fault == ScaleUnwritable {
		st.Conditions.AbleToScale = Condition{False, FailedUpdateScale}
		return
	}
	d.Desired, d.Rescale = d.Limited, true
	st.Conditions.AbleToScale = Condition{True, SucceededRescale}
	if s.Behavior != nil {
		st.recordChange(s.Behavior, in.Now, d.From, d.Desired)
	}
	if d.From > 0 && d.Desired == 0 && s.MinReplicas == 0 && s.scalesFromZero() {
		st.Conditions.ScaledToZero = Condition{True, ScaledToZero}
	} else {
		st.Conditions.ScaledToZero = Condition{False, NotScaledToZero}
	}
}

func ableToScale(stabilized bool, reason Reason) Condition {
	if stabilized {
		return Condition{True, reason}
	}
	return Condition{True, ReadyForNewScale}
}
