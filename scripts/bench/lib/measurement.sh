# Measurements that are tests which are left out otherwise: they need the chains that tests make. Sourced.
# shellcheck shell=bash
# shellcheck disable=SC2034 # The scripts that source this read `json`.

# measurement_options OPTION…: those of all such scripts. Sets `json`.
measurement_options() {
	json=false
	while [ $# -gt 0 ]; do
		case "$1" in
		--help | -h) print_help "$0" && exit 0 ;;
		--json) json=true ;;
		*) unusable "unknown option '$1'; see --help" ;;
		esac
		shift
	done
}

# measurement TEST: builds the workspace, runs the test, and prints the lines of JSON that it prints.
measurement() {
	{
		"$SCRIPTS/setup.sh"
		# shellcheck source=scripts/env.sh
		. "$SCRIPTS/env.sh"
		cd "$SCRIPTS/.." || fail "the checkout is gone"
		build_workspace
	} >&2
	cargo test --release --workspace --locked -- --ignored --exact "$1" --nocapture |
		grep '^{"' || fail "the measurement didn't run"
}

# measured_table TITLES FIELDS LINES: two arrays in jq's words, and what was measured.
measured_table() {
	jq -rs "$1, (.[] | $2) | @tsv" <<<"$3" | column -t -s $'\t'
}
