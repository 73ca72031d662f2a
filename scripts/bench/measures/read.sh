# Reads through a mount, and hydration. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

# How large the file is, and how many random reads are made of it where that is what ends them.
READ_MIB=512
READ_COUNT=1500

# make_file_image: a file of noise, an image of it, a store that serves it.
make_file_image() {
	mkdir -p "$WORK/plain"
	dd if=/dev/urandom of="$WORK/plain/file" bs=1M count="$READ_MIB" status=none
	serve_store "$WORK/files"
	FILE_IMAGE="$("$THIN_MOUNT" pack "$WORK/plain" --store "$STORE")"
}

# mount_file NAME OPTION…: mounted at $WORK/at-NAME.
mount_file() {
	local name="$1"
	shift
	mkdir -p "$WORK/at-$name"
	start "mount-$name" "$THIN_MOUNT" mount "$FILE_IMAGE" "$WORK/at-$name" --store "$STORE" "$@"
	wait_for_line "mount-$name" '^mounted ' 20 >/dev/null
}

unmount_file() {
	"$THIN_MOUNT" unmount "$WORK/at-$1" >/dev/null
	stop "mount-$1"
}

measure_read() {
	local round kib
	command -v fio >/dev/null || { skip read "fio is missing" && return 0; }
	[ -e /dev/fuse ] || { skip read "there is no /dev/fuse" && return 0; }
	make_file_image
	"$THIN_MOUNT" hydrate "$FILE_IMAGE" --store "$STORE" --cache "$WORK/whole" >/dev/null
	mount_file asked --cache "$WORK/whole" --no-passthrough
	mount_file passed --cache "$WORK/whole"
	hand_over "$WORK/at-passed"
	for ((round = 1; round <= rounds; round++)); do
		for kib in 4 16; do
			read_cold "$kib"
			read_cached "$kib"
		done
	done
	unmount_file passed
	unmount_file asked
	stop store
	rm -rf "$WORK/plain" "$WORK/files" "$WORK/whole"
}

# What one read takes while nothing is there yet, against one GET of a chunk of the same file. The
# store has its values in the kernel's memory.
read_cold() {
	local kib="$1"
	record "random $kib KiB, cold" "raw GET" µs "$("$THIN_MOUNT" measure-store "$FILE_IMAGE" \
		--store "$STORE" --batch 1 --random "$READ_COUNT" --json | jq '.seconds * 1e6 / .chunks')"
	record "random $kib KiB, cold" "raw GET, verified" µs "$("$THIN_MOUNT" measure-store "$FILE_IMAGE" \
		--store "$STORE" --batch 1 --random "$READ_COUNT" --verify --json |
		jq '.seconds * 1e6 / .chunks')"
	mount_file cold --cache "$WORK/empty"
	record "random $kib KiB, cold" mount µs "$(fio_of "$WORK/at-cold/file" --rw=randread \
		--bs="${kib}k" --number_ios="$READ_COUNT" | jq '.jobs[0].read.clat_ns.mean / 1000')"
	unmount_file cold
	rm -rf "$WORK/empty"
	record "sequential $kib KiB, cold" "raw MGET" MB/s "$("$THIN_MOUNT" measure-store "$FILE_IMAGE" \
		--store "$STORE" --json | jq '.bytes / .seconds / 1e6')"
	mount_file cold --cache "$WORK/empty"
	record "sequential $kib KiB, cold" mount MB/s "$(read_on "$WORK/at-cold/file" "$kib")"
	unmount_file cold
	rm -rf "$WORK/empty"
}

# read_anywhere FILE KIB OPTION…: reads a second at random places.
read_anywhere() {
	local file="$1" kib="$2"
	shift 2
	fio_of "$file" --rw=randread --bs="${kib}k" "$@" | jq '.jobs[0].read.iops'
}

# read_on FILE KIB: MB a second from the front to the back.
read_on() { fio_of "$1" --rw=read --bs="${2}k" --invalidate=0 | jq '.jobs[0].read.bw_bytes / 1e6'; }

