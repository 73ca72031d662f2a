#!/usr/bin/env bash
# rustc as fuzz.sh wants it: what this project's libraries reach is counted for libFuzzer, and a
# number that overflows ends them. Dependencies are compiled without, as for every other build.
#
# Usage: RUSTC_WORKSPACE_WRAPPER=scripts/test/fuzz-rustc.sh cargo build …
set -euo pipefail

counted=(
	--cfg fuzzing
	-C overflow-checks=on
	-C codegen-units=1
	-C passes=sancov-module
	-C llvm-args=-sanitizer-coverage-level=4
	-C llvm-args=-sanitizer-coverage-inline-8bit-counters
	-C llvm-args=-sanitizer-coverage-pc-table
	-C llvm-args=-sanitizer-coverage-trace-compares
)
# No debug assertions: macros of dependencies that ask for them take it that those have them too.
# Build scripts and macros are programs of the compiler's own, without libFuzzer.
case " $* " in
*" --crate-type lib "*) exec "$@" "${counted[@]}" ;;
*) exec "$@" ;;
esac
