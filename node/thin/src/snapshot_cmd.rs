//! `snapshot …`: the subcommands that make snapshots, register and prove them, and check them.

mod examples;
mod plain;
mod prepare;
mod proof;
mod read;
mod submit;

pub use prepare::PrepareCmd;
pub use proof::{ChainParams, CheckCmd, ProveCmd};
pub use read::{ListCmd, ShowCmd};
pub use submit::{AttestCmd, RegisterCmd};

use crate::{
	audit::command::AuditCmd,
	create::{create_with, CreateOptions, Created},
	duty::cli::locations_of,
	genesis::Genesis,
	local::LocalPath,
	remote::RemoteError,
	ticker::Line,
};
use clap::{Args, Parser, Subcommand};
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

/// Make snapshots of a node's database, register them, prove them and check them.
#[derive(Debug, Clone, Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one of it, for as long as the process")]
pub enum SnapshotCmd {
	/// List the snapshots that are registered on a chain, the newest block first.
	///
	/// The node that is asked is believed. Exit codes: 0 listed, 2 that could not be found out.
	#[command(before_help = examples::LIST)]
	List(ListCmd),

	/// Show a registered snapshot: what it is, how it stands, who vouches for it, where it lies.
	///
	/// The node that is asked is believed; `snapshot prove` is for those who don't. Exit codes: 0
	/// shown, 1 not registered, 2 that could not be found out.
	#[command(before_help = examples::SHOW)]
	Show(ShowCmd),

	/// Register a snapshot that `snapshot create` has made. The signer becomes its publisher, and
	/// pays a deposit.
	///
	/// Its block must be one that the chain still remembers the hash of. Exit codes: 0 registered,
	/// 1 the chain refuses it, 2 it could not be tried.
	#[command(before_help = examples::REGISTER)]
	Register(RegisterCmd),

	/// Vouch for a snapshot, with the whole bond of the signer.
	///
	/// Audit it first, with `snapshot audit`: who vouches for a wrong one is slashed. Exit codes: 0
	/// done, 1 the chain refuses it, or it would be an equivocation, 2 it could not be tried.
	#[command(before_help = examples::ATTEST)]
	Attest(AttestCmd),

	/// Make a snapshot of a node's database, and store its image.
	///
	/// The node may run meanwhile: its files are linked and copied, never opened.
	#[command(before_help = examples::CREATE)]
	Create(CreateCmd),

	/// Make the files of an image the database of a node that knows nothing of snapshots.
	///
	/// For other builds of the chain's node. Mount the image writable where that node has its
	/// database, prepare it, and start the node as ever. The snapshot is proven first, as by a node
	/// that starts from it. After that, the node believes what it reads: no value is checked any
	/// more but against the id of the image. Flags about caches and hydration do nothing here.
	#[command(before_help = examples::PREPARE)]
	Prepare(PrepareCmd),

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

/// The node that a command asks.
#[derive(Debug, Clone, Args)]
pub struct RpcParams {
	/// The RPC of a node of the chain that has the registry.
	#[arg(long, value_name = "WS URL", default_value = "ws://127.0.0.1:9944")]
	pub rpc: String,

	/// Print one JSON object.
	#[arg(long)]
	pub json: bool,
}

/// Why a command that asks a node gives nothing.
#[derive(Debug, thiserror::Error)]
enum Ended {
	/// The answer is no: exit code 1.
	#[error("{0}")]
	Negative(String),
	/// There is no answer: exit code 2.
	#[error("{0}")]
	Environment(String),
}

impl From<RemoteError> for Ended {
	fn from(error: RemoteError) -> Self {
		match error.is_negative() {
			true => Self::Negative(error.to_string()),
			false => Self::Environment(error.to_string()),
		}
	}
}

/// Prints what came out, as JSON or as text, and ends the process.
fn ended(as_json: bool, result: Result<(Value, String), Ended>) -> ! {
	let code = match result {
		Ok((value, _)) if as_json => {
			println!("{value}");
			0
		},
		Ok((_, text)) => {
			print!("{text}");
			0
		},
		Err(error) => {
			eprintln!("Error: {error}");
			match error {
				Ended::Negative(_) => 1,
				Ended::Environment(_) => 2,
			}
		},
	};
	std::process::exit(code)
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

	/// Record no trace of a start from the image.
	///
	/// By default the image is started from once, in a folder beside the database and with no
	/// network, and the chunks that took are noted in it: others fetch them ahead. Takes FUSE;
	/// without it there is no trace.
	#[arg(long)]
	pub no_trace: bool,

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
			trace_with: (!self.no_trace).then_some(executor),
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
				"attempts": created.attempts,
				"trace_chunks": created.trace_chunks,
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
		match created.trace_chunks {
			Some(chunks) => println!("trace          {chunks} chunks"),
			None => println!("trace          none"),
		}
		println!("register with  thin-node snapshot register {} --key-file …", out.display());
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
