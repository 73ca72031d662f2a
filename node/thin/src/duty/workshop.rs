//! What a publisher does with the database of the running node and its stores.

use super::{
	publisher::{Made, Workshop},
	DutyError,
};
use crate::{
	create::{create, snapshot_id, CreateOptions, Created},
	genesis::Genesis,
	mounted::open_stores,
	prover::{renewed, ProveError, ProveSnapshot},
	records,
};
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::BlockNumberOps;
use sc_executor::RuntimeVersionOf;
use sp_core::{traits::CodeExecutor, H256};
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor},
	SaturatedConversion,
};
use std::{
	path::PathBuf,
	sync::Arc,
	time::{Duration, SystemTime},
};
use thin_mount::{
	chunk::ChunkId,
	gc::{self, Grace},
	image::ImageId,
	needs::Needs,
	source::plain::StoreSource,
	store::{Key, Store},
};

/// What was stored this long ago or later is not removed, when nothing else is said.
pub const GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// A node's own database, and the stores its snapshots go to.
pub struct NodeWorkshop<Block: BlockT, E> {
	/// The folder of the node's RocksDB.
	pub database: PathBuf,
	/// What the chain spec says.
	pub genesis: Genesis<Block>,
	/// Where the images go.
	pub stores: Vec<String>,
	/// How many states the node keeps, if it prunes them.
	pub kept_states: u32,
	/// What was stored this long ago or later is never removed.
	pub grace: Duration,
	/// Runs the runtime in a start from each image, for its trace. `None` for no traces.
	pub trace_with: Option<E>,
	/// Makes the proofs.
	pub prover: Arc<dyn ProveSnapshot>,
}

impl<Block: BlockT, E> NodeWorkshop<Block, E> {
	/// Opened anew for each use: a store that was away is no reason to stop for good.
	fn open(&self) -> Result<Vec<Arc<dyn Store>>, DutyError> {
		let stores =
			open_stores(&self.stores).map_err(|error| DutyError::Store(error.to_string()))?;
		if stores.len() < self.stores.len() {
			return Err(DutyError::Store(
				"not every store can be opened: each is to have the whole image".into(),
			));
		}
		Ok(stores)
	}
}

impl<Block, E> Workshop<Block::Header> for NodeWorkshop<Block, E>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
	E: RuntimeVersionOf + CodeExecutor,
{
	fn make(&mut self) -> Result<Made<Block::Header>, DutyError> {
		let stores = self.open()?;
		let Created { id, header, image, uploaded_bytes, .. } = create(CreateOptions {
			database: &self.database,
			genesis: &self.genesis,
			stores: &stores,
			kept_states: self.kept_states,
			trace_with: self.trace_with.as_ref(),
		})
		.map_err(|error| DutyError::Make(error.to_string()))?;
		let block = (*header.number()).saturated_into::<u64>();
		let block = u32::try_from(block)
			.map_err(|_| DutyError::Make(format!("block {block} has no number of this chain")))?;
		Ok(Made { id, header, block, image, uploaded_bytes })
	}

	fn prove(&mut self, id: SnapshotId, certified_at: u32) -> Result<bool, DutyError> {
		let no_proof =
			|error: String| DutyError::Make(format!("snapshot {id:?} can't be proven: {error}"));
		let stores = self.open()?;
		let store_error = |error: &dyn std::fmt::Display| DutyError::Store(error.to_string());
		// That the block is final is in the stores already.
		let manifest = records::read_manifest(&stores, id, snapshot_id::<Block>)
			.map_err(|error| store_error(&error))?;
		let n = manifest.block_number.saturated_into::<u32>();
		let (mut proof, as_of) = match renewed::<Block>(&*self.prover, id, n) {
			Ok(proof) => proof,
			Err(
				ProveError::Unknown(..)
				| ProveError::NothingFinal
				| ProveError::NothingAfter { .. },
			) => return Ok(false),
			Err(error) => return Err(no_proof(error.to_string())),
		};
		if as_of < certified_at {
			return Ok(false);
		}
		for store in stores {
			let pages = proof.pages().map_err(|error| store_error(&error))?;
			records::write_proof(&*store, id, pages).map_err(|error| store_error(&error))?;
		}
		Ok(true)
	}

	fn clean(&mut self, keep: &[H256]) -> Result<u64, DutyError> {
		let mut removed = 0;
		for store in self.open()? {
			removed += clean(store, keep, self.grace)?;
		}
		Ok(removed)
	}
}

/// Gives the bytes that were removed.
fn clean(store: Arc<dyn Store>, keep: &[H256], period: Duration) -> Result<u64, DutyError> {
	let failed = |error: String| DutyError::Store(format!("cleaning {}: {error}", store.name()));
	let keys: Vec<Key> = keep.iter().map(|image| Key::copy_from_slice(&image.0)).collect();
	let there = store.has_many(&keys).map_err(|error| failed(error.to_string()))?;
	let mut needs = Needs::default();
	let source = Arc::new(StoreSource::new(vec![store.clone()]));
	for (image, _) in keep.iter().zip(there).filter(|(_, there)| *there) {
		needs
			.add(source.clone(), ImageId(ChunkId(image.0)))
			.map_err(|error| failed(error.to_string()))?;
	}
	let grace = Grace { period, now: SystemTime::now() };
	let found = gc::find(&*store, &needs, grace).map_err(|error| failed(error.to_string()))?;
	let (chunks, bytes) = (found.garbage.chunks, found.garbage.bytes);
	gc::delete(&*store, &found, &|_| {}).map_err(|error| failed(error.to_string()))?;
	tracing::info!(target: "thin", store = store.name(), chunks, bytes, "Removed what no snapshot needs");
	Ok(bytes)
}
