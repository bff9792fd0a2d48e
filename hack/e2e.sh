#!/usr/bin/env bash
# Runs the end-to-end suite against a real control plane and a real Prometheus on this machine. The first run builds
# the control plane from its Go modules (about 12 CPU-minutes), later ones find it in the cache.
#
#   hack/e2e.sh [go test flags]
#
# PRESCALE_E2E_TRACE=generated takes a generated trace although a recorded one lies beside the repository.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."

# An assignment of its own: the exit status of a command substitution inside `export` would be lost.
PRESCALE_TOOLS=$(hack/build-tools.sh)
export PRESCALE_TOOLS
hack/install-prometheus.sh

# The adapter is tested as it is shipped. Compiling it and what the suite imports here shows the progress.
export CGO_ENABLED=0
hack/compile.sh e2e go build -v -buildvcs=false -o /dev/null ./cmd/prescale-adapter
cd test/e2e
../../hack/compile-deps.sh e2e ./...
# One package at a time (-p 1), so that the timeline is shown while it happens.
exec go test -p 1 -count=1 -v -timeout 25m "$@" ./...
