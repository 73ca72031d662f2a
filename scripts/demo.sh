#!/usr/bin/env bash
# Shows the whole of it on this machine: a chain, a snapshot of it, a node that starts from it.
#
# Usage: scripts/demo.sh [--json] [--transfers N] [--bin DIRECTORY] [--help]
#
#   1. an embedded 0-db, and a development chain of two validators
#   2. 2,000 transfers to fresh accounts, in batches; meanwhile the authorities change 20 times
#   3. a snapshot of the running node, audited, registered, attested and certified with polkadot-js
#   4. a fresh node, started from the snapshot; checked: it answers for state and blocks up to N
#      as the validator does, it didn't import them, it checks the numbers of the blocks down to
#      genesis, it reaches the tip and follows it, it goes on after kill -9, with the option and
#      without; then starts from a proof in a file, from the store alone, from the latest
#      snapshot that a thin node knows of, and by the registry of another chain; and a node that
#      knows nothing of snapshots, over a writable mount of the image
#   5. a fresh node that syncs everything, beside it; and starts that have to be refused: an
#      unknown id, another chain, a base path in use, too little stake, an old and an altered proof,
#      no node to ask, no store
# At the end there is a table. All it starts it stops, also when it fails.
#
# Lasts about ten minutes, most of it the chain making blocks; building the project comes before
# that the first time (35 to 45 minutes on two cores).
#
#   --json            the figures, as one JSON object, on the last line
#   --transfers N     how many transfers [2000]
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#
# KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed.
# Exit codes: 0 all checks passed, 1 one failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/shell/service-manager.sh"
. "$SCRIPTS/demo/nodes.sh"
. "$SCRIPTS/demo/proofs.sh"
. "$SCRIPTS/demo/refusals.sh"
. "$SCRIPTS/demo/audit.sh"
. "$SCRIPTS/demo/foreign.sh"
. "$SCRIPTS/demo/stock.sh"

json=false
transfers=2000
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--json) json=true ;;
	--transfers | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		[ "$1" = --bin ] && bin="$2" || transfers="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$transfers" =~ ^[1-9][0-9]{0,5}$ ]] || unusable "--transfers takes a number, not '$transfers'"

# Results go to descriptor 3; whatever the tools say goes to standard error.
exec 3>&1 1>&2
last_word() {
	if [ "$1" -ne 0 ]; then
		say "the demo failed"
		! $json || printf '{"ok":false,"exit_code":%d}\n' "$1" >&3
	fi
}
trap 'last_word $?' EXIT

find_programs "$bin" thin-node thin-mount
# Not among the programs that are installed: the step lint compiles it.
STOCK_NODE="$bin/plain-node"
make_work_directory thin-demo

say "1/5 starting an embedded 0-db and two validators (seconds)"
mkdir -p "$WORK/zdb/data" "$WORK/zdb/index"
start 0-db "$THIN_MOUNT" serve --data "$WORK/zdb/data" --index "$WORK/zdb/index" --listen 127.0.0.1:0
store="$(wait_for_line 0-db '^listening on ' 30)"
store="zdb://${store#listening on }/default"
# A raw spec, as chains are shipped with: from a plain one, a node builds the genesis state anew
# at each start, which takes longer than all the rest of it.
"$THIN_NODE" export-chain-spec --chain local --raw --output "$WORK/chain.json" 2>/dev/null
start_validators
start_registry
alice="${RPC_PORT[alice]}"
ask height "$alice" best 1 120 >/dev/null

