#!/usr/bin/env bash
# Prepares a machine for building, testing and running Thin.
#
# Usage: scripts/setup.sh [--wasm auto|rustup|debian] [--help]
#
# Made for Debian 12 with a Rust toolchain by rustup; elsewhere it says what is missing.
# It installs, where they aren't there yet:
#   - packages: compilers, protoc, fuse3, jq, node, redis-server, rocksdb-tools (with apt,
#     as root or through sudo)
#   - the standard library for WebAssembly, in which the runtime is compiled: with rustup,
#     or, where rustup can't download, made by Debian's rustc-web (--wasm chooses)
#   - polkadot-js, into scripts/node_modules
# It may last up to ten minutes the first time, and takes seconds after that: whatever is
# there already stays as it is.
#
# Exit codes: 0 ready, 1 a step failed, 2 wrong usage or something it can't install.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/setup/packages.sh"
. "$SCRIPTS/setup/wasm.sh"
. "$SCRIPTS/setup/javascript.sh"

wasm=auto
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--wasm)
		[ $# -ge 2 ] || unusable "--wasm takes auto, rustup or debian"
		wasm="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done

for tool in rustup cargo rustc; do
	command -v "$tool" >/dev/null 2>&1 ||
		unusable "$tool isn't there; install a Rust toolchain with rustup first (https://rustup.rs)"
done
. "$SCRIPTS/env.sh"

setup_packages
for component in rustfmt clippy; do
	cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 && continue
	say "asking rustup for $component (seconds)"
	timeout 120 rustup component add "$component" >&2 ||
		say "no $component: the tests will say that this part was not checked"
done
setup_wasm "$wasm"
setup_javascript
say "ready"
