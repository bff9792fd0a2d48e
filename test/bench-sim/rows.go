package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/queueing"
	"github.com/prescale/prescale/simulator"
)

// poissonFor returns Poisson arrivals that go on for as long as they are asked for.
func poissonFor(rate float64) simulator.Arrivals {
	s := arrivals.Constant{ArrivalRatePerSecond: rate}
	return simulator.Arrivals{Schedule: s, NewStream: func(rng *rand.Rand) (simulator.Stream, error) {
		return arrivals.NewStream(s, arrivals.Poisson, 100*365*24*time.Hour, rng), nil
	}}
}

// Rows near saturation take too long to tell, and rare waits too long to see.
const (
	mostUtilization = 0.95
	leastWaits      = 1e-3
	// manyServers stands for the limit of many servers.
	manyServers = 1000
)

// record is one line of a reference file.
type record map[string]string

func (r record) number(column string) float64 {
	x, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		return 0
	}
	return x
}

// readRows reads the reference files, or makes a few rows from package queueing where there are none.
func readRows(folder string, every int) (rows []row, origin string, err error) {
	for _, f := range []struct {
		file string
		row  func(record) (row, bool)
	}{
		{"mmc.csv", mmc},
		{"mdc.csv", mdc},
		{"mgc_phase.csv", phase},
		{"erlang_a.csv", erlangA},
		{"mmck.csv", mmck},
		{"batch_deterministic.csv", constantBatches},
		{"batch_exponential.csv", exponentialBatches},
		{"lb_policies.csv", balanced},
	} {
		records, err := readCSV(filepath.Join(folder, f.file))
		if errors.Is(err, fs.ErrNotExist) {
			return generated(), "package queueing", nil
		}
		if err != nil {
			return nil, "", err
		}
		n := 0
		for _, r := range records {
			x, ok := f.row(r)
			if !ok {
				continue
			}
			if n%every == 0 {
				rows = append(rows, x)
			}
			n++
		}
	}
	return rows, "reference data", nil
}

func readCSV(path string) ([]record, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read from
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var records []record
	for _, line := range lines[1:] {
		r := record{}
		for i, column := range lines[0] {
			r[column] = line[i]
		}
		records = append(records, r)
	}
	return records, nil
}

// one returns one replica of c servers.
func one(c int, meanSeconds, scv float64) *simulator.Config {
	mean := time.Duration(meanSeconds * float64(time.Second))
	return &simulator.Config{
		Service:   simulator.Service{Mean: mean, SCV: scv, Concurrency: c},
		Replicas:  simulator.Replicas{Initial: 1, Min: 1, Max: 1},
		Objective: simulator.Objective{Percentile: 0.99, Latency: 5 * mean},
		Limits:    simulator.Limits{MaxRequests: 1e12},
	}
}

// forgets returns how many requests a replication needs so that the part that is discarded lasts three relaxation times
// of the queue, 1/(c mu (1-sqrt(rho))^2) each, for a number of separate queues.
func forgets(queues, rho float64) float64 {
	root := 1 - math.Sqrt(min(rho, mostUtilization))
	return queues * 3 / discardedShare / (root * root)
}

// batchesForget is forgets for batches: so many mean batch times.
func batchesForget(c *simulator.Config, r record) float64 {
	b := c.Service.Batching
	seconds := b.Fixed.Seconds() + b.PerItem.Seconds()*r.number("mean_batch")
	return r.number("lambda") * seconds * 100 / (1 - min(r.number("load"), mostUtilization))
}

func meanWait(s *steady) float64        { return s.waits / s.served }
func waitProbability(s *steady) float64 { return s.waited / s.served }
func meanLatency(s *steady) float64     { return s.latencies / s.answered }

func waiting(model string, r record, c *simulator.Config) (row, bool) {
	return row{
		model, fmt.Sprintf("c=%s rho=%s scv=%s", r["servers"], r["rho"], r["scv"]), c, r.number("lambda"),
		forgets(1, r.number("rho")),
		[]expectation{{"mean wait", r.number("mean_wait"), meanWait}, {"P(wait)", r.number("prob_wait"), waitProbability}},
	}, r.number("rho") <= mostUtilization && r.number("prob_wait") >= leastWaits
}

func mmc(r record) (row, bool) {
	return waiting("M/M/c", r, one(int(r.number("servers")), 1/r.number("mu"), 1))
}

func mdc(r record) (row, bool) {
	return waiting("M/D/c", r, one(int(r.number("servers")), r.number("mean_service"), 0))
}

func phase(r record) (row, bool) {
	return waiting("M/PH/c", r, one(int(r.number("servers")), r.number("mean_service"), r.number("scv")))
}

func erlangA(r record) (row, bool) {
	c := one(int(r.number("servers")), 1/r.number("mu"), 1)
	c.Queue.MaxWait = simulator.Law{Mean: time.Duration(float64(time.Second) / r.number("theta")), SCV: 1}
	return row{"M/M/c+M", fmt.Sprintf("c=%s rho=%s theta=%s", r["servers"], r["offered_rho"], r["theta"]), c, r.number("lambda"), 0, []expectation{
		{"P(wait)", r.number("prob_wait"), func(s *steady) float64 { return (s.waited + s.expired) / s.requests }},
		{"P(abandon)", r.number("prob_abandon"), func(s *steady) float64 { return s.expired / s.requests }},
	}}, r.number("prob_wait") >= leastWaits && r.number("prob_wait") <= 1-leastWaits && r.number("prob_abandon") >= leastWaits
}

