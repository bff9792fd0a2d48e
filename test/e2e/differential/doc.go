// Package differential proves that package hpa computes what the HorizontalPodAutoscaler controller of Kubernetes
// computes. The real controller runs on a fake API server inside a testing/synctest bubble, in virtual time, through
// random timelines of random autoscalers; package hpa is given the same inputs at every sync, and every number and
// every reason that the two arrive at must be the same.
//
// It needs no cluster:
//
//	cd test/e2e && go test -run Differential ./differential
//
// A difference is reported with its seed, the timeline cut and shrunk to what is needed to show it, and the inputs of
// the sync. To see it again, add -seed and -cases from the report.
package differential
