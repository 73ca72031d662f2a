# A node that knows nothing of snapshots, over a writable mount of an image. Sourced by demo.sh.
# shellcheck shell=bash

# check_stock ID BLOCK BLOCK-HASH STORE: the template's node built without Thin (node/examples), on a
# database that is a mount.
check_stock() {
	local id="$1" n="$2" hash="$3" store="$4" image database
	if [ "$(id -u)" -ne 0 ]; then
		say "NOT CHECKED: a node without thin parts over overlayfs, which takes root"
		return 0
	fi
	[ -x "$STOCK_NODE" ] || {
		say "NOT CHECKED: a node without thin parts ($STOCK_NODE is not there)"
		return 0
	}
	image="$(jq -r .image_id "$WORK/created.json" | cut -c3-)"
	# Where the SDK has it.
	database="$WORK/stock/chains/$(jq -r .id "$WORK/chain.json")/db/full"
	mkdir -p "$database"
	start stock-mount "$THIN_MOUNT" mount "$image" "$database" --store "$store" \
		--cache "$WORK/stock-cache" --write overlay --upper "$WORK/stock-upper"
	wait_for_line stock-mount '^mounted ' 30 >/dev/null
	"$THIN_NODE" snapshot prepare --thin-from "$id" --thin-proof "ws://127.0.0.1:${RPC_PORT[alice]}" \
		--base-path "$WORK/stock" --chain "$WORK/chain.json" --json \
		>"$WORK/prepared.json" 2>"$WORK/log/prepare.log" || {
		show_log prepare
		fail "the image can't be prepared for a node without thin parts"
	}
	# What is a node's database is not prepared again.
	! "$THIN_NODE" snapshot prepare --thin-from "$id" --thin-proof "ws://127.0.0.1:${RPC_PORT[alice]}" \
		--base-path "$WORK/stock" --chain "$WORK/chain.json" >/dev/null 2>"$WORK/log/prepare.log" ||
		fail "a database that is in use was prepared once more"
	grep -q "it is a node's database already" "$WORK/log/prepare.log" || {
		show_log prepare
		fail "the refusal gives another reason"
	}

	THIN_NODE="$STOCK_NODE" start_node stock "$WORK/stock" --name stock
	until_first_answer stock "$hash" "$(now_ms)" 120 >/dev/null
	! ask thin "${RPC_PORT[stock]}" 2>"$WORK/log/stock-thin.log" ||
		fail "the node without thin parts knows thin_status"
	grep -q 'Method not found' "$WORK/log/stock-thin.log" || {
		show_log stock-thin
		fail "the node without thin parts answers something else"
	}
	check_history stock
	ask follows "${RPC_PORT[alice]}" "${RPC_PORT[stock]}" 180 >/dev/null
	check_imports stock "$n"
	stop stock
	"$THIN_MOUNT" unmount "$database"
	stop stock-mount
	say "a node without thin parts started from a writable mount of the image, and went on"
}
