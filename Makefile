# `make help` lists the targets. What takes more than a line or two lives in hack/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The version is stamped from here, so Go need not ask git, which refuses in a checkout that belongs to someone else.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -X main.version=$(VERSION)
export GOFLAGS := $(GOFLAGS) -buildvcs=false

DEMO_TRACE ?=
FUZZTIME ?= 10s
BENCH ?= .
DATA ?= ../shared/data
PKG ?= ./...
SIM ?= speed

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install what building and testing needs and this machine lacks (Debian)
	@hack/deps.sh

.PHONY: build
build: ## Build bin/prescale and bin/prescale-adapter (the first time in minutes)
	@CGO_ENABLED=0 hack/compile.sh build go build -v -ldflags "$(LDFLAGS)" -o bin/ ./cmd/prescale ./cmd/prescale-adapter

.PHONY: demo
demo: build ## Show the main job without a cluster; DEMO_TRACE=file.csv takes your trace
	@bin/prescale demo $(if $(DEMO_TRACE),--trace "$(DEMO_TRACE)")

.PHONY: test
test: ## Run the tests with the race detector; PKG=./queueing limits them
	@hack/test.sh $(PKG)

.PHONY: cover
cover: ## Run the tests and print the coverage per package and in total
	@CGO_ENABLED=0 go test -coverprofile=coverage.out $(PKG)
	@go tool cover -func=coverage.out | tail -n 1

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@hack/fuzz.sh $(FUZZTIME)

.PHONY: bench
bench: ## Run the benchmarks; BENCH=Erlang and PKG=./queueing limit them
	@CGO_ENABLED=0 go test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

.PHONY: bench-accuracy
bench-accuracy: ## Judge the forecasts on the traces of DATA and write docs/results/forecast.md
	@hack/bench-accuracy.sh "$(DATA)"

.PHONY: bench-sim
bench-sim: ## Measure the simulator against C and SimPy; SIM=validate against theory, SIM=fluid against the fluid engine
	@test/bench-sim/run.sh $(SIM)

.PHONY: lint
lint: ## Vet and lint, and prove that the import rules bite
	@hack/lint.sh

.PHONY: generate
generate: ## Write the JSON schema and the page of fields from the Go types
	@cd test/tools/schema && CGO_ENABLED=0 go run . -root ../../..

.PHONY: fmt
fmt: ## Format the Go code of all modules
	@hack/golangci-lint.sh fmt

.PHONY: e2e
e2e: ## Run the end-to-end suite on a real control plane (the first time in 10-20 minutes)
	@hack/e2e.sh

.PHONY: browser
browser: build ## Look at the HTML reports in a real Chromium; SCREENSHOTS=folder keeps what it saw
	@hack/browser.sh

.PHONY: verify
verify: ## Run exactly what CI runs
	@.ci/run

.PHONY: clean
clean: ## Remove what was built here; the caches outside the tree stay
	@rm -rf bin coverage.out
