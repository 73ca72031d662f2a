#!/usr/bin/env bash
# Compares the embedded 0-db with redis-server, and with a real 0-db, on this machine.
#
# Usage: scripts/bench/zdb.sh [--json] [--rounds N] [--seconds N] [--only PATTERN] [--bin DIRECTORY] [--help]
#
# GET and SET of values of 64 KiB and of 4 KiB, over 1 and over 32 connections, one command at a
# time and 16 pipelined: 16 cases. redis-benchmark asks, over the loopback interface. In each
# case the servers take turns (A B A B …), after two runs that count for nothing but say how many
# commands fill the time. There is a table at the end: the median of the rounds, the lowest and
# the highest, the ratio to redis-server; the processor time that the server took for a command,
# and its ratio; how much of the time redis-benchmark was busy; and whether the targets are met. A
# target that is missed is no error.
#
# What is compared: redis-server keeps values in memory and saves none of them (--save '',
# --appendonly no); a 0-db writes each to a file, without waiting for the disk. SET takes keys
# that are new, because a 0-db doesn't write what it already has. GET takes 1,000 keys at random.
# redis-benchmark is one thread: where it is busy all the time, servers look alike, and on few
# processors one of several threads stands in its way. The processor time shows what differs then.
#
# Lasts about four minutes, six with a real 0-db; building the project comes before that the first
# time. Takes up to 1 GB of memory and 1 GB below TMPDIR. Leave the machine alone meanwhile.
#
#   --json            also the figures, as one JSON object, on the last line
#   --rounds N        how often each server is measured in each case, 1 to 99 [5]
#   --seconds N       how long one measurement lasts, about, 1 to 60 [1]; one of SET ends after
#                     256 MiB, one of GET after 1,000,000 commands
#   --only PATTERN    only cases whose name matches; names are as get-64-32-16: operation, KiB of a
#                     value, connections, commands pipelined. So 'get-64-*' is all GETs of 64 KiB
#   --bin DIRECTORY   where thin-mount is, as a release build; without it, the project is set up
#                     and built first
#
# ZDB_BIN=PROGRAM        also measures that 0-db; it should be a release build
# KEEP_LOGS_AT=DIRECTORY keeps the logs of a run that failed
# Exit codes: 0 measured, 1 something could not be measured, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"

json=false
rounds=5
seconds=1
only='*'
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--json) json=true ;;
	--rounds | --seconds | --only | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a value"
		case "$1" in
		--rounds) rounds="$2" ;;
		--seconds) seconds="$2" ;;
		--only) only="$2" ;;
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

cases=()
for bytes in 65536 4096; do
	for operation in get set; do
		for connections in 1 32; do
			for pipeline in 1 16; do
				# shellcheck disable=SC2254
				case "$operation-$((bytes / 1024))-$connections-$pipeline" in
				$only) cases+=("$operation $bytes $connections $pipeline") ;;
				esac
			done
		done
	done
done
[ "${#cases[@]}" -gt 0 ] || unusable "--only: no case is named '$only'; one is get-64-32-16"

# Results go to descriptor 3; whatever the tools say goes to standard error.
exec 3>&1 1>&2

find_programs "$bin" thin-mount
for program in redis-server redis-benchmark redis-cli node jq; do
	command -v "$program" >/dev/null ||
		unusable "$program is missing; scripts/setup.sh installs it"
done
[ -z "${ZDB_BIN:-}" ] || [ -x "$ZDB_BIN" ] || unusable "ZDB_BIN: there is no program $ZDB_BIN"

# How many values there are to GET, and how many random keys SET takes them from: so many that
# the same one hardly comes twice.
VALUES=1000
FRESH=2147483647
SET_BYTES=$((256 * 1024 * 1024))
MOST=1000000
TICKS="$(getconf CLK_TCK)"
# 16 commands over each of 32 connections, twice.
FEWEST=1024
# The database of Redis, and the namespace of 0-db, in which each thing is: redis-benchmark
# selects by number.
declare -A PLACE=([4096]=1 [65536]=2 [set]=3)

declare -A PORT=()
SERVERS=(redis embedded)
make_work_directory thin-bench

# The load that is there already counts, not our own.
load="$(cut -d ' ' -f 1-3 /proc/loadavg)"

