#!/usr/bin/env bash
# Opens the page of the registry in a browser, against a development chain, and reads it.
#
# Usage: scripts/test/explorer.sh [--bin DIRECTORY] [--screenshot FILE] [--help]
#
# A chain of one validator gets three snapshots by the polkadot-js scripts, one of them disputed,
# one pending, one certified. Headless Chromium opens the built page from a file. What it shows has
# to be what the scripts show; it has the node ask the stores of a snapshot; while it is open, the
# pending snapshot is certified, and the page has to say so without a reload, and to keep what its
# reader had opened. Takes two minutes.
#
#   --bin DIRECTORY    where thin-node and thin-mount are; without it, the project is set up and
#                      built first
#   --screenshot FILE  also writes a picture of the page, a PNG
#
# CHROMIUM=PROGRAM names the browser. Without one, Debian's is installed where that is possible;
# otherwise the page is NOT CHECKED.
# Exit codes: 0 the page is right, 1 it isn't, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/setup/packages.sh"
. "$SCRIPTS/setup/browser.sh"

bin=
screenshot=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--bin | --screenshot)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		[ "$1" = --bin ] && bin="$2" || screenshot="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done

CHROMIUM="$(setup_browser)" || {
	say "NOT CHECKED: the page of the registry (there is no Chromium)"
	exit 0
}
export CHROMIUM

find_programs "$bin" thin-node thin-mount
make_work_directory thin-explorer

say "building the page, starting a chain (seconds)"
node "$SCRIPTS/explorer/build.mjs" --out "$WORK/page" >/dev/null
rpc="$(free_port)"
start node "$bin/thin-node" --dev --base-path "$WORK/node" --rpc-port "$rpc" --state-pruning 16 \
	--port "$(free_port)" --no-prometheus --no-telemetry --no-mdns
"$SCRIPTS/test/wait-for-port.mjs" "$rpc" 60 || {
	show_log node
	fail "the node doesn't start"
}
url="ws://127.0.0.1:$rpc"
polkadot() { node "$SCRIPTS/$1.mjs" --url "$url" --json "${@:2}"; }
"$SCRIPTS/demo/check.mjs" height "$rpc" best 6 120 >/dev/null

say "registering snapshots (a minute)"
counts_from=0
for seed in //Alice //Bob //Charlie; do
	block="$(polkadot bond least --seed "$seed" --in-block | jq .counts_from)"
	[ "$block" -gt "$counts_from" ] && counts_from="$block"
done
# A store with an image, and one without.
mkdir -p "$WORK/files" "$WORK"/{full,empty}/{data,index}
echo "a file" >"$WORK/files/file"
for name in full empty; do
	start "$name" "$THIN_MOUNT" serve --data "$WORK/$name/data" --index "$WORK/$name/index" --listen 127.0.0.1:0
done
full="zdb://$(wait_for_line full '^listening on ' 30 | sed 's/^listening on //')/default"
empty="zdb://$(wait_for_line empty '^listening on ' 30 | sed 's/^listening on //')/default"
image="$("$THIN_MOUNT" pack "$WORK/files" --store "$full")"

# registered BELOW SIZE LOCATIONS [OPTION…]: prints the id.
registered() {
	polkadot test/make-registration --below "$1" --size "$2" --location "$3" "${@:4}" \
		--out "$WORK/registration.json" >/dev/null
	polkadot register --manifest "$WORK/registration.json" --seed //Dave --in-block | jq -r .snapshot_id
}
disputed="$(registered 3 734003200 "$full $empty zdb://127.0.0.1:1/thin" --image "0x$image")"
pending="$(registered 1 1288490188800 "zdb://store.example.org/mainnet")"
certified="$(registered 1 1319413953331 "zdb://store.example.org/mainnet zdb://[200:db8::7]:9901/mainnet")"
"$SCRIPTS/demo/check.mjs" height "$rpc" best "$counts_from" 300 >/dev/null
for seed in //Alice //Bob //Charlie; do
	polkadot attest "$certified" --seed "$seed" --in-block >/dev/null
done
polkadot attest "$disputed" --seed //Bob --in-block >/dev/null
polkadot dispute "$disputed" --seed //Eve --in-block \
	--evidence "0x$(printf 'what is wrong with it' | sha256sum | cut -d' ' -f1)" >/dev/null
# The page shows what is final, and the states of these blocks are gone by then.
block="$(polkadot attest "$pending" --seed //Alice | jq .block)"
say "registered, and final in block $block"

say "reading the page (half a minute)"
polkadot list >"$WORK/list.json"
node "$SCRIPTS/watch.mjs" --url "$url" --blocks 2 >"$WORK/watch.txt"
if [ "$(grep -c '^0x' "$WORK/watch.txt")" -ne 3 ] ||
	! grep -Eq ' certified +300 +150 +3 +2 ' "$WORK/watch.txt"; then
	fail "watch.mjs shows something else than the registry: $(cat "$WORK/watch.txt")"
fi
attend node "$SCRIPTS/test/explorer.mjs" --page "$WORK/page/index.html" --url "$url" \
	--list "$WORK/list.json" --pending "$pending" --stored "$disputed" ${screenshot:+--screenshot "$screenshot"}
say "explorer: the page shows what the chain has"
