package queueing

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/floats"
)

// MaxTransientJobs bounds the number of jobs that [Transient] follows.
const MaxTransientJobs = 100_000

// ServerChange sets the number of servers from a time on.
type ServerChange struct {
	AtSeconds float64
	Servers   int
}

// Transient is an M_t/M/c(t) queue that starts at time 0 with a given number of jobs. When servers are taken away no job
// is lost; those without a server wait.
type Transient struct {
	Rate                 func(seconds float64) float64 // λ(t), per second, for t >= 0
	ServiceRatePerSecond float64                       // μ, of one server
	Servers              []ServerChange                // in order of time, the first at or before 0
	InitialJobs          int
}

// TransientState is the state of the queue at a time.
type TransientState struct {
	Seconds         float64
	WaitProbability float64 // P(N >= c), what an arrival would find
	MeanQueueLength float64 // E[(N-c)⁺]
	MeanInSystem    float64 // E[N]
}

// At returns the states at the given times, in order. It integrates the Kolmogorov forward equations
//
//	p_n' = λ(t) p_{n-1} + min(n+1, c)μ p_{n+1} - (λ(t) + min(n, c)μ) p_n
//
// by the embedded Runge-Kutta pair of Dormand and Prince with a local error below 1e-10, over as many states as have a
// probability above 1e-15. A jump of the rate is found by the step control. The method is explicit, so that it takes
// time proportional to the states times (λ + cμ) times the time followed: milliseconds for tens of servers over tens
// of service times.
//
// Errors: a parameter out of range, times that do not rise from 0, or a queue beyond [MaxTransientJobs].
//
// Source: J. R. Dormand, P. J. Prince, A family of embedded Runge-Kutta formulae, Journal of Computational and Applied
// Mathematics 6 (1980).
func (q Transient) At(seconds ...float64) ([]TransientState, error) {
	if err := q.validate(seconds); err != nil {
		return nil, err
	}
	size := q.InitialJobs + q.Servers[0].Servers + 64
	s := &forwardEquations{rate: q.Rate, mu: q.ServiceRatePerSecond, p: make([]float64, size)}
	s.p[q.InitialJobs] = 1
	states := make([]TransientState, 0, len(seconds))
	change := 0
	for _, t := range seconds {
		for {
			for change < len(q.Servers) && q.Servers[change].AtSeconds <= s.now {
				s.servers = q.Servers[change].Servers
				change++
			}
			to := t
			if change < len(q.Servers) {
				to = math.Min(to, q.Servers[change].AtSeconds)
			}
			if s.now >= to {
				break
			}
			if err := s.integrate(to); err != nil {
				return nil, err
			}
		}
		states = append(states, s.state())
	}
	return states, nil
}

func (q Transient) validate(seconds []float64) error {
	var errs []error
	if q.Rate == nil {
		errs = append(errs, errors.New("queueing: Transient.Rate is nil"))
	}
	if !(q.ServiceRatePerSecond > 0) || math.IsInf(q.ServiceRatePerSecond, 1) {
		errs = append(errs, fmt.Errorf("queueing: Transient.ServiceRatePerSecond is %v, must be above 0 and finite", q.ServiceRatePerSecond))
	}
	if q.InitialJobs < 0 || q.InitialJobs > MaxTransientJobs {
		errs = append(errs, fmt.Errorf("queueing: Transient.InitialJobs is %d, must be in 0..%d", q.InitialJobs, MaxTransientJobs))
	}
	if len(q.Servers) == 0 || !(q.Servers[0].AtSeconds <= 0) {
		errs = append(errs, errors.New("queueing: Transient.Servers must start at or before 0"))
	}
	for i, c := range q.Servers {
		if c.Servers < 0 || c.Servers > MaxTransientJobs || i > 0 && !(c.AtSeconds >= q.Servers[i-1].AtSeconds) {
			errs = append(errs, fmt.Errorf("queueing: Transient.Servers[%d] is %d at %v s, must be in 0..%d and in order of time", i, c.Servers, c.AtSeconds, MaxTransientJobs))
		}
	}
	last := 0.0
	for _, t := range seconds {
		if !(t >= last) || math.IsInf(t, 1) {
			errs = append(errs, fmt.Errorf("queueing: time %v s does not follow %v s", t, last))
			break
		}
		last = t
	}
	return errors.Join(errs...)
}

