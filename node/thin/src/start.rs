//! From a snapshot id to a database that a node can be built on.

use crate::{
	bootstrap::Bootstrap,
	cli::ThinParams,
	create::snapshot_id,
	error::StartError,
	genesis::Genesis,
	history::{History, HistoryOptions},
	layered::{Fault, FaultHandler, LayeredDatabase, Lower},
	local::{Found, LocalPath, Marker},
	mounted::{open_stores, MountedImage},
	proof::{FinalityProof, ProvenBlock},
	records,
	registration::{Policy, Registry},
	status::ThinStatus,
};
use pallet_snapshots::{Manifest, Pruning, SnapshotId};
use sc_client_db::{DatabaseSettings, DatabaseSource, DbHash, PruningMode};
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use sp_core::{traits::CodeExecutor, H256};
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

/// Makes the registry that `--thin-proof` names, for the chain with this genesis hash.
pub type RegistryOf<'a> = &'a dyn Fn(&str, [u8; 32]) -> Box<dyn Registry>;

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
pub fn open<Block, E>(
	config: &Configuration,
	params: &ThinParams,
	executor: E,
	registry_of: RegistryOf<'_>,
) -> Result<ThinDatabase, StartError>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor + Clone,
{
	refuse_unsafe_flags(config)?;
	let local = LocalPath::of(&config.database).ok_or(StartError::NotRocksDb)?;
	let genesis = Genesis::<Block>::of(&*config.chain_spec, &executor)?;
	let place = Place { config, params, local: &local };
	let resolved = match local.find() {
		Found::Thin => place.remembered(&genesis)?,
		_ => place.resolve(&genesis, registry_of)?,
	};
	place.build(&genesis, resolved, executor)
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
	/// The local database, if there is one.
	upper: Option<Arc<dyn Database<DbHash>>>,
	/// The bytes it took to find out.
	fetched: u64,
}

struct Place<'a> {
	config: &'a Configuration,
	params: &'a ThinParams,
	local: &'a LocalPath,
}

