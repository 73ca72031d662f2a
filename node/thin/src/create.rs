//! Makes a snapshot of a node's database, whether the node runs or not.
//!
//! The database is copied (its tables are linked, not copied), the copy rewound to block N,
//! emptied of what is the owner's business, and packed. Nothing of the original is opened, let
//! alone changed.

mod copy;
mod rewind;
mod sandbox;
#[cfg(test)]
mod tests;

use crate::{
	error::CreateError,
	genesis::Genesis,
	local::Marker,
	promise::{self, Promise},
	proof::bytes32,
	records,
	ticker::{share, Line},
};
use pallet_snapshots::{Database, DatabaseKind, ImageInfo, Manifest, SnapshotId};
use rewind::OwnersDatabase;
use sandbox::Sandbox;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sp_core::{traits::CodeExecutor, H256};
use sp_runtime::traits::{Block as BlockT, HashingFor, Header as HeaderT, NumberFor};
use std::{
	fs,
	path::{Path, PathBuf},
	sync::Arc,
};
use thin_mount::{
	pack::{self, PackError, PackOptions, PackedToAll},
	progress::Progress,
	store::Store,
};

/// What to make a snapshot of, and where to put it.
pub struct CreateOptions<'a, Block: BlockT, E> {
	/// The folder of the node's RocksDB.
	pub database: &'a Path,
	/// What the chain spec says.
	pub genesis: &'a Genesis<Block>,
	/// Where the image goes. Each gets all of it.
	pub stores: &'a [Arc<dyn Store>],
	/// How many states a pruned database keeps: it does not say itself.
	pub kept_states: u32,
	/// Runs the runtime in a start from the image, whose trace goes into it. `None` for no trace.
	pub trace_with: Option<&'a E>,
}

/// A snapshot that lies in its stores and waits to be registered.
#[derive(Clone, Debug)]
pub struct Created<Block: BlockT> {
	/// Its id.
	pub id: SnapshotId,
	/// What it is.
	pub manifest: Manifest,
	/// Header N: what `register` takes.
	pub header: Block::Header,
	/// The part of the manifest that `register` takes.
	pub image: ImageInfo,
	/// The bytes that had to be uploaded, of all stores together.
	pub uploaded_bytes: u64,
	/// How often the database was copied until the copy was good.
	pub attempts: u32,
	/// How many chunks the trace in the image has. `None` when there is none.
	pub trace_chunks: Option<usize>,
}

/// The folder of the copy, which goes away when it is done with.
struct Staging(PathBuf);

impl Staging {
	fn copy(&self) -> PathBuf {
		self.0.join("copy")
	}

	fn sandbox(&self) -> PathBuf {
		self.0.join("sandbox")
	}
}

impl Drop for Staging {
	fn drop(&mut self) {
		// Where a run was killed that had mounted the image.
		let mounted = self.sandbox().join(sandbox::MOUNT);
		if let Err(error) = thin_mount::mount::clear_stale(&mounted) {
			tracing::warn!(target: "thin", %error, "a dead mount is left behind");
		}
		if let (true, Err(error)) = (self.0.exists(), fs::remove_dir_all(&self.0)) {
			tracing::warn!(target: "thin", %error, path = %self.0.display(), "the copy is left behind");
		}
	}
}

/// Makes a snapshot at the newest finalized block whose justification is in the database.
///
/// Needs room for the copy beside the database: the write-ahead log and what the rewinding
/// writes, since tables are links. The proof is verified before anything is packed.
pub fn create<Block, E>(options: CreateOptions<'_, Block, E>) -> Result<Created<Block>, CreateError>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	create_with(options, &Line::hidden())
}

