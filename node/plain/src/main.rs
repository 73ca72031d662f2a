//! The node of the template chain without Thin. Compare it with `node/src`: what is there and not here is
//! what a chain adds to its own node. Nobody runs it; the lint step of the tests compiles it.

#![allow(clippy::result_large_err, reason = "the SDK's own errors are that large")]

#[path = "../../src/chain_spec.rs"]
mod chain_spec;
mod cli;
mod command;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
	command::run()
}
