#!/usr/bin/env bash
# Runs each fuzz target of thin-mount for a while.
#
# Usage: scripts/test/fuzz.sh [SECONDS] [TARGET…] [--help]
#
# 60 seconds each, and all targets, where nothing else is said. What was found useful is kept in
# fuzz/corpus below CARGO_TARGET_DIR, and the next run goes on from there. Input that fails goes
# to fuzz/artifacts there, and the output says how to run it again.
#
# Needs cargo-fuzz (cargo install cargo-fuzz) and a nightly toolchain; where one is missing, that
# is said, and nothing is run.
#
# Exit codes: 0 nothing found or NOT CHECKED, 1 a target failed, 2 wrong usage.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/env.sh"

seconds=60
chosen=()
for argument in "$@"; do
	case "$argument" in
	--help | -h) print_help "$0" && exit 0 ;;
	-*) unusable "unknown option '$argument'; see --help" ;;
	*[!0-9]*) chosen+=("$argument") ;;
	*) seconds="$argument" ;;
	esac
done
cd "$SCRIPTS/../thin-mount/fuzz"
targets=()
for file in fuzz_targets/*.rs; do
	targets+=("$(basename "$file" .rs)")
done
for target in "${chosen[@]}"; do
	[ -e "fuzz_targets/$target.rs" ] || unusable "there is no target '$target'; there are: ${targets[*]}"
done
[ "${#chosen[@]}" -gt 0 ] || chosen=("${targets[@]}")

if ! cargo fuzz --version >/dev/null 2>&1; then
	say "NOT CHECKED: fuzz targets (there is no cargo-fuzz: cargo install cargo-fuzz)"
	exit 0
fi
if ! rustc +nightly --version >/dev/null 2>&1; then
	say "NOT CHECKED: fuzz targets (there is no nightly toolchain: rustup toolchain install nightly)"
	exit 0
fi
out="$CARGO_TARGET_DIR/fuzz"
for target in "${chosen[@]}"; do
	say "fuzzing $target for $seconds seconds"
	mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
	cargo +nightly fuzz run --fuzz-dir . --target-dir "$out" "$target" \
		"$out/corpus/$target" "seeds/$target" -- \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$out/artifacts/$target/" >"$out/$target.log" 2>&1 || {
		tail -n 40 "$out/$target.log" >&2
		fail "$target found something: see $out/$target.log"
	}
	grep -E 'number_of_executed_units|new_units_added' "$out/$target.log" >&2 || true
done
say "fuzz: nothing found"
