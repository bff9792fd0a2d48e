#!/usr/bin/env bash
# Installs, on Debian and its relatives, the programs that building and testing needs and that are not there yet. Where
# everything is there it does nothing and touches no network. Go itself is expected: Debian's own is too old.
#
#   hack/deps.sh            install what is missing
#   hack/deps.sh --check    only report; exit 1 if something is missing
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { echo "deps: $*" >&2; }

# What has to be found in PATH, and the Debian package that brings it.
declare -A package_of=(
	[make]=make
	[gcc]=gcc
	[git]=git
	[npm]=npm
)

# compiles_c tells whether gcc finds the C library's headers: the race detector and cgo need them, and Debian's gcc
# only recommends them.
compiles_c() {
	echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1
}

missing=()
for program in "${!package_of[@]}"; do
	command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
compiles_c || missing+=(libc6-dev)
[[ -e /etc/ssl/certs/ca-certificates.crt || ! -e /etc/debian_version ]] || missing+=(ca-certificates)

check_go() {
	local need have
	need=$(awk '$1 == "go" {print $2; exit}' "$repo/go.mod")
	if ! command -v go >/dev/null; then
		say "go is not in PATH: install Go $need or newer from https://go.dev/dl/"
		return 1
	fi
	have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	have=${have#go}
	if [[ $(printf '%s\n%s\n' "$need" "${have%%[!0-9.]*}" | sort -V | head -n 1) != "$need" ]]; then
		if [[ $(cd / && go env GOTOOLCHAIN) == local ]]; then
			say "Go $have is too old: need $need or newer, see https://go.dev/dl/"
			return 1
		fi
		say "Go $have is older than $need: it will download a newer toolchain for itself"
	fi
}
check_go

if ((${#missing[@]} == 0)); then
	exit
fi
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort)
if [[ ${1:-} == --check ]]; then
	say "missing: ${missing[*]}"
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	say "missing: ${missing[*]}"
	say "this is no Debian system (no apt-get): install these by your system's means and run this again"
	exit 1
fi

root=()
if [[ $(id -u) != 0 ]]; then
	if ! command -v sudo >/dev/null; then
		say "installing needs root: run 'apt-get install --no-install-recommends ${missing[*]}' as root and run this again"
		exit 1
	fi
	root=(sudo)
fi
say "installing: ${missing[*]}"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
say "done"
