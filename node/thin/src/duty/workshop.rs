//! What a publisher does with the database of the running node and its stores.

use super::{
	publisher::{Made, Workshop},
	DutyError,
};
use crate::{
	create::{create, CreateOptions, Created},
	genesis::Genesis,
	mounted::open_stores,
};
use pallet_snapshots::SnapshotId;
use sc_consensus_grandpa::BlockNumberOps;
use sp_runtime::{
	traits::{Block as BlockT, Header as HeaderT, NumberFor},
	SaturatedConversion,
};
use std::{path::PathBuf, sync::Arc};
use thin_mount::store::Store;

/// A node's own database, and the stores its snapshots go to.
pub struct NodeWorkshop<Block: BlockT> {
	/// The folder of the node's RocksDB.
	pub database: PathBuf,
	/// What the chain spec says.
	pub genesis: Genesis<Block>,
	/// Where the images go.
	pub stores: Vec<String>,
	/// How many states the node keeps, if it prunes them.
	pub kept_states: u32,
}

impl<Block: BlockT> NodeWorkshop<Block> {
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

impl<Block> Workshop<Block::Header> for NodeWorkshop<Block>
where
	Block: BlockT,
	NumberFor<Block>: BlockNumberOps,
{
	fn make(&mut self) -> Result<Made<Block::Header>, DutyError> {
		let stores = self.open()?;
		let Created { id, header, image, uploaded_bytes, .. } = create(CreateOptions {
			database: &self.database,
			genesis: &self.genesis,
			stores: &stores,
			kept_states: self.kept_states,
		})
		.map_err(|error| DutyError::Make(error.to_string()))?;
		let block = (*header.number()).saturated_into::<u64>();
		let block = u32::try_from(block)
			.map_err(|_| DutyError::Make(format!("block {block} has no number of this chain")))?;
		Ok(Made { id, header, block, image, uploaded_bytes })
	}

	fn prove(&mut self, _id: SnapshotId) -> Result<(), DutyError> {
		Ok(())
	}

	fn clean(&mut self, _keep: &[SnapshotId]) -> Result<(), DutyError> {
		Ok(())
	}
}
