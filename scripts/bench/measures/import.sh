# Blocks imported, and RPC reads, on a thin node and on a native one. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

measure_import() {
	local round side goal
	goal="$(jq .height "$CHAIN/later.json")"
	# Round 0 counts for nothing: it fills the kernel's memory, and the cache of thin, cached.
	for ((round = 0; round <= rounds; round++)); do
		for side in native "thin, cold" "thin, cached"; do
			prepare_side "$side"
			read_by_rpc "$side" "$round"
		done
		for side in native "thin, cached"; do
			prepare_side "$side"
			import_once "$side" "$round" "$goal"
		done
	done
	rm -rf "$WORK/importing" "$WORK/cache-import"
}

# prepare_side SIDE: a fresh base path, $WORK/importing, and what its node is told, SIDE_OPTIONS.
prepare_side() {
	rm -rf "$WORK/importing"
	SIDE_OPTIONS=()
	[ "$1" != native ] || copy_base "$WORK/base" "$WORK/importing"
	[ "$1" = native ] || mapfile -t SIDE_OPTIONS < <(thin_options)
	[ "$1" != "thin, cached" ] || SIDE_OPTIONS+=(--thin-cache "$WORK/cache-import")
}

# read_by_rpc SIDE ROUND: the same places in each round.
read_by_rpc() {
	local side="$1" round="$2" name="${1//[^a-z]/-}" line key
	BOOTNODES=()
	answer "$name" "$WORK/importing" "${SIDE_OPTIONS[@]}"
	line="$(node "$SCRIPTS/bench/lib/reads.mjs" "${RPC_PORT[$name]}" "$N" "$N_HASH")"
	stop "$name"
	[ "$round" -gt 0 ] || return 0
	for key in $(jq -r 'keys_unsorted[]' <<<"$line"); do
		record "${key//_/ }" "$side" /s "$(jq ".$key" <<<"$line")"
	done
}

# import_once SIDE ROUND GOAL
import_once() {
	local side="$1" round="$2" goal="$3" name="${1//[^a-z]/-}" line
	start_peer "$CHAIN/later"
	answer "$name" "$WORK/importing" "${SIDE_OPTIONS[@]}"
	line="$("$SCRIPTS/bench/lib/imported.mjs" "${RPC_PORT[$name]}" "$goal" 1200)"
	stop "$name"
	stop_peer
	[ "$round" -eq 0 ] || record blocks "$side" blocks/s "$(jq .rate <<<"$line")"
}
