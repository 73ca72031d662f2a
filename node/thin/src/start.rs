//! From a snapshot id to a database that a node can be built on.

mod fault;
mod judge;
mod resolve;

#[cfg(test)]
pub(crate) use fault::{end_the_process, last_words};
pub(crate) use resolve::check_chain;

use crate::{
	bootstrap::Bootstrap,
	cli::ThinParams,
	error::StartError,
	genesis::{fingerprint, Genesis},
	history::{History, HistoryOptions},
	layered::{LayeredDatabase, Lower},
	local::{Found, GenesisRecord, LocalPath, Marker, ProvenRecord},
	mounted::{open_stores, MountedImage},
	notify,
	proof::{ProofError, ProvenBlock},
	prover::Which,
	registration::RegistryLayout,
	status::ThinStatus,
};
use pallet_snapshots::Pruning;
use sc_client_db::{DatabaseSettings, DatabaseSource, DbHash, PruningMode};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use sp_core::traits::CodeExecutor;
use sp_database::Database;
use sp_runtime::traits::{Block as BlockT, NumberFor};
use std::sync::Arc;
use thin_mount::store::Store;

/// The exit code of a node whose image was wrong or out of reach.
pub const EXIT_FAULT: i32 = 1;

/// A database to build a node on, and the image under it.
pub struct ThinDatabase {
	/// Settings for the SDK's backend.
	pub settings: DatabaseSettings,
	/// What the node says of itself.
	pub status: ThinStatus,
}

/// Whether the node is to be thin: because it is told to, or because it was before.
///
/// Errors when what it is told does not fit what is there.
pub fn is_thin(config: &Configuration, params: &ThinParams) -> Result<bool, StartError> {
	let asked = params.snapshot().map_err(StartError::Usage)?.is_some();
	let Some(local) = LocalPath::of(&config.database) else {
		return if asked { Err(StartError::NotRocksDb) } else { Ok(false) };
	};
	match local.find() {
		Found::Thin => Ok(true),
		Found::Other(path) if asked => Err(StartError::OtherDatabase(path)),
		_ if !asked && params.is_used() => Err(StartError::Usage(
			"the flags --thin-… need --thin-from, unless the base path was started from a \
			 snapshot before"
				.into(),
		)),
		_ => Ok(asked),
	}
}

/// Opens the thin database of a node, and makes it first where it is not there yet.
///
/// `L` says how the chain that lists snapshots keeps its registry.
pub fn open<Block, E, L>(
	config: &Configuration,
	params: &ThinParams,
	executor: E,
) -> Result<ThinDatabase, StartError>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor + Clone,
	L: RegistryLayout,
{
	refuse_unsafe_flags(config)?;
	let local = LocalPath::of(&config.database).ok_or(StartError::NotRocksDb)?;
	let place = Place { config, params, local: &local };
	let resolved = match local.find() {
		Found::Thin => {
			notify::stage("Opening the thin database");
			place.remembered(&executor)?
		},
		_ => {
			notify::stage("Proving the snapshot from genesis");
			place.resolve::<Block, E, L>(&executor)?
		},
	};
	place.build(resolved, executor)
}

/// A snapshot that is proven.
pub struct Identified<Block: BlockT> {
	/// What a database made from it remembers.
	pub marker: Marker,
	/// Block N.
	pub proven: ProvenBlock<Block>,
	/// What the chain spec says.
	pub genesis: Genesis<Block>,
}

/// Finds and proves the snapshot that the flags name, as a start does, and makes nothing of it.
pub fn identify<Block, E, L>(
	config: &Configuration,
	params: &ThinParams,
	executor: &E,
) -> Result<Identified<Block>, StartError>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
	L: RegistryLayout,
{
	let local = LocalPath::of(&config.database).ok_or(StartError::NotRocksDb)?;
	let place = Place { config, params, local: &local };
	let Resolved { marker, proven, upper, .. } = place.resolve::<Block, E, L>(executor)?;
	match upper {
		Upper::New(genesis) => Ok(Identified { marker, proven, genesis: *genesis }),
		Upper::There(_) => Err(StartError::OtherDatabase(local.path)),
	}
}

/// Flags of the SDK that are harmless on a full node and not on a thin one.
fn refuse_unsafe_flags(config: &Configuration) -> Result<(), StartError> {
	if config.warm_up_trie_cache.is_some() {
		return Err(StartError::Usage(
			"--warm-up-trie-cache reads the whole state, which a thin node fetches piece by \
			 piece: leave it out"
				.into(),
		));
	}
	if config.force_authoring {
		return Err(StartError::Usage(
			"a thin node must catch up before it makes blocks: leave out --force-authoring and \
			 --dev (--chain dev is fine)"
				.into(),
		));
	}
	Ok(())
}

/// A snapshot that is known, and where it lies.
struct Resolved<Block: BlockT> {
	marker: Marker,
	proven: ProvenBlock<Block>,
	stores: Vec<Arc<dyn Store>>,
	upper: Upper<Block>,
	/// `None` for a snapshot that nobody vouches for.
	registered: Option<ProvenRecord>,
	/// The bytes it took to find out.
	fetched: u64,
}

/// The local database.
enum Upper<Block: BlockT> {
	/// It is there.
	There(Arc<dyn Database<DbHash>>),
	/// It is to be made, from this genesis.
	New(Box<Genesis<Block>>),
}

struct Place<'a> {
	config: &'a Configuration,
	params: &'a ThinParams,
	local: &'a LocalPath,
}

