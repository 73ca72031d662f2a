#!/usr/bin/env bash
# Builds the programs for an image or a package, and puts them into a folder.
#
# Usage: deploy/build.sh --out DIRECTORY [--bin DIRECTORY] [--help]
#
# Sets the machine up, builds the workspace as the tests do, and copies thin-node and thin-mount,
# without debug symbols. It is what deploy/Dockerfile runs.
#
#   --out DIRECTORY   where to put them; made if need be
#   --bin DIRECTORY   take the programs from there and build nothing
#
# Exit codes: 0 built, 1 a step failed, 2 wrong usage or environment.
set -euo pipefail
shopt -s inherit_errexit

SCRIPTS="$(cd "$(dirname "${BASH_SOURCE[0]}")/../scripts" && pwd)"
. "$SCRIPTS/shell/output.sh"
. "$SCRIPTS/shell/build.sh"

out=
bin=
while [ $# -gt 0 ]; do
	case "$1" in
	--help | -h) print_help "$0" && exit 0 ;;
	--out | --bin)
		[ $# -ge 2 ] || unusable "$1 takes a directory"
		[ "$1" = --bin ] && bin="$2" || out="$2"
		shift
		;;
	*) unusable "unknown option '$1'; see --help" ;;
	esac
	shift
done
[ -n "$out" ] || unusable "--out is missing; see --help"

find_programs "$bin" thin-node thin-mount
mkdir -p "$out"
for program in thin-node thin-mount; do
	install -m 755 "$bin/$program" "$out/$program"
	strip --strip-debug "$out/$program"
done
say "thin-node and thin-mount are in $out"
