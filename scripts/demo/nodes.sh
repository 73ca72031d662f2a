# The nodes of the demo. Sourced by demo.sh.
# shellcheck shell=bash

declare -A RPC_PORT=() P2P_PORT=() METRICS_PORT=()
BOOTNODES=()
# What every node keeps.
PRUNING=(--state-pruning archive --blocks-pruning archive)

ask() { "$SCRIPTS/demo/check.mjs" "$@"; }
ask_text() { ask "$@" | jq -r .; }

# choose_ports NAME: once, so that looking for them takes no time later.
choose_ports() {
	[ -z "${RPC_PORT[$1]:-}" ] || return 0
	RPC_PORT[$1]="$(free_port)"
	P2P_PORT[$1]="$(free_port)"
	METRICS_PORT[$1]="$(free_port)"
}

# start_node NAME BASE-PATH [OPTION…]: keeps its ports when it is started again.
start_node() {
	local name="$1" base="$2"
	shift 2
	choose_ports "$name"
	# No discovery in the local network: another demo there has the same genesis block.
	start "$name" "$THIN_NODE" --chain "$WORK/chain.json" --base-path "$base" \
		--rpc-port "${RPC_PORT[$name]}" \
		--prometheus-port "${METRICS_PORT[$name]}" \
		--listen-addr "/ip4/127.0.0.1/tcp/${P2P_PORT[$name]}" \
		"${PRUNING[@]}" \
		--no-mdns --no-telemetry ${BOOTNODES[@]+--bootnodes "${BOOTNODES[@]}"} "$@"
}

# An authority makes none by itself.
new_node_key() { od -An -tx1 -N32 /dev/urandom | tr -d ' \n'; }

# Alice and Bob, who know each other, and whom everybody else is told of.
start_validators() {
	local name id
	for name in alice bob; do
		start_node "$name" "$WORK/$name" "--$name" \
			--node-key "$(new_node_key)"
		id="$(ask_text peer-id "${RPC_PORT[$name]}" 60)" || {
			show_log "$name"
			fail "$name doesn't start"
		}
		BOOTNODES+=("/ip4/127.0.0.1/tcp/${P2P_PORT[$name]}/p2p/$id")
	done
}

# until_first_answer NAME BLOCK-HASH START-MS SECONDS: prints the seconds it took.
until_first_answer() {
	ask first-answer "${RPC_PORT[$1]}" "$2" "$3" "$4" | jq -r .seconds || {
		show_log "$1"
		fail "$1 doesn't answer for state at $2"
	}
}

# The lowest block that this run of a node says it imported; nothing when there is none.
lowest_import() {
	sed -n 's/.*Imported #\([0-9]\{1,\}\).*/\1/p' "$WORK/log/$1.log" | sort -n | head -n 1
}

now_ms() { date +%s%3N; }

polkadot() { node "$SCRIPTS/$1.mjs" --url "ws://127.0.0.1:${RPC_PORT[alice]}" --json "${@:2}"; }
