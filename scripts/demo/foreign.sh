# A snapshot that another chain lists. Sourced by demo.sh.
# shellcheck shell=bash

# A development chain of one validator, which knows nothing of the other chain.
start_registry() {
	local name=registry
	"$THIN_NODE" export-chain-spec --chain dev --raw --output "$WORK/registry.json" 2>/dev/null
	# An associative array, of nodes.sh.
	# shellcheck disable=SC2004
	RPC_PORT[$name]="$(free_port)"
	start "$name" "$THIN_NODE" --chain "$WORK/registry.json" --base-path "$WORK/registry" --alice \
		--force-authoring --unsafe-force-node-key-generation --rpc-port "${RPC_PORT[$name]}" \
		--listen-addr "/ip4/127.0.0.1/tcp/$(free_port)" \
		--no-mdns --no-telemetry --no-prometheus
}

# register_foreign: the snapshot that was made, with the other chain, signed by the key in the
# keystore of its node. Sets `foreign_at`.
register_foreign() {
	local keystore="$WORK/registry/chains/dev/keystore" log="$WORK/log/register-foreign.log"
	local register=("$THIN_NODE" snapshot register "$WORK/snapshot.json" --foreign --in-block --json
		--rpc "ws://127.0.0.1:${RPC_PORT[registry]}" --keystore "$keystore")
	ask height "${RPC_PORT[registry]}" best 1 120 >/dev/null
	! "${register[@]}" >/dev/null 2>"$log" || fail "a keystore without a key should be refused"
	grep -q 'no key of type thin' "$log" || fail "it isn't refused for that: $(cat "$log")"
	"$THIN_NODE" key insert --base-path "$WORK/registry" --chain "$WORK/registry.json" \
		--key-type thin --scheme sr25519 --suri //Alice
	foreign_at="$("${register[@]}" 2>"$log" | jq -er .block)" ||
		fail "the other chain doesn't list the snapshot: $(cat "$log")"
}

# check_foreign ID BLOCK-HASH: the registration is proven from genesis of the one chain, the block
# from genesis of the other. Nobody has attested it there.
check_foreign() {
	local id="$1" hash="$2" rpc="ws://127.0.0.1:${RPC_PORT[registry]}" seconds
	# demo.sh has made the store.
	# shellcheck disable=SC2154
	local options=(--thin-from "$id" --thin-registry "$WORK/registry.json" --thin-store "$store")
	# At least one in 32 blocks has its justification stored.
	attend "$SCRIPTS/demo/check.mjs" height "${RPC_PORT[registry]}" finalized \
		$(((foreign_at / 32 + 1) * 32)) 300 >/dev/null
	"$THIN_NODE" snapshot prove "$id" --rpc "$rpc" --registry "$WORK/registry.json" \
		--chain "$WORK/chain.json" --store "$store" --out "$WORK/foreign.proof" --json \
		>/dev/null 2>"$WORK/log/foreign.log" || {
		show_log foreign
		fail "no proof of the snapshot that the other chain lists"
	}
	"$THIN_NODE" snapshot check "$WORK/foreign.proof" --registry "$WORK/registry.json" \
		--chain "$WORK/chain.json" --json >"$WORK/foreign.json" 2>"$WORK/log/foreign.log" || {
		show_log foreign
		fail "the proof of the snapshot that the other chain lists does not hold"
	}
	jq -e --arg id "$id" '.snapshot_id == $id and .block_proven and .status == "pending" and
		.checked_by_registry == false and .registry != .manifest.genesis_hash' \
		"$WORK/foreign.json" >/dev/null ||
		fail "it proves something else: $(cat "$WORK/foreign.json")"
	starts_with from-foreign "$hash" "${options[@]}" --thin-proof "$rpc" --thin-allow-uncertified
	say "a fresh node starts from it by the registry of another chain in $seconds seconds"
	refused "a foreign snapshot that nobody has attested" "$WORK/refused" --chain "$WORK/chain.json" \
		"${options[@]}" --thin-proof "$WORK/foreign.proof"
	refused "a registry that was not named" "$WORK/refused" --chain "$WORK/chain.json" \
		--thin-from "$id" --thin-proof "$rpc"
	stop registry
}
