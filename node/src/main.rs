//! A node of the template chain that can start from a snapshot.

#![allow(clippy::result_large_err, reason = "the SDK's own errors are that large")]

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod chain_spec;
mod cli;
mod command;
mod documents;
mod duties;
mod make_chain;
mod measure_import;
mod rpc;
mod service;

use std::process::ExitCode;

fn main() -> ExitCode {
	// Before there is a second thread: what this process mounts, ends with it, even with kill -9.
	// Where that is not allowed, a dead mount is cleared at the next start.
	let _ = thin_mount::namespace::enter_private();

	match command::run() {
		Ok(()) => ExitCode::SUCCESS,
		Err(error) => {
			let text = error.to_string();
			// sc-service's word for errors that are not its own.
			let text = text.strip_prefix("Application: ").unwrap_or(&text);
			eprintln!("Error: {text}");
			thin_client::notify::failed(text);
			ExitCode::FAILURE
		},
	}
}
