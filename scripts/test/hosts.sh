# Hosts on one machine: network namespaces on one bridge, with links as slow as real ones, as far as
# the kernel has what it takes.
# Sourced; takes root.
# shellcheck shell=bash

LINK_DELAY="${LINK_DELAY:-20ms}"
LINK_RATE="${LINK_RATE:-100mbit}"
declare -A ADDRESS=()
# Names of this run alone: another one may go on beside it.
HOSTS_PREFIX="t$((RANDOM % 900 + 100))"
BRIDGE="${HOSTS_PREFIX}br"

# make_hosts NAME…: names have at most eight letters.
make_hosts() {
	local name i=1 subnet="10.$((RANDOM % 200 + 20)).$((RANDOM % 250))"
	ip link add "$BRIDGE" type bridge
	ip link set "$BRIDGE" up
	for name in "$@"; do
		i=$((i + 1))
		ADDRESS[$name]="$subnet.$i"
		ip netns add "$HOSTS_PREFIX$name"
		ip link add "$HOSTS_PREFIX$i" type veth peer name eth0 netns "$HOSTS_PREFIX$name"
		ip link set "$HOSTS_PREFIX$i" master "$BRIDGE" up
		ip -n "$HOSTS_PREFIX$name" address add "$subnet.$i/24" dev eth0
		ip -n "$HOSTS_PREFIX$name" link set lo up
		ip -n "$HOSTS_PREFIX$name" link set eth0 up
		slow_down "$HOSTS_PREFIX$name"
	done
}

# On the way out of each host, so that every packet crosses one of them.
slow_down() {
	if tc -n "$1" qdisc add dev eth0 root netem delay "$LINK_DELAY" rate "$LINK_RATE" 2>/dev/null; then
		return 0
	fi
	local missing="a latency of $LINK_DELAY"
	tc -n "$1" qdisc add dev eth0 root tbf rate "$LINK_RATE" burst 256k latency 100ms 2>/dev/null ||
		missing="$missing, a rate of $LINK_RATE"
	[ -n "${TOLD_OF_LINKS:-}" ] || say "NOT CHECKED: $missing (this kernel has no netem)"
	TOLD_OF_LINKS=yes
}

# Whether hosts can be made here.
can_make_hosts() {
	local name="t-probe$$"
	[ "$(id -u)" = 0 ] && command -v tc >/dev/null &&
		ip netns add "$name" 2>/dev/null && ip netns delete "$name" &&
		ip link add "$name" type bridge 2>/dev/null && ip link delete "$name"
}

remove_hosts() {
	local name
	for name in "${!ADDRESS[@]}"; do ip netns delete "$HOSTS_PREFIX$name" 2>/dev/null; done
	ip link delete "$BRIDGE" 2>/dev/null || true
}

address() { printf '%s' "${ADDRESS[$1]}"; }

# namespace NAME: for `ip netns exec`, where a program is to be started.
namespace() { printf '%s%s' "$HOSTS_PREFIX" "$1"; }

# on NAME COMMAND…: runs a program there.
on() { ip netns exec "$(namespace "$1")" "${@:2}"; }
