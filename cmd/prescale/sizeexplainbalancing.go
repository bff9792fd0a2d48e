package main

import (
	"fmt"

	"github.com/prescale/prescale/queueing"
)

// eachReplica is how the numbers of a model begin in which every replica has its own queue.
func (q sizeQuestion) eachReplica(replicas int) string {
	share, mu := q.rate/float64(replicas), q.service.Model(q.rate, 1).ServiceRatePerSecond
	return fmt.Sprintf("λ = %s/%d = %s/s for each replica, μ = %s/s, ρ = %s",
		digits(q.rate), replicas, digits(share), digits(mu), digits(share/(mu*float64(max(q.service.Concurrency, 1)))))
}

// explainRandom is one replica with its share of the arrivals.
func (q sizeQuestion) explainRandom(e *sizeExplanation, replicas int) {
	m := q.service.Model(q.rate/float64(replicas), 1)
	switch v := q.service.SCV.Value(); v {
	case 1:
		explainMMc(e, m)
	case 0:
		explainMDc(e, m)
	default:
		explainMGc(e, m, v)
	}
	e.Model += fmt.Sprintf(" for each of %d replicas, picked at random", replicas)
	e.Numbers = q.eachReplica(replicas)
	e.Formula = append([]string{"a random share of Poisson arrivals is Poisson again, so that each replica is a queue of its own"}, e.Formula...)
}

// explainBalanced is what an arrival finds ahead behind a balancer.
func (q sizeQuestion) explainBalanced(e *sizeExplanation, replicas int) {
	b := q.balancer(q.rate, replicas)
	rho := b.Utilization()
	e.Numbers = fmt.Sprintf("λ = %s/s, μ = %s/s, N = %d, ρ = λ/(Nμ) = %s", digits(q.rate), digits(b.ServiceRatePerSecond), replicas, digits(rho))
	mean := fmt.Sprintf("mean wait = (1/μ)·Σ_{k≥1} F(k) = %s; P(T > t) = E[F(Poisson(μt))]", timeCell(b.MeanWaitSeconds()))
	switch q.kind {
	case modelRoundRobin:
		e.Model = fmt.Sprintf("E_%d/M/1 for each of %d replicas, picked in turn", replicas, replicas)
		e.Formula = []string{fmt.Sprintf("F(k) = P(put behind k or more) = σ^k, σ = (1 + (1-σ)/(Nρ))^-N = %s", digits(b.WaitProbability())), mean}
		e.Exact, e.Error = true, "means within 1e-12 of reference values; the turn is that of one balancer"
		e.Source = "L. Kleinrock, Queueing Systems I (1975), chapter 6 (G/M/1)"
	case modelPowerOfD:
		d := q.choices
		e.Model = fmt.Sprintf("the shorter of %d queues drawn at random, limit of many replicas", d)
		law := fmt.Sprintf("F(k) = P(put behind k or more) = ρ^((d^(k+1)-d)/(d-1)) = %s^((%d^(k+1)-%d)/%d)", digits(rho), d, d, d-1)
		if d == 1 {
			law = fmt.Sprintf("F(k) = P(put behind k or more) = ρ^k = %s^k", digits(rho))
		}
		e.Formula = []string{law, mean}
		e.Error = "exact as N → ∞ and too good for few replicas: by simulation at d = 2 the mean response of 10 replicas is 8 % longer at ρ = 0.7 and 19 % at 0.9, that of 100 replicas 0.8 % and 1.9 %"
		e.Source = "N. D. Vvedenskaya, R. L. Dobrushin, F. I. Karpelevich (1996); M. Mitzenmacher, PhD thesis, Berkeley (1996)"
	case modelShortest:
		e.Model = fmt.Sprintf("join the shortest of %d queues", replicas)
		e.Formula = []string{
			fmt.Sprintf("F(k) = P(all queues hold k or more) from the stationary law of the queue lengths; F(1) = %s", digits(b.WaitProbability())), mean,
		}
		e.Exact, e.Error = true, "means within 1e-9 of reference values, for at most "+fmt.Sprint(queueing.MaxShortestQueueServers)+" replicas"
		e.Source = "solution of the chain, cut as in I. J. B. F. Adan, G. J. van Houtum, J. van der Wal, Annals of Operations Research 48 (1994)"
	}
}

