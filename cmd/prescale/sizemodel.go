package main

import (
	"fmt"
	"slices"
	"strings"
)

// modelKind is a model of the queue as --model names it.
type modelKind string

const (
	modelAuto              = "auto"
	modelMMc     modelKind = "mmc"
	modelMDc     modelKind = "mdc"
	modelMGc     modelKind = "mgc"
	modelGIGc    modelKind = "gigc"
	modelErlangA modelKind = "erlang-a"
	modelMMcK    modelKind = "mmck"
	modelBatch   modelKind = "batch"
)

// modelRule says which of the flags that shape a model it needs, and which it can take besides.
type modelRule struct {
	kind         modelKind
	needs, takes []string
	help         string
}

var modelRules = []modelRule{
	{modelMMc, nil, nil, "Poisson arrivals, exponential service times (the default)"},
	{modelMDc, nil, []string{"service-scv"}, "constant service times: --service-scv 0"},
	{modelMGc, []string{"service-scv"}, nil, "service times of any variability: --service-scv"},
	{modelGIGc, []string{"arrival-scv"}, []string{"service-scv"}, "arrivals of any variability too: --arrival-scv"},
	{modelErlangA, []string{"patience"}, nil, "clients who give up: --patience"},
	{modelMMcK, []string{"queue-limit"}, nil, "a limited queue: --queue-limit"},
	{modelBatch, []string{"batch-max", "batch-per-item"}, []string{"batch-fixed"}, "requests served together: --batch-max, --batch-per-item, --batch-fixed"},
}

// shapeFlags are the flags that decide on the model.
var shapeFlags = []string{"service-scv", "arrival-scv", "patience", "queue-limit", "batch-max", "batch-fixed", "batch-per-item"}

func modelNames() string {
	names := []string{modelAuto}
	for _, r := range modelRules {
		names = append(names, string(r.kind))
	}
	return strings.Join(names, ", ")
}

func modelHelp() string {
	var b strings.Builder
	for _, r := range modelRules {
		fmt.Fprintf(&b, "  %-9s %s\n", r.kind, r.help)
	}
	return b.String()
}

// kind is the model that the flags ask for.
func (o *sizeOptions) kind() (modelKind, error) {
	name := o.model
	if name == modelAuto {
		name = string(o.impliedKind())
	}
	for _, r := range modelRules {
		if string(r.kind) == name {
			return r.kind, o.checkModel(r)
		}
	}
	return "", fmt.Errorf("--model %q: must be one of %s", o.model, modelNames())
}

// impliedKind is the model that the flags given come to.
func (o *sizeOptions) impliedKind() modelKind {
	switch {
	case o.changed("batch-max"), o.changed("batch-fixed"), o.changed("batch-per-item"):
		return modelBatch
	case o.changed("queue-limit"):
		return modelMMcK
	case o.changed("patience"):
		return modelErlangA
	case o.arrivalSCV != 1:
		return modelGIGc
	case o.serviceSCV == 0:
		return modelMDc
	case o.serviceSCV != 1:
		return modelMGc
	}
	return modelMMc
}

// checkModel refuses flags that the model does not heed and asks for those it lacks.
func (o *sizeOptions) checkModel(r modelRule) error {
	for _, flag := range r.needs {
		if !o.changed(flag) {
			return fmt.Errorf("--model %s needs --%s", r.kind, flag)
		}
	}
	for _, flag := range shapeFlags {
		switch {
		case !o.departs(flag) || slices.Contains(r.needs, flag) || slices.Contains(r.takes, flag):
		case o.model == modelAuto:
			return fmt.Errorf("--%s and --%s: no model covers both; drop one of them", r.needs[0], flag)
		default:
			return fmt.Errorf("--model %s does not heed --%s; drop one of them", r.kind, flag)
		}
	}
	if r.kind == modelMDc && o.changed("service-scv") && o.serviceSCV != 0 {
		return fmt.Errorf("--model %s has constant service times, got --service-scv %g; drop one of them", r.kind, o.serviceSCV)
	}
	if r.kind == modelBatch {
		return o.checkBatch()
	}
	return nil
}

// departs reports whether a flag asks for something else than M/M/c.
func (o *sizeOptions) departs(flag string) bool {
	switch flag {
	case "service-scv":
		return o.serviceSCV != 1
	case "arrival-scv":
		return o.arrivalSCV != 1
	}
	return o.changed(flag)
}

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
