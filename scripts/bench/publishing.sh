#!/usr/bin/env bash
# Measures how much publishing slows the import of blocks.
#
# Usage: scripts/bench/publishing.sh [--bin DIRECTORY] [--size SIZE] [--rounds N] [--json] [--help]
#
# Fresh nodes sync a chain from a peer, as fast as they can, in turns: one that does nothing else, one
# that publishes meanwhile (which a node leaves to the time after its sync unless it is told), and so on.
# That is the worst case: a node that follows the tip imports a block in a fraction of the time between two.
# Peer and store run on the same machine and take part of it.
#
# Compared are the seconds that the nodes themselves count for verifying and importing the same blocks, once
# for the blocks that one of them imported while it made a snapshot, and once for all. Between two snapshots
# there is a pause: no pool takes a transaction during a sync, so that their registration fails.
#
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#   --size SIZE       how large the chain's database is: chain.sh makes it once [256M]
#   --rounds N        how many nodes of each kind [3]
#   --json            one JSON object, on the last line
#
# Takes some minutes. KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed.
# Exit codes: 0 measured, 1 something failed, 2 wrong usage or environment.
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

bin=
size=256M
rounds=3
json=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--json) json=true ;;
	--bin | --size | --rounds)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in --bin) bin="$2" ;; --size) size="$2" ;; --rounds) rounds="$2" ;; esac
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$rounds" =~ ^[1-9]$ ]] || unusable "--rounds takes a number from 1 to 9, not '$rounds'"
find_programs "$bin" thin-node thin-mount
chain="$("$SCRIPTS/bench/chain.sh" "$size" --bin "$bin")"
blocks="$(jq .height "$chain/made.json")"
make_work_directory thin-publishing
cp "$chain/chain.json" "$WORK/chain.json"
serve_store "$WORK/zdb"
start_peer "$chain/base"
# Who has no other transactions.
printf '//Alice//stash\n' >"$WORK/key"

# run NAME OPTION…: a fresh node syncs the chain; prints what it was seen to do.
run() {
	local name="$1" started
	shift
	started="$(now_ms)"
	start_node "$name" "$WORK/$name" --name "$name" --sync full "$@"
	attend "$SCRIPTS/bench/lib/sample.mjs" "${RPC_PORT[$name]}" "${METRICS_PORT[$name]}" "$blocks" 1800 \
		>"$WORK/samples" || {
		show_log "$name"
		fail "$name doesn't sync"
	}
	jq -c --argjson ms "$(($(now_ms) - started))" '{seconds: ($ms / 1000), samples: .}' "$WORK/samples"
	stop "$name"
	rm -rf "${WORK:?}/$name"
}

: >"$WORK/rounds"
for ((i = 1; i <= rounds; i++)); do
	run "alone-$i" >"$WORK/alone"
	run "publishing-$i" --thin-publish "$STORE" --thin-publish-every 1 --thin-publish-while-syncing \
		--thin-key "$WORK/key" >"$WORK/publishing"
	jq -nc --slurpfile alone "$WORK/alone" --slurpfile publishing "$WORK/publishing" \
		'{alone: $alone[0], publishing: $publishing[0]}' >>"$WORK/rounds"
	say "round $i of $rounds is through"
done

options=()
! $json || options=(--json)
node "$SCRIPTS/bench/lib/publishing.mjs" "$WORK/rounds" "${options[@]}"
