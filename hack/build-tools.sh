#!/usr/bin/env bash
# Builds the programs the end-to-end suite runs (etcd, kube-apiserver, kube-controller-manager, kwok) from their Go
# modules, once, into a cache folder outside the source tree. Progress goes to stderr, the folder to stdout.
#
#   hack/build-tools.sh          build what is missing
#   hack/build-tools.sh --dir    only say where the programs are kept
#
# The folder's name carries a hash of everything that decides the result, so a changed go.mod, Go version or build
# flag leads to a new folder and an unchanged one to nothing at all. The first build takes about 12 CPU-minutes.
set -euo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$repo/test/tools
modules=(etcd kwok controlplane)

kubernetes=$(awk '$1 == "k8s.io/kubernetes" {print $2}' "$tools/controlplane/go.mod")
minor=${kubernetes#v1.}
minor=${minor%%.*}

# Clients parse the version a Kubernetes program reports and fail on the empty one of a plain build.
version=k8s.io/component-base/version
kubernetes_flags="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"

inputs() {
	local module
	for module in "${modules[@]}"; do
		cat "$tools/$module/go.mod" "$tools/$module/go.sum"
	done
	cat "${BASH_SOURCE[0]}"
	cd "$repo" && go env GOVERSION GOOS GOARCH
}

cache=${PRESCALE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/prescale}
bin=$cache/bin-$(inputs | sha256sum | cut -c1-12)
if [[ ${1:-} == --dir ]]; then
	echo "$bin"
	exit
fi

say() { echo "build-tools: $*" >&2; }

# build MODULE PACKAGE NAME [LINKER FLAGS]. The program appears under its name only when it is complete: an
# interrupted build leaves nothing that a later run would take for a tool.
build() {
	local module=$1 package=$2 name=$3 flags=${4:-}
	if [[ -x $bin/$name ]]; then
		return
	fi
	say "building $name"
	local started=$SECONDS
	(
		cd "$tools/$module"
		CGO_ENABLED=0 "$repo/hack/compile.sh" "build-tools: $name" \
			go build -v -trimpath -buildvcs=false -ldflags "-s -w $flags" -o "$bin/.$name.$$" "$package"
	)
	mv "$bin/.$name.$$" "$bin/$name"
	say "built $name in $((SECONDS - started)) s"
}

# stages joins the manifests that tell kwok how a node and a pod live. They ship in kwok's module, and kwok refuses
# to start without any.
stages() {
	if [[ -s $bin/kwok-stages.yaml ]]; then
		return
	fi
	local stage manifest
	stage=$(cd "$tools/kwok" && go list -m -f '{{.Dir}}' sigs.k8s.io/kwok)/kustomize/stage
	for manifest in "$stage"/node/fast/node-*.yaml "$stage"/node/heartbeat/node-*.yaml "$stage"/pod/fast/pod-*.yaml; do
		echo ---
		cat "$manifest"
	done >"$bin/.kwok-stages.yaml.$$"
	mv "$bin/.kwok-stages.yaml.$$" "$bin/kwok-stages.yaml"
}

mkdir -p "$bin"
if command -v flock >/dev/null; then
	# Two runs at a time would compile the same packages twice.
	exec 9>"$bin/.lock"
	if ! flock --nonblock 9; then
		say "waiting for another build into $bin"
		flock 9
	fi
fi
trap 'rm -f "$bin"/.*."$$"' EXIT

if [[ ! -x $bin/kube-apiserver || ! -x $bin/kube-controller-manager ]]; then
	say "the first build compiles Kubernetes: about 12 CPU-minutes, cached in $bin"
fi
build etcd go.etcd.io/etcd/server/v3 etcd
build kwok sigs.k8s.io/kwok/cmd/kwok kwok
stages
build controlplane k8s.io/kubernetes/cmd/kube-apiserver kube-apiserver "$kubernetes_flags"
build controlplane k8s.io/kubernetes/cmd/kube-controller-manager kube-controller-manager "$kubernetes_flags"
echo "$bin"
