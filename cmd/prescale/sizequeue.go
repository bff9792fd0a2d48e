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
		return queueing.ModelFunc(q.starting), queueing.MaxSetupServers / each
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
	return q.balancer(rate, replicas)
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
	if rate == 0 && q.rate > 0 {
		return q.service.Model(0, replicas)
	}
	return setupState{q.coldStart(rate, replicas)}
}

// setupState hides the quantiles of the model: they are found by inversion over all states, which can take minutes where
// replicas take hundreds of service times to start.
type setupState struct{ setup queueing.MMcSetup }

func (s setupState) Utilization() float64                  { return s.setup.Utilization() }
func (s setupState) WaitProbability() float64              { return s.setup.WaitProbability() }
func (s setupState) MeanWaitSeconds() float64              { return s.setup.MeanWaitSeconds() }
func (s setupState) MeanResponseSeconds() float64          { return s.setup.MeanResponseSeconds() }
func (setupState) WaitQuantileSeconds(float64) float64     { return math.NaN() }
func (setupState) ResponseQuantileSeconds(float64) float64 { return math.NaN() }

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
