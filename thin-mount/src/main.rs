//! `thin-mount`: directory trees into stores and out of them, verified.

mod cli;

fn main() -> std::process::ExitCode {
	cli::main()
}
