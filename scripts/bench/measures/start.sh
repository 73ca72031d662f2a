# From the start of a node to its answer for state at block N. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

# make_snapshot BASE-PATH: into a store, which runs from then on. Sets STORE, SNAPSHOT, IMAGE, N and N_HASH.
make_snapshot() {
	say "making a snapshot of the chain (seconds for each gigabyte)"
	serve_store "$WORK/zdb"
	"$THIN_NODE" snapshot create --base-path "$1" --chain "$WORK/chain.json" --store "$STORE" \
		--out "$WORK/snapshot.json" --json >"$WORK/created.json" 2>"$WORK/log/create.log" || {
		show_log create
		fail "no snapshot of the chain"
	}
	SNAPSHOT="$(jq -r .snapshot_id "$WORK/created.json")"
	IMAGE="$(jq -r .image_id "$WORK/created.json")"
	IMAGE="${IMAGE#0x}"
	# The newest block whose justification the database has kept.
	N="$(jq .block "$WORK/created.json")"
	N_HASH="$(jq -r .manifest.block_hash "$WORK/created.json")"
}

# thin_options: how a node starts from it; nobody has registered it.
thin_options() {
	printf '%s\n' --thin-from "$SNAPSHOT" --thin-store "$STORE" --thin-allow-uncertified
}

# answer NAME BASE-PATH OPTION…: starts a node and waits for its answer, into SECONDS_TAKEN,
# FETCHED and CHUNKS. The node goes on.
answer() {
	local name="$1" base="$2" started line
	shift 2
	choose_ports "$name"
	started="$(now_ms)"
	start_node "$name" "$base" --name "$name" "$@"
	line="$("$SCRIPTS/bench/lib/first-answer.mjs" "${RPC_PORT[$name]}" "$N_HASH" "$started" 1200 "${PROCESS[$name]}")" || {
		show_log "$name"
		fail "$name doesn't answer for state at block $N"
	}
	SECONDS_TAKEN="$(jq .seconds <<<"$line")"
	FETCHED="$(jq .fetched <<<"$line")"
	CHUNKS="$(jq .chunks <<<"$line")"
}

# start_once CASE SIDE BASE-PATH OPTION…: an answer, noted, and the node stopped.
start_once() {
	local case="$1" side="$2" base="$3"
	shift 3
	answer "${side//[^a-z]/-}" "$base" "$@"
	stop "${side//[^a-z]/-}"
	[ -z "$case" ] || record "$case" "$side" s "$SECONDS_TAKEN"
}

# The sides that take seconds: one turn of each.
start_turn() {
	local case="$1" options
	mapfile -t options < <(thin_options)
	rm -rf "$WORK/native" "$WORK/thin"
	copy_base "$WORK/base" "$WORK/native"
	start_once "$case" native "$WORK/native"
	start_once "$case" "thin, cold" "$WORK/thin" "${options[@]}"
	if [ -n "$case" ]; then
		record fetched database bytes "$DATABASE_BYTES"
		record fetched "thin, cold" bytes "$FETCHED"
		record "chunks fetched" "thin, cold" chunks "$CHUNKS"
	fi
	[ -n "$case" ] || walk_once "${options[@]}"
	start_once "$case" "thin, again" "$WORK/thin"
	for side in cached hydrated; do
		rm -rf "$WORK/thin"
		start_once "$case" "thin, $side" "$WORK/thin" "${options[@]}" --thin-cache "$WORK/cache-$side"
	done
	rm -rf "$WORK/thin" "$WORK/native"
}

# walk_once OPTION…: what a fresh node fetches by the time it has walked to genesis.
walk_once() {
	local walked
	answer walking "$WORK/walking" "$@"
	walked="$("$SCRIPTS/bench/lib/walked.mjs" "${RPC_PORT[walking]}" 1200)"
	stop walking
	record "fetched with the walk to genesis" "thin, cold" bytes "$walked"
	rm -rf "$WORK/walking"
}

measure_start() {
	local round
	BOOTNODES=()
	"$THIN_MOUNT" hydrate "$IMAGE" --store "$STORE" --cache "$WORK/cache-hydrated" >/dev/null
	# What counts for nothing: it fills the kernel's memory, and the cache of thin, cached.
	start_turn ""
	for ((round = 1; round <= rounds; round++)); do start_turn "from this machine"; done
	rm -rf "$WORK/cache-hydrated"
	start_far_away
	start_from_tarball "from this machine"
	start_from_squashfs
	start_after_sync
	start_slowly 1gbit "1 Gbit/s"
	start_slowly 100mbit "100 Mbit/s"
}

# start_slowly RATE TEXT: with so much between everybody.
start_slowly() {
	if [ -z "${BENCH_NETWORK:-}" ] || ! limit_rate "$1"; then
		skip "starts over $2" "no network of our own, or no tbf"
		return 0
	fi
	say "with $2 (minutes)"
	cold_starts "over $2"
	start_from_tarball "over $2"
	lift_rate
}

