package replay

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/prescale/prescale/queueing"
)

// Tails holds steady states of 1..n replicas of a service: how many requests there are, and which share of them is
// slower than the objective, at any utilization. They are computed by package queueing at fixed utilizations when first
// asked for, and interpolated between. A Tails may be shared by goroutines and by all runs of one workload.
//
// The utilizations are ρ = 1 - (1-u)² for u evenly spaced in [0, 1), dense where a queue is about to become unstable.
// Between two of them ln P(T > t) and (1-ρ) L_q are taken as linear in u.
type Tails struct {
	model       queueing.Model
	slots       int     // servers of a replica
	rate        float64 // requests/s that a busy server completes
	latency     float64 // of the objective, in seconds
	percentile  float64
	law         queueing.ServiceLaw // of the service times
	maxReplicas int
	cells       int
	rows        []row
}

// row belongs to one number of replicas; its slices have one entry per utilization.
type row struct {
	once      sync.Once
	waiting   []atomic.Uint64               // (1-ρ) L_q
	slow      [latencyParts][]atomic.Uint64 // ln P(T > latency (j+1)/latencyParts)
	quantiles []atomic.Uint64               // ln of the quantile of T at the percentile
	sure      []atomic.Uint64               // ln E[f(W)²], see the method
}

const (
	// markovCells and generalCells are the numbers of utilizations. A steady state of M/M/c takes a microsecond, one of
	// M/G/c a millisecond.
	markovCells  = 256
	generalCells = 64
	// latencyParts divides the time that is left to a request behind a backlog.
	latencyParts = 8
)

// unset marks what has not been computed. It is a NaN that no computation gives.
const unset = 0x7ff8_dead_beef_0000

// tailed is a steady state that knows the tail of its response times.
type tailed interface {
	WaitTail(seconds float64) float64
	ResponseTail(seconds float64) float64
}

