# Blocks imported, and RPC reads, on a thin node and on a native one. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

# "thin, settled" is a node as it is from its second hour on: all of the image is in the cache, and the walk to genesis
# is done.
measure_import() {
	local round side goal
	goal="$(jq .height "$CHAIN/later.json")"
	settle
	for ((round = 1; round <= rounds; round++)); do import_in_turn; done
	# Round 0 counts for nothing: it fills the kernel's memory, and the cache of thin, cached.
	for ((round = 0; round <= rounds; round++)); do
		for side in native "thin, cold" "thin, cached" "thin, settled"; do
			prepare_side "$side"
			read_by_rpc "$side" "$round"
		done
		for side in native "thin, cached" "thin, settled"; do
			[ "$round" -gt 0 ] || [ "$side" = "thin, cached" ] || continue
			prepare_side "$side"
			import_once "$side" "$round" "$goal"
		done
	done
	rm -rf "$WORK/importing" "$WORK/cache-import" "$WORK/settled" "$WORK/cache-settled"
}

# A base path whose node has walked to genesis, $WORK/settled, and a cache with the whole image.
settle() {
	local options
	"$THIN_MOUNT" hydrate "$IMAGE" --store "$STORE" --cache "$WORK/cache-settled" >/dev/null
	mapfile -t options < <(thin_options)
	BOOTNODES=()
	answer settling "$WORK/settled" "${options[@]}" --thin-cache "$WORK/cache-settled" \
		--thin-history-rate 1000000
	"$SCRIPTS/bench/lib/walked.mjs" "${RPC_PORT[settling]}" 1200 >/dev/null
	stop settling
}

# prepare_side SIDE: a fresh base path, $WORK/importing, and what its node is told, SIDE_OPTIONS.
prepare_side() {
	rm -rf "$WORK/importing"
	SIDE_OPTIONS=()
	case "$1" in
	native) copy_base "$WORK/base" "$WORK/importing" ;;
	"thin, settled")
		copy_base "$WORK/settled" "$WORK/importing"
		SIDE_OPTIONS=(--thin-cache "$WORK/cache-settled")
		;;
	*) mapfile -t SIDE_OPTIONS < <(thin_options) ;;
	esac
	[ "$1" != "thin, cached" ] || SIDE_OPTIONS+=(--thin-cache "$WORK/cache-import")
}

# answer_as SIDE NAME: the node of prepare_side, once it answers, and is settled if it is to be.
answer_as() {
	BOOTNODES=()
	answer "$2" "$WORK/importing" "${SIDE_OPTIONS[@]}"
	[ "$1" != "thin, settled" ] || "$SCRIPTS/bench/lib/passed.mjs" "${METRICS_PORT[$2]}" 60
}

# read_by_rpc SIDE ROUND: the same places in each round.
read_by_rpc() {
	local side="$1" round="$2" name="${1//[^a-z]/-}" line key
	answer_as "$side" "$name"
	line="$(node "$SCRIPTS/bench/lib/reads.mjs" "${RPC_PORT[$name]}" "$N" "$N_HASH")"
	stop "$name"
	[ "$round" -gt 0 ] || return 0
	for key in $(jq -r 'keys_unsorted[]' <<<"$line"); do
		record "${key//_/ }" "$side" /s "$(jq ".$key" <<<"$line")"
	done
}

# import_once SIDE ROUND GOAL: the node meets its peer when it is ready.
import_once() {
	local side="$1" round="$2" goal="$3" name="${1//[^a-z]/-}" line peer
	start_peer "$CHAIN/later"
	peer="${BOOTNODES[0]}"
	answer_as "$side" "$name"
	line="$("$SCRIPTS/bench/lib/imported.mjs" "${RPC_PORT[$name]}" "$goal" 1200 "$peer")"
	stop "$name"
	stop_peer
	[ "$round" -eq 0 ] || record blocks "$side" blocks/s "$(jq .rate <<<"$line")"
}

# The same blocks by three nodes in one process, in turn, block by block: an ordinary one, a settled one, and one that
# reads the same mount and believes what it reads. No network takes part.
import_in_turn() {
	local line
	copy_base "$WORK/base" "$WORK/turn-native"
	copy_base "$WORK/settled" "$WORK/turn-thin"
	copy_base "$WORK/settled" "$WORK/turn-believing"
	copy_base "$CHAIN/later" "$WORK/turn-later"
	"$THIN_NODE" measure-import --chain "$WORK/chain.json" --base-path "$WORK/turn" "${PRUNING[@]}" \
		--blocks-of "$WORK/turn-later" --native "$WORK/turn-native" --believing "$WORK/turn-believing" \
		--thin "$WORK/turn-thin" --thin-cache "$WORK/cache-settled" >"$WORK/turn.json" 2>"$WORK/log/turn.log" || {
		show_log turn
		fail "the blocks could not be imported in turn"
	}
	while read -r line; do
		record "blocks, in turn" "$(jq -r .side <<<"$line")" ms "$(jq '.seconds * 1000 / .blocks' <<<"$line")"
	done <"$WORK/turn.json"
	rm -rf "$WORK"/turn*
}
