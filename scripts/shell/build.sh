# The one way the scripts build, so that nothing is built twice. Sourced.
# shellcheck shell=bash

# All targets at once: the features of the dependencies depend on what is selected, and a
# narrower selection would build many of them a second time for the tests.
build_workspace() {
	say "building the workspace into $CARGO_TARGET_DIR" \
		"(35 to 45 minutes the first time on two cores, seconds after that)"
	cargo build --release --workspace --all-targets --locked
}
