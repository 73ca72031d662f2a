# What the measures share. Sourced by run.sh.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # run.sh and the other measures set and read these.

# record CASE SIDE UNIT VALUE: the first side of a case is what the others are compared with.
# MEASURE is the name of the measure.
record() {
	jq -nc --arg measure "$MEASURE" --arg case "$1" --arg side "$2" --arg unit "$3" \
		--argjson value "$4" '$ARGS.named' >>"$WORK/figures"
}

# skip WHAT WHY
skip() { say "NOT MEASURED: $1 ($2)"; }

now_ms() { date +%s%3N; }

# seconds_of COMMAND…: how long it takes; its output goes to a log.
seconds_of() {
	local started ended
	started="$(date +%s%N)"
	"$@" >"$WORK/log/timed.out" 2>"$WORK/log/timed.log" || {
		show_log timed
		fail "this failed: $*"
	}
	ended="$(date +%s%N)"
	awk -v ns=$((ended - started)) 'BEGIN { printf "%.4f", ns / 1e9 }'
}

# forget PATH…: has the kernel drop what it keeps of these files, or of those in these folders.
forget() {
	find "$@" -type f -exec sh -c \
		'for file; do dd if="$file" iflag=nocache count=0 status=none; done' sh {} +
}

# serve_store FOLDER: an embedded 0-db over it, whose URL goes to STORE.
serve_store() {
	local address
	stop store
	mkdir -p "$1/data" "$1/index"
	start store "$THIN_MOUNT" serve --data "$1/data" --index "$1/index" --listen 127.0.0.1:0
	address="$(wait_for_line store '^listening on ' 60)"
	STORE="zdb://${address#listening on }/default"
}

# fio_of FILE OPTION…: one thread that reads; prints fio's JSON.
fio_of() {
	local file="$1"
	shift
	fio --name=read --filename="$file" --readonly --norandommap --randseed=7 --output-format=json "$@"
}

# Limits what goes through the loopback interface, or no longer does. Needs a network of our own.
limit_rate() { tc qdisc replace dev lo root tbf rate "$1" burst 256k latency 200ms 2>/dev/null; }
lift_rate() { tc qdisc delete dev lo root 2>/dev/null || true; }