# cold_starts CASE: of a thin node, one for each round, from the store as it is now.
cold_starts() {
	local round options
	mapfile -t options < <(thin_options)
	for ((round = 1; round <= rounds; round++)); do
		rm -rf "$WORK/thin"
		start_once "$1" "thin, cold" "$WORK/thin" "${options[@]}"
	done
	rm -rf "$WORK/thin"
}

# The store alone is away, by a proxy: what a round trip costs.
start_far_away() {
	local ms address near="$STORE"
	address="${STORE#zdb://}"
	for ms in 1 20 80; do
		start "away-$ms" node "$SCRIPTS/bench/lib/delay.mjs" "${address%/*}" "$ms"
		STORE="$(wait_for_line "away-$ms" '^listening on ' 30)"
		STORE="zdb://${STORE#listening on }/default"
		cold_starts "store $ms ms away"
		stop "away-$ms"
		STORE="$near"
	done
}

# The archive is made before; it is served by HTTP from memory, and unpacked as it comes.
start_from_tarball() {
	local case="$1" started taken
	[ -f "$WORK/base.tar" ] || tar -C "$WORK" -cf "$WORK/base.tar" base
	start http node "$SCRIPTS/bench/lib/http.mjs" serve "$WORK/base.tar"
	local url
	url="$(wait_for_line http '^http' 30)"
	mkdir -p "$WORK/unpacked"
	started="$(now_ms)"
	node "$SCRIPTS/bench/lib/http.mjs" get "$url" | tar -C "$WORK/unpacked" -xf -
	taken=$(($(now_ms) - started))
	stop http
	answer tarball "$WORK/unpacked/base"
	stop tarball
	record "$case" tarball s "$(jq -n "$taken / 1000 + $SECONDS_TAKEN")"
	rm -rf "$WORK/unpacked"
}

# A stock node over an overlay whose lower layer is the squashfs image.
start_from_squashfs() {
	local place="$WORK/squashfs"
	if ! command -v squashfuse >/dev/null || ! command -v mksquashfs >/dev/null; then
		skip "squashfs" "squashfuse or squashfs-tools are missing"
		return 0
	fi
	mkdir -p "$place/image" "$place/upper" "$place/work" "$place/base"
	mksquashfs "$WORK/base" "$place/file" -comp zstd -Xcompression-level 1 -no-progress >/dev/null
	squashfuse "$place/file" "$place/image"
	if ! mount -t overlay overlay -o \
		"lowerdir=$place/image,upperdir=$place/upper,workdir=$place/work" "$place/base" 2>/dev/null; then
		skip "squashfs" "no overlay can be mounted"
		umount "$place/image"
		return 0
	fi
	start_once "from this machine" "squashfs" "$place/base"
	umount "$place/base"
	umount "$place/image"
	rm -rf "$place"
}

# start_peer BASE-PATH [NAME]: a node that others sync from.
start_peer() {
	local name="${2:-peer}"
	BOOTNODES=()
	copy_base "$1" "$WORK/$name"
	start_node "$name" "$WORK/$name" --name "$name"
	BOOTNODES=("/ip4/127.0.0.1/tcp/${P2P_PORT[$name]}/p2p/$(ask_text peer-id "${RPC_PORT[$name]}" 60)")
}

stop_peer() {
	local name="${1:-peer}"
	stop "$name"
	BOOTNODES=()
	rm -rf "${WORK:?}/$name"
}

# Warp sync doesn't begin with fewer than three peers.
start_after_warp_sync() {
	local name nodes=()
	for name in first second third; do
		start_peer "$WORK/small" "$name"
		nodes+=("${BOOTNODES[@]}")
	done
	BOOTNODES=("${nodes[@]}")
	# And not on a node that keeps every state.
	local PRUNING=(--state-pruning 256 --blocks-pruning archive)
	start_once "$1" "warp sync" "$WORK/synced" --sync warp
	for name in first second third; do stop_peer "$name"; done
	rm -rf "$WORK/synced"
}

# Of a smaller chain, or it would take longer than all the rest.
start_after_sync() {
	local chain small=64M options
	local kept=("$N" "$N_HASH" "$SNAPSHOT" "$IMAGE")
	chain="$("$SCRIPTS/bench/chain.sh" "$small" --bin "$bin")"
	mv "$WORK/zdb" "$WORK/zdb.kept"
	mv "$WORK/chain.json" "$WORK/chain.json.kept"
	cp "$chain/chain.json" "$WORK/chain.json"
	copy_base "$chain/base" "$WORK/small"
	make_snapshot "$WORK/small"
	mapfile -t options < <(thin_options)
	start_once "a chain of $small" "thin, cold" "$WORK/thin" "${options[@]}"
	start_peer "$WORK/small"
	start_once "a chain of $small" "full sync" "$WORK/synced" --sync full
	stop_peer
	rm -rf "$WORK/synced"
	start_after_warp_sync "a chain of $small"
	stop store
	rm -rf "$WORK/thin" "$WORK/small" "$WORK/zdb"
	mv "$WORK/zdb.kept" "$WORK/zdb"
	mv "$WORK/chain.json.kept" "$WORK/chain.json"
	N="${kept[0]}" N_HASH="${kept[1]}" SNAPSHOT="${kept[2]}" IMAGE="${kept[3]}"
	serve_store "$WORK/zdb"
}