say "2/5 $transfers transfers, and stake for the attesters (three to five minutes)"
attesters=(//Alice //Bob //Charlie)
counts_from=0
for seed in "${attesters[@]}"; do
	block="$(polkadot bond least --seed "$seed" --in-block | jq .counts_from)"
	[ "$block" -gt "$counts_from" ] && counts_from="$block"
done
# Meanwhile the authorities change: the proof of the snapshot has to follow every change.
changes=20
start rotation node "$SCRIPTS/demo/rotate.mjs" --url "ws://127.0.0.1:$alice" --changes "$changes" \
	--in-block --json
attend node "$SCRIPTS/load.mjs" --url "ws://127.0.0.1:$alice" --transfers "$transfers" --batch 50 \
	--ahead 2 --in-block --seed //Dave --json >"$WORK/load.json"
last_transfer="$(jq .last_block "$WORK/load.json")"
authority_set="$(wait_for_line rotation '"set":' 300 | jq .set)"
[ "$authority_set" -ge "$changes" ] || fail "the chain is at authority set $authority_set only"
say "the authorities changed $changes times, to set $authority_set"
# A snapshot stands at a block whose justification is stored: at least one in 32 blocks.
changed="$(ask height "$alice" best 1 10)"
goal=$((((changed > last_transfer ? changed : last_transfer) / 32 + 1) * 32))
say "the last transfer is in block $last_transfer; waiting until block $goal is final" \
	"(up to four minutes)"
attend "$SCRIPTS/demo/check.mjs" height "$alice" finalized "$goal" 900 >/dev/null

say "3/5 making a snapshot of the running node, and registering it (two minutes)"
started="$(now_ms)"
"$THIN_NODE" snapshot create --base-path "$WORK/alice" --chain "$WORK/chain.json" --store "$store" \
	--location "$store" --out "$WORK/snapshot.json" --json \
	>"$WORK/created.json" 2>"$WORK/log/snapshot.log" || {
	show_log snapshot
	fail "no snapshot of the running node"
}
snapshot_seconds="$(jq -n "($(now_ms) - $started) / 1000")"
id="$(jq -er .snapshot_id "$WORK/created.json")"
n="$(jq -er .block "$WORK/created.json")"
[ "$n" -ge "$last_transfer" ] ||
	fail "the snapshot stands at block $n, before the last transfer in block $last_transfer"
[ "$n" -ge "$changed" ] ||
	fail "the snapshot stands at block $n, and the authorities had changed by block $changed"
say "snapshot $id of block $n"

check_audit "$id" "$n"

polkadot register --call-file "$WORK/snapshot.json" --seed //Dave >/dev/null
register_foreign
[ "$counts_from" -le "$n" ] || say "waiting for block $counts_from, in which the stake begins to count"
attend "$SCRIPTS/demo/check.mjs" height "$alice" best "$counts_from" 900 >/dev/null
for seed in "${attesters[@]}"; do
	polkadot attest "$id" --seed "$seed" >"$WORK/attested.json"
done
status="$(polkadot show "$id" | jq -r .status)"
[ "$status" = certified ] || fail "attested by ${#attesters[@]}, the snapshot is $status, not certified"
say "attested by ${#attesters[@]}, certified"

say "4/5 starting a fresh node from the snapshot (a minute or two, with all checks)"
n_hash="$(ask_text block-hash "$alice" "$n")"
with_option=(--thin-from "$id" --thin-proof "ws://127.0.0.1:$alice")
start_manager thin
started="$(now_ms)"
NOTIFY_SOCKET="$WORK/thin.socket" start_node thin "$WORK/thin" --name thin "${with_option[@]}"
thin_seconds="$(until_first_answer thin "$n_hash" "$started" 120)"
told thin READY=1
stages="$(sed -n 's/^STATUS=\([^ ]*\).*/\1/p; /^READY=1$/q' "$WORK/log/thin-told.out" | tr '\n' ' ')"
[ "$stages" = "Proving Opening Making Starting " ] ||
	fail "the stages that it tells the service manager are '$stages'"
ask thin-status "${RPC_PORT[thin]}" "$WORK/created.json" >"$WORK/status.json"
fetched="$(jq .fetched_bytes "$WORK/status.json")"
thin_imported="$(ask imports "${RPC_PORT[thin]}" "${METRICS_PORT[thin]}" | jq .imported)"
say "it answers for state at block $n after $thin_seconds seconds and $fetched bytes"

# Blocks on disk, not lengths: the cache is full of holes. A mount isn't counted.
disk_of() { du --summarize --one-file-system --block-size=1 "$1" | cut -f1; }

check_history() {
	local found
	found="$(ask history "$alice" "${RPC_PORT[$1]}" "$WORK/load.json" "$n")"
	say "its blocks and balances at every block from 0 to $n are the validator's:" \
		"$(jq .blocks <<<"$found") and $(jq .balances <<<"$found") compared"
}

# check_imports NAME FROM: what this run of it imported came after block FROM. Neither its own
# count nor its log says otherwise.
check_imports() {
	local lowest imported best
	read -r imported best < <(
		ask imports "${RPC_PORT[$1]}" "${METRICS_PORT[$1]}" | jq -r '"\(.imported) \(.best)"'
	) || fail "no count of imported blocks"
	lowest="$(lowest_import "$1")"
	[ -z "$lowest" ] || [ "$lowest" -gt "$n" ] || fail "it imported block $lowest, which the image has"
	# A block that two peers send counts twice; all of 1 to N would be N more than these.
	[ "$imported" -lt $((best - $2 + n)) ] ||
		fail "it imported $imported blocks, and only $((best - $2)) came after block $2"
	say "it imported $imported blocks, after block $2"
}

check_history thin
ask history-checked "${RPC_PORT[thin]}" 120 >"$WORK/walk.json"
say "it has checked which block has which number, from block $n down to genesis"
tip="$(ask follows "$alice" "${RPC_PORT[thin]}" 180)"
say "it follows the chain, at block $tip now"
check_imports thin "$n"

for again in "${with_option[*]}" ""; do
	say "kill -9, and a start with${again:+ }${again:-out any option}"
	stop thin KILL
	before="$tip"
	# The words of the option have no spaces in them.
	# shellcheck disable=SC2086
	start_node thin "$WORK/thin" --name thin $again
	until_first_answer thin "$n_hash" "$(now_ms)" 120 >/dev/null
	# It remembers what it was told there.
	! grep -q 'Building the genesis state' "$WORK/log/thin.log" ||
		fail "started again, it builds the genesis state anew"
	check_history thin
	tip="$(ask follows "$alice" "${RPC_PORT[thin]}" 180)"
	check_imports thin "$before"
done
thin_disk="$(disk_of "$WORK/thin")"
node "$SCRIPTS/test/deploy.mjs" thin-metrics "$SCRIPTS/../deploy" "${METRICS_PORT[thin]}"
check_proofs "$id" "$n_hash" "$store" "${#attesters[@]}" "$authority_set"
check_foreign "$id" "$n_hash"
check_stock "$id" "$n" "$n_hash" "$store"
stop thin
best="$("$THIN_NODE" chain-info --base-path "$WORK/thin" --chain "$WORK/chain.json" \
	2>"$WORK/log/chain-info.log" | jq .best_number)" || {
	show_log chain-info
	fail "chain-info can't read a thin database"
}
[ "$best" -ge "$tip" ] || fail "chain-info says that the best block is $best, after $tip"

say "5/5 a fresh node that syncs everything, for comparison (a minute)"
started="$(now_ms)"
start_node full "$WORK/full" --name full --sync full
full_seconds="$(until_first_answer full "$n_hash" "$started" 600)"
ask imports "${RPC_PORT[full]}" "${METRICS_PORT[full]}" >"$WORK/full-imports.json"
full_imported="$(jq .imported "$WORK/full-imports.json")"
# This is also the test of the count that the thin node was checked by.
[ "$full_imported" -ge "$n" ] || fail "a full sync to block $n counts only $full_imported imports"
full_received="$(jq .received_bytes "$WORK/full-imports.json")"
full_disk="$(disk_of "$WORK/full")"
stop full

say "starts that have to be refused (up to a minute)"
check_refusals "$id" "ws://127.0.0.1:$alice" "$WORK/full"

database="$(jq .database_bytes "$WORK/created.json")"
uploaded="$(jq .uploaded_bytes "$WORK/created.json")"
jq -n --argjson block "$n" --argjson transfers "$transfers" --argjson database "$database" \
	--argjson thin "[$thin_seconds, $fetched, $thin_imported, $thin_disk]" \
	--argjson full "[$full_seconds, $full_received, $full_imported, $full_disk]" '$ARGS.named' |
	node "$SCRIPTS/demo/table.mjs" >&3
if $json; then
	jq -nc --arg snapshot_id "$id" --argjson block "$n" --argjson tip "$tip" \
		--arg image_id "$(jq -r .image_id "$WORK/created.json")" \
		--argjson transfers "$transfers" --argjson database_bytes "$database" \
		--argjson uploaded_bytes "$uploaded" --argjson fetched_bytes "$fetched" \
		--argjson snapshot_seconds "$snapshot_seconds" --argjson thin_seconds "$thin_seconds" \
		--argjson full_sync_seconds "$full_seconds" --argjson full_sync_bytes "$full_received" \
		--argjson ok true '$ARGS.named' >&3
fi
