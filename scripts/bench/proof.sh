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
. "$SCRIPTS/bench/lib/measurement.sh"

measurement_options "$@"
lines="$(measurement hostile::proofs::measure)"
measured_table '["changes", "authorities", "bytes", "ms", "changes in a page"]' \
	'[.changes, .authorities, .bytes, .milliseconds, .changes_in_a_page]' "$lines"
met="$(jq -s 'any(.[]; .changes == 100 and .authorities == 4 and .milliseconds < 100)' <<<"$lines")"
say "100 changes of 4 authorities in under 100 ms: $($met && echo met || echo missed)"
! $json || jq -cs --argjson met "$met" '{proofs: ., target_met: $met}' <<<"$lines"
