#!/usr/bin/env bash
# Measures how long it takes to verify a proof, against the changes of authorities in it.
#
# Usage: scripts/bench/proof.sh [--json] [--help]
#
# Builds chains whose authorities change in every block, with real signatures, and verifies the
# proof of their last block from genesis: the best of five runs. Prints a table: changes,
# authorities of each set, size of the proof, milliseconds, and how many changes of such sets fit
# into one page of a proof (4 MiB). Says whether the target is met: 100 changes of 4
# authorities in under 100 ms. A target that is missed is no error.
#
# Lasts seconds, once the workspace is built. Leave the machine alone meanwhile.
#
#   --json    also the figures, as one JSON object, on the last line
#
# Exit codes: 0 measured, 1 could not be measured, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"

json=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--json) json=true ;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done

exec 3>&1 1>&2
"$SCRIPTS/setup.sh"
. "$SCRIPTS/env.sh"
cd "$SCRIPTS/.."
build_workspace
# The measurement is a test that is left out otherwise: it needs the chains that tests make.
measure=hostile::proofs::measure
lines="$(cargo test --release --workspace --locked -- --ignored --exact "$measure" --nocapture |
	grep '^{"changes"')" || fail "the measurement didn't run"
jq -rs '["changes", "authorities", "bytes", "ms", "changes in a page"],
	(.[] | [.changes, .authorities, .bytes, .milliseconds, .changes_in_a_page]) | @tsv' <<<"$lines" |
	column -t -s $'\t' >&3
met="$(jq -s 'any(.[]; .changes == 100 and .authorities == 4 and .milliseconds < 100)' <<<"$lines")"
say "100 changes of 4 authorities in under 100 ms: $($met && echo met || echo missed)"
! $json || jq -cs --argjson met "$met" '{proofs: ., target_met: $met}' <<<"$lines" >&3
