package replay

import (
	"time"

	"github.com/prescale/prescale/hpa"
)

// pods counts the replicas of a run by state, in steps. A new one is ready after its start-up time, rounded to whole
// steps; of those that are taken away the ones that start go first, then the youngest, as a ReplicaSet chooses.
type pods struct {
	startup Startup
	step    time.Duration

	starting, ready int32
	// due[i % len] of those that start are ready when step i begins, last is the latest such step.
	due  []int32
	last int
	// young[i % len] became ready when step i began; older ones are not told apart.
	young []int32
	// warming of them are within warm steps.
	warming int32
	warm    int
	now     int
	started int // how many have been started so far
}

// youngFor is how long the HPA minds when a pod became ready.
const youngFor = 5 * time.Minute

func newPods(s Startup, step time.Duration) *pods {
	longest := time.Duration(0)
	if n := len(s.Delays); n > 0 {
		longest = s.Delays[n-1]
	}
	warm := 0
	if s.slowdown() > 1 {
		warm = int((s.Warmup + step/2) / step)
	}
	return &pods{
		startup: s, step: step, warm: warm,
		due:   make([]int32, int(longest/step)+3),
		young: make([]int32, max(int(youngFor/step)+1, warm)+2),
	}
}

// reset begins anew with replicas that are ready and warm.
func (p *pods) reset(replicas int32) {
	clear(p.due)
	clear(p.young)
	p.starting, p.ready, p.warming, p.last, p.now, p.started = 0, replicas, 0, 0, 0, 0
}

// begin makes ready what is due in step i; steps come one after the other.
func (p *pods) begin(i int) {
	p.now = i
	slot := &p.young[i%len(p.young)]
	*slot = 0
	if d := &p.due[i%len(p.due)]; *d > 0 {
		p.starting -= *d
		p.becomeReady(*d)
		*d = 0
	}
	if p.warm > 0 && i >= p.warm {
		p.warming -= p.young[(i-p.warm)%len(p.young)]
	}
}

func (p *pods) becomeReady(n int32) {
	p.ready += n
	p.young[p.now%len(p.young)] += n
	if p.warm > 0 {
		p.warming += n
	}
}

// scale starts replicas, or takes some away, until there are n.
func (p *pods) scale(n int32) {
	for p.starting+p.ready < n {
		after := int((p.startup.Nth(p.started) + p.step/2) / p.step)
		p.started++
		if after == 0 {
			p.becomeReady(1)
			continue
		}
		p.due[(p.now+after)%len(p.due)]++
		p.last = max(p.last, p.now+after)
		p.starting++
	}
	over := p.starting + p.ready - max(n, 0)
	for i := p.last; over > 0 && p.starting > 0 && i > p.now; i-- {
		d := &p.due[i%len(p.due)]
		k := min(*d, over)
		*d -= k
		p.starting -= k
		over -= k
	}
	for i := p.now; over > 0 && i > p.now-len(p.young) && i >= 0; i-- {
		y := &p.young[i%len(p.young)]
		k := min(*y, over)
		*y -= k
		p.ready -= k
		over -= k
		if i > p.now-p.warm {
			p.warming -= k
		}
	}
	p.ready -= max(over, 0)
}

// servers returns how many servers at full speed the ready replicas are worth.
func (p *pods) servers(slots int) float64 {
	worth := float64(p.ready)
	if p.warming > 0 {
		worth -= float64(p.warming) * (1 - 1/p.startup.slowdown())
	}
	return worth * float64(slots)
}

// list describes the pods to the HPA, alike ones as one, with the usage of the ready ones in thousandths of what each
// requests; NaN usage is unknown.
func (p *pods) list(pods []hpa.Pod, usage []hpa.Usage, milli int64, known bool, window time.Duration) ([]hpa.Pod, []hpa.Usage) {
	now := time.Duration(p.now) * p.step
	start := p.startup.Mean()
	add := func(n int32, since time.Duration) {
		if n > 0 {
			pods = append(pods, hpa.Pod{Readiness: hpa.Ready, ReadySince: since, Start: since - start, Count: n})
			usage = append(usage, hpa.Usage{Missing: !known, Value: milli, Request: 1000, At: now, Window: window})
		}
	}
	old := p.ready
	for i := p.now; i > p.now-len(p.young)+1 && i >= 0; i-- {
		n := p.young[i%len(p.young)]
		add(n, time.Duration(i)*p.step)
		old -= n
	}
	add(old, now-time.Duration(len(p.young))*p.step-start)
	if p.starting > 0 {
		pods = append(pods, hpa.Pod{Phase: hpa.Pending, Readiness: hpa.Unready, Start: now, Count: p.starting})
		usage = append(usage, hpa.Usage{Missing: true, Request: 1000})
	}
	return pods, usage
}
