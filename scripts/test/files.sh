#!/usr/bin/env bash
# Packs a folder of files that have nothing to do with a chain, mounts it, compares.
#
# Usage: scripts/test/files.sh [--bin DIRECTORY] [--help]
#
# In the folder: 10,000 small files, one of 2 GB, empty files and folders, nested ones, names
# that are not ASCII, and a RocksDB made by db_bench. It goes into a store over the protocol of
# 0-db, is mounted, and every byte is compared. The database is opened from the mount with ldb
# and db_bench, and written through an overlay, which must leave the image as it was. fio verifies
# a file that it wrote, by the checksums in it.
#
# The stores: the embedded 0-db; a real one, if ZDB_BIN names its program; Redis, if redis-server
# is there. Takes two to five minutes for each store, and 4 GB below TMPDIR.
#
#   --bin DIRECTORY   where thin-mount is; without it, the project is set up and built first
#
# Exit codes: 0 all equal, 1 something differs or failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"

read_bin "$@"
find_programs "$bin" thin-mount
[ -e /dev/fuse ] || unusable "this machine has no /dev/fuse: nothing can be mounted here"
{ command -v ldb && command -v db_bench; } >/dev/null ||
	unusable "ldb and db_bench are missing; scripts/setup.sh installs them (rocksdb-tools)"

make_work_directory thin-files
FILES="$WORK/files"

# run_fio FILE OPTION…: blocks with checksums in them, each block once, in random order.
run_fio() {
	local file="$1"
	shift
	fio --name=verified --filename="$file" --size=64M --bs=16k --verify=crc32c --verify_fatal=1 \
		--verify_state_save=0 "$@" >"$WORK/log/fio.log" 2>&1
}

# Content that follows from the name, so that a file in the wrong place shows.
make_files() {
	mkdir -p "$FILES"
	node "$SCRIPTS/test/make-files.mjs" "$FILES"
	# Two gigabytes: mostly holes, with random parts across chunk borders and at the end.
	truncate -s 2G "$FILES/large"
	local offset
	for offset in 0 65530 1000000007 1073741820 2146435072; do
		dd if=/dev/urandom of="$FILES/large" bs=1M count=1 iflag=fullblock conv=notrunc \
			oflag=seek_bytes seek="$offset" status=none
	done
	if command -v fio >/dev/null; then
		run_fio "$FILES/verified" --rw=randwrite --do_verify=0 || fail "fio can't write"
	fi
	db_bench --benchmarks=fillrandom --num=200000 --value_size=200 --db="$FILES/rocksdb" \
		>"$WORK/log/db_bench.log" 2>&1 || fail "db_bench failed: $(tail -n 1 "$WORK/log/db_bench.log")"
	# db_bench begins a new log wherever it can write.
	cp -r "$FILES/rocksdb" "$WORK/rocksdb"
}

# Path, kind, mode, target of a link, size of a file.
listing() {
	(cd "$1" && find . -mindepth 1 -printf '%P\t%y\t%m\t%l\t' \
		\( -type f -printf '%s\n' -o -printf '\n' \) | LC_ALL=C sort)
}

# pairs_of DIRECTORY: everything in the database there, as a checksum and a count.
pairs_of() {
	ldb --db="$1" --hex scan >"$WORK/scan" 2>"$WORK/log/ldb.log" ||
		fail "ldb can't open $1: $(tail -n 1 "$WORK/log/ldb.log")"
	printf '%s %s\n' "$(wc -l <"$WORK/scan")" "$(sha256sum <"$WORK/scan")"
}

# counts_of DIRECTORY: how many pairs db_bench reads in order, and how many of some keys, always
# the same, it finds. How long that takes is left out.
counts_of() {
	db_bench --benchmarks=readseq,readrandom --use_existing_db=1 --readonly=1 --num=200000 \
		--seed=7 --db="$1" >"$WORK/log/db_bench.log" 2>&1 ||
		fail "db_bench can't read $1: $(tail -n 1 "$WORK/log/db_bench.log")"
	grep -oE '^read[a-z]+|[0-9]+ operations|[0-9]+ of [0-9]+ found' "$WORK/log/db_bench.log"
}

compare() {
	diff <(listing "$FILES") <(listing "$1") >"$WORK/difference" ||
		fail "$2: names, kinds, modes or sizes differ: $(head -n 3 "$WORK/difference")"
	diff --recursive --brief --no-dereference "$FILES" "$1" >"$WORK/difference" ||
		fail "$2: contents differ: $(head -n 3 "$WORK/difference")"
}

