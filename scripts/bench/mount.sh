#!/usr/bin/env bash
# Compares reads from a mount with reads from the folder that it was packed from, on this machine.
#
# Usage: scripts/bench/mount.sh [--rounds N] [--seconds N] [--size MIB] [--bin DIRECTORY] [--help]
#
# fio reads 16 KiB at random places of one file, with one thread, in three ways that take turns: the plain
# file; the same in a mount whose cache has all of it, with passthrough, so that the kernel reads by
# itself; and without, so that thin-mount answers each read. Each way is measured from the disk, after the
# kernel has dropped the file's pages, and from memory, after it has dropped them and read all of them from the
# front to the back. Dropped first, because it keeps what was read at random in small pieces and what was read in
# one go in large ones, and copies these faster: without that, it would depend on what was measured before.
#
# There is a table at the end: the median of the rounds in reads a second, and the ratio to the plain file; then,
# whether the target is met: with passthrough at least 95 % of the plain file. A target that is missed is no error.
# Reads without passthrough are served by the kernel's memory too, when it has them; but of a FUSE file it keeps
# each page by itself, which takes longer to copy. That is the kernel's.
#
# Needs root, FUSE, fio and, for passthrough, Linux 6.9. Takes three times the size below TMPDIR.
# Leave the machine alone meanwhile.
#
#   --rounds N        how often each is measured, 1 to 99 [5]
#   --seconds N       how long one measurement lasts, 1 to 60 [3]
#   --size MIB        how large the file is, 16 to 65536 [512]
#   --bin DIRECTORY   where thin-mount is; without it, the project is set up and built first
#
# KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed
# Exit codes: 0 measured, 1 something could not be measured, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"

rounds=5
seconds=3
size=512
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--rounds | --seconds | --size | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in
		--rounds) rounds="$2" ;;
		--seconds) seconds="$2" ;;
		--size) size="$2" ;;
		--bin) bin="$2" ;;
		esac
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$rounds" =~ ^[1-9][0-9]?$ ]] || unusable "--rounds takes a number from 1 to 99, not '$rounds'"
[[ "$seconds" =~ ^([1-9]|[1-5][0-9]|60)$ ]] ||
	unusable "--seconds takes a number from 1 to 60, not '$seconds'"
if ! [[ "$size" =~ ^[1-9][0-9]{1,4}$ ]] || [ "$size" -lt 16 ] || [ "$size" -gt 65536 ]; then
	unusable "--size takes a number from 16 to 65536, not '$size'"
fi

exec 3>&1 1>&2
find_programs "$bin" thin-mount
[ "$(id -u)" -eq 0 ] || unusable "passthrough needs root"
[ -e /dev/fuse ] || unusable "there is no /dev/fuse"
for program in fio node; do
	command -v "$program" >/dev/null || unusable "$program is missing"
done

make_work_directory thin-bench
mkdir "$WORK/plain" "$WORK/store" "$WORK/passed" "$WORK/asked"
dd if=/dev/urandom of="$WORK/plain/file" bs=1M count="$size" status=none
store="dir://$WORK/store"
image="$("$THIN_MOUNT" pack "$WORK/plain" --store "$store")"
"$THIN_MOUNT" hydrate "$image" --cache "$WORK/cache" --store "$store" >/dev/null
mount_at() {
	local name="$1"
	shift
	start "$name" "$THIN_MOUNT" mount "$image" "$WORK/$name" --cache "$WORK/cache" --store "$store" "$@"
	wait_for_line "$name" '^mounted ' 20 >/dev/null
}
mount_at passed
mount_at asked --no-passthrough

# The first opening has the file looked at; it is handed over at one after that.
for ((i = 0; i < 600; i++)); do
	exec 4<"$WORK/passed/file"
	passed="$("$THIN_MOUNT" status "$WORK/passed" | sed -n 's/^kernel *reads \([0-9]*\) .*/\1/p')"
	exec 4<&-
	[ "${passed:-0}" = 0 ] || break
	sleep 0.1
done
[ "${passed:-0}" != 0 ] || fail "the kernel doesn't take the file: no passthrough here"

cached="$(find "$WORK/cache/blobs" -type f ! -name '*.map')"
forget() { for file in "$1" "$cached"; do dd if="$file" iflag=nocache count=0 status=none; done; }
measure() {
	fio --name=read --filename="$1" --readonly --rw=randread --bs=16k --invalidate=0 --norandommap \
		--time_based --runtime="$seconds" --output-format=json |
		node -e 'const fs = require("node:fs");
			console.log(Math.round(JSON.parse(fs.readFileSync(0)).jobs[0].read.iops))'
}
for ((round = 1; round <= rounds; round++)); do
	say "round $round of $rounds"
	for from in disk memory; do
		for way in plain passed asked; do
			file="$WORK/$way/file"
			case "$from" in
			disk) forget "$file" ;;
			memory) forget "$file" && dd if="$file" of=/dev/null bs=1M status=none ;;
			esac
			measure "$file" >>"$WORK/$from.$way"
		done
	done
done

median() { sort -n "$1" | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'; }
{
	printf '%-8s %14s %22s %22s\n' from plain passthrough "answered by thin-mount"
	for from in disk memory; do
		plain="$(median "$WORK/$from.plain")"
		printf '%-8s %14s' "$from" "$plain"
		for way in passed asked; do
			value="$(median "$WORK/$from.$way")"
			printf ' %14s (%4.2f)' "$value" "$(awk "BEGIN { print $value / $plain }")"
		done
		printf '\n'
	done
	for from in disk memory; do
		share="$(awk "BEGIN { printf \"%.2f\", $(median "$WORK/$from.passed") / $(median "$WORK/$from.plain") }")"
		verdict="$(awk "BEGIN { print ($share >= 0.95 ? \"met\" : \"missed\") }")"
		printf 'target with passthrough, from %s: 0.95, reached %s: %s\n' "$from" "$share" "$verdict"
	done
} >&3
