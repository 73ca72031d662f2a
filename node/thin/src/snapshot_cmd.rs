//! `snapshot …`: the subcommands that make snapshots, and prove and check them.

mod examples;
mod proof;

pub use proof::{ChainParams, CheckCmd, ProveCmd};

use crate::{
	audit::command::AuditCmd,
	create::{create_with, CreateOptions, Created},
	duty::cli::locations_of,
	genesis::Genesis,
	local::LocalPath,
	ticker::Line,
};
use clap::{Parser, Subcommand};
use pallet_snapshots::{ImageInfo, Location};
use sc_cli::{CliConfiguration, DatabaseParams, Error, SharedParams};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use serde_json::{json, Value};
use sp_core::traits::CodeExecutor;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::{fs, path::PathBuf};

/// How many states a pruned node keeps when it is not told.
const DEFAULT_KEPT_STATES: u32 = 256;

/// Make snapshots of a node's database, prove them and check them.
#[derive(Debug, Clone, Subcommand)]
pub enum SnapshotCmd {
	/// Make a snapshot of a node's database, and store its image.
	///
	/// The node may run meanwhile: its files are linked and copied, never opened.
	#[command(before_help = examples::CREATE)]
	Create(CreateCmd),

	/// Get the proof of a registered snapshot, to a file or beside its image.
	///
	/// A node makes it; it is checked from genesis before it is written. Proofs age: store a new
	/// one beside the image now and then, for those who start from the store alone.
	#[command(before_help = examples::PROVE)]
	Prove(ProveCmd),

	/// Check the proof of a snapshot in a file, and print what it proves. Needs no network.
	///
	/// Ends with 1 when it does not hold.
	#[command(before_help = examples::CHECK)]
	Check(CheckCmd),

	/// Check everything in a snapshot: what an attester does before vouching for it.
	///
	/// Every chunk, the proof from genesis, every block, every state, every entry. Fetches the
	/// whole image, twice if it doesn't fit into the cache. Exit codes: 0 all is right, 1
	/// something is wrong or not there, 2 that could not be found out.
	#[command(before_help = examples::AUDIT)]
	Audit(AuditCmd),
}

/// `snapshot create`.
#[derive(Debug, Clone, Parser)]
pub struct CreateCmd {
	/// Where to put the image. May be repeated: each store gets all of it.
	#[arg(long, required = true, value_name = "URL")]
	pub store: Vec<String>,

	/// Where others will find it, for the registration. [default: the stores that are 0-dbs]
	#[arg(long, value_name = "zdb://HOST[:PORT]/NAMESPACE")]
	pub location: Vec<Location>,

	/// Write the manifest and the call that registers it to this file.
	/// [default: snapshot-BLOCK.json]
	#[arg(long, value_name = "FILE")]
	pub out: Option<PathBuf>,

	/// How many states the node keeps, if it prunes them.
	#[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_KEPT_STATES)]
	pub kept_states: u32,

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

impl CliConfiguration for CreateCmd {
	fn shared_params(&self) -> &SharedParams {
		&self.shared_params
	}

	fn database_params(&self) -> Option<&DatabaseParams> {
		Some(&self.database_params)
	}
}

impl CreateCmd {
	/// Makes the snapshot, prints what it is, and writes what is needed to register it.
	///
	/// `encode_call` encodes the chain's call `register(header, image, locations)`.
	pub fn run<Block, E>(
		&self,
		config: &Configuration,
		executor: &E,
		encode_call: impl Fn(&Block::Header, &ImageInfo, &[Location]) -> Result<Vec<u8>, String>,
	) -> sc_cli::Result<()>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
	{
		let application = |error: String| Error::Application(error.into());
		let local = LocalPath::of(&config.database).ok_or_else(|| {
			application(
				"only RocksDB databases can be made snapshots of, and this node uses another: sync \
				 one with --database rocksdb"
					.into(),
			)
		})?;
		let locations = self.locations().map_err(application)?;
		let genesis = Genesis::<Block>::of(&*config.chain_spec, executor)
			.map_err(|e| application(e.to_string()))?;
		// Each is to have the whole image.
		let stores = thin_mount::store::open_all(&self.store)
			.map_err(|error| application(error.to_string()))?;
		let line = if self.json { Line::hidden() } else { Line::new() };
		let options = CreateOptions {
			database: &local.path,
			genesis: &genesis,
			stores: &stores,
			kept_states: self.kept_states,
		};
		let created =
			create_with(options, &line).map_err(|error| application(error.to_string()))?;
		drop(line);

		let call = encode_call(&created.header, &created.image, &locations).map_err(application)?;
		let out = self.out.clone().unwrap_or_else(|| {
			PathBuf::from(format!("snapshot-{}.json", created.manifest.block_number))
		});
		let record = record(&created, &call, &locations).map_err(|e| application(e.to_string()))?;
		let text = serde_json::to_string_pretty(&record).map_err(|e| application(e.to_string()))?;
		fs::write(&out, text + "\n")
			.map_err(|error| application(format!("can't write {}: {error}", out.display())))?;
		self.print(&created, &out);
		Ok(())
	}

	fn locations(&self) -> Result<Vec<Location>, String> {
		if !self.location.is_empty() {
			return Ok(self.location.clone());
		}
		locations_of(&self.store, "--location")
	}

	fn print<Block: BlockT>(&self, created: &Created<Block>, out: &std::path::Path) {
		let manifest = &created.manifest;
		let id = format!("{:?}", created.id);
		let image = format!("{:?}", manifest.image);
		if self.json {
			let line = json!({
				"snapshot_id": id,
				"image_id": image,
				"block": manifest.block_number,
				"database_bytes": manifest.logical_size,
				"uploaded_bytes": created.uploaded_bytes,
				"file": out,
				"manifest": manifest,
			});
			println!("{line}");
			return;
		}
		println!("genesis hash   {:?}", manifest.genesis_hash);
		println!("block          {} {:?}", manifest.block_number, manifest.block_hash);
		println!("state root     {:?}", manifest.state_root);
		println!("image          {image}");
		println!(
			"logical size   {} bytes, {} uploaded",
			manifest.logical_size, created.uploaded_bytes
		);
		println!(
			"database       {:?} version {}",
			manifest.database.kind, manifest.database.version
		);
		println!("pruning        {:?}", manifest.pruning);
		println!("register with  scripts/register.mjs --call-file {}", out.display());
		println!("snapshot id    {id}");
	}
}

/// What `scripts/register.mjs` and other clients need.
fn record<Block: BlockT>(
	created: &Created<Block>,
	call: &[u8],
	locations: &[Location],
) -> Result<Value, serde_json::Error> {
	Ok(json!({
		"snapshot_id": format!("{:?}", created.id),
		"manifest": created.manifest,
		"register_call": format!("0x{}", hex::encode(call)),
		"register": {
			"header": serde_json::to_value(&created.header)?,
			"image": created.image,
			"locations": locations,
		},
	}))
}
