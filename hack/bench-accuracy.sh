#!/usr/bin/env bash
# Judges the forecasts on every trace of a folder and writes docs/results/forecast.md: hand-written text from
# docs/results/forecast.head.md, then the figures as measured, each with its command.
#
#   hack/bench-accuracy.sh FOLDER
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
data=${1:?"a folder of traces is needed: make bench-accuracy DATA=folder"}
models=auto,naive,seasonal-naive-1d,seasonal-naive-1w,holt-winters-1d,holt-winters-1w,ets-1d,ets-1w,double-seasonal,theta-1d,optimized-theta-1d,dynamic-theta-1d,mstl,card-1d,card,arima,naive2
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
		printf '\n## M4 Hourly\n\n`bin/prescale backtest --m4-train %s --m4-test %s --models %s`:\n\n```\n' "${m4[0]}" "$test" "$models"
		"$program/prescale" backtest --m4-train "${m4[0]}" --m4-test "$test" --models "$models"
		printf '```\n'
	fi
} >"$program/forecast.md"
mv "$program/forecast.md" docs/results/forecast.md