# is_redis SERVER
is_redis() { [ "$1" = redis ]; }

# ask SERVER ARGUMENT…: what the server answers to one command.
ask() { timeout 60 redis-cli -h 127.0.0.1 -p "${PORT[$1]}" "${@:2}"; }

# order SERVER COMMAND…: a command that has to be answered with OK.
order() {
	local answer
	answer="$(ask "$@")" || answer="no answer"
	[ "$answer" = OK ] || fail "$1 answers ${*:2} with: $answer"
}

start_servers() {
	local port server
	port="$(free_port)"
	PORT[redis]="$port"
	start redis redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$WORK"

	mkdir -p "$WORK/embedded/data" "$WORK/embedded/index"
	start embedded "$THIN_MOUNT" serve --data "$WORK/embedded/data" \
		--index "$WORK/embedded/index" --listen 127.0.0.1:0
	port="$(wait_for_line embedded '^listening on ' 30)"
	PORT[embedded]="${port##*:}"

	if [ -n "${ZDB_BIN:-}" ]; then
		SERVERS+=(0-db)
		port="$(free_port)"
		PORT[0-db]="$port"
		mkdir -p "$WORK/0-db/data" "$WORK/0-db/index"
		# A debug build prints a page for each command.
		# shellcheck disable=SC2016
		start 0-db bash -c 'exec "$@" >/dev/null' 0-db "$ZDB_BIN" --data "$WORK/0-db/data" \
			--index "$WORK/0-db/index" --listen 127.0.0.1 --port "$port"
	else
		say "NOT MEASURED: a real 0-db (ZDB_BIN is not set)"
	fi
	for server in "${SERVERS[@]}"; do
		"$SCRIPTS/test/wait-for-port.mjs" "${PORT[$server]}" 30 || {
			show_log "$server"
			fail "$server doesn't listen"
		}
	done
}

# fill SERVER BYTES: the values that GET asks for, under the names redis-benchmark gives them.
fill() {
	local place="${PLACE[$2]}" stored length
	is_redis "$1" || order "$1" NSNEW "$place"
	awk -v count="$VALUES" -v bytes="$2" 'BEGIN {
		for (value = "x"; length(value) < bytes; ) value = value value
		for (i = 0; i < count; i++) printf "SET key:%012d %s\n", i, value
	}' | ask "$1" -n "$place" >"$WORK/log/fill.out" || fail "$1 doesn't take values of $2 bytes"
	stored="$(ask "$1" -n "$place" DBSIZE)"
	[ "$stored" = "$VALUES" ] || fail "$1 has $stored of $VALUES values of $2 bytes"
	# With the end of the line.
	length="$(ask "$1" -n "$place" GET key:000000000999 | wc -c)"
	[ "$length" -eq $(($2 + 1)) ] || fail "$1 has a value of $((length - 1)) bytes for one of $2"
}

# empty SERVER: forgets what was SET.
empty() {
	if is_redis "$1"; then
		order "$1" -n "${PLACE[set]}" FLUSHDB SYNC
	else
		order "$1" NSDEL "${PLACE[set]}"
		order "$1" NSNEW "${PLACE[set]}"
	fi
}

# cpu_of SERVER: the processor time that it has taken, in hundredths of a second.
cpu_of() {
	local stat
	stat="$(cat "/proc/${PROCESS[$1]}/stat")"
	# The name of the program may have spaces.
	read -ra stat <<<"${stat##*) }"
	printf '%s\n' $(((stat[11] + stat[12]) * 100 / TICKS))
}

