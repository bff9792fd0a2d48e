#!/usr/bin/env bash
# Runs every fuzz target of the root module for a bounded time each. A crash leaves its input under the package's
# testdata/fuzz, to be kept as a regression seed.
#
#   hack/fuzz.sh [TIME]     TIME as Go writes durations, 10s by default
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
time=${1:-10s}

found=0
while IFS=: read -r file target; do
	found=$((found + 1))
	echo "== $target in $(dirname "$file"), $time"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$(dirname "$file")"
done < <(git ls-files --cached --others --exclude-standard '*_test.go' ':!test/' |
	xargs grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed 's/func //' | LC_ALL=C sort)

if ((found == 0)); then
	echo "fuzz: found no fuzz target" >&2
	exit 1
fi
echo "fuzz: $found targets, no crash"
