# A file of noise as an image, mounted. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the measures set and read these.

# How large the file is.
READ_MIB=512

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
