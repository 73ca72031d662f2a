//! `thin-mount`: directory trees into stores and out of them, verified.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod cli;

fn main() -> std::process::ExitCode {
	cli::main()
}
