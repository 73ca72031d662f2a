#!/usr/bin/env bash
# Measures what it costs that a thin node verifies every value that it reads from an image.
#
# Usage: scripts/bench/layered.sh [--json] [--help]
#
# Asks two backends of the SDK over the same RocksDB in a folder for the same, in turn, in one run:
# one verifies what it reads, one believes it. Prints a table of the best of seven rounds, in
# microseconds, and the ratio: a value of the state of 20,000 accounts, a header, a body, a
# justification, as an RPC asks for them; and the new state root of a block that changes 200 accounts,
# which is what importing it reads. No store and no mount takes part, and no transaction is executed:
# both would make the difference smaller.
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
lines="$(measurement hostile::cost::measure)"
measured_table '["asked for", "verified us", "believed us", "ratio"]' \
	'[.what, .verified_us, .believed_us, .ratio]' "$lines"
! $json || jq -cs '{reads: .}' <<<"$lines"
