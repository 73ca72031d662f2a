#!/usr/bin/env bash
# Tests the duties of nodes over a network: publishing, attesting, and starting from what comes
# of it.
#
# Usage: scripts/test/network.sh --bin DIRECTORY [--snapshots N] [--help]
#
# Each node and each store is a host of its own: a network namespace behind a link of 20 ms and
# 100 Mbit/s. Two validators, a publisher, two attesters, two stores, and somebody who vouches
# without looking.
#
#   1. the publisher publishes by itself; the attesters audit and vouch by themselves
#   2. for each certified snapshot, a fresh node starts from it, given its id and an RPC
#   3. one store is killed: what is certified already is still started from, and the publisher
#      goes on when the store is back
#   4. the publisher is killed with -9 in between, and goes on
#   5. a spoiled snapshot, which somebody vouches for: the attesters dispute it, and a fresh node
#      that is told to start from it refuses
#
#   --snapshots N   how many have to be published, certified and used [3]
#
# Takes root (network namespaces). Exit codes: 0 passed, 1 failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/test/hosts.sh"

bin=
snapshots=3
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--bin | --snapshots)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		[ "$1" = --bin ] && bin="$2" || snapshots="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$snapshots" =~ ^[1-9]$ ]] || unusable "--snapshots takes a number from 1 to 9, not '$snapshots'"
THIN_NODE="$bin/thin-node"
THIN_MOUNT="$bin/thin-mount"
for program in "$THIN_NODE" "$THIN_MOUNT"; do
	[ -x "$program" ] || unusable "there is no $program; give --bin DIRECTORY"
done
can_make_hosts || unusable "network namespaces take root and iproute2, and a kernel that has them"
make_work_directory thin-network
# The hosts go last, when nothing runs in them any more.
last_word() { remove_hosts; }
make_hosts alice bob pub ann ben one two three tim

# The ports are the same on every host.
RPC=9944
METRICS=9615
check() { on "$1" node "$SCRIPTS/demo/check.mjs" "${@:2}"; }
polkadot() { on alice node "$SCRIPTS/$1.mjs" --url "ws://127.0.0.1:$RPC" --json "${@:2}"; }

BOOTNODES=()
# start_node HOST [OPTION…]
start_node() {
	local host="$1"
	shift
	start "$host" ip netns exec "$(namespace "$host")" "$THIN_NODE" --chain "$WORK/chain.json" --base-path "$WORK/$host" \
		--name "$host" --rpc-port "$RPC" --unsafe-rpc-external --rpc-methods unsafe \
		--rpc-cors all --prometheus-port "$METRICS" \
		--listen-addr "/ip4/$(address "$host")/tcp/30333" --allow-private-ip \
		--state-pruning archive --blocks-pruning archive --no-mdns --no-telemetry \
		${BOOTNODES[@]+--bootnodes "${BOOTNODES[@]}"} "$@"
}

# start_store HOST: an embedded 0-db, with a fixed port.
start_store() {
	mkdir -p "$WORK/$1/data" "$WORK/$1/index"
	start "$1" ip netns exec "$(namespace "$1")" "$THIN_MOUNT" serve --data "$WORK/$1/data" --index "$WORK/$1/index" \
		--listen "$(address "$1"):9900"
	wait_for_line "$1" '^listening on ' 30 >/dev/null
}
store() { printf 'zdb://%s:9900/default' "$(address "$1")"; }

# give_key HOST SEED: the key that its duties are signed with.
give_key() {
	"$THIN_NODE" key insert --chain "$WORK/chain.json" --base-path "$WORK/$1" \
		--key-type thin --scheme sr25519 --suri "$2" 2>/dev/null
}

start_publisher() {
	start_node pub --thin-publish "$(store one)" --thin-publish "$(store two)" \
		--thin-publish-every 32 --thin-publish-keep 2
}

certified() { polkadot list --certified | jq -r '.snapshots | sort_by(.block_number)[].id'; }

# wait_for WHAT SECONDS COMMAND…: until the command prints something.
wait_for() {
	local what="$1" seconds="$2" found i
	shift 2
	for ((i = 0; i < seconds; i += 3)); do
		found="$("$@" || true)"
		if [ -n "$found" ]; then
			printf '%s\n' "$found"
			return 0
		fi
		for host in "${!PROCESS[@]}"; do
			is_running "$host" || { show_log "$host"; fail "$host has ended"; }
		done
		sleep 3
	done
	show_log pub
	show_log ann
	fail "$what: not within $seconds seconds"
}

