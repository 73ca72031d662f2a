#!/usr/bin/env bash
# Checks what is in deploy/: as much of it as can be seen without a container engine.
#
# Usage: scripts/test/deploy.sh [--bin DIRECTORY] [--help]
#
#   - deploy/build.sh, which the Dockerfile runs; the programs need only libraries of the image
#   - completions for shells, and manual pages
#   - the Dockerfile and the compose files: instructions, files, volumes, options of the programs
#   - the systemd units: systemd-analyze verify and security; and that the rights of
#     thin-node@.service and of compose.fuse.yaml are enough to mount (as root, with FUSE)
#   - the validators of compose.yaml, with the command lines they have there, make final blocks
#   - the programs tell the service manager, as Type=notify has it, when they are ready and stop
#   - every metric in the dashboard and the alert rules is one of a running node's
#   - the health check says yes to what runs, and no to what doesn't
# Takes a minute. What can't be checked on this machine is named: NOT CHECKED.
#
#   --bin DIRECTORY   where thin-node and thin-mount are; without it, the project is set up and
#                     built first
#
# Exit codes: 0 all right, 1 something is wrong, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
DEPLOY="$(cd "$SCRIPTS/../deploy" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"
. "$SCRIPTS/shell/processes.sh"
. "$SCRIPTS/shell/service-manager.sh"

read_bin "$@"
make_work_directory thin-deploy

check_build() {
	local program library
	# What debian:bookworm-slim has: its package manager needs them.
	local known=" linux-vdso.so.1 libc.so.6 libm.so.6 libgcc_s.so.1 libstdc++.so.6 libz.so.1 "
	"$DEPLOY/build.sh" --out "$WORK/out" ${bin:+--bin "$bin"}
	bin="$WORK/out"
	# The systemd check runs them as nobody.
	chmod 711 "$WORK"
	for program in thin-node thin-mount; do
		"$bin/$program" --version >/dev/null || fail "$program doesn't run"
		while read -r library; do
			[[ "$known" == *" $library "* || "$library" == /lib*/ld-linux* ]] ||
				fail "$program needs $library, which the image doesn't have"
		done < <(ldd "$bin/$program" | awk '{ print $1 }')
	done
}

# What shells and man get.
check_documents() {
	local program shell page
	for program in thin-node thin-mount; do
		for shell in bash zsh fish; do
			"$bin/$program" completions "$shell" >"$WORK/completions.$shell"
			grep -q "$program" "$WORK/completions.$shell" || fail "$program has no completions for $shell"
		done
		bash -n "$WORK/completions.bash" || fail "the completions of $program are no bash"
		"$bin/$program" man "$WORK/man"
	done
	for page in thin-node{,-snapshot,-snapshot-create,-key,-chain-info,-man} thin-mount{,-pack}; do
		grep -q '^\.SH EXAMPLES' "$WORK/man/$page.1" || fail "the page of $page has no examples"
	done
	[ -f "$WORK/man/thin-node-key-insert.1" ] || fail "a command below another one has no page"
}

check_units() {
	local unit most
	if ! command -v systemd-analyze >/dev/null; then
		say "NOT CHECKED: the systemd units (there is no systemd-analyze)"
		return 0
	fi
	mkdir -p "$WORK/units"
	for unit in thin-node thin-mount; do
		sed "s|^ExecStart=/usr/local/bin/|ExecStart=$bin/|" "$DEPLOY/systemd/$unit@.service" \
			>"$WORK/units/$unit@.service"
	done
	verify_units
	# The right to mount is most of what a node's unit is exposed by.
	for most in thin-node:25 thin-mount:15; do exposure_of "${most%:*}" "${most#*:}"; done
	mkdir "$WORK/units/thin-node@.service.d"
	cp "$DEPLOY/systemd/no-fuse.conf" "$WORK/units/thin-node@.service.d/"
	verify_units
	exposure_of thin-node 15
	say "systemd-analyze is content with the units"
}

verify_units() {
	local unit said
	for unit in thin-node thin-mount; do
		# What it finds wrong it says, and may end with 0 all the same.
		said="$(systemd-analyze verify --man=no "$WORK/units/$unit@demo.service" 2>&1)" ||
			fail "systemd-analyze verify $unit@: $said"
		[ -z "$said" ] || fail "systemd-analyze verify $unit@: $said"
	done
}

# exposure_of UNIT TENTHS: at most so much of 100.
exposure_of() {
	systemd-analyze security --offline=true --threshold="$2" "$WORK/units/$1@.service" \
		>"$WORK/log/security.log" 2>&1 || {
		show_log security
		fail "$1@.service is exposed to more than $2 of 100"
	}
}

# A user who isn't root mounts with the rights of thin-node@.service, and with those of the container.
check_rights() {
	local image
	if [ "$(id -u)" -ne 0 ] || [ ! -e /dev/fuse ] || ! unshare --mount true 2>/dev/null; then
		say "NOT CHECKED: that the rights of the unit and of the container are enough to mount" \
			"(takes root and FUSE)"
		return 0
	fi
	grep -q '^AmbientCapabilities=CAP_SYS_ADMIN$' "$DEPLOY/systemd/thin-node@.service" ||
		fail "thin-node@.service has other rights than are tried here"
	grep -q '^    cap_add: \[SYS_ADMIN, SETUID, SETGID\]$' "$DEPLOY/compose.fuse.yaml" ||
		fail "compose.fuse.yaml gives other rights than are tried here"
	mkdir "$WORK/files" "$WORK/mount"
	echo here >"$WORK/files/file"
	image="$("$bin/thin-mount" pack "$WORK/files" --store "dir://$WORK/store" 2>"$WORK/log/pack.log")"
	chmod -R a+rX "$WORK/store"
	chown nobody "$WORK/mount"
	mounts_with thin-node@.service "$image" --no-new-privs --bounding-set -all,+sys_admin \
		--inh-caps -all,+sys_admin --ambient-caps -all,+sys_admin
	# fusermount3 takes them, which is root's.
	mounts_with compose.fuse.yaml "$image" --bounding-set -all,+sys_admin,+setuid,+setgid --inh-caps -all
}

