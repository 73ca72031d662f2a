#!/usr/bin/env bash
# Tests the project: what CI runs.
#
# Usage: scripts/test.sh [--only STEP[,STEP…]] [--help]
#
# The steps, in this order, and how long they last on two cores:
#   format    rustfmt and shellcheck                                    seconds
#   lint      clippy; compiles the dependencies, if nobody did before   2 to 10 minutes (cold: 45)
#   build     the workspace with all its tests                          3 to 12 minutes
#   unit      the tests of the workspace                                2 to 5 minutes
#   scripts   the tests of the polkadot-js scripts                      seconds
#   registry  the registry of snapshots on a running chain, through the
#             polkadot-js scripts (scripts/test/registry.sh)            up to 9 minutes
#   files     a folder of files and a foreign database, packed,
#             mounted, compared (scripts/test/files.sh)                 2 to 12 minutes
#   demo      the demo (scripts/demo.sh)                                10 minutes
# All of it takes up to 75 minutes the first time, and 20 to 30 after that. The machine is set
# up first (scripts/setup.sh). What can't be checked on this machine is named: NOT CHECKED.
#
# ZDB_BIN=PROGRAM     also tests with that 0-db; redis-server is used where it is there
# KEEP_LOGS_AT=DIR    keeps the logs of the processes of a step that failed
# Exit codes: 0 all passed, 1 or another one: a step failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/test/lint.sh"

STEPS=(format lint build unit scripts registry files demo)
chosen=("${STEPS[@]}")
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--only)
		[ $# -ge 2 ] || unusable "--only takes steps: ${STEPS[*]}"
		IFS=, read -r -a chosen <<<"$2"
		shift
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
step_unit() { cargo test --release --workspace --locked; }
step_scripts() { (cd "$SCRIPTS" && npm test --silent); }
step_registry() { "$SCRIPTS/test/registry.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_files() { "$SCRIPTS/test/files.sh" --bin "$CARGO_TARGET_DIR/release"; }
step_demo() { "$SCRIPTS/demo.sh" --bin "$CARGO_TARGET_DIR/release"; }

for step in "${STEPS[@]}"; do
	[[ " ${chosen[*]} " == *" $step "* ]] || continue
	say "== $step"
	started=$SECONDS
	# A plain command: inside a condition, `set -e` would let the step go on after an error.
	"step_$step"
	say "== $step passed ($((SECONDS - started)) s)"
done
say "passed: ${chosen[*]}"
