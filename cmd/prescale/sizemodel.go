package main

import (
	"fmt"
	"slices"
	"strings"
)

// modelKind is a model of the queue as --model names it.
type modelKind string

const (
	modelAuto                     = "auto"
	modelMMc            modelKind = "mmc"
	modelMMInf          modelKind = "mminf"
	modelMG1            modelKind = "mg1"
	modelMDc            modelKind = "mdc"
	modelMPHc           modelKind = "mphc"
	modelMGc            modelKind = "mgc"
	modelGIGc           modelKind = "gigc"
	modelErlangA        modelKind = "erlang-a"
	modelMMcK           modelKind = "mmck"
	modelRandom         modelKind = "random"
	modelRoundRobin     modelKind = "round-robin"
	modelPowerOfD       modelKind = "power-of-d"
	modelShortest       modelKind = "jsq"
	modelCentral        modelKind = "central"
	modelSharing        modelKind = "ps"
	modelSetup          modelKind = "setup"
	modelBatch          modelKind = "batch"
	modelBatchMarkov    modelKind = "batch-exponential"
	modelStateDependent modelKind = "state-dependent"
)

// modelRule says which of the flags that shape a model it needs, the one that marks it first, which it can take
// besides, and which objectives it cannot answer.
type modelRule struct {
	kind         modelKind
	needs, takes []string
	lacks        []string
	help         string
}

var modelRules = []modelRule{
	{modelMMc, []string{"service-time"}, []string{"concurrency"}, nil, "Poisson arrivals, exponential service times (the default)"},
	{modelMDc, []string{"service-time"}, []string{"concurrency", "service-scv"}, nil, "constant service times: --service-scv 0"},
	{modelMGc, []string{"service-scv", "service-time"}, []string{"concurrency"}, nil, "service times of any variability: --service-scv"},
	{modelMPHc, []string{"service-scv", "service-time"}, []string{"concurrency"}, nil, "the same, exact for two phases: --service-scv of 0.5 or more"},
	{modelGIGc, []string{"arrival-scv", "service-time"}, []string{"concurrency", "service-scv"}, nil, "arrivals of any variability too: --arrival-scv"},
	{modelErlangA, []string{"patience", "service-time"}, []string{"concurrency"}, nil, "clients who give up: --patience"},
	{modelMMcK, []string{"queue-limit", "service-time"}, []string{"concurrency"}, nil, "a limited queue: --queue-limit"},
	{modelMMInf, []string{"service-time"}, []string{"concurrency"}, []string{"wait", "mean-wait"}, "nobody waits, M/M/inf: servers that cover the load but for --max-wait-probability"},
	{modelMG1, []string{"service-time"}, []string{"service-scv"}, []string{"latency", "wait"}, "each replica its own queue, picked at random: exact means for any --service-scv"},
	{modelRandom, []string{"service-time"}, []string{"concurrency", "service-scv"}, nil, "each replica its own queue, picked at random"},
	{modelRoundRobin, []string{"service-time"}, nil, nil, "each replica its own queue, picked in turn"},
	{modelPowerOfD, []string{"service-time"}, []string{"choices"}, nil, "the shorter of a few queues drawn at random: --choices"},
	{modelShortest, []string{"service-time"}, nil, nil, "the shortest of all queues, for few replicas"},
	{modelCentral, []string{"service-time"}, []string{"concurrency"}, nil, "one queue for all replicas: mmc by the name of its balancer"},
	{modelSharing, []string{"service-time"}, []string{"service-scv"}, []string{"latency", "wait"}, "replicas picked at random that share their time among all requests present"},
	{modelSetup, []string{"setup-time", "service-time"}, []string{"concurrency"}, []string{"max-wait-probability"}, "cold starts: replicas switched off when idle, --setup-time to start one"},
	{modelBatch, []string{"batch-max", "batch-per-item"}, []string{"batch-fixed", "batch-max-delay"}, nil, "requests served together: --batch-max, --batch-per-item, --batch-fixed, --batch-max-delay"},
	{modelBatchMarkov, []string{"batch-max", "batch-fixed"}, nil, nil, "batches of exponential time whatever their size: --batch-max, --batch-fixed"},
	{modelStateDependent, []string{"batch-max", "batch-per-item", "queue-limit"}, []string{"batch-fixed"}, nil, "requests that join a running batch (EXPERIMENTAL): the same and --queue-limit"},
}

// shapeFlags are the flags that decide on the model.
var shapeFlags = []string{
	"service-time", "concurrency", "service-scv", "arrival-scv", "patience", "queue-limit", "choices", "setup-time",
	"batch-max", "batch-fixed", "batch-per-item", "batch-max-delay",
}

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
		fmt.Fprintf(&b, "  %-17s %s\n", r.kind, r.help)
	}
	return b.String()
}

