#!/usr/bin/env bash
# Installs Debian's package `prometheus` (the server and promtool) when the two programs are not there, for the
# end-to-end suite, which starts its own server on a port of its own. Needs root or sudo only when it installs.
set -euo pipefail

say() { echo "install-prometheus: $*" >&2; }

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	exit
fi
if ! command -v apt-get >/dev/null; then
	say "prometheus or promtool is not in PATH and this is no Debian system (no apt-get)."
	say "Install Prometheus 2.42 or newer by your system's means, with both programs in PATH, and run this again."
	exit 1
fi

root=()
if [[ $(id -u) != 0 ]]; then
	if ! command -v sudo >/dev/null; then
		say "installing needs root: run 'apt-get install --no-install-recommends prometheus' as root and run this again."
		exit 1
	fi
	root=(sudo)
fi

say "installing Debian's package prometheus"
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 prometheus >&2

# The package starts a server of its own. Nobody asked for one here, and it would hold port 9090.
if [[ -d /run/systemd/system ]]; then
	say "disabling and stopping the service that the package brought"
	"${root[@]}" systemctl disable --quiet --now prometheus.service
elif "${root[@]}" service prometheus status >/dev/null 2>&1; then
	say "stopping the service that the package started"
	"${root[@]}" service prometheus stop >&2
fi
say "installed $(prometheus --version 2>&1 | head -n 1)"
