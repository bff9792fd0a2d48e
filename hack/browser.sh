#!/usr/bin/env bash
# Looks at the pages that prescale writes in a real, headless Chromium. SCREENSHOTS=folder keeps what it saw.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
repo=$PWD

CHROMIUM=$(hack/install-chromium.sh)
if [[ ${SCREENSHOTS:-} ]]; then
	mkdir -p "$SCREENSHOTS"
	SCREENSHOTS=$(cd "$SCREENSHOTS" && pwd)
fi
cd test/browser
if [[ ! -e node_modules/playwright-core/package.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
	npm ci --ignore-scripts >&2
fi
PRESCALE=$repo/bin/prescale CHROMIUM=$CHROMIUM SCREENSHOTS=${SCREENSHOTS:-} exec node --test pages.test.mjs
