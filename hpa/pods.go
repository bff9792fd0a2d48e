package hpa

import (
	"math"
	"time"
)

// podTarget is the target of a metric that is averaged over pods.
type podTarget struct {
	utilization bool  // in percent of the request, else a value in thousandths
	target      int64 // in percent or thousandths
	cpu         bool  // the readiness of pods matters
}

// propose asks for the pods that would bring the average to the target:
//
//	replicas = ceil(ratio * pods),  ratio = average usage / target
//
// over the pods whose usage counts. Pods about to go do not count. If pods without usage or not yet ready could change the
// answer, it is computed again with a cautious guess for them: no usage if the ratio is above 1, and for those without
// usage all of the target (of a utilization: all of the request) if it is below. If with the guess the ratio falls into
// the dead band or the direction turns, nothing changes.
//
// Upstream: GetResourceReplicas for a utilization, calcPlainMetricReplicas else.
func (t podTarget) propose(c *Config, tol tolerances, in *Inputs, usage []Usage) Proposal {
	if len(in.Pods) == 0 {
		return Proposal{Failure: NoPods}
	}
	u := t.group(c, in, usage)
	switch {
	case u.counted.entries == 0:
		return Proposal{Failure: NoUsage}
	case t.utilization && u.noRequest:
		return Proposal{Failure: NoRequest}
	case t.utilization && u.counted.request == 0:
		return Proposal{Failure: ZeroRequest}
	}

	current := in.SpecReplicas
	p := Proposal{Replicas: current}
	if t.utilization {
		p.Percent = u.counted.percent()
		p.Current = u.counted.knownUsage / u.counted.known
	} else {
		p.Current = u.counted.usage / u.counted.entries
	}
	ratio := t.ratio(&u.counted)
	p.Ratio = ratio

	upWithUnready := u.unready.entries > 0 && ratio > 1
	if !upWithUnready && u.missing.entries == 0 {
		if p.Tolerated = tol.within(ratio); !p.Tolerated {
			p.Replicas = int32(math.Ceil(ratio * float64(u.counted.known)))
		}
		return p
	}

	guess := u.counted
	switch {
	case ratio < 1:
		guess.add(&u.missing)
	case ratio > 1:
		u.missing.usage, u.missing.knownUsage = 0, 0
		guess.add(&u.missing)
	}
	if upWithUnready {
		guess.add(&u.unready)
	}
	p.Ratio = t.ratio(&guess)
	if p.Tolerated = tol.within(p.Ratio); p.Tolerated || (ratio < 1 && p.Ratio > 1) || (ratio > 1 && p.Ratio < 1) {
		return p
	}
	replicas := int32(math.Ceil(p.Ratio * float64(guess.entries)))
	if (p.Ratio < 1 && replicas > current) || (p.Ratio > 1 && replicas < current) {
		return p
	}
	p.Replicas = replicas
	return p
}

// ratio of the average usage to the target, through whole percents or thousandths as upstream.
// Upstream: GetResourceUtilizationRatio, GetMetricUsageRatio.
func (t podTarget) ratio(u *usages) float64 {
	if t.utilization {
		return float64(u.percent()) / float64(t.target)
	}
	return float64(u.usage/u.entries) / float64(t.target)
}

// usages sums over pods.
type usages struct {
	entries    int64 // pods, with those that have a usage but that the target has no more
	known      int64 // pods that the target has
	usage      int64 // of all entries
	knownUsage int64 // of the pods that the target has
	request    int64 // of the pods that the target has
}

// add adds other to u.
func (u *usages) add(other *usages) {
	u.entries += other.entries
	u.known += other.known
	u.usage += other.usage
	u.knownUsage += other.knownUsage
	u.request += other.request
}

// percent returns the utilization. A utilization beyond int32 wraps, as upstream's does.
func (u *usages) percent() int32 { return int32(u.knownUsage * 100 / u.request) }

// groups of pods. Upstream: the sets that groupPods makes.
type groups struct {
	counted usages // their usage counts
	unready usages // not ready to be measured; the usage is left 0
	missing usages // without usage; in its place stands what is assumed on a scale-down
	// noRequest is set when any pod, counted or not, has a container that states no request.
	noRequest bool
}

// group sums the pods by what their usage is worth.
func (t podTarget) group(c *Config, in *Inputs, usage []Usage) groups {
	var g groups
	for i := range in.Pods {
		p := &in.Pods[i]
		u := Usage{Missing: true}
		if i < len(usage) {
			u = usage[i]
		}
		n := p.count()
		if u.Request < 0 {
			g.noRequest = true
		}
		switch {
		case p.Deleted || p.Phase == Failed:
		case p.Phase == Pending:
			g.unready.add(&usages{entries: n, known: n, request: n * u.Request})
		case u.Missing:
			assumed := t.target
			if t.utilization {
				// All of the request, or the target if that is more.
				assumed = u.Request * max(100, t.target) / 100
			}
			g.missing.add(&usages{entries: n, known: n, usage: n * assumed, knownUsage: n * assumed, request: n * u.Request})
		case t.cpu && !p.measurable(c, in.Now, &u):
			g.unready.add(&usages{entries: n, known: n, request: n * u.Request})
		default:
			g.counted.add(&usages{entries: n, known: n, usage: n * u.Value, knownUsage: n * u.Value, request: n * u.Request})
		}
	}
	for i := len(in.Pods); i < len(usage); i++ {
		if !usage[i].Missing {
			g.counted.entries++
			g.counted.usage += usage[i].Value
		}
	}
	return g
}

// measurable reports whether the CPU usage of the pod is that of a pod at work. While a pod is young it may be the work of
// starting, so it must be ready and have been for the whole window of the sample. Later it counts, unless the pod is
// unready and seems never to have been ready.
func (p *Pod) measurable(c *Config, now time.Duration, u *Usage) bool {
	if p.Readiness == NoReadiness || p.NotStarted {
		return false
	}
	if p.Start+c.CPUInitializationPeriod > now {
		return p.Readiness != Unready && u.At >= p.ReadySince+u.Window
	}
	return p.Readiness != Unready || p.Start+c.InitialReadinessDelay <= p.ReadySince
}
