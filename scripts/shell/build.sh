# The one way the scripts build, so that nothing is built twice. Sourced.
# shellcheck shell=bash

# All targets at once: the features of the dependencies depend on what is selected, and a
# narrower selection would build many of them a second time for the tests.
build_workspace() {
	say "building the workspace into $CARGO_TARGET_DIR" \
		"(35 to 45 minutes the first time on two cores, seconds after that)"
	cargo build --release --workspace --all-targets --locked
}

# find_programs DIRECTORY PROGRAM…: sets `bin` to where the programs are, and THIN_NODE and THIN_MOUNT
# to the two that have these names. Without a folder (''), the project is set up and built first.
find_programs() {
	local folder="$1" program
	shift
	if [ -z "$folder" ]; then
		"$SCRIPTS/setup.sh"
		. "$SCRIPTS/env.sh"
		(cd "$SCRIPTS/.." && build_workspace)
		folder="$CARGO_TARGET_DIR/release"
	fi
	bin="$(cd "$folder" 2>/dev/null && pwd)" || unusable "there is no folder '$folder' for --bin"
	for program in "$@"; do
		[ -x "$bin/$program" ] || unusable "there is no $bin/$program"
	done
	# shellcheck disable=SC2034 # for those who source this
	THIN_NODE="$bin/thin-node" THIN_MOUNT="$bin/thin-mount"
}
