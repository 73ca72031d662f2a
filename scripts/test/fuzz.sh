#!/usr/bin/env bash
# Runs each fuzz target of thin-mount and of thin-client for a while.
#
# Usage: scripts/test/fuzz.sh [SECONDS] [TARGET…] [--crate thin-mount|thin-client] [--help]
#
# 60 seconds each, and all targets of both crates, where nothing else is said. What was found useful
# is kept in fuzz/corpus below CARGO_TARGET_DIR, and the next run goes on from there. Input that
# fails goes to fuzz/artifacts there, and the output says how to run it again.
#
# The compiler is that of every other build, and so are the dependencies (see fuzz-rustc.sh): only
# this project's own libraries are compiled anew, in a few minutes.
#
# Exit codes: 0 nothing found, 1 a target failed or couldn't be built, 2 wrong usage.
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

wanted() {
	[ "${#chosen[@]}" -eq 0 ] || printf '%s\n' "${chosen[@]}" | grep -qx "$1"
}
bins=()
for target in "${targets[@]}"; do
	wanted "${target#* }" && bins+=(--bin "${target#* }")
done
say "building $((${#bins[@]} / 2)) targets"
RUSTC_WORKSPACE_WRAPPER="$SCRIPTS/test/fuzz-rustc.sh" cargo build --release --workspace --locked --quiet \
	--features thin-client-fuzz/libfuzzer,thin-mount-fuzz/libfuzzer "${bins[@]}" ||
	fail "the targets couldn't be built"
out="$CARGO_TARGET_DIR/fuzz"

# run CRATE TARGET
run() {
	local seeds="${FOLDER[$1]}/seeds/$2" target="$2" program="$CARGO_TARGET_DIR/release/$2"
	say "fuzzing $target for $seconds seconds"
	mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
	"$program" "$out/corpus/$target" "$seeds" -max_total_time="$seconds" -timeout=20 \
		-rss_limit_mb=1024 -print_final_stats=1 \
		-artifact_prefix="$out/artifacts/$target/" >"$out/$target.log" 2>&1 || {
		tail -n 40 "$out/$target.log" >&2
		fail "$target found something: see $out/$target.log; again: $program FILE, with the file it names"
	}
	grep -E 'number_of_executed_units|new_units_added' "$out/$target.log" >&2 || true
}

for target in "${targets[@]}"; do
	if wanted "${target#* }"; then
		run "${target% *}" "${target#* }"
	fi
done
say "fuzz: nothing found"
