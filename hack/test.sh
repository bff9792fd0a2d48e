#!/usr/bin/env bash
# Runs the tests of the root module under the race detector: one line per package. What they need is compiled first,
# with the progress shown, since a first build takes minutes.
#
#   hack/test.sh [PACKAGES]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CGO_ENABLED=1 # the race detector needs it
if (($# == 0)); then
	set -- ./...
fi

hack/compile-deps.sh test -race "$@"
exec go test -race -timeout 5m "$@"
