# Source this file before calling cargo by hand: `. scripts/env.sh`.
#
# It sets, where they aren't set already:
#   CARGO_TARGET_DIR      where the build goes: outside the clone, shared by all clones
#   WASM_BUILD_TOOLCHAIN  only where the runtime has to be built by another toolchain
#                         than the default one (see scripts/setup/wasm.sh)
# shellcheck shell=bash

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/thin/target}"

# A toolchain counts as able to build the runtime when it has a `core` for the target.
thin_has_wasm_std() {
	local sysroot
	sysroot="$(rustc "+$1" --print sysroot 2>/dev/null)" || return 1
	compgen -G "$sysroot/lib/rustlib/wasm32v1-none/lib/libcore-*.rlib" >/dev/null
}

if [ -z "${WASM_BUILD_TOOLCHAIN:-}" ] && command -v rustup >/dev/null 2>&1; then
	thin_default_toolchain="$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)"
	if ! thin_has_wasm_std "$thin_default_toolchain" && thin_has_wasm_std debian; then
		export WASM_BUILD_TOOLCHAIN=debian
	fi
	unset thin_default_toolchain
fi
