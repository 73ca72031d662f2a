#!/usr/bin/env bash
# Measures how much publishing slows the import of blocks.
#
# Usage: scripts/bench/publishing.sh --bin DIRECTORY [--blocks N] [--rounds N] [--json] [--help]
#
# Two validators make a chain of full blocks. Then fresh nodes sync it in turns, as fast as they can:
# one that does nothing else, one that publishes a snapshot whenever it may, and so on. That is the
# worst case: a node that follows the tip imports a block in a fraction of the time between two.
# Compared are the seconds that the node itself counts for the import of a block, and the seconds
# until it has all of them. Takes some fifteen minutes, most of it the chain making blocks.
#
#   --blocks N   how long the chain is [256]
#   --rounds N   how many nodes of each kind [3]
#   --json       one JSON object, on the last line
#
# Exit codes: 0 measured, 1 something failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/demo/nodes.sh"

bin=
blocks=256
rounds=3
json=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--json) json=true ;;
	--bin | --blocks | --rounds)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in --bin) bin="$2" ;; --blocks) blocks="$2" ;; --rounds) rounds="$2" ;; esac
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$blocks" =~ ^[1-9][0-9]{1,4}$ ]] || unusable "--blocks takes a number from 10, not '$blocks'"
[[ "$rounds" =~ ^[1-9]$ ]] || unusable "--rounds takes a number from 1 to 9, not '$rounds'"
THIN_NODE="$bin/thin-node"
THIN_MOUNT="$bin/thin-mount"
for program in "$THIN_NODE" "$THIN_MOUNT"; do
	[ -x "$program" ] || unusable "there is no $program; give --bin DIRECTORY"
done
make_work_directory thin-publishing

say "two validators make $blocks blocks full of transfers"
"$THIN_NODE" export-chain-spec --chain local --raw --output "$WORK/chain.json" 2>/dev/null
mkdir -p "$WORK/zdb/data" "$WORK/zdb/index"
start 0-db "$THIN_MOUNT" serve --data "$WORK/zdb/data" --index "$WORK/zdb/index" --listen 127.0.0.1:0
store="$(wait_for_line 0-db '^listening on ' 30)"
store="zdb://${store#listening on }/default"
start_validators
alice="${RPC_PORT[alice]}"
ask height "$alice" best 1 120 >/dev/null
start load node "$SCRIPTS/load.mjs" --url "ws://127.0.0.1:$alice" --transfers 1000000 --batch 500 \
	--ahead 4 --in-block --seed //Dave --json
attend "$SCRIPTS/demo/check.mjs" height "$alice" finalized "$blocks" 7200 >/dev/null
stop load
# No new blocks meanwhile: the nodes sync from Alice, who makes none alone that become final.
stop bob
printf '//Dave\n' >"$WORK/key"

# run NAME OPTION…: a fresh node syncs the chain; prints what it took.
run() {
	local name="$1" started imported
	shift
	started="$(now_ms)"
	start_node "$name" "$WORK/$name" --name "$name" --sync full "$@"
	ask height "${RPC_PORT[$name]}" best "$blocks" 1800 >/dev/null || {
		show_log "$name"
		fail "$name doesn't sync"
	}
	imported="$(($(now_ms) - started))"
	ask import-time "${METRICS_PORT[$name]}" >"$WORK/$name.json"
	ask duties "${RPC_PORT[$name]}" >"$WORK/$name-duties.json"
	stop "$name"
	rm -rf "${WORK:?}/$name"
	jq -nc --argjson wall "$imported" --slurpfile import "$WORK/$name.json" \
		--slurpfile duties "$WORK/$name-duties.json" \
		'{seconds: ($wall / 1000), blocks: $import[0].blocks, per_block: $import[0].per_block,
		  made: ($duties[0].publisher.made // 0), uploaded: ($duties[0].publisher.uploaded_bytes // 0)}'
}

: >"$WORK/plain"
: >"$WORK/publishing"
for ((i = 1; i <= rounds; i++)); do
	run "plain$i" >>"$WORK/plain"
	run "publishing$i" --thin-publish "$store" --thin-publish-every 1 --thin-key "$WORK/key" \
		>>"$WORK/publishing"
	say "round $i of $rounds: alone $(tail -n1 "$WORK/plain"), publishing $(tail -n1 "$WORK/publishing")"
done
made="$(jq -s 'map(.made) | min' "$WORK/publishing")"
[ "$made" -ge 1 ] || fail "a publisher made no snapshot while it imported: make the chain longer, with --blocks"

jq -n --slurpfile plain "$WORK/plain" --slurpfile publishing "$WORK/publishing" '
	def median(f): map(f) | sort | .[length / 2 | floor];
	{ blocks: ($plain | median(.blocks)), rounds: ($plain | length),
	  snapshots: ($publishing | median(.made)),
	  plain_ms: ($plain | median(.per_block) * 1000), publishing_ms: ($publishing | median(.per_block) * 1000),
	  plain_seconds: ($plain | median(.seconds)), publishing_seconds: ($publishing | median(.seconds)),
	  ratios: [range($plain | length) as $i | $publishing[$i].per_block / $plain[$i].per_block] }
	| . + { import_ratio: (.publishing_ms / .plain_ms), sync_ratio: (.publishing_seconds / .plain_seconds) }
' >"$WORK/result.json"
jq -r '"medians of \(.rounds) rounds, \(.blocks) blocks, \(.snapshots) snapshots made meanwhile",
	"| | alone | publishing | ratio |", "|---|---|---|---|",
	"| import of a block, ms | \(.plain_ms * 100 | round / 100) | \(.publishing_ms * 100 | round / 100) | \(.import_ratio * 100 | round / 100) |",
	"| all blocks, seconds | \(.plain_seconds) | \(.publishing_seconds) | \(.sync_ratio * 100 | round / 100) |",
	"import ratio in each round: \(.ratios | map(. * 100 | round / 100) | join(", "))"' "$WORK/result.json"
! $json || jq -c . "$WORK/result.json"