# new_certified: the newest certified snapshot that has not been used yet.
USED=()
new_certified() {
	local id
	for id in $(certified); do
		[[ " ${USED[*]-} " == *" $id "* ]] || printf '%s\n' "$id"
	done | tail -n 1
}

# use ID: starts a fresh node from it on host tim, checks it, and stops it.
use() {
	local id="$1" n hash
	n="$(polkadot show "$id" | jq .block_number)"
	hash="$(check alice block-hash "$RPC" "$n" | jq -r .)"
	rm -rf "$WORK/tim"
	start_node tim --thin-from "$id" --thin-proof "ws://$(address alice):$RPC"
	check tim first-answer "$RPC" "$hash" "$(date +%s%3N)" 180 >/dev/null || {
		show_log tim
		fail "no start from $id"
	}
	check tim height "$RPC" finalized $((n + 1)) 180 >/dev/null
	stop tim
	USED+=("$id")
	say "a fresh node started from the snapshot of block $n, and went on"
}

say "1/5 two validators, a publisher, two attesters, two stores"
"$THIN_NODE" export-chain-spec --chain local --raw --output "$WORK/chain.json" 2>/dev/null
start_store one
start_store two
for host in alice bob; do
	start_node "$host" "--$host" --node-key "$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')"
	id="$(check "$host" peer-id "$RPC" 60 | jq -r .)" || fail "$host doesn't start"
	BOOTNODES+=("/ip4/$(address "$host")/tcp/30333/p2p/$id")
done
check alice height "$RPC" best 1 120 >/dev/null
give_key pub //Dave
give_key ann //Alice
give_key ben //Bob
start_publisher
start_node ann --thin-attest
start_node ben --thin-attest
for seed in //Alice //Bob //Eve; do polkadot bond least --seed "$seed" --in-block >/dev/null; done

say "2/5 waiting for the first snapshot to be published, audited and certified (some minutes)"
id="$(wait_for "a certified snapshot" 600 new_certified)"
use "$id"

if [ "$snapshots" -ge 2 ]; then
	say "3/5 a store is killed"
	stop one KILL
	use "$id"
	start_store one
	id="$(wait_for "a snapshot after the store is back" 600 new_certified)"
	use "$id"
fi

for ((i = 3; i <= snapshots; i++)); do
	say "4/5 the publisher is killed with -9"
	stop pub KILL
	start_publisher
	id="$(wait_for "a snapshot after the publisher is back" 600 new_certified)"
	use "$id"
done

say "5/5 a spoiled snapshot, and somebody who vouches for it"
start_store three
on bob "$THIN_NODE" snapshot create --base-path "$WORK/bob" --chain "$WORK/chain.json" \
	--store "$(store three)" --out "$WORK/spoiled.json" --json \
	>"$WORK/spoiled-created.json" 2>"$WORK/log/spoiled.log" || {
	show_log spoiled
	fail "no snapshot to spoil"
}
on three node "$SCRIPTS/test/spoil.mjs" "$(address three)" 9900
bad="$(jq -r .snapshot_id "$WORK/spoiled-created.json")"
polkadot register --call-file "$WORK/spoiled.json" --seed //Charlie --in-block >/dev/null
# On a slow machine the attesters may be through with it before her.
polkadot attest "$bad" --seed //Eve --in-block >/dev/null 2>"$WORK/log/eve.log" ||
	grep -q 'snapshots.Disputed' "$WORK/log/eve.log" || {
	show_log eve
	fail "nobody can vouch for the spoiled snapshot"
}
disputed() { polkadot show "$bad" | jq -r 'select(.status == "disputed") | .status'; }
wait_for "a dispute of the spoiled snapshot" 600 disputed >/dev/null
say "disputed"
# A proof shows what is final, which is some blocks behind.
final="$(polkadot show "$bad" | jq -r .status_detail.since)"
check alice height "$RPC" finalized "$final" 120 >/dev/null
code=0
rm -rf "$WORK/tim"
on tim timeout 120 "$THIN_NODE" --chain "$WORK/chain.json" --base-path "$WORK/tim" \
	--thin-from "$bad" --thin-proof "ws://$(address alice):$RPC" --no-mdns --no-telemetry \
	</dev/null >"$WORK/log/tim.out" 2>"$WORK/log/tim.log" || code=$?
if [ "$code" -eq 0 ] || [ "$code" -eq 124 ]; then
	fail "a node started from a disputed snapshot"
fi
grep -q '^Error: .*disputed' "$WORK/log/tim.log" || {
	show_log tim
	fail "the refusal doesn't say that the snapshot is disputed"
}
say "a fresh node refused it: $(grep -m1 '^Error: ' "$WORK/log/tim.log" | cut -c8-)"
