//! `snapshot prepare`: makes the files of an image a database that a node opens which knows nothing
//! of snapshots.

use crate::{
	bootstrap::scratch::Scratch,
	cli::ThinParams,
	columns::{self, number_key, BlockKey},
	layered::{ImageDatabase, RawDatabase},
	local::{Found, LocalPath},
	registration::RegistryLayout,
	start::{self, Identified},
};
use clap::Parser;
use kvdb::DBTransaction;
use sc_cli::{CliConfiguration, DatabaseParams, Error, SharedParams};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use serde_json::json;
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::path::Path;

/// `snapshot prepare`.
#[derive(Debug, Clone, Parser)]
pub struct PrepareCmd {
	/// Which snapshot, and the proof of it: as for a node that starts from it.
	#[clap(flatten)]
	pub thin: ThinParams,

	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,

	/// Base path and chain of the node.
	#[clap(flatten)]
	pub shared_params: SharedParams,

	/// Which of the node's databases.
	#[clap(flatten)]
	pub database_params: DatabaseParams,
}

impl CliConfiguration for PrepareCmd {
	fn shared_params(&self) -> &SharedParams {
		&self.shared_params
	}

	fn database_params(&self) -> Option<&DatabaseParams> {
		Some(&self.database_params)
	}
}

fn application(error: impl std::fmt::Display) -> Error {
	Error::Application(error.to_string().into())
}

impl PrepareCmd {
	/// Proves the snapshot, and writes what a node has of its own into its database.
	pub fn run<Block, E, L>(&self, config: &Configuration, executor: &E) -> sc_cli::Result<()>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
		L: RegistryLayout,
	{
		let local = LocalPath::of(&config.database)
			.ok_or_else(|| application("only a RocksDB can be prepared: leave out --database"))?;
		let place = &local.path;
		match local.find() {
			Found::Other(path) if path == *place => {},
			_ => {
				return Err(application(format!(
					"there is no image at {}: mount it there first, writable, with thin-mount \
					 mount --write overlay, or restore it with thin-mount hydrate",
					place.display()
				)))
			},
		}
		let identified =
			start::identify::<Block, E, L>(config, &self.thin, executor).map_err(application)?;
		let block = identified.marker.manifest.block_number;
		// Beside the database, so that a machine's small /tmp is no obstacle.
		let parent = place.parent().unwrap_or(Path::new("."));
		let scratch = tempfile::Builder::new()
			.prefix("prepare-")
			.tempdir_in(parent)
			.map_err(|error| application(format!("{}: {error}", parent.display())))?;
		let upper = bootstrap(config, place, scratch.path(), &identified, executor)?;
		let records = merge(&upper, place).map_err(application)?;
		if self.json {
			let id = format!("{:?}", identified.marker.snapshot);
			println!("{}", json!({ "snapshot_id": id, "block": block, "records": records }));
		} else {
			println!("{} stands at block {block}", place.display());
		}
		Ok(())
	}
}

/// Makes a thin node's own database over the image, in a folder that goes away.
fn bootstrap<Block, E>(
	config: &Configuration,
	image: &Path,
	scratch: &Path,
	identified: &Identified<Block>,
	executor: &E,
) -> sc_cli::Result<LocalPath>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	let Identified { marker, proven, genesis } = identified;
	let pruning = config.state_pruning.clone();
	let pruning = pruning.unwrap_or_else(|| start::pruning_mode(marker.manifest.pruning));
	let check = |raw: &ImageDatabase| {
		check_block(raw, &proven.key())
			.map_err(|reason| format!("{} can't be prepared: {reason}", image.display()))
	};
	let made = Scratch { image, folder: scratch, pruning, genesis, proven, marker, executor };
	made.make(check).map(|made| made.local).map_err(application)
}

/// Whether the files are those of this snapshot, and no node has used them yet.
fn check_block(raw: &ImageDatabase, block: &BlockKey) -> Result<(), String> {
	let get = |column, key: &[u8]| raw.get(column, key).map_err(|error| error.to_string());
	if get(columns::META, columns::meta::BEST)?.is_some() {
		return Err("it is a node's database already: start the node".into());
	}
	let there = get(columns::KEY_LOOKUP, &number_key(block.number))?;
	if there.as_deref().and_then(BlockKey::parse).as_ref() != Some(block) {
		return Err(format!(
			"it has another block {}: mount the image of the snapshot that --thin-from names",
			block.number
		));
	}
	Ok(())
}

/// Copies every record of the SDK's columns, all at once: a run that is cut off has done nothing.
fn merge(upper: &LocalPath, place: &Path) -> Result<usize, String> {
	let text = |error: std::io::Error| error.to_string();
	let config = |count| {
		let mut config = kvdb_rocksdb::DatabaseConfig::with_columns(count);
		config.create_if_missing = false;
		config
	};
	let from = kvdb_rocksdb::Database::open(&config(columns::SDK_COLUMNS + 1), &upper.path)
		.map_err(text)?;
	let to = kvdb_rocksdb::Database::open(&config(columns::SDK_COLUMNS), place).map_err(text)?;
	let mut transaction = DBTransaction::new();
	for column in 0..columns::SDK_COLUMNS {
		for entry in from.iter(column) {
			let (key, value) = entry.map_err(text)?;
			transaction.put(column, &key, &value);
		}
	}
	let records = transaction.ops.len();
	to.write(transaction).map_err(text)?;
	Ok(records)
}
