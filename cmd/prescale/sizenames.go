package main

import "strings"

// flagNames turns the names of package queueing, which its errors use, into those of the flags.
var flagNames = strings.NewReplacer(
	"queueing: ", "",
	"Service.MeanTime", "--service-time",
	"Service.Concurrency", "--concurrency",
	"Service.SCV", "--service-scv",
	"Service.ArrivalSCV", "--arrival-scv",
	"Service.Patience", "--patience",
	"Service.MaxWaiting", "--queue-limit",
	"Target.MaxUtilization", "--max-utilization",
	"Target.MaxWaitProbability", "--max-wait-probability",
	"Target.MaxBlocking", "--max-blocking",
	"Target.MaxAbandonment", "--max-abandonment",
	"Target.MaxMeanWait", "--mean-wait",
	"Target.MaxMeanResponse", "--mean-response",
	"Target.Wait.Latency", "--wait",
	"Target.Wait.Percentile", "--percentile",
	"Target.Response.Latency", "--latency",
	"Target.Response.Percentile", "--percentile",
	"arrival rate is", "--arrival-rate is",
	"maxReplicas is", "--max-replicas is",
	"the wait_quantile of the target", "--wait",
	"the response_quantile of the target", "--latency",
	"the mean_wait of the target", "--mean-wait",
	"the mean_response of the target", "--mean-response",
	"the utilization of the target", "--max-utilization",
	"the wait_probability of the target", "--max-wait-probability",
	"the blocking of the target", "--max-blocking",
	"the abandonment of the target", "--max-abandonment",
)

// namedError is an error of package queueing in the words of the command line.
type namedError struct{ error }

func nameFlags(err error) error { return namedError{err} }

func (e namedError) Error() string { return flagNames.Replace(e.error.Error()) }

func (e namedError) Unwrap() error { return e.error }
