#!/usr/bin/env bash
# Measures how fast it all is, against what one would do otherwise, on this machine.
#
# Usage: scripts/bench/run.sh [--size SIZE] [--rounds N] [--json FILE] [--bin DIRECTORY] [NAME…]
#
#   start     from the start of a node to its answer for state at block N: thin (cold, with a cache,
#             hydrated), native, a tarball downloaded and unpacked, squashfs, full sync, warp sync;
#             on this machine, with the store 1, 20 and 80 ms away, and with 1 Gbit/s and 100 Mbit/s
#             between everybody; and the bytes fetched
#   read      random and sequential reads through a mount: cold, cached, with passthrough
#   hydrate   a whole image into a cache, against nothing but MGETs of its chunks
#   pack      a database into a store: the whole of it, and what is new some blocks later
#   import    blocks imported, and RPC reads of state and old blocks, on thin and native nodes
#   memory    memory and processor time of a mount that is read
#   sparse    a mount of an image of 1 TB, against one of 1 GB
#   zdb, proof    the scripts of these names beside this one, with their own tables
#
# Without a name, the first seven. The sides of a comparison take turns on the same data; the table
# has the median, the lowest and the highest, and the ratio to the first side of each case. What is
# missing on this machine is named NOT MEASURED. Targets are those of docs/PERFORMANCE.md; one that is
# missed is no error. Needs no network.
#
#   --size SIZE       how large the chain's database is, as in 256M or 1G [1G]: chain.sh makes it once
#   --rounds N        how often each is measured, 1 to 99 [3]; what takes minutes is measured once
#   --json FILE       also the figures, as JSON
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#
# Takes 15 minutes with 1G, after the chain is made, and four times the size below TMPDIR. Root, FUSE,
# fio, tc and squashfs-tools with squashfuse are used where they are there. Leave the machine alone
# meanwhile. KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed.
# Exit codes: 0 measured, 1 something could not be measured, 2 wrong usage or environment.

set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/demo/nodes.sh"
. "$SCRIPTS/bench/lib/database.sh"
. "$SCRIPTS/bench/lib/record.sh"
. "$SCRIPTS/bench/measures/start.sh"
. "$SCRIPTS/bench/measures/read.sh"
. "$SCRIPTS/bench/measures/pack.sh"
. "$SCRIPTS/bench/measures/import.sh"
. "$SCRIPTS/bench/measures/memory.sh"

size=1G
rounds=3
out=
bin=
names=()
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--size | --rounds | --json | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in
		--size) size="$2" ;;
		--rounds) rounds="$2" ;;
		--json) out="$(realpath -m "$2")" ;;
		--bin) bin="$2" ;;
		esac
		shift
		;;
	start | read | hydrate | pack | import | memory | sparse | zdb | proof) names+=("$1") ;;
	*) unusable "unknown option or name '$1'; see --help" ;;
	esac
	shift
done
[[ "$rounds" =~ ^[1-9][0-9]?$ ]] || unusable "--rounds takes a number from 1 to 99, not '$rounds'"
[ ${#names[@]} -gt 0 ] || names=(start read hydrate pack import memory sparse)

exec 3>&1 1>&2
find_programs "$bin" thin-node thin-mount

needs_chain() { [[ " ${names[*]} " =~ " start "|" hydrate "|" pack "|" import " ]]; }
CHAIN=
! needs_chain || CHAIN="$("$SCRIPTS/bench/chain.sh" "$size" --bin "$bin")"

# A network of our own, whose links can be made slow.
if [ -z "${BENCH_NETWORK:-}" ] && unshare --net true 2>/dev/null && command -v tc >/dev/null; then
	arguments=(--size "$size" --rounds "$rounds" --bin "$bin")
	[ -z "$out" ] || arguments+=(--json "$out")
	BENCH_NETWORK=own exec unshare --net "$0" "${arguments[@]}" "${names[@]}" >&3
fi
[ -z "${BENCH_NETWORK:-}" ] || ip link set lo up

make_work_directory thin-bench
touch "$WORK/figures"
processors="$(nproc)"
memory="$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
load="$(cut -d ' ' -f 1-3 /proc/loadavg)"

if [ -n "$CHAIN" ]; then
	cp "$CHAIN/chain.json" "$WORK/chain.json"
	copy_base "$CHAIN/base" "$WORK/base"
	DATABASE_BYTES="$(bytes_of "$(database_of "$WORK/base")")"
	make_snapshot "$WORK/base"
fi
for name in "${names[@]}"; do
	say "measuring: $name"
	# shellcheck disable=SC2034 # The figures are noted under it.
	MEASURE="$name"
	case "$name" in
	zdb | proof)
		own=()
		[ "$name" = proof ] || own=(--bin "$bin")
		"$SCRIPTS/bench/$name.sh" "${own[@]}" >&3
		;;
	start | hydrate | pack | import)
		# Others have had stores of their own meanwhile.
		serve_store "$WORK/zdb"
		"measure_$name"
		;;
	*) "measure_$name" ;;
	esac
done

if [ -s "$WORK/figures" ]; then
	jq -n --arg processors "$processors" --arg memory "$memory" --arg rounds "$rounds" \
		--arg database "${DATABASE_BYTES:+$((DATABASE_BYTES / 1000000)) MB, ${N:-0} blocks}" \
		--arg "load before" "$load" --arg "load after" "$(cut -d ' ' -f 1-3 /proc/loadavg)" \
		'$ARGS.named' | node "$SCRIPTS/bench/lib/table.mjs" "$WORK/figures" ${out:+"$out"} >&3
fi
