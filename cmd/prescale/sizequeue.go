package main

import (
	"math"

	"github.com/prescale/prescale/queueing"
)

// queue is the model at any rate and number of replicas, and the most replicas for which it is known.
func (q sizeQuestion) queue() (model queueing.Model, most int) {
	s := q.service
	each := max(s.Concurrency, 1)
	switch q.kind {
	case modelBatch:
		return queueing.ModelFunc(q.batch.constant), queueing.MaxServers
	case modelBatchMarkov:
		return queueing.ModelFunc(q.batch.markov), queueing.MaxServers
	case modelStateDependent:
		return queueing.ModelFunc(q.batch.continuous), queueing.MaxServers
	case modelRandom:
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			return s.At(rate/float64(replicas), 1)
		}), queueing.MaxServers
	case modelShortest:
		return queueing.ModelFunc(q.balanced), queueing.MaxShortestQueueServers
	case modelRoundRobin, modelPowerOfD:
		return queueing.ModelFunc(q.balanced), queueing.MaxServers
	case modelSharing:
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			return sharingState{queueing.MG1PS{
				ArrivalRatePerSecond: rate / float64(replicas), ServiceRatePerSecond: s.Model(rate, 1).ServiceRatePerSecond,
			}}
		}), queueing.MaxServers
	case modelSetup:
		return queueing.ModelFunc(q.starting), q.mostStarting()
	case modelMG1:
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			return singleState{q.single(rate, replicas)}
		}), queueing.MaxServers
	case modelMMInf:
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			m := s.Model(rate, replicas)
			return endlessState{queueing.MMInf{ArrivalRatePerSecond: rate, ServiceRatePerSecond: m.ServiceRatePerSecond}, m.Servers}
		}), queueing.MaxServers / each
	case modelMPHc:
		return queueing.ModelFunc(func(rate float64, replicas int) queueing.SteadyState {
			return q.phases(rate, replicas).Solve()
		}), queueing.MaxPhaseServers / each
	}
	return s, queueing.MaxServers
}

// beyond is the advice where a model is not known for so many replicas.
var beyond = map[modelKind]string{
	modelShortest: "no balancer beats --model central, and --model power-of-d is a simpler one that comes close to this one",
	modelMPHc:     "--model mgc takes the same flags and more replicas",
	modelSetup:    "--model mmc is for replicas that stay on, and more of them",
}

// policies are the balancers as package queueing names them.
var policies = map[modelKind]queueing.Balancing{
	modelRandom:     queueing.BalanceRandom,
	modelRoundRobin: queueing.BalanceRoundRobin,
	modelPowerOfD:   queueing.BalancePowerOfD,
	modelShortest:   queueing.BalanceShortestQueue,
	modelCentral:    queueing.BalanceCentralQueue,
}

// balanced is the queue behind a balancer.
func (q sizeQuestion) balanced(rate float64, replicas int) queueing.SteadyState {
	return q.balancer(rate, replicas).Solve()
}

func (q sizeQuestion) balancer(rate float64, replicas int) queueing.Balanced {
	m := q.service.Model(rate, replicas)
	return queueing.Balanced{
		ArrivalRatePerSecond: rate, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: replicas,
		Policy: policies[q.kind], Choices: q.choices,
	}
}

// phases is the queue of two-phase service times.
func (q sizeQuestion) phases(rate float64, replicas int) queueing.MPHc {
	m := q.service.Model(rate, replicas)
	return queueing.MPHc{
		ArrivalRatePerSecond: rate, Servers: m.Servers,
		Service: queueing.PhaseTypeOf(1/m.ServiceRatePerSecond, q.service.SCV.Value()),
	}
}

// coldStart is the queue of replicas that are switched off when idle.
func (q sizeQuestion) coldStart(rate float64, replicas int) queueing.MMcSetup {
	m := q.service.Model(rate, replicas)
	return queueing.MMcSetup{
		ArrivalRatePerSecond: rate, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers, MeanSetupSeconds: q.setup.Seconds(),
	}
}

// starting is coldStart as a steady state. Without load it is the queue of replicas that are on: a sizing asks that in
// order to know what no number of replicas can keep, and the wait for a setup is longest not under the most load but
// under the least, when every request finds all replicas off.
func (q sizeQuestion) starting(rate float64, replicas int) queueing.SteadyState {
	if rate == 0 && (q.rate > 0 || q.replicas > 0) {
		return q.service.Model(0, replicas)
	}
	return q.coldStart(rate, replicas).Solve()
}

// mostStarting is the most replicas for which cold starts are known, which depends on whether quantiles are wanted.
func (q sizeQuestion) mostStarting() int {
	most := queueing.MaxSetupServers
	if q.target.Response != (queueing.Quantile{}) || q.target.Wait != (queueing.Quantile{}) {
		most = queueing.MaxSetupQuantileServers
	}
	return most / max(q.service.Concurrency, 1)
}

// single is one replica in order of arrival, picked at random.
func (q sizeQuestion) single(rate float64, replicas int) queueing.MG1 {
	mean := 1 / q.service.Model(rate, 1).ServiceRatePerSecond
	return queueing.MG1{
		ArrivalRatePerSecond: rate / float64(replicas),
		Service:              queueing.ServiceMoments{Mean: mean, Second: (1 + q.service.SCV.Value()) * mean * mean},
	}
}

// singleState tells means only: two moments do not make a law.
type singleState struct{ queueing.MG1 }

func (singleState) WaitQuantileSeconds(float64) float64     { return math.NaN() }
func (singleState) ResponseQuantileSeconds(float64) float64 { return math.NaN() }

// endlessState is a service that starts every request at once, and the servers that it is to be covered by.
type endlessState struct {
	queueing.MMInf
	servers int
}

// Utilization returns a/c, of the servers set aside.
func (s endlessState) Utilization() float64 { return s.OfferedLoad() / float64(s.servers) }

// WaitProbability returns the share of requests that would find all of those servers busy.
func (s endlessState) WaitProbability() float64 { return s.InSystemTail(s.servers - 1) }

func (endlessState) MeanWaitSeconds() float64            { return 0 }
func (endlessState) WaitQuantileSeconds(float64) float64 { return 0 }

// sharingState is a replica that shares its time: nobody waits, but all are slowed.
type sharingState struct{ queueing.MG1PS }

// WaitProbability returns the share of requests that do not have the replica to themselves on arrival.
func (s sharingState) WaitProbability() float64 { return math.Min(s.Utilization(), 1) }

// MeanWaitSeconds returns by how much sharing prolongs the response.
func (s sharingState) MeanWaitSeconds() float64 {
	return s.MeanResponseSeconds() - 1/s.ServiceRatePerSecond
}

func (sharingState) WaitQuantileSeconds(float64) float64     { return math.NaN() }
func (sharingState) ResponseQuantileSeconds(float64) float64 { return math.NaN() }
