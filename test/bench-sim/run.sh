#!/usr/bin/env bash
# Measures package simulator against a plain C recursion, which it builds, and against SimPy, which it installs on Debian if it
# may; without gcc or SimPy that comparison is skipped, loudly. The results go to standard output as Markdown.
#
#   test/bench-sim/run.sh speed|validate|fluid [FLAGS]
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [[ ${1:-} == speed ]]; then
	if command -v gcc >/dev/null; then
		gcc -O3 -march=native -o "$work/recursion" test/bench-sim/yardsticks/recursion.c -lm
	else
		echo "bench-sim: SKIPPED the comparison with C: gcc is not installed" >&2
	fi
	# Debian puts the module where its own python3 finds it.
	python=
	find_python() {
		for candidate in python3 /usr/bin/python3; do
			"$candidate" -c 'import simpy; simpy.Resource' 2>/dev/null && python=$candidate && return
		done
		return 1
	}
	if ! find_python && command -v apt-get >/dev/null && [[ $(id -u) == 0 ]]; then
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends python3-simpy3; } >/dev/null 2>&1 || true
	fi
	if find_python; then
		cp test/bench-sim/yardsticks/mmc.py "$work/"
	else
		echo "bench-sim: SKIPPED the comparison with SimPy: no python3 has the module simpy 3 or newer" >&2
	fi
fi
CGO_ENABLED=0 go build -o "$work/bench-sim" ./test/bench-sim
export BENCH_SIM_DIR=$work BENCH_SIM_PYTHON=${python:-}
"$work/bench-sim" "$@"
