# Starts that have to be refused. Sourced by demo.sh, which has made a snapshot and a full node.
# shellcheck shell=bash

# What is in a folder, and when it was last written.
state_of() {
	[ ! -d "$1" ] || find "$1" -mindepth 1 -printf '%P %y %s %T@\n' | sort
}

# refused WHAT BASE-PATH OPTION…: ends by itself with an error in words, and writes nothing.
refused() {
	local what="$1" base="$2" before code=0 reason
	shift 2
	before="$(state_of "$base")"
	timeout 120 "$THIN_NODE" --base-path "$base" --port "$(free_port)" --rpc-port "$(free_port)" \
		--no-mdns --no-telemetry --no-prometheus --state-pruning archive --blocks-pruning archive \
		"$@" </dev/null >"$WORK/log/refused.out" 2>"$WORK/log/refused.log" 3>&- || code=$?
	if [ "$code" -eq 0 ] || [ "$code" -eq 124 ] || [ "$code" -ge 128 ]; then
		show_log refused
		fail "$what: the node wasn't refused as it should be (exit code $code)"
	fi
	if grep -q panicked "$WORK/log/refused.log"; then
		show_log refused
		fail "$what: the node panicked"
	fi
	reason="$(grep -m1 '^Error: ' "$WORK/log/refused.log")" || {
		show_log refused
		fail "$what: the node doesn't say why"
	}
	[ "$(state_of "$base")" = "$before" ] || fail "$what: the refused start left something in its base path"
	say "refused, as it should be: $what: ${reason#Error: }"
}

# Also needs the files proof and altered.proof, of check_proofs.
# check_refusals ID PROOF-URL BASE-PATH-OF-A-FULL-NODE: the 0-db has to be stopped for the last.
check_refusals() {
	local unknown="0x0000000000000000000000000000000000000000000000000000000000000001"
	refused "an unknown id" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$unknown" --thin-proof "$2"
	refused "a base path with another database" "$3" --chain "$WORK/chain.json" --thin-from "$1" --thin-proof "$2"
	refused "another chain" "$WORK/refused" --chain dev --thin-from "$1" --thin-proof "$2"
	refused "no node behind --thin-proof" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1" \
		--thin-proof "ws://127.0.0.1:$(free_port)"
	refused "more stake than there is" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1" \
		--thin-proof "$2" --thin-min-stake 340282366920938463463374607431768211455
	refused "more attesters than there are" "$WORK/refused" --chain "$WORK/chain.json" --thin-from latest \
		--thin-proof "$2" --thin-min-attesters 4
	refused "a proof that is too old" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1" \
		--thin-proof "$WORK/proof" --thin-max-age 1s
	refused "an altered proof" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1" \
		--thin-proof "$WORK/altered.proof"
	refused "nothing but an id" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1"
	stop 0-db
	refused "no store that answers" "$WORK/refused" --chain "$WORK/chain.json" --thin-from "$1" --thin-proof "$2"
}
