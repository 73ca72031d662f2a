#!/usr/bin/env bash
# Runs each fuzz target of thin-mount and of thin-client for a while.
#
# Usage: scripts/test/fuzz.sh [SECONDS] [TARGET…] [--crate thin-mount|thin-client] [--help]
#
# 60 seconds each, and all targets of both crates, where nothing else is said. What was found useful
# is kept in fuzz/corpus below CARGO_TARGET_DIR, and the next run goes on from there. Input that
# fails goes to fuzz/artifacts there, and the output says how to run it again.
#
# Needs cargo-fuzz (cargo install cargo-fuzz) and a nightly toolchain; where one is missing, that
# is said, and nothing is run. The targets of thin-client compile the SDK once more, for longer than
# the whole project takes: an hour and more on two cores.
#
# Exit codes: 0 nothing found or NOT CHECKED, 1 a target failed, 2 wrong usage.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/env.sh"

declare -A FOLDER=([thin-mount]=thin-mount/fuzz [thin-client]=node/thin/fuzz)
seconds=60
chosen=()
crates=(thin-mount thin-client)
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--crate)
		[ $# -ge 2 ] || unusable "--crate takes a value"
		[ -n "${FOLDER[$2]:-}" ] || unusable "there is no crate '$2' with targets; there are: ${crates[*]}"
		crates=("$2")
		shift
		;;
	-*) unusable "unknown option '$1'; see --help" ;;
	*[!0-9]*) chosen+=("$1") ;;
	*) seconds="$1" ;;
	esac
	shift
done
cd "$SCRIPTS/.."
targets=()
for crate in "${crates[@]}"; do
	for file in "${FOLDER[$crate]}"/fuzz_targets/*.rs; do
		targets+=("$crate $(basename "$file" .rs)")
	done
done
for target in "${chosen[@]}"; do
	printf '%s\n' "${targets[@]}" | grep -q " $target$" ||
		unusable "there is no target '$target'; there are: ${targets[*]#* }"
done

if ! cargo fuzz --version >/dev/null 2>&1; then
	say "NOT CHECKED: fuzz targets (there is no cargo-fuzz: cargo install cargo-fuzz)"
	exit 0
fi
if ! rustc +nightly --version >/dev/null 2>&1; then
	say "NOT CHECKED: fuzz targets (there is no nightly toolchain: rustup toolchain install nightly)"
	exit 0
fi
out="$CARGO_TARGET_DIR/fuzz"

# run CRATE TARGET
run() {
	local folder="${FOLDER[$1]}" target="$2"
	say "fuzzing $target for $seconds seconds"
	mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
	# The versions of the SDK are those of the project.
	[ "$1" = thin-mount ] || [ -e "$folder/Cargo.lock" ] || cp Cargo.lock "$folder/Cargo.lock"
	(cd "$folder" && cargo +nightly fuzz run --fuzz-dir . --target-dir "$out" "$target" \
		"$out/corpus/$target" "seeds/$target" -- \
		-max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$out/artifacts/$target/") >"$out/$target.log" 2>&1 || {
		tail -n 40 "$out/$target.log" >&2
		fail "$target found something: see $out/$target.log"
	}
	grep -E 'number_of_executed_units|new_units_added' "$out/$target.log" >&2 || true
}

for target in "${targets[@]}"; do
	name="${target#* }"
	if [ "${#chosen[@]}" -eq 0 ] || printf '%s\n' "${chosen[@]}" | grep -qx "$name"; then
		run "${target% *}" "$name"
	fi
done
say "fuzz: nothing found"
