#!/usr/bin/env bash
# Counts what the start of a thin node costs, on a small chain that is much the same each time.
#
# Usage: scripts/test/costs.sh [--write] [--bin DIRECTORY] [--help]
#
# `thin-node make-chain` makes a chain of 608 blocks, and a node starts from a snapshot of it. The chunks,
# bytes and requests to the store that this took are held against scripts/test/costs.json: chunks or bytes
# that are a quarter more or less fail, and twice the requests, which depend on who comes first. No time is
# measured. Then a stock node has to sync all of the chain, since it is what benchmarks measure with.
# Lasts a minute.
#
#   --write           write the counts to that file
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#
# KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed.
# Exit codes: 0 all is as it was, 1 something costs more or less, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/demo/nodes.sh"

bin=
write=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--write) write=true ;;
	--bin)
		[ $# -ge 2 ] || unusable "--bin takes a value"
		bin="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
find_programs "$bin" thin-node thin-mount
[ -e /dev/fuse ] || {
	say "costs: NOT CHECKED: what a start costs (there is no /dev/fuse)"
	exit 0
}
make_work_directory thin-costs

# A database keeps the justification of one block in 32, and a snapshot stands at such a block.
BLOCKS=608
"$THIN_NODE" export-chain-spec --chain dev --raw --output "$WORK/chain.json" 2>/dev/null
"$THIN_NODE" make-chain --chain "$WORK/chain.json" --base-path "$WORK/made" --blocks "$BLOCKS" \
	--transfers 20 --state-pruning archive --blocks-pruning archive \
	>"$WORK/made.json" 2>"$WORK/log/make-chain.log" || {
	show_log make-chain
	fail "no chain can be made"
}
hash="$(jq -r .hash "$WORK/made.json")"
[ "$(jq .height "$WORK/made.json")" -eq "$BLOCKS" ] || fail "not $BLOCKS blocks: $(cat "$WORK/made.json")"
say "made $BLOCKS blocks with $(jq .transfers "$WORK/made.json") transfers"

mkdir -p "$WORK/zdb/data" "$WORK/zdb/index"
start 0-db "$THIN_MOUNT" serve --data "$WORK/zdb/data" --index "$WORK/zdb/index" --listen 127.0.0.1:0
store="$(wait_for_line 0-db '^listening on ' 60)"
store="zdb://${store#listening on }/default"
"$THIN_NODE" snapshot create --base-path "$WORK/made" --chain "$WORK/chain.json" --store "$store" \
	--out "$WORK/snapshot.json" --json >"$WORK/created.json" 2>"$WORK/log/create.log" || {
	show_log create
	fail "no snapshot of the chain"
}
[ "$(jq .block "$WORK/created.json")" -eq "$BLOCKS" ] || fail "the snapshot isn't of the last block"

# Without the walk to genesis, which fetches at its own pace.
start_node thin "$WORK/thin" --name thin --thin-from "$(jq -r .snapshot_id "$WORK/created.json")" \
	--thin-store "$store" --thin-allow-uncertified --thin-history off
until_first_answer thin "$hash" "$(now_ms)" 300 >/dev/null
counts() { jq '{ chunks: .fetched_chunks, bytes: .fetched_bytes, requests: .fetch_requests }' "$1"; }
# Until two seconds have passed in which nothing was fetched.
before=
for ((i = 0; i < 150; i++)); do
	ask thin-status "${RPC_PORT[thin]}" "$WORK/created.json" >"$WORK/status.json"
	now="$(counts "$WORK/status.json")"
	[ "$now" != "$before" ] || break
	before="$now"
	sleep 2
done
stop thin

# It executes every block and checks every seal.
start_node peer "$WORK/made" --name peer
BOOTNODES=("/ip4/127.0.0.1/tcp/${P2P_PORT[peer]}/p2p/$(ask_text peer-id "${RPC_PORT[peer]}" 120)")
start_node full "$WORK/full" --name full --sync full
ask height "${RPC_PORT[full]}" finalized "$BLOCKS" 300 >/dev/null || {
	show_log full
	fail "a stock node doesn't take the chain"
}
[ "$(ask_text block-hash "${RPC_PORT[full]}" "$BLOCKS")" = "$hash" ] || fail "it has another chain"
say "a stock node takes all of it"

baseline="$SCRIPTS/test/costs.json"
if $write; then
	jq -n --argjson now "$now" '{ "a cold start": $now }' >"$baseline"
	say "written: $(jq -c . "$baseline")"
	exit 0
fi
differences="$(jq -r --argjson now "$now" '.["a cold start"] | to_entries[] |
	($now[.key] // 0) as $is |
	select(if .key == "requests" then $is > 2 * .value else ($is - .value | fabs) * 4 > .value end) |
	"\(.key): \($is), and was \(.value)"' "$baseline")"
[ -z "$differences" ] || fail "a cold start costs something else; if it should, --write writes it down:
$differences"
say "a cold start costs what it did: $(jq -c . <<<"$now")"