// rule returns what is known of a model.
func (k modelKind) rule() (modelRule, bool) {
	i := slices.IndexFunc(modelRules, func(r modelRule) bool { return r.kind == k })
	if i < 0 {
		return modelRule{}, false
	}
	return modelRules[i], true
}

// byBatch reports whether the time of a request depends on how many are served with it.
func (k modelKind) byBatch() bool {
	return k == modelBatch || k == modelBatchMarkov || k == modelStateDependent
}

// loses reports whether requests are refused.
func (k modelKind) loses() bool { return k == modelMMcK || k == modelStateDependent }

// kind is the model that the flags ask for.
func (o *sizeOptions) kind() (modelKind, error) {
	kind := modelKind(o.model)
	if o.model == modelAuto {
		kind = o.impliedKind()
	}
	r, ok := kind.rule()
	if !ok {
		return "", fmt.Errorf("--model %q: must be one of %s", o.model, modelNames())
	}
	return kind, o.checkModel(r)
}

// impliedKind is the model that the flags given come to.
func (o *sizeOptions) impliedKind() modelKind {
	switch {
	case o.changed("batch-max"), o.changed("batch-fixed"), o.changed("batch-per-item"), o.changed("batch-max-delay"):
		return modelBatch
	case o.changed("setup-time"):
		return modelSetup
	case o.changed("choices"):
		return modelPowerOfD
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
	if r.kind.byBatch() {
		if err := o.checkBatch(r.kind); err != nil {
			return err
		}
	}
	for _, flag := range r.needs {
		if !o.changed(flag) && flag != "service-time" {
			return fmt.Errorf("--model %s needs --%s", r.kind, flag)
		}
	}
	for _, flag := range shapeFlags {
		switch {
		case !o.departs(flag) || slices.Contains(r.needs, flag) || slices.Contains(r.takes, flag):
		case o.model == modelAuto:
			return fmt.Errorf("--%s and --%s: no model covers both; drop one of them", r.needs[0], flag)
		default:
			return fmt.Errorf("--model %s does not heed --%s: it heeds %s, and --%s goes with --model %s",
				r.kind, flag, flagList(r.needs, r.takes), flag, modelsHeeding(flag))
		}
	}
	return o.checkShape(r)
}

// checkShape refuses values and objectives that only this model refuses.
func (o *sizeOptions) checkShape(r modelRule) error {
	for _, flag := range r.lacks {
		if o.changed(flag) {
			what := objectives[flag]
			if r.kind == modelMMInf {
				what = "waits, since nobody does"
			}
			return fmt.Errorf("--%s does not apply to --model %s: it does not tell %s; use %s", flag, r.kind, what, instead(r))
		}
	}
	switch {
	case r.kind == modelMDc && o.changed("service-scv") && o.serviceSCV != 0:
		return fmt.Errorf("--model %s has constant service times, got --service-scv %g; drop one of them", r.kind, o.serviceSCV)
	case r.kind == modelMPHc && !(o.serviceSCV >= 0.5):
		return fmt.Errorf("--service-scv %g: --model %s needs at least 0.5, which is what two phases can have; use --model %s", o.serviceSCV, r.kind, modelMGc)
	case r.kind == modelPowerOfD && o.choices < 1:
		return fmt.Errorf("--choices %d: must be at least 1", o.choices)
	case r.kind == modelSetup && o.setupTime < 0:
		return fmt.Errorf("--setup-time %v: must not be negative", o.setupTime)
	}
	return nil
}

// objectives are the flags that some models cannot answer, and what of.
var objectives = map[string]string{
	"latency":              "quantiles of the response time",
	"wait":                 "quantiles of the wait",
	"max-wait-probability": "who waits, since all do",
}

// instead lists the latency objectives that a model answers.
func instead(r modelRule) string {
	var flags []string
	for _, flag := range []string{"latency", "wait", "mean-response", "mean-wait"} {
		if !slices.Contains(r.lacks, flag) {
			flags = append(flags, "--"+flag)
		}
	}
	return strings.Join(flags, " or ")
}

func flagList(lists ...[]string) string {
	var flags []string
	for _, list := range lists {
		for _, flag := range list {
			flags = append(flags, "--"+flag)
		}
	}
	return strings.Join(flags, ", ")
}

func modelsHeeding(flag string) string {
	var names []string
	for _, r := range modelRules {
		if slices.Contains(r.needs, flag) || slices.Contains(r.takes, flag) {
			names = append(names, string(r.kind))
		}
	}
	return strings.Join(names, ", ")
}

// departs reports whether a flag asks for something else than M/M/c.
func (o *sizeOptions) departs(flag string) bool {
	switch flag {
	case "service-scv":
		return o.serviceSCV != 1
	case "arrival-scv":
		return o.arrivalSCV != 1
	case "concurrency":
		return o.concurrency != 1
	}
	return o.changed(flag)
}
