# What the scripts say, how they stop, and the one option that several take. Sourced.
# shellcheck shell=bash

# Progress goes to standard error: standard output is for results.
say() { printf '%s  %s\n' "$(date +%H:%M:%S)" "$*" >&2; }

# Ends the script: the check failed (1).
fail() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# Ends the script: wrong usage, or something is missing on this machine (2).
unusable() {
	printf 'error: %s\n' "$*" >&2
	exit 2
}

# Prints the comment block at the head of a script, as its --help.
print_help() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$1"; }

# read_bin ARGUMENT…: sets `bin` to what --bin says, or to nothing, for a script that takes no other
# option.
read_bin() {
	bin=
	while [ $# -gt 0 ]; do
		case "$1" in
		--help | -h) print_help "$0" && exit 0 ;;
		--bin)
			[ $# -ge 2 ] || unusable "--bin takes a directory"
			# shellcheck disable=SC2034 # for those who source this
			bin="$2"
			shift
			;;
		*) unusable "unknown option '$1'; see --help" ;;
		esac
		shift
	done
}
