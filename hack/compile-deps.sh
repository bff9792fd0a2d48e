#!/usr/bin/env bash
# Compiles what the packages of the module in the current folder and their tests import from other modules, with the
# progress shown. The packages themselves are left to the command that follows (go test, go vet), which then has little
# to wait for before its first line.
#
#   hack/compile-deps.sh LABEL [-race] PACKAGES
set -euo pipefail

compile=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/compile.sh
label=$1
shift
flags=()
if [[ $1 == -race ]]; then
	flags=(-race)
	shift
fi

foreign='{{with .Module}}{{if not (or .Main $.ForTest)}}{{$.ImportPath}}{{end}}{{end}}'
list=$("$compile" "$label" go list -deps -test -f "$foreign" "$@")
mapfile -t deps <<<"$list"
if [[ -n $list ]]; then
	"$compile" "$label" go build -v "${flags[@]}" "${deps[@]}"
fi