# mounts_with WHAT IMAGE OPTION…: the options of setpriv are the rights.
mounts_with() {
	local what="$1" image="$2"
	shift 2
	# /dev/fuse is open to all on Debian; where it isn't, there is one that is, seen in here alone.
	# shellcheck disable=SC2016
	unshare --mount --propagation private bash -euc '
		program="$1" image="$2" work="$3"
		shift 3
		mount -t tmpfs none /mnt
		mknod -m 666 /mnt/fuse c 10 229
		mount --bind /mnt/fuse /dev/fuse
		as_nobody=(setpriv --reuid nobody --regid nogroup --clear-groups)
		"${as_nobody[@]}" "$@" "$program" mount "$image" "$work/mount" --store "dir://$work/store" &
		trap "kill $!; wait $!" EXIT
		# Who mounts it sees it, and nobody else, root included.
		for _ in $(seq 600); do
			"${as_nobody[@]}" cat "$work/mount/file" 2>/dev/null && exit
			sleep 0.1
		done
		exit 1
	' rights "$bin/thin-mount" "$image" "$WORK" "$@" >"$WORK/log/rights.out" 2>"$WORK/log/rights.log" || {
		show_log rights
		fail "with the rights of $what nothing can be mounted"
	}
	grep -qx here "$WORK/log/rights.out" || fail "the file of the mounted image isn't what it was"
	say "the rights of $what are enough to mount"
}

# start_service NAME OPTION…: a node with the command line that compose.yaml has for it.
start_service() {
	local name="$1" words
	shift
	mkdir "$WORK/$name"
	mapfile -t words < <(node "$SCRIPTS/test/deploy.mjs" command "$DEPLOY" "$name" "$WORK/$name" "$peers")
	start_manager "$name"
	NOTIFY_SOCKET="$WORK/$name.socket" start "$name" "$bin/thin-node" "${words[@]}" --no-mdns "$@"
}

check_running() {
	local rpc filtered metrics peers store address
	rpc="$(free_port)"
	filtered="$(free_port)"
	metrics="$(free_port)"
	peers="$(free_port)"
	start_service alice --rpc-port "$rpc" --port "$peers" --prometheus-port "$metrics"
	start_service bob --rpc-port "$filtered" --port "$(free_port)" --prometheus-port "$(free_port)"
	mkdir "$WORK/zdb"
	start_manager store
	NOTIFY_SOCKET="$WORK/store.socket" start store "$bin/thin-mount" serve --data "$WORK/zdb/data" \
		--index "$WORK/zdb/index" --listen 127.0.0.1:0
	address="$(wait_for_line store '^listening on ' 30)"
	store="${address##*:}"
	told store READY=1
	told alice READY=1
	# What says that it is ready answers at once.
	"$DEPLOY/health.sh" rpc "$rpc" || fail "a node that says it is ready doesn't answer"
	# Final only when the two find each other and vote.
	"$SCRIPTS/demo/check.mjs" height "$rpc" finalized 1 180 >/dev/null || {
		show_log alice
		show_log bob
		fail "the chain of compose.yaml doesn't get anywhere"
	}
	node "$SCRIPTS/test/deploy.mjs" metrics "$DEPLOY" "$metrics"

	"$DEPLOY/health.sh" rpc "$rpc" || fail "health.sh says that a running node doesn't answer"
	# It has no --rpc-cors=all, and refuses requests that name another host than it has.
	"$DEPLOY/health.sh" rpc "$filtered" || fail "health.sh isn't let in by a node that looks at the host"
	"$DEPLOY/health.sh" store "$store" || fail "health.sh says that a running store doesn't answer"
	! "$DEPLOY/health.sh" rpc "$store" || fail "health.sh takes a store for a node"
	! "$DEPLOY/health.sh" store "$rpc" || fail "health.sh takes a node for a store"
	stop store
	! "$DEPLOY/health.sh" store "$store" || fail "health.sh says that a stopped store answers"
	stop alice
	stop bob
	told store READY=1 STOPPING=1
	told alice READY=1 STOPPING=1
	say "the programs tell the service manager when they are ready and when they stop"
	say "the health check tells what runs from what doesn't"
}

check_build
check_documents
node "$SCRIPTS/test/deploy.mjs" files "$DEPLOY" "$bin"
check_units
check_rights
check_running
if command -v promtool >/dev/null; then
	promtool check config "$DEPLOY/prometheus/prometheus.yml" >&2
else
	say "NOT CHECKED: the configuration of Prometheus, by Prometheus (there is no promtool)"
fi
if docker info >/dev/null 2>&1; then
	docker compose -f "$DEPLOY/compose.yaml" -f "$DEPLOY/compose.fuse.yaml" --profile thin config --quiet
fi
say "NOT CHECKED: the container image itself is built by whoever uses it"
say "deploy: all right"
