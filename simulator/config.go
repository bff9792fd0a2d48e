package simulator

import (
	"math/rand/v2"
	"time"

	"github.com/prescale/prescale/arrivals"
	"github.com/prescale/prescale/replay"
)

// Config is a what-if question. Zero fields mean what their comments say; [Config.Validate] reports everything that is
// wrong at once.
type Config struct {
	// Start is the wall-clock time of the first instant; policies with a calendar see it. The zero time is allowed.
	Start time.Time
	// Duration is how long load arrives, > 0. What is in flight then is served to its end, without further scaling;
	// minutes after it are not scored.
	Duration time.Duration

	Arrivals Arrivals
	// History is the load before Start that a forecaster may see; empty if there is none.
	History     arrivals.Trace
	Service     Service
	Balancer    Balancer
	Queue       Queue
	Client      Client
	Startup     Startup
	Failures    Failures
	Termination Termination
	// Metrics is the pipeline through which policies see the load; the zero Lens means [replay.DefaultLens].
	Metrics   replay.Lens
	Replicas  Replicas
	Objective Objective
	// ReplicaHourCost is the price of one replica for one hour, >= 0.
	ReplicaHourCost float64
	// Limits refuse a run before it starts, with an estimate; zero fields take their defaults.
	Limits Limits

	events bool // keep to the events engine: for tests
}

// Stream is a realization of an arrival process. Fill writes the next arrival times, in seconds from the start and
// ascending, and returns how many it wrote; 0 means that no arrival is left.
type Stream interface{ Fill(dst []float64) int }

// Arrivals say when requests come.
type Arrivals struct {
	// Schedule is the expected rate over time, required.
	Schedule arrivals.Schedule
	// NewStream draws the arrival times of one replication, required. Everything random in them comes from rng.
	NewStream func(rng *rand.Rand) (Stream, error)
}

// Law is a distribution of durations by its mean and squared coefficient of variation: the constant for SCV 0, and
// otherwise the gamma law of shape 1/SCV, as package planner takes start-up times; at SCV 1 it is exponential. The zero
// Law is the constant 0.
type Law struct {
	Mean time.Duration
	SCV  float64
}

// Service is the work of a request.
type Service struct {
	// Mean is the mean time a request occupies one server, > 0 unless Batching is given.
	Mean time.Duration
	// SCV is the squared coefficient of variation of the service time, >= 0; 0 is a constant time. The law is the
	// one package queueing solves exactly where it has one: PhaseTypeOf (the hyperexponential law with balanced
	// means from 1 on, Marie's Coxian law from 0.5 to 1, the exponential law at 1), and the gamma law between 0 and
	// 0.5.
	SCV float64
	// Concurrency is how many requests, or batches, a replica serves at the same time, each at full speed; 0 means 1.
	Concurrency int
	// Batching, if not nil, serves requests in batches; Mean is ignored then.
	Batching *Batching
}

// Batching is dynamic batching: an idle server of a replica starts a batch as soon as MaxBatch requests wait or the
// oldest has waited MaxDelay. A batch of n takes Fixed + n PerItem; with a Service.SCV above 0 that is the mean. Nobody
// joins a running batch.
type Batching struct {
	MaxBatch int // >= 1
	// MaxDelay is how long the oldest waiting request may be held back for company; 0 starts what is there.
	MaxDelay       time.Duration
	Fixed, PerItem time.Duration // >= 0, not both 0
}

// Balancing names how a balancer chooses a replica.
type Balancing string

// The ways of balancing. All but the central queue give a request to a replica at once, where it stays.
const (
	// Random chooses uniformly.
	Random Balancing = "random"
	// RoundRobin takes the ready replicas in turn.
	RoundRobin Balancing = "roundRobin"
	// PowerOfTwo draws two different replicas and takes the one with fewer requests outstanding, the first on a tie.
	PowerOfTwo Balancing = "powerOfTwo"
	// LeastRequest takes a replica with the fewest requests outstanding, at random among equals.
	LeastRequest Balancing = "leastRequest"
	// CentralQueue holds requests back until a server is free; the server that has been idle longest takes it. The
	// bound of the queue is Queue.MaxPerReplica times the number of ready replicas.
	CentralQueue Balancing = "centralQueue"
)

// Balancer is the load balancer, or several side by side.
type Balancer struct {
	// Kind is CentralQueue if empty.
	Kind Balancing
	// Clients is the number of independent balancers (proxies, client libraries) that requests are spread over at
	// random; each counts only the requests it sent and takes its own turns. 0 means 1, which knows all. It must be at
	// most 1 for the central queue.
	Clients int
	// Staleness is the age that counts of outstanding requests reach: balancers see those of the last multiple of it.
	// 0 means current counts.
	Staleness time.Duration
}

