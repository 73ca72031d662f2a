#!/usr/bin/env bash
# Runs every command of docs/TUTORIAL.md, in order, as a reader would in one shell.
#
# Usage: scripts/test/tutorial.sh [--bin DIRECTORY] [--help]
#
# Blocks marked `sh` are run; what a comment `<!-- expect: PATTERN -->` after one says has to be
# in its output. Ports are replaced by free ones, so that it doesn't meet another node here.
# Takes four minutes, most of it the chain making blocks.
#
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the blocks that build
#                     (`sh build`) are run as well
#
# Exit codes: 0 all commands work, 1 one doesn't, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/processes.sh"

read_bin "$@"
if [ -n "$bin" ]; then
	for program in thin-node thin-mount; do
		[ -x "$bin/$program" ] || unusable "there is no $bin/$program"
	done
	PATH="$bin:$PATH"
fi
command -v curl >/dev/null || unusable "the tutorial asks with curl, which isn't there"
[ -e /dev/fuse ] || unusable "this machine has no /dev/fuse: the tutorial mounts"

make_work_directory thin-tutorial
# Folders that the tutorial makes have to go with the test.
export TMPDIR="$WORK"
node "$SCRIPTS/test/tutorial.mjs" "$SCRIPTS/../docs/TUTORIAL.md" "$WORK" ${bin:+--built} \
	>"$WORK/tutorial.sh"
say "running the commands of docs/TUTORIAL.md (four minutes)"
cd "$SCRIPTS/.."
attend bash "$WORK/tutorial.sh" || {
	cp "$WORK"/tmp.*/*.log "$WORK/log/" 2>/dev/null || true
	for log in "$WORK"/block-*.out "$WORK"/tmp.*/*.log; do
		[ ! -s "$log" ] || { printf -- '--- the end of %s\n' "${log##*/}" && tail -n 8 "$log"; } >&2
	done
	fail "the tutorial doesn't work"
}
node "$SCRIPTS/test/tutorial.mjs" "$SCRIPTS/../docs/TUTORIAL.md" "$WORK" ${bin:+--built} --check
say "tutorial: every command works"
