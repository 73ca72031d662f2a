# Clippy over the workspace, with what it needs of the dependencies shared with the build.
# Sourced by test.sh.
# shellcheck shell=bash

# `cargo clippy` checks instead of building, for which cargo compiles every dependency a second
# time: 12 minutes and more. As the wrapper of rustc for the members of the workspace, in a
# build, clippy finds the dependencies that the build has, or leaves them for it.
#
# CLIPPY_ARGS is how `cargo clippy -- ARGUMENTS` itself hands arguments over. The programs that
# come out are thrown away, so nothing is optimized (which alone would turn on debug assertions,
# that the dependencies are built without); and the runtime isn't compiled to
# WebAssembly for them. `cargo build` afterwards puts the real programs in their place.
#
# The plain node and the plain runtime, which the tutorial's diffs begin with, are compiled here and nowhere else.
lint_workspace() {
	local separator=__CLIPPY_HACKERY__
	local plain="$CARGO_TARGET_DIR/plain-runtime"
	node "$SCRIPTS/test/plain-runtime.mjs" "$plain"
	THIN_PLAIN_RUNTIME="$plain" SKIP_WASM_BUILD=1 RUSTC_WORKSPACE_WRAPPER="$(command -v clippy-driver)" \
		CLIPPY_ARGS="-Dwarnings${separator}-Copt-level=0${separator}-Cdebug-assertions=off${separator}" \
		cargo build --release --workspace --all-targets --locked --features plain-node/compiled,thin-runtime/plain
}