func mmck(r record) (row, bool) {
	servers := int(r.number("servers"))
	c := one(servers, 1/r.number("mu"), 1)
	if c.Queue.MaxPerReplica = int(r.number("capacity")) - servers; c.Queue.MaxPerReplica == 0 {
		c.Queue.MaxPerReplica = simulator.NoQueue
	}
	x := row{"M/M/c/K", fmt.Sprintf("c=%s K=%s rho=%s", r["servers"], r["capacity"], r["rho"]), c, r.number("lambda"), 0, nil}
	if p := r.number("prob_block"); p >= leastWaits {
		x.want = append(x.want, expectation{"P(block)", p, func(s *steady) float64 { return s.refused / s.requests }})
	}
	if r.number("prob_wait_accepted") >= leastWaits {
		x.want = append(x.want, expectation{"mean wait", r.number("mean_wait_accepted"), meanWait})
	}
	return x, len(x.want) > 0
}

func constantBatches(r record) (row, bool) {
	c := one(1, 1, 0)
	seconds := func(column string) time.Duration {
		return time.Duration(r.number(column) * float64(time.Second))
	}
	c.Service.Batching = &simulator.Batching{MaxBatch: batch(r), Fixed: seconds("tau0"), PerItem: seconds("alpha")}
	return row{"M/D^b/1", fmt.Sprintf("alpha=%s tau0=%s b=%s load=%s", r["alpha"], r["tau0"], r["max_batch"], r["load"]), c, r.number("lambda"), batchesForget(c, r), []expectation{
		{"mean wait", r.number("mean_wait"), meanWait}, {"mean latency", r.number("mean_latency"), meanLatency},
	}}, r.number("load") <= mostUtilization
}

func exponentialBatches(r record) (row, bool) {
	c := one(1, 1, 1)
	c.Service.Batching = &simulator.Batching{MaxBatch: batch(r), Fixed: time.Duration(float64(time.Second) / r.number("mu"))}
	return row{"M/M^b/1", fmt.Sprintf("b=%s load=%s", r["max_batch"], r["load"]), c, r.number("lambda"), batchesForget(c, r), []expectation{
		{"mean wait", r.number("mean_wait"), meanWait}, {"mean latency", r.number("mean_latency"), meanLatency},
	}}, r.number("load") <= mostUtilization
}

// batch reads the largest batch; "inf" is what the simulator allows.
func batch(r record) int {
	if n := int(r.number("max_batch")); n > 0 {
		return n
	}
	return 100_000
}

func balanced(r record) (row, bool) {
	kinds := map[string]simulator.Balancing{
		"random": simulator.Random, "round_robin": simulator.RoundRobin, "jsq": simulator.LeastRequest,
		"central_queue": simulator.CentralQueue, "power_of_2_limit": simulator.PowerOfTwo, "power_of_2": simulator.PowerOfTwo,
	}
	kind, known := kinds[r["policy"]]
	n := int32(r.number("servers"))
	least := forgets(float64(n), r.number("rho"))
	if kind == simulator.PowerOfTwo {
		n = manyServers
		least = manyServers * 30 / (1 - r.number("rho")) // the more loaded of two forgets sooner
	}
	c := one(1, 1, 1)
	c.Balancer.Kind = kind
	c.Replicas = simulator.Replicas{Initial: n, Min: n, Max: n}
	return row{"balancer " + string(kind), fmt.Sprintf("N=%d rho=%s", n, r["rho"]), c, r.number("rho") * float64(n), least, []expectation{
		{"mean latency", r.number("mean_response"), meanLatency},
	}}, known && r.number("rho") <= mostUtilization
}

// generated makes rows from package queueing.
func generated() []row {
	var rows []row
	for _, c := range []int{1, 2, 10, 50} {
		for _, rho := range []float64{0.7, 0.9, 0.95} {
			rate := rho * float64(c)
			q := queueing.MMc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: c}
			rows = append(rows, row{"M/M/c", fmt.Sprintf("c=%d rho=%v", c, rho), one(c, 1, 1), rate, forgets(1, rho), []expectation{
				{"mean wait", q.MeanWaitSeconds(), meanWait}, {"P(wait)", q.WaitProbability(), waitProbability},
			}})
			d := queueing.MDc{ArrivalRatePerSecond: rate, ServiceRatePerSecond: 1, Servers: c}.Solve()
			rows = append(rows, row{"M/D/c", fmt.Sprintf("c=%d rho=%v", c, rho), one(c, 1, 0), rate, forgets(1, rho), []expectation{
				{"mean wait", d.MeanWaitSeconds(), meanWait}, {"P(wait)", d.WaitProbability(), waitProbability},
			}})
		}
	}
	return rows
}
