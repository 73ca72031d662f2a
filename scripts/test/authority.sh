#!/usr/bin/env bash
# An authority that has lost its database, and starts from a snapshot with the key that it has voted
# with before.
#
# Usage: scripts/test/authority.sh [--bin DIRECTORY] [--help]
#
# A chain of two validators on this machine, whose authorities have changed before a snapshot is
# made, and change after it. Then one of them starts anew, from the snapshot. It has to say that it
# doesn't vote, author nothing before it is an authority again, and vote and author in the set that
# comes after it has caught up, without a restart. Nobody may see two votes of it in one round.
#
# Takes four minutes, most of it the chain making blocks.
#
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#
# Exit codes: 0 all right, 1 something is wrong, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/demo/nodes.sh"

read_bin "$@"
find_programs "$bin" thin-node thin-mount
make_work_directory thin-authority

# change N: changes the authorities so often, and waits until the last change is in force: Bob is out
# after an odd number, or in again. Sets `changed` to a block by which it is.
change() {
	node "$SCRIPTS/demo/rotate.mjs" --url "ws://127.0.0.1:${RPC_PORT[alice]}" --changes "$1" \
		--in-block --json >"$WORK/rotated.json"
	changed="$(ask height "${RPC_PORT[alice]}" best 1 10)"
	say "the authority set is $(jq .set "$WORK/rotated.json")"
}

# wait_for_log NAME WORDS SECONDS
wait_for_log() {
	local i
	for ((i = 0; i < $3; i++)); do
		! grep -q -- "$2" "$WORK/log/$1.log" || return 0
		is_running "$1" || break
		sleep 1
	done
	show_log "$1"
	fail "$1 doesn't say: $2"
}

final() { ask height "${RPC_PORT[alice]}" finalized "$1" 300; }

mkdir -p "$WORK/zdb/data" "$WORK/zdb/index"
start 0-db "$THIN_MOUNT" serve --data "$WORK/zdb/data" --index "$WORK/zdb/index" --listen 127.0.0.1:0
store="$(wait_for_line 0-db '^listening on ' 30)"
store="zdb://${store#listening on }/default"
"$THIN_NODE" export-chain-spec --chain local --raw --output "$WORK/chain.json" 2>/dev/null
start_validators
ask height "${RPC_PORT[alice]}" best 1 120 >/dev/null
change 2
final $(((changed / 32 + 1) * 32)) >/dev/null

say "making a snapshot"
"$THIN_NODE" snapshot create --base-path "$WORK/alice" --chain "$WORK/chain.json" --store "$store" \
	--out "$WORK/snapshot.json" --json >"$WORK/created.json" 2>"$WORK/log/snapshot.log" || {
	show_log snapshot
	fail "no snapshot of the running node"
}
n="$(jq -er .block "$WORK/created.json")"

# Bob votes after the snapshot, too, in more sets than one.
change 3
final "$changed" >/dev/null
stop bob KILL
cp "$WORK/log/bob.log" "$WORK/log/bob-before.log"

say "Bob starts anew, from the snapshot of block $n"
start_node bob "$WORK/bob-anew" --bob --node-key "$(new_node_key)" \
	--thin-from "$(jq -r .snapshot_id "$WORK/created.json")" --thin-store "$store" \
	--thin-allow-uncertified
wait_for_log bob 'casts no GRANDPA votes until' 120
wait_for_log bob 'Caught up. This authority votes from the next set on' 300
! grep -q 'votes from now on' "$WORK/log/bob.log" || fail "Bob votes in a set he may have voted in"
! grep -q 'Prepared block' "$WORK/log/bob.log" || fail "Bob authors a block, and is no authority"

# Of two authorities both have to vote.
change 1
wait_for_log bob 'votes from now on' 300
say "block $(final $((changed + 10))) is final, which took Bob's vote"
wait_for_log bob 'Prepared block' 120
for name in alice bob bob-before; do
	! grep -i 'equivocat' "$WORK/log/$name.log" || fail "$name has seen an equivocation"
done
say "authority: all right"
