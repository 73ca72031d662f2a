#!/usr/bin/env bash
# Tests the duties of nodes over a network: publishing, attesting, and starting from what comes
# of it.
#
# Usage: scripts/test/network.sh [--bin DIRECTORY] [--snapshots N] [--help]
#
# Each node and each store is a host of its own: a network namespace behind a link of 20 ms and
# 100 Mbit/s. Two validators, a publisher, two attesters, two stores, and somebody who vouches
# without looking.
#
#   1. the publisher publishes by itself; the attesters audit and vouch by themselves; their RPC and
#      their metrics say so
#   2. for each certified snapshot, a fresh node starts from it, given its id and an RPC
#   3. one store is killed: what is certified already is still started from, and the publisher
#      goes on when the store is back; meanwhile one snapshot after the other is made of a validator
#      whose blocks are full
#   4. the publisher is killed with -9 in between, and goes on; what it retires leaves the stores,
#      and what it keeps is whole
#   5. a spoiled snapshot, which an attester vouches for without looking: the others dispute it, a
#      fresh node that is told to start from it refuses, and who vouched is slashed
# Snapshots are listed, shown, registered and vouched for from the command line on the way.
#
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#   --snapshots N     how many have to be published, certified and used [3]
#
# Takes root (network namespaces). Exit codes: 0 passed, 1 failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
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
find_programs "$bin" thin-node thin-mount
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

# give_key HOST SEED: the key that its duties are signed with. The publisher has a file for that.
give_key() {
	"$THIN_NODE" key insert --chain "$WORK/chain.json" --base-path "$WORK/$1" \
		--key-type thin --scheme sr25519 --suri "$2" 2>/dev/null
}

# Nobody else uploads to its stores: what a new snapshot needs is never garbage.
start_publisher() {
	start_node pub --thin-publish "$(store one)" --thin-publish "$(store two)" \
		--thin-publish-every 32 --thin-publish-keep 2 --thin-publish-grace 1s --thin-key "$WORK/key"
}

# duties HOST: what its RPC says of them.
duties() { check "$1" duties "$RPC"; }

# snapshot HOST COMMAND…: from the command line, asking the node of Alice.
snapshot() {
	on alice "$THIN_NODE" snapshot "$@" --rpc "ws://127.0.0.1:$RPC" --json
}

# ends_with CODE TEXT COMMAND…: it ends so, and says so.
ends_with() {
	local code=0 wanted="$1" text="$2"
	shift 2
	"$@" >"$WORK/log/ends.out" 2>"$WORK/log/ends.log" || code=$?
	if [ "$code" -ne "$wanted" ] || ! grep -qF -- "$text" "$WORK/log/ends.log"; then
		show_log ends
		fail "'${*: -3}' ended with $code, not with $wanted and '$text'"
	fi
}

# same_list [--certified]: the same as by polkadot-js. More may come meanwhile.
same_list() {
	local before theirs after
	before="$(snapshot list "$@" | jq -c '[.snapshots[].id]')"
	theirs="$(polkadot list "$@" | jq -c '[.snapshots[].id]')"
	after="$(snapshot list "$@" | jq -c '[.snapshots[].id]')"
	jq -en --argjson before "$before" --argjson theirs "$theirs" --argjson after "$after" \
		'($before | length > 0) and ($before - $theirs == []) and ($theirs - $after == [])' >/dev/null ||
		fail "snapshot list ${*:-} has $before, list.mjs $theirs, and then it has $after"
}

