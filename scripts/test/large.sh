#!/usr/bin/env bash
# Packs, mounts and lists large images, and looks at how much memory that takes.
#
# Usage: scripts/test/large.sh [--bin DIRECTORY] [--files N] [--help]
#
# One image is of a sparse file of 1 TB, one of a million empty and small files, and one, to compare
# with, of a single small file. The most memory that `pack`, `ls`, `verify` and a mount ever held
# (VmHWM of /proc/PID/status) is compared with that of the small image: of the sparse file it
# must be the same but for 64 MB, of the million files less than 1 KB a file more, since the listing is
# held in memory. The peak is looked at every 20 ms, so that of a process which ends sooner may be
# shown as less than it was.
#
# Takes five to twenty minutes and, below TMPDIR, 1 GB and a million inodes.
#
#   --bin DIRECTORY   where thin-mount is; without it, the project is set up and built first
#   --files N         so many files instead of a million
#
# Exit codes: 0 all is well, 1 something is wrong or takes too much, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"

bin=
files=1000000
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--bin | --files)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		if [ "$1" = --bin ]; then bin="$2"; else files="$2"; fi
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[[ "$files" =~ ^[1-9][0-9]{2,7}$ ]] || unusable "--files takes a number from 100 on"
find_programs "$bin" thin-mount

make_work_directory thin-large
STORE="dir://$WORK/store"
declare -A PEAK=()

# peak_of PID: the most memory it ever held, in KB. Empty when it is gone.
peak_of() { awk '/^VmHWM:/ { print $2 }' "/proc/$1/status" 2>/dev/null || true; }

# watched NAME COMMAND…: runs it to its end; its output is in NAME.out, its peak in PEAK[NAME].
watched() {
	local name="$1" pid now code=0
	shift
	"$@" </dev/null >"$WORK/log/$name.out" 2>"$WORK/log/$name.log" 3>&- &
	pid=$!
	PROCESS[$name]=$pid
	PEAK[$name]=0
	while kill -0 "$pid" 2>/dev/null; do
		now="$(peak_of "$pid")"
		[ -z "$now" ] || PEAK[$name]="$now"
		sleep 0.02
	done
	wait "$pid" || code=$?
	unset "PROCESS[$name]"
	[ "$code" -eq 0 ] || {
		show_log "$name"
		fail "$name ended with $code"
	}
}

# round NAME DIRECTORY ENTRIES: packs, lists, verifies, mounts, walks the mount.
round() {
	local image mount="$WORK/mount" listed
	say "$1: packing"
	watched "pack-$1" "$THIN_MOUNT" pack "$2" --store "$STORE"
	image="$(<"$WORK/log/pack-$1.out")"
	[[ "$image" =~ ^[0-9a-f]{64}$ ]] || fail "$1: pack printed '$image', not an image id alone"
	say "$1: listing and verifying"
	watched "ls-$1" "$THIN_MOUNT" ls "$image" --recursive --store "$STORE"
	listed="$(wc -l <"$WORK/log/ls-$1.out")"
	[ "$listed" -eq "$3" ] || fail "$1: ls shows $listed entries instead of $3"
	watched "verify-$1" "$THIN_MOUNT" verify "$image" --store "$STORE"
	if [ ! -e /dev/fuse ]; then
		say "$1: NOT CHECKED: mounting (there is no /dev/fuse)"
		return 0
	fi
	say "$1: mounting and walking the mount"
	mkdir -p "$mount"
	start "mount-$1" "$THIN_MOUNT" mount "$image" "$mount" --store "$STORE" --cache "$WORK/cache-$1"
	wait_for_line "mount-$1" "^mounted " 120 >/dev/null
	listed="$(find "$mount" -mindepth 1 -printf 'x\n' | wc -l)"
	[ "$listed" -eq "$3" ] || fail "$1: find shows $listed entries instead of $3"
	diff <(sample "$2") <(sample "$mount") >"$WORK/difference" ||
		fail "$1: reads differently from the mount: $(head -n 3 "$WORK/difference")"
	PEAK[mount-$1]="$(peak_of "${PROCESS[mount-$1]}")"
	"$THIN_MOUNT" unmount "$mount"
	[ -z "$(own_mounts)" ] || fail "$1: still mounted after unmount"
	stop "mount-$1"
}

# Sizes, and bytes here and there: at both ends and in the middle of the sparse file, and one
# small file in a thousand.
sample() {
	local path offset
	if [ -e "$1/sparse" ]; then
		stat -c %s "$1/sparse"
		for offset in 0 1048570 549755813888 824633720832 1099511627770; do
			dd if="$1/sparse" bs=100000 count=1 iflag=skip_bytes,fullblock skip="$offset" status=none |
				sha256sum
		done
	fi
	(cd "$1" && find . -type f -size -64k -name '*7' -print | LC_ALL=C sort | awk 'NR % 1000 == 1') |
		while read -r path; do printf '%s %s\n' "$path" "$(sha256sum <"$1/$path")"; done
}

# check NAME ALLOWED-KB: against the small image.
check() {
	local step key more
	for step in pack ls verify mount; do
		key="$step-$1"
		[ -n "${PEAK[$key]:-}" ] || continue
		more=$((PEAK[$key] - PEAK[$step-small]))
		say "$1: $step held $((PEAK[$key] / 1024)) MB at most, $((PEAK[$step-small] / 1024)) MB for the small image"
		[ "$more" -le "$2" ] || fail "$1: $step took $more KB more than for the small image; at most $2 are fine"
	done
}

mkdir -p "$WORK/small" "$WORK/terabyte" "$WORK/many"
echo small >"$WORK/small/file"
round small "$WORK/small" 1

truncate -s 1T "$WORK/terabyte/sparse" ||
	unusable "the file system of ${TMPDIR:-/tmp} has no files of 1 TB"
for offset in 0 1048575 549755813880 1099511627760; do
	printf 'data at %016d' "$offset" | head -c 16 | dd of="$WORK/terabyte/sparse" bs=16 conv=notrunc \
		oflag=seek_bytes seek="$offset" status=none
done
round terabyte "$WORK/terabyte" 1
rm -r "$WORK/terabyte"
check terabyte 65536

say "making $files files"
# shellcheck disable=SC2016 # What looks like variables of the shell is JavaScript.
node -e 'const fs = require("node:fs"), [folder, count] = process.argv.slice(1);
	for (let n = 0; n < count; n++) {
		if (n % 1000 === 0) fs.mkdirSync(`${folder}/${n / 1000}`);
		fs.writeFileSync(`${folder}/${Math.floor(n / 1000)}/${n}`, n % 10 === 7 ? `${n % 5000}\n` : "");
	}' "$WORK/many" "$files"
round many "$WORK/many" $((files + (files + 999) / 1000))
check many $((65536 + files))
say "large: all is well"
