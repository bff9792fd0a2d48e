package main

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/prescale/prescale/queueing"
)

// sizeExplanation says where the numbers of a sizing come from.
type sizeExplanation struct {
	Model   string   `json:"model"` // in Kendall's notation
	Numbers string   `json:"numbers"`
	Formula []string `json:"formula"` // with the numbers put in
	Exact   bool     `json:"exact"`
	Error   string   `json:"error_note"`
	Source  string   `json:"source"`
}

func (e sizeExplanation) write(w io.Writer) error {
	accuracy := "approximate: "
	if e.Exact {
		accuracy = "exact: "
	}
	_, err := fmt.Fprintf(w, "model     %s\nnumbers   %s\nformula   %s\naccuracy  %s\nsource    %s\n",
		e.Model, e.Numbers, strings.Join(e.Formula, "\n          "), accuracy+e.Error, e.Source)
	return err
}

// explain puts the numbers of a sizing into the formulas of its model.
func (q sizeQuestion) explain(s queueing.Sizing) sizeExplanation {
	if q.kind.byBatch() {
		e := q.explainBatches(s.Replicas)
		if q.spread.deviation > 0 {
			explainSpread(&e, q)
		}
		return e
	}
	m := q.service.Model(q.rate, s.Replicas)
	e := sizeExplanation{Numbers: fmt.Sprintf("λ = %s/s, μ = %s/s, c = %d, a = λ/μ = %s, ρ = a/c = %s",
		digits(q.rate), digits(m.ServiceRatePerSecond), m.Servers, digits(m.OfferedLoad()), digits(m.Utilization()))}
	switch q.kind {
	case modelMMc, modelCentral:
		explainMMc(&e, m)
	case modelMDc:
		explainMDc(&e, m)
	case modelMGc:
		explainMGc(&e, m, q.service.SCV.Value())
	case modelGIGc:
		explainGIGc(&e, m, q.service)
	case modelErlangA:
		explainErlangA(&e, m, q.service)
	case modelMMcK:
		explainMMcK(&e, m, q.service, s.Replicas)
	case modelMPHc:
		explainMPHc(&e, q.phases(q.rate, s.Replicas))
	case modelMMInf:
		explainMMInf(&e, m)
	case modelMG1:
		q.explainSingle(&e, s.Replicas)
	case modelRandom:
		q.explainRandom(&e, s.Replicas)
	case modelRoundRobin, modelPowerOfD, modelShortest:
		q.explainBalanced(&e, s.Replicas)
	case modelSharing:
		q.explainSharing(&e, s.Replicas)
	case modelSetup:
		explainSetup(&e, q.coldStart(q.rate, s.Replicas))
	}
	if q.spread.deviation > 0 {
		explainSpread(&e, q)
	}
	return e
}

func explainMMc(e *sizeExplanation, m queueing.MMc) {
	blocking := queueing.BlockingProbability(m.OfferedLoad(), m.Servers)
	a, c := digits(m.OfferedLoad()), m.Servers
	e.Model = fmt.Sprintf("M/M/%d", c)
	e.Formula = []string{
		fmt.Sprintf("P(wait) = c/((c-a)/B + a) = %d/((%d-%s)/%s + %s) = %s, B by Erlang's recurrence 1/B(k) = 1 + (k/a)/B(k-1)",
			c, c, a, digits(blocking), a, digits(m.WaitProbability())),
		fmt.Sprintf("mean wait = P(wait)/(cμ-λ) = %s/(%s-%s) s = %s", digits(m.WaitProbability()),
			digits(float64(c)*m.ServiceRatePerSecond), digits(m.ArrivalRatePerSecond), timeCell(m.MeanWaitSeconds())),
	}
	e.Exact, e.Error = true, "means and quantiles within 7e-15 of reference values"
	e.Source = "A. K. Erlang (1917); D. Gross et al., Fundamentals of Queueing Theory (4th edition, 2008), section 2.3"
}