# measure SERVER OPERATION BYTES CONNECTIONS PIPELINE COMMANDS: commands a second, into RATE; what the
# server took for each in µs, into SERVER_CPU; the share of the time that redis-benchmark was busy,
# into CLIENT_BUSY. Not printed: what a command substitution starts isn't known to the script, which
# has to stop it.
measure() {
	local place keys stored before after
	if [ "$2" = set ]; then
		place="${PLACE[set]}" keys="$FRESH"
		empty "$1"
	else
		place="${PLACE[$3]}" keys="$VALUES"
	fi
	before="$(cpu_of "$1")"
	# shellcheck disable=SC2016
	start redis-benchmark timeout $((60 + 10 * seconds)) bash -c 'redis-benchmark "$@"; times' \
		redis-benchmark -h 127.0.0.1 -p "${PORT[$1]}" --dbnum "$place" -t "$2" -d "$3" -c "$4" \
		-P "$5" -n "$6" -r "$keys" --csv
	while is_running redis-benchmark; do
		# It would try again for ever.
		is_running "$1" || {
			show_log "$1"
			fail "$1 ended while $2 of $3 bytes was measured"
		}
		sleep 0.1
	done
	unset 'PROCESS[redis-benchmark]'
	RATE="$(sed -n 's/^"[A-Z]*","\([0-9]*\.[0-9]*\)",.*/\1/p' "$WORK/log/redis-benchmark.out")"
	if ! [[ "$RATE" =~ ^[1-9][0-9]*\.[0-9]+$ ]]; then
		show_log redis-benchmark
		show_log "$1"
		fail "redis-benchmark gives no rate for $2 of $3 bytes on $1"
	fi
	after="$(cpu_of "$1")"
	SERVER_CPU="$(jq -n "($after - $before) * 10000 / $6")"
	# The second line is of what the shell has started: user and system, as 0m1.234s.
	CLIENT_BUSY="$(sed -nE '/^0m/{n;s/^(.*)m(.*)s (.*)m(.*)s$/(60 * (\1 + \3) + \2 + \4)/p}' \
		"$WORK/log/redis-benchmark.out")"
	CLIENT_BUSY="$(jq -n "$CLIENT_BUSY * $RATE / $6")"
	[ "$2" = set ] || return 0
	# Answered is not yet stored.
	stored="$(ask "$1" -n "$place" DBSIZE)"
	[ "$stored" -ge $(($6 * 99 / 100)) ] || fail "$1 has stored $stored values of $6 that were SET"
}

# in_bounds OPERATION BYTES COMMANDS: the number, within what one measurement may take.
in_bounds() {
	local count="$3" most="$MOST"
	[ "$1" = get ] || most=$((SET_BYTES / $2))
	[ "$count" -lt "$most" ] || count="$most"
	[ "$count" -gt "$FEWEST" ] || count="$FEWEST"
	printf '%s\n' "$count"
}

# compare OPERATION BYTES CONNECTIONS PIPELINE
compare() {
	local server round
	local -A commands=()
	for server in "${SERVERS[@]}"; do
		measure "$server" "$@" "$FEWEST"
		# The first run is short, and says little about the rate.
		measure "$server" "$@" "$(in_bounds "$1" "$2" $((${RATE%.*} * seconds / 4)))"
		commands[$server]="$(in_bounds "$1" "$2" $((${RATE%.*} * seconds)))"
	done
	for ((round = 1; round <= rounds; round++)); do
		for server in "${SERVERS[@]}"; do
			measure "$server" "$@" "${commands[$server]}"
			printf '%s\t' "$@" "$server" "${commands[$server]}" >>"$WORK/measured"
			printf '%s\t%s\t%s\n' "$RATE" "$SERVER_CPU" "$CLIENT_BUSY" >>"$WORK/measured"
		done
	done
}

say "starting the servers: ${SERVERS[*]}${ZDB_BIN:+ 0-db} (seconds)"
start_servers
for server in "${SERVERS[@]}"; do
	say "$server: storing what GET asks for (seconds)"
	fill "$server" 4096
	fill "$server" 65536
	is_redis "$server" || order "$server" NSNEW "${PLACE[set]}"
done

number=0
for one in "${cases[@]}"; do
	read -r operation bytes connections pipeline <<<"$one"
	number=$((number + 1))
	say "$number/${#cases[@]}: ${operation^^} of $((bytes / 1024)) KiB," \
		"connections: $connections, pipelined: $pipeline" \
		"(about $(((rounds + 1) * ${#SERVERS[@]} * seconds)) seconds)"
	compare "$operation" "$bytes" "$connections" "$pipeline"
done

redis_version="$(redis-server --version | sed -n 's/.* v=\([^ ]*\).*/\1/p')"
node "$SCRIPTS/bench/zdb-table.mjs" "$WORK/measured" "$json" "$rounds" "$(nproc)" "$load" \
	"$(cut -d ' ' -f 1-3 /proc/loadavg)" "$redis_version" >&3