/// The same, with a line that says how far it is.
pub(crate) fn create_with<Block, E>(
	options: CreateOptions<'_, Block, E>,
	line: &Line,
) -> Result<Created<Block>, CreateError>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	let staging = staging_beside(options.database)?;
	let copy = staging.copy();
	tracing::info!(target: "thin", path = %options.database.display(), "linking the database");
	let attempts = copy::copy_database(options.database, &copy)?;
	let version = copy::layout_version(&copy);

	let owners = OwnersDatabase::open(&copy)?;
	let pruning = owners.pruning(options.kept_states)?;
	let proven = |error| CreateError::Proof { number: 0, error };
	let anchor = options.genesis.anchor().map_err(proven)?;
	let genesis_hash = H256(anchor.hash);
	check_genesis(&owners, genesis_hash, options.database)?;
	let block = owners.candidate::<Block>(&anchor)?;
	let (key, header) = (block.key(), block.header().clone());
	let proven = |error| CreateError::Proof { number: key.number.into(), error };
	let block_hash = H256(key.hash);
	let state_root = bytes32(*header.state_root()).map(H256).map_err(proven)?;

	tracing::info!(target: "thin", block = key.number, hash = ?block_hash, "rewinding the copy");
	let bodies_from = owners.bodies_from::<Block>(&key)?;
	owners.rewind(&key)?;
	Promise::of_bodies_from(bodies_from)
		.write(&copy)
		.map_err(|error| CreateError::File { path: copy.join(promise::FILE), error })?;

	if options.stores.is_empty() {
		return Err(CreateError::Pack("no store was given".into()));
	}
	let stores: Vec<&dyn Store> = options.stores.iter().map(|store| &**store).collect();
	tracing::info!(target: "thin", stores = stores.len(), "packing");
	let packing = |error: PackError| CreateError::Pack(error.to_string());
	let pack_options = pack_options();
	let total = match line.is_seen() {
		true => pack::measure(&copy, &pack_options).map_err(packing)?.bytes,
		false => 0,
	};
	let on_progress =
		|progress: Progress| line.draw(|| format!("packing {}", share(progress.bytes, total)));
	let packed = pack::pack_to_all(&copy, &stores, &pack_options, &on_progress).map_err(packing)?;
	let mut uploaded_bytes = uploaded(&packed);

	let database = Database { kind: DatabaseKind::RocksDb, version };
	let logical_size = packed.totals.bytes;
	let mut image = ImageInfo { image: H256(packed.image.0 .0), logical_size, database, pruning };
	let at = |image: &ImageInfo| {
		image.clone().at(genesis_hash, key.number.into(), block_hash, state_root)
	};
	let block = block.check_against(&at(&image)).map_err(proven)?;
	let mut trace_chunks = None;
	if let Some(executor) = options.trace_with {
		let sandbox = Sandbox {
			folder: &staging.sandbox(),
			image: packed.image,
			stores: options.stores,
			genesis: options.genesis,
			proven: &block,
			marker: &Marker {
				snapshot: snapshot_id::<Block>(&at(&image)),
				manifest: at(&image),
				stores: Vec::new(),
				block: block.record(),
			},
			executor,
		};
		tracing::info!(target: "thin", "starting from the image once, for its trace");
		match sandbox.record() {
			Ok(trace) => {
				let traced =
					pack::retrace(packed.image, options.stores, &trace).map_err(packing)?;
				uploaded_bytes += uploaded(&traced);
				image.image = H256(traced.image.0 .0);
				trace_chunks = Some(trace.len());
			},
			Err(reason) => tracing::warn!(
				target: "thin",
				"the image has no trace, so that a start from it fetches nothing ahead: {reason}"
			),
		}
	}
	let manifest = at(&image);
	let id = snapshot_id::<Block>(&manifest);
	for store in options.stores {
		records::write_block(&**store, id, &manifest, &mut block.pages(id))
			.map_err(|error| CreateError::Pack(error.to_string()))?;
	}
	Ok(Created { id, manifest, header, image, uploaded_bytes, attempts, trace_chunks })
}

fn uploaded(packed: &PackedToAll) -> u64 {
	packed.uploads.iter().map(|upload| upload.bytes).sum()
}

/// The id that this chain gives a manifest: the hash of its encoding.
pub fn snapshot_id<Block: BlockT>(manifest: &Manifest) -> SnapshotId {
	let hash = <HashingFor<Block> as sp_runtime::traits::Hash>::hash_of(manifest);
	let mut id = SnapshotId::zero();
	// Proofs, too, exist only for chains whose hashes have 32 bytes.
	let length = hash.as_ref().len().min(32);
	id.0[..length].copy_from_slice(&hash.as_ref()[..length]);
	id
}

/// All of the copy but what RocksDB keeps for the process that has it open.
fn pack_options() -> PackOptions {
	let exclude = |path: &[u8]| std::str::from_utf8(path).is_ok_and(copy::is_private);
	PackOptions { exclude: Some(Box::new(exclude)), ..Default::default() }
}

/// Whether a file belongs into an image: to RocksDB's database, or to what we say about it.
pub(crate) fn is_database_file(name: &str) -> bool {
	let is_numbered = |stem: &str| !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
	let ends = |end: &str| name.strip_suffix(end).is_some_and(is_numbered);
	let begins = |begin: &str| name.strip_prefix(begin).is_some_and(is_numbered);
	matches!(name, "CURRENT" | "db_version" | promise::FILE)
		|| [".sst", ".blob", ".log"].into_iter().any(ends)
		|| ["MANIFEST-", "OPTIONS-"].into_iter().any(begins)
}

fn check_genesis(
	owners: &OwnersDatabase,
	genesis: H256,
	database: &Path,
) -> Result<(), CreateError> {
	match owners.canonical(0)? {
		Some(key) if key.hash == genesis.0 => Ok(()),
		Some(key) => Err(CreateError::Unsuitable(format!(
			"{} is of the chain with genesis 0x{}, and the chain spec has {genesis:?}: give the \
			 right --chain",
			database.display(),
			hex::encode(key.hash)
		))),
		None => Err(CreateError::Unsuitable("it has no genesis block".into())),
	}
}

/// A new folder beside the database, so that tables can be linked into it. What a run that was
/// killed has left there goes first.
fn staging_beside(database: &Path) -> Result<Staging, CreateError> {
	const PREFIX: &str = "snapshot-";
	let parent = database.parent().unwrap_or(Path::new("."));
	for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
		let name = entry.file_name();
		let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<u32>().ok());
		if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
			tracing::info!(target: "thin", path = %entry.path().display(), "removing what a killed run left");
			drop(Staging(entry.path()));
		}
	}
	let path = parent.join(format!("{PREFIX}{}", std::process::id()));
	if path.exists() {
		let error = std::io::ErrorKind::AlreadyExists.into();
		return Err(CreateError::File { path, error });
	}
	Ok(Staging(path))
}