func explainMDc(e *sizeExplanation, m queueing.MMc) {
	d := queueing.MDc(m).Solve()
	e.Model = fmt.Sprintf("M/D/%d", m.Servers)
	e.Formula = []string{
		fmt.Sprintf("h_j = Σ_n P(Poisson(na) = nc+j)/n, P(wait) = 1 - exp(-Σ_{j≥0} h_j) = %s", digits(d.WaitProbability())),
		fmt.Sprintf("mean wait = Σ_{j≥1} j h_j / λ = %s/%s s = %s", digits(d.MeanQueueLength()), digits(m.ArrivalRatePerSecond), timeCell(d.MeanWaitSeconds())),
	}
	e.Exact, e.Error = true, "means within 4e-14 of reference values, quantiles within 5e-10"
	e.Source = "C. D. Crommelin (1932); G. J. Franx, Operations Research Letters 29 (2001)"
}

const sourceMGc = "G. P. Cosmetatos (1976); T. Kimura, Management Science 32 (1986); H. C. Tijms, A First Course in Stochastic Models (2003), section 9.6"

func explainMGc(e *sizeExplanation, m queueing.MMc, scv float64) {
	fixed := queueing.MDc(m).Solve()
	g := queueing.MGc{ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers, SCV: scv}.Solve()
	v, markov, constant := digits(scv), timeCell(m.MeanWaitSeconds()), timeCell(fixed.MeanWaitSeconds())
	e.Model = fmt.Sprintf("M/G/%d", m.Servers)
	e.Numbers += ", v = " + v
	mean := fmt.Sprintf("mean wait = v·W_M + (1-v)·W_D = %s·%s + (1-%s)·%s", v, markov, v, constant)
	if scv > 1 {
		mean = fmt.Sprintf("mean wait = (1+v)/(2v/W_M + (1-v)/W_D) = (1+%s)/(2·%s/%s + (1-%s)/%s)", v, v, markov, v, constant)
	}
	e.Formula = []string{
		mean + " = " + timeCell(g.MeanWaitSeconds()) + ", W_M and W_D of M/M/c and M/D/c",
		fmt.Sprintf("P(wait) = C·(P_D/C)^((1-v)/(1+v)) = %s·(%s/%s)^((1-%s)/(1+%s)) = %s",
			digits(m.WaitProbability()), digits(fixed.WaitProbability()), digits(m.WaitProbability()), v, v, digits(g.WaitProbability())),
	}
	e.Exact, e.Error = errorMGc(m, scv)
	e.Source = sourceMGc
}

func explainGIGc(e *sizeExplanation, m queueing.MMc, s queueing.Service) {
	u, v := s.ArrivalSCV.Value(), s.SCV.Value()
	general := func(arrival, service float64) string {
		return timeCell(queueing.GIGc{
			ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers,
			ArrivalSCV: arrival, ServiceSCV: service,
		}.Solve().MeanWaitSeconds())
	}
	e.Model = fmt.Sprintf("GI/G/%d", m.Servers)
	e.Numbers += fmt.Sprintf(", u = %s (arrivals), v = %s (service)", digits(u), digits(v))
	e.Formula = []string{
		"R = R(GI/M/c) + R(M/G/c) - R(M/M/c), at least 0, for the mean wait and each quantile R",
		fmt.Sprintf("mean wait = %s + %s - %s = %s", general(u, 1), general(1, v), timeCell(m.MeanWaitSeconds()), general(u, v)),
	}
	switch {
	case v == 1:
		e.Exact, e.Error = true, "for gamma, phase-type or constant times between arrivals of this SCV"
	case u == 1:
		e.Exact, e.Error = errorMGc(m, v)
	default:
		e.Error = "mean wait off by 1.23 % on average, 3.92 % at most, measured for one server, both SCVs from 0.5 to 4, ρ from 0.7 to 0.9; quantiles and several servers not measured"
	}
	e.Source = "L. Takács, Introduction to the Theory of Queues (1962), chapter 2; M/G/c: " + sourceMGc
}

func explainErlangA(e *sizeExplanation, m queueing.MMc, s queueing.Service) {
	theta := 1 / s.Patience.Seconds()
	q := queueing.ErlangA{
		ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers,
		AbandonmentRatePerSecond: theta,
	}.Solve()
	e.Model = fmt.Sprintf("M/M/%d+M (Erlang A)", m.Servers)
	e.Numbers += fmt.Sprintf(", θ = %s/s", digits(theta))
	e.Formula = []string{
		fmt.Sprintf("with c+j present the departure rate is cμ + jθ = %s + j·%s; P(wait) = Σ_j P(c+j) = %s",
			digits(float64(m.Servers)*m.ServiceRatePerSecond), digits(theta), digits(q.WaitProbability())),
		fmt.Sprintf("P(giving up) = θE[Lq]/λ = %s·%s/%s = %s", digits(theta), digits(q.MeanQueueLength()), digits(m.ArrivalRatePerSecond),
			digits(q.AbandonmentProbability())),
	}
	e.Exact, e.Error = true, "probabilities and means within 2e-15 of reference values, response quantiles by quadrature; exponential patience, nobody retries"
	e.Source = "C. Palm (1937); O. Garnett, A. Mandelbaum, M. Reiman (2002); A. Mandelbaum, S. Zeltyn (2007)"
}

