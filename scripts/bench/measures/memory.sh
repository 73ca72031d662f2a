# What a mount takes of memory and of the processor. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

# peak_mb NAME: the most memory that a process ever held.
peak_mb() { awk '/^VmHWM:/ { printf "%.1f", $2 / 1024 }' "/proc/${PROCESS[$1]}/status"; }

# cpu_seconds NAME: of all its threads, until now.
cpu_seconds() {
	awk -v hertz="$(getconf CLK_TCK)" '{ sub(/^.*\) /, ""); printf "%.2f", ($12 + $13) / hertz }' \
		"/proc/${PROCESS[$1]}/stat"
}

measure_memory() {
	local round
	command -v fio >/dev/null || { skip memory "fio is missing" && return 0; }
	make_file_image
	for ((round = 1; round <= rounds; round++)); do
		rm -rf "$WORK/empty"
		mount_file cold --cache "$WORK/empty"
		record "a mount, peak" "doing nothing" MB "$(peak_mb mount-cold)"
		fio_of "$WORK/at-cold/file" --rw=read --bs=128k >/dev/null
		record "a mount, peak" "a file of $READ_MIB MiB read" MB "$(peak_mb mount-cold)"
		record "processor time for each GB, cold" mount s \
			"$(jq -n "$(cpu_seconds mount-cold) / ($READ_MIB * 1.048576 / 1000)")"
		unmount_file cold
	done
	stop store
	rm -rf "$WORK/plain" "$WORK/files" "$WORK/empty"
}

# An image of one file of 1 TB that is one hole but for some bytes, and one of 1 GB.
measure_sparse() {
	local round name size seconds
	local -A image=()
	serve_store "$WORK/sparse"
	for name in "1 GB" "1 TB"; do
		[ "$name" = "1 GB" ] && size=1G || size=1T
		mkdir -p "$WORK/hole"
		truncate -s "$size" "$WORK/hole/file" || { skip sparse "no files of 1 TB below TMPDIR" && return 0; }
		printf 'data' | dd of="$WORK/hole/file" conv=notrunc bs=4 seek=1000 status=none
		image[$name]="$("$THIN_MOUNT" pack "$WORK/hole" --store "$STORE")"
		rm -r "$WORK/hole"
	done
	for ((round = 0; round <= 3 * rounds; round++)); do
		for name in "1 GB" "1 TB"; do
			FILE_IMAGE="${image[$name]}"
			mkdir -p "$WORK/at-sparse"
			seconds="$(seconds_of "$THIN_MOUNT" mount "$FILE_IMAGE" "$WORK/at-sparse" --store "$STORE" \
				--cache "$WORK/cache-sparse" --background)"
			"$THIN_MOUNT" unmount "$WORK/at-sparse" >/dev/null
			mount_file sparse --cache "$WORK/cache-sparse"
			fio_of "$WORK/at-sparse/file" --rw=randread --bs=16k --number_ios=2000 >/dev/null
			[ "$round" -eq 0 ] || record mounting "$name" s "$seconds"
			[ "$round" -eq 0 ] || record memory "$name" MB "$(peak_mb mount-sparse)"
			unmount_file sparse
			rm -rf "$WORK/cache-sparse"
		done
	done
	stop store
	rm -rf "$WORK/sparse"
}
