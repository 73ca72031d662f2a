#!/usr/bin/env bash
# Tests the project: what CI runs.
#
# Usage: scripts/test.sh [--only STEP[,STEP…]] [--in-turn] [--network] [--fuzz [SECONDS]] [--help]
#
# The steps, in this order, and how long they last on two cores:
#   format    rustfmt and shellcheck                                    seconds
#   lint      clippy; compiles the dependencies, if nobody did before   2 to 10 minutes (cold: 45)
#   build     the workspace with all its tests                          3 to 12 minutes
#   unit      the tests of the workspace                                2 to 5 minutes
#   scripts   the tests of the polkadot-js scripts, licences            seconds
#   files     a folder of files and a foreign database, packed,
#             mounted, compared (scripts/test/files.sh); then what a
#             start costs, counted (scripts/test/costs.sh)              2 to 12 minutes
# and these, which mostly wait for blocks. Where each can have a network of its own (as root), three of
# them run at once, the others one after the other; --in-turn runs all of them so:
#   registry  the registry of snapshots on a running chain, through the
#             polkadot-js scripts (scripts/test/registry.sh)            up to 9 minutes
#   deploy    what is in deploy/ (scripts/test/deploy.sh)               a minute
#   explorer  the page of the registry (scripts/test/explorer.sh)       2 minutes
#   tutorial  every command of docs/TUTORIAL.md                         4 minutes
#   network   publishing and attesting by themselves, between hosts of
#             their own (scripts/test/network.sh); takes root           3 minutes
#   demo      the demo (scripts/demo.sh)                                10 minutes
# --network is the step network alone, with three snapshots, a store and a publisher that are
# killed: ten minutes.
# Three more, which run only when they are named:
#   large     images of 1 TB and of a million files, with flat memory
#             (scripts/test/large.sh)                                   5 to 20 minutes
#   authority an authority that starts from a snapshot with a key that
#             has voted before (scripts/test/authority.sh)              4 minutes
#   fuzz      each fuzz target for a minute, or as many seconds as
#             --fuzz says, which also means --only fuzz                 20 minutes
#
# All of the others takes up to 85 minutes the first time, and 30 to 40 after that, one after the other;
# side by side a quarter of an hour less. The machine is set up first (scripts/setup.sh). What can't be
# checked on this machine is named: NOT CHECKED.
#
# ZDB_BIN=PROGRAM     also tests with that 0-db; redis-server is used where it is there
# AT_ONCE=N           how many steps run side by side [3]
# KEEP_LOGS_AT=DIR    keeps the logs of the processes of a step that failed
# Exit codes: 0 all passed, 1 or another one: a step failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/setup/packages.sh"
. "$SCRIPTS/setup/browser.sh"
. "$SCRIPTS/test/lint.sh"
. "$SCRIPTS/test/side-by-side.sh"

STEPS=(format lint build unit scripts files registry deploy explorer tutorial network demo)
# Those that mostly wait for blocks, the longest first.
SIDE_BY_SIDE=(demo registry tutorial network explorer deploy)
chosen=("${STEPS[@]}")
STEPS+=(large authority fuzz)
fuzz_seconds=60
network_snapshots=1
in_turn=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--only)
		[ $# -ge 2 ] || unusable "--only takes steps: ${STEPS[*]}"
		IFS=, read -r -a chosen <<<"$2"
		shift
		;;
	--in-turn) in_turn=true ;;
	--network)
		chosen=(network)
		network_snapshots=3
		;;
	--fuzz)
		chosen=(fuzz)
		if [[ "${2:-}" =~ ^[0-9]+$ ]]; then
			fuzz_seconds="$2"
			shift
		fi
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
for step in "${chosen[@]}"; do
	[[ " ${STEPS[*]} " == *" $step "* ]] || unusable "there is no step '$step'; there are: ${STEPS[*]}"
done

"$SCRIPTS/setup.sh"
. "$SCRIPTS/env.sh"
cd "$SCRIPTS/.."

step_format() {
	if cargo fmt --version >/dev/null 2>&1; then
		cargo fmt --all --check
	else
		say "NOT CHECKED: the format (there is no rustfmt)"
	fi
	if command -v shellcheck >/dev/null; then
		git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck
	else
		say "NOT CHECKED: the shell scripts (there is no shellcheck)"
	fi
}

step_lint() {
	if command -v clippy-driver >/dev/null && clippy-driver --version >/dev/null 2>&1; then
		lint_workspace
	else
		say "NOT CHECKED: lints (there is no clippy)"
	fi
}

step_build() { build_workspace; }
step_unit() {
	cargo test --release --workspace --locked
	"$SCRIPTS/test/instructions.sh"
}
step_scripts() {
	(cd "$SCRIPTS" && npm test --silent)
	if command -v cargo-deny >/dev/null; then
		cargo deny check licenses sources bans
	fi
	# Which there are changes from day to day, and so does what a test of them would say.
	say "NOT CHECKED: known flaws of dependencies; cargo deny check advisories asks for them"
}
step_registry() { alone "$SCRIPTS/test/registry.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_files() {
	"$SCRIPTS/test/files.sh" --bin "$CARGO_TARGET_DIR/release"
	"$SCRIPTS/test/costs.sh" --bin "$CARGO_TARGET_DIR/release"
}
step_deploy() { alone "$SCRIPTS/test/deploy.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_explorer() { alone "$SCRIPTS/test/explorer.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_tutorial() { alone "$SCRIPTS/test/tutorial.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_network() {
	if (. "$SCRIPTS/test/hosts.sh" && can_make_hosts); then
		alone "$SCRIPTS/test/network.sh" --bin "$CARGO_TARGET_DIR/release" --snapshots "$network_snapshots"
	else
		say "NOT CHECKED: publishing and attesting between hosts (that takes root and iproute2)"
	fi
}
step_large() { "$SCRIPTS/test/large.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_authority() { "$SCRIPTS/test/authority.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_fuzz() { "$SCRIPTS/test/fuzz.sh" "$fuzz_seconds"; }
step_demo() { alone "$SCRIPTS/demo.sh" --bin "$CARGO_TARGET_DIR/release"; }

is_chosen() { [[ " ${chosen[*]} " == *" $1 "* ]]; }

together=()
for step in "${SIDE_BY_SIDE[@]}"; do
	! is_chosen "$step" || together+=("$step")
done
if $in_turn || [ "${#together[@]}" -lt 2 ] || ! can_have_networks; then
	together=()
fi

for step in "${STEPS[@]}"; do
	is_chosen "$step" || continue
	[[ " ${together[*]} " != *" $step "* ]] || continue
	say "== $step"
	started=$SECONDS
	# A plain command: inside a condition, `set -e` would let the step go on after an error.
	"step_$step"
	say "== $step passed ($((SECONDS - started)) s)"
done
if [ "${#together[@]}" -gt 0 ]; then
	# There is no network to install it from then.
	! is_chosen explorer || setup_browser >/dev/null || true
	run_side_by_side "${together[@]}"
fi
say "passed: ${chosen[*]}"