func explainMMcK(e *sizeExplanation, m queueing.MMc, s queueing.Service, replicas int) {
	room := max(s.MaxWaiting, 0) * replicas
	q := queueing.MMcK{
		ArrivalRatePerSecond: m.ArrivalRatePerSecond, ServiceRatePerSecond: m.ServiceRatePerSecond, Servers: m.Servers, Capacity: m.Servers + room,
	}
	e.Model = fmt.Sprintf("M/M/%d/%d", q.Servers, q.Capacity)
	e.Numbers += fmt.Sprintf(", K = %d", q.Capacity)
	e.Formula = []string{
		fmt.Sprintf("P(n) ∝ a^n/n! up to n = c, then geometric with ratio ρ up to n = K; P(refused) = P(K) = %s", digits(q.BlockingProbability())),
		fmt.Sprintf("mean wait of the accepted = E[Lq]/(λ(1-P(K))) = %s/%s s = %s", digits(q.MeanQueueLength()), digits(q.AcceptedRatePerSecond()),
			timeCell(q.MeanWaitSeconds())),
	}
	e.Exact, e.Error = true, "refusals within 8e-15 of reference values, means and quantiles 2e-15; who is refused does not retry"
	e.Source = "D. Gross et al., Fundamentals of Queueing Theory (4th edition, 2008), section 2.4"
}

// measuredError holds errors of M/G/c in percent, each mean and largest, from docs/results/queueing.md.
type measuredError struct {
	scv                              float64
	mean, worstMean, tail, worstTail float64
}

var measuredMGc = []measuredError{
	{0.5, 0.26, 1.01, 0.04, 0.15},
	{0.7, 0.29, 0.93, 0.04, 0.34},
	{1.5, 0.52, 1.77, 0.04, 0.14},
	{2, 0.62, 2.26, 0.04, 0.22},
	{3, 0.27, 1.49, 0.17, 1.44},
	{4, 0.92, 2.98, 0.48, 3.64},
	{10, 8.97, 23.1, 4.13, 27.7},
}

// errorMGc is what is known of the error of M/G/c at an SCV: the measurement nearest to it, and whether it applies.
func errorMGc(m queueing.MMc, scv float64) (exact bool, note string) {
	if scv == 0 || scv == 1 {
		return true, "constant and exponential service times are the edges of the approximation"
	}
	nearest := measuredMGc[0]
	for _, r := range measuredMGc[1:] {
		if math.Abs(math.Log(r.scv/scv)) < math.Abs(math.Log(nearest.scv/scv)) {
			nearest = r
		}
	}
	note = fmt.Sprintf("mean wait off by %g %% on average, %g %% at most, p95 and p99 response by %g %% and %g %%, measured at SCV %g, c ≤ 50, ρ from 0.7 to 0.98",
		nearest.mean, nearest.worstMean, nearest.tail, nearest.worstTail, nearest.scv)
	var beyond []string
	if scv < measuredMGc[0].scv || scv > measuredMGc[len(measuredMGc)-1].scv {
		beyond = append(beyond, "SCV "+digits(scv))
	}
	if m.Servers > 50 {
		beyond = append(beyond, fmt.Sprintf("c = %d", m.Servers))
	}
	if rho := m.Utilization(); rho < 0.7 || rho > 0.98 {
		beyond = append(beyond, "ρ = "+digits(rho))
	}
	if len(beyond) > 0 {
		note += "; not measured at " + strings.Join(beyond, ", ")
	}
	if m.Servers == 1 {
		note += "; the mean of one server is exact"
	}
	return false, note
}

// digits formats a number of a formula to four significant digits.
func digits(v float64) string {
	if a := math.Abs(v); a >= 1000 && a < 1e9 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
