//! What each command does.

use crate::{
	chain_spec,
	cli::{Cli, Subcommand},
	duties::{self, KeystoreSigner},
	service,
};
use codec::Encode;
use pallet_snapshots::{ImageInfo, Location};
use sc_cli::{CliConfiguration, SubstrateCli};
use sc_network::{config::NetworkBackendType, Litep2pNetworkBackend, NetworkWorker};
use sc_service::PartialComponents;
use thin_client::{duty::registry::Call, pristine::Pristine, snapshot_cmd::SnapshotCmd};
use thin_runtime::opaque::{Block, Hash, Header};

impl SubstrateCli for Cli {
	fn impl_name() -> String {
		"Thin Node".into()
	}

	fn impl_version() -> String {
		env!("SUBSTRATE_CLI_IMPL_VERSION").into()
	}

	fn description() -> String {
		env!("CARGO_PKG_DESCRIPTION").into()
	}

	fn author() -> String {
		env!("CARGO_PKG_AUTHORS").into()
	}

	fn support_url() -> String {
		"the place you got thin-node from".into()
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

/// The call that registers a snapshot of this chain, as it goes into an extrinsic.
fn encode_register(
	header: &Header,
	image: &ImageInfo,
	locations: &[Location],
) -> Result<Vec<u8>, String> {
	let most = duties::most_locations();
	if locations.len() > most {
		return Err(format!(
			"{} locations are more than the {most} the chain takes: name fewer with --location",
			locations.len()
		));
	}
	let (header, image, locations) = (header.clone(), image.clone(), locations.to_vec());
	Ok(duties::runtime_call(Call::Register { header, image, locations }).encode())
}

/// What runs the genesis runtime where no node is.
fn executor() -> service::Executor {
	sc_service::new_wasm_executor(&sc_service::config::ExecutorConfiguration::default())
}

/// Does what the command line says. Without a command, it returns when the node has stopped.
pub fn run() -> sc_cli::Result<()> {
	let cli = Cli::from_args();

	match &cli.subcommand {
		Some(Subcommand::Snapshot(SnapshotCmd::Create(cmd))) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| {
				let executor: service::Executor = sc_service::new_wasm_executor(&config.executor);
				cmd.run::<Block, _>(&config, &executor, encode_register)
			})
		},
		Some(Subcommand::Snapshot(SnapshotCmd::Prepare(cmd))) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| {
				let executor: service::Executor = sc_service::new_wasm_executor(&config.executor);
				cmd.run::<Block, _, service::Layout>(&config, &executor)
			})
		},
		Some(Subcommand::Snapshot(SnapshotCmd::List(cmd))) => {
			cmd.run::<Block, KeystoreSigner, service::Layout>()
		},
		Some(Subcommand::Snapshot(SnapshotCmd::Show(cmd))) => cmd.run::<Block, KeystoreSigner>(),
		Some(Subcommand::Snapshot(SnapshotCmd::Register(cmd))) => {
			cmd.run::<Block, _>(KeystoreSigner)
		},
		Some(Subcommand::Snapshot(SnapshotCmd::Attest(cmd))) => cmd.run::<Block, _>(KeystoreSigner),
		Some(Subcommand::Snapshot(SnapshotCmd::Prove(cmd))) => {
			let spec = cli.load_spec(&cmd.chains.chain)?;
			cmd.run::<Block, _, service::Layout>(&*spec, &executor())
		},
		Some(Subcommand::Snapshot(SnapshotCmd::Check(cmd))) => {
			let spec = cli.load_spec(&cmd.chains.chain)?;
			cmd.run::<Block, _, service::Layout>(&*spec, &executor())
		},
		Some(Subcommand::Snapshot(SnapshotCmd::Audit(cmd))) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| {
				let executor: service::Executor = sc_service::new_wasm_executor(&config.executor);
				cmd.run::<Block, _>(&config, &executor)
			})
		},
		Some(Subcommand::Key(cmd)) => cmd.run(&cli),
		Some(Subcommand::BuildSpec(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(config.chain_spec, config.network))
		},
		Some(Subcommand::ExportChainSpec(cmd)) => cmd.run(cli.load_spec(&cmd.chain)?),
		Some(Subcommand::CheckBlock(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } =
					service::new_partial(&config, &cli.thin)?;
				Ok((cmd.run(client, import_queue), task_manager))
			})
		},
		Some(Subcommand::ExportBlocks(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } =
					service::new_partial(&config, &cli.thin)?;
				Ok((cmd.run(client, config.database), task_manager))
			})
		},
		Some(Subcommand::ExportState(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, .. } =
					service::new_partial(&config, &cli.thin)?;
				Ok((cmd.run(client, config.chain_spec), task_manager))
			})
		},
		Some(Subcommand::ImportBlocks(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, import_queue, .. } =
					service::new_partial(&config, &cli.thin)?;
				Ok((cmd.run(client, import_queue), task_manager))
			})
		},
		Some(Subcommand::PurgeChain(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(config.database))
		},
		Some(Subcommand::Revert(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.async_run(|config| {
				let PartialComponents { client, task_manager, backend, .. } =
					service::new_partial(&config, &cli.thin)?;
				// GRANDPA keeps authority sets of its own, which have to go back as well.
				let revert_grandpa = Box::new(|client, _, blocks| {
					sc_consensus_grandpa::revert(client, blocks)?;
					Ok(())
				});
				Ok((cmd.run(client, backend, Some(revert_grandpa)), task_manager))
			})
		},
		Some(Subcommand::ChainInfo(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|mut config| {
				thin_client::local::without_image(&mut config)
					.map_err(|error| sc_cli::Error::Application(Box::new(error)))?;
				cmd.run::<Block>(&config)
			})
		},
		Some(Subcommand::Completions(cmd)) => cmd.run(),
		Some(Subcommand::Man(cmd)) => cmd.run(),
		Some(Subcommand::MakeChain(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(&config))
		},
		Some(Subcommand::MeasureImport(cmd)) => {
			let runner = cli.create_runner(cmd)?;
			runner.sync_run(|config| cmd.run(&cli, &config))
		},
		#[cfg(feature = "runtime-benchmarks")]
		Some(Subcommand::Benchmark(cmd)) => crate::benchmarking::run(&cli, cmd),
		None => {
			let base_path = cli.run.shared_params().base_path()?;
			let pristine = base_path.and_then(|base| Pristine::new(base.path()));
			let runner = cli.create_runner(&cli.run)?;
			let (thin, duties) = (&cli.thin, &cli.duties);
			let ended = runner.run_node_until_exit(|config| async move {
				match config.network.network_backend {
					NetworkBackendType::Libp2p => {
						service::new_full::<NetworkWorker<Block, Hash>>(config, thin, duties)
					},
					NetworkBackendType::Litep2p => {
						service::new_full::<Litep2pNetworkBackend>(config, thin, duties)
					},
				}
				.map_err(sc_cli::Error::Service)
			});
			if let (Err(_), Some(pristine)) = (&ended, pristine) {
				pristine.restore();
			}
			ended
		},
	}
}
