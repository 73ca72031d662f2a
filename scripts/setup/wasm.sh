# The runtime is compiled to WebAssembly, which takes a standard library for the target
# wasm32v1-none. Two ways lead to one. Sourced by setup.sh.
#
#   rustup   downloads it for the default toolchain: one command
#   debian   where rustup can't download: Debian has a compiler new enough (rustc-web) with
#            the sources of its standard library. It is linked into rustup as the toolchain
#            `debian`, and `core` and `alloc` are compiled from those sources.
# shellcheck shell=bash

WASM_TARGET=wasm32v1-none
WASM_PACKAGES=(rustc-web cargo-web rust-web-src lld)

# wasm_works TOOLCHAIN: can it make a WebAssembly module, as the runtime's build does it?
# Asked of the compiler, because a library of another version of it is there and of no use.
wasm_works() {
	local dir code=0
	rustc "+$1" --version >/dev/null 2>&1 || return 1
	dir="$(mktemp -d)"
	cat >"$dir/probe.rs" <<-'RUST'
		#![no_std]
		extern crate alloc;
		use core::alloc::{GlobalAlloc, Layout};
		struct Empty;
		unsafe impl GlobalAlloc for Empty {
			unsafe fn alloc(&self, _: Layout) -> *mut u8 { core::ptr::null_mut() }
			unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
		}
		#[global_allocator]
		static EMPTY: Empty = Empty;
		#[panic_handler]
		fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }
		#[no_mangle]
		pub extern "C" fn probe(n: u32) -> u32 {
			alloc::vec::Vec::<u8>::with_capacity(n as usize).capacity() as u32
		}
	RUST
	rustc "+$1" --edition 2021 --target "$WASM_TARGET" --crate-type cdylib \
		-C opt-level=2 -C panic=abort -C lto=thin -o "$dir/probe.wasm" "$dir/probe.rs" \
		>/dev/null 2>&1 || code=1
	rm -rf "$dir"
	return "$code"
}

# build_wasm_std TOOLCHAIN DIRECTORY: compiles `core` and `alloc` and puts them there.
build_wasm_std() {
	local dir
	dir="$(mktemp -d)"
	mkdir "$dir/src"
	printf '#![no_std]\n' >"$dir/src/lib.rs"
	printf '[package]\nname = "empty"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n' \
		>"$dir/Cargo.toml"
	# Bitcode, because the runtime is linked with link-time optimization.
	if ! (cd "$dir" && env -u CARGO_ENCODED_RUSTFLAGS CARGO_TARGET_DIR="$dir/target" \
		RUSTFLAGS=-Cembed-bitcode=yes RUSTC_BOOTSTRAP=1 \
		cargo "+$1" build --release --quiet --target "$WASM_TARGET" -Zbuild-std=core,alloc) ||
		! find "$dir/target/$WASM_TARGET/release" -name 'libcore-*.rlib' | grep -q .; then
		rm -rf "$dir"
		fail "the standard library for $WASM_TARGET couldn't be compiled by the toolchain '$1'"
	fi
	"${AS_ROOT[@]}" mkdir -p "$2"
	# What an older compiler left there would be refused by this one.
	"${AS_ROOT[@]}" find "$2" -name '*.rlib' -delete
	find "$dir/target/$WASM_TARGET/release" \
		\( -name 'libcore-*.rlib' -o -name 'liballoc-*.rlib' -o -name 'libcompiler_builtins-*.rlib' \) \
		-exec "${AS_ROOT[@]}" install -m 644 -t "$2" {} +
	rm -rf "$dir"
}

# link_linker TOOLCHAIN: the compiler looks for its linker under the name `rust-lld`.
link_linker() {
	local bin
	bin="$(rustc "+$1" --print sysroot)/lib/rustlib/$(rustc "+$1" -vV | sed -n 's/^host: //p')/bin"
	[ -e "$bin/rust-lld" ] && return 0
	"${AS_ROOT[@]}" mkdir -p "$bin"
	"${AS_ROOT[@]}" ln -s /usr/bin/lld "$bin/rust-lld"
}

# drop_stale_runtimes: half-made runtimes of another standard library don't link with this one.
drop_stale_runtimes() {
	local dir
	for dir in "$CARGO_TARGET_DIR"/*/wbuild; do
		[ -d "$dir" ] || continue
		say "removing $dir, which another standard library made"
		rm -rf "$dir"
	done
}

wasm_by_rustup() {
	say "asking rustup for the target $WASM_TARGET (seconds; gives up after two minutes)"
	timeout 120 rustup target add "$WASM_TARGET" >&2 && wasm_works "$1"
}

wasm_by_debian() {
	AS_ROOT=()
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null 2>&1 ||
			unusable "not root, and there is no sudo: 'rustup target add $WASM_TARGET' has to work here"
		AS_ROOT=(sudo)
	fi
	dpkg-query -W "${WASM_PACKAGES[@]}" >/dev/null 2>&1 || install_packages "${WASM_PACKAGES[@]}"
	rustc +debian --version >/dev/null 2>&1 || rustup toolchain link debian /usr
	say "compiling core and alloc for $WASM_TARGET with Debian's compiler (about a minute)"
	build_wasm_std debian "$(rustc +debian --print sysroot)/lib/rustlib/$WASM_TARGET/lib"
	link_linker debian
	drop_stale_runtimes
	wasm_works debian || fail "Debian's compiler still can't make WebAssembly; tried: core and alloc \
from its sources, lld as its linker"
}

# setup_wasm auto|rustup|debian
setup_wasm() {
	local default
	default="$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)"
	[ -n "$default" ] || unusable "rustup has no default toolchain; run: rustup default stable"
	case "$1" in
	auto)
		wasm_works "$default" || wasm_works debian || wasm_by_rustup "$default" || wasm_by_debian
		;;
	rustup)
		wasm_works "$default" || wasm_by_rustup "$default" ||
			fail "rustup couldn't install $WASM_TARGET for $default"
		;;
	debian) wasm_works debian || wasm_by_debian ;;
	*) unusable "--wasm takes auto, rustup or debian, not '$1'" ;;
	esac
}