type forwardEquations struct {
	rate    func(float64) float64
	mu      float64
	servers int
	now     float64
	step    float64
	p       []float64
	k       [7][]float64
	trial   []float64
	error   []float64
	flow    []float64
}

// The coefficients of Dormand and Prince (1980), table 2.
var (
	dormandTimes   = [7]float64{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1}
	dormandWeights = [7][6]float64{
		{},
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	dormandErrors = [7]float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
)

// derivative fills d with p'. The last state admits no arrival, so that probability is kept.
func (s *forwardEquations) derivative(d, p []float64, lambda float64) {
	last := len(p) - 1
	flow := floats.ScaleTo(s.flow[:last], lambda, p[:last]) // net, from n to n+1
	for n := range min(s.servers, last) {
		flow[n] -= float64(n+1) * s.mu * p[n+1]
	}
	if s.servers < last {
		floats.AddScaled(flow[s.servers:], -float64(s.servers)*s.mu, p[s.servers+1:])
	}
	floats.ScaleTo(d[:last], -1, flow)
	d[last] = 0
	floats.Add(d[1:], flow)
}

func (s *forwardEquations) integrate(to float64) error {
	const (
		tolerance = 1e-10
		maxSteps  = 5_000_000
	)
	for range maxSteps {
		if s.now >= to {
			return nil
		}
		if err := s.grow(); err != nil {
			return err
		}
		lambda := s.rate(s.now)
		if !(lambda >= 0) || math.IsInf(lambda, 1) {
			return fmt.Errorf("queueing: the rate at %v s is %v per second, must be finite and not negative", s.now, lambda)
		}
		if s.step == 0 {
			s.step = 0.1 / (lambda + float64(s.servers+1)*s.mu)
		}
		h := math.Min(s.step, to-s.now)
		s.derivative(s.k[0], s.p, lambda)
		for stage := 1; stage < 7; stage++ {
			copy(s.trial, s.p)
			for j, w := range dormandWeights[stage][:stage] {
				floats.AddScaled(s.trial, h*w, s.k[j])
			}
			s.derivative(s.k[stage], s.trial, math.Max(s.rate(s.now+dormandTimes[stage]*h), 0))
		}
		clear(s.error)
		for j, w := range dormandErrors {
			floats.AddScaled(s.error, h*w, s.k[j])
		}
		wrong := floats.Norm(s.error, 1)
		if math.IsNaN(wrong) {
			return fmt.Errorf("queueing: the rate near %v s is not a number", s.now)
		}
		factor := math.Min(5, math.Max(0.1, 0.9*math.Pow(tolerance/math.Max(wrong, 1e-30), 0.2)))
		least := 0x1p-40 * math.Max(to, 1e-3/s.mu) // across a jump of the rate
		if wrong <= tolerance || h <= least {
			s.p, s.trial = s.trial, s.p
			s.now += h
			if h == to-(s.now-h) || to-s.now < least {
				s.now = to
			}
			if h < s.step && factor > 1 {
				factor = 1 // cut short by the end, which says nothing about the step
			}
		}
		s.step = math.Max(math.Min(s.step, h*5)*factor, least)
	}
	return fmt.Errorf("queueing: more than %d steps to reach %v s", maxSteps, to)
}

// grow keeps the last tenth of the states empty.
func (s *forwardEquations) grow() error {
	var tail float64
	for _, v := range s.p[len(s.p)-len(s.p)/10-1:] {
		tail += math.Abs(v)
	}
	if tail > 1e-15 || s.trial == nil {
		size := len(s.p)
		if tail > 1e-15 {
			size += size/4 + 16
		}
		if size > 3*MaxTransientJobs {
			return fmt.Errorf("queueing: the queue exceeds %d jobs at %v s", MaxTransientJobs, s.now)
		}
		s.p = append(s.p, make([]float64, size-len(s.p))...)
		s.trial, s.error, s.flow = make([]float64, size), make([]float64, size), make([]float64, size)
		for j := range s.k {
			s.k[j] = make([]float64, size)
		}
	}
	return nil
}

func (s *forwardEquations) state() TransientState {
	state := TransientState{Seconds: s.now}
	for n, p := range s.p {
		if n >= s.servers {
			state.WaitProbability += p
			state.MeanQueueLength += float64(n-s.servers) * p
		}
		state.MeanInSystem += float64(n) * p
	}
	return state
}
