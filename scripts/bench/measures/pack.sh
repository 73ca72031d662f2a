# Packing a database, and one that is some blocks older. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

measure_pack() {
	local round seconds changed uploaded database
	database="$(database_of "$WORK/base")"
	for ((round = 1; round <= rounds; round++)); do
		rm -rf "$WORK/packed"
		seconds="$(seconds_of cp -r "$database" "$WORK/packed")"
		record "the whole database" cp MB/s "$(jq -n "$DATABASE_BYTES / $seconds / 1e6")"
		rm -rf "$WORK/packed"
		serve_again "$WORK/packed"
		seconds="$(seconds_of "$THIN_MOUNT" pack "$database" --store "$PACK_STORE")"
		record "the whole database" pack MB/s "$(jq -n "$DATABASE_BYTES / $seconds / 1e6")"
		stop pack-store
	done
	rm -rf "$WORK/packed"

	# A second snapshot, of the same node some blocks later, into the store that has the first.
	copy_base "$CHAIN/later" "$WORK/later"
	"$THIN_NODE" snapshot create --base-path "$WORK/later" --chain "$WORK/chain.json" --store "$STORE" \
		--out "$WORK/later.json" --json >"$WORK/later-created.json" 2>"$WORK/log/create.log" || {
		show_log create
		fail "no second snapshot"
	}
	list_files() { "$THIN_MOUNT" ls "$1" --recursive --store "$STORE" --json; }
	changed="$(jq -n --slurpfile old <(list_files "$IMAGE") \
		--slurpfile new <(list_files "$(jq -r '.image_id | ltrimstr("0x")' "$WORK/later-created.json")") \
		'($old | map({ key: .path, value: .root }) | from_entries) as $known |
			[$new[] | select(.root != null and $known[.path] != .root) | .size] | add // 0')"
	uploaded="$(jq .uploaded_bytes "$WORK/later-created.json")"
	record "a second snapshot" changed bytes "$changed"
	record "a second snapshot" uploaded bytes "$uploaded"
	rm -rf "$WORK/later"
}

# serve_again FOLDER: a second store, empty, at PACK_STORE.
serve_again() {
	local address
	mkdir -p "$1/data" "$1/index"
	start pack-store "$THIN_MOUNT" serve --data "$1/data" --index "$1/index" --listen 127.0.0.1:0
	address="$(wait_for_line pack-store '^listening on ' 60)"
	PACK_STORE="zdb://${address#listening on }/default"
}