# round STORE-NAME URL
round() {
	local image again mount="$WORK/mount" pairs expected
	say "$1: packing (a minute or two)"
	image="$("$THIN_MOUNT" pack "$FILES" --store "$2" 2>"$WORK/log/pack.log")" || {
		show_log pack
		fail "$1: pack failed"
	}
	[[ "$image" =~ ^[0-9a-f]{64}$ ]] || fail "$1: pack printed '$image', not an image id alone"
	[ "$image" = "${IMAGE:=$image}" ] || fail "$1: image $image, but $IMAGE from the store before"

	say "$1: mounting $image and comparing every byte (a minute or two)"
	mkdir -p "$mount"
	start "mount-$1" "$THIN_MOUNT" mount "$image" "$mount" --store "$2" --cache "$WORK/cache-$1"
	wait_for_line "mount-$1" "^mounted " 30 >/dev/null
	compare "$mount" "$1"
	if touch "$mount/new" 2>/dev/null; then fail "$1: the read-only mount took a new file"; fi

	expected="$(pairs_of "$FILES/rocksdb")"
	pairs="$(pairs_of "$mount/rocksdb")"
	[ "$pairs" = "$expected" ] || fail "$1: the database reads differently from the mount"
	[ "$(counts_of "$mount/rocksdb")" = "$(counts_of "$WORK/rocksdb")" ] ||
		fail "$1: db_bench finds something else in the mount"
	if [ -e "$FILES/verified" ]; then
		run_fio "$mount/verified" --rw=randread --readonly ||
			fail "$1: fio finds a wrong checksum: $(tail -n 3 "$WORK/log/fio.log")"
	else
		say "$1: NOT CHECKED: a file of fio's (there is no fio)"
	fi
	say "$1: equal, and ldb reads the same ${pairs%% *} pairs from the mount"
	"$THIN_MOUNT" unmount "$mount"
	[ -z "$(own_mounts)" ] || fail "$1: still mounted after unmount"
	stop "mount-$1"

	over_overlay "$1" "$2" "$image" "$mount" "$expected"

	say "$1: verifying and hydrating (a minute or two)"
	"$THIN_MOUNT" verify "$image" --store "$2" >"$WORK/log/verify.log" 2>&1 || {
		show_log verify
		fail "$1: verify failed"
	}
	"$THIN_MOUNT" hydrate "$image" --to "$WORK/hydrated" --store "$2" >"$WORK/log/hydrate.log" 2>&1 || {
		show_log hydrate
		fail "$1: hydrate failed"
	}
	compare "$WORK/hydrated" "$1, hydrated"
	rm -rf "$WORK/hydrated" "$WORK/cache-$1"

	again="$("$THIN_MOUNT" pack "$FILES" --store "$2" 2>/dev/null)"
	[ "$again" = "$image" ] || fail "$1: packed again, the image is $again instead of $image"
}

# over_overlay STORE-NAME URL IMAGE MOUNTPOINT EXPECTED-PAIRS
over_overlay() {
	local value
	if [ "$(id -u)" -ne 0 ]; then
		say "$1: NOT CHECKED: writing over overlayfs, which takes root"
		return 0
	fi
	say "$1: writing to the database over overlayfs"
	"$THIN_MOUNT" mount "$3" "$4" --store "$2" --cache "$WORK/cache-$1" \
		--write overlay --upper "$WORK/upper" --background >"$WORK/log/overlay.log" 2>&1 || {
		show_log overlay
		fail "$1: the mount with an overlay failed"
	}
	ldb --db="$4/rocksdb" put thin works >"$WORK/log/ldb.log" 2>&1 ||
		fail "$1: ldb can't write over the overlay: $(tail -n 1 "$WORK/log/ldb.log")"
	value="$(ldb --db="$4/rocksdb" get thin 2>/dev/null)"
	[ "$value" = works ] || fail "$1: wrote 'works' over the overlay, read '$value'"
	"$THIN_MOUNT" unmount "$4"
	[ -z "$(own_mounts)" ] || fail "$1: still mounted after unmount"

	"$THIN_MOUNT" mount "$3" "$4" --store "$2" --cache "$WORK/cache-$1" --background >/dev/null
	[ "$(pairs_of "$4/rocksdb")" = "$5" ] || fail "$1: what was written over the overlay is in the image"
	"$THIN_MOUNT" unmount "$4"
	rm -rf "$WORK/upper"
}

say "making the files (a minute)"
make_files

mkdir -p "$WORK/zdb-data" "$WORK/zdb-index"
start embedded "$THIN_MOUNT" serve --data "$WORK/zdb-data" --index "$WORK/zdb-index" \
	--listen 127.0.0.1:0
address="$(wait_for_line embedded '^listening on ' 30)"
round embedded "zdb://${address#listening on }/default"
stop embedded
rm -rf "$WORK/zdb-data" "$WORK/zdb-index"

if [ -n "${ZDB_BIN:-}" ]; then
	port="$(free_port)"
	mkdir -p "$WORK/real-data" "$WORK/real-index"
	start 0-db "$ZDB_BIN" --data "$WORK/real-data" --index "$WORK/real-index" \
		--listen 127.0.0.1 --port "$port"
	"$SCRIPTS/test/wait-for-port.mjs" "$port" 30 || fail "the 0-db of ZDB_BIN doesn't listen"
	round 0-db "zdb://127.0.0.1:$port/default"
	stop 0-db
	rm -rf "$WORK/real-data" "$WORK/real-index"
else
	say "NOT CHECKED: a real 0-db (ZDB_BIN is not set)"
fi

if command -v redis-server >/dev/null; then
	port="$(free_port)"
	start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$WORK"
	"$SCRIPTS/test/wait-for-port.mjs" "$port" 30 || fail "redis-server doesn't listen"
	round redis "redis://127.0.0.1:$port"
	stop redis
else
	say "NOT CHECKED: Redis (there is no redis-server)"
fi
say "files: all equal"