// Queue bounds the wait in front of a replica.
type Queue struct {
	// MaxPerReplica is how many requests may wait per replica, the ones in service not counted; a request that finds
	// so many is refused. 0 means no bound, [NoQueue] that none may wait.
	MaxPerReplica int
	// MaxWait removes a request that has waited so long and fails it; the zero Law means never. (With SCV 1 and one
	// central queue this is Erlang A.)
	MaxWait Law
}

// NoQueue is the [Queue.MaxPerReplica] that lets no request wait.
const NoQueue = -1

// Client is what the sender of a request does when it gets no answer.
type Client struct {
	// Timeout is how long the client waits for the answer to one attempt; 0 means for ever.
	Timeout time.Duration
	// Retries is how many attempts follow a first one that failed (timed out, refused, lost with its replica).
	Retries int
	// Backoff is the mean pause before the first retry; it doubles with every further one, and is drawn uniformly
	// from half to one and a half of that, so that retries do not march in step.
	Backoff time.Duration
	// RetryBudget, if > 0, bounds the retries of all clients together: every first attempt earns that many retries,
	// and a store of at most RetryBurst may be saved up. A request that finds the store empty fails at once.
	RetryBudget float64
	// RetryBurst is the size of that store; 0 means 10, the order of the defaults of service meshes.
	RetryBurst float64
	// CancelOnTimeout withdraws an attempt that still waits in a queue when its client gives up. Otherwise, as with
	// most servers, the abandoned work is done all the same.
	CancelOnTimeout bool
}

// Startup is the way of a pod from its creation to ready, the sum of the phases: scheduling, a node, pulling the image,
// loading, readiness.
type Startup struct {
	// Phases follow one another, drawn independently for each pod; empty means that pods are ready at once.
	Phases []Phase
	// Node, if not nil, comes before the phases: a place to run on.
	Node *NodeSupply
	// WarmUp is how long after ready a pod still works slowly, and Slowdown >= 1 by what factor its work takes longer;
	// 0 means 1. The work left when the warm-up ends goes on at full speed.
	WarmUp   time.Duration
	Slowdown float64
}

// Phase is one step of a start-up.
type Phase struct {
	Name string
	Law
}

// NodeSupply is a mixture: a pod finds a free place at once with some probability, else a node is provisioned for it.
type NodeSupply struct {
	// FreeProbability is the chance of a free place, in [0, 1].
	FreeProbability float64
	// Provision is the time to a new node.
	Provision Law
	// Quota is how many pods may hold a place at the same time, those shutting down included; further pods stay
	// pending until one is released. 0 means no quota.
	Quota int
}

// Failures take capacity away.
type Failures struct {
	// PodMTBF is the mean time between failures of a ready pod, exponentially distributed; 0 means never. A failed
	// pod loses all requests it holds and is replaced.
	PodMTBF time.Duration
	// SpotEvictionsPerHour is the rate at which a pod, from its creation on, is told to leave, >= 0; it is replaced at
	// once, drains, and is gone after SpotNotice at the latest.
	SpotEvictionsPerHour float64
	SpotNotice           time.Duration
}

// Termination is how pods leave.
type Termination struct {
	// Grace is how long a pod that was told to leave may go on with the requests it has; what it still holds then fails.
	Grace time.Duration
	// EndpointLag is how long the balancers go on sending to a pod that was told to leave.
	EndpointLag time.Duration
}

// Replicas bound the scale.
type Replicas struct {
	// Initial replicas are ready at the start, without warm-up. Min and Max bound what the HPA wants.
	Initial, Min, Max int32
}

// Objective is the service level objective: the share Percentile, in (0, 1), of the requests of every minute answers
// within Latency, > 0.
type Objective struct {
	Percentile float64
	Latency    time.Duration
	// MaxUtilization is the cap on the utilization that policies plan with, in (0, 1]; 0 means 0.8.
	MaxUtilization float64
	// ViolationBudget is the share of minutes that may be bad, for policies that plan with it; 0 means 1 - Percentile.
	ViolationBudget float64
}

// Limits refuse what would take too long or too much memory.
type Limits struct {
	// MaxRequests bounds the expected number of requests of one replication; 0 means [DefaultMaxRequests].
	MaxRequests float64
	// MaxBytes bounds the memory of one replication; 0 means [DefaultMaxBytes].
	MaxBytes int64
}

// The default limits: minutes on one core, and what a small machine spares.
const (
	DefaultMaxRequests = 2e9
	DefaultMaxBytes    = 1 << 30
)