# What the command line says is what polkadot-js says, and what isn't there is not found.
check_commands() {
	local id="$1" field unknown ours theirs
	same_list --certified
	same_list
	# Both may write the default port, or leave it out.
	for field in block_hash image status 'locations | map(sub(":9900/"; "/"))' attestations publisher \
		expires_at; do
		ours="$(snapshot show "$id" | jq -cS ".$field")"
		theirs="$(polkadot show "$id" | jq -cS ".$field")"
		[ "$ours" = "$theirs" ] ||
			fail "snapshot show has other ${field%% *} than show.mjs: $ours, not $theirs"
	done
	unknown="0x$(printf '%064d' 7)"
	ends_with 1 "no snapshot $unknown is registered" snapshot show "$unknown"
	ends_with 2 "no node answers at ws://127.0.0.1:1:" \
		"$THIN_NODE" snapshot list --rpc ws://127.0.0.1:1
	ends_with 1 "snapshots.NotBonded" snapshot attest "$id" --suri //Ferdie
	say "the command line lists and shows the snapshot as polkadot-js does"
}

# What the duties say of themselves, in RPC and metrics.
check_health() {
	[ "$(duties alice)" = '{"publisher":null,"attester":null}' ] || fail "Alice says that she has duties"
	duties pub >"$WORK/pub.json"
	jq -e '.publisher | .made >= 1 and .certified >= 1 and .last_success != null and .every == 32 and
		(.snapshots | length) >= 1 and .uploaded_bytes > 0' "$WORK/pub.json" >/dev/null ||
		fail "the publisher says of itself: $(cat "$WORK/pub.json")"
	duties ann >"$WORK/ann.json"
	jq -e '.attester | .audits >= 1 and .vouched_for >= 1 and .disputed == 0 and .last_success != null' \
		"$WORK/ann.json" >/dev/null || fail "an attester says of itself: $(cat "$WORK/ann.json")"
	on pub node "$SCRIPTS/test/deploy.mjs" publisher-metrics "$SCRIPTS/../deploy" "$METRICS"
	on ann node "$SCRIPTS/test/deploy.mjs" attester-metrics "$SCRIPTS/../deploy" "$METRICS"
}

# trace_of ID: how many chunks the trace in its image has.
trace_of() {
	local image
	image="$(polkadot show "$1" | jq -r .image)"
	on alice "$THIN_MOUNT" show "${image#0x}" --store "$(store two)" --json | jq .trace_chunks
}

# One snapshot after the other of a node whose blocks are full of transfers.
check_busy() {
	local i attempts most=0 image
	start load ip netns exec "$(namespace alice)" node "$SCRIPTS/load.mjs" \
		--url "ws://127.0.0.1:$RPC" --transfers 40000 --batch 500 --ahead 4 --seed //Ferdie --in-block --json
	for ((i = 1; i <= 6; i++)); do
		on alice "$THIN_NODE" snapshot create --base-path "$WORK/alice" --chain "$WORK/chain.json" \
			--store "dir://$WORK/busy" --out "$WORK/busy.json" --location zdb://127.0.0.1/default \
			--no-trace --json >"$WORK/busy-created.json" 2>"$WORK/log/busy.log" || {
			show_log busy
			fail "no snapshot of a busy node"
		}
		attempts="$(jq .attempts "$WORK/busy-created.json")"
		[ "$attempts" -le "$most" ] || most="$attempts"
		image="$(jq -r .image_id "$WORK/busy-created.json")"
		"$THIN_MOUNT" verify "${image#0x}" --store "dir://$WORK/busy" >"$WORK/log/verify.log" 2>&1 || {
			show_log verify
			fail "the snapshot of a busy node is not whole"
		}
	done
	on alice "$THIN_NODE" snapshot audit "$(jq -r .snapshot_id "$WORK/busy-created.json")" \
		--chain "$WORK/chain.json" --base-path "$WORK/audit" --store "dir://$WORK/busy" \
		>"$WORK/log/audit.log" 2>&1 || {
		show_log audit
		fail "the snapshot of a busy node is wrong"
	}
	stop load
	say "6 snapshots of a busy node, each at the latest at the ${most}. attempt of 30; the last is right"
}

