// Package simulator answers what-if questions request by request: what a workload's latency, attainment of its service
// level objective, replica-hours and cost would have been under a policy of scaling.
//
// [Run] simulates one replication of a [Config] under one policy: arrivals, a load balancer, replicas that start in
// phases, warm up, serve, batch, drain, fail and are evicted, clients that give up and retry, and the HPA, which sees the
// load only through the metric pipeline of package replay. [RunAll] runs several policies and replications on all
// cores, with common random numbers, and returns them with confidence intervals and paired differences.
//
// The simulator takes no decision of its own: policies are handed in as values, and the HPA is package hpa.
//
// Equal arguments give equal results, byte for byte, whatever GOMAXPROCS is. Randomness has one stream per purpose
// (arrivals, service, balancer, start-up, failures, retries), all derived from the seed. The work of a request is drawn
// at its arrival, so that policies face the same requests with the same work, and a retry repeats the work of its
// request.
//
// Assumptions: replicas are alike; a replica serves its queue first come first served; the network takes no time; the
// work of a request does not depend on the load.
package simulator