impl Place<'_> {
	/// What the local database remembers, with the stores of this start if any are given.
	fn remembered<Block, E>(&self, executor: &E) -> Result<Resolved<Block>, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + CodeExecutor,
	{
		let upper = self.local.open(false)?;
		let marker = Marker::read(&*upper)
			.map_err(|reason| StartError::Marker { path: self.local.path.clone(), reason })?;
		if let Some(Which::Id(asked)) = self.params.snapshot().map_err(StartError::Usage)? {
			if asked != marker.snapshot {
				return Err(StartError::OtherSnapshot { found: marker.snapshot, asked });
			}
		}
		let urls = [&self.params.thin_store[..], &marker.stores].concat();
		let stores = open_stores(&urls)?;
		let wrong = |error| StartError::Proof { id: marker.snapshot, error };
		let (genesis, is_new) = self.genesis_record::<Block, E>(&*upper, executor, wrong)?;
		let proven = ProvenBlock::from_record(&marker.block, &genesis.anchor, &marker.manifest)
			.map_err(wrong)?;
		// Only now is it known to be the same chain.
		if is_new {
			self.remember(&*upper, &genesis)?;
		}
		let registered = ProvenRecord::read(&*upper);
		let upper = Upper::There(upper);
		Ok(Resolved { marker, proven, stores, upper, registered, fetched: 0 })
	}

	/// Genesis, as far as a proof needs it, and whether the runtime in the chain spec had to be
	/// asked for it: if the spec is another one than last time.
	fn genesis_record<Block, E>(
		&self,
		upper: &dyn Database<DbHash>,
		executor: &E,
		wrong: impl FnOnce(ProofError) -> StartError,
	) -> Result<(GenesisRecord, bool), StartError>
	where
		Block: BlockT,
		E: RuntimeVersionOf + CodeExecutor,
	{
		let fingerprint = fingerprint(&*self.config.chain_spec);
		let known = GenesisRecord::read(upper);
		if let Some(known) = known.filter(|k| fingerprint.is_some() && k.fingerprint == fingerprint)
		{
			return Ok((known, false));
		}
		tracing::info!(target: "thin", "Building the genesis state of the chain spec");
		let genesis = Genesis::<Block>::of(&*self.config.chain_spec, executor)?;
		let anchor = genesis.anchor().map_err(wrong)?;
		Ok((GenesisRecord { fingerprint, anchor }, true))
	}

	fn remember(
		&self,
		upper: &dyn Database<DbHash>,
		genesis: &GenesisRecord,
	) -> Result<(), StartError> {
		genesis
			.write(upper)
			.map_err(|reason| StartError::Local { path: self.local.path.clone(), reason })
	}

	fn build<Block, E>(
		&self,
		Resolved { marker, proven, stores, upper, registered, fetched }: Resolved<Block>,
		executor: E,
	) -> Result<ThinDatabase, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + Clone,
	{
		notify::stage(&format!("Opening the image of block {}", marker.manifest.block_number));
		let image = MountedImage::open(self.config, self.params, &marker, stores)?;
		let promise = image.promise()?;
		let lower = Arc::new(Lower::new(image.database()?, &proven).held_to(promise));
		let on_fault = fault::end_the_process(lower.clone());
		let settings =
			|source: DatabaseSource| DatabaseSettings { source, ..self.config.db_config() };
		let upper = match upper {
			Upper::There(upper) => upper,
			Upper::New(genesis) => {
				tracing::info!(
					target: "thin",
					block = marker.manifest.block_number,
					hash = ?marker.manifest.block_hash,
					"Block proven from genesis; starting from it",
				);
				notify::stage("Making the local database");
				// The database remembers how it prunes: it is told once.
				let pruning = self.config.state_pruning.clone();
				let pruning = pruning.unwrap_or_else(|| pruning_mode(marker.manifest.pruning));
				Bootstrap {
					local: self.local,
					settings: &|source| DatabaseSettings {
						state_pruning: Some(pruning.clone()),
						..settings(source)
					},
					lower: &lower,
					genesis: &genesis,
					proven: &proven,
					executor,
					marker: &marker,
					on_fault: on_fault.clone(),
				}
				.run()?;
				let upper = self.local.open(false)?;
				let wrong = |error| StartError::Proof { id: marker.snapshot, error };
				let anchor = genesis.anchor().map_err(wrong)?;
				let fingerprint = fingerprint(&*self.config.chain_spec);
				self.remember(&*upper, &GenesisRecord { fingerprint, anchor })?;
				if let Some(registered) = registered {
					let path = &self.local.path;
					registered
						.write(&*upper)
						.map_err(|reason| StartError::Local { path: path.clone(), reason })?;
				}
				upper
			},
		};
		let history = HistoryOptions {
			mode: self.params.thin_history,
			rate: self.params.thin_history_rate,
			snapshot: marker.snapshot,
			on_fault: on_fault.clone(),
		};
		let history = History::new(history, lower.clone(), upper.clone());
		let layered = LayeredDatabase::new(upper, lower, on_fault);
		let source = DatabaseSource::Custom { db: Arc::new(layered), require_create_flag: false };
		notify::stage("Starting the node");
		let status = ThinStatus {
			snapshot: marker.snapshot,
			manifest: marker.manifest.clone(),
			counters: image.counters(fetched),
			figures: image.figures(),
			proof_time: registered.map(|registered| registered.time),
			history,
			promise,
		};
		Ok(ThinDatabase { settings: settings(source), status })
	}
}

/// How a node keeps states when it is not told: as the owner of the snapshot did.
pub(crate) fn pruning_mode(pruning: Pruning) -> PruningMode {
	match pruning {
		Pruning::Archive => PruningMode::ArchiveAll,
		Pruning::ArchiveCanonical => PruningMode::ArchiveCanonical,
		Pruning::Keep(count) => PruningMode::blocks_pruning(count),
	}
}
