#!/usr/bin/env bash
# Says whether a node or a store answers: the health check of the container image.
#
# Usage: deploy/health.sh rpc PORT | store PORT | --help
#
# It needs nothing but bash, so that the image stays small.
# Exit codes: 0 it answers, 1 it doesn't, 2 wrong usage.
set -euo pipefail

usage() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"; }
case "${1:-}" in
--help | -h)
	usage
	exit 0
	;;
rpc | store) ;;
*)
	usage >&2
	exit 2
	;;
esac
[[ "${2:-}" =~ ^[0-9]{1,5}$ ]] || {
	usage >&2
	exit 2
}

# ask REQUEST WANTED: sends it, and looks for a line that begins so.
ask() {
	local line
	exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
	printf '%b' "$1" >&3
	while IFS= read -r -t 5 line <&3; do
		[[ "$line" == "$2"* ]] && return 0
	done
	return 1
}

port="$2"
if [ "$1" = rpc ]; then
	ask 'GET /health HTTP/1.1\r\nHost: localhost:'"$port"'\r\nConnection: close\r\n\r\n' 'HTTP/1.1 200'
else
	# shellcheck disable=SC2016
	ask '*1\r\n$4\r\nPING\r\n' '+PONG'
fi 2>/dev/null