# With all of the file in the cache. "From disk": the kernel has dropped all of its pages, of the file and
# of the cache. "From memory": it has dropped them and read the file from the front to the back. Dropped
# first, because it keeps what was read at random in small pieces and what was read in one go in large
# ones, and copies these faster. "Answered by thin-mount": it has those of the cache alone.
read_cached() {
	local kib="$1" way file below
	local for_seconds=(--invalidate=0 --time_based --runtime=2)
	below="$(find "$WORK/whole" -type f -size +100M)"
	for way in "plain file" "mount, passthrough" "mount, no passthrough"; do
		case "$way" in
		plain*) file="$WORK/plain/file" ;;
		*no*) file="$WORK/at-asked/file" ;;
		*) file="$WORK/at-passed/file" ;;
		esac
		[[ "$way" != "mount, passthrough" ]] || $HANDED_OVER || continue
		forget "$file" "$below"
		record "random $kib KiB, from disk" "$way" reads/s \
			"$(read_anywhere "$file" "$kib" "${for_seconds[@]}")"
		forget "$file" "$below"
		dd if="$file" of=/dev/null bs=1M status=none
		record "random $kib KiB, from memory" "$way" reads/s \
			"$(read_anywhere "$file" "$kib" "${for_seconds[@]}")"
		record "sequential $kib KiB, from memory" "$way" MB/s "$(read_on "$file" "$kib")"
	done
	forget "$WORK/at-asked/file"
	dd if="$below" of=/dev/null bs=1M status=none
	record "random $kib KiB, answered by thin-mount" "mount, no passthrough" reads/s \
		"$(read_anywhere "$WORK/at-asked/file" "$kib" --invalidate=1 --number_ios="$READ_COUNT")"
}

# hand_over MOUNT: sets HANDED_OVER to whether the kernel reads the file by itself. The first opening has
# it looked at; it is handed over at one after that.
hand_over() {
	local i reads
	HANDED_OVER=false
	for ((i = 0; i < 600; i++)); do
		exec 4<"$1/file"
		reads="$("$THIN_MOUNT" status "$1" | sed -n 's/^kernel *reads \([0-9]*\) .*/\1/p')"
		exec 4<&-
		[ "${reads:-0}" = 0 ] || { HANDED_OVER=true && return 0; }
		sleep 0.1
	done
	skip "passthrough" "the kernel doesn't take the file"
}

# All chunks of the image of the chain's database, in bytes as the store sends them. Two sides say how far
# hydration could get: the same chunks unpacked and hashed by as many threads as there are processors, and
# kept nowhere; and the files themselves, from the kernel's memory, written and safely on the disk.
measure_hydrate() {
	local round raw four verified written seconds database
	database="$(database_of "$WORK/base")"
	for ((round = 0; round <= rounds; round++)); do
		raw="$("$THIN_MOUNT" measure-store "$IMAGE" --store "$STORE" --json)"
		four="$("$THIN_MOUNT" measure-store "$IMAGE" --store "$STORE" --batch 256 --json)"
		verified="$("$THIN_MOUNT" measure-store "$IMAGE" --store "$STORE" --verify --threads "$(nproc)" \
			--json)"
		rm -rf "$WORK/hydrated"
		written="$(seconds_of write_through "$database" "$WORK/hydrated")"
		rm -rf "$WORK/hydrated"
		seconds="$(seconds_of "$THIN_MOUNT" hydrate "$IMAGE" --store "$STORE" --cache "$WORK/hydrated")"
		# The first turn fills the kernel's memory.
		[ "$round" -gt 0 ] || continue
		record "whole image" "raw MGET" MB/s "$(jq '.bytes / .seconds / 1e6' <<<"$raw")"
		record "whole image" "raw MGET, 4 connections" MB/s "$(jq '.bytes / .seconds / 1e6' <<<"$four")"
		record "whole image" "unpacked and hashed" MB/s "$(jq '.bytes / .seconds / 1e6' <<<"$verified")"
		record "whole image" "written to the disk" MB/s "$(jq ".bytes / $written / 1e6" <<<"$raw")"
		record "whole image" hydrate MB/s "$(jq ".bytes / $seconds / 1e6" <<<"$raw")"
	done
	rm -rf "$WORK/hydrated"
}

# write_through FOLDER TARGET: all its files, in one, on the disk.
write_through() { find "$1" -type f -exec cat {} + | dd of="$2" bs=1M iflag=fullblock conv=fdatasync status=none; }
