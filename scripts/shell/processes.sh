# Starts processes that surely end with the script, whichever way the script ends. Sourced.
#
# Call `make_work_directory`, which sets WORK, before anything else. Every process started
# here leads a process group of its own, logs into $WORK/log/NAME.log, and is known by NAME.
# shellcheck shell=bash

declare -A PROCESS=()
WORK=

make_work_directory() {
	WORK="$(mktemp -d "${TMPDIR:-/tmp}/$1.XXXXXXXX")"
	mkdir -p "$WORK/log"
	trap 'clean_up $?' EXIT
	# What `set -e` ends the script for doesn't always say so itself.
	trap 'printf "error: stopped at line %s of %s\n" "$LINENO" "$0" >&2' ERR
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

# start NAME COMMAND…: in the background, standard output in NAME.out, the rest in NAME.log.
start() {
	local name="$1"
	shift
	# Descriptor 3 is where a script may keep its results: who reads them waits for its end.
	setsid "$@" </dev/null >"$WORK/log/$name.out" 2>"$WORK/log/$name.log" 3>&- &
	PROCESS[$name]=$!
	# Or the shell would report its end, whenever that is, between our own lines.
	disown "$!"
}

# attend COMMAND…: runs something long in the foreground, so that a signal to the script is
# obeyed at once: a shell that waits for a plain command looks at its traps only after it.
attend() {
	local code=0
	setsid "$@" </dev/null 3>&- &
	PROCESS[attended]=$!
	wait "$!" || code=$?
	# What it has started itself and not stopped, because it failed.
	[ "$code" -eq 0 ] || kill -s TERM -- "-${PROCESS[attended]}" 2>/dev/null || true
	unset 'PROCESS[attended]'
	return "$code"
}

is_running() { [ -n "${PROCESS[$1]:-}" ] && kill -0 "${PROCESS[$1]}" 2>/dev/null; }

# stop NAME [SIGNAL]: ends its process group; what doesn't end in 20 seconds is killed.
stop() {
	local pid="${PROCESS[$1]:-}" i
	[ -n "$pid" ] || return 0
	unset "PROCESS[$1]"
	kill -s "${2:-TERM}" -- "-$pid" 2>/dev/null || true
	for ((i = 0; i < 200; i++)); do
		kill -0 -- "-$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -s KILL -- "-$pid" 2>/dev/null || true
	for ((i = 0; i < 50; i++)); do
		kill -0 -- "-$pid" 2>/dev/null || return 0
		sleep 0.1
	done
	say "$1 (process group $pid) can't be killed"
}

# show_log NAME: the end of what a process said, for the reader of a failure.
show_log() {
	local file
	for file in "$WORK/log/$1.out" "$WORK/log/$1.log"; do
		[ -s "$file" ] || continue
		printf -- '--- the end of %s\n' "${file##*/}" >&2
		tail -n 20 "$file" >&2
	done
}

# wait_for_line NAME PATTERN SECONDS: prints the first line of its standard output that
# matches the extended regular expression.
wait_for_line() {
	local line i
	for ((i = 0; i < $3 * 10; i++)); do
		if line="$(grep -m1 -E -- "$2" "$WORK/log/$1.out" 2>/dev/null)"; then
			printf '%s\n' "$line"
			return 0
		fi
		if ! is_running "$1"; then
			# It may have said so and ended since we looked.
			grep -m1 -E -- "$2" "$WORK/log/$1.out" && return 0
			show_log "$1"
			fail "$1 ended before it was ready"
		fi
		sleep 0.1
	done
	show_log "$1"
	fail "$1 wasn't ready within $3 seconds"
}

# free_port: a TCP port that nobody listens on now.
free_port() {
	node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => {
		console.log(s.address().port); s.close(); })'
}

# Mounts under the work directory, the innermost first.
own_mounts() {
	awk -v work="$WORK/" 'index($5, work) == 1 { print $5 }' /proc/self/mountinfo |
		sed 's/\\040/ /g' | sort -r
}

clean_up() {
	local code="$1" name mount
	trap - EXIT
	trap '' HUP INT TERM
	set +e
	if [ "$code" -ne 0 ] && [ -n "${KEEP_LOGS_AT:-}" ]; then
		mkdir -p "$KEEP_LOGS_AT" && cp -r "$WORK"/log/. "$KEEP_LOGS_AT"/ &&
			printf 'the logs are kept in %s\n' "$KEEP_LOGS_AT" >&2
	elif [ "$code" -ne 0 ]; then
		printf 'KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that fails\n' >&2
	fi
	for name in "${!PROCESS[@]}"; do kill -s TERM -- "-${PROCESS[$name]}" 2>/dev/null; done
	for name in "${!PROCESS[@]}"; do stop "$name"; done
	while read -r mount; do
		umount "$mount" 2>/dev/null || fusermount3 -u "$mount" 2>/dev/null ||
			umount -l "$mount" 2>/dev/null || fusermount3 -uz "$mount" 2>/dev/null
	done < <(own_mounts)
	# Never through a mount that refused to go: it may be writable.
	if [ -z "$(own_mounts)" ]; then
		rm -rf "$WORK"
	else
		printf 'left behind, because something is still mounted there: %s\n' "$WORK" >&2
	fi
	# A script that owes its reader a last word has a function `last_word CODE`.
	declare -F last_word >/dev/null && last_word "$code"
	exit "$code"
}
