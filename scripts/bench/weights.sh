#!/usr/bin/env bash
# Measures the weights of pallet-snapshots, and writes pallets/snapshots/src/weights.rs anew.
#
# Usage: scripts/bench/weights.sh [--check] [--steps N] [--repeat N] [--bin DIRECTORY] [--help]
#
# Builds the node with the feature `runtime-benchmarks` (45 minutes and more the first time on two
# cores; it shares the target folder with the usual build, and the next usual build puts the usual
# programs back), and runs `thin-node benchmark pallet`, which takes minutes. What it
# writes names no machine. Leave the machine alone meanwhile: it measures time.
#
#   --check           write nothing: run each benchmark in its extremes, once in the node's own
#                     chain, and once with nothing but the runtime, as frame-omni-bencher does
#   --steps N         how many values of each parameter are measured [50]
#   --repeat N        how often each is measured [20]
#   --bin DIRECTORY   where a thin-node is that was built with the feature
#
# Exit codes: 0 done, 1 a benchmark failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/processes.sh"

check=false
steps=50
repeat=20
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--check) check=true ;;
	--steps | --repeat | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in
		--steps) steps="$2" ;;
		--repeat) repeat="$2" ;;
		--bin) bin="$2" ;;
		esac
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$steps" =~ ^([2-9]|[1-9][0-9]{1,2})$ ]] ||
	unusable "--steps takes a number from 2 to 999, not '$steps'"
[[ "$repeat" =~ ^[1-9][0-9]{0,2}$ ]] ||
	unusable "--repeat takes a number from 1 to 999, not '$repeat'"

if [ -z "$bin" ]; then
	"$SCRIPTS/setup.sh"
	. "$SCRIPTS/env.sh"
	say "building the node with runtime-benchmarks into $CARGO_TARGET_DIR"
	(cd "$SCRIPTS/.." && cargo build --release -p thin-node --features runtime-benchmarks --locked)
	bin="$CARGO_TARGET_DIR/release"
fi
bin="$(cd "$bin" 2>/dev/null && pwd)" || unusable "there is no folder for --bin"
[ -x "$bin/thin-node" ] || unusable "there is no $bin/thin-node"
"$bin/thin-node" benchmark --help >/dev/null 2>&1 ||
	unusable "$bin/thin-node was built without the feature runtime-benchmarks"
make_work_directory thin-weights

# By its bare name, in the root of the project and with relative paths: the command goes into the
# file as it is typed here.
cd "$SCRIPTS/.."
export PATH="$bin:$PATH" XDG_DATA_HOME="$WORK"

benchmark() {
	attend thin-node benchmark pallet "$@" --pallet=pallet_snapshots '--extrinsic=*'
}

if $check; then
	once=(--steps=2 --repeat=1 --min-duration=0 --quiet)
	say "the benchmarks, on the development chain"
	benchmark --chain=dev "${once[@]}" >"$WORK/log/chain.log" 2>&1 || {
		tail -n 20 "$WORK/log/chain.log" >&2
		fail "the benchmarks don't run on the development chain"
	}
	say "the benchmarks, from the runtime alone"
	thin-node export-chain-spec --chain dev --raw 2>/dev/null |
		node -e 'process.stdout.write(Buffer.from(
			JSON.parse(require("node:fs").readFileSync(0)).genesis.raw.top["0x3a636f6465"].slice(2), "hex"))' \
			>"$WORK/runtime.wasm"
	benchmark --runtime="$WORK/runtime.wasm" --genesis-builder=runtime "${once[@]}" \
		>"$WORK/log/runtime.log" 2>&1 || {
		tail -n 20 "$WORK/log/runtime.log" >&2
		fail "the benchmarks don't run from the runtime alone"
	}
	say "all benchmarks run"
	exit 0
fi

say "measuring (minutes)"
benchmark --chain=dev --steps="$steps" --repeat="$repeat" \
	--template=scripts/bench/weights.hbs --output=pallets/snapshots/src/weights.rs >&2
say "wrote pallets/snapshots/src/weights.rs"
