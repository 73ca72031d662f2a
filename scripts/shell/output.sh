# What the scripts say, and how they stop. Sourced.
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
