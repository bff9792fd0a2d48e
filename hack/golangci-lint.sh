#!/usr/bin/env bash
# Runs the pinned golangci-lint with the arguments given. It is built from its Go module (test/tools/lint) at first use
# into a cache folder outside the source tree, which takes minutes; the folder's name carries a hash of what decides
# the result, Go's version included, since a linter built by an older Go cannot read newer code.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
module=$repo/test/tools/lint
cache=${PRESCALE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/prescale}

inputs() {
	cat "$module/go.mod" "$module/go.sum"
	cd "$repo" && go env GOVERSION GOOS GOARCH
}

bin=$cache/lint-$(inputs | sha256sum | cut -c1-12)
if [[ ! -x $bin/golangci-lint ]]; then
	echo "lint: building golangci-lint, cached in $bin" >&2
	mkdir -p "$bin"
	(
		cd "$module"
		CGO_ENABLED=0 "$repo/hack/compile.sh" lint go build -v -trimpath -buildvcs=false -ldflags "-s -w" \
			-o "$bin/.golangci-lint.$$" github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	)
	# The program appears under its name only when it is complete.
	mv "$bin/.golangci-lint.$$" "$bin/golangci-lint"
fi
exec "$bin/golangci-lint" "$@"
