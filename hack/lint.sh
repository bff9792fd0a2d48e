#!/usr/bin/env bash
# Vets and lints every module that holds Go code of ours, and checks that the rules of .golangci.yml bite. Packages are
# analyzed as they are shipped, without cgo, so that what `make build` compiled is used again.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo=$PWD
export CGO_ENABLED=0

say() { echo "lint: $*" >&2; }

for script in hack/*.sh .ci/run; do
	bash -n "$script"
done

hack/golangci-lint.sh version
failed=
for module in . test/e2e test/tools/lint test/tools/schema; do
	if [[ ! -e $module/go.mod ]]; then
		continue
	fi
	say "module $module"
	cd "$repo/$module"
	"$repo/hack/compile-deps.sh" lint ./...
	go vet ./... || failed+=" $module"
	"$repo/hack/golangci-lint.sh" run --config "$repo/.golangci.yml" ./... || failed+=" $module"
done

say "are generated files up to date?"
cd "$repo/test/tools/schema"
go run . -root "$repo" -check || failed+=" generated"

say "do the rules bite?"
cd "$repo/test/tools/lint"
# -count=1: the test reads .golangci.yml, which lies outside its module, so a cached result would not notice a change.
go test -count=1 . -golangci-lint "$repo/hack/golangci-lint.sh" || failed+=" rules"

if [[ $failed ]]; then
	say "failed:$failed"
	exit 1
fi
