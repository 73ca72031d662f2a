# What an attester does before vouching for a snapshot. Sourced by demo.sh.
# shellcheck shell=bash

audit_snapshot() {
	# demo.sh has made the store.
	# shellcheck disable=SC2154
	"$THIN_NODE" snapshot audit "$1" --base-path "$WORK/audit" --chain "$WORK/chain.json" \
		--store "$store" --work "$WORK" --json >"$WORK/audit.json" 2>"$WORK/log/audit.log"
}

# check_audit ID N: all of it is right, and all of it was looked at.
check_audit() {
	local code=0 found
	audit_snapshot "$1" || {
		show_log audit
		cat "$WORK/audit.json"
		fail "the audit finds something wrong with the snapshot"
	}
	jq -e --argjson n "$2" '.ok and .chunks.wrong_chunks == 0 and .bodies_from == 0 and (.database |
		.blocks.lowest == 0 and .blocks.headers == $n and .blocks.bodies == $n and
		.states.whole == $n + 1)' "$WORK/audit.json" >/dev/null || {
		cat "$WORK/audit.json"
		fail "the audit has not looked at everything"
	}
	found="$(jq -r '"\(.chunks.good_chunks) chunks, \(.database.blocks.headers) blocks," +
		" \(.database.states.whole) states of \(.database.states.nodes) trie nodes"' "$WORK/audit.json")"
	say "audited, as an attester does: $found"
	audit_snapshot "0x0000000000000000000000000000000000000000000000000000000000000001" || code=$?
	[ "$code" -eq 1 ] || fail "the audit of a snapshot that isn't there ends with $code, not 1"
}