// NewTails returns the tails of a service for an objective on its response time. Patience and MaxWaiting of the
// service are left to the engine.
func NewTails(service queueing.Service, objective queueing.Quantile, maxReplicas int32) (*Tails, error) {
	service.Patience, service.MaxWaiting = 0, 0
	slots := max(service.Concurrency, 1)
	var errs []error
	if maxReplicas < 1 || int(maxReplicas) > queueing.MaxServers/slots {
		errs = append(errs, fmt.Errorf("replay: tails of %d replicas: must be 1 to %d", maxReplicas, queueing.MaxServers/slots))
	}
	if !(objective.Percentile > 0 && objective.Percentile < 1) || objective.Latency <= 0 {
		errs = append(errs, fmt.Errorf("replay: objective of %s at percentile %g: needs a latency above 0s and a percentile between 0 and 1: without it no request violates anything",
			objective.Latency, objective.Percentile))
	}
	if idle := service.At(0, 1); math.IsNaN(idle.MeanWaitSeconds()) {
		errs = append(errs, errors.New("replay: the service is out of range: its mean time must be above 0s"))
	} else if _, ok := idle.(tailed); !ok {
		errs = append(errs, errors.New("replay: the service has interarrival times of its own: its tail of response times is not known"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	cells := markovCells
	if service.SCV != (queueing.Variability{}) {
		cells = generalCells
	}
	return &Tails{
		model: service, slots: slots, rate: 1 / service.MeanTime.Seconds(),
		latency: objective.Latency.Seconds(), percentile: objective.Percentile,
		law:         serviceLaw(service),
		maxReplicas: int(maxReplicas), cells: cells, rows: make([]row, maxReplicas+1),
	}, nil
}

// utilization of a cell, and the position among the cells of a utilization below 1.
func (t *Tails) utilization(cell int) float64 {
	v := 1 - float64(cell)/float64(t.cells)
	return 1 - v*v
}

func (t *Tails) position(utilization float64) (cell int, part float64) {
	at := float64(t.cells) * (1 - math.Sqrt(max(1-utilization, 0)))
	at = min(at, float64(t.cells-1))
	cell = min(int(at), t.cells-2)
	return cell, at - float64(cell)
}

// maxUtilization is that of the last cell.
func (t *Tails) maxUtilization() float64 { return t.utilization(t.cells - 1) }

func (t *Tails) row(replicas int) *row {
	r := &t.rows[min(max(replicas, 1), t.maxReplicas)]
	r.once.Do(func() {
		blank := func() []atomic.Uint64 {
			cells := make([]atomic.Uint64, t.cells)
			for i := range cells {
				cells[i].Store(unset)
			}
			return cells
		}
		r.waiting, r.quantiles, r.sure = blank(), blank(), blank()
		for j := range r.slow {
			r.slow[j] = blank()
		}
	})
	return r
}

// state returns the steady state of a cell.
func (t *Tails) state(replicas, cell int) queueing.SteadyState {
	n := min(max(replicas, 1), t.maxReplicas)
	return t.model.At(t.utilization(cell)*float64(n*t.slots)*t.rate, n)
}

// kept returns what a cell holds, or computes it. Two goroutines that compute it at once store the same.
func kept(cell *atomic.Uint64, compute func() float64) float64 {
	bits := cell.Load()
	if bits == unset {
		bits = math.Float64bits(compute())
		cell.Store(bits)
	}
	return math.Float64frombits(bits)
}

// inSystem returns the mean number of requests in the system, waiting or in service, at a utilization below 1. The
// servers may be fewer than those of the replicas, where some of them are slow.
func (t *Tails) inSystem(replicas int, servers, utilization float64) float64 {
	cell, part := t.position(utilization)
	r := t.row(replicas)
	a, b := t.waitingCell(r, replicas, cell), t.waitingCell(r, replicas, cell+1)
	return servers*utilization + (a+(b-a)*part)/(1-utilization)
}

func (t *Tails) waitingCell(r *row, replicas, cell int) float64 {
	if bits := r.waiting[cell].Load(); bits != unset {
		return math.Float64frombits(bits)
	}
	return kept(&r.waiting[cell], func() float64 {
		n := min(max(replicas, 1), t.maxReplicas)
		arrivals := t.utilization(cell) * float64(n*t.slots) * t.rate
		return (1 - t.utilization(cell)) * arrivals * t.model.At(arrivals, n).MeanWaitSeconds()
	})
}

// slower returns P(T > latency) at a utilization below 1, for requests of which wait seconds lie behind them already.
func (t *Tails) slower(replicas int, utilization, wait float64) float64 {
	left := 1 - wait/t.latency
	if left <= 0 {
		return 1
	}
	cell, part := t.position(utilization)
	r := t.row(replicas)
	if left == 1 {
		return math.Exp(t.slowAt(r, replicas, cell, part, latencyParts))
	}
	at := left * latencyParts
	j := int(at)
	return math.Exp(lerp(t.slowAt(r, replicas, cell, part, j), t.slowAt(r, replicas, cell, part, min(j+1, latencyParts)), at-float64(j)))
}

// slowAt returns ln P(T > latency j/latencyParts).
func (t *Tails) slowAt(r *row, replicas, cell int, part float64, j int) float64 {
	if j == 0 {
		return 0
	}
	cells := r.slow[j-1]
	return lerp(t.slowCell(&cells[cell], replicas, cell, j), t.slowCell(&cells[cell+1], replicas, cell+1, j), part)
}

// leastLog is the logarithm of a probability that counts as 0: it makes no request of a trillion.
const leastLog = -30

func (t *Tails) slowCell(c *atomic.Uint64, replicas, cell, j int) float64 {
	if bits := c.Load(); bits != unset {
		return math.Float64frombits(bits)
	}
	return kept(c, func() float64 {
		tail := t.state(replicas, cell).(tailed).ResponseTail(t.latency * float64(j) / latencyParts)
		return max(math.Log(tail), leastLog)
	})
}

// quantile returns the quantile of the response times at the objective's percentile, in seconds.
func (t *Tails) quantile(replicas int, utilization, wait float64) float64 {
	cell, part := t.position(utilization)
	r := t.row(replicas)
	at := func(cell int) float64 {
		return kept(&r.quantiles[cell], func() float64 {
			return math.Log(t.state(replicas, cell).ResponseQuantileSeconds(t.percentile))
		})
	}
	return wait + math.Exp(lerp(at(cell), at(cell+1), part))
}

// surePoints is into how many parts the waits up to the objective are divided.
const surePoints = 32

// sure returns E[f(W)²], where f(w) is the probability that a request is late that waits for w: it is P(T > latency) where
// the wait decides, and much less where the service time does.
func (t *Tails) sure(replicas int, utilization float64) float64 {
	cell, part := t.position(utilization)
	r := t.row(replicas)
	at := func(cell int) float64 {
		return kept(&r.sure[cell], func() float64 {
			state := t.state(replicas, cell).(tailed)
			late := func(part int) float64 {
				if part == surePoints {
					return 1
				}
				f := t.law.Tail(t.latency * (1 - float64(part)/surePoints))
				return f * f
			}
			sum := late(0)
			for i := range surePoints {
				sum += (late(i+1) - late(i)) * state.WaitTail(t.latency*(float64(i)+0.5)/surePoints)
			}
			return max(math.Log(sum), 2*leastLog)
		})
	}
	return math.Exp(lerp(at(cell), at(cell+1), part))
}

func lerp(a, b, part float64) float64 { return a + (b-a)*part }
