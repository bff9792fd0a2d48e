#!/usr/bin/env bash
# Judges the forecasts on every trace of a folder and writes docs/results/forecast.md: hand-written text from
# docs/results/forecast.head.md, then the figures as measured, each with its command.
#
#   hack/bench-accuracy.sh FOLDER
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=${1:?"a folder of traces is needed: make bench-accuracy DATA=folder"}
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT
CGO_ENABLED=0 go build -o "$program/prescale" ./cmd/prescale

{
	cat docs/results/forecast.head.md
	printf '\n## Window maxima\n\n`bin/prescale accuracy --data %s -o markdown`: ' "$data"
	"$program/prescale" accuracy --data "$data" -o markdown
	m4=("$data"/m4_hourly_train*.csv)
	if [[ -f ${m4[0]} ]] && "$program/prescale" backtest --help | grep -q -- --m4-train; then
		test=${m4[0]/train/test}
		printf '\n## M4 Hourly\n\n`bin/prescale backtest --m4-train %s --m4-test %s`:\n\n```\n' "${m4[0]}" "$test"
		"$program/prescale" backtest --m4-train "${m4[0]}" --m4-test "$test"
		printf '```\n'
	fi
} >"$program/forecast.md"
mv "$program/forecast.md" docs/results/forecast.md
