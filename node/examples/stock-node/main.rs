//! The node of the template chain without any part of Thin: what it would be had it never heard of
//! snapshots. The tests start it from a snapshot that was prepared for it.

#![allow(clippy::result_large_err, reason = "the SDK's own errors are that large")]

#[path = "../../src/chain_spec.rs"]
mod chain_spec;
mod service;

use sc_cli::{RunCmd, SubstrateCli};
use sc_network::Litep2pNetworkBackend;

/// What was given on the command line: how to run the node, and nothing else.
#[derive(Debug, clap::Parser)]
struct Cli {
	#[command(flatten)]
	run: RunCmd,
}

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Stock Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		"The template chain's node without Thin".into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the place you got it from".into()
	}

	fn copyright_start_year() -> i32 {
		2026
	}

	fn load_spec(&self, id: &str) -> Result<Box<dyn sc_service::ChainSpec>, String> {
		Ok(match id {
			"dev" => Box::new(chain_spec::development_chain_spec()?),
			"" | "local" => Box::new(chain_spec::local_chain_spec()?),
			path => Box::new(chain_spec::ChainSpec::from_json_file(path.into())?),
		})
	}
}

fn main() -> sc_cli::Result<()> {
	let cli = Cli::from_args();
	let runner = cli.create_runner(&cli.run)?;
	runner.run_node_until_exit(|config| async move {
		service::new_full::<Litep2pNetworkBackend>(config).map_err(sc_cli::Error::Service)
	})
}
