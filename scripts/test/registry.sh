#!/usr/bin/env bash
# Tests the registry of snapshots on a running development chain, through the polkadot-js scripts:
# the whole life of a snapshot, and of the stake behind it.
#
# Usage: scripts/test/registry.sh [--bin DIRECTORY] [--help]
#
#   1. attesters bond; a bond that is too young can't vouch
#   2. snapshots are registered, also a foreign one, funded, attested and certified; who vouches is
#      bound, and what is unbonded stays
#   3. a dispute suspends a snapshot; dismissed, it costs the deposit; the next one is upheld, and
#      slashes all who vouched and the publisher
#   4. somebody who vouches for two images of one block is reported and slashed
#   5. stake leaves after the periods; a dispute that nobody decides lapses; what was retired is
#      cleaned up; nothing is left on hold
#
# Root sets the periods of the chain: endless where something has to be too early, and short where
# it has to be waited for. So it makes no difference how fast the machine is. Lasts a few minutes,
# nine on a busy machine.
#
#   --bin DIRECTORY   where thin-node is; without it, the project is set up and built first
#
# KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed.
# Exit codes: 0 all as it has to be, 1 something isn't, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/demo/nodes.sh"

bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--bin)
		[ $# -ge 2 ] || unusable "--bin takes a folder"
		bin="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
find_programs "$bin" thin-node
make_work_directory thin-registry

UNIT=000000000000

# on NAME ARGUMENT…: a script of the registry, on this chain.
on() { polkadot "$@"; }

# by SEED NAME ARGUMENT…: the same, signed, and content with a block.
by() { on "${@:2}" --seed "$1" --in-block; }

# equal WHAT IS SHOULD
equal() { [ "$2" = "$3" ] || fail "$1 is '$2', and should be '$3'"; }

# refused ERROR COMMAND…: the chain says no, for this reason.
refused() {
	local code=0
	"${@:2}" >"$WORK/refused.out" 2>"$WORK/refused.err" || code=$?
	[ "$code" -eq 1 ] || {
		cat "$WORK/refused.out" "$WORK/refused.err" >&2
		fail "'${*:2}' ended with $code, and should be refused ($1)"
	}
	grep -q -F "$1" "$WORK/refused.err" || {
		cat "$WORK/refused.err" >&2
		fail "'${*:2}' wasn't refused for $1"
	}
	say "refused: $(head -n 1 "$WORK/refused.err")"
}

# shown ID FILTER: what the chain says about a snapshot.
shown() { on show "$1" | jq -r "$2"; }

# held SEED…: what they have on hold, a line for each.
held() { "$SCRIPTS/test/registry.mjs" held "${RPC_PORT[alice]}" "$@"; }
reach() { attend "$SCRIPTS/demo/check.mjs" height "${RPC_PORT[alice]}" best "$1" 300 >/dev/null; }

# periods NAME=BLOCKS…: from the next block on.
periods() { "$SCRIPTS/test/registry.mjs" periods "${RPC_PORT[alice]}" "$@"; }

# described NUMBER: a file that describes an image at the block of the first one.
described() {
	[ -f "$WORK/$1.json" ] || jq --arg image "$(printf '0x%064x' "$1")" \
		'.register.image.image = $image | .manifest.image = $image' "$WORK/1.json" >"$WORK/$1.json"
	printf '%s' "$WORK/$1.json"
}

registered() { by //Dave register --manifest "$(described "$1")" | jq -r .snapshot_id; }

say "starting a development chain"
"$THIN_NODE" export-chain-spec --chain dev --raw >"$WORK/chain.json" 2>/dev/null
start_node alice "$WORK/alice" --alice --force-authoring --unsafe-force-node-key-generation
ask height "${RPC_PORT[alice]}" finalized 1 300 >/dev/null || {
	show_log alice
	fail "the chain doesn't start"
}
periods BondMaturity=100000 DisputeWindow=100000 ResolutionPeriod=100000 UnbondingPeriod=100000

say "1/5 bonding"
by //Charlie//stash bond 100 >/dev/null
periods BondMaturity=1
bonds=()
for bond in //Bob=300 //Charlie=200 //Alice//stash=least //Bob//stash=100 //Eve=100; do
	by "${bond%=*}" bond "${bond#*=}" >"$WORK/bond${#bonds[@]}.json" &
	bonds+=("$!")
done
for bond in "${bonds[@]}"; do wait "$bond" || fail "a bond was refused"; done
counts_from="$(by //Charlie bond 100 | jq .counts_from)"
equal "what they have on hold" "$(held //Bob //Charlie //Alice//stash | tr '\n' ' ')" \
	"300$UNIT 300$UNIT 100$UNIT "

say "2/5 registering, attesting, certifying"
"$SCRIPTS/test/registry.mjs" snapshot "${RPC_PORT[alice]}" 1 "$WORK/1.json"
wrong="$(registered 1)"
refused BondNotMature by //Charlie//stash attest "$wrong"
refused AlreadyRegistered by //Dave register --manifest "$WORK/1.json"
good="$(registered 2)"
contrary="$(registered 3)"
another="$(registered 4)"
foreign="$(by //Dave register-foreign --manifest "$WORK/1.json" | jq -r .snapshot_id)"
equal "the origin of the foreign one" "$(shown "$foreign" .origin)" foreign
equal "the number of pending ones" "$(on list --pending | jq '.snapshots | length')" 5
refused NotPublisher by //Bob fund "$wrong" 10
by //Dave fund "$wrong" 10 >/dev/null
equal "the reward" "$(shown "$wrong" .reward)" "10$UNIT"
by //Dave locations "$good" --set zdb://10.0.0.1/snapshots >/dev/null

reach "$counts_from"
equal "the status after one" "$(by //Bob attest "$wrong" | jq -r .status)" pending
equal "the status after two" "$(by //Charlie attest "$wrong" | jq -r .status)" certified
equal "what is left of the reward" "$(shown "$wrong" .reward)" 0
equal "the certified one" "$(on list --certified | jq -r '.snapshots[].id')" "$wrong"
refused StillBound by //Bob withdraw-attestation "$wrong"
by //Bob unbond --amount 100 >/dev/null
refused NothingToWithdraw by //Bob unbond --withdraw
# 200 of 800: not enough as long as Bob and Charlie have their bonds.
by //Alice//stash attest "$good" >/dev/null
equal "the status without a quorum" "$(by //Bob//stash attest "$good" | jq -r .status)" pending
refused NoQuorum by //Dave certify "$good"

say "3/5 disputing and slashing"
evidence="0x$(printf '07%.0s' {1..32})"
equal "the status" "$(by //Ferdie dispute "$wrong" --evidence "$evidence" | jq -r .status)" disputed
equal "the evidence" "$(shown "$wrong" .dispute.evidence)" "$evidence"
equal "the certified ones" "$(on list --certified | jq -c .snapshots)" '[]'
refused Disputed by //Bob withdraw-attestation "$wrong"
refused Disputed by //Dave retire "$wrong"
refused RequireSudo by //Bob resolve "$wrong" --verdict dismissed
by //Alice resolve "$wrong" --verdict dismissed >"$WORK/dismissed.json"
equal "the status after it" "$(jq -r .status "$WORK/dismissed.json")" certified
equal "what it cost the reporter" "$(jq -r '.slashed[].value' "$WORK/dismissed.json")" "10$UNIT"

by //Ferdie dispute "$wrong" --evidence "$evidence" >/dev/null
deposit="$(shown "$wrong" .deposit)"
by //Alice resolve "$wrong" --verdict fraudulent >"$WORK/fraudulent.json"
equal "the status after it" "$(jq -r .status "$WORK/fraudulent.json")" fraudulent
# All that Bob vouched with, also what is on its way out by now.
equal "what was slashed" "$(jq -r '.slashed[].value' "$WORK/fraudulent.json" | sort | tr '\n' ' ')" \
	"$(printf '%s\n' "300$UNIT" "300$UNIT" "$deposit" | sort | tr '\n' ' ')"
# Amounts are more than what the shell counts exactly.
share="$(node -p "String((600n * 10n ** 12n + ${deposit}n) / 5n)")"
equal "the share of the reporter" "$(jq -r .reporter_paid "$WORK/fraudulent.json")" "$share"
equal "what is left on hold" "$(held //Bob //Charlie //Ferdie | tr '\n' ' ')" "0 0 0 "
refused "has no bond" on attester "$(jq -r .attester "$WORK/bond0.json")"

say "4/5 an equivocation"
by //Eve attest "$contrary" >/dev/null
eve="$(by //Eve attest "$another" | jq -r .attester)"
equal "what Eve vouches for" "$(on attester "$eve" | jq '.vouches | length')" 2
by //Ferdie report-equivocation "$eve" "$contrary" "$another" >"$WORK/equivocation.json"
equal "what it cost" "$(jq -r .slashed "$WORK/equivocation.json")" "100$UNIT"
equal "the share of the reporter" "$(jq -r .reporter_paid "$WORK/equivocation.json")" "20$UNIT"
equal "what Eve has on hold" "$(held //Eve)" 0

say "5/5 leaving"
periods DisputeWindow=2 ResolutionPeriod=2 UnbondingPeriod=2
# Those who vouch have all of the stake that counts by now.
equal "the status of the other one" "$(by //Ferdie certify "$good" | jq -r .status)" certified
bound_until="$(shown "$good" .bound_until)"
by //Ferdie dispute "$another" --evidence "$evidence" >/dev/null
free_at="$(by //Bob//stash unbond --amount 100 | jq .free_at)"
reach "$((bound_until > free_at ? bound_until : free_at))"
by //Bob//stash withdraw-attestation "$good" >"$WORK/withdrawn.json"
equal "the status after that" "$(jq -r '"\(.status) \(.attesters)"' "$WORK/withdrawn.json")" 'certified 1'
equal "what comes back" "$(by //Bob//stash unbond --withdraw | jq -r .value)" "100$UNIT"
equal "what it has on hold" "$(held //Bob//stash)" 0

# cleaned ID: by the call or, where that came first, by the hook of the chain.
cleaned() {
	by //Ferdie clean-up "$1" >/dev/null 2>"$WORK/cleaned.err" ||
		grep -q -E 'NothingToCleanUp|UnknownSnapshot' "$WORK/cleaned.err" || {
		cat "$WORK/cleaned.err" >&2
		fail "$1 can't be cleaned up"
	}
}
cleaned "$another"
equal "the status without a verdict" "$(shown "$another" .status)" pending
by //Dave retire "$good" >/dev/null
cleaned "$good"
refused "no snapshot" on show "$good"
for id in "$contrary" "$another" "$foreign"; do
	equal "whether it is gone" "$(by //Dave retire "$id" | jq .removed)" true
done
equal "what reporter and publisher have on hold" "$(held //Ferdie //Dave | tr '\n' ' ')" "0 0 "
equal "what is left" "$(on list | jq -r '.snapshots[] | "\(.id) \(.status)"')" "$wrong fraudulent"
say "the registry does what it has to"