# What was retired leaves the stores; what is kept is whole.
check_cleaned() {
	local gone="$1" host id image kept
	removed() { duties pub | jq -r 'select(.publisher.removed_bytes > 0) | .publisher.removed_bytes'; }
	kept="$(wait_for "what was retired is removed" 600 removed)"
	for host in one two; do
		ends_with 1 "is in none of the stores" \
			on alice "$THIN_MOUNT" show "${gone#0x}" --store "$(store "$host")"
		for id in $(certified); do
			image="$(polkadot show "$id" | jq -r .image)"
			on alice "$THIN_MOUNT" verify "${image#0x}" --store "$(store "$host")" \
				>"$WORK/log/verify.log" 2>&1 || {
				show_log verify
				fail "cleaning has taken something from $id on $host"
			}
		done
	done
	say "$kept bytes of retired snapshots were removed, and those that are kept are whole"
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
printf '//Dave\n' >"$WORK/key"
give_key ann //Alice
give_key ben //Bob
start_publisher
start_node ann --thin-attest
start_node ben --thin-attest
for seed in //Alice //Bob //Eve; do polkadot bond least --seed "$seed" --in-block >/dev/null; done

say "2/5 waiting for the first snapshot to be published, audited and certified (some minutes)"
id="$(wait_for "a certified snapshot" 600 new_certified)"
first="$(polkadot show "$id" | jq -r .image)"
use "$id"
check_commands "$id"
# It was certified in the best block; the duties look at what is final.
noticed() { duties pub | jq -r 'select(.publisher.certified > 0) | .publisher.certified'; }
vouched() { duties ann | jq -r 'select(.attester.vouched_for > 0) | .attester.vouched_for'; }
wait_for "the publisher notices" 120 noticed >/dev/null
wait_for "the attester notices" 120 vouched >/dev/null
check_health
[ ! -e /dev/fuse ] || [ "$(trace_of "$id")" -gt 0 ] || {
	show_log pub
	fail "the published image has no trace"
}

if [ "$snapshots" -ge 2 ]; then
	say "3/5 a store is killed"
	stop one KILL
	use "$id"
	check_busy
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

if [ "$snapshots" -ge 3 ]; then
	check_cleaned "$first"
fi

say "5/5 a spoiled snapshot, and an attester who vouches for it without looking"
start_store three
on bob "$THIN_NODE" snapshot create --base-path "$WORK/bob" --chain "$WORK/chain.json" \
	--store "$(store three)" --out "$WORK/spoiled.json" --json \
	>"$WORK/spoiled-created.json" 2>"$WORK/log/spoiled.log" || {
	show_log spoiled
	fail "no snapshot to spoil"
}
on three node "$SCRIPTS/test/spoil.mjs" "$(address three)" 9900
bad="$(jq -r .snapshot_id "$WORK/spoiled-created.json")"
# The attesters must not be through with it before her. What they have vouched for they remember.
stop ann
stop ben
[ "$(snapshot register "$WORK/spoiled.json" --suri //Charlie --in-block | jq -r .snapshot_id)" = "$bad" ] ||
	fail "snapshot register has registered something else"
printf '//Eve\n' >"$WORK/eve"
[ "$(snapshot attest "$bad" --key-file "$WORK/eve" --in-block | jq .attesters)" = 1 ] ||
	fail "snapshot attest did not vouch"
ends_with 1 "snapshots.AlreadyRegistered" \
	snapshot register "$WORK/spoiled.json" --suri //Charlie --in-block
start_node ann --thin-attest
start_node ben --thin-attest
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

eve=5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw
polkadot resolve "$bad" --verdict fraudulent --seed //Alice --in-block >"$WORK/resolved.json"
jq -e --arg eve "$eve" '[.slashed[] | select(.account == $eve) | .value | tonumber] | add > 0' \
	"$WORK/resolved.json" >/dev/null ||
	fail "who vouched for it was not slashed: $(cat "$WORK/resolved.json")"
disputes() { { duties ann && duties ben; } | jq -s 'map(.attester.disputed) | add | select(. > 0)'; }
wait_for "an attester counts its dispute" 120 disputes >/dev/null
say "it was found wrong, and who vouched for it was slashed"
