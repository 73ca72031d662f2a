//! `measure-import`: what it costs to import a block on a thin node and on an ordinary one.
//!
//! Both are in this process and import the same blocks in turn, one by one, so that whatever else
//! the machine does is done to both. Nothing is sent over a network.

mod believing;

use crate::{
	cli::Cli,
	service::{self, FullClient, Service},
};
use anyhow::{bail, ensure, Context};
use futures::executor::block_on;
use sc_cli::{CliConfiguration, ImportParams, SharedParams};
use sc_client_api::{BlockBackend, HeaderBackend};
use sc_consensus::{BlockImport, BlockImportParams, ForkChoiceStrategy, ImportResult};
use sc_service::Configuration;
use serde_json::json;
use sp_consensus::BlockOrigin;
use sp_runtime::{
	generic::SignedBlock,
	traits::{Block as BlockT, Header as HeaderT},
};
use std::{
	path::{Path, PathBuf},
	time::{Duration, Instant},
};
use thin_client::{cli::ThinParams, local::LocalPath};
use thin_runtime::opaque::Block;

/// The first blocks count for nothing: the runtime is compiled, and caches are filled.
const UNCOUNTED: u32 = 16;
/// How long a hydrated image may take until the kernel reads it by itself.
const SETTLES_WITHIN: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// `measure-import`.
#[derive(Debug, Clone, clap::Parser)]
pub struct MeasureImportCmd {
	/// The base path of a node that has the blocks.
	#[arg(long, value_name = "DIR")]
	pub blocks_of: PathBuf,

	/// The base path of an ordinary node to import them.
	#[arg(long, value_name = "DIR")]
	pub native: PathBuf,

	/// The base path of a thin node to import them.
	#[arg(long, value_name = "DIR")]
	pub thin: PathBuf,

	/// What that one is told.
	#[clap(flatten)]
	pub thin_params: ThinParams,

	/// The base path of another thin node from the same image, which reads what the first one has mounted,
	/// and verifies nothing.
	#[arg(long, value_name = "DIR")]
	pub believing: Option<PathBuf>,

	/// Chain; the base path is not used.
	#[clap(flatten)]
	pub shared_params: SharedParams,

	/// Pruning, and how the runtime is run.
	#[clap(flatten)]
	pub import_params: ImportParams,
}

impl CliConfiguration for MeasureImportCmd {
	fn shared_params(&self) -> &SharedParams {
		&self.shared_params
	}

	fn import_params(&self) -> Option<&ImportParams> {
		Some(&self.import_params)
	}
}

/// A node that imports.
struct Side {
	name: &'static str,
	parts: Service,
	taken: Duration,
}

impl MeasureImportCmd {
	/// Imports the blocks, and prints for each side how many, and the seconds they took.
	pub fn run(&self, cli: &Cli, config: &Configuration) -> sc_cli::Result<()> {
		self.measure(cli, config).map_err(|error| sc_cli::Error::Application(error.into()))
	}

	fn measure(&self, cli: &Cli, config: &Configuration) -> anyhow::Result<()> {
		let at = |base: &Path| {
			let mut one = self.clone();
			one.shared_params.base_path = Some(base.to_owned());
			one.create_configuration(cli, config.tokio_handle.clone())
		};
		let none = ThinParams::default();
		let source = service::new_partial(&at(&self.blocks_of)?, &none)?.client;
		let mut sides = vec![
			Side::new("native", service::new_partial(&at(&self.native)?, &none)?),
			Side::new("thin", service::new_partial(&at(&self.thin)?, &self.thin_params)?),
		];
		sides[1].settle();
		if let Some(base) = &self.believing {
			let thin = at(&self.thin)?;
			let image = thin.base_path.config_dir(thin.chain_spec.id()).join("thin").join("mount");
			let mut config = at(base)?;
			let local = LocalPath::of(&config.database).context("a database that isn't RocksDB")?;
			config.database = believing::over(&local, &image)?;
			sides.push(Side::new("thin, believing", service::new_partial(&config, &none)?));
		}

		let last = source.info().best_number;
		let first = sides.iter().map(Side::height).max().unwrap_or(last).saturating_add(UNCOUNTED);
		ensure!(first < last, "{} has no block above {first}", self.blocks_of.display());
		for side in &mut sides {
			for number in side.height() + 1..=first {
				side.import(block(&source, number)?)?;
			}
			side.taken = Duration::ZERO;
		}
		for number in first + 1..=last {
			let block = block(&source, number)?;
			// Nobody is always the first to use what the processor has of a block.
			sides.rotate_left(1);
			for side in &mut sides {
				side.import(block.clone())?;
			}
		}
		sides.sort_by_key(|side| side.name);
		for Side { name, taken, .. } in &sides {
			let line =
				json!({ "side": name, "blocks": last - first, "seconds": taken.as_secs_f64() });
			println!("{line}");
		}
		// The last one reads files of a mount that ends with the one before it.
		while sides.pop().is_some() {}
		Ok(())
	}
}

fn block(source: &FullClient, number: u32) -> anyhow::Result<SignedBlock<Block>> {
	let hash = source.block_hash(number)?.with_context(|| format!("there is no block {number}"))?;
	source.block(hash)?.with_context(|| format!("block {number} has no body"))
}

impl Side {
	fn new(name: &'static str, parts: Service) -> Self {
		Self { name, parts, taken: Duration::ZERO }
	}

	fn height(&self) -> u32 {
		self.parts.client.info().best_number
	}

	/// Waits until what is in the cache is read as it will be from then on.
	fn settle(&self) {
		let (_, _, _, Some(status)) = &self.parts.other else { return };
		let settled = || {
			let Some(stats) = (status.figures)() else { return true };
			let hydrated = stats.local.is_some_and(|local| local.ratio() >= 1.0);
			!hydrated || !stats.passthrough.available || stats.passthrough.files > 0
		};
		let end = Instant::now() + SETTLES_WITHIN;
		while !settled() && Instant::now() < end {
			std::thread::sleep(LOOK_EVERY);
		}
	}

	fn import(
		&mut self,
		SignedBlock { block, justifications }: SignedBlock<Block>,
	) -> anyhow::Result<()> {
		let hash = block.hash();
		let (mut header, body) = block.deconstruct();
		let number = *header.number();
		let seal = header.digest_mut().pop().context("a block without a seal")?;
		let mut params = BlockImportParams::new(BlockOrigin::NetworkInitialSync, header);
		params.post_digests.push(seal);
		params.body = Some(body);
		params.justifications = justifications;
		params.fork_choice = Some(ForkChoiceStrategy::LongestChain);
		params.post_hash = Some(hash);
		let started = Instant::now();
		let imported = block_on(self.parts.other.0.import_block(params));
		self.taken += started.elapsed();
		match imported? {
			ImportResult::Imported(aux) if !aux.bad_justification => Ok(()),
			other => bail!("{}: block {number} isn't imported: {other:?}", self.name),
		}
	}
}
