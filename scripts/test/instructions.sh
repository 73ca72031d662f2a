#!/usr/bin/env bash
# Counts the instructions of thin-mount's hot paths, with valgrind.
#
# Usage: scripts/test/instructions.sh [--write] [--help]
#
# The tests in thin-mount/src/costs/instructions.rs are run one by one, and of each what happens in its
# function `counted` is held against scripts/test/instructions.json: a tenth more or less fails, so
# that what becomes dearer says so, and what becomes cheaper stays so. No time is measured; a count is the same on a
# busy machine. It is another one with another compiler, so that the file names the one it is of,
# and with another one nothing is compared. Takes half a minute, and builds the tests if need be.
#
#   --write   write the counts to that file
#
# Exit codes: 0 all is as it was, or NOT CHECKED, 1 something costs more or less, 2 wrong usage or
# environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/env.sh"

write=false
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--write) write=true ;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
command -v valgrind >/dev/null || {
	say "NOT CHECKED: the instructions of the hot paths (there is no valgrind)"
	exit 0
}
cd "$SCRIPTS/.."
make_work_directory thin-instructions

baseline="$SCRIPTS/test/instructions.json"
compiler="$(rustc --version | cut -d' ' -f1,2) for $(rustc --version --verbose | sed -n 's/^host: //p')"
if ! $write && [ "$(jq -r .compiler "$baseline")" != "$compiler" ]; then
	say "NOT CHECKED: the instructions of the hot paths (they are known for $(jq -r .compiler "$baseline"), this is $compiler)"
	exit 0
fi

# The same selection as the tests, so that nothing is compiled for this alone.
program="$(cargo test --release --workspace --locked --no-run --message-format json 2>"$WORK/log/build.log" |
	jq -r 'select(.profile.test? and .target.name == "thin_mount" and (.target.kind | index("lib"))) | .executable')" || {
	show_log build
	fail "the tests of thin-mount can't be built"
}
[ -x "$program" ] || fail "there is no program with the tests of thin-mount"

# count TEST: prints the instructions of what it does in `counted`.
count() {
	local collected
	valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
		--toggle-collect='*costs::instructions::counted*' \
		"$program" "$1" --exact --ignored --test-threads 1 >"$WORK/log/test.log" 2>"$WORK/log/valgrind.log" || {
		show_log test
		show_log valgrind
		fail "valgrind can't run $1"
	}
	collected="$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$WORK/log/valgrind.log")"
	[ "${collected:-0}" -gt 0 ] || fail "nothing was counted in $1"
	printf '%s\n' "$collected"
}

mapfile -t tests < <("$program" costs::instructions:: --list --ignored --format terse | sed -n 's/: test$//p')
[ "${#tests[@]}" -gt 0 ] || fail "there are no tests to count"
counts='{}'
for test in "${tests[@]}"; do
	collected="$(count "$test")"
	counts="$(jq --arg name "${test##*::}" --argjson count "$collected" '.[$name] = $count' <<<"$counts")"
done

if $write; then
	jq -n --arg compiler "$compiler" --argjson counts "$counts" '{ $compiler, $counts }' >"$baseline"
	say "written: $(jq -c .counts "$baseline")"
	exit 0
fi
differences="$(jq -r --argjson now "$counts" '.counts as $was | ($was + $now | keys[]) as $name |
	($was[$name] // 0) as $before | ($now[$name] // 0) as $is |
	select(($is - $before | fabs) * 10 > $before) | "\($name): \($is), and was \($before)"' "$baseline")"
[ -z "$differences" ] || fail "hot paths take another number of instructions; if they should, --write writes it down:
$differences"
say "instructions: as they were"