impl Place<'_> {
	/// What the local database remembers, with the stores of this start if any are given.
	fn remembered<Block>(&self, genesis: &Genesis<Block>) -> Result<Resolved<Block>, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let upper = self.local.open(false)?;
		let marker = Marker::read(&*upper)
			.map_err(|reason| StartError::Marker { path: self.local.path.clone(), reason })?;
		if let Some(asked) = self.params.snapshot().map_err(StartError::Usage)? {
			if asked != marker.snapshot {
				return Err(StartError::OtherSnapshot { found: marker.snapshot, asked });
			}
		}
		let urls = [&self.params.thin_store[..], &marker.stores].concat();
		let stores = open_stores(&urls)?;
		let proven = FinalityProof::from_bytes(&marker.proof)
			.and_then(|proof| proof.verify(genesis, &marker.manifest))
			.map_err(|error| StartError::Proof { id: marker.snapshot, error })?;
		Ok(Resolved { marker, proven, stores, upper: Some(upper), fetched: 0 })
	}

	/// Finds out what the snapshot is, where it lies, and that its block is final.
	fn resolve<Block>(
		&self,
		genesis: &Genesis<Block>,
		registry_of: RegistryOf<'_>,
	) -> Result<Resolved<Block>, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
	{
		let id = self
			.params
			.snapshot()
			.map_err(StartError::Usage)?
			.ok_or_else(|| StartError::Usage("no snapshot was named".into()))?;
		let ours = crate::proof::bytes32(genesis.hash())
			.map_err(|error| StartError::Proof { id, error })?;
		let mut urls = self.params.thin_store.clone();
		let registered = match &self.params.thin_proof {
			Some(url) => {
				let registration = registry_of(url, ours).registration(id)?;
				let policy = Policy { allow_uncertified: self.params.thin_allow_uncertified };
				policy.check(id, &registration)?;
				urls.extend(registration.locations.iter().map(ToString::to_string));
				Some(registration.manifest)
			},
			None => {
				self.refuse_without_registry()?;
				None
			},
		};
		let stores = open_stores(&urls)?;
		let manifest = match registered {
			Some(manifest) => manifest,
			None => records::read_manifest(&stores, id, snapshot_id::<Block>)?,
		};
		check_chain(id, &manifest, ours)?;
		if snapshot_id::<Block>(&manifest) != id {
			return Err(StartError::Stores(format!(
				"the registry gave the manifest of another snapshot for {id:?}"
			)));
		}
		let (proof, proven) = records::read_proof(&stores, id, |bytes| {
			FinalityProof::<Block>::from_bytes(bytes)
				.and_then(|proof| proof.verify(genesis, &manifest))
				.map(|proven| (bytes.to_vec(), proven))
				.map_err(|error| error.to_string())
		})?;
		let stores_without_passwords = stores.iter().map(|store| store.name().to_owned()).collect();
		let marker = Marker { snapshot: id, manifest, stores: stores_without_passwords, proof };
		let fetched = marker.proof.len() as u64;
		Ok(Resolved { marker, proven, stores, upper: None, fetched })
	}

	fn refuse_without_registry(&self) -> Result<(), StartError> {
		if !self.params.thin_allow_uncertified {
			return Err(StartError::Usage(
				"say where the registration of the snapshot can be read, with --thin-proof \
				 ws://… (the RPC of any node of the chain), or start without one with \
				 --thin-store URL --thin-allow-uncertified"
					.into(),
			));
		}
		if self.params.thin_store.is_empty() {
			return Err(StartError::Usage(
				"without --thin-proof, say with --thin-store where the image lies".into(),
			));
		}
		tracing::warn!(
			target: "thin",
			"No registry is asked: the block is proven from genesis, but nobody vouches for the \
			 image to be complete."
		);
		Ok(())
	}

	fn build<Block, E>(
		&self,
		genesis: &Genesis<Block>,
		Resolved { marker, proven, stores, upper, fetched }: Resolved<Block>,
		executor: E,
	) -> Result<ThinDatabase, StartError>
	where
		Block: BlockT,
		NumberFor<Block>: BlockNumberOps,
		E: RuntimeVersionOf + Clone,
	{
		let image = MountedImage::open(self.config, self.params, &marker, stores)?;
		let promise = image.promise()?;
		let lower = Arc::new(Lower::new(image.database()?, &proven).held_to(promise));
		let on_fault = end_the_process();
		let settings =
			|source: DatabaseSource| DatabaseSettings { source, ..self.config.db_config() };
		let upper = match upper {
			Some(upper) => upper,
			None => {
				tracing::info!(
					target: "thin",
					block = marker.manifest.block_number,
					hash = ?marker.manifest.block_hash,
					"Block proven from genesis; starting from it",
				);
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
					genesis,
					proven: &proven,
					executor,
					marker: &marker,
					on_fault: on_fault.clone(),
				}
				.run()?;
				self.local.open(false)?
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
		let set_id = proven.history().current().map_or(0, |period| period.set_id);
		let status = ThinStatus {
			snapshot: marker.snapshot,
			manifest: marker.manifest.clone(),
			set_id,
			counters: image.counters(fetched),
			history,
			promise,
		};
		Ok(ThinDatabase { settings: settings(source), status })
	}
}

pub(crate) fn check_chain(
	id: SnapshotId,
	manifest: &Manifest,
	ours: [u8; 32],
) -> Result<(), StartError> {
	if manifest.genesis_hash != H256(ours) {
		return Err(StartError::OtherChain {
			id,
			theirs: format!("{:?}", manifest.genesis_hash),
			ours: format!("{:?}", H256(ours)),
		});
	}
	Ok(())
}

/// How a node keeps states when it is not told: as the owner of the snapshot did.
fn pruning_mode(pruning: Pruning) -> PruningMode {
	match pruning {
		Pruning::Archive => PruningMode::ArchiveAll,
		Pruning::ArchiveCanonical => PruningMode::ArchiveCanonical,
		Pruning::Keep(count) => PruningMode::blocks_pruning(count),
	}
}

/// A value that is wrong must not become the answer "nothing there": the node ends.
fn end_the_process() -> FaultHandler {
	Arc::new(|fault: &Fault| {
		let advice = match fault {
			Fault::Read(_) => "Check the stores of the snapshot, and start the node again.",
			Fault::Violation(_) => {
				"Start the node again with another store, or from another snapshot; nothing \
				 wrong was taken over."
			},
		};
		tracing::error!(target: "thin", "{fault}. {advice}");
		eprintln!("Error: {fault}. {advice}");
		std::process::exit(EXIT_FAULT)
	})
}
