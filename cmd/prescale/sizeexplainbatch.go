package main

import (
	"fmt"

	"github.com/prescale/prescale/queueing"
)

// explainBatches puts the numbers into the formulas of replicas that serve several requests at once.
func (q sizeQuestion) explainBatches(replicas int) sizeExplanation {
	var e sizeExplanation
	switch q.kind {
	case modelBatch:
		explainBatch(&e, q.batch, q.rate, replicas)
	case modelBatchMarkov:
		explainMarkovBatch(&e, q.batch.markovReplica(q.rate, replicas), q.rate, replicas)
	case modelStateDependent:
		explainContinuous(&e, q.batch, q.rate, replicas)
	}
	return e
}

func explainBatch(e *sizeExplanation, b batchTimes, rate float64, replicas int) {
	m := b.replica(rate, replicas)
	e.Model = fmt.Sprintf("M/D^[1,%s]/1 for each of %d replicas", b.limit(), replicas)
	e.Numbers = fmt.Sprintf("λ = %s/%d = %s/s for each, b = %s, τ(n) = %v·n + %v, throughput at most b/τ(b) = %s/s for each",
		digits(rate), replicas, digits(m.ArrivalRatePerSecond), b.limit(), b.perItem, b.fixed, digits(m.MaxArrivalRatePerSecond()))
	chain := "X' = (X-b)⁺ + Poisson(λτ(min(max(X,1), b))) of X waiting at the end of a batch"
	if b.delay > 0 {
		e.Numbers += fmt.Sprintf(", d = %v", b.delay)
		chain = "a free replica starts when b wait or the oldest has waited for d: chain of the sizes n of batches that leave nobody behind"
	}
	e.Formula = []string{
		fmt.Sprintf("%s; P(wait) = %s, mean batch size = %s, busy = %s", chain, digits(m.WaitProbability()), digits(m.MeanBatchSize()), digits(m.Utilization())),
		fmt.Sprintf("mean response = mean wait + mean batch time = %s + %s = %s",
			timeCell(m.MeanWaitSeconds()), timeCell(m.MeanServiceSeconds()), timeCell(m.MeanResponseSeconds())),
	}
	e.Exact = true
	e.Error = "means within 1e-11 of a direct solution, quantiles within 1e-7 of reference values; replicas share the arrivals at random"
	e.Source = "Y. Inoue, Performance Evaluation 147 (2021); F. Spitzer, Principles of Random Walk (1964), chapter IV; derived in docs/models/batching.md"
}

func explainMarkovBatch(e *sizeExplanation, m queueing.MMBatch, rate float64, replicas int) {
	limit := "∞"
	if m.MaxBatch > 0 {
		limit = fmt.Sprint(m.MaxBatch)
	}
	// P(wait) = λ/(λ + μ(1-r)) solved for the ratio r.
	ratio := 1 - m.ArrivalRatePerSecond/m.BatchRatePerSecond*(1/m.WaitProbability()-1)
	if m.ArrivalRatePerSecond == 0 {
		ratio = 0
	}
	e.Model = fmt.Sprintf("M/M^[1,%s]/1 for each of %d replicas", limit, replicas)
	e.Numbers = fmt.Sprintf("λ = %s/%d = %s/s for each, b = %s, μ = %s batches/s",
		digits(rate), replicas, digits(m.ArrivalRatePerSecond), limit, digits(m.BatchRatePerSecond))
	e.Formula = []string{
		fmt.Sprintf("μ(r + r² + ... + r^b) = λ has the root r = %s; P(wait) = busy = λ/(λ + μ(1-r)) = %s, mean batch size = %s",
			digits(ratio), digits(m.WaitProbability()), digits(m.MeanBatchSize())),
		fmt.Sprintf("who waits does so for an exponential time of rate μ(1-r^b); mean response = mean wait + 1/μ = %s + %s = %s",
			timeCell(m.MeanWaitSeconds()), timeCell(1/m.BatchRatePerSecond), timeCell(m.MeanResponseSeconds())),
	}
	e.Exact, e.Error = true, "closed form; replicas share the arrivals at random, and a batch takes an exponential time whatever its size"
	e.Source = "N. T. J. Bailey, Journal of the Royal Statistical Society B 16 (1954); derived in docs/models/batching.md"
}

func explainContinuous(e *sizeExplanation, b batchTimes, rate float64, replicas int) {
	m := b.continuousReplica(rate, replicas)
	largest := m.CompletionRatesPerSecond[b.most-1]
	e.Model = fmt.Sprintf("M/M(n)/1/%d for each of %d replicas, EXPERIMENTAL", m.Capacity, replicas)
	e.Numbers = fmt.Sprintf("λ = %s/%d = %s/s for each, B = %d, K = %d, τ(n) = %v·n + %v, μ(n) = n/τ(n), at most %s/s for each",
		digits(rate), replicas, digits(m.ArrivalRatePerSecond), b.most, m.Capacity, b.perItem, b.fixed, digits(largest))
	e.Formula = []string{
		fmt.Sprintf("P(n) ∝ Π_{i≤n} λ/μ(min(i, B)); P(refused) = P(K) = %s, mean batch = %s", digits(m.BlockingProbability()), digits(m.MeanInService())),
		fmt.Sprintf("mean response = E[N]/(λ(1-P(K))) = %s/%s s = %s", digits(m.MeanInSystem()), digits(m.ThroughputPerSecond()), timeCell(m.MeanResponseSeconds())),
	}
	e.Error = "the chain is solved exactly, but real outputs differ in length and memory bounds the batch: compare with measured latencies before sizing by it"
	e.Source = "L. Kleinrock, Queueing Systems I (1975), chapter 3"
}

// limit is the most requests in a batch.
func (b batchTimes) limit() string {
	if b.most == 0 {
		return "∞"
	}
	return fmt.Sprint(b.most)
}