// explainSingle is one replica in order of arrival.
func (q sizeQuestion) explainSingle(e *sizeExplanation, replicas int) {
	m := q.single(q.rate, replicas)
	e.Model = fmt.Sprintf("M/G/1 for each of %d replicas, picked at random", replicas)
	e.Numbers = fmt.Sprintf("%s, v = %s", q.eachReplica(replicas), digits(m.Service.SCV()))
	e.Formula = []string{
		fmt.Sprintf("mean wait = λE[S²]/(2(1-ρ)) = %s·%s/(2(1-%s)) s = %s, E[S²] = (1+v)/μ²",
			digits(m.ArrivalRatePerSecond), digits(m.Service.Second), digits(m.Utilization()), timeCell(m.MeanWaitSeconds())),
		fmt.Sprintf("P(wait) = ρ = %s", digits(m.WaitProbability())),
	}
	e.Exact, e.Error = true, "means for every law of this SCV; quantiles depend on more than two moments, see --model random"
	e.Source = "L. Kleinrock, Queueing Systems I (1975), section 5.6 (Pollaczek-Khinchine)"
}

// explainMMInf is the law of the number present where nobody waits.
func explainMMInf(e *sizeExplanation, m queueing.MMc) {
	q := queueing.MMInf{ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond}
	e.Model = "M/M/∞, covered by so many servers"
	e.Formula = []string{
		fmt.Sprintf("number in service is Poisson(a); P(c or more) = %s would have found all %d servers busy", digits(q.InSystemTail(m.Servers-1)), m.Servers),
		"response time = service time; the number in service has this law whatever that of the service time",
	}
	e.Exact, e.Error = true, "of servers without end; those who find c busy wait in reality and make more wait, which --model mmc counts"
	e.Source = "D. Gross et al., Fundamentals of Queueing Theory (4th edition, 2008), section 2.6"
}

// explainSharing is one replica that works on all of its requests at once.
func (q sizeQuestion) explainSharing(e *sizeExplanation, replicas int) {
	mu := q.service.Model(q.rate, 1).ServiceRatePerSecond
	share := q.rate / float64(replicas)
	e.Model = fmt.Sprintf("M/G/1 processor sharing for each of %d replicas, picked at random", replicas)
	e.Numbers = q.eachReplica(replicas)
	e.Formula = []string{
		fmt.Sprintf("mean response = 1/(μ-λ) = 1/(%s-%s) s = %s", digits(mu), digits(share), timeCell(1/(mu-share))),
		fmt.Sprintf("a request that alone takes x takes x/(1-ρ) = %s·x on average", digits(1/(1-share/mu))),
	}
	e.Exact, e.Error = true, "the mean response is the same for every law of the service time; quantiles are not known"
	e.Source = "L. Kleinrock, Queueing Systems, volume 2 (1976), section 4.4"
}

func explainSetup(e *sizeExplanation, m queueing.MMcSetup) {
	e.Model = fmt.Sprintf("M/M/%d/setup", m.Servers)
	e.Numbers += fmt.Sprintf(", E[setup] = %s", timeCell(m.MeanSetupSeconds))
	e.Formula = []string{
		fmt.Sprintf("with n present and j served, min(n-j, c-j) servers start at rate 1/E[setup] each; mean wait = E[Lq]/λ = %s/%s s = %s",
			digits(m.MeanQueueLength()), digits(m.ArrivalRatePerSecond), timeCell(m.MeanWaitSeconds())),
		fmt.Sprintf("mean number starting, paid for without serving = %s; the same servers always on would wait %s",
			digits(m.MeanInSetup()), timeCell(queueing.MMc{
				ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers,
			}.MeanWaitSeconds())),
	}
	e.Exact, e.Error = true, "means within 2e-10 of reference values, quantiles by inversion to 1e-9 of probability; replicas are switched off the moment they are idle, and times to start are exponential"
	e.Source = "A. Gandhi, S. Doroudi, M. Harchol-Balter, A. Scheller-Wolf, Queueing Systems 77 (2014)"
}

func explainMPHc(e *sizeExplanation, m queueing.MPHc) {
	s := m.Solve()
	v := m.Service.Moments().SCV()
	e.Model = fmt.Sprintf("M/PH/%d, two phases", m.Servers)
	e.Numbers += fmt.Sprintf(", v = %s: phases of rates %s/s and %s/s, first with probability %s, on to the second with %s",
		digits(v), digits(m.Service.Rate1), digits(m.Service.Rate2), digits(m.Service.Start), digits(m.Service.Onward))
	e.Formula = []string{
		fmt.Sprintf("k·η1(x) + (c-k)·η2(x) = λ(1-1/x) has a root x_k in (0, 1) for each k = 0..c; P(W > t) = Σ_k A_k·exp(-λ(1/x_k-1)t), P(wait) = %s",
			digits(s.WaitProbability())),
		fmt.Sprintf("mean wait = Σ_k A_k/(λ(1/x_k-1)) = %s", timeCell(s.MeanWaitSeconds())),
	}
	e.Exact, e.Error = true, "means within 2e-10 of reference values, quantiles within 5e-8; another law of the same SCV differs, see --model mgc"
	e.Source = "J. H. A. de Smit, Advances in Applied Probability 15 (1983); D. Bertsimas, Operations Research 38 (1990)"
}
