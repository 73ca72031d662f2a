# Steps that mostly wait for blocks, side by side: each with a network of its own, so that their
# ports never meet. Sourced by test.sh.
# shellcheck shell=bash

# So many at once. Each of them runs several nodes, and a node that gets no processor makes no block.
AT_ONCE="${AT_ONCE:-3}"

# The steps that run now, by the process of each, and when they began.
declare -A SIDE_STEP=() SIDE_STARTED=()
SIDE_FAILED=()
SIDE_CODE=0
SIDE_LOGS=
is_side_by_side=false

# Whether a step can have a network of its own here.
can_have_networks() {
	[ "$(id -u)" -eq 0 ] && command -v ip >/dev/null &&
		unshare --net ip link set lo up 2>/dev/null
}

# alone COMMAND…: the program that a step consists of. Side by side, it sees no network but the loopback
# of its own, and takes the place of the step's shell, so that a signal reaches it.
alone() {
	$is_side_by_side || {
		"$@"
		return
	}
	# shellcheck disable=SC2016 # The inner shell is to expand it.
	exec unshare --net sh -c 'ip link set lo up && exec "$@"' alone "$@"
}

# run_side_by_side STEP…: what each says is shown when it ends, in one piece. All of them run to their
# end, also when one fails; then the script ends, with the code of the one that failed first.
run_side_by_side() {
	local step
	SIDE_LOGS="$(mktemp -d)"
	trap 'end_side_by_side 129' HUP
	trap 'end_side_by_side 130' INT
	trap 'end_side_by_side 143' TERM
	say "== side by side, $AT_ONCE at once: $*; each shows its output when it ends"
	for step in "$@"; do
		while [ "${#SIDE_STEP[@]}" -ge "$AT_ONCE" ]; do await_one; done
		begin "$step"
	done
	while [ "${#SIDE_STEP[@]}" -gt 0 ]; do await_one; done
	trap - HUP INT TERM
	rm -rf "$SIDE_LOGS"
	[ "${#SIDE_FAILED[@]}" -eq 0 ] || {
		say "failed: ${SIDE_FAILED[*]}; their output is above"
		exit "$SIDE_CODE"
	}
}

begin() {
	say "== $1 begins"
	(
		trap - HUP INT TERM
		is_side_by_side=true
		# Or the logs of one would overwrite those of another.
		[ -z "${KEEP_LOGS_AT:-}" ] || export KEEP_LOGS_AT="$KEEP_LOGS_AT/$1"
		"step_$1"
	) </dev/null >"$SIDE_LOGS/$1" 2>&1 &
	SIDE_STEP[$!]="$1"
	SIDE_STARTED[$!]=$SECONDS
}

# Not by `wait -n`: of several that end at once it may lose one.
await_one() {
	local pid code=0 step
	while :; do
		for pid in "${!SIDE_STEP[@]}"; do kill -0 "$pid" 2>/dev/null || break 2; done
		sleep 0.2
	done
	wait "$pid" || code=$?
	step="${SIDE_STEP[$pid]}"
	unset "SIDE_STEP[$pid]"
	say "== $step"
	cat "$SIDE_LOGS/$step" >&2
	if [ "$code" -eq 0 ]; then
		say "== $step passed ($((SECONDS - SIDE_STARTED[$pid])) s)"
		return 0
	fi
	say "== $step FAILED with $code ($((SECONDS - SIDE_STARTED[$pid])) s)"
	SIDE_FAILED+=("$step")
	[ "$SIDE_CODE" -ne 0 ] || SIDE_CODE="$code"
}

# end_side_by_side CODE: each step stops what it has started, which may take some seconds.
end_side_by_side() {
	trap '' HUP INT TERM
	kill -s TERM "${!SIDE_STEP[@]}" 2>/dev/null || true
	wait
	rm -rf "$SIDE_LOGS"
	exit "$1"
}
