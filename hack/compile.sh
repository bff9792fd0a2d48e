#!/usr/bin/env bash
# Runs `go build -v` (or another command that names on stderr each package it compiles) and shows how far it is, since
# a first build takes minutes. With a warm cache it prints nothing.
#
#   hack/compile.sh LABEL go build -v ...
set -euo pipefail

label=$1
shift

say() { echo "$label: $*" >&2; }

# watch passes on what is worth reading (errors) and counts the rest.
watch() {
	local line compiled=0 fetched=0 next=$((SECONDS + 10))
	while IFS= read -r line; do
		case $line in
		"go: downloading "*) fetched=$((fetched + 1)) ;;
		*[[:space:]:]* | "") echo "$line" >&2 ;;
		*) compiled=$((compiled + 1)) ;;
		esac
		if ((SECONDS >= next)); then
			say "$fetched modules fetched, $compiled packages compiled after $SECONDS s"
			next=$((SECONDS + 10))
		fi
	done
	if ((compiled + fetched > 0)); then
		say "$fetched modules fetched, $compiled packages compiled in $SECONDS s"
	fi
}

# Only stderr goes through the counter; stdout stays the command's own.
{ "$@" 2>&1 1>&3 | watch; } 3>&1
