# Proofs of the snapshot as files and beside its image, and starts from them. Sourced by demo.sh.
# shellcheck shell=bash

# altered FILE COPY: a copy with one bit changed in its middle.
altered() {
	local middle byte
	middle=$(($(stat -c %s "$1") / 2))
	byte="$(od -An -tu1 -j "$middle" -N 1 "$1" | tr -d ' ')"
	cp "$1" "$2"
	printf %b "\\x$(printf %02x $((byte ^ 1)))" | dd of="$2" bs=1 seek="$middle" conv=notrunc status=none
}

# prove RPC-PORT ID OPTION…: the proof that a node makes, as one JSON object.
prove() {
	"$THIN_NODE" snapshot prove "$2" --rpc "ws://127.0.0.1:$1" --chain "$WORK/chain.json" --json \
		"${@:3}" 2>"$WORK/log/prove.log" || {
		show_log prove
		fail "the node at port $1 makes no proof that holds"
	}
}

# starts_with NAME BLOCK-HASH OPTION…: a fresh node, started so, has the snapshot that was made.
# Sets `seconds`.
starts_with() {
	local name="$1" hash="$2" started
	shift 2
	started="$(now_ms)"
	start_node "$name" "$WORK/$name" --name "$name" "$@"
	seconds="$(until_first_answer "$name" "$hash" "$started" 120)"
	ask thin-status "${RPC_PORT[$name]}" "$WORK/created.json" >/dev/null
	stop "$name"
}

# check_proofs ID BLOCK-HASH STORE ATTESTERS SET: the validator and the thin node both run, and this
# set of authorities is in charge after the block.
check_proofs() {
	local id="$1" hash="$2" store="$3" attesters="$4" set="$5" number seconds code=0
	# A thin node proves as well as a full one.
	prove "${RPC_PORT[thin]}" "$id" --out "$WORK/thin.proof" >/dev/null
	number="$(prove "${RPC_PORT[alice]}" latest --out "$WORK/proof" --store "$store" | jq '.stored[0].number')"
	[ "$number" = 0 ] || fail "the proof beside the image has the number $number, and none was there"

	for proof in thin.proof proof; do
		"$THIN_NODE" snapshot check "$WORK/$proof" --chain "$WORK/chain.json" --json \
			>"$WORK/checked.json" 2>"$WORK/log/check.log" || {
			show_log check
			fail "the file $proof does not hold"
		}
		jq -e --arg id "$id" --argjson attesters "$attesters" --argjson set "$set" '.holds and
			.snapshot_id == $id and .block_proven and .authority_set == $set and
			.status == "certified" and .standing_attesters == $attesters and
			.standing_stake == .attested and .newer == []' "$WORK/checked.json" >/dev/null ||
			fail "the file $proof proves something else: $(cat "$WORK/checked.json")"
	done
	say "its block is proven through $set changes of authorities, and that $attesters attesters stand for" \
		"it, in $(jq .bytes "$WORK/checked.json") bytes"

	altered "$WORK/proof" "$WORK/altered.proof"
	"$THIN_NODE" snapshot check "$WORK/altered.proof" --chain "$WORK/chain.json" --json \
		>"$WORK/altered.json" 2>/dev/null || code=$?
	[ "$code" -eq 1 ] || fail "the check of an altered proof ended with $code, not 1"
	say "an altered one does not hold: $(jq -r .reason "$WORK/altered.json")"

	starts_with from-file "$hash" --thin-from "$id" --thin-proof "$WORK/proof"
	say "a fresh node starts from the file in $seconds seconds"
	starts_with from-store "$hash" --thin-from "$id" --thin-store "$store"
	say "a fresh node starts from the store alone, with no RPC, in $seconds seconds"
	starts_with from-latest "$hash" --thin-from latest \
		--thin-proof "ws://127.0.0.1:${RPC_PORT[thin]}" --thin-min-attesters "$attesters"
	say "a fresh node finds the latest one by the RPC of the thin node in $seconds seconds"
}
