#!/usr/bin/env bash
# Installs Debian's package `chromium` when no Chromium or Chrome is there, for the tests that look at pages in a real
# browser. Needs root or sudo only when it installs. Prints the browser's path.
set -euo pipefail

say() { echo "install-chromium: $*" >&2; }

find_browser() {
	local name
	for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
		if [[ $name ]] && command -v "$name"; then
			return 0
		fi
	done
	return 1
}

if find_browser; then
	exit
fi
if ! command -v apt-get >/dev/null; then
	say "no Chromium in PATH and this is no Debian system (no apt-get): install it by your system's means, or name it in CHROMIUM"
	exit 1
fi
root=()
if [[ $(id -u) != 0 ]]; then
	if ! command -v sudo >/dev/null; then
		say "installing needs root: run 'apt-get install --no-install-recommends chromium fonts-dejavu-core' as root and run this again."
		exit 1
	fi
	root=(sudo)
fi
say "installing Debian's package chromium"
"${root[@]}" apt-get update -qq >&2
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 chromium fonts-dejavu-core >&2
find_browser
