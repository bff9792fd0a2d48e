package hpa

// cpu is the name of the resource whose use while starting says nothing about load.
const cpu = "cpu"

// propose asks every metric for a number of replicas and takes the highest. It reports whether there is
// one to act on; if not, the reason is in the conditions.
//
// Upstream: computeReplicasForMetrics.
func (d *Decision) propose(c *Config, s *Spec, in *Inputs, st *State) bool {
	switch in.Fault {
	case SelectorInvalid:
		st.Conditions.ScalingActive = Condition{False, InvalidSelector}
		return false
	case SelectorAmbiguous:
		st.Conditions.ScalingActive = Condition{False, AmbiguousSelector}
		return false
	}
	tol := s.tolerances(c)
	st.proposals = st.proposals[:0]
	reason := NoReason // of the first failure
	highest := int32(0)
	for i := range s.Metrics {
		m := &s.Metrics[i]
		p := Proposal{Failure: Unavailable}
		if i < len(in.Readings) && in.Readings[i].available() {
			p = m.propose(c, tol, in, &in.Readings[i])
		}
		st.proposals = append(st.proposals, p)
		if p.Failure != NoFailure {
			if d.Failed == 0 {
				reason = failedGet[m.Type]
			}
			d.Failed++
			continue
		}
		if highest == 0 || p.Replicas > highest {
			highest, d.Metric = p.Replicas, i
		}
	}
	d.Proposals = st.proposals
	// Fewer replicas are asked for only by all metrics together.
	if d.Failed == len(s.Metrics) || (d.Failed > 0 && highest < in.SpecReplicas) {
		d.Blocked, d.Metric = true, -1
		st.Conditions.ScalingActive = Condition{False, reason}
		return false
	}
	st.Conditions.ScalingActive = Condition{True, ValidMetricFound}
	d.Proposed = max(0, highest)
	return true
}

// propose returns what the metric asks for. Upstream: computeReplicasForMetric.
func (m *MetricSpec) propose(c *Config, tol tolerances, in *Inputs, r *Reading) Proposal {
	switch {
	case m.Type == External && m.Target.Type == AverageValueTarget:
		return externalPerPod(tol, in.StatusReplicas, r, m.Target.Milli)
	case m.Type == External && m.Target.Type == ValueTarget:
		return value(tol, in, externalSum(r), m.Target.Milli)
	case m.Type == Object && m.Target.Type == AverageValueTarget:
		return objectPerPod(tol, in.StatusReplicas, r.Value, m.Target.Milli)
	case m.Type == Object && m.Target.Type == ValueTarget:
		return value(tol, in, r.Value, m.Target.Milli)
	case m.Type == Pods && m.Target.Type == AverageValueTarget:
		return podTarget{target: m.Target.Milli}.propose(c, tol, in, r.Usage)
	case m.Type == Resource || m.Type == ContainerResource:
		switch m.Target.Type {
		case AverageValueTarget:
			return podTarget{target: m.Target.Milli, cpu: m.Name == cpu}.propose(c, tol, in, r.Usage)
		case UtilizationTarget:
			return podTarget{utilization: true, target: int64(m.Target.Percent), cpu: m.Name == cpu}.propose(c, tol, in, r.Usage)
		}
	}
	return Proposal{Failure: WrongTarget}
}
